//! Reports: data first, text second. What was claimed, what came, and which rule was nearest.

use std::{fmt, time::Duration};

use serde_json::{Value, json};

use crate::{
    criteria::Finding,
    journal::{Answerer, Seen},
    location::Location,
    mock::Core,
    request::Request,
    rules::Rule,
};

/// How many requests a rendered report shows; the rest is counted.
const SHOWN: usize = 40;

/// Why a test fails: the claims that do not hold and the timeline of what came.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The claims that do not hold.
    pub failures: Vec<Failure>,
    /// What came, in order.
    pub entries: Vec<Entry>,
}

/// A claim that does not hold.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The claim as it was written: `"post" == 1`.
    pub claim: String,
    /// How many were wanted, in words.
    pub want: String,
    /// How many there were.
    pub got: usize,
    /// Where the claim was written.
    pub location: Location,
    /// What more there is to say.
    pub detail: Option<String>,
}

/// One request of the timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The number of the request.
    pub id: u64,
    /// When it came, counted from the start of the server.
    pub at: Duration,
    /// The method, or the Kubernetes verb.
    pub verb: String,
    /// The path and query, or the Kubernetes resource and object.
    pub target: String,
    /// The status of the answer.
    pub status: Option<u16>,
    /// How long the answer took.
    pub duration: Option<Duration>,
    /// Who answered.
    pub answered_by: Answerer,
    /// For a request that nobody answered: the rule that came nearest.
    pub near: Option<Near>,
}

/// The rule that came nearest to a request, and what it says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    /// The rule's name or filter.
    pub rule: String,
    /// Where the rule was written.
    pub location: Location,
    /// Each criterion: its text, whether it holds, what the request has instead, and a hint.
    pub criteria: Vec<(String, bool, Option<String>, Option<String>)>,
    pub(crate) distance: usize,
}

impl Report {
    pub(crate) fn of(core: Option<&Core>, failures: Vec<Failure>) -> Report {
        let rules = core.map(|core| core.book.rules()).unwrap_or_default();
        let entries = core
            .map(|core| core.journal.all())
            .unwrap_or_default()
            .iter()
            .map(|seen| Entry::of(seen, &rules))
            .collect();
        Report { failures, entries }
    }

    /// Whether there is nothing to complain about.
    pub fn is_empty(&self) -> bool {
        self.failures.is_empty()
    }

    /// The report as JSON, for other tools.
    pub fn to_json(&self) -> Value {
        json!({
            "failures": self.failures.iter().map(|failure| json!({
                "claim": failure.claim,
                "want": failure.want,
                "got": failure.got,
                "location": failure.location.to_string(),
                "detail": failure.detail,
            })).collect::<Vec<_>>(),
            "requests": self.entries.iter().map(|entry| json!({
                "id": entry.id,
                "at": entry.at.as_secs_f64(),
                "verb": entry.verb,
                "target": entry.target,
                "status": entry.status,
                "duration": entry.duration.map(|duration| duration.as_secs_f64()),
                "answeredBy": entry.answered_by.to_string(),
            })).collect::<Vec<_>>(),
        })
    }
}

impl Entry {
    fn of(seen: &Seen, rules: &[Rule]) -> Entry {
        let outcome = seen.outcome();
        let (verb, target) = words(seen);
        let near = match outcome.answered_by {
            Answerer::NoRule => nearest(seen, rules),
            _ => None,
        };
        Entry {
            id: seen.id(),
            at: seen.at(),
            verb,
            target,
            status: outcome.status,
            duration: outcome.duration,
            answered_by: outcome.answered_by,
            near,
        }
    }
}

/// How people speak of the request: `GET /x`, or `list pods default`.
fn words(request: &Request) -> (String, String) {
    (request.method().to_string(), request.target().to_owned())
}

/// The rule that came nearest to a request.
pub(crate) fn nearest(request: &Request, rules: &[Rule]) -> Option<Near> {
    rules
        .iter()
        .filter(|rule| rule.spec().reply.is_some())
        .map(|rule| {
            let spec = rule.spec();
            let findings = spec.filter.explain(request);
            let distance = findings.iter().map(|finding| finding.distance).sum();
            (distance, rule, spec.location, findings)
        })
        .min_by_key(|(distance, ..)| *distance)
        .map(|(distance, rule, location, findings)| Near {
            rule: rule.to_string(),
            location,
            criteria: findings.into_iter().map(Finding::into_words).collect(),
            distance,
        })
}

impl Finding {
    fn into_words(self) -> (String, bool, Option<String>, Option<String>) {
        (self.criterion, self.holds, self.got, self.hint)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.failures {
            writeln!(f, "kmock: {failure}")?;
        }
        if self.entries.is_empty() {
            return f.write_str("  no requests came at all");
        }
        for (n, entry) in self.entries.iter().take(SHOWN).enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            write!(f, "{entry}")?;
        }
        match self.entries.len().checked_sub(SHOWN) {
            Some(more @ 1..) => write!(f, "\n  … and {more} more requests"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure {
            claim,
            want,
            got,
            location,
            detail,
            ..
        } = self;
        write!(f, "{claim} failed: ")?;
        match detail {
            Some(detail) => write!(f, "{detail}")?,
            None if *got == 1 => write!(f, "1 request, want {want}")?,
            None => write!(f, "{got} requests, want {want}")?,
        }
        write!(f, "   {location}")
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  #{:<3} {:<6} {:<24}", self.id, self.verb, self.target)?;
        match self.status {
            Some(status) => write!(f, " {status}")?,
            None => write!(f, " …  ")?,
        }
        if let Some(duration) = self.duration {
            write!(f, "  {:>6.1} ms", duration.as_secs_f64() * 1e3)?;
        }
        write!(f, "   {}", self.answered_by)?;
        if let Some(near) = &self.near {
            write!(f, "; nearest: {near}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}   {}", self.rule, self.location)?;
        for (criterion, holds, got, hint) in &self.criteria {
            let mark = if *holds { '✓' } else { '✗' };
            write!(f, "\n        {mark} {criterion}")?;
            if let Some(got) = got {
                write!(f, ", got {got}")?;
            }
            if let Some(hint) = hint {
                write!(f, "   ({hint})")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Answerer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answerer::Nobody => f.write_str("not answered"),
            Answerer::Rule(rule, location) => write!(f, "{rule}   {location}"),
            Answerer::Kubernetes => f.write_str("the Kubernetes API"),
            Answerer::NoRule => f.write_str("no rule"),
        }
    }
}

//! Reports as text: what failed first, then what came, each refused request with the rules that were nearest.
//!
//! Long tests stay readable: equal requests in a row are one line, and of thousands the telling ones are shown
//! and the others counted.

mod claims;
mod pen;
mod timeline;

use std::{
    collections::HashSet,
    fmt::{self, Write},
    io::IsTerminal,
};

use self::{claims::Page, pen::Pen};
use crate::{
    criteria::Finding,
    journal::{
        Answerer, Entry, Failure, Near, Report,
        body::escaped,
        expect::LISTED,
        rows::{puzzling, rows},
        words::{number, requests},
    },
};

/// How many lines of the timeline are shown; of more, the first and the last.
const SHOWN: usize = 40;

/// How much of a rule's filter names it.
const RULE: usize = 90;

/// How many kinds of requests are counted apart, and how many refused ones are explained, of a long timeline.
const KINDS: usize = 8;

/// A report as text; displays it.
///
/// ```no_run
/// # fn example(k: kmock_runtime::KMock) {
/// println!("{}", k.report().text().times(false));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Text<'a> {
    report: &'a Report,
    color: bool,
    times: bool,
    timeline: bool,
    title: Option<String>,
}

impl<'a> Text<'a> {
    pub(super) fn of(report: &'a Report) -> Text<'a> {
        Text {
            report,
            color: false,
            times: true,
            timeline: true,
            title: None,
        }
    }

    /// With colours, or plain.
    pub fn color(mut self, color: bool) -> Text<'a> {
        self.color = color;
        self
    }

    /// With colours when stderr is a terminal that wants them: `NO_COLOR` and `CLICOLOR_FORCE` are obeyed.
    pub fn for_terminal(self) -> Text<'a> {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let wanted = !set("NO_COLOR")
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
            && std::io::stderr().is_terminal();
        self.color(wanted || set("CLICOLOR_FORCE"))
    }

    /// With times and durations, or without: the same every time.
    pub fn times(mut self, times: bool) -> Text<'a> {
        self.times = times;
        self
    }

    /// With all that came, or only with what failed.
    pub fn timeline(mut self, timeline: bool) -> Text<'a> {
        self.timeline = timeline;
        self
    }

    pub(crate) fn title(mut self, title: impl Into<String>) -> Text<'a> {
        self.title = Some(title.into());
        self
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut page = Page {
            pen: Pen(self.color),
            times: self.times,
            out: String::new(),
            told: self
                .report
                .failures
                .iter()
                .filter_map(|failure| failure.detail.as_deref())
                .map(escaped)
                .collect(),
        };
        if let Some(title) = &self.title {
            page.line(0, &page.pen.bold(title));
        }
        let listed = self.timeline.then(|| Listed::of(self.report));
        for failure in &self.report.failures {
            page.failure(failure, self.report, listed.as_ref());
        }
        if let Some(listed) = &listed {
            page.shadowed(self.report);
            page.errors(self.report, listed);
            // In virtual time that stands there is nothing to see.
            let passed = |entry: &Entry| {
                !entry.at.is_zero() || entry.duration.is_some_and(|took| !took.is_zero())
            };
            let address = self.report.address.filter(|_| self.times);
            page.times &= self.report.entries.iter().any(passed);
            page.timeline(self.report, address);
        }
        f.write_str(page.out.trim_end_matches('\n'))
    }
}

impl Report {
    /// The report as text, plain unless said otherwise.
    pub fn text(&self) -> Text<'_> {
        Text::of(self)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (claim, why) = headline(self);
        write!(f, "{claim}{why}   {}", self.location)
    }
}

impl Near {
    /// The rule, and a line for each of its criteria, indented so far; without a line break at the end.
    pub(super) fn plain(&self, indent: usize) -> String {
        let mut page = Page {
            pen: Pen(false),
            times: false,
            out: String::new(),
            told: HashSet::new(),
        };
        page.near(self, indent);
        page.out.trim_end_matches('\n').to_owned()
    }
}

/// Whether the criteria say the same, wherever they were written.
fn same_words(a: &[Finding], b: &[Finding]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| {
            (&a.criterion, a.verdict, &a.got) == (&b.criterion, b.verdict, &b.got)
                && a.differences == b.differences
        })
}

/// The claim, and the rest of the sentence: why it does not hold.
pub(super) fn headline(failure: &Failure) -> (&str, String) {
    let claim = failure.claim.as_str();
    let got = requests(failure.got);
    let mut why = match &failure.detail {
        Some(detail) if claim.starts_with("a strict test") => {
            return (claim, format!(", but {detail}"));
        }
        Some(detail) => return (claim, format!(" failed: {detail}")),
        // The claim says what is wanted.
        None if claim.ends_with(&format!("expects {}", failure.want)) => {
            format!(", but {got} came")
        }
        None => format!(" failed: {got}, want {}", failure.want),
    };
    let listed: Vec<String> = failure
        .came
        .iter()
        .take(LISTED)
        .map(|id| format!("#{id}"))
        .collect();
    if !listed.is_empty() {
        let more = match failure.came.len().saturating_sub(LISTED) {
            0 => String::new(),
            more => format!(" and {} more", number(more)),
        };
        let _ = write!(why, ": {}{more}", listed.join(", "));
    }
    (claim, why)
}

/// What an answer says in words, if it is the library that says it.
pub(super) fn message(entry: &Entry) -> Option<String> {
    match &entry.answered_by {
        Answerer::Kubernetes => {
            let status: serde_json::Value = serde_json::from_str(&entry.answer.text).ok()?;
            Some(escaped(status.get("message")?.as_str()?))
        }
        Answerer::Rule(..) => entry
            .answer
            .text
            .strip_prefix("kmock: ")
            .map(|text| escaped(text.trim_end())),
        Answerer::Nobody
        | Answerer::NoRule
        | Answerer::Limit
        | Answerer::Forwarded(_)
        | Answerer::Tunnel(_) => None,
    }
}

/// The entries that have a line of their own in the timeline; without a set, all.
struct Listed(Option<HashSet<u64>>);

impl Listed {
    fn of(report: &Report) -> Listed {
        if report.entries.len() <= SHOWN || rows(&report.entries).len() <= SHOWN {
            return Listed(None);
        }
        let kinds = puzzling(&report.entries).into_iter().take(KINDS);
        Listed(Some(kinds.map(|row| row.entry.id).collect()))
    }

    fn has(&self, id: u64) -> bool {
        self.0.as_ref().is_none_or(|ids| ids.contains(&id))
    }
}

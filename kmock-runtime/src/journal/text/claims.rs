//! What does not hold, and why: claims, criteria, rules that can never answer, errors.

use std::{collections::HashSet, fmt::Write};

use super::{Listed, Pen, RULE, headline, message, same_words};
use crate::{
    brief::cut,
    criteria::{Finding, Verdict},
    journal::{Answerer, Failure, Near, NearRequest, Report, body::escaped, words::number},
    location::Location,
};

/// How much of a claim is shown.
const CLAIM: usize = 160;

/// A text in the making.
pub(super) struct Page {
    pub(super) pen: Pen,
    pub(super) times: bool,
    pub(super) out: String,
    /// What the claims have said already.
    pub(super) told: HashSet<String>,
}

impl Page {
    pub(super) fn line(&mut self, indent: usize, text: &str) {
        let _ = writeln!(self.out, "{:indent$}{text}", "");
    }

    /// `listed` is there when a timeline follows.
    pub(super) fn failure(&mut self, failure: &Failure, report: &Report, listed: Option<&Listed>) {
        let known = |near: &NearRequest| {
            let shown = listed.is_some_and(|listed| listed.has(near.id));
            let entry = report.entry(near.id).filter(|_| shown);
            match near.fits() {
                // Its line says who answered, and where that is written.
                true => entry.is_some() && matches!(near.answered_by, Answerer::Rule(..)),
                false => {
                    let first = entry.and_then(|entry| entry.near.first());
                    first.is_some_and(|first| same_words(&first.criteria, &near.criteria))
                }
            }
        };
        let (claim, mut why) = headline(failure);
        // What the rule says is listed with the nearest request; where there is none, it is said here.
        let brief = failure
            .brief
            .as_deref()
            .filter(|_| !failure.nearest.is_empty());
        let claim = cut(brief.unwrap_or(claim), CLAIM);
        if let Some(near) = failure.nearest.first() {
            let _ = write!(why, ": {}", near.story());
        }
        let head = self.pen.paint("1;31", &format!("kmock: {claim}{why}"));
        let place = self.pen.place(failure.location);
        self.line(0, &format!("{head}   {place}"));
        if let Some((rule, location)) = &failure.rule
            && *location != failure.location
            && !failure.claim.contains(rule)
        {
            let text = format!("{}   {}", cut(rule, RULE), self.pen.place(*location));
            self.line(4, &text);
        }
        for (n, near) in failure.nearest.iter().enumerate() {
            // The first line has told it, and the rest is below.
            if n == 0 && known(near) {
                continue;
            }
            let word = if n == 0 { "nearest" } else { "or" };
            let status = near
                .status
                .map_or_else(|| "no answer yet".to_owned(), |status| status.to_string());
            let mut text = format!(
                "{word}: #{} {} {}   {}",
                near.id,
                near.verb,
                cut(&near.target, 120),
                self.status(&status)
            );
            let fits = near.fits();
            if fits {
                let by = match &near.answered_by {
                    Answerer::Rule(rule, location) => {
                        let place = self.pen.place(*location);
                        format!("{} answered it   {place}", cut(rule, RULE))
                    }
                    other => format!("it fits, but: {other}"),
                };
                let _ = write!(text, "   {by}");
            } else if known(near) {
                text.push_str("   see below");
            }
            self.line(4, &text);
            if !fits && !known(near) {
                let written = failure
                    .rule
                    .as_ref()
                    .map_or(failure.location, |(_, at)| *at);
                self.findings(&near.criteria, written, 8);
            }
        }
    }

    pub(super) fn near(&mut self, near: &Near, indent: usize) {
        let text = format!(
            "{}   {}",
            cut(&near.brief, RULE),
            self.pen.place(near.location)
        );
        let _ = writeln!(self.out, "{text}");
        self.findings(&near.criteria, near.location, indent);
    }

    pub(super) fn findings(&mut self, findings: &[Finding], written: Location, indent: usize) {
        for finding in findings {
            let (mark, color) = match finding.verdict {
                Verdict::Holds => ("✓", "32"),
                Verdict::Fails => ("✗", "31"),
                Verdict::Unknown => ("?", "33"),
            };
            let mut text = format!(
                "{} {}",
                self.pen.paint(color, mark),
                cut(&finding.criterion, 200)
            );
            if let Some(got) = &finding.got {
                let _ = write!(text, ", got {}", self.pen.bad(got));
            }
            if let Some(hint) = &finding.hint {
                let _ = write!(text, "   {}", self.pen.odd(&format!("({hint})")));
            }
            // Where several lines make up a rule, the one to look at.
            let elsewhere = finding.location.file == written.file
                && finding.location.line != written.line
                && finding.verdict == Verdict::Fails;
            if elsewhere {
                let _ = write!(text, "   {}", self.pen.place(finding.location));
            }
            self.line(indent, &text);
            for difference in &finding.differences {
                let at = match difference.pointer.as_str() {
                    "" => "the whole",
                    pointer => pointer,
                };
                let mut text = format!(
                    "{at}: want {}, got {}",
                    self.pen.good(&difference.want),
                    self.pen.bad(&difference.got)
                );
                if let Some(hint) = &difference.hint {
                    let _ = write!(text, "   {}", self.pen.odd(&format!("({hint})")));
                }
                self.line(indent + 4, &text);
            }
        }
    }

    pub(super) fn shadowed(&mut self, report: &Report) {
        const MOST: usize = 5;
        for one in report.shadowed.iter().take(MOST) {
            let text = format!(
                "{} {}   {}",
                self.pen.odd("can never answer:"),
                one.rule,
                self.pen.place(one.location)
            );
            self.line(2, &text);
            let by = format!(
                "everything for it goes to {}   {}",
                one.by,
                self.pen.place(one.by_location)
            );
            self.line(6, &by);
        }
        if let Some(more @ 1..) = report.shadowed.len().checked_sub(MOST) {
            self.line(2, &format!("… and {} more rules like that", number(more)));
        }
    }

    pub(super) fn errors(&mut self, report: &Report, listed: &Listed) {
        const MOST: usize = 5;
        let said: HashSet<String> = report
            .entries
            .iter()
            .filter(|entry| listed.has(entry.id))
            .filter_map(message)
            .collect();
        let told =
            |error: &String| self.told.contains(&escaped(error)) || said.contains(&escaped(error));
        let untold: Vec<&String> = report.errors.iter().filter(|error| !told(error)).collect();
        for error in untold.iter().take(MOST) {
            let text = format!("{} {error}", self.pen.odd("error:"));
            self.line(2, &text);
        }
        if let Some(more @ 1..) = untold.len().checked_sub(MOST) {
            self.line(2, &format!("… and {} more errors", number(more)));
        }
        for note in report.notes.iter().take(MOST) {
            let text = format!("{} {}", self.pen.odd("note:"), escaped(note));
            self.line(2, &text);
        }
        if let Some(more @ 1..) = report.notes.len().checked_sub(MOST) {
            self.line(2, &format!("… and {} more notes", number(more)));
        }
    }
}

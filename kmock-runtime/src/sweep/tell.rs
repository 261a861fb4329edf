//! What a sweep found, in words: equal causes are told once, with the shortest way to see them again.

use std::{fmt::Write as _, time::Duration};

use super::{
    fault::Planned,
    place::Sort,
    run::Verdict,
    script::{Record, Step},
};

/// A trial that went wrong.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    pub(super) planned: Vec<Planned>,
    /// What was different.
    pub(super) what: Vec<String>,
    pub(super) record: Record,
}

/// A sweep when it is over.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) name: &'static str,
    pub(super) requests: usize,
    pub(super) plan: Vec<Vec<Planned>>,
    pub(super) verdicts: Vec<Option<Verdict>>,
    pub(super) took: Duration,
    /// Whether the budget was used up.
    over: bool,
}

/// So many reasons are told in full, and so many differences of each.
const REASONS: usize = 8;
const DIFFERENCES: usize = 6;
/// So many requests are shown before the place and behind it.
const BEFORE: usize = 3;
const BEHIND: usize = 8;
/// So many other faults are named that come to the same.
const OTHERS: usize = 6;

impl Summary {
    pub(super) fn new(
        name: &'static str,
        first: &Record,
        plan: Vec<Vec<Planned>>,
        verdicts: Vec<Option<Verdict>>,
        took: Duration,
        over: bool,
    ) -> Summary {
        Summary {
            name,
            requests: first.trail.len(),
            plan,
            verdicts,
            took,
            over,
        }
    }

    fn tried(&self) -> usize {
        self.verdicts.iter().flatten().count()
    }

    pub(super) fn failed(&self) -> impl Iterator<Item = &Failed> {
        self.verdicts
            .iter()
            .flatten()
            .filter_map(|verdict| match verdict {
                Verdict::Wrong(failed) => Some(&**failed),
                Verdict::Fine | Verdict::NotMet => None,
            })
    }

    fn counts(&self) -> String {
        let (tried, all) = (self.tried(), self.plan.len());
        let tried = match tried == all {
            true => format!("all {all} faults tried"),
            false if self.over => format!("{tried} of {all} faults tried, then the time was over"),
            false => format!("{tried} of {all} faults tried, which were enough"),
        };
        let not_met = self
            .verdicts
            .iter()
            .flatten()
            .filter(|one| matches!(one, Verdict::NotMet))
            .count();
        let not_met = match not_met {
            0 => String::new(),
            count => format!(", {count} of them at places that were not come to"),
        };
        format!(
            "{} requests, {tried}{not_met}, in {:.1} s",
            self.requests,
            self.took.as_secs_f64()
        )
    }
}

/// The message of a sweep that found something.
pub(super) fn failures(summary: &Summary) -> Option<String> {
    let mut reasons: Vec<(&Failed, Vec<&Failed>)> = Vec::new();
    for failed in summary.failed() {
        match reasons
            .iter_mut()
            .find(|(known, _)| known.what == failed.what)
        {
            Some((_, same)) => same.push(failed),
            None => reasons.push((failed, Vec::new())),
        }
    }
    if reasons.is_empty() {
        return None;
    }
    let mut text = format!(
        "kmock: the sweep of {} found {} that {} goes wrong after   ({})\n",
        summary.name,
        match summary.failed().count() {
            1 => "a fault".to_owned(),
            count => format!("{count} faults"),
        },
        "the test",
        summary.counts()
    );
    for (number, (failed, same)) in reasons.iter().take(REASONS).enumerate() {
        let _ = writeln!(text, "{}.", number + 1);
        one_failure(&mut text, summary.name, failed);
        if !same.is_empty() {
            let named: Vec<String> = same
                .iter()
                .take(OTHERS)
                .map(|one| faults(&one.planned))
                .collect();
            let more = match same.len().saturating_sub(OTHERS) {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            let _ = writeln!(text, "  the same after: {}{more}", named.join(", "));
        }
    }
    if let Some(more) = reasons.len().checked_sub(REASONS).filter(|more| *more > 0) {
        let _ = writeln!(
            text,
            "and {more} more reasons; KMOCK_REPORT=dir draws them all"
        );
    }
    Some(text.trim_end().to_owned())
}

/// The message of a single run.
pub(super) fn one(name: &'static str, failed: &Failed) -> String {
    let mut text = format!("kmock: {name} goes wrong after a fault\n");
    one_failure(&mut text, name, failed);
    text.trim_end().to_owned()
}

/// The line about a sweep that found nothing.
pub(super) fn passed(summary: &Summary) -> String {
    format!(
        "kmock: the sweep of {} found nothing   ({})",
        summary.name,
        summary.counts()
    )
}

pub(super) fn faults(planned: &[Planned]) -> String {
    let all: Vec<String> = planned.iter().map(Planned::to_string).collect();
    all.join(" + ")
}

fn one_failure(text: &mut String, name: &str, failed: &Failed) {
    for planned in &failed.planned {
        let _ = writeln!(text, "  {}", planned.story());
    }
    for what in failed.what.iter().take(DIFFERENCES) {
        let _ = writeln!(text, "    ✗ {}", what.trim().replace('\n', "\n      "));
    }
    if let Some(more) = failed
        .what
        .len()
        .checked_sub(DIFFERENCES)
        .filter(|more| *more > 0)
    {
        let _ = writeln!(text, "    ✗ and {more} differences more");
    }
    timeline(text, &failed.record);
    let name = name.rsplit("::").next().unwrap_or(name);
    let _ = writeln!(
        text,
        "  again: KMOCK_SWEEP='{}' cargo test {name}",
        faults(&failed.planned).replace('\'', "'\\''")
    );
}

/// The requests around the fault that change something, or all where none does.
fn timeline(text: &mut String, record: &Record) {
    let telling = |step: &&Step| {
        step.fault.is_some()
            || matches!(
                step.sort,
                Sort::Write | Sort::Update | Sort::List | Sort::Http
            )
    };
    let steps: Vec<&Step> = record.trail.iter().filter(telling).collect();
    let at = steps
        .iter()
        .position(|step| step.fault.is_some())
        .unwrap_or_default();
    let from = at.saturating_sub(BEFORE);
    for (index, step) in steps
        .iter()
        .enumerate()
        .skip(from)
        .take(BEFORE + 1 + BEHIND)
    {
        let mark = if index == at && step.fault.is_some() {
            "→"
        } else {
            " "
        };
        let status = step
            .status
            .map_or("…".to_owned(), |status| status.to_string());
        let fault = step
            .fault
            .as_deref()
            .map_or(String::new(), |fault| format!("   {fault}"));
        let _ = writeln!(
            text,
            "    {mark} +{:.1} s   {}   {status}{fault}",
            step.at.as_secs_f64(),
            step.place
        );
    }
    if let Some(more) = steps
        .len()
        .checked_sub(from + BEFORE + 1 + BEHIND)
        .filter(|more| *more > 0)
    {
        let _ = writeln!(text, "      … and {more} more");
    }
}

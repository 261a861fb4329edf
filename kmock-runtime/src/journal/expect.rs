//! What must hold when a test ends: the expectations of rules, their order, and in strict tests that nothing odd came.

use std::cell::LazyCell;

use crate::{
    core::Core,
    journal::{
        Answerer, Failure, Seen,
        nearest::{nearest_requests, shadow_of},
    },
    rules::{Rule, Times},
};

/// How many requests a claim lists by their numbers.
pub(super) const LISTED: usize = 12;

/// All that does not hold.
pub(crate) fn failures(core: &Core) -> Vec<Failure> {
    let mut failures = unmet(core);
    failures.extend(core.guard.found().map(|beside| Failure {
        got: beside.count,
        came: beside.requests,
        ..Failure::new(beside.claim, "no other writes", beside.location)
    }));
    if core.options.strict {
        let mut all = core.journal.lost();
        all.extend(core.journal.all());
        failures.extend(oddities(core, &all));
    }
    failures
}

/// The expectations of rules that do not hold.
pub(crate) fn unmet(core: &Core) -> Vec<Failure> {
    let mut failures = Vec::new();
    // Most tests expect nothing of their rules.
    let all = LazyCell::new(|| core.journal.all());
    for rule in core.book.rules() {
        let spec = rule.spec();
        if let Some((times, location)) = spec.expected
            && !times.contains(rule.count())
        {
            let claim = format!("{rule} expects {times}");
            let mut failure = of_rule(&rule, times, claim, &all);
            failure.location = location;
            failure.brief = Some(format!("{} expects {times}", rule.brief()));
            failures.push(failure);
        }
        if spec.after.is_some() || spec.next.is_some() {
            failures.extend(never_its_turn(core, &rule));
        }
        if let Some(before) = &spec.after
            && let Some(first) = rule.first()
        {
            let earlier = before.first();
            if earlier
                .as_ref()
                .is_none_or(|earlier| earlier.id() > first.id())
            {
                let said =
                    |seen: &Seen| format!("#{} {} {}", seen.id(), seen.method(), seen.target());
                let then = match &earlier {
                    Some(earlier) => format!("came before {}", said(earlier)),
                    None => format!("came, and nothing for {before} before it"),
                };
                let came = vec![first.id()];
                failures.push(Failure {
                    got: rule.count(),
                    came,
                    rule: Some((rule.to_string(), spec.location)),
                    detail: Some(format!("{} {then}", said(&first))),
                    ..Failure::new(format!("{before} before {rule}"), "in order", spec.location)
                });
            }
        }
    }
    failures
}

/// A step in order that had no request: none can come to it, or what was for it came too early.
fn never_its_turn(core: &Core, rule: &Rule) -> Option<Failure> {
    if rule.count() > 0 {
        return None;
    }
    let spec = rule.spec();
    let asked: Vec<Rule> = core.book.table().in_order().cloned().collect();
    if let Some(shadowed) = shadow_of(rule, &asked) {
        let detail = format!(
            "it can never answer: everything for it goes to {}   {}",
            shadowed.by, shadowed.by_location
        );
        return Some(Failure {
            rule: Some((rule.to_string(), spec.location)),
            detail: Some(detail),
            ..Failure::new(format!("{rule} in its turn"), "in order", spec.location)
        });
    }
    // An earlier step that it repeats has taken more than its own.
    let mut before = spec.after.clone();
    let last = before.clone()?;
    while let Some(step) = before {
        let others = step.requests();
        if let Some(early) = others.iter().skip(1).find(|seen| spec.filter.matches(seen)) {
            return Some(Failure {
                came: vec![early.id()],
                rule: Some((rule.to_string(), spec.location)),
                detail: Some(format!("#{} came before {last} had answered", early.id())),
                ..Failure::new(format!("{last} before {rule}"), "in order", spec.location)
            });
        }
        before = step.spec().after.clone();
    }
    None
}

/// A claim about the requests of a rule.
pub(super) fn of_rule(rule: &Rule, times: Times, claim: String, all: &[Seen]) -> Failure {
    let spec = rule.spec();
    let came: Vec<u64> = rule.requests().iter().map(|seen| seen.id()).collect();
    let count = rule.count();
    let nearest = match times.may_come(count) && !times.contains(count) {
        true => nearest_requests(&spec.filter, all, &came),
        false => Vec::new(),
    };
    Failure {
        got: count,
        came,
        nearest,
        rule: Some((rule.to_string(), spec.location)),
        ..Failure::new(claim, times.to_string(), spec.location)
    }
}

/// What a strict test does not bear.
fn oddities(core: &Core, all: &[Seen]) -> Vec<Failure> {
    let location = core.options.location;
    let mut failures: Vec<Failure> = core
        .errors()
        .into_iter()
        .map(|error| Failure {
            detail: Some(error),
            ..Failure::new("a strict test has no errors", "none", location)
        })
        .collect();
    // Where the test has nothing to do with the emulator, what that answered was meant for nobody.
    let unused = core.backend.as_ref().is_some_and(|below| !below.is_used())
        && !core
            .book
            .rules()
            .iter()
            .any(|rule| rule.spec().filter.dialect().is_some());
    let by_accident = |seen: &Seen| unused && seen.outcome().answered_by == Answerer::Kubernetes;
    // What a rule passes on is a rule's; the rest of what a proxy is asked for goes out into the world.
    let elsewhere = |seen: &Seen| matches!(seen.outcome().answered_by, Answerer::Forwarded(_));
    let is_odd = |seen: &Seen| {
        seen.outcome().answered_by == Answerer::NoRule || by_accident(seen) || elsewhere(seen)
    };
    let odd: Vec<&Seen> = all.iter().filter(|seen| is_odd(seen)).collect();
    if !odd.is_empty() {
        let listed: Vec<String> = odd
            .iter()
            .take(LISTED / 2)
            .map(|seen| {
                let by = match by_accident(seen) {
                    true => {
                        " (answered by the Kubernetes API, which this test does not use: see `raw`)"
                    }
                    false if elsewhere(seen) => " (passed on to a host that is not the test's)",
                    false => "",
                };
                format!("#{} {} {}{by}", seen.id(), seen.method(), seen.target())
            })
            .collect();
        let more = match odd.len() - listed.len() {
            0 => "",
            _ => ", …",
        };
        let detail = format!("{} came: {}{more}", odd.len(), listed.join(", "));
        failures.push(Failure {
            got: odd.len(),
            came: odd.iter().map(|seen| seen.id()).collect(),
            detail: Some(detail),
            ..Failure::new("a strict test has no unexpected requests", "0", location)
        });
    }
    failures
}

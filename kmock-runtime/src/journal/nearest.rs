//! Which rule a request was meant for, which request a rule waited for, and which rules can never answer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{
    criteria::{Ask, Filter, Finding, Nearness, Verdict},
    journal::{Answerer, Near, NearRequest, Seen, Shadowed},
    request::Request,
    rules::{Rule, Slice},
};

/// How many are told of what is nearest.
const TOLD: usize = 3;

/// A rule whose filter took a request, and that let it go on all the same.
pub(crate) struct Aside {
    pub(crate) rule: Rule,
    pub(crate) why: Why,
}

pub(crate) enum Why {
    /// The request's number, from 0, is not in the slice.
    Slice(Slice, usize),
    /// It is one step of several in order, and a later one has its turn.
    GoneOn(String),
    /// The reply had nothing to say, or nothing any more.
    Passed,
}

impl Aside {
    pub(crate) fn sliced(rule: &Rule, slice: Slice, n: usize) -> Aside {
        let (rule, why) = (rule.clone(), Why::Slice(slice, n));
        Aside { rule, why }
    }

    pub(crate) fn gone_on(rule: &Rule, later: &Rule) -> Aside {
        let (rule, why) = (rule.clone(), Why::GoneOn(later.to_string()));
        Aside { rule, why }
    }

    pub(crate) fn passed(rule: &Rule) -> Aside {
        let (rule, why) = (rule.clone(), Why::Passed);
        Aside { rule, why }
    }

    fn near(&self) -> Near {
        let spec = self.rule.spec();
        let holds = Finding::new(spec.filter.to_string(), Verdict::Holds, spec.location);
        let why = match &self.why {
            Why::Slice(slice, _) => format!("slice {slice}"),
            Why::GoneOn(_) => "in order".to_owned(),
            Why::Passed => "reply".to_owned(),
        };
        let mut finding = Finding::new(why, Verdict::Fails, spec.location);
        finding.got = Some(match &self.why {
            Why::Slice(_, n) => format!("request [{n}] of its filter"),
            Why::GoneOn(later) => format!("the turn of {later}"),
            Why::Passed => "nothing: it stepped aside, or is used up".to_owned(),
        });
        Near {
            rule: self.rule.to_string(),
            location: spec.location,
            criteria: vec![holds, finding],
            brief: self.rule.brief(),
        }
    }
}

/// The rules that came nearest to a request that none of them answered, the nearest first; a rule that is far from it is
/// none of them.
///
/// `aside`: the rules that fitted and let it go on.
pub(super) fn nearest(request: &Request, rules: &[Rule], aside: &[Aside], ask: Ask) -> Vec<Near> {
    let mut near: Vec<Near> = aside.iter().take(TOLD).map(Aside::near).collect();
    let mut scored: Vec<(Nearness, usize)> = Vec::new();
    let mut explained: Vec<Option<Near>> = Vec::new();
    for rule in rules {
        let spec = rule.spec();
        if spec.reply.is_none() || aside.iter().any(|one| one.rule == *rule) {
            continue;
        }
        let criteria = explain(&spec.filter, request, ask);
        let nearness = Nearness::of(&criteria);
        if nearness.is_near() {
            scored.push((nearness, explained.len()));
            explained.push(Some(Near {
                rule: rule.to_string(),
                location: spec.location,
                criteria,
                brief: rule.brief(),
            }));
        }
    }
    scored.sort_unstable();
    for (nearness, at) in scored {
        let beside = |best: &Near| nearness.is_worth_telling_beside(best.nearness());
        if near.len() >= TOLD || !near.first().is_none_or(beside) {
            break;
        }
        near.extend(explained.get_mut(at).and_then(Option::take));
    }
    near
}

/// The explanation; functions inside of it may panic, and nothing comes of that.
fn explain(filter: &Filter, request: &Request, ask: Ask) -> Vec<Finding> {
    catch_unwind(AssertUnwindSafe(|| filter.explain(request, ask))).unwrap_or_default()
}

/// Of how many requests the nearest are looked for: of long tests, the first and the last.
const SEARCHED: usize = 2000;

/// The requests that came nearest to a filter that too few have met, the nearest first.
pub(super) fn nearest_requests(filter: &Filter, all: &[Seen], met: &[u64]) -> Vec<NearRequest> {
    let half = SEARCHED / 2;
    let middle = half..all.len().saturating_sub(half).max(half);
    let mut scored: Vec<(bool, Nearness, &Seen, Vec<Finding>)> = all
        .iter()
        .enumerate()
        .filter(|(at, seen)| !middle.contains(at) && !met.contains(&seen.id()))
        .map(|(_, seen)| {
            let criteria = explain(filter, seen, Ask::Again);
            let nearness = Nearness::of(&criteria);
            // What nobody expected was more likely meant than what a rule has answered.
            let expected = matches!(seen.outcome().answered_by, Answerer::Rule { .. });
            (expected && nearness.off() > 0, nearness, seen, criteria)
        })
        .filter(|(_, nearness, ..)| nearness.is_near())
        .collect();
    scored.sort_by_key(|(expected, nearness, ..)| (*expected, *nearness));
    // Many alike are one.
    let mut known: Vec<(&str, String)> = Vec::new();
    let mut near: Vec<NearRequest> = Vec::new();
    let mut best = None;
    for (_, nearness, seen, criteria) in scored {
        let alike = (seen.method().as_str(), super::rows::kind_of(seen.target()));
        let best = *best.get_or_insert(nearness);
        if near.len() >= TOLD {
            break;
        }
        if known.contains(&alike) || !near.is_empty() && !nearness.is_worth_telling_beside(best) {
            continue;
        }
        known.push(alike);
        let outcome = seen.outcome();
        let (verb, target) = super::words::of(seen, filter.dialect());
        near.push(NearRequest {
            id: seen.id(),
            verb,
            target,
            status: outcome.status,
            answered_by: outcome.answered_by,
            criteria,
        });
    }
    near
}

/// How many rules are looked at: each is compared with all before it.
const COMPARED: usize = 400;

/// The rule that answers everything that another one would. `rules` are in the order in which they are asked.
pub(super) fn shadow_of(rule: &Rule, rules: &[Rule]) -> Option<Shadowed> {
    let at = rules.iter().position(|one| one == rule)?;
    shadow(rule, &rules[..at])
}

/// The rules that can never answer. `rules` are in the order in which they are asked.
pub(super) fn shadowed(rules: &[Rule]) -> Vec<Shadowed> {
    let mut all = Vec::new();
    for (at, rule) in rules.iter().enumerate().take(COMPARED) {
        // A rule that has answered can do so.
        if rule.count() == 0 && rule.spec().reply.is_some() {
            all.extend(shadow(rule, &rules[..at]));
        }
    }
    all
}

fn shadow(rule: &Rule, before: &[Rule]) -> Option<Shadowed> {
    let spec = rule.spec();
    before.iter().find_map(|earlier| {
        let wide = earlier.spec();
        // Of steps in order, a later one has its turn.
        let same_group = earlier.comes_before(rule);
        let answers = wide.slice.is_none()
            && !same_group
            && wide.sequence.always_answers()
            && wide
                .reply
                .as_ref()
                .is_some_and(crate::reply::Reply::always_answers);
        (answers && wide.filter.covers(&spec.filter)).then(|| Shadowed {
            rule: rule.to_string(),
            location: spec.location,
            by: earlier.to_string(),
            by_location: wide.location,
        })
    })
}

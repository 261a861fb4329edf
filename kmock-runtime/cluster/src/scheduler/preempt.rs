//! Preemption: which less important Pods make room for a more important one.
//!
//! Rules: `pkg/scheduler/framework/preemption`, `pickOneNodeForPreemption`.

use std::cmp::Reverse;

use super::filter::{Context, Verdict};
use super::info::{NodeInfo, PodInfo, Snapshot};
use super::{affinity, spread};
use crate::cache::Cache;
use crate::controllers::pods;
use crate::json::Json;
use crate::kind::Kind;
use crate::object::{self, text};
use crate::plan::Plan;

/// The node and the Pods that go, or nothing; and what is said of the attempt.
pub(crate) fn look(
    context: &Context<'_>,
    verdicts: &[(&NodeInfo, Verdict)],
    snapshot: &Snapshot,
    cache: &Cache,
) -> (Option<(String, Vec<String>)>, String) {
    let all = verdicts.len();
    if context.pod["spec"]["preemptionPolicy"] == "Never" {
        return (
            None,
            "not eligible due to preemptionPolicy=Never.".to_owned(),
        );
    }
    // Who waits for victims of an earlier attempt waits on.
    let nominated = text(&context.pod["status"]["nominatedNodeName"]);
    if let Some(node) = snapshot.nodes.get(nominated)
        && node
            .pods
            .values()
            .any(|pod| pod.deleting && pod.priority < context.info.priority)
    {
        return (
            None,
            "not eligible due to a terminating pod on the nominated node.".to_owned(),
        );
    }
    let mut candidates = Vec::new();
    let (mut helpless, mut without) = (0, 0);
    for (node, verdict) in verdicts {
        if !verdict.resolvable || !context.check_static(node) {
            helpless += 1;
            continue;
        }
        match victims(context, node, cache) {
            Some(found) => candidates.push((*node, found)),
            None => without += 1,
        }
    }
    let best = candidates.into_iter().min_by_key(|(node, victims)| {
        let pods = &victims.pods;
        let highest = pods.iter().map(|pod| pod.priority).max();
        let sum: i64 = pods
            .iter()
            .map(|pod| pod.priority.saturating_add(1 << 31))
            .sum();
        // Of those that have run for the longest among the most important, the latest goes.
        let most = pods.iter().filter(|pod| Some(pod.priority) == highest);
        let since = most.map(|pod| started(pod)).min();
        let key = (victims.broken, highest, sum, pods.len(), Reverse(since));
        (key, node.name.clone())
    });
    if let Some((node, victims)) = best {
        let keys = victims.pods.iter().map(|pod| pod.key.clone()).collect();
        return (Some((node.name.clone(), keys)), String::new());
    }
    let mut parts = Vec::new();
    if without > 0 {
        parts.push(format!(
            "{without} No preemption victims found for incoming pod"
        ));
    }
    if helpless > 0 {
        parts.push(format!(
            "{helpless} Preemption is not helpful for scheduling"
        ));
    }
    parts.sort();
    (
        None,
        format!("0/{all} nodes are available: {}.", parts.join(", ")),
    )
}

/// When a Pod was started; who was not is the latest of all.
fn started(pod: &PodInfo) -> &str {
    match text(&pod.object["status"]["startTime"]) {
        "" => "~",
        time => time,
    }
}

/// The Pods that have to go from a node, and for how many of them a budget is broken.
struct Victims<'a> {
    pods: Vec<&'a PodInfo>,
    broken: usize,
}

/// The fewest Pods that have to go from a node: all that are less important go, then come back as far as they fit,
/// the most important first.
fn victims<'a>(context: &Context<'_>, node: &'a NodeInfo, cache: &Cache) -> Option<Victims<'a>> {
    let mut lower: Vec<&PodInfo> = node
        .pods
        .values()
        .filter(|pod| pod.priority < context.info.priority)
        .collect();
    if lower.is_empty() {
        return None;
    }
    let mut requested = node.requested.clone();
    let mut gone: Vec<String> = Vec::new();
    for pod in &lower {
        for (name, amount) in &pod.requests {
            *requested.entry(name.clone()).or_default() -= amount;
        }
        gone.push(pod.key.clone());
    }
    let count = node.count() - lower.len() as i64;
    let fits = |requested: &_, count: i64, gone: &[String]| {
        context.fits(node, requested, count).is_none()
            && context.ports(node, Some(gone)).is_none()
            && rules_hold(context, node, gone, cache)
    };
    if !fits(&requested, count, &gone) {
        return None;
    }
    lower.sort_by_key(|pod| (Reverse(pod.priority), started(pod), pod.key.clone()));
    // Those whose budget would be broken come back first, then the more important and the older.
    let (broken, kept): (Vec<_>, Vec<_>) = broken(&lower, cache)
        .into_iter()
        .zip(lower)
        .partition(|(is_broken, _)| *is_broken);
    let mut count = count;
    let mut victims = Victims {
        pods: Vec::new(),
        broken: 0,
    };
    for (is_broken, pod) in broken.into_iter().chain(kept) {
        let mut with = requested.clone();
        for (name, amount) in &pod.requests {
            *with.entry(name.clone()).or_default() += amount;
        }
        let still_gone: Vec<String> = gone
            .iter()
            .filter(|key| **key != pod.key)
            .cloned()
            .collect();
        if fits(&with, count + 1, &still_gone) {
            (requested, count, gone) = (with, count + 1, still_gone);
        } else {
            victims.pods.push(pod);
            victims.broken += usize::from(is_broken);
        }
    }
    Some(victims)
}

/// Whether the rules between Pods hold on a node when some are gone.
fn rules_hold(context: &Context<'_>, node: &NodeInfo, gone: &[String], cache: &Cache) -> bool {
    let bad = context.affinity.check(node).is_some()
        || spread::check(&context.constraints, context.info, node).is_some();
    if !bad {
        return true;
    }
    // Only then it is worked out anew without them.
    let mut snapshot = Snapshot::default();
    snapshot.affine = context.snapshot.affine;
    for (name, other) in &context.snapshot.nodes {
        let mut other = other.clone();
        if other.name == node.name {
            other.pods.retain(|key, _| !gone.contains(key));
        }
        snapshot.nodes.insert(name.clone(), other);
    }
    let rules = affinity::Rules::of(context.pod, context.info, &snapshot, cache);
    let spread = spread::constraints(context.spread, context.pod, context.info, &snapshot);
    rules.check(node).is_none() && spread::check(&spread, context.info, node).is_none()
}

/// For which of some Pods a budget does not allow that they go, after those before them.
///
/// Rules: `filterPodsWithPDBViolation` of `pkg/scheduler/framework/plugins/defaultpreemption`.
fn broken(pods: &[&PodInfo], cache: &Cache) -> Vec<bool> {
    let budgets = cache.all(Kind::Budgets).filter_map(|budget| {
        let selector = object::selector(&budget["spec"]["selector"])?;
        let allowed = object::int(&budget["status"]["disruptionsAllowed"]);
        (!selector.is_empty()).then_some((budget, selector, allowed))
    });
    let mut budgets: Vec<_> = budgets.collect();
    let is_broken = |pod: &&PodInfo| {
        let mut is_broken = false;
        for (budget, selector, allowed) in &mut budgets {
            let guards = object::namespace(budget) == pod.namespace
                && !pod.labels.is_empty()
                && selector.matches(Some(&pod.labels));
            // One that is being evicted was counted already.
            let disrupted = &budget["status"]["disruptedPods"][object::name(&pod.object)];
            if guards && disrupted.is_null() {
                *allowed -= 1;
                is_broken |= *allowed < 0;
            }
        }
        is_broken
    };
    pods.iter().map(is_broken).collect()
}

/// Marks a victim and deletes it.
pub(crate) fn disrupt(plan: &mut Plan, victim: &Json, cache: &Cache) {
    pods::mark_disrupted(
        plan,
        victim,
        None,
        "PreemptionByScheduler",
        "default-scheduler: preempting to accommodate a higher priority pod",
        cache.now(),
    );
    plan.delete(Kind::Pods, victim);
}

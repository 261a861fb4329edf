//! Which of the nodes that do is the best.

use super::affinity;
use super::filter::{Context, tolerated_by};
use super::info::NodeInfo;
use super::spread;
use crate::json::Json;
use crate::object::{self, items, text};

/// The best of some nodes; of equals the first by name.
pub(crate) fn best<'a>(context: &Context<'_>, nodes: &[&'a NodeInfo]) -> Option<&'a str> {
    if nodes.len() < 2 {
        return nodes.first().map(|node| node.name.as_str());
    }
    let mut totals = vec![0; nodes.len()];
    let mut add = |weight: i64, scores: Vec<i64>| {
        for (total, score) in totals.iter_mut().zip(scores) {
            *total += weight * score;
        }
    };
    let pod = context.pod;
    // Weights as in the default profile.
    add(
        3,
        reversed(nodes.iter().map(|node| intolerable(pod, node)).collect()),
    );
    add(
        2,
        normalized(nodes.iter().map(|node| preferred(pod, node)).collect()),
    );
    add(2, spreading(context, nodes));
    add(
        2,
        ranged(
            nodes
                .iter()
                .map(|node| affinity::liking(pod, context.info, context.snapshot, node))
                .collect(),
        ),
    );
    add(
        1,
        nodes
            .iter()
            .map(|node| least_allocated(context, node))
            .collect(),
    );
    add(
        1,
        nodes.iter().map(|node| balanced(context, node)).collect(),
    );
    let most = totals.iter().copied().max()?;
    nodes
        .iter()
        .zip(&totals)
        .find(|(_, total)| **total == most)
        .map(|(node, _)| node.name.as_str())
}

/// The highest is 100.
fn normalized(scores: Vec<i64>) -> Vec<i64> {
    let most = scores.iter().copied().max().unwrap_or_default();
    scores
        .into_iter()
        .map(|score| if most > 0 { score * 100 / most } else { score })
        .collect()
}

/// The highest is 0, and nothing is 100.
fn reversed(scores: Vec<i64>) -> Vec<i64> {
    normalized(scores)
        .into_iter()
        .map(|score| 100 - score)
        .collect()
}

/// From the lowest, 0, to the highest, 100.
fn ranged(scores: Vec<i64>) -> Vec<i64> {
    let (least, most) = (
        scores.iter().copied().min().unwrap_or_default(),
        scores.iter().copied().max().unwrap_or_default(),
    );
    scores
        .into_iter()
        .map(|score| {
            if most > least {
                (score - least) * 100 / (most - least)
            } else {
                0
            }
        })
        .collect()
}

/// How many taints that a Pod had better not meet.
fn intolerable(pod: &Json, node: &NodeInfo) -> i64 {
    let softly =
        |toleration: &&Json| matches!(text(&toleration["effect"]), "" | "PreferNoSchedule");
    items(&node.object["spec"]["taints"])
        .filter(|taint| taint["effect"] == "PreferNoSchedule")
        .filter(|taint| {
            !items(&pod["spec"]["tolerations"])
                .filter(softly)
                .any(|one| tolerated_by(one, taint))
        })
        .count() as i64
}

fn preferred(pod: &Json, node: &NodeInfo) -> i64 {
    items(
        &pod["spec"]["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"],
    )
    .filter(|term| affinity::term_matches(&term["preference"], &node.object))
    .map(|term| object::int(&term["weight"]))
    .sum()
}

/// The wished-for spread; without one, that of the Pod's own controller over nodes and zones.
fn spreading(context: &Context<'_>, nodes: &[&NodeInfo]) -> Vec<i64> {
    let constraints = spread::constraints(
        context.pod,
        context.info,
        context.snapshot,
        "ScheduleAnyway",
    );
    if !constraints.is_empty() {
        let scores = nodes.iter().map(|node| {
            constraints
                .iter()
                .map(|constraint| {
                    let domain = node.label(&constraint.key).unwrap_or_default();
                    constraint.counts.get(domain).copied().unwrap_or_default()
                })
                .sum()
        });
        return reversed(scores.collect());
    }
    let has_own = items(&context.pod["spec"]["topologySpreadConstraints"])
        .next()
        .is_some();
    let Some(owner) = object::controller(context.pod).filter(|_| !has_own) else {
        return vec![0; nodes.len()];
    };
    let owner = text(&owner["uid"]);
    let siblings = |node: &NodeInfo| {
        node.pods
            .values()
            .filter(|other| other.controller == owner)
            .count() as i64
    };
    reversed(nodes.iter().map(|node| siblings(node)).collect())
}

fn shares(context: &Context<'_>, node: &NodeInfo) -> [(i64, i64); 2] {
    ["cpu", "memory"].map(|name| {
        let room = node.allocatable.get(name).copied().unwrap_or_default();
        let used = node.weight.get(name).copied().unwrap_or_default()
            + context.info.weight.get(name).copied().unwrap_or_default();
        (used, room)
    })
}

fn least_allocated(context: &Context<'_>, node: &NodeInfo) -> i64 {
    let scores = shares(context, node).map(|(used, room)| {
        if room == 0 || used > room {
            0
        } else {
            (room - used).saturating_mul(100) / room
        }
    });
    scores.iter().sum::<i64>() / 2
}

fn balanced(context: &Context<'_>, node: &NodeInfo) -> i64 {
    let [cpu, memory] = shares(context, node).map(|(used, room)| {
        if room == 0 {
            1.0
        } else {
            (used as f64 / room as f64).min(1.0)
        }
    });
    ((1.0 - (cpu - memory).abs() / 2.0) * 100.0) as i64
}

//! Which of the nodes that do is the best.

use super::affinity;
use super::filter::{Context, tolerated_by};
use super::info::NodeInfo;
use super::spread;
use crate::amounts::Amounts;
use crate::json::Json;
use crate::object::{self, items, text};

/// The resources that are scored.
const RESOURCES: [&str; 2] = ["cpu", "memory"];

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
    add(
        2,
        spread::scores(context.spread, pod, context.info, context.snapshot, nodes),
    );
    let liking = affinity::Liking::of(context);
    add(
        2,
        ranged(nodes.iter().map(|node| liking.node(node)).collect()),
    );
    add(
        1,
        nodes
            .iter()
            .map(|node| least_allocated(context, node))
            .collect(),
    );
    let asks = |name: &str| {
        context
            .info
            .requests
            .get(name)
            .is_some_and(|amount| *amount > 0)
    };
    // Who asks for nothing would always be drawn to the same node.
    if RESOURCES.into_iter().any(asks) {
        add(
            1,
            nodes.iter().map(|node| balanced(context, node)).collect(),
        );
    }
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
                // As floating numbers, whose rest is cut off.
                (100.0 * ((score - least) as f64 / (most - least) as f64)) as i64
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

/// What there is of the resources that are scored, and how much of each is taken with the Pod; of what a node has.
fn shares<'a>(
    node: &'a NodeInfo,
    used: &'a Amounts,
    own: &'a Amounts,
) -> impl Iterator<Item = (i64, i64)> {
    let of = |amounts: &Amounts, name: &str| amounts.get(name).copied().unwrap_or_default();
    RESOURCES
        .into_iter()
        .map(move |name| (of(used, name) + of(own, name), of(&node.allocatable, name)))
        .filter(|(_, room)| *room != 0)
}

/// How much would be left.
fn least_allocated(context: &Context<'_>, node: &NodeInfo) -> i64 {
    let shares = shares(node, &node.weight, &context.info.weight);
    let scores = shares.map(|(used, room)| match used > room {
        true => 0,
        false => (room - used).saturating_mul(100) / room,
    });
    let scores: Vec<i64> = scores.collect();
    match scores.len() as i64 {
        0 => 0,
        count => scores.iter().sum::<i64>() / count,
    }
}

/// How evenly the resources would be used.
fn balanced(context: &Context<'_>, node: &NodeInfo) -> i64 {
    let shares = shares(node, &node.requested, &context.info.requests);
    let shares: Vec<f64> = shares
        .map(|(used, room)| (used as f64 / room as f64).min(1.0))
        .collect();
    let deviation = match shares[..] {
        [one, other] => ((one - other) / 2.0).abs(),
        _ => 0.0,
    };
    ((1.0 - deviation) * 100.0) as i64
}

//! Topology spread: the constraints that must hold, and those that are wished for.
//!
//! Rules: `filtering.go` and `scoring.go` of `pkg/scheduler/framework/plugins/podtopologyspread`, and `DefaultSelector` of
//! its helpers.

use std::collections::BTreeMap;

use super::affinity;
use super::filter::tolerates;
use super::info::{NodeInfo, PodInfo, Snapshot};
use crate::cache::Cache;
use crate::emulator::selectors::LabelSelector;
use crate::json::{Json, json};
use crate::kind::Kind;
use crate::object::{self, items, text};

/// Each node is a domain of its own: its Pods are counted there, and nowhere else.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// What is wished for Pods that say nothing themselves: a key, and how far domains may differ.
const BY_DEFAULT: [(&str, i64); 2] = [(HOSTNAME, 3), ("topology.kubernetes.io/zone", 5)];

/// The highest score.
const MOST: i64 = 100;

/// What a constraint says.
#[derive(Debug)]
pub(crate) struct Said {
    key: String,
    skew: i64,
    min_domains: i64,
    /// Which Pods are counted.
    pub(crate) selector: Json,
    is_hard: bool,
    /// The constraint itself, for its policies; null where nobody wrote it.
    policies: Json,
}

/// What spreads a Pod.
#[derive(Debug, Default)]
pub(crate) struct Spread {
    pub(crate) said: Vec<Said>,
    /// The Pod says so itself: then nodes need all of its keys.
    is_own: bool,
}

impl Spread {
    pub(crate) fn of(pod: &Json, info: &PodInfo, cache: &Cache) -> Spread {
        let own: Vec<Said> = items(&pod["spec"]["topologySpreadConstraints"])
            .map(|constraint| {
                let mut selector = constraint["labelSelector"].clone();
                for key in items(&constraint["matchLabelKeys"]).map(text) {
                    if let Some(value) = info.labels.get(key) {
                        selector["matchLabels"][key] = value.clone();
                    }
                }
                Said {
                    key: text(&constraint["topologyKey"]).to_owned(),
                    skew: constraint["maxSkew"].as_i64().unwrap_or(1),
                    min_domains: constraint["minDomains"].as_i64().unwrap_or(1),
                    selector,
                    is_hard: constraint["whenUnsatisfiable"] == "DoNotSchedule",
                    policies: constraint.clone(),
                }
            })
            .collect();
        if !own.is_empty() {
            return Spread {
                said: own,
                is_own: true,
            };
        }
        let selector = default_selector(pod, info, cache);
        if selector.is_null() {
            return Spread::default();
        }
        let said = BY_DEFAULT.map(|(key, skew)| Said {
            key: key.to_owned(),
            skew,
            min_domains: 1,
            selector: selector.clone(),
            is_hard: false,
            policies: Json::Null,
        });
        Spread {
            said: said.into(),
            is_own: false,
        }
    }
}

/// What selects Pods like this one: the Services that do, and its ReplicaSet, StatefulSet or ReplicationController; null: nothing.
fn default_selector(pod: &Json, info: &PodInfo, cache: &Cache) -> Json {
    let services: Vec<&Json> = cache
        .within(Kind::Services, &info.namespace)
        .map(|service| &service["spec"]["selector"])
        .filter(|selector| object::map_selects(selector, Some(&info.labels)))
        .collect();
    let own = object::controller(pod).and_then(|owner| {
        let kind = match (text(&owner["apiVersion"]), text(&owner["kind"])) {
            ("apps/v1", "ReplicaSet") => Kind::ReplicaSets,
            ("apps/v1", "StatefulSet") => Kind::StatefulSets,
            ("v1", "ReplicationController") => Kind::ReplicationControllers,
            _ => return None,
        };
        let owner = cache.find(kind, &info.namespace, text(&owner["name"]))?;
        let selector = &owner["spec"]["selector"];
        Some(match kind {
            Kind::ReplicationControllers => json!({"matchLabels": selector}),
            _ => selector.clone(),
        })
    });
    let mut selector = own.unwrap_or_default();
    for service in services {
        for (key, value) in service.as_object().into_iter().flat_map(|map| map.iter()) {
            selector["matchLabels"][key] = value.clone();
        }
    }
    selector
}

/// Whether a constraint looks at a node at all.
fn counts_node(policies: &Json, pod: &Json, node: &NodeInfo) -> bool {
    if policies["nodeAffinityPolicy"] != "Ignore" && !affinity::node_matches(pod, &node.object) {
        return false;
    }
    let honors = policies["nodeTaintsPolicy"] == "Honor";
    !honors
        || !items(&node.object["spec"]["taints"])
            .any(|taint| taint["effect"] != "PreferNoSchedule" && !tolerates(pod, taint))
}

/// A constraint that must hold, with how many Pods it counts in each domain.
#[derive(Debug)]
pub(crate) struct Constraint {
    key: String,
    skew: i64,
    min_domains: i64,
    selector: Option<LabelSelector>,
    counts: BTreeMap<String, i64>,
}

/// The constraints of a Pod that must hold.
pub(crate) fn constraints(
    spread: &Spread,
    pod: &Json,
    info: &PodInfo,
    snapshot: &Snapshot,
) -> Vec<Constraint> {
    let hard: Vec<&Said> = spread.said.iter().filter(|said| said.is_hard).collect();
    if hard.is_empty() {
        return Vec::new();
    }
    // A node that lacks one of the keys counts for none of them.
    let all_keys = |node: &&NodeInfo| hard.iter().all(|said| node.label(&said.key).is_some());
    let nodes: Vec<&NodeInfo> = snapshot.nodes.values().filter(all_keys).collect();
    hard.iter()
        .map(|said| {
            let here = snapshot.counted(&info.namespace, &said.selector);
            let mut counts = BTreeMap::new();
            for node in &nodes {
                let domain = node.label(&said.key).unwrap_or_default();
                if counts_node(&said.policies, pod, node) {
                    *counts.entry(domain.to_owned()).or_default() += here.on(node);
                }
            }
            Constraint {
                key: said.key.clone(),
                skew: said.skew,
                min_domains: said.min_domains,
                selector: object::selector(&said.selector),
                counts,
            }
        })
        .collect()
}

/// Why a node does not do, and whether it would without some Pods.
pub(crate) fn check(
    constraints: &[Constraint],
    info: &PodInfo,
    node: &NodeInfo,
) -> Option<(String, bool)> {
    for constraint in constraints {
        let Some(domain) = node.label(&constraint.key) else {
            return Some((
                "node(s) didn't match pod topology spread constraints (missing required label)"
                    .to_owned(),
                false,
            ));
        };
        let own = constraint
            .selector
            .as_ref()
            .is_some_and(|selector| selector.matches(Some(&info.labels)));
        let least = if (constraint.counts.len() as i64) < constraint.min_domains {
            0
        } else {
            constraint
                .counts
                .values()
                .copied()
                .min()
                .unwrap_or_default()
        };
        let here = constraint.counts.get(domain).copied().unwrap_or_default();
        if here + i64::from(own) - least > constraint.skew {
            return Some((
                "node(s) didn't match pod topology spread constraints".to_owned(),
                true,
            ));
        }
    }
    None
}

/// How well each of the nodes that do spreads a Pod.
pub(crate) fn scores(
    spread: &Spread,
    pod: &Json,
    info: &PodInfo,
    snapshot: &Snapshot,
    nodes: &[&NodeInfo],
) -> Vec<i64> {
    let wishes: Vec<&Said> = spread.said.iter().filter(|said| !said.is_hard).collect();
    if wishes.is_empty() {
        return vec![0; nodes.len()];
    }
    let counts_at_all = |node: &NodeInfo| {
        !spread.is_own || wishes.iter().all(|wish| node.label(&wish.key).is_some())
    };
    let mut sums = vec![0.0; nodes.len()];
    for wish in &wishes {
        let here = snapshot.counted(&info.namespace, &wish.selector);
        let mut domains: BTreeMap<&str, i64> = BTreeMap::new();
        let candidates = nodes.iter().filter(|node| counts_at_all(node));
        let size = if wish.key == HOSTNAME {
            candidates.count()
        } else {
            for node in candidates {
                domains.insert(node.label(&wish.key).unwrap_or_default(), 0);
            }
            for node in snapshot.nodes.values() {
                if counts_at_all(node)
                    && let Some(count) = domains.get_mut(node.label(&wish.key).unwrap_or_default())
                    && counts_node(&wish.policies, pod, node)
                {
                    *count += here.on(node);
                }
            }
            domains.len()
        };
        // So that keys with few values count for as much as those with many.
        let weight = ((size + 2) as f64).ln();
        for (sum, node) in sums.iter_mut().zip(nodes) {
            let Some(domain) = node.label(&wish.key) else {
                continue;
            };
            let count = match wish.key == HOSTNAME {
                true => here.on(node),
                false => domains.get(domain).copied().unwrap_or_default(),
            };
            // Skews that are allowed water differences down.
            *sum += count as f64 * weight + (wish.skew - 1) as f64;
        }
    }
    let scores = sums.iter().zip(nodes).map(|(sum, node)| {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "counts of Pods are far from its ends"
        )]
        counts_at_all(node).then(|| sum.round() as i64)
    });
    let scores: Vec<Option<i64>> = scores.collect();
    let known = || scores.iter().copied().flatten();
    let (least, most) = (known().min().unwrap_or(0), known().max().unwrap_or(0));
    scores
        .iter()
        .map(|score| match score {
            None => 0,
            Some(_) if most == 0 => MOST,
            Some(score) => MOST * (most + least - score) / most,
        })
        .collect()
}

//! Topology spread constraints.

use std::collections::BTreeMap;

use super::affinity;
use super::filter::tolerates;
use super::info::{NodeInfo, PodInfo, Snapshot};
use crate::emulator::selectors::LabelSelector;
use crate::json::Json;
use crate::object::{self, items, text};

/// One constraint, with how many Pods it counts in each domain.
#[derive(Debug)]
pub(crate) struct Constraint {
    pub(crate) key: String,
    skew: i64,
    min_domains: i64,
    selector: Option<LabelSelector>,
    pub(crate) counts: BTreeMap<String, i64>,
}

/// The constraints of a Pod of one kind: those that must hold, or those that are wished for.
pub(crate) fn constraints(
    pod: &Json,
    info: &PodInfo,
    snapshot: &Snapshot,
    when: &str,
) -> Vec<Constraint> {
    items(&pod["spec"]["topologySpreadConstraints"])
        .filter(|constraint| constraint["whenUnsatisfiable"] == when)
        .map(|constraint| {
            let mut selector = constraint["labelSelector"].clone();
            for key in items(&constraint["matchLabelKeys"]).map(text) {
                if let Some(value) = info.labels.get(key) {
                    selector["matchLabels"][key] = value.clone();
                }
            }
            let selector = object::selector(&selector);
            let key = text(&constraint["topologyKey"]).to_owned();
            let mut counts = BTreeMap::new();
            for node in snapshot.nodes.values() {
                let Some(domain) = node.label(&key) else {
                    continue;
                };
                if constraint["nodeAffinityPolicy"] != "Ignore"
                    && !affinity::node_matches(pod, &node.object)
                {
                    continue;
                }
                let tainted = items(&node.object["spec"]["taints"])
                    .any(|taint| taint["effect"] != "PreferNoSchedule" && !tolerates(pod, taint));
                if constraint["nodeTaintsPolicy"] == "Honor" && tainted {
                    continue;
                }
                let matching = node
                    .pods
                    .values()
                    .filter(|other| other.namespace == info.namespace && !other.deleting)
                    .filter(|other| {
                        selector
                            .as_ref()
                            .is_some_and(|selector| selector.matches(Some(&other.labels)))
                    })
                    .count();
                *counts.entry(domain.to_owned()).or_default() += matching as i64;
            }
            Constraint {
                key,
                skew: constraint["maxSkew"].as_i64().unwrap_or(1),
                min_domains: constraint["minDomains"].as_i64().unwrap_or(1),
                selector,
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

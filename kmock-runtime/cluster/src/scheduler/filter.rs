//! Which nodes a Pod fits on, and in which words it does not.

use std::collections::BTreeMap;

use super::affinity;
use super::claims::Claims;
use super::info::{NodeInfo, PodInfo, Snapshot};
use super::spread::{self, Spread};
use crate::amounts::Amounts;
use crate::cache::Cache;
use crate::json::Json;
use crate::object::{items, may_restart_all, text};

/// Why a node does not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) reasons: Vec<String>,
    /// It would, if some Pods were gone.
    pub(crate) resolvable: bool,
}

impl Verdict {
    fn final_(reason: impl Into<String>) -> Option<Verdict> {
        Some(Verdict {
            reasons: vec![reason.into()],
            resolvable: false,
        })
    }

    fn for_now(reason: impl Into<String>) -> Option<Verdict> {
        Some(Verdict {
            reasons: vec![reason.into()],
            resolvable: true,
        })
    }
}

/// What is worked out once for a Pod, whatever the node.
pub(crate) struct Context<'a> {
    pub(crate) pod: &'a Json,
    pub(crate) info: &'a PodInfo,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) cache: &'a Cache,
    pub(crate) affinity: affinity::Rules,
    pub(crate) spread: &'a Spread,
    pub(crate) constraints: Vec<spread::Constraint>,
    pub(crate) claims: Claims,
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        pod: &'a Json,
        info: &'a PodInfo,
        snapshot: &'a Snapshot,
        cache: &'a Cache,
        spread: &'a Spread,
        claims: Claims,
    ) -> Self {
        Self {
            pod,
            info,
            snapshot,
            cache,
            affinity: affinity::Rules::of(pod, info, snapshot, cache),
            spread,
            constraints: spread::constraints(spread, pod, info, snapshot),
            claims,
        }
    }

    /// Why a node does not do, asked in the order of the real plugins; the first one answers.
    pub(crate) fn check(
        &self,
        node: &NodeInfo,
        requested: &Amounts,
        count: i64,
    ) -> Option<Verdict> {
        self.unschedulable(node)
            .or_else(|| self.name(node))
            .or_else(|| self.taints(node))
            .or_else(|| self.affinity_of_node(node))
            .or_else(|| self.ports(node, None))
            .or_else(|| self.fits(node, requested, count))
            .or_else(|| self.volumes(node))
            .or_else(|| {
                spread::check(&self.constraints, self.info, node)
                    .and_then(Verdict::for_now_or_final)
            })
            .or_else(|| {
                self.affinity
                    .check(node)
                    .and_then(Verdict::for_now_or_final)
            })
            .or_else(|| self.features(node))
    }

    /// What is not about the Pods on a node.
    pub(crate) fn check_static(&self, node: &NodeInfo) -> bool {
        self.unschedulable(node).is_none()
            && self.name(node).is_none()
            && self.taints(node).is_none()
            && self.affinity_of_node(node).is_none()
            && self.volumes(node).is_none()
            && self.features(node).is_none()
    }

    fn unschedulable(&self, node: &NodeInfo) -> Option<Verdict> {
        if node.object["spec"]["unschedulable"] != true {
            return None;
        }
        let taint =
            crate::json::json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"});
        match tolerates(self.pod, &taint) {
            true => None,
            false => Verdict::final_("node(s) were unschedulable"),
        }
    }

    fn name(&self, _: &NodeInfo) -> Option<Verdict> {
        // A Pod that names its node is not asked for one.
        None
    }

    fn taints(&self, node: &NodeInfo) -> Option<Verdict> {
        let untolerated = items(&node.object["spec"]["taints"])
            .filter(|taint| matches!(text(&taint["effect"]), "NoSchedule" | "NoExecute"))
            .any(|taint| !tolerates(self.pod, taint));
        if !untolerated {
            return None;
        }
        Verdict::final_("node(s) had untolerated taint(s)").map(|verdict| Verdict {
            reasons: verdict.reasons,
            ..verdict
        })
    }

    fn affinity_of_node(&self, node: &NodeInfo) -> Option<Verdict> {
        if affinity::node_matches(self.pod, &node.object) {
            return None;
        }
        Verdict::final_("node(s) didn't match Pod's node affinity/selector")
    }

    /// Whether the host's ports are free; those of some Pods do not count.
    pub(crate) fn ports(&self, node: &NodeInfo, without: Option<&[String]>) -> Option<Verdict> {
        if self.info.ports.is_empty() {
            return None;
        }
        let taken = node
            .pods
            .values()
            .filter(|pod| !without.is_some_and(|gone| gone.contains(&pod.key)))
            .any(|pod| self.info.wants_ports_of(pod));
        if taken {
            return Verdict::for_now("node(s) didn't have free ports for the requested pod ports");
        }
        None
    }

    /// Whether there is room.
    pub(crate) fn fits(&self, node: &NodeInfo, requested: &Amounts, count: i64) -> Option<Verdict> {
        let mut reasons = Vec::new();
        let mut hopeless = false;
        let room = |name: &str| node.allocatable.get(name).copied().unwrap_or_default();
        let (mut waiting, mut waiting_for) = (0, Amounts::new());
        for other in self.snapshot.nominated_on(&node.name, self.info) {
            waiting += 1;
            for (name, amount) in &other.requests {
                *waiting_for.entry(name.clone()).or_default() += amount;
            }
        }
        if count + waiting + 1 > room("pods") {
            reasons.push("Too many pods".to_owned());
            hopeless |= room("pods") == 0;
        }
        // cpu, memory and storage first, then what is special.
        let first = ["cpu", "memory", "ephemeral-storage"];
        let order = first.iter().copied().chain(
            self.info
                .requests
                .keys()
                .map(String::as_str)
                .filter(|name| !first.contains(name)),
        );
        for name in order {
            let wanted = self.info.requests.get(name).copied().unwrap_or_default();
            if wanted == 0 || name == "pods" {
                continue;
            }
            let used = requested.get(name).copied().unwrap_or_default()
                + waiting_for.get(name).copied().unwrap_or_default();
            if wanted > room(name) - used {
                reasons.push(format!("Insufficient {name}"));
                hopeless |= wanted > room(name);
            }
        }
        if reasons.is_empty() {
            return None;
        }
        Some(Verdict {
            reasons,
            resolvable: !hopeless,
        })
    }

    /// What a Pod wants its kubelet to be able to do, by what the node says of itself.
    ///
    /// Rules: `NodeDeclaredFeatures`, and `InferForScheduling` of `component-helpers/nodedeclaredfeatures`.
    fn features(&self, node: &NodeInfo) -> Option<Verdict> {
        if !may_restart_all(self.pod) {
            return None;
        }
        let wanted = "RestartAllContainersOnContainerExits";
        let mut declared = items(&node.object["status"]["declaredFeatures"]);
        if declared.any(|feature| feature == wanted) {
            return None;
        }
        Verdict::final_("node(s) didn't match Pod's required features")
    }

    fn volumes(&self, node: &NodeInfo) -> Option<Verdict> {
        let reasons = self.claims.check(&node.object);
        if reasons.is_empty() {
            return None;
        }
        Some(Verdict {
            reasons,
            resolvable: false,
        })
    }
}

impl Verdict {
    pub(crate) fn for_now_or_final((reason, resolvable): (String, bool)) -> Option<Verdict> {
        Some(Verdict {
            reasons: vec![reason],
            resolvable,
        })
    }
}

/// Whether a Pod tolerates a taint.
pub(crate) fn tolerates(pod: &Json, taint: &Json) -> bool {
    items(&pod["spec"]["tolerations"]).any(|toleration| tolerated_by(toleration, taint))
}

/// Whether one toleration is for a taint.
pub(crate) fn tolerated_by(toleration: &Json, taint: &Json) -> bool {
    let effect = text(&toleration["effect"]);
    if !effect.is_empty() && effect != text(&taint["effect"]) {
        return false;
    }
    let key = text(&toleration["key"]);
    if !key.is_empty() && key != text(&taint["key"]) {
        return false;
    }
    match text(&toleration["operator"]) {
        "Exists" => true,
        _ => text(&toleration["value"]) == text(&taint["value"]) && !key.is_empty(),
    }
}

/// `1 Insufficient cpu, 2 node(s) were unschedulable`: in the order of the words, as the real one sorts them.
pub(crate) fn summary(verdicts: &[(&NodeInfo, Verdict)]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, verdict) in verdicts {
        for reason in &verdict.reasons {
            *counts.entry(reason).or_default() += 1;
        }
    }
    let mut parts: Vec<String> = counts
        .into_iter()
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    parts.sort();
    parts.join(", ")
}

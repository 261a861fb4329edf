//! DaemonSets: a Pod on each node that is fit for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{pods, revisions};
use crate::cache::{Cache, Change};
use crate::controller::{Controller, Refusal};
use crate::json::{Json, json};
use crate::kind::Kind;
use crate::object::{self, int, items, text};
use crate::plan::{Action, Note, Plan, Wait};
use crate::scheduler::{node_matches, tolerates};

const REVISION: &str = "controller-revision-hash";
/// How often the template was changed, as the API server counts it.
const GENERATION: &str = "deprecated.daemonset.template.generation";

/// What Pods of DaemonSets tolerate, whatever their template says.
const TOLERATED: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

#[derive(Debug, Default)]
pub(crate) struct DaemonSets {
    /// How often the Pod of a set on a node failed, and when it may be replaced.
    failures: BTreeMap<(String, String), (u32, jiff::Timestamp)>,
}

impl Controller for DaemonSets {
    fn name(&self) -> &'static str {
        "daemonsets"
    }

    fn component(&self) -> &'static str {
        "daemonset-controller"
    }

    fn touched(&mut self, change: &Change, cache: &Cache, keys: &mut Vec<String>) {
        match change.kind {
            Kind::DaemonSets => keys.push(change.key.to_string()),
            Kind::Pods => {
                pods::owners(change, Kind::DaemonSets, keys);
                pods::adopters(change, Kind::DaemonSets, cache, &pods::selects, keys);
            }
            Kind::ControllerRevisions => pods::owners(change, Kind::DaemonSets, keys),
            Kind::Nodes => {
                let facts = |node: &Option<Arc<Json>>| {
                    node.as_ref()
                        .map(|node| (node["metadata"]["labels"].clone(), node["spec"].clone()))
                };
                if facts(&change.old) != facts(&change.new) {
                    keys.extend(cache.all(Kind::DaemonSets).map(|set| object::key(set)));
                }
            }
            _ => {}
        }
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let Some(set) = cache.get(Kind::DaemonSets, key) else {
            self.failures.retain(|(known, _), _| known != key);
            return plan;
        };
        let Some(selector) = object::selector(&set["spec"]["selector"]) else {
            return plan;
        };
        if selector.is_empty() {
            plan.tell(Note::warning(
                Kind::DaemonSets,
                set,
                "SelectingAll",
                "This daemon set is selecting all pods. A non-empty selector is required.",
            ));
            return plan;
        }
        let mine = pods::claimed_by(
            Kind::DaemonSets,
            set,
            &selector,
            Kind::Pods,
            cache,
            &mut plan,
        );
        if object::is_deleting(set) {
            return plan;
        }
        let all = revisions::of(set, cache);
        let Ok(present) = revisions::present(Kind::DaemonSets, set, &all, REVISION, &mut plan)
        else {
            return plan;
        };
        let hash = text(&present["metadata"]["labels"][REVISION]).to_owned();
        let mut by_node: BTreeMap<String, Vec<Arc<Json>>> = BTreeMap::new();
        for pod in &mine {
            by_node
                .entry(target(pod))
                .or_default()
                .push(Arc::clone(pod));
        }
        for pods in by_node.values_mut() {
            pods.sort_by_key(|pod| {
                (
                    object::phase(pod) == "Pending",
                    object::created(pod),
                    object::name(pod).to_owned(),
                )
            });
        }
        let mut look = Look {
            set,
            hash,
            by_node,
            cache,
            plan,
            failures: &mut self.failures,
        };
        let moved = look.manage();
        if !moved {
            look.roll();
        }
        look.status();
        let mut plan = look.plan;
        let used = |revision: &Json| {
            let of = text(&revision["metadata"]["labels"][REVISION]);
            object::uid(revision) == object::uid(&present)
                || mine
                    .iter()
                    .any(|pod| text(&pod["metadata"]["labels"][REVISION]) == of)
        };
        revisions::clean_up(set, &all, &used, &mut plan);
        plan
    }

    fn refused(&mut self, key: &str, action: &Action, refusal: &Refusal, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        if let (
            Action::Create {
                kind: Kind::Pods, ..
            },
            Some(set),
        ) = (action, cache.get(Kind::DaemonSets, key))
            && !refusal.message.contains("because it is being terminated")
        {
            pods::cannot_create(Kind::DaemonSets, set, &refusal.message, &mut plan);
        }
        plan
    }
}

/// The node that a Pod of a DaemonSet is for: the one it is on, or the one that its affinity names.
fn target(pod: &Json) -> String {
    let node = object::node_of(pod);
    if !node.is_empty() {
        return node.to_owned();
    }
    let terms = &pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        ["nodeSelectorTerms"];
    items(terms)
        .flat_map(|term| items(&term["matchFields"]))
        .find(|field| field["key"] == "metadata.name")
        .map(|field| text(&field["values"][0]).to_owned())
        .unwrap_or_default()
}

/// Whether a node should run the set's Pod, and whether one that runs there may go on.
fn fits(set: &Json, node: &Json) -> (bool, bool) {
    let template = json!({"spec": tolerating(&set["spec"]["template"]["spec"])});
    let named = text(&template["spec"]["nodeName"]);
    if (!named.is_empty() && named != object::name(node)) || !node_matches(&template, node) {
        return (false, false);
    }
    let bad = |effects: &[&str]| {
        items(&node["spec"]["taints"])
            .any(|taint| effects.contains(&text(&taint["effect"])) && !tolerates(&template, taint))
    };
    (!bad(&["NoSchedule", "NoExecute"]), !bad(&["NoExecute"]))
}

/// A spec that tolerates what Pods of DaemonSets do.
fn tolerating(spec: &Json) -> Json {
    let mut spec = spec.clone();
    let mut tolerations: Vec<Json> = items(&spec["tolerations"]).cloned().collect();
    let host = spec["hostNetwork"] == true;
    let network = host.then_some(("node.kubernetes.io/network-unavailable", "NoSchedule"));
    for (key, effect) in TOLERATED.into_iter().chain(network) {
        let one = json!({"key": key, "operator": "Exists", "effect": effect});
        if !tolerations.contains(&one) {
            tolerations.push(one);
        }
    }
    spec["tolerations"] = tolerations.into();
    spec
}

struct Look<'a> {
    set: &'a Json,
    hash: String,
    by_node: BTreeMap<String, Vec<Arc<Json>>>,
    cache: &'a Cache,
    plan: Plan,
    failures: &'a mut BTreeMap<(String, String), (u32, jiff::Timestamp)>,
}

impl Look<'_> {
    fn surges(&self) -> bool {
        let surge = &self.set["spec"]["updateStrategy"]["rollingUpdate"]["maxSurge"];
        text(&self.set["spec"]["updateStrategy"]["type"]) != "OnDelete"
            && !surge.is_null()
            && object::share(surge, 100, true) > 0
    }

    fn is_new(&self, pod: &Json) -> bool {
        text(&pod["metadata"]["labels"][REVISION]) == self.hash
    }

    fn is_available(&mut self, pod: &Json) -> bool {
        match object::is_available(
            pod,
            int(&self.set["spec"]["minReadySeconds"]),
            self.cache.now(),
        ) {
            Ok(()) => true,
            Err(wait) => {
                if let Some(wait) = wait {
                    self.plan
                        .look_after(wait + Duration::from_millis(1), Wait::Work);
                }
                false
            }
        }
    }

    fn nodes(&self) -> Vec<Arc<Json>> {
        self.cache.all(Kind::Nodes).cloned().collect()
    }

    /// A Pod for each node that lacks one, none where there is one too many; whether something was done.
    fn manage(&mut self) -> bool {
        let (mut lacking, mut gone) = (Vec::new(), Vec::new());
        let mut known: Vec<String> = Vec::new();
        for node in self.nodes() {
            let name = object::name(&node).to_owned();
            let (should, may_go_on) = fits(self.set, &node);
            let pods = self.by_node.get(&name).cloned().unwrap_or_default();
            known.push(name.clone());
            if should && pods.is_empty() {
                lacking.push(name);
                continue;
            }
            if !may_go_on {
                gone.extend(pods.into_iter().filter(|pod| !object::is_deleting(pod)));
                continue;
            }
            let mut running = Vec::new();
            for pod in pods.iter().filter(|pod| !object::is_deleting(pod)) {
                match object::phase(pod) {
                    "Failed" => {
                        if self.may_replace(&name) {
                            let message = format!(
                                "Found failed daemon pod {} on node {name}, will try to kill it",
                                object::key(pod)
                            );
                            self.plan.tell(Note::warning(
                                Kind::DaemonSets,
                                self.set,
                                "FailedDaemonPod",
                                message,
                            ));
                            gone.push(Arc::clone(pod));
                        }
                    }
                    "Succeeded" => {
                        let message = format!(
                            "Found succeeded daemon pod {} on node {name}, will try to delete it",
                            object::key(pod)
                        );
                        self.plan.tell(Note::normal(
                            Kind::DaemonSets,
                            self.set,
                            "SucceededDaemonPod",
                            message,
                        ));
                        gone.push(Arc::clone(pod));
                    }
                    _ => running.push(Arc::clone(pod)),
                }
            }
            if !self.surges() {
                gone.extend(running.into_iter().skip(1));
                continue;
            }
            if running.is_empty() && should {
                lacking.push(name);
                continue;
            }
            let (new, old): (Vec<_>, Vec<_>) =
                running.into_iter().partition(|pod| self.is_new(pod));
            gone.extend(new.iter().skip(1).cloned());
            gone.extend(old.iter().skip(1).cloned());
            if let (Some(new), Some(old)) = (new.first(), old.first())
                && (!object::is_ready(old) || self.is_available(&Arc::clone(new)))
            {
                gone.push(Arc::clone(old));
            }
        }
        // What is for nodes that are gone.
        for (name, pods) in &self.by_node {
            if !known.contains(name) {
                gone.extend(
                    pods.iter()
                        .filter(|pod| object::node_of(pod).is_empty() && !object::is_deleting(pod))
                        .cloned(),
                );
            }
        }
        let moved = !lacking.is_empty() || !gone.is_empty();
        self.carry_out(&lacking, &gone);
        moved
    }

    /// Pods that fail again and again are replaced less and less often.
    fn may_replace(&mut self, node: &str) -> bool {
        let now = self.cache.now();
        let at = (object::key(self.set), node.to_owned());
        let (count, when) = self.failures.get(&at).copied().unwrap_or((0, now));
        if when > now {
            self.plan.look_after(object::until(when, now), Wait::Work);
            return false;
        }
        let wait = (1_i64 << count.min(10)).min(15 * 60);
        self.failures
            .insert(at, (count + 1, object::after(now, wait)));
        true
    }

    fn carry_out(&mut self, lacking: &[String], gone: &[Arc<Json>]) {
        for node in lacking {
            let mut template = self.set["spec"]["template"].clone();
            template["metadata"]["labels"][REVISION] = self.hash.as_str().into();
            let mut pod = pods::from_template(Kind::DaemonSets, self.set, &template);
            let generation = object::annotation(self.set, GENERATION);
            if !generation.is_empty() {
                pod["metadata"]["labels"]["pod-template-generation"] = generation.into();
            }
            pod["spec"] = bound_to(&tolerating(&template["spec"]), node);
            pods::create(Kind::DaemonSets, self.set, pod, &mut self.plan);
        }
        for pod in gone {
            pods::delete(Kind::DaemonSets, self.set, pod, &mut self.plan);
        }
    }

    /// Takes a new template to the nodes, as many at a time as may lack (or come on top).
    fn roll(&mut self) {
        let strategy = &self.set["spec"]["updateStrategy"];
        if text(&strategy["type"]) == "OnDelete" {
            return;
        }
        let mut wanted = Vec::new();
        for node in self.nodes() {
            if fits(self.set, &node).0 {
                wanted.push(object::name(&node).to_owned());
            }
        }
        let count = wanted.len() as i64;
        let surge = object::share(&strategy["rollingUpdate"]["maxSurge"], count, true);
        let lacking = &strategy["rollingUpdate"]["maxUnavailable"];
        let mut most = if lacking.is_null() {
            1
        } else {
            object::share(lacking, count, true)
        };
        if count > 0 && most == 0 && surge == 0 {
            most = 1;
        }
        let (mut unavailable, mut surging) = (0, 0);
        let (mut allowed, mut candidates, mut new_nodes, mut candidate_nodes) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for name in &wanted {
            let pods: Vec<_> = self.by_node.get(name).cloned().unwrap_or_default();
            let alive: Vec<_> = pods
                .iter()
                .filter(|pod| !object::is_deleting(pod))
                .cloned()
                .collect();
            let (new, old): (Vec<_>, Vec<_>) = alive.into_iter().partition(|pod| self.is_new(pod));
            let (new, old) = (new.first().cloned(), old.first().cloned());
            match (new, old) {
                (Some(new), None) => {
                    if !self.is_available(&new) {
                        unavailable += 1;
                    }
                }
                (None, None) => unavailable += 1,
                (Some(new), Some(old)) => {
                    if surge == 0 {
                        unavailable += 1;
                    } else if self.is_available(&new) {
                        allowed.push(old);
                    } else {
                        surging += 1;
                    }
                }
                (None, Some(old)) => {
                    let healthy = self.is_available(&old);
                    match (surge > 0, healthy) {
                        (true, false) => new_nodes.push(name.clone()),
                        (true, true) => candidate_nodes.push(name.clone()),
                        (false, false) => {
                            unavailable += 1;
                            allowed.push(old);
                        }
                        (false, true) => candidates.push(old),
                    }
                }
            }
        }
        let room = (most - unavailable).max(0) as usize;
        allowed.extend(candidates.into_iter().take(room));
        let room = (surge - surging).max(0) as usize;
        new_nodes.extend(candidate_nodes.into_iter().take(room));
        self.carry_out(&new_nodes, &allowed);
    }

    fn status(&mut self) {
        let (mut desired, mut current, mut misplaced, mut ready, mut updated, mut available) =
            (0, 0, 0, 0, 0, 0);
        for node in self.nodes() {
            let (should, _) = fits(self.set, &node);
            let pod = self
                .by_node
                .get(object::name(&node))
                .and_then(|pods| pods.first())
                .cloned();
            match (should, pod) {
                (true, Some(pod)) => {
                    desired += 1;
                    current += 1;
                    ready += i64::from(object::is_ready(&pod));
                    available += i64::from(object::is_ready(&pod) && self.is_available(&pod));
                    updated += i64::from(self.is_new(&pod));
                }
                (true, None) => desired += 1,
                (false, Some(_)) => misplaced += 1,
                (false, None) => {}
            }
        }
        let mut status = json!({
            "currentNumberScheduled": current, "numberMisscheduled": misplaced, "desiredNumberScheduled": desired,
            "numberReady": ready, "observedGeneration": object::generation(self.set),
        });
        for (name, number) in [
            ("updatedNumberScheduled", updated),
            ("numberAvailable", available),
            ("numberUnavailable", desired - available),
        ] {
            if number > 0 {
                status[name] = number.into();
            }
        }
        for kept in ["collisionCount", "conditions"] {
            if !self.set["status"][kept].is_null() {
                status[kept] = self.set["status"][kept].clone();
            }
        }
        self.plan.status(Kind::DaemonSets, self.set, status);
    }
}

/// A spec whose Pod goes to a certain node, and no other.
fn bound_to(spec: &Json, node: &str) -> Json {
    let mut spec = spec.clone();
    let field = json!([{"key": "metadata.name", "operator": "In", "values": [node]}]);
    let required =
        &mut spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let terms: Vec<Json> = match required["nodeSelectorTerms"].as_array() {
        Some(terms) => terms
            .iter()
            .map(|term| {
                let mut term = term.clone();
                term["matchFields"] = field.clone();
                term
            })
            .collect(),
        None => vec![json!({ "matchFields": field })],
    };
    required["nodeSelectorTerms"] = terms.into();
    spec
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of `TestNodeShouldRunDaemonPod`.
    #[test]
    fn which_nodes_run_the_pod() {
        let set = |spec: Json| json!({"spec": {"template": {"spec": spec}}});
        let node = |labels: Json, taints: Json| json!({"metadata": {"name": "n", "labels": labels}, "spec": {"taints": taints}});
        let tainted = |effect: &str| node(json!({}), json!([{"key": "k", "effect": effect}]));
        for (spec, node, expected) in [
            (json!({}), node(json!({}), json!([])), (true, true)),
            (
                json!({"nodeName": "other"}),
                node(json!({}), json!([])),
                (false, false),
            ),
            (
                json!({"nodeSelector": {"a": "b"}}),
                node(json!({"a": "c"}), json!([])),
                (false, false),
            ),
            (
                json!({"nodeSelector": {"a": "b"}}),
                node(json!({"a": "b"}), json!([])),
                (true, true),
            ),
            (json!({}), tainted("NoSchedule"), (false, true)),
            (json!({}), tainted("NoExecute"), (false, false)),
            (
                json!({"tolerations": [{"key": "k", "operator": "Exists"}]}),
                tainted("NoExecute"),
                (true, true),
            ),
            (
                json!({}),
                node(
                    json!({}),
                    json!([{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]),
                ),
                (true, true),
            ),
            (
                json!({}),
                node(
                    json!({}),
                    json!([{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}]),
                ),
                (true, true),
            ),
        ] {
            assert_eq!(fits(&set(spec.clone()), &node), expected, "{spec} {node}");
        }
    }

    #[test]
    fn pods_are_bound_to_their_nodes() {
        let pod = json!({"spec": bound_to(&json!({}), "n1")});
        assert_eq!(target(&pod), "n1");
        let with = json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]}}}});
        let pod = json!({"spec": bound_to(&with, "n1")});
        assert!(node_matches(
            &pod,
            &json!({"metadata": {"name": "n1", "labels": {"a": "b"}}})
        ));
        assert!(!node_matches(
            &pod,
            &json!({"metadata": {"name": "n2", "labels": {"a": "b"}}})
        ));
    }
}

//! The life of nodes: taints of their conditions, silence, the Pods that have to go, and those of nodes that are gone.

mod eviction;
mod garbage;
mod zones;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub(crate) use self::eviction::TaintEviction;
pub(crate) use self::garbage::PodGarbage;
use self::zones::{Verdict, Zones};
use crate::cache::{Cache, Change};
use crate::controller::Controller;
use crate::json::{Json, json};
use crate::kind::Kind;
use crate::object::{self, items, text};
use crate::plan::{Action, Note, Plan, Wait};
use crate::shared::Shared;

/// A node that has said nothing for so long is `Unknown`.
const GRACE: Duration = Duration::from_secs(50);

/// Which taint says which condition, and of which status.
const TAINTS: [(&str, &str, &str); 6] = [
    ("Ready", "False", "node.kubernetes.io/not-ready"),
    ("Ready", "Unknown", "node.kubernetes.io/unreachable"),
    (
        "MemoryPressure",
        "True",
        "node.kubernetes.io/memory-pressure",
    ),
    ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
    ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"),
    (
        "NetworkUnavailable",
        "True",
        "node.kubernetes.io/network-unavailable",
    ),
];
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Watches over the nodes.
#[derive(Debug)]
pub(crate) struct Nodes {
    shared: Arc<Shared>,
    /// The nodes that it knows, by their names, with as much of them as an event says.
    known: BTreeMap<String, Json>,
    silent: BTreeMap<String, Timestamp>,
    zones: Zones,
}

impl Nodes {
    pub(crate) fn new(shared: &Arc<Shared>) -> Nodes {
        Nodes {
            shared: Arc::clone(shared),
            known: BTreeMap::new(),
            silent: BTreeMap::new(),
            zones: Zones::default(),
        }
    }

    /// Whether the Pods of a node are to go, unless they tolerate it.
    fn drives_off(&mut self, name: &str, node: &Json, now: Timestamp, plan: &mut Plan) -> bool {
        let is_given_up = || {
            items(&node["spec"]["taints"])
                .any(|taint| taint["effect"] == "NoExecute" && is_of_readiness(taint))
        };
        if object::holds(node, "Ready") || self.zones.is_all_lost() {
            return false;
        }
        if is_given_up() {
            return true;
        }
        match self.zones.ask(name, now) {
            Verdict::Now => true,
            Verdict::Never => false,
            Verdict::After(rest) => {
                plan.look_after(rest, Wait::Appointment);
                false
            }
        }
    }
}

impl Controller for Nodes {
    fn name(&self) -> &'static str {
        "nodes"
    }

    fn component(&self) -> &'static str {
        "node-controller"
    }

    fn touched(&mut self, change: &Change, _: &Cache, keys: &mut Vec<String>) {
        if change.kind == Kind::Nodes {
            keys.push(change.key.to_string());
            if self.zones.take(&change.key, change.new.as_deref()) {
                let others = self.zones.unready().filter(|name| *name != &*change.key);
                keys.extend(others.map(str::to_owned));
            }
        }
    }

    fn look(&mut self, name: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let Some(node) = cache.get(Kind::Nodes, name) else {
            if let Some(node) = self.known.remove(name) {
                let message = format!("Node {name} event: Removing Node {name} from Controller");
                plan.tell(Note::normal(Kind::Nodes, &node, "RemovingNode", message));
            }
            self.silent.remove(name);
            return plan;
        };
        let tell = |plan: &mut Plan, reason: &str, message: String| {
            plan.tell(Note::normal(Kind::Nodes, node, reason, message));
        };
        let identity = json!({"metadata": {"name": name, "uid": object::uid(node)}});
        if self.known.insert(name.to_owned(), identity).is_none() {
            tell(
                &mut plan,
                "RegisteredNode",
                format!("Node {name} event: Registered Node {name} in Controller"),
            );
        }
        let now = cache.now();
        // A node that nobody declared is what the test made it: nobody expects a word from it.
        let connected = self
            .shared
            .state()
            .nodes
            .get(name)
            .is_none_or(|spec| spec.connected);
        if connected {
            self.silent.remove(name);
        } else {
            let since = *self.silent.entry(name.to_owned()).or_insert(now);
            let silent = object::until(now, since);
            if silent < GRACE {
                plan.look_after(GRACE - silent, Wait::Appointment);
            } else if object::condition(node, "Ready")
                .is_some_and(|ready| ready["status"] != "Unknown")
            {
                plan.status(Kind::Nodes, node, unknown(node, now));
                return plan;
            }
        }
        if !object::holds(node, "Ready") {
            for pod in cache.on_node(name).filter(|pod| object::is_ready(pod)) {
                plan.status(Kind::Pods, pod, unready(pod, now));
                plan.tell(Note::warning(
                    Kind::Pods,
                    pod,
                    "NodeNotReady",
                    "Node is not ready",
                ));
            }
        }
        let is_driven_off = self.drives_off(name, node, now, &mut plan);
        let wanted = taints(node, is_driven_off, now);
        let present: Vec<Json> = items(&node["spec"]["taints"]).cloned().collect();
        if wanted != present {
            if wanted.iter().any(is_of_readiness) && !present.iter().any(is_of_readiness) {
                tell(
                    &mut plan,
                    "NodeNotReady",
                    format!("Node {name} status is now: NodeNotReady"),
                );
            }
            let taints = if wanted.is_empty() {
                Json::Null
            } else {
                wanted.into()
            };
            plan.add(Action::Patch {
                kind: Kind::Nodes,
                key: name.to_owned(),
                subresource: "",
                patch: json!({"metadata": {"uid": object::uid(node)}, "spec": {"taints": taints}}),
            });
        }
        plan
    }
}

/// Whether a taint says that a node is not ready, or that nothing is heard of it.
fn is_of_readiness(taint: &Json) -> bool {
    let key = text(&taint["key"]);
    TAINTS
        .iter()
        .any(|(sort, _, known)| *sort == "Ready" && *known == key)
}

/// The taints that a node should have: its own, and those of its conditions.
fn taints(node: &Json, is_driven_off: bool, now: Timestamp) -> Vec<Json> {
    let mut wanted: Vec<(&str, &str)> = Vec::new();
    for (sort, status, key) in TAINTS {
        if object::condition(node, sort).is_some_and(|condition| condition["status"] == status) {
            wanted.push((key, "NoSchedule"));
            if sort == "Ready" && is_driven_off {
                wanted.push((key, "NoExecute"));
            }
        }
    }
    if node["spec"]["unschedulable"] == true {
        wanted.push((UNSCHEDULABLE, "NoSchedule"));
    }
    let managed =
        |key: &str| key == UNSCHEDULABLE || TAINTS.iter().any(|(_, _, known)| *known == key);
    let is = |taint: &Json, (key, effect): (&str, &str)| {
        taint["key"] == key && taint["effect"] == effect
    };
    let mut left: Vec<Json> = items(&node["spec"]["taints"])
        .filter(|taint| !managed(text(&taint["key"])) || wanted.iter().any(|one| is(taint, *one)))
        .cloned()
        .collect();
    for one in wanted {
        if !left.iter().any(|taint| is(taint, one)) {
            let (key, effect) = one;
            left.push(json!({"key": key, "effect": effect, "timeAdded": object::time(now)}));
        }
    }
    left
}

/// What a kubelet says of its node; other conditions (of its network) are not its own.
const OF_KUBELETS: [&str; 4] = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

/// The status of a node of which nothing is heard.
fn unknown(node: &Json, now: Timestamp) -> Json {
    let mut status = node["status"].clone();
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        if OF_KUBELETS.contains(&text(&condition["type"])) && condition["status"] != "Unknown" {
            condition["status"] = "Unknown".into();
            condition["reason"] = "NodeStatusUnknown".into();
            condition["message"] = "Kubelet stopped posting node status.".into();
            condition["lastTransitionTime"] = object::time(now);
        }
    }
    status
}

fn unready(pod: &Json, now: Timestamp) -> Json {
    let mut status = pod["status"].clone();
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        if condition["type"] == "Ready" {
            condition["status"] = "False".into();
            condition["lastTransitionTime"] = object::time(now);
        }
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taints_follow_conditions_and_leave_others_alone() {
        let node = |conditions: Json, taints: Json, unschedulable: bool| json!({"metadata": {"name": "n"}, "spec": {"taints": taints, "unschedulable": unschedulable}, "status": {"conditions": conditions}});
        let of = |node: &Json| -> Vec<String> {
            taints(node, true, Timestamp::UNIX_EPOCH)
                .iter()
                .map(|taint| {
                    format!(
                        "{}:{}",
                        text(&taint["key"]).trim_start_matches("node.kubernetes.io/"),
                        text(&taint["effect"])
                    )
                })
                .collect()
        };
        let own = json!([{"key": "own", "effect": "NoSchedule"}, {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]);
        let ready = json!([{"type": "Ready", "status": "True"}]);
        assert_eq!(of(&node(ready, own.clone(), false)), ["own:NoSchedule"]);
        let bad = json!([{"type": "Ready", "status": "False"}, {"type": "DiskPressure", "status": "True"}]);
        assert_eq!(
            of(&node(bad, own, true)),
            [
                "own:NoSchedule",
                "not-ready:NoSchedule",
                "not-ready:NoExecute",
                "disk-pressure:NoSchedule",
                "unschedulable:NoSchedule"
            ]
        );
        let silent = json!([{"type": "Ready", "status": "Unknown"}]);
        assert_eq!(
            of(&node(silent, Json::Null, false)),
            ["unreachable:NoSchedule", "unreachable:NoExecute"]
        );
    }
}

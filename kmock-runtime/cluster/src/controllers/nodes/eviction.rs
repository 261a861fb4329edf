//! Pods that do not tolerate a taint of effect `NoExecute`, or not for ever, go.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use crate::cache::{Cache, Change};
use crate::controller::Controller;
use crate::controllers::pods;
use crate::kind::Kind;
use crate::object::{self, items};
use crate::plan::{Note, Plan, Wait};
use crate::scheduler::tolerated_by;

/// The taint manager.
#[derive(Debug, Default)]
pub(crate) struct TaintEviction {
    /// Pods that will go unless something changes.
    doomed: BTreeSet<String>,
}

/// When a Pod has to go; `None`: it may stay.
pub(super) fn due(pod: &Value, node: &Value, now: Timestamp) -> Option<Timestamp> {
    let mut soonest: Option<Timestamp> = None;
    for taint in items(&node["spec"]["taints"]).filter(|taint| taint["effect"] == "NoExecute") {
        let tolerations: Vec<&Value> = items(&pod["spec"]["tolerations"])
            .filter(|toleration| tolerated_by(toleration, taint))
            .collect();
        if tolerations.is_empty() {
            return Some(now);
        }
        let since = object::moment(&taint["timeAdded"]).unwrap_or(now);
        let least = tolerations
            .iter()
            .filter_map(|toleration| toleration["tolerationSeconds"].as_i64())
            .min();
        if let Some(seconds) = least {
            let when = object::after(since, seconds.max(0));
            soonest = Some(soonest.map_or(when, |known| known.min(when)));
        }
    }
    soonest
}

impl Controller for TaintEviction {
    fn name(&self) -> &'static str {
        "taint-eviction"
    }

    fn component(&self) -> &'static str {
        "taint-eviction-controller"
    }

    fn touched(&mut self, change: &Change, cache: &Cache, keys: &mut Vec<String>) {
        match change.kind {
            Kind::Nodes => {
                let taints = |node: &Option<std::sync::Arc<Value>>| {
                    node.as_ref()
                        .map(|node| node["spec"]["taints"].clone())
                        .unwrap_or_default()
                };
                if taints(&change.old) != taints(&change.new) {
                    keys.extend(cache.on_node(&change.key).map(|pod| object::key(pod)));
                }
            }
            Kind::Pods => {
                let node = object::node_of(change.object());
                let tainted = cache.get(Kind::Nodes, node).is_some_and(|node| {
                    items(&node["spec"]["taints"]).any(|taint| taint["effect"] == "NoExecute")
                });
                if tainted || self.doomed.contains(&*change.key) {
                    keys.push(change.key.to_string());
                }
            }
            _ => {}
        }
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let pod = cache
            .get(Kind::Pods, key)
            .filter(|pod| !object::is_deleting(pod));
        let Some(pod) = pod else {
            self.doomed.remove(key);
            return plan;
        };
        let node = cache.get(Kind::Nodes, object::node_of(pod));
        let due = node.and_then(|node| due(pod, node, cache.now()));
        let Some(due) = due else {
            if self.doomed.remove(key) {
                plan.tell(Note::normal(
                    Kind::Pods,
                    pod,
                    "TaintManagerEviction",
                    format!("Cancelling deletion of Pod {key}"),
                ));
            }
            return plan;
        };
        if due > cache.now() {
            self.doomed.insert(key.to_owned());
            plan.look_after(object::until(due, cache.now()), Wait::Appointment);
            return plan;
        }
        self.doomed.remove(key);
        plan.tell(Note::normal(
            Kind::Pods,
            pod,
            "TaintManagerEviction",
            format!("Marking for deletion Pod {key}"),
        ));
        pods::mark_disrupted(
            &mut plan,
            pod,
            None,
            "DeletionByTaintManager",
            "Taint manager: deleting due to NoExecute taint",
            cache.now(),
        );
        plan.delete(Kind::Pods, pod);
        plan
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Rows of `TestCreatePod` and `TestUpdateNode` of `taint_eviction_test.go`.
    #[test]
    fn when_pods_go() {
        let now: Timestamp = "2026-01-01T00:00:10Z".parse().expect("a time");
        let node = json!({"spec": {"taints": [{"key": "k", "value": "v", "effect": "NoExecute", "timeAdded": "2026-01-01T00:00:00Z"}]}});
        let of = |tolerations: Value| {
            due(&json!({"spec": {"tolerations": tolerations}}), &node, now)
                .map(|when| when.as_second() - now.as_second())
        };
        assert_eq!(of(json!([])), Some(0));
        assert_eq!(of(json!([{"key": "k", "operator": "Exists"}])), None);
        assert_eq!(
            of(json!([{"key": "k", "value": "v", "tolerationSeconds": 60}])),
            Some(50)
        );
        assert_eq!(
            of(
                json!([{"key": "k", "value": "v", "tolerationSeconds": 60}, {"operator": "Exists", "tolerationSeconds": 20}])
            ),
            Some(10)
        );
        assert_eq!(of(json!([{"key": "other", "operator": "Exists"}])), Some(0));
        let softly = json!({"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}});
        assert_eq!(due(&json!({}), &softly, now), None);
    }
}

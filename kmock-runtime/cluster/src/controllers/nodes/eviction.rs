//! Pods that do not tolerate a taint of effect `NoExecute`, or not for ever, go.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::cache::{Cache, Change};
use crate::controller::Controller;
use crate::controllers::pods;
use crate::json::Json;
use crate::kind::Kind;
use crate::object::{self, items};
use crate::plan::{Note, Plan, Wait};
use crate::scheduler::tolerated_by;

/// The taint manager.
#[derive(Debug, Default)]
pub(crate) struct TaintEviction {
    /// Pods that will go unless something changes, and when. The time is that of the first look: neither what a taint says
    /// of its own age nor a shorter time that comes later counts.
    doomed: BTreeMap<String, Timestamp>,
}

/// How long a Pod may stay on its node.
#[derive(Debug, PartialEq, Eq)]
enum Stay {
    Forever,
    For(i64),
    /// Some taint is not tolerated at all.
    Not,
}

/// How long a Pod may stay: of each taint the first toleration that fits counts, and of these the shortest.
fn stay(pod: &Json, node: &Json) -> Stay {
    let mut shortest: Option<i64> = None;
    for taint in items(&node["spec"]["taints"]).filter(|taint| taint["effect"] == "NoExecute") {
        let toleration =
            items(&pod["spec"]["tolerations"]).find(|toleration| tolerated_by(toleration, taint));
        let Some(toleration) = toleration else {
            return Stay::Not;
        };
        if let Some(seconds) = toleration["tolerationSeconds"].as_i64() {
            let seconds = seconds.max(0);
            shortest = Some(shortest.map_or(seconds, |known| known.min(seconds)));
        }
    }
    shortest.map_or(Stay::Forever, Stay::For)
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
                let taints = |node: &Option<std::sync::Arc<Json>>| {
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
                if tainted || self.doomed.contains_key(&*change.key) {
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
        let known = self.doomed.get(key).copied();
        let stay = node.map_or(Stay::Forever, |node| stay(pod, node));
        if known.is_some() && !matches!(stay, Stay::For(_)) {
            self.doomed.remove(key);
            plan.tell(Note::normal(
                Kind::Pods,
                pod,
                "TaintManagerEviction",
                format!("Cancelling deletion of Pod {key}"),
            ));
        }
        let due = match stay {
            Stay::Forever => return plan,
            Stay::Not => cache.now(),
            Stay::For(seconds) => known.unwrap_or_else(|| object::after(cache.now(), seconds)),
        };
        if due > cache.now() {
            self.doomed.insert(key.to_owned(), due);
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
    use crate::json::json;

    use super::*;

    /// Rows of `TestCreatePod` and `TestUpdateNode` of `taint_eviction_test.go`.
    #[test]
    fn how_long_pods_stay() {
        let node = json!({"spec": {"taints": [{"key": "k", "value": "v", "effect": "NoExecute"}]}});
        let of = |tolerations: Json| stay(&json!({"spec": {"tolerations": tolerations}}), &node);
        assert_eq!(of(json!([])), Stay::Not);
        assert_eq!(
            of(json!([{"key": "k", "operator": "Exists"}])),
            Stay::Forever
        );
        let some = json!({"key": "k", "value": "v", "tolerationSeconds": 60});
        assert_eq!(of(json!([some])), Stay::For(60));
        let all = json!({"operator": "Exists", "tolerationSeconds": 20});
        assert_eq!(of(json!([some, all])), Stay::For(60));
        assert_eq!(of(json!([all, some])), Stay::For(20));
        assert_eq!(
            of(json!([{"operator": "Exists", "tolerationSeconds": -1}])),
            Stay::For(0)
        );
        assert_eq!(
            of(json!([{"key": "other", "operator": "Exists"}])),
            Stay::Not
        );
        let softly = json!({"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}});
        assert_eq!(stay(&json!({}), &softly), Stay::Forever);
    }
}

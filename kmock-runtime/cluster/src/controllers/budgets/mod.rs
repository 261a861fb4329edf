//! PodDisruptionBudgets: how many Pods may go at this moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::conditions;
use crate::cache::{Cache, Change};
use crate::controller::Controller;
use crate::kind::Kind;
use crate::object::{self, int, text};
use crate::plan::{Note, Plan, Wait};

/// A Pod whose eviction was granted goes within this time, or it was none.
const TIMEOUT: i64 = 120;

#[derive(Debug)]
pub(crate) struct Budgets;

impl Controller for Budgets {
    fn name(&self) -> &'static str {
        "poddisruptionbudgets"
    }

    fn component(&self) -> &'static str {
        "controllermanager"
    }

    fn touched(&mut self, change: &Change, cache: &Cache, keys: &mut Vec<String>) {
        match change.kind {
            Kind::Budgets => keys.push(change.key.to_string()),
            Kind::Pods => {
                let pod = change.object();
                for budget in cache.within(Kind::Budgets, object::namespace(pod)) {
                    if selects(budget, pod) {
                        keys.push(object::key(budget));
                    }
                }
            }
            Kind::Deployments
            | Kind::ReplicaSets
            | Kind::StatefulSets
            | Kind::ReplicationControllers => {
                let count = |object: &Option<Arc<Value>>| {
                    object
                        .as_ref()
                        .map(|object| object["spec"]["replicas"].clone())
                };
                if count(&change.old) != count(&change.new) {
                    keys.extend(
                        cache
                            .within(Kind::Budgets, object::namespace(change.object()))
                            .map(|budget| object::key(budget)),
                    );
                }
            }
            _ => {}
        }
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let Some(budget) = cache.get(Kind::Budgets, key) else {
            return plan;
        };
        let pods: Vec<&Arc<Value>> = cache
            .within(Kind::Pods, object::namespace(budget))
            .filter(|pod| selects(budget, pod) && !object::is_finished(pod))
            .collect();
        if pods.is_empty() {
            plan.tell(Note::normal(
                Kind::Budgets,
                budget,
                "NoPods",
                "No matching pods found",
            ));
        }
        let now = cache.now();
        // Evictions that were granted a moment ago count as if the Pods were gone.
        let mut disrupted = Map::new();
        for (name, when) in budget["status"]["disruptedPods"]
            .as_object()
            .into_iter()
            .flatten()
        {
            let there = pods
                .iter()
                .any(|pod| object::name(pod) == name && !object::is_deleting(pod));
            let over = object::moment(when).is_none_or(|when| object::after(when, TIMEOUT) <= now);
            if there && !over {
                disrupted.insert(name.clone(), when.clone());
                plan.look_after(
                    Duration::from_secs(TIMEOUT.unsigned_abs()),
                    Wait::Appointment,
                );
            }
        }
        let healthy = pods
            .iter()
            .filter(|pod| {
                object::is_ready(pod)
                    && !object::is_deleting(pod)
                    && !disrupted.contains_key(object::name(pod))
            })
            .count() as i64;
        let (expected, desired) = expectation(budget, &pods, cache);
        let allowed = if expected <= 0 {
            0
        } else {
            (healthy - desired).max(0)
        };
        let mut all = conditions::of(budget);
        let (status, reason) = if allowed > 0 {
            ("True", "SufficientPods")
        } else {
            ("False", "InsufficientPods")
        };
        let mut condition = conditions::new("DisruptionAllowed", status, reason, "", now);
        condition["observedGeneration"] = object::generation(budget).into();
        condition["message"] = "".into();
        match all
            .iter_mut()
            .find(|one| one["type"] == "DisruptionAllowed")
        {
            Some(known) if known["status"] == status => {
                condition["lastTransitionTime"] = known["lastTransitionTime"].clone();
                *known = condition;
            }
            Some(known) => *known = condition,
            None => all.push(condition),
        }
        let mut new = json!({
            "disruptionsAllowed": allowed, "currentHealthy": healthy, "desiredHealthy": desired, "expectedPods": expected,
            "observedGeneration": object::generation(budget), "conditions": all,
        });
        if !disrupted.is_empty() {
            new["disruptedPods"] = disrupted.into();
        }
        plan.status(Kind::Budgets, budget, new);
        plan
    }
}

fn selects(budget: &Value, pod: &Value) -> bool {
    object::selector(&budget["spec"]["selector"])
        .is_some_and(|selector| selector.matches(object::labels(pod)))
}

/// How many Pods there should be, and how many of them healthy.
fn expectation(budget: &Value, pods: &[&Arc<Value>], cache: &Cache) -> (i64, i64) {
    let (lacking, least) = (
        &budget["spec"]["maxUnavailable"],
        &budget["spec"]["minAvailable"],
    );
    if !lacking.is_null() {
        let expected = scale(pods, cache);
        return (
            expected,
            (expected - object::share(lacking, expected, true)).max(0),
        );
    }
    if least.is_string() {
        let expected = scale(pods, cache);
        return (expected, object::share(least, expected, true));
    }
    (pods.len() as i64, int(least))
}

/// What the controllers of some Pods want, in sum; a Pod without a controller that can be scaled is not counted.
fn scale(pods: &[&Arc<Value>], cache: &Cache) -> i64 {
    let mut sizes: BTreeMap<String, i64> = BTreeMap::new();
    for pod in pods {
        let namespace = object::namespace(pod);
        let Some(owner) = object::controller(pod) else {
            continue;
        };
        let kind = match text(&owner["kind"]) {
            "ReplicaSet" => Kind::ReplicaSets,
            "StatefulSet" => Kind::StatefulSets,
            "ReplicationController" => Kind::ReplicationControllers,
            _ => continue,
        };
        let Some(mut of) = cache.find(kind, namespace, text(&owner["name"])) else {
            continue;
        };
        // A ReplicaSet of a Deployment speaks for the Deployment.
        if let Some(above) = object::controller(of).filter(|above| above["kind"] == "Deployment")
            && let Some(deployment) = cache.find(Kind::Deployments, namespace, text(&above["name"]))
        {
            of = deployment;
        }
        sizes.insert(
            object::uid(of).to_owned(),
            of["spec"]["replicas"].as_i64().unwrap_or(1),
        );
    }
    sizes.values().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of `TestNoSelector`, `TestIntegerMaxUnavailable`, `TestReplicaSet` of `disruption_test.go`.
    #[test]
    fn how_many_may_go() {
        let pod = |name: &str, ready: bool| {
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop", "uid": name, "labels": {"a": "b"},
                "ownerReferences": [{"kind": "ReplicaSet", "name": "set", "uid": "set", "controller": true}]},
                "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]}})
        };
        let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "set", "namespace": "shop", "uid": "set"}, "spec": {"replicas": 4}});
        let of = |spec: Value, selector: Value| {
            let mut budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b", "namespace": "shop", "generation": 1}, "spec": spec});
            budget["spec"]["selector"] = selector;
            let plan = Budgets.look(
                "shop/b",
                &Cache::of([
                    budget,
                    set.clone(),
                    pod("a", true),
                    pod("b", true),
                    pod("c", false),
                ]),
            );
            let written = plan.actions.iter().find_map(|action| match action {
                crate::plan::Action::Status { object, .. } => Some(object["status"].clone()),
                _ => None,
            });
            let status = written.expect("a status");
            [
                "disruptionsAllowed",
                "currentHealthy",
                "desiredHealthy",
                "expectedPods",
            ]
            .map(|name| int(&status[name]))
        };
        let ours = || json!({"matchLabels": {"a": "b"}});
        assert_eq!(of(json!({"minAvailable": 1}), ours()), [1, 2, 1, 3]);
        assert_eq!(of(json!({"minAvailable": "50%"}), ours()), [0, 2, 2, 4]);
        assert_eq!(of(json!({"maxUnavailable": 1}), ours()), [0, 2, 3, 4]);
        assert_eq!(of(json!({"maxUnavailable": "75%"}), ours()), [1, 2, 1, 4]);
        assert_eq!(
            of(
                json!({"minAvailable": 0}),
                json!({"matchLabels": {"x": "y"}})
            ),
            [0, 0, 0, 0]
        );
    }
}

//! PodDisruptionBudgets: how many Pods may go at this moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::conditions;
use crate::cache::{Cache, Change};
use crate::controller::Controller;
use crate::emulator::Cluster;
use crate::json::{Json, Members, json};
use crate::kind::Kind;
use crate::object::{self, int, text};
use crate::plan::{Note, Plan, Wait};
use crate::scales::{Lack, Scales};
use crate::shared::Shared;

/// A Pod whose eviction was granted goes within this time, or it was none.
const TIMEOUT: i64 = 120;

#[derive(Debug, Default)]
pub(crate) struct Budgets {
    shared: Arc<Shared>,
    scales: Scales,
    /// Pods that came or changed since it was last told that they are of several budgets.
    changed: BTreeSet<String>,
}

impl Budgets {
    pub(crate) fn new(shared: &Arc<Shared>) -> Budgets {
        Budgets {
            shared: Arc::clone(shared),
            scales: Scales::default(),
            changed: BTreeSet::new(),
        }
    }
}

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
                let before = keys.len();
                for budget in cache.within(Kind::Budgets, object::namespace(pod)) {
                    if selects(budget, pod) {
                        keys.push(object::key(budget));
                    }
                }
                if change.new.is_some() && keys.len() > before + 1 {
                    self.changed.insert(change.key.to_string());
                }
            }
            Kind::Deployments
            | Kind::ReplicaSets
            | Kind::StatefulSets
            | Kind::ReplicationControllers => {
                let count = |object: &Option<Arc<Json>>| {
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

    fn poll(&mut self, cluster: &Cluster, keys: &mut Vec<String>) {
        if self.scales.poll(cluster) {
            keys.push("*".to_owned());
        }
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        if key == "*" {
            // A custom kind was scaled: whose Pods these are is not known.
            for budget in cache.all(Kind::Budgets) {
                self.shared
                    .touch("poddisruptionbudgets", &object::key(budget));
            }
            return plan;
        }
        let Some(budget) = cache.get(Kind::Budgets, key) else {
            return plan;
        };
        let pods: Vec<&Arc<Json>> = cache
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
        let others: Vec<_> = cache
            .within(Kind::Budgets, object::namespace(budget))
            .collect();
        if others.len() > 1 {
            for pod in &pods {
                let mut of = others.iter().filter(|other| selects(other, pod));
                let (first, several) = (of.next(), of.next().is_some());
                if let Some(first) = first.filter(|_| several)
                    && self.changed.remove(&object::key(pod))
                {
                    let why = format!(
                        "Pod {:?}/{:?} matches multiple PodDisruptionBudgets.  Chose {:?} arbitrarily.",
                        object::namespace(pod),
                        object::name(pod),
                        object::name(first)
                    );
                    let reason = "MultiplePodDisruptionBudgets";
                    plan.tell(Note::warning(Kind::Pods, pod, reason, why));
                }
            }
        }
        let now = cache.now();
        let (expected, desired) = match expectation(budget, &pods, &mut self.scales, cache) {
            Ok(expectation) => {
                if !expectation.unmanaged.is_empty() {
                    plan.tell(Note::warning(
                        Kind::Budgets,
                        budget,
                        "UnmanagedPods",
                        format!(
                            "Pods selected by this PodDisruptionBudget (selector: {}) were found to be unmanaged. As a result, the \
                             status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account \
                             for these pods please set \".spec.minAvailable\" field of the PDB to an integer value.",
                            shown(&budget["spec"]["selector"])
                        ),
                    ));
                }
                (expectation.expected, expectation.desired)
            }
            Err(why) => {
                plan.tell(Note::warning(
                    Kind::Budgets,
                    budget,
                    "CalculateExpectedPodCountFailed",
                    format!("Failed to calculate the number of expected pods: {why}"),
                ));
                fail_safe(budget, &why, now, &mut plan);
                return plan;
            }
        };
        // Evictions that were granted a moment ago count as if the Pods were gone.
        let mut disrupted = Members::new();
        for (name, when) in budget["status"]["disruptedPods"]
            .as_object()
            .into_iter()
            .flatten()
        {
            let there = pods
                .iter()
                .any(|pod| object::name(pod) == &**name && !object::is_deleting(pod));
            let over = object::moment(when).is_none_or(|when| object::after(when, TIMEOUT) <= now);
            if let Some(pod) = pods
                .iter()
                .find(|pod| there && over && object::name(pod) == &**name)
            {
                let namespace = object::namespace(budget);
                // The real one names the namespace twice.
                let why = format!(
                    "Pod was expected by PDB {namespace}/{namespace} to be deleted but it wasn't"
                );
                plan.tell(Note::warning(Kind::Pods, pod, "NotDeleted", why));
            }
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

fn selects(budget: &Json, pod: &Json) -> bool {
    object::selector(&budget["spec"]["selector"])
        .is_some_and(|selector| selector.matches(object::labels(pod)))
}

/// Nothing may go while nobody knows how many there should be.
fn fail_safe(budget: &Json, why: &str, now: Timestamp, plan: &mut Plan) {
    let mut status = match budget["status"].is_object() {
        true => budget["status"].clone(),
        false => json!({"currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}),
    };
    status["disruptionsAllowed"] = 0.into();
    let mut all = conditions::of(budget);
    let mut condition = conditions::new("DisruptionAllowed", "False", "SyncFailed", why, now);
    condition["observedGeneration"] = int(&status["observedGeneration"]).into();
    match all
        .iter_mut()
        .find(|one| one["type"] == "DisruptionAllowed")
    {
        Some(known) => {
            if known["status"] == "False" {
                condition["lastTransitionTime"] = known["lastTransitionTime"].clone();
            }
            *known = condition;
        }
        None => all.push(condition),
    }
    status["conditions"] = all.into();
    plan.status(Kind::Budgets, budget, status);
}

/// A selector as Go shows it.
fn shown(selector: &Json) -> String {
    let mut labels = String::new();
    for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
        labels.push_str(&format!("{key}: {},", text(value)));
    }
    let mut expressions = String::new();
    for one in object::items(&selector["matchExpressions"]) {
        let values: Vec<&str> = object::items(&one["values"]).map(text).collect();
        expressions.push_str(&format!(
            "LabelSelectorRequirement{{Key:{},Operator:{},Values:[{}],}},",
            text(&one["key"]),
            text(&one["operator"]),
            values.join(" ")
        ));
    }
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )
}

/// How many Pods there should be, how many of them healthy, and which of them nobody controls.
struct Expectation {
    expected: i64,
    desired: i64,
    unmanaged: Vec<String>,
}

fn expectation(
    budget: &Json,
    pods: &[&Arc<Json>],
    scales: &mut Scales,
    cache: &Cache,
) -> Result<Expectation, String> {
    let (lacking, least) = (
        &budget["spec"]["maxUnavailable"],
        &budget["spec"]["minAvailable"],
    );
    if lacking.is_null() && !least.is_string() {
        return Ok(Expectation {
            expected: pods.len() as i64,
            desired: int(least),
            unmanaged: Vec::new(),
        });
    }
    let (expected, unmanaged) = scale(pods, scales, cache)?;
    let desired = match lacking.is_null() {
        true => object::share(least, expected, true),
        false => (expected - object::share(lacking, expected, true)).max(0),
    };
    Ok(Expectation {
        expected,
        desired,
        unmanaged,
    })
}

/// What the controllers of some Pods want, in sum, and the Pods that have none.
fn scale(
    pods: &[&Arc<Json>],
    scales: &mut Scales,
    cache: &Cache,
) -> Result<(i64, Vec<String>), String> {
    let mut sizes: BTreeMap<String, i64> = BTreeMap::new();
    let mut unmanaged = Vec::new();
    let mut known = BTreeSet::new();
    for pod in pods {
        let namespace = object::namespace(pod);
        let Some(owner) = object::controller(pod) else {
            unmanaged.push(object::name(pod).to_owned());
            continue;
        };
        if !known.insert(text(&owner["uid"])) {
            continue;
        }
        let mut found = scales.of(owner, namespace, cache);
        // A ReplicaSet of a Deployment speaks for the Deployment.
        if owner["kind"] == "ReplicaSet"
            && let Some(set) = cache.find(Kind::ReplicaSets, namespace, text(&owner["name"]))
            && object::uid(set) == text(&owner["uid"])
            && let Some(above) =
                object::controller(set).filter(|above| above["kind"] == "Deployment")
            && let Ok(deployment) = scales.of(above, namespace, cache)
            && deployment.uid == text(&above["uid"])
        {
            sizes.insert(deployment.uid, deployment.wanted);
            continue;
        }
        found = found.and_then(|found| match found.uid == text(&owner["uid"]) {
            true => Ok(found),
            false => Err(Lack::Object(String::new())),
        });
        match found {
            Ok(found) => {
                sizes.insert(found.uid, found.wanted);
            }
            Err(Lack::Kind(why)) => return Err(why),
            Err(Lack::Scale(resource)) => {
                return Err(format!(
                    "{resource} does not implement the scale subresource"
                ));
            }
            Err(Lack::Object(_)) => {
                return Err(format!(
                    "found no controllers for pod {:?}",
                    object::name(pod)
                ));
            }
        }
    }
    Ok((sizes.values().sum(), unmanaged))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of `TestNoSelector`, `TestIntegerMaxUnavailable`, `TestReplicaSet` of `disruption_test.go`.
    #[test]
    fn how_many_may_go() {
        let pod = |name: &str, ready: bool| {
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop", "uid": name, "labels": {"a": "b"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "set", "uid": "set", "controller": true}]},
                "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]}})
        };
        let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "set", "namespace": "shop", "uid": "set"}, "spec": {"replicas": 4}});
        let of = |spec: Json, selector: Json| {
            let mut budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b", "namespace": "shop", "generation": 1}, "spec": spec});
            budget["spec"]["selector"] = selector;
            let plan = Budgets::default().look(
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

    /// `TestUnmanagedPod`, `TestBasicFinderFunctions` and the fail-safe, by what they leave and tell.
    #[test]
    fn pods_that_nobody_scales_are_told() {
        let look = |owner: Json| {
            let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b", "namespace": "shop", "generation": 1},
                "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"a": "b"}}}});
            let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop", "labels": {"a": "b"}}, "status": {"phase": "Running"}});
            if owner.is_object() {
                pod["metadata"]["ownerReferences"] = json!([owner]);
            }
            let plan = Budgets::default().look("shop/b", &Cache::of([budget, pod]));
            let mut told = Vec::new();
            for action in plan.actions {
                match action {
                    crate::plan::Action::Tell(note) => {
                        told.push(format!("{} {}", note.reason, note.message));
                    }
                    crate::plan::Action::Status { object, .. } => {
                        let condition = &object["status"]["conditions"][0];
                        let allowed = &object["status"]["disruptionsAllowed"];
                        told.push(format!(
                            "{} {} {allowed}",
                            text(&condition["reason"]),
                            text(&condition["message"])
                        ));
                    }
                    _ => {}
                }
            }
            told
        };
        let alone = look(Json::Null);
        assert!(
            alone[0].starts_with(
                "UnmanagedPods Pods selected by this PodDisruptionBudget (selector: &LabelSelector{MatchLabels:map[string]string{a: b,},\
                 MatchExpressions:[]LabelSelectorRequirement{},}) were found to be unmanaged. As a result, "
            ),
            "{alone:?}"
        );
        assert_eq!(alone[1], "InsufficientPods  0");
        let owner = |kind: &str| json!({"apiVersion": "apps/v1", "kind": kind, "name": "o", "uid": "o", "controller": true});
        for (kind, why) in [
            (
                "DaemonSet",
                "daemonsets.apps does not implement the scale subresource",
            ),
            ("ReplicaSet", "found no controllers for pod \"p\""),
        ] {
            let expected = [
                format!(
                    "CalculateExpectedPodCountFailed Failed to calculate the number of expected pods: {why}"
                ),
                format!("SyncFailed {why} 0"),
            ];
            assert_eq!(look(owner(kind)), expected);
        }
    }
}

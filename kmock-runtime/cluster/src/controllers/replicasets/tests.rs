//! Rows of the tables of `replica_set_test.go` and `controller_utils_test.go`.

use super::*;
use crate::json::{Json, json};

fn set(replicas: i64) -> Json {
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": "web", "namespace": "shop", "uid": "set", "generation": 1},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}},
    })
}

fn pod(name: &str, ready: bool) -> Json {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": name, "labels": {"app": "web"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "web", "uid": "set", "controller": true}]},
        "spec": {"nodeName": "n1"},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }, "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
    })
}

fn look(objects: Vec<Json>) -> Plan {
    Replicas::sets().look("shop/web", &Cache::of(objects))
}

fn created(plan: &Plan) -> usize {
    plan.actions
        .iter()
        .filter(|action| matches!(action, Action::Create { .. }))
        .count()
}

fn deleted(plan: &Plan) -> Vec<&str> {
    let deleted = plan.actions.iter().filter_map(|action| match action {
        Action::Delete { key, .. } => Some(key.as_str()),
        _ => None,
    });
    deleted.collect()
}

fn written(plan: &Plan) -> Option<Json> {
    plan.actions.iter().find_map(|action| match action {
        Action::Status { object, .. } => Some(object["status"].clone()),
        _ => None,
    })
}

#[test]
fn it_makes_what_lacks_and_deletes_what_is_too_much() {
    let none = look(vec![set(2)]);
    assert_eq!((created(&none), deleted(&none).len()), (2, 0));
    assert_eq!(
        written(&none),
        Some(json!({"replicas": 0, "terminatingReplicas": 0, "observedGeneration": 1}))
    );
    // Of many the first ones: the others come when these are on their way.
    assert_eq!(created(&look(vec![set(200)])), 64);
    let enough = look(vec![set(1), pod("a", true)]);
    assert_eq!((created(&enough), deleted(&enough).len()), (0, 0));
    let many = look(vec![
        set(1),
        pod("a", true),
        pod("b", false),
        pod("c", true),
    ]);
    assert_eq!((created(&many), deleted(&many).len()), (0, 2));
    assert_eq!(deleted(&many)[0], "shop/b");
    assert_eq!(
        written(&many),
        Some(
            json!({"replicas": 3, "fullyLabeledReplicas": 3, "readyReplicas": 2, "availableReplicas": 2, "terminatingReplicas": 0, "observedGeneration": 1})
        )
    );
}

#[test]
fn what_is_over_or_going_does_not_count() {
    let mut failed = pod("failed", false);
    failed["status"]["phase"] = "Failed".into();
    let mut going = pod("going", true);
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    let plan = look(vec![set(2), pod("a", true), failed, going]);
    assert_eq!(created(&plan), 1);
    assert_eq!(written(&plan).expect("a status")["terminatingReplicas"], 1);
    let mut leaving = set(2);
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    assert_eq!(created(&look(vec![leaving])), 0);
}

#[test]
fn orphans_are_adopted_and_strangers_let_go() {
    let mut orphan = pod("orphan", true);
    orphan["metadata"]["ownerReferences"] = Json::Null;
    let mut stranger = pod("stranger", true);
    stranger["metadata"]["labels"] = json!({"app": "other"});
    let plan = look(vec![set(1), orphan, stranger]);
    assert_eq!((created(&plan), deleted(&plan).len()), (0, 0));
    let patched: Vec<&str> = plan
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::Patch { key, .. } => Some(key.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(patched, ["shop/stranger", "shop/orphan"]);
}

#[test]
fn pods_are_available_after_a_while() {
    let mut slow = set(1);
    slow["spec"]["minReadySeconds"] = 10.into();
    let mut cache = Cache::of([slow, pod("a", true)]);
    cache.set_now("2026-01-01T00:00:04Z".parse().expect("a time"));
    let plan = Replicas::sets().look("shop/web", &cache);
    assert_eq!(
        written(&plan).expect("a status").get("availableReplicas"),
        None
    );
    assert_eq!(plan.again, Some((Duration::from_millis(6001), Wait::Work)));
}

#[test]
fn a_refusal_is_told_and_stays_in_the_status() {
    let cache = Cache::of([set(1)]);
    let mut sets = Replicas::sets();
    let plan = sets.look("shop/web", &cache);
    let refusal = Refusal {
        code: 403,
        reason: "Forbidden".into(),
        message: "exceeded quota".into(),
    };
    let plan = sets.refused("shop/web", &plan.actions[0], &refusal, &cache);
    let Action::Tell(note) = &plan.actions[0] else {
        panic!("{plan:?}");
    };
    assert_eq!(
        (note.reason.as_str(), note.message.as_str()),
        ("FailedCreate", "Error creating: exceeded quota")
    );
    assert_eq!(
        written(&plan).expect("a status")["conditions"][0]["reason"],
        "FailedCreate"
    );
}

/// `TestSortingActivePodsWithRanks`: each one goes before all that follow.
#[test]
fn which_pods_go_first() {
    let row = |name: &str,
               node: &str,
               phase: &str,
               ready: Option<&str>,
               restarts: i64,
               cost: &str,
               created: &str| {
        let mut pod = pod(name, ready.is_some());
        pod["spec"]["nodeName"] = node.into();
        pod["status"]["phase"] = phase.into();
        if let Some(since) = ready {
            pod["status"]["conditions"][0]["lastTransitionTime"] = since.into();
        }
        pod["status"]["containerStatuses"] = json!([{ "restartCount": restarts }]);
        pod["metadata"]["annotations"] =
            json!({"controller.kubernetes.io/pod-deletion-cost": cost});
        pod["metadata"]["creationTimestamp"] = created.into();
        pod
    };
    let (old, new) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    let order = [
        row("unscheduled", "", "Pending", None, 0, "0", old),
        row("pending", "n1", "Pending", None, 0, "0", old),
        row("unready", "n1", "Running", None, 0, "0", old),
        row("cheap", "n1", "Running", Some(old), 0, "-1", old),
        row(
            "ready for a short time",
            "n1",
            "Running",
            Some(new),
            0,
            "0",
            old,
        ),
        row("restarted", "n1", "Running", Some(old), 3, "0", old),
        row("young", "n1", "Running", Some(old), 0, "0", new),
        row("old", "n1", "Running", Some(old), 0, "0", old),
        row("dear", "n1", "Running", Some(old), 0, "10", old),
    ];
    let now = "2026-01-02T00:00:01Z".parse().expect("a time");
    for (at, first) in order.iter().enumerate() {
        for second in &order[at + 1..] {
            assert!(
                pods::goes_first(first, second, &|_| 1, now).is_lt(),
                "{} {}",
                object::name(first),
                object::name(second)
            );
        }
    }
}

//! Rows of the tables of `rolling_test.go`, `sync_test.go`, `recreate_test.go` and `deployment_util_test.go`.

use super::*;
use crate::json::{Json, json};

fn deployment(replicas: i64, surge: Json, lacking: Json) -> Json {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "web", "generation": 1, "annotations": {REVISION: "2"}},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": lacking}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "new"}]}}},
        "status": {"conditions": [{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated", "lastUpdateTime": "2026-01-01T00:00:00Z"}]},
    })
}

fn set(name: &str, image: &str, number: i64, replicas: i64, available: i64, of: &Json) -> Json {
    let (surge, _) = fenceposts(of);
    let wanted = super::replicas(of);
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": name, "namespace": "shop", "uid": name, "labels": {"app": "web"}, "creationTimestamp": format!("2026-01-01T00:00:0{number}Z"),
            "annotations": {REVISION: number.to_string(), DESIRED: wanted.to_string(), MOST: (wanted + surge).to_string()},
            "ownerReferences": [{"kind": "Deployment", "name": "web", "uid": "web", "controller": true}]},
        "spec": {"replicas": replicas, "template": {"metadata": {"labels": {"app": "web", HASH: "x"}}, "spec": {"containers": [{"name": "c", "image": image}]}}},
        "status": {"replicas": replicas, "availableReplicas": available, "readyReplicas": available},
    })
}

/// The sizes that a look gives, by the ReplicaSets' names.
fn scaled(plan: &Plan) -> Vec<(String, i64)> {
    plan.actions
        .iter()
        .filter_map(|action| match action {
            Action::Patch {
                kind: Kind::ReplicaSets,
                key,
                patch,
                ..
            } => Some((key.replace("shop/", ""), int(&patch["spec"]["replicas"]))),
            _ => None,
        })
        .collect()
}

fn conditions(plan: &Plan) -> Vec<(String, String, String)> {
    let status = plan.actions.iter().find_map(|action| match action {
        Action::Status { object, .. } => Some(object.clone()),
        _ => None,
    });
    let status = status.unwrap_or_default();
    super::super::conditions::of(&status)
        .iter()
        .map(|one| {
            (
                text(&one["type"]).to_owned(),
                text(&one["status"]).to_owned(),
                text(&one["reason"]).to_owned(),
            )
        })
        .collect()
}

fn look(deployment: &Json, sets: &[Json]) -> Plan {
    let cache = Cache::of(std::iter::once(deployment.clone()).chain(sets.iter().cloned()));
    Deployments.look("shop/web", &cache)
}

#[test]
fn the_first_look_makes_a_replica_set() {
    let deployment = deployment(3, json!("25%"), json!("25%"));
    let plan = look(&deployment, &[]);
    let Action::Create { object, .. } = &plan.actions[0] else {
        panic!("{plan:?}");
    };
    assert_eq!(object["spec"]["replicas"], 3);
    let hash = text(&object["spec"]["selector"]["matchLabels"][HASH]);
    assert_eq!(object::name(object), format!("web-{hash}"));
    assert_eq!(
        (
            object::annotation(object, DESIRED),
            object::annotation(object, MOST),
            revision(object)
        ),
        ("3", "4", 1)
    );
    let Action::Tell(note) = &plan.actions[1] else {
        panic!("{plan:?}");
    };
    assert_eq!(
        note.message,
        format!("Scaled up replica set web-{hash} from 0 to 3")
    );
}

/// `TestDeploymentController_reconcileNewReplicaSet`: replicas, surge, the old and the new size, what the new one gets.
#[test]
fn the_new_set_grows_as_far_as_the_surge_allows() {
    for (replicas, surge, old, new, expected) in [
        (10, 0, 10, 0, None),
        (10, 2, 10, 0, Some(2)),
        (10, 2, 5, 0, Some(7)),
        (10, 2, 10, 2, None),
        (10, 2, 2, 11, Some(10)),
    ] {
        let deployment = deployment(replicas, json!(surge), json!(0));
        let sets = [
            set("old", "old", 1, old, old, &deployment),
            set("new", "new", 2, new, new, &deployment),
        ];
        let plan = look(&deployment, &sets);
        let to = scaled(&plan)
            .into_iter()
            .find(|(name, _)| name == "new")
            .map(|(_, size)| size);
        assert_eq!(to, expected, "{replicas} {surge} {old} {new}");
    }
}

/// `TestDeploymentController_reconcileOldReplicaSets`: what may lack, the sizes, how many are ready, what the old one keeps.
#[test]
fn old_sets_shrink_as_far_as_enough_are_available() {
    for (lacking, old, old_ready, new, new_ready, expected) in [
        (0, 10, 10, 0, 0, None),
        (2, 10, 10, 0, 0, Some(8)),
        (2, 10, 8, 0, 0, Some(8)),
        (2, 10, 9, 0, 0, Some(8)),
        (2, 8, 8, 2, 2, Some(6)),
        (2, 8, 8, 2, 0, None),
        (2, 10, 8, 2, 0, Some(8)),
    ] {
        let deployment = deployment(10, json!(0), json!(lacking));
        // Without a surge, nothing may lack only in a table: a real one is given one Pod of grace.
        let deployment = if lacking == 0 {
            self::deployment(10, json!(1), json!(0))
        } else {
            deployment
        };
        let sets = vec![
            set("old", "old", 1, old, old_ready, &deployment),
            set("new", "new", 2, new, new_ready, &deployment),
        ];
        let cache = Cache::default();
        let mut work = Work {
            deployment: &deployment,
            sets,
            new: Some(1),
            cache: &cache,
            plan: Plan::nothing(),
        };
        work.scale_old();
        let to = scaled(&work.plan)
            .into_iter()
            .rfind(|(name, _)| name == "old")
            .map(|(_, size)| size);
        assert_eq!(
            to, expected,
            "{lacking} {old}/{old_ready} {new}/{new_ready}"
        );
    }
}

/// `TestScale`: the sizes before with the number that they were for, the number now, the sizes after.
#[test]
fn scaling_is_in_proportion() {
    for (before, now, new, old, after_new, after_old) in [
        (10, 12, 10, vec![], 12, vec![]),
        (10, 5, 10, vec![], 5, vec![]),
        (10, 20, 5, vec![5], 10, vec![10]),
        (20, 10, 10, vec![10], 5, vec![5]),
        (10, 0, 7, vec![3], 0, vec![0]),
        (10, 20, 6, vec![4], 12, vec![8]),
    ] {
        let was = deployment(before, json!(0), json!(1));
        let mut sets = vec![set("new", "new", 2, new, new, &was)];
        for (at, size) in old.iter().enumerate() {
            sets.push(set(
                &format!("old{at}"),
                "old",
                at as i64 + 1,
                *size,
                *size,
                &was,
            ));
        }
        let plan = look(&deployment(now, json!(0), json!(1)), &sets);
        let size_of = |name: &str, unchanged: i64| {
            scaled(&plan)
                .into_iter()
                .find(|(one, _)| one == name)
                .map_or(unchanged, |(_, size)| size)
        };
        assert_eq!(size_of("new", new), after_new, "{before} to {now}");
        for (at, size) in after_old.iter().enumerate() {
            assert_eq!(
                size_of(&format!("old{at}"), old[at]),
                *size,
                "{before} to {now}"
            );
        }
    }
}

#[test]
fn recreating_waits_for_the_last_old_pod() {
    let mut deployment = deployment(2, Json::Null, Json::Null);
    deployment["spec"]["strategy"] = json!({"type": "Recreate"});
    let old = set("old", "old", 1, 2, 2, &deployment);
    assert_eq!(
        scaled(&look(&deployment, std::slice::from_ref(&old))),
        [("old".to_owned(), 0)]
    );
    let mut empty = old;
    empty["spec"]["replicas"] = 0.into();
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop", "uid": "p",
        "ownerReferences": [{"kind": "ReplicaSet", "name": "old", "uid": "old", "controller": true}]}, "status": {"phase": "Running"}});
    let creates = |plan: &Plan| {
        plan.actions
            .iter()
            .any(|action| matches!(action, Action::Create { .. }))
    };
    assert!(!creates(&look(&deployment, &[empty.clone(), pod])));
    assert!(creates(&look(&deployment, &[empty])));
}

#[test]
fn history_keeps_as_many_as_it_should() {
    let mut deployment = deployment(1, json!(1), json!(0));
    deployment["spec"]["revisionHistoryLimit"] = 1.into();
    let mut sets = vec![set("new", "new", 4, 1, 1, &deployment)];
    sets[0]["status"]["replicas"] = 1.into();
    for number in 1..4 {
        sets.push(set(
            &format!("old{number}"),
            &format!("old{number}"),
            number,
            0,
            0,
            &deployment,
        ));
    }
    deployment["metadata"]["annotations"][REVISION] = "4".into();
    let plan = look(&deployment, &sets);
    let deleted: Vec<&str> = plan
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::Delete { key, .. } => Some(key.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(deleted, ["shop/old1", "shop/old2"]);
}

#[test]
fn going_back_gives_an_old_set_a_new_number() {
    let deployment = deployment(1, json!(1), json!(0));
    let sets = [
        set("back", "new", 1, 0, 0, &deployment),
        set("bad", "bad", 2, 1, 1, &deployment),
    ];
    let plan = look(&deployment, &sets);
    let Action::Update { object, .. } = &plan.actions[0] else {
        panic!("{plan:?}");
    };
    assert_eq!(
        (revision(object), object::annotation(object, HISTORY)),
        (3, "1")
    );
}

#[test]
fn progress_and_its_deadline() {
    let of = |reason: &str, status: Json, available: i64, now: &str| {
        let mut deployment = deployment(2, json!(1), json!(0));
        deployment["status"]["conditions"][0]["reason"] = reason.into();
        for (key, value) in status.as_object().expect("a status") {
            deployment["status"][key] = value.clone();
        }
        let mut cache = Cache::of([
            deployment.clone(),
            set("new", "new", 2, 2, available, &deployment),
        ]);
        cache.set_now(now.parse().expect("a time"));
        let plan = Deployments.look("shop/web", &cache);
        let progressing = conditions(&plan)
            .into_iter()
            .find(|(sort, ..)| sort == "Progressing");
        (
            progressing.map(|(_, status, reason)| format!("{status} {reason}")),
            plan.again,
        )
    };
    let soon = "2026-01-01T00:00:10Z";
    assert_eq!(
        of("ReplicaSetUpdated", json!({}), 2, soon).0.as_deref(),
        Some("True NewReplicaSetAvailable")
    );
    assert_eq!(
        of("NewReplicaSetCreated", json!({}), 1, soon).0.as_deref(),
        Some("True ReplicaSetUpdated")
    );
    let stuck =
        json!({"replicas": 2, "updatedReplicas": 2, "readyReplicas": 1, "availableReplicas": 1});
    let (condition, again) = of("ReplicaSetUpdated", stuck.clone(), 1, soon);
    assert_eq!(condition.as_deref(), Some("True ReplicaSetUpdated"));
    assert_eq!(
        again,
        Some((
            std::time::Duration::from_secs(591),
            crate::plan::Wait::Appointment
        ))
    );
    assert_eq!(
        of("ReplicaSetUpdated", stuck, 1, "2026-01-01T00:10:01Z")
            .0
            .as_deref(),
        Some("False ProgressDeadlineExceeded")
    );
}

#[test]
fn fences() {
    for (replicas, surge, lacking, expected) in [
        (10, json!("25%"), json!("25%"), (3, 2)),
        (1, json!("25%"), json!("25%"), (1, 0)),
        (3, json!(0), json!("10%"), (0, 1)),
        (2, json!(1), json!(5), (1, 2)),
    ] {
        assert_eq!(
            fenceposts(&deployment(replicas, surge, lacking)),
            expected,
            "{replicas}"
        );
    }
}

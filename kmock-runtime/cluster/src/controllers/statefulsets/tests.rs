//! Rows of `stateful_set_control_test.go` and `stateful_set_utils_test.go`.

use super::*;
use crate::json::{Json, json};

fn set(replicas: i64, more: &[(&str, Json)]) -> Json {
    let mut set = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "shop", "uid": "db", "generation": 1},
        "spec": {"replicas": replicas, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "c", "image": "db:1"}]}}},
    });
    for (path, value) in more {
        let mut at = &mut set;
        for part in path.split('.') {
            at = &mut at[part];
        }
        *at = value.clone();
    }
    set
}

fn revision_of(set: &Json, number: i64) -> Json {
    let mut revision = revisions::new(Kind::StatefulSets, set, number, 0, HASH);
    revision["metadata"]["uid"] = format!("r{number}").into();
    revision
}

fn pod(set: &Json, number: i64, revision: &Json, ready: bool) -> Json {
    let name = format!("db-{number}");
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": name, "ownerReferences": [object::reference(Kind::StatefulSets, set)],
            "labels": {"app": "db", REVISION: object::name(revision), "statefulset.kubernetes.io/pod-name": name, "apps.kubernetes.io/pod-index": number.to_string()}},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }, "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
    })
}

/// What a look does: `+db-0` makes a Pod, `-db-0` deletes one.
fn moves(objects: Vec<Json>) -> Vec<String> {
    let plan = StatefulSets.look("shop/db", &Cache::of(objects));
    plan.actions
        .iter()
        .filter_map(|action| match action {
            Action::Create {
                kind: Kind::Pods | Kind::Claims,
                object,
                ..
            } => Some(format!("+{}", object::name(object))),
            Action::Delete { key, .. } => Some(format!("-{}", key.replace("shop/", ""))),
            _ => None,
        })
        .collect()
}

#[test]
fn pods_come_one_after_the_other_or_all_at_once() {
    let ordered = set(3, &[]);
    let one = revision_of(&ordered, 1);
    assert_eq!(moves(vec![ordered.clone(), one.clone()]), ["+db-0"]);
    assert!(
        moves(vec![
            ordered.clone(),
            one.clone(),
            pod(&ordered, 0, &one, false)
        ])
        .is_empty()
    );
    assert_eq!(
        moves(vec![
            ordered.clone(),
            one.clone(),
            pod(&ordered, 0, &one, true)
        ]),
        ["+db-1"]
    );
    let parallel = set(3, &[("spec.podManagementPolicy", json!("Parallel"))]);
    assert_eq!(
        moves(vec![parallel.clone(), revision_of(&parallel, 1)]),
        ["+db-0", "+db-1", "+db-2"]
    );
    let starting = set(
        2,
        &[
            ("spec.ordinals", json!({"start": 5})),
            ("spec.podManagementPolicy", json!("Parallel")),
        ],
    );
    assert_eq!(
        moves(vec![starting.clone(), revision_of(&starting, 1)]),
        ["+db-5", "+db-6"]
    );
}

#[test]
fn pods_go_from_the_last_one() {
    let shrunk = set(1, &[]);
    let one = revision_of(&shrunk, 1);
    let with = |ready: [bool; 3]| {
        let mut objects = vec![shrunk.clone(), one.clone()];
        objects.extend((0..3).map(|number| pod(&shrunk, number, &one, ready[number as usize])));
        objects
    };
    assert_eq!(moves(with([true, true, true])), ["-db-2"]);
    // One that is not healthy holds the others, unless it is the one that goes.
    assert!(moves(with([true, false, true])) == ["-db-2"]);
    assert_eq!(moves(with([true, true, false])), ["-db-2"]);
    assert!(moves(with([false, true, true])).is_empty());
}

#[test]
fn a_new_template_goes_from_the_last_one_down_to_the_partition() {
    let old = set(3, &[]);
    let one = revision_of(&old, 1);
    let newer = |more: &[(&str, Json)]| {
        let mut all = vec![
            (
                "spec.template.spec.containers",
                json!([{"name": "c", "image": "db:2"}]),
            ),
            ("status.currentRevision", json!(object::name(&one))),
        ];
        all.extend(more.iter().cloned());
        set(3, &all)
    };
    let with = |set: &Json, revisions: [u8; 3], ready: [bool; 3]| {
        let two = revision_of(set, 2);
        let mut objects = vec![set.clone(), one.clone(), two.clone()];
        for number in 0..3 {
            let of = if revisions[number] == 1 { &one } else { &two };
            objects.push(pod(set, number as i64, of, ready[number]));
        }
        objects
    };
    let plain = newer(&[]);
    assert_eq!(moves(with(&plain, [1, 1, 1], [true; 3])), ["-db-2"]);
    assert_eq!(moves(with(&plain, [1, 1, 2], [true; 3])), ["-db-1"]);
    assert!(moves(with(&plain, [1, 1, 2], [true, true, false])).is_empty());
    assert!(moves(with(&plain, [2, 2, 2], [true; 3])).is_empty());
    let split = newer(&[("spec.updateStrategy.rollingUpdate.partition", json!(2))]);
    assert!(moves(with(&split, [1, 1, 2], [true; 3])).is_empty());
    let by_hand = newer(&[("spec.updateStrategy", json!({"type": "OnDelete"}))]);
    assert!(moves(with(&by_hand, [1, 1, 1], [true; 3])).is_empty());
}

#[test]
fn the_first_look_makes_a_revision() {
    let set = set(1, &[]);
    let plan = StatefulSets.look("shop/db", &Cache::of([set.clone()]));
    let [
        Action::Create {
            kind: Kind::ControllerRevisions,
            object,
            ..
        },
    ] = plan.actions.as_slice()
    else {
        panic!("{plan:?}");
    };
    assert_eq!(
        (
            int(&object["revision"]),
            &object["data"]["spec"]["template"]["$patch"]
        ),
        (1, &json!("replace"))
    );
    assert_eq!(revisions::template(object), set["spec"]["template"]);
}

#[test]
fn claims_come_with_pods_and_go_as_the_policy_says() {
    let claims = (
        "spec.volumeClaimTemplates",
        json!([{"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}]),
    );
    let plain = set(1, std::slice::from_ref(&claims));
    let one = revision_of(&plain, 1);
    assert_eq!(moves(vec![plain.clone(), one]), ["+data-db-0", "+db-0"]);
    let mut going = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data-db-0", "namespace": "shop", "deletionTimestamp": "2026-01-01T00:00:00Z"}});
    assert!(moves(vec![plain.clone(), revision_of(&plain, 1), going.clone()]).is_empty());
    going["metadata"]["deletionTimestamp"] = Json::Null;
    let owners = |scaled: &str, deleted: &str, replicas: i64| {
        let set = set(
            replicas,
            &[
                claims.clone(),
                (
                    "spec.persistentVolumeClaimRetentionPolicy",
                    json!({"whenScaled": scaled, "whenDeleted": deleted}),
                ),
            ],
        );
        let one = revision_of(&set, 1);
        let plan = StatefulSets.look(
            "shop/db",
            &Cache::of([
                set.clone(),
                one.clone(),
                pod(&set, 0, &one, true),
                going.clone(),
            ]),
        );
        plan.actions.iter().find_map(|action| match action {
            Action::Patch {
                kind: Kind::Claims,
                patch,
                ..
            } => Some(text(&patch["metadata"]["ownerReferences"][0]["kind"]).to_owned()),
            _ => None,
        })
    };
    assert_eq!(owners("Retain", "Retain", 1), None);
    assert_eq!(
        owners("Retain", "Delete", 1).as_deref(),
        Some("StatefulSet")
    );
    assert_eq!(owners("Delete", "Retain", 1), None);
    assert_eq!(owners("Delete", "Retain", 0).as_deref(), Some("Pod"));
    assert_eq!(
        owners("Delete", "Delete", 1).as_deref(),
        Some("StatefulSet")
    );
}

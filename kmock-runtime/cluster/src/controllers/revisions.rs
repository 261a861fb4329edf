//! The history of templates of StatefulSets and DaemonSets: ControllerRevisions.

use std::sync::Arc;

use crate::cache::Cache;
use crate::hash;
use crate::json::{Json, json};
use crate::kind::Kind;
use crate::object::{self, int};
use crate::plan::{Action, Plan};

/// What a revision keeps of a workload: a patch that gives its template back.
pub(crate) fn data(owner: &Json) -> Json {
    let mut template = owner["spec"]["template"].clone();
    template["$patch"] = "replace".into();
    json!({"spec": {"template": template}})
}

/// The template that a revision keeps.
pub(crate) fn template(revision: &Json) -> Json {
    let mut template = revision["data"]["spec"]["template"].clone();
    object::set(&mut template, "$patch", Json::Null);
    template
}

/// A new revision of a workload's template.
pub(crate) fn new(kind: Kind, owner: &Json, number: i64, collisions: i64, label: &str) -> Json {
    let data = data(owner);
    let hash = hash::of_revision(&data, collisions);
    let prefix: String = object::name(owner).chars().take(223).collect();
    let mut labels = owner["spec"]["template"]["metadata"]["labels"].clone();
    labels[label] = hash.as_str().into();
    let mut revision = json!({
        "apiVersion": "apps/v1", "kind": "ControllerRevision",
        "metadata": {
            "name": format!("{prefix}-{hash}"), "namespace": object::namespace(owner), "labels": labels,
            "ownerReferences": [object::reference(kind, owner)],
        },
        "data": data, "revision": number,
    });
    if let Some(annotations) = owner["metadata"]["annotations"]
        .as_object()
        .filter(|map| !map.is_empty())
    {
        revision["metadata"]["annotations"] = annotations.clone().into();
    }
    revision
}

/// The revisions of a workload, oldest first.
pub(crate) fn of(owner: &Json, cache: &Cache) -> Vec<Arc<Json>> {
    let mut all: Vec<Arc<Json>> = cache
        .controlled(Kind::ControllerRevisions, object::uid(owner))
        .cloned()
        .collect();
    all.sort_by_key(|revision| {
        (
            int(&revision["revision"]),
            object::created(revision),
            object::name(revision).to_owned(),
        )
    });
    all
}

/// The revision of the present template: the last one, an old one with a new number, or a new one. `Err`: the plan
/// makes it first.
pub(crate) fn present(
    kind: Kind,
    owner: &Json,
    all: &[Arc<Json>],
    label: &str,
    plan: &mut Plan,
) -> Result<Arc<Json>, ()> {
    let data = data(owner);
    let next = all.last().map_or(0, |last| int(&last["revision"])) + 1;
    let same = all.iter().rev().find(|revision| revision["data"] == data);
    let collisions = int(&owner["status"]["collisionCount"]);
    match same {
        Some(same)
            if all
                .last()
                .is_some_and(|last| object::uid(last) == object::uid(same)) =>
        {
            Ok(Arc::clone(same))
        }
        Some(same) => {
            let mut renewed = (**same).clone();
            renewed["revision"] = next.into();
            plan.add(Action::Update {
                kind: Kind::ControllerRevisions,
                object: renewed,
            });
            Err(())
        }
        None => {
            plan.add(Action::Create {
                kind: Kind::ControllerRevisions,
                object: new(kind, owner, next, collisions, label),
                told: None,
            });
            Err(())
        }
    }
}

/// Deletes the oldest revisions that nobody uses, down to as many as the history keeps.
pub(crate) fn clean_up(
    owner: &Json,
    all: &[Arc<Json>],
    used: &dyn Fn(&Json) -> bool,
    plan: &mut Plan,
) {
    let limit = owner["spec"]["revisionHistoryLimit"].as_i64().unwrap_or(10);
    let idle: Vec<&Arc<Json>> = all.iter().filter(|revision| !used(revision)).collect();
    let surplus = idle.len() as i64 - limit;
    for revision in idle.into_iter().take(surplus.max(0) as usize) {
        plan.delete(Kind::ControllerRevisions, revision);
    }
}

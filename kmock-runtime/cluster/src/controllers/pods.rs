//! What all controllers of Pods share: which are theirs, how they are made, and which go first.

use std::cmp::Ordering;
use std::sync::Arc;

use jiff::Timestamp;

use crate::cache::{Cache, Change};
use crate::emulator::selectors::LabelSelector;
use crate::json::{Json, json};
use crate::kind::Kind;
use crate::object::{self, items, text};
use crate::plan::{Action, Note, Plan};

/// The Pods of an owner: those that it controls and still selects. Those that it controls and does not select any more
/// are let go; orphans that it selects are adopted.
pub(crate) fn claimed(
    kind: Kind,
    owner: &Json,
    selects: &dyn Fn(&Json) -> bool,
    of: Kind,
    cache: &Cache,
    plan: &mut Plan,
) -> Vec<Arc<Json>> {
    let uid = object::uid(owner);
    let mut mine = Vec::new();
    for object in cache.controlled(of, uid) {
        if selects(object) {
            mine.push(Arc::clone(object));
        } else if !object::is_deleting(owner) && !object::is_deleting(object) {
            let left: Vec<Json> = items(&object["metadata"]["ownerReferences"])
                .filter(|one| one["uid"] != uid)
                .cloned()
                .collect();
            let left = if left.is_empty() {
                Json::Null
            } else {
                left.into()
            };
            plan.add(Action::Patch {
                kind: of,
                key: object::key(object),
                subresource: "",
                patch: json!({"metadata": {"ownerReferences": left, "uid": object::uid(object)}}),
            });
        }
    }
    if object::is_deleting(owner) {
        return mine;
    }
    for object in cache.within(of, object::namespace(owner)) {
        if object::controller(object).is_some() || object::is_deleting(object) || !selects(object) {
            continue;
        }
        // A finished Pod is nobody's concern.
        if of == Kind::Pods && object::is_finished(object) {
            continue;
        }
        let mut owners: Vec<Json> = items(&object["metadata"]["ownerReferences"])
            .cloned()
            .collect();
        owners.push(object::reference(kind, owner));
        plan.add(Action::Patch {
            kind: of,
            key: object::key(object),
            subresource: "",
            patch: json!({"metadata": {"ownerReferences": owners, "uid": object::uid(object)}}),
        });
        mine.push(Arc::clone(object));
    }
    mine
}

/// The same by a label selector.
pub(crate) fn claimed_by(
    kind: Kind,
    owner: &Json,
    selector: &LabelSelector,
    of: Kind,
    cache: &Cache,
    plan: &mut Plan,
) -> Vec<Arc<Json>> {
    claimed(
        kind,
        owner,
        &|object| selector.matches(object::labels(object)),
        of,
        cache,
        plan,
    )
}

/// The key of the owner of a kind that an object has, or had.
pub(crate) fn owners(change: &Change, kind: Kind, keys: &mut Vec<String>) {
    for object in [&change.old, &change.new].into_iter().flatten() {
        if let Some(owner) = object::controller(object)
            && owner["kind"] == kind.name()
        {
            let key = [object::namespace(object), "/", text(&owner["name"])].concat();
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
}

/// An orphan wakes all owners of a kind in its namespace that may adopt it.
pub(crate) fn adopters(
    change: &Change,
    kind: Kind,
    cache: &Cache,
    selects: &dyn Fn(&Json, &Json) -> bool,
    keys: &mut Vec<String>,
) {
    let Some(object) = change.new.as_deref() else {
        return;
    };
    if object::controller(object).is_some() || object::is_deleting(object) {
        return;
    }
    for owner in cache.within(kind, object::namespace(object)) {
        if selects(owner, object) {
            keys.push(object::key(owner));
        }
    }
}

/// Whether the `spec.selector` of an owner selects an object.
pub(crate) fn selects(owner: &Json, object: &Json) -> bool {
    selector(owner).is_some_and(|selector| selector.matches(object::labels(object)))
}

/// The `spec.selector` of an owner, for whoever asks it of many objects; `None`: it selects nothing.
pub(crate) fn selector(owner: &Json) -> Option<LabelSelector> {
    object::selector(&owner["spec"]["selector"]).filter(|selector| !selector.is_empty())
}

/// A Pod of a template, with a generated name.
pub(crate) fn from_template(kind: Kind, owner: &Json, template: &Json) -> Json {
    let mut metadata = json!({
        "generateName": prefix(object::name(owner)),
        "namespace": object::namespace(owner),
        "ownerReferences": [object::reference(kind, owner)],
    });
    for part in ["labels", "annotations", "finalizers"] {
        if !template["metadata"][part].is_null() {
            metadata[part] = template["metadata"][part].clone();
        }
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
}

/// What the names of an owner's Pods begin with.
pub(crate) fn prefix(name: &str) -> String {
    format!("{name}-")
}

/// Creates a Pod, and tells it.
pub(crate) fn create(kind: Kind, owner: &Json, pod: Json, plan: &mut Plan) {
    plan.add(Action::Create {
        kind: Kind::Pods,
        object: pod,
        told: Some(Note::normal(
            kind,
            owner,
            "SuccessfulCreate",
            "Created pod: {}",
        )),
    });
}

/// Deletes a Pod, and tells it.
pub(crate) fn delete(kind: Kind, owner: &Json, pod: &Json, plan: &mut Plan) {
    plan.delete(Kind::Pods, pod);
    plan.tell(Note::normal(
        kind,
        owner,
        "SuccessfulDelete",
        format!("Deleted pod: {}", object::name(pod)),
    ));
}

/// Tells that a Pod could not be created.
pub(crate) fn cannot_create(kind: Kind, owner: &Json, message: &str, plan: &mut Plan) {
    plan.tell(Note::warning(
        kind,
        owner,
        "FailedCreate",
        format!("Error creating: {message}"),
    ));
}

/// Which of two Pods goes first: what has no node before what has one, pending before running, unready before ready,
/// cheap before dear, those of crowded nodes, what is ready for a shorter time, what restarted more, what is younger.
pub(crate) fn goes_first(
    a: &Json,
    b: &Json,
    related: &dyn Fn(&Json) -> usize,
    now: Timestamp,
) -> Ordering {
    let no_node = |pod: &Json| !object::node_of(pod).is_empty();
    let phase = |pod: &Json| match object::phase(pod) {
        "Pending" | "" => 0,
        "Unknown" => 1,
        _ => 2,
    };
    let cost = |pod: &Json| {
        object::annotation(pod, "controller.kubernetes.io/pod-deletion-cost")
            .parse::<i32>()
            .unwrap_or_default()
    };
    let ready_since = |pod: &Json| {
        object::condition(pod, "Ready")
            .filter(|ready| ready["status"] == "True")
            .and_then(|ready| object::moment(&ready["lastTransitionTime"]))
    };
    // Ages count by their order of magnitude only.
    let rank = |since: Timestamp| {
        let seconds = object::until(now, since).as_secs();
        64 - seconds.leading_zeros()
    };
    let restarts = |pod: &Json| {
        let of = |part: &str| {
            items(&pod["status"][part])
                .map(|one| object::int(&one["restartCount"]))
                .max()
                .unwrap_or_default()
        };
        of("containerStatuses").max(of("initContainerStatuses"))
    };
    no_node(a)
        .cmp(&no_node(b))
        .then_with(|| phase(a).cmp(&phase(b)))
        .then_with(|| object::is_ready(a).cmp(&object::is_ready(b)))
        .then_with(|| cost(a).cmp(&cost(b)))
        .then_with(|| related(b).cmp(&related(a)))
        .then_with(|| match (ready_since(a), ready_since(b)) {
            (Some(a), Some(b)) => rank(a).cmp(&rank(b)),
            _ => Ordering::Equal,
        })
        .then_with(|| restarts(b).cmp(&restarts(a)))
        .then_with(|| rank(object::created(a)).cmp(&rank(object::created(b))))
        // Alike in all that counts: the name decides, so that it is the same each time.
        .then_with(|| object::uid(a).cmp(object::uid(b)))
}

/// Says in a Pod's status that it is about to go, and why; a phase goes with it.
pub(crate) fn mark_disrupted(
    plan: &mut Plan,
    pod: &Json,
    phase: Option<&str>,
    reason: &str,
    message: &str,
    now: Timestamp,
) {
    let mut conditions: Vec<Json> = items(&pod["status"]["conditions"])
        .filter(|one| one["type"] != "DisruptionTarget")
        .cloned()
        .collect();
    let mut condition = json!({
        "type": "DisruptionTarget", "status": "True", "reason": reason, "message": message,
        "lastProbeTime": null, "lastTransitionTime": object::time(now),
    });
    let generation = object::generation(pod);
    if generation > 0 {
        condition["observedGeneration"] = generation.into();
    }
    conditions.push(condition);
    let mut status = json!({ "conditions": conditions });
    if let Some(phase) = phase {
        status["phase"] = phase.into();
    }
    plan.add(Action::Patch {
        kind: Kind::Pods,
        key: object::key(pod),
        subresource: "status",
        patch: json!({ "status": status }),
    });
}

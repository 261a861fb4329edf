//! What controllers ask of objects: names, owners, conditions, the state of Pods.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;

use crate::emulator::meta;
use crate::emulator::selectors::LabelSelector;
use crate::json::{Json, Members, json};
use crate::kind::Kind;

/// A text, empty where there is none.
pub(crate) fn text(value: &Json) -> &str {
    value.as_str().unwrap_or_default()
}

/// A number, 0 where there is none.
pub(crate) fn int(value: &Json) -> i64 {
    value.as_i64().unwrap_or_default()
}

/// The items of a list; none where there is no list.
pub(crate) fn items(value: &Json) -> std::slice::Iter<'_, Json> {
    value
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
}

pub(crate) fn name(object: &Json) -> &str {
    text(&object["metadata"]["name"])
}

pub(crate) fn namespace(object: &Json) -> &str {
    text(&object["metadata"]["namespace"])
}

pub(crate) fn uid(object: &Json) -> &str {
    text(&object["metadata"]["uid"])
}

pub(crate) fn generation(object: &Json) -> i64 {
    int(&object["metadata"]["generation"])
}

/// `namespace/name`, or the name of a cluster-scoped object: as the store has it.
pub(crate) fn key(object: &Json) -> String {
    joined(namespace(object), name(object)).into_owned()
}

/// The key of a namespace, empty for what is in none, and a name.
pub(crate) fn joined<'a>(namespace: &str, name: &'a str) -> Cow<'a, str> {
    match namespace {
        "" => name.into(),
        namespace => [namespace, "/", name].concat().into(),
    }
}

/// The namespace and the name of a key.
pub(crate) fn split(key: &str) -> (&str, &str) {
    key.split_once('/').unwrap_or(("", key))
}

pub(crate) fn labels(object: &Json) -> Option<&Members> {
    object["metadata"]["labels"].as_object()
}

pub(crate) fn annotation<'a>(object: &'a Json, key: &str) -> &'a str {
    text(&object["metadata"]["annotations"][key])
}

/// Whether it is being deleted.
pub(crate) fn is_deleting(object: &Json) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

/// The owner that controls an object.
pub(crate) fn controller(object: &Json) -> Option<&Json> {
    items(&object["metadata"]["ownerReferences"]).find(|owner| owner["controller"] == true)
}

/// Whether an object is controlled by that of a uid.
pub(crate) fn is_controlled_by(object: &Json, uid: &str) -> bool {
    controller(object).is_some_and(|owner| owner["uid"] == uid)
}

/// The owner reference of what an object controls.
pub(crate) fn reference(kind: Kind, owner: &Json) -> Json {
    json!({
        "apiVersion": kind.api_version(), "kind": kind.name(), "name": name(owner), "uid": uid(owner),
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// A moment as objects write it; `None` where there is none.
pub(crate) fn moment(value: &Json) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

pub(crate) fn created(object: &Json) -> Timestamp {
    moment(&object["metadata"]["creationTimestamp"]).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A moment in whole seconds, as objects write it.
pub(crate) fn time(moment: Timestamp) -> Json {
    meta::rfc3339(moment).into()
}

/// How long it is until a moment; nothing if it is over.
pub(crate) fn until(moment: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(moment.duration_since(now)).unwrap_or_default()
}

/// A moment so many seconds later, at most the last one there is; of a negative number, earlier.
pub(crate) fn after(moment: Timestamp, seconds: i64) -> Timestamp {
    let end = if seconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    moment
        .checked_add(jiff::SignedDuration::from_secs(seconds))
        .unwrap_or(end)
}

// ── selectors ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// The selector of a workload; one that cannot be read, or is not there, selects nothing.
pub(crate) fn selector(value: &Json) -> Option<LabelSelector> {
    LabelSelector::from_object(&value.into()).ok().flatten()
}

/// Whether a plain map of labels (of a Service, a ReplicationController, a node selector) selects some labels.
pub(crate) fn map_selects(map: &Json, labels: Option<&Members>) -> bool {
    let Some(map) = map.as_object() else {
        return false;
    };
    map.iter()
        .all(|(key, value)| labels.is_some_and(|labels| labels.get(key) == Some(value)))
}

// ── conditions ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// A condition of an object's status.
pub(crate) fn condition<'a>(object: &'a Json, sort: &str) -> Option<&'a Json> {
    items(&object["status"]["conditions"]).find(|condition| condition["type"] == sort)
}

/// Whether a condition holds.
pub(crate) fn holds(object: &Json, sort: &str) -> bool {
    condition(object, sort).is_some_and(|condition| condition["status"] == "True")
}

// ── pods ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/// The container of a Pod's spec, of whatever sort it is; null if there is none.
pub(crate) fn spec_of<'a>(pod: &'a Json, name: &str) -> &'a Json {
    static NOTHING: Json = Json::Null;
    ["initContainers", "containers", "ephemeralContainers"]
        .iter()
        .flat_map(|part| items(&pod["spec"][*part]))
        .find(|container| container["name"] == name)
        .unwrap_or(&NOTHING)
}

pub(crate) fn phase(pod: &Json) -> &str {
    text(&pod["status"]["phase"])
}

pub(crate) fn node_of(pod: &Json) -> &str {
    text(&pod["spec"]["nodeName"])
}

pub(crate) fn is_finished(pod: &Json) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Whether a Pod counts: it is not over, and nobody deletes it.
pub(crate) fn is_active(pod: &Json) -> bool {
    !is_finished(pod) && !is_deleting(pod)
}

pub(crate) fn is_ready(pod: &Json) -> bool {
    holds(pod, "Ready")
}

/// Whether a Pod has been ready for so many seconds; otherwise how long that takes yet, if it is ready.
pub(crate) fn is_available(
    pod: &Json,
    seconds: i64,
    now: Timestamp,
) -> Result<(), Option<Duration>> {
    let Some(ready) = condition(pod, "Ready").filter(|ready| ready["status"] == "True") else {
        return Err(None);
    };
    if seconds == 0 {
        return Ok(());
    }
    let since = moment(&ready["lastTransitionTime"]).ok_or(None)?;
    let when = after(since, seconds);
    if when <= now {
        Ok(())
    } else {
        Err(Some(until(when, now)))
    }
}

/// A number of Pods, or a share of them in percent, of `total`.
pub(crate) fn share(value: &Json, total: i64, round_up: bool) -> i64 {
    match value {
        Json::String(text) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or_default();
            let all = total * percent;
            if round_up {
                (all + 99).div_euclid(100)
            } else {
                all.div_euclid(100)
            }
        }
        other => int(other),
    }
}

/// Sets a member, or takes it away where the value is null.
pub(crate) fn set(object: &mut Json, key: &str, value: Json) {
    if let Some(map) = object.as_object_mut() {
        if value.is_null() {
            map.remove(key);
        } else {
            map.insert(key.to_owned(), value);
        }
    }
}

/// The action of a rule that restarts all containers of a Pod.
pub(crate) const RESTART_ALL: &str = "RestartAllContainers";

/// Whether a rule of a Pod may restart all of its containers.
pub(crate) fn may_restart_all(pod: &Json) -> bool {
    let spec = &pod["spec"];
    let mut all = items(&spec["initContainers"]).chain(items(&spec["containers"]));
    all.any(|container| {
        items(&container["restartPolicyRules"]).any(|rule| rule["action"] == RESTART_ALL)
    })
}

//! Conditions of workloads.

use jiff::Timestamp;

use crate::json::{Json, json};
use crate::object;

/// A new condition; `stamped` ones have a time of their last update, too.
pub(crate) fn new(sort: &str, status: &str, reason: &str, message: &str, now: Timestamp) -> Json {
    let mut condition =
        json!({"type": sort, "status": status, "lastTransitionTime": object::time(now)});
    if !reason.is_empty() {
        condition["reason"] = reason.into();
    }
    if !message.is_empty() {
        condition["message"] = message.into();
    }
    condition
}

/// Puts a condition in: one of the same status and reason stays as it is, one of the same status keeps its time.
pub(crate) fn set(conditions: &mut Vec<Json>, mut condition: Json) {
    let known = conditions
        .iter()
        .find(|one| one["type"] == condition["type"]);
    if let Some(known) = known {
        if known["status"] == condition["status"] && known["reason"] == condition["reason"] {
            return;
        }
        if known["status"] == condition["status"] {
            condition["lastTransitionTime"] = known["lastTransitionTime"].clone();
        }
    }
    conditions.retain(|one| one["type"] != condition["type"]);
    conditions.push(condition);
}

/// Puts a condition in where it stands, and says all that it says: one of the same status keeps its time.
pub(crate) fn put(conditions: &mut Vec<Json>, mut condition: Json) {
    match conditions
        .iter_mut()
        .find(|one| one["type"] == condition["type"])
    {
        Some(known) => {
            if known["status"] == condition["status"] {
                condition["lastTransitionTime"] = known["lastTransitionTime"].clone();
            }
            *known = condition;
        }
        None => conditions.push(condition),
    }
}

/// Takes a condition out.
pub(crate) fn remove(conditions: &mut Vec<Json>, sort: &str) {
    conditions.retain(|one| one["type"] != sort);
}

/// The conditions of an object's status.
pub(crate) fn of(object: &Json) -> Vec<Json> {
    object["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

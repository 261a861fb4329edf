//! What the server makes of a changed signing request: `pkg/registry/certificates/certificates/strategy.go`.

use serde_json::Value;

use super::times;
use super::values::{at, child, copy, is_set, items, section, text};
use crate::model::strategy::Context;

/// A change of the status: what was decided stays as it is, unless decisions come or go, which is a fault.
pub(in crate::kinds::builtin) fn prepare_for_status_update(
    context: &Context<'_>,
    new: &mut Value,
    old: &Value,
) {
    for ty in ["Approved", "Denied"] {
        let of = |object: &Value| -> Vec<usize> {
            let conditions = items(object, &["status", "conditions"]).iter().enumerate();
            let of_type = conditions.filter(|(_, condition)| text(condition, &["type"]) == ty);
            of_type.map(|(i, _)| i).collect()
        };
        let (former, now) = (of(old), of(new));
        if former.len() != now.len() {
            continue;
        }
        for (from, to) in former.into_iter().zip(now) {
            let kept = items(old, &["status", "conditions"]).get(from).cloned();
            let place = new
                .pointer_mut("/status/conditions")
                .and_then(|conditions| conditions.get_mut(to));
            if let (Some(kept), Some(place)) = (kept, place) {
                *place = kept;
            }
        }
    }
    fill_times(context, new, old);
}

/// A decision: nothing but the conditions changes.
pub(super) fn prepare_for_approval(context: &Context<'_>, new: &mut Value, old: &Value) {
    fill_times(context, new, old);
    let conditions = at(new, &["status", "conditions"]).clone();
    copy(new, old, "spec");
    copy(new, old, "status");
    if conditions.is_null() {
        if let Some(status) = new.get_mut("status").and_then(Value::as_object_mut) {
            status.remove("conditions");
        }
    } else {
        section(new, "status").insert("conditions".into(), conditions);
    }
}

/// Conditions that do not say when get the time of the request; one that was there before changed when it did.
fn fill_times(context: &Context<'_>, new: &mut Value, old: &Value) {
    let now = times::seconds(context.now);
    let Some(object) = new.as_object_mut() else {
        return;
    };
    if !object.contains_key("status") {
        return;
    }
    for condition in super::values::each(child(object, "status"), "conditions") {
        let condition_now = Value::Object(condition.clone());
        if !is_set(&condition_now, &["lastUpdateTime"]) {
            condition.insert("lastUpdateTime".into(), now.as_str().into());
        }
        if is_set(&condition_now, &["lastTransitionTime"]) {
            continue;
        }
        let same = |former: &&Value| {
            ["type", "status"]
                .iter()
                .all(|key| text(former, &[key]) == text(&condition_now, &[key]))
                && is_set(former, &["lastTransitionTime"])
        };
        let former = items(old, &["status", "conditions"]).iter().find(same);
        let since = former.map_or(now.as_str(), |former| text(former, &["lastTransitionTime"]));
        condition.insert("lastTransitionTime".into(), since.into());
    }
}

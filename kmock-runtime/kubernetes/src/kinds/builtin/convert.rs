//! One object, several forms: aliases inside a version, events of two groups, autoscalers of two versions.
//!
//! The API server converts through internal types; what such a round trip does to the fields is written down here.

use serde_json::{Value, json};

use super::values::{JsonObject, at, child};
use super::{autoscalers, base64};

/// Of a pod.
pub(super) fn pod(object: &mut Value) {
    pod_spec(object.get_mut("spec"));
    list_and_first(object.get_mut("status"), "podIP", "podIPs", Some("ip"));
}

/// Of what keeps a pod's spec there.
pub(super) fn template(object: &mut Value, pointer: &str) {
    pod_spec(object.pointer_mut(pointer));
}

/// Of a node.
pub(super) fn node(object: &mut Value) {
    list_and_first(object.get_mut("spec"), "podCIDR", "podCIDRs", None);
}

/// `stringData` is write-only: it becomes `data`.
pub(super) fn string_data(object: &mut Value) {
    let Value::Object(map) = object else { return };
    let Some(Value::Object(texts)) = map.remove("stringData") else {
        return;
    };
    if texts.is_empty() {
        return;
    }
    let data = child(map, "data");
    for (key, value) in texts {
        let encoded = base64::encode(value.as_str().unwrap_or_default().as_bytes());
        data.insert(key, encoded.into());
    }
}

/// `serviceAccount` is the old name of `serviceAccountName`.
fn pod_spec(spec: Option<&mut Value>) {
    let Some(Value::Object(spec)) = spec else {
        return;
    };
    let given = |spec: &JsonObject, key: &str| {
        spec.get(key)
            .and_then(Value::as_str)
            .filter(|n| !n.is_empty())
            .map(str::to_owned)
    };
    if let Some(name) = given(spec, "serviceAccountName").or_else(|| given(spec, "serviceAccount"))
    {
        spec.insert("serviceAccountName".into(), name.as_str().into());
        spec.insert("serviceAccount".into(), name.into());
    }
}

/// A single value beside the list that it is the first item of: the single one wins.
fn list_and_first(holder: Option<&mut Value>, single: &str, list: &str, member: Option<&str>) {
    let Some(Value::Object(holder)) = holder else {
        return;
    };
    let wrap = |value: &str| match member {
        Some(member) => json!({ member: value }),
        None => Value::from(value),
    };
    let first = |holder: &JsonObject| -> Option<String> {
        let item = holder.get(list)?.as_array()?.first()?;
        Some(member.map_or(item, |m| at(item, &[m])).as_str()?.to_owned())
    };
    let given = holder
        .get(single)
        .and_then(Value::as_str)
        .filter(|v| !v.is_empty())
        .map(str::to_owned);
    match (given, first(holder)) {
        (Some(given), listed) if listed.as_deref() != Some(given.as_str()) => {
            holder.insert(list.into(), json!([wrap(&given)]));
        }
        (None, Some(listed)) if !listed.is_empty() => {
            holder.insert(single.into(), listed.into());
        }
        _ => {}
    }
}

/// Changes an object from one served version into another.
pub(super) fn between(object: &mut Value, from: &str, to: &str) {
    match (from, to) {
        ("v1", "events.k8s.io/v1") => rename(object, &EVENT_FIELDS, true),
        ("events.k8s.io/v1", "v1") => rename(object, &EVENT_FIELDS, false),
        ("autoscaling/v1", "autoscaling/v2") => autoscalers::to_v2(object),
        ("autoscaling/v2", "autoscaling/v1") => autoscalers::to_v1(object),
        _ => {}
    }
}

/// The fields of core events and their names in `events.k8s.io`.
const EVENT_FIELDS: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

fn rename(object: &mut Value, fields: &[(&str, &str)], forward: bool) {
    let Value::Object(map) = object else { return };
    for (a, b) in fields {
        let (from, to) = if forward { (a, b) } else { (b, a) };
        if let Some(value) = map.remove(*from) {
            map.insert((*to).into(), value);
        }
    }
    for key in ["reportingController", "reportingInstance"] {
        // Printed by core events only.
        if forward && map.get(key).is_some_and(|v| v == "") {
            map.remove(key);
        }
    }
    if !forward {
        map.entry("reportingComponent").or_insert_with(|| "".into());
        map.entry("reportingInstance").or_insert_with(|| "".into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_change_their_names() {
        let mut event = json!({"involvedObject": {"kind": "Pod"}, "message": "m", "source": {}, "firstTimestamp": null,
            "lastTimestamp": null, "eventTime": null, "reportingComponent": "", "reportingInstance": ""});
        let core = event.clone();
        between(&mut event, "v1", "events.k8s.io/v1");
        assert_eq!(
            event,
            json!({"regarding": {"kind": "Pod"}, "note": "m", "deprecatedSource": {}, "deprecatedFirstTimestamp": null,
                "deprecatedLastTimestamp": null, "eventTime": null})
        );
        between(&mut event, "events.k8s.io/v1", "v1");
        assert_eq!(event, core);
    }

    #[test]
    fn strings_become_data() {
        let mut secret = json!({"data": {"p": "b2xk"}, "stringData": {"p": "new", "e": ""}});
        string_data(&mut secret);
        assert_eq!(secret, json!({"data": {"p": "bmV3", "e": ""}}));
    }
}

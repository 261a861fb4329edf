//! One object, several forms: aliases inside a version, events of two groups, autoscalers of two versions.
//!
//! The API server converts through internal types; what such a round trip does to the fields is written down here.

use serde_json::{Map, Value, json};

use super::base64;
use super::values::{Object, at, child, each, items, section, text};

/// Fields that a round trip through the internal type keeps in step.
pub(super) fn aliases(name: &str, object: &mut Value) {
    match name {
        "core.v1.Secret" => string_data(object),
        "core.v1.Pod" => {
            pod_spec(object.get_mut("spec"));
            list_and_first(object.get_mut("status"), "podIP", "podIPs", Some("ip"));
        }
        "core.v1.PodTemplate" => {
            pod_spec(object.get_mut("template").and_then(|t| t.get_mut("spec")))
        }
        "core.v1.Node" => list_and_first(object.get_mut("spec"), "podCIDR", "podCIDRs", None),
        "batch.v1.CronJob" => pod_spec(object.pointer_mut("/spec/jobTemplate/spec/template/spec")),
        "core.v1.ReplicationController" | "batch.v1.Job" => {
            pod_spec(object.pointer_mut("/spec/template/spec"))
        }
        _ if name.starts_with("apps.") => pod_spec(object.pointer_mut("/spec/template/spec")),
        _ => {}
    }
}

/// `stringData` is write-only: it becomes `data`.
fn string_data(object: &mut Value) {
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
    let given = |spec: &Object, key: &str| {
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
    let first = |holder: &Object| -> Option<String> {
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
        ("autoscaling/v1", "autoscaling/v2") => autoscaler_to_v2(object),
        ("autoscaling/v2", "autoscaling/v1") => autoscaler_to_v1(object),
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

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT_METRICS: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

/// v1 knows only one metric, the CPU's utilization; everything else travels in annotations.
fn autoscaler_to_v1(object: &mut Value) {
    let metrics = items(object, &["spec", "metrics"]).to_vec();
    let cpu = |metric: &&Value| {
        text(metric, &["type"]) == "Resource"
            && text(metric, &["resource", "name"]) == "cpu"
            && at(metric, &["resource", "target", "averageUtilization"]).is_i64()
    };
    let target = metrics
        .iter()
        .find(cpu)
        .map(|m| at(m, &["resource", "target", "averageUtilization"]).clone());
    let others: Vec<&Value> = {
        let first = metrics.iter().position(|m| cpu(&m));
        metrics
            .iter()
            .enumerate()
            .filter(|(i, _)| Some(*i) != first)
            .map(|(_, m)| m)
            .collect()
    };
    let behavior = at(object, &["spec", "behavior"]).clone();
    let current = items(object, &["status", "currentMetrics"]).to_vec();
    let conditions = at(object, &["status", "conditions"]).clone();
    let utilization = current
        .iter()
        .find(|m| text(m, &["resource", "name"]) == "cpu")
        .map(|m| at(m, &["resource", "current", "averageUtilization"]).clone());
    let mut notes: Vec<(&str, String)> = Vec::new();
    if !others.is_empty() {
        notes.push((METRICS, json!(others).to_string()));
    }
    if !current.is_empty() {
        notes.push((CURRENT_METRICS, json!(current).to_string()));
    }
    if !conditions.is_null() {
        notes.push((CONDITIONS, conditions.to_string()));
    }
    if !behavior.is_null() {
        notes.push((BEHAVIOR, behavior.to_string()));
    }
    let spec = section(object, "spec");
    spec.remove("metrics");
    spec.remove("behavior");
    if let Some(target) = target {
        spec.insert("targetCPUUtilizationPercentage".into(), target);
    }
    let status = section(object, "status");
    status.remove("currentMetrics");
    status.remove("conditions");
    status.entry("currentReplicas").or_insert_with(|| 0.into());
    if let Some(utilization) = utilization.filter(|u| !u.is_null()) {
        status.insert("currentCPUUtilizationPercentage".into(), utilization);
    }
    if !notes.is_empty() {
        let annotations = child(section(object, "metadata"), "annotations");
        for (key, note) in notes {
            annotations.insert(key.into(), note.into());
        }
    }
}

fn autoscaler_to_v2(object: &mut Value) {
    let mut taken: Map<String, Value> = Map::new();
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
            for key in [METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR] {
                let parsed = annotations
                    .remove(key)
                    .and_then(|note| serde_json::from_str(note.as_str()?).ok());
                if let Some(parsed) = parsed {
                    taken.insert(key.into(), parsed);
                }
            }
            if annotations.is_empty() {
                metadata.remove("annotations");
            }
        }
    }
    let spec = section(object, "spec");
    let mut metrics = Vec::new();
    if let Some(target) = spec.remove("targetCPUUtilizationPercentage") {
        metrics.push(json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}}}));
    }
    if let Some(Value::Array(others)) = taken.remove(METRICS) {
        metrics.extend(others);
    }
    if !metrics.is_empty() {
        spec.insert("metrics".into(), metrics.into());
    }
    if let Some(behavior) = taken.remove(BEHAVIOR) {
        spec.insert("behavior".into(), behavior);
    }
    let status = section(object, "status");
    status.remove("currentCPUUtilizationPercentage");
    status.insert(
        "currentMetrics".into(),
        taken.remove(CURRENT_METRICS).unwrap_or_default(),
    );
    if let Some(conditions) = taken.remove(CONDITIONS) {
        status.insert("conditions".into(), conditions);
    }
    if status.get("currentReplicas").and_then(Value::as_i64) == Some(0) {
        status.remove("currentReplicas");
    }
    // The claims of a list stay as they are: nothing else differs between the versions.
    for metric in each(section(object, "spec"), "metrics") {
        metric.entry("type").or_insert_with(|| "Resource".into());
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
        aliases("core.v1.Secret", &mut secret);
        assert_eq!(secret, json!({"data": {"p": "bmV3", "e": ""}}));
    }
}

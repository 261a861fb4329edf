//! Autoscalers as `autoscaling/v1` shows them: one metric, the CPU's utilization, as a field; the rest in annotations.
//!
//! The annotations hold JSON of types that predate v2 (`targetAverageValue`…), the behaviour JSON of the internal
//! type. Rules of `pkg/apis/autoscaling/v1/conversion.go`.

use serde_json::{Map, Value, json};

use super::internal_form::internal_json;
use super::values::{JsonObject, at, child, is_set, items, section, text};
use crate::model::status::quoted;

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT_METRICS: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";
const BEHAVIOR_TYPE: &str = "autoscaling.v2.HorizontalPodAutoscalerBehavior";

/// The CPU's utilization in per cent that is wanted of an autoscaler without metrics.
const DEFAULT_UTILIZATION: i64 = 80;

/// The sources of metrics: the type and its field.
const SOURCES: [(&str, &str); 5] = [
    ("Object", "object"),
    ("Pods", "pods"),
    ("Resource", "resource"),
    ("ContainerResource", "containerResource"),
    ("External", "external"),
];

pub(super) fn to_v1(object: &mut Value) {
    let metrics = items(object, &["spec", "metrics"]).to_vec();
    let is_cpu = |metric: &Value| {
        text(metric, &["type"]) == "Resource"
            && text(metric, &["resource", "name"]) == "cpu"
            && at(metric, &["resource", "target", "averageUtilization"]).is_i64()
    };
    let others: Vec<String> = metrics
        .iter()
        .filter(|metric| !is_cpu(metric))
        .map(|metric| metric_text(metric, "target"))
        .collect();
    let target = metrics
        .iter()
        .find(|metric| is_cpu(metric))
        .map(|m| at(m, &["resource", "target", "averageUtilization"]).clone());
    let current = items(object, &["status", "currentMetrics"]).to_vec();
    let utilization = current
        .iter()
        .find(|m| text(m, &["resource", "name"]) == "cpu")
        .map(|m| at(m, &["resource", "current", "averageUtilization"]).clone());
    let mut notes: Vec<(&str, String)> = Vec::new();
    if !others.is_empty() {
        notes.push((METRICS, format!("[{}]", others.join(","))));
    }
    if !current.is_empty() {
        let current: Vec<String> = current
            .iter()
            .map(|metric| metric_text(metric, "current"))
            .collect();
        notes.push((CURRENT_METRICS, format!("[{}]", current.join(","))));
    }
    if is_set(object, &["spec", "behavior"]) {
        notes.push((
            BEHAVIOR,
            internal_json(BEHAVIOR_TYPE, at(object, &["spec", "behavior"])),
        ));
    }
    let conditions: Vec<String> = items(object, &["status", "conditions"])
        .iter()
        .map(|condition| {
            members_text(
                condition,
                &["type", "status", "lastTransitionTime", "reason", "message"],
            )
        })
        .collect();
    if !conditions.is_empty() {
        notes.push((CONDITIONS, format!("[{}]", conditions.join(","))));
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

/// The members that are there, in the given order.
fn members_text(object: &Value, keys: &[&str]) -> String {
    let parts: Vec<String> = keys
        .iter()
        .filter_map(|key| {
            object
                .get(key)
                .map(|value| format!("{}:{value}", quoted(key)))
        })
        .collect();
    format!("{{{}}}", parts.join(","))
}

/// A metric of v2 as the old type: `target` or `current` says which of its two sides.
fn metric_text(metric: &Value, side: &str) -> String {
    let kind = text(metric, &["type"]);
    let Some((_, source)) = SOURCES.iter().find(|(name, _)| *name == kind) else {
        return "{}".into();
    };
    let value = at(metric, &[source]);
    let amounts = at(value, &[side]);
    let mut old = JsonObject::new();
    let mut put = |key: String, value: &Value| {
        if !value.is_null() {
            old.insert(key, value.clone());
        }
    };
    let average = format!("{side}AverageValue");
    let utilization = format!("{side}AverageUtilization");
    match *source {
        "resource" | "containerResource" => {
            put("name".into(), at(value, &["name"]));
            put(utilization.clone(), at(amounts, &["averageUtilization"]));
            put(average.clone(), at(amounts, &["averageValue"]));
            put("container".into(), at(value, &["container"]));
        }
        _ => {
            put("target".into(), at(value, &["describedObject"]));
            put("metricName".into(), at(value, &["metric", "name"]));
            let selector = if *source == "external" {
                "metricSelector"
            } else {
                "selector"
            };
            put(selector.into(), at(value, &["metric", "selector"]));
            put(format!("{side}Value"), at(amounts, &["value"]));
            let average = if *source == "object" {
                "averageValue".to_owned()
            } else {
                average.clone()
            };
            put(average, at(amounts, &["averageValue"]));
        }
    }
    let (value_key, order_average) = (format!("{side}Value"), average);
    let order = [
        "name",
        "target",
        "metricName",
        "metricSelector",
        &utilization,
        &value_key,
        &order_average,
        "container",
        "selector",
        "averageValue",
    ];
    format!(
        "{{\"type\":{},\"{source}\":{}}}",
        quoted(kind),
        members_text(&Value::Object(old), &order)
    )
}

pub(super) fn to_v2(object: &mut Value) {
    let mut notes: Map<String, Value> = Map::new();
    if let Some(Value::Object(metadata)) = object.get_mut("metadata")
        && let Some(Value::Object(annotations)) = metadata.get_mut("annotations")
    {
        for key in [METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR] {
            let parsed = annotations
                .remove(key)
                .and_then(|note| serde_json::from_str(note.as_str()?).ok());
            if let Some(parsed) = parsed {
                notes.insert(key.into(), parsed);
            }
        }
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
    let list = |notes: &mut Map<String, Value>, key: &str, side: &str| -> Vec<Value> {
        match notes.remove(key) {
            Some(Value::Array(list)) => list.iter().map(|old| metric_of(old, side)).collect(),
            _ => Vec::new(),
        }
    };
    let spec = section(object, "spec");
    let target = spec.remove("targetCPUUtilizationPercentage");
    let mut metrics = list(&mut notes, METRICS, "target");
    // Only the conversion knows all metrics, so that the default is made here.
    let target = target.or_else(|| metrics.is_empty().then(|| DEFAULT_UTILIZATION.into()));
    if let Some(target) = target {
        metrics.push(json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}}}));
    }
    spec.insert("metrics".into(), metrics.into());
    if let Some(behavior) = notes.remove(BEHAVIOR) {
        spec.insert("behavior".into(), json_names(behavior));
    }
    let status = section(object, "status");
    status.remove("currentCPUUtilizationPercentage");
    let current = list(&mut notes, CURRENT_METRICS, "current");
    status.insert(
        "currentMetrics".into(),
        if current.is_empty() {
            Value::Null
        } else {
            current.into()
        },
    );
    if let Some(conditions) = notes.remove(CONDITIONS) {
        status.insert("conditions".into(), conditions);
    }
    if status.get("currentReplicas").and_then(Value::as_i64) == Some(0) {
        status.remove("currentReplicas");
    }
}

/// An old metric as one of v2.
fn metric_of(old: &Value, side: &str) -> Value {
    let kind = text(old, &["type"]);
    let Some((_, source)) = SOURCES.iter().find(|(name, _)| *name == kind) else {
        return old.clone();
    };
    let value = at(old, &[source]);
    let mut amounts = JsonObject::new();
    let mut target_kind = "";
    for (key, new, word) in [
        (
            format!("{side}AverageUtilization"),
            "averageUtilization",
            "Utilization",
        ),
        (
            format!("{side}AverageValue"),
            "averageValue",
            "AverageValue",
        ),
        ("averageValue".to_owned(), "averageValue", "AverageValue"),
        (format!("{side}Value"), "value", "Value"),
    ] {
        if is_set(value, &[&key]) {
            amounts.insert(new.into(), at(value, &[&key]).clone());
            if target_kind.is_empty() {
                target_kind = word;
            }
        }
    }
    if side == "target" {
        amounts.insert("type".into(), target_kind.into());
    }
    let mut new = JsonObject::new();
    for key in ["name", "container"] {
        if is_set(value, &[key]) {
            new.insert(key.into(), at(value, &[key]).clone());
        }
    }
    if is_set(value, &["metricName"]) {
        let mut metric = json!({"name": at(value, &["metricName"])});
        for key in ["selector", "metricSelector"] {
            if is_set(value, &[key]) {
                metric["selector"] = at(value, &[key]).clone();
            }
        }
        new.insert("metric".into(), metric);
    }
    if is_set(value, &["target"]) {
        new.insert("describedObject".into(), at(value, &["target"]).clone());
    }
    new.insert(side.into(), Value::Object(amounts));
    json!({"type": kind, *source: new})
}

/// The internal type's JSON with the names of the API: `StabilizationWindowSeconds` is `stabilizationWindowSeconds`.
fn json_names(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(mut key, value)| {
                if let Some(first) = key.get_mut(..1) {
                    first.make_ascii_lowercase();
                }
                (key, json_names(value))
            })
            .collect(),
        Value::Array(list) => list.into_iter().map(json_names).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let v2 = json!({"spec": {
            "metrics": [
                {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "100Mi"}}},
                {"type": "Pods", "pods": {"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "1"}}},
                {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60, "selectPolicy": "Max", "policies": [{"type": "Pods", "value": 1, "periodSeconds": 15}]}}},
            "status": {"currentMetrics": null, "desiredReplicas": 0}});
        let mut object = v2.clone();
        to_v1(&mut object);
        assert_eq!(
            object["spec"],
            json!({"targetCPUUtilizationPercentage": 60})
        );
        assert_eq!(
            object["metadata"]["annotations"][METRICS],
            "[{\"type\":\"Resource\",\"resource\":{\"name\":\"memory\",\"targetAverageValue\":\"100Mi\"}},{\"type\":\"Pods\",\"pods\":{\"metricName\":\"m\",\"targetAverageValue\":\"1\"}}]"
        );
        to_v2(&mut object);
        object
            .as_object_mut()
            .expect("an object")
            .remove("metadata");
        assert_eq!(object, v2);
    }
}

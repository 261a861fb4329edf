//! Pods beyond their template: quality of service, grace periods, subresources.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::quantity::Quantity;
use super::values::{
    JsonObject, at, child, copy, each, int, is_set, items, members, section, text,
};
use crate::model::strategy::Grace;

/// A new pod is pending.
pub(in crate::kinds::builtin) fn prepare_for_create(object: &mut Value, now: Timestamp) {
    let mut status = json!({"phase": "Pending", "qosClass": qos_class(object)});
    if !items(object, &["spec", "schedulingGates"]).is_empty() {
        status["conditions"] = json!([{
            "type": "PodScheduled", "status": "False", "lastProbeTime": null,
            "lastTransitionTime": super::times::seconds(now),
            "reason": "SchedulingGated", "message": "Scheduling is blocked due to non-empty scheduling gates",
        }]);
    }
    object["status"] = status;
    no_negative_grace(object);
    label_keys(object);
}

/// A negative period of grace is the shortest one.
fn no_negative_grace(object: &mut Value) {
    let key = "terminationGracePeriodSeconds";
    if int(object, &["spec", key]) < 0 {
        section(object, "spec").insert(key.into(), 1.into());
    }
}

/// The values of the pod's own labels that affinity and spreading ask for go into the selectors.
fn label_keys(object: &mut Value) {
    let labels = at(object, &["metadata", "labels"]).clone();
    let spec = section(object, "spec");
    for constraint in each(spec, "topologySpreadConstraints") {
        merge_label_keys(constraint, &labels);
    }
    let Some(Value::Object(affinity)) = spec.get_mut("affinity") else {
        return;
    };
    for kind in ["podAffinity", "podAntiAffinity"] {
        let Some(Value::Object(rules)) = affinity.get_mut(kind) else {
            continue;
        };
        for term in each(rules, "requiredDuringSchedulingIgnoredDuringExecution") {
            merge_label_keys(term, &labels);
        }
        for weighted in each(rules, "preferredDuringSchedulingIgnoredDuringExecution") {
            if let Some(Value::Object(term)) = weighted.get_mut("podAffinityTerm") {
                merge_label_keys(term, &labels);
            }
        }
    }
}

fn merge_label_keys(term: &mut JsonObject, labels: &Value) {
    if !term.get("labelSelector").is_some_and(Value::is_object) {
        return;
    }
    let mut rules = Vec::new();
    for (list, operator) in [("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")] {
        let keys = term.get(list).and_then(Value::as_array);
        for key in keys.into_iter().flatten().filter_map(Value::as_str) {
            if let Some(value) = at(labels, &[key]).as_str() {
                rules.push(json!({"key": key, "operator": operator, "values": [value]}));
            }
        }
    }
    if !rules.is_empty()
        && let Value::Array(all) = child(term, "labelSelector")
            .entry("matchExpressions")
            .or_insert_with(|| json!([]))
    {
        all.extend(rules);
    }
}

pub(in crate::kinds::builtin) fn prepare_for_update(new: &mut Value, old: &Value) {
    copy(new, old, "status");
    no_negative_grace(new);
}

pub(in crate::kinds::builtin) fn prepare_for_status_update(new: &mut Value, old: &Value) {
    let old_metadata = at(old, &["metadata"]);
    if let Some(metadata) = new.get_mut("metadata") {
        copy(metadata, old_metadata, "ownerReferences");
        copy(metadata, old_metadata, "deletionTimestamp");
    }
    let class = text(old, &["status", "qosClass"]).to_owned();
    let status = section(new, "status");
    if !class.is_empty() && !status.contains_key("qosClass") {
        status.insert("qosClass".into(), class.into());
    }
}

/// Of a write to `ephemeralcontainers` only those are taken.
pub(super) fn only_ephemeral_containers(new: &mut Value, old: &Value) {
    let containers = at(new, &["spec", "ephemeralContainers"]).clone();
    keep_old(new, old);
    let spec = section(new, "spec");
    if containers.is_null() {
        spec.remove("ephemeralContainers");
    } else {
        spec.insert("ephemeralContainers".into(), containers);
    }
}

/// Of a write to `resize` only the containers' resources are taken.
pub(super) fn only_resources(new: &mut Value, old: &Value) {
    let wanted = new.clone();
    keep_old(new, old);
    for list in ["containers", "initContainers"] {
        let Some(Value::Array(containers)) = section(new, "spec").get_mut(list) else {
            continue;
        };
        for container in containers {
            let name = text(container, &["name"]).to_owned();
            let source = items(&wanted, &["spec", list])
                .iter()
                .find(|c| text(c, &["name"]) == name);
            if let Some(source) = source {
                copy(container, source, "resources");
                copy(container, source, "resizePolicy");
            }
        }
    }
    if is_set(&wanted, &["spec", "resources"]) {
        copy(section_value(new), at(&wanted, &["spec"]), "resources");
    }
}

fn section_value(object: &mut Value) -> &mut Value {
    section(object, "spec");
    &mut object["spec"]
}

/// The stored object, with the bookkeeping of the write at hand.
fn keep_old(new: &mut Value, old: &Value) {
    let metadata = at(new, &["metadata"]).clone();
    *new = old.clone();
    if let Some(kept) = new.get_mut("metadata") {
        for key in ["resourceVersion", "managedFields"] {
            copy(kept, &metadata, key);
        }
    }
}

/// `BestEffort` without any request or limit, `Guaranteed` if all are limited to what they request.
pub(super) fn qos_class(object: &Value) -> &'static str {
    let mut any = false;
    let mut guaranteed = true;
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    let spec_resources = is_set(object, &["spec", "resources"]).then(|| at(object, &["spec"]));
    let containers: Vec<&Value> = match spec_resources {
        Some(spec) => vec![spec],
        None => ["containers", "initContainers"]
            .iter()
            .flat_map(|list| items(object, &["spec", list]))
            .collect(),
    };
    for container in containers {
        let of = |what: &str| -> Vec<(String, Quantity)> {
            members(container, &["resources", what])
                .into_iter()
                .filter(|(key, _)| matches!(*key, "cpu" | "memory"))
                .filter_map(|(key, value)| Some((key.to_owned(), Quantity::of(value)?)))
                .filter(|(_, amount)| amount.sign() > 0)
                .collect()
        };
        let (asked, limited) = (of("requests"), of("limits"));
        any |= !asked.is_empty() || !limited.is_empty();
        guaranteed &= limited.len() == 2;
        requests.extend(asked);
        limits.extend(limited);
    }
    if !any {
        return "BestEffort";
    }
    let sum = |list: &[(String, Quantity)], key: &str| {
        list.iter()
            .filter(|(k, _)| k == key)
            .map(|(_, q)| q.clone())
            .reduce(|a, b| a.add(&b))
    };
    let equal =
        ["cpu", "memory"]
            .iter()
            .all(|key| match (sum(&requests, key), sum(&limits, key)) {
                (Some(a), Some(b)) => a.compare(&b).is_eq(),
                (None, None) => true,
                _ => false,
            });
    if guaranteed && equal {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

/// How long a pod may take to go: what the client says, else what its spec says; at once if it runs nowhere.
pub(super) fn grace(object: &Value, requested: Option<i64>) -> Grace {
    let unscheduled = text(object, &["spec", "nodeName"]).is_empty();
    let finished = matches!(text(object, &["status", "phase"]), "Failed" | "Succeeded");
    let period = requested
        .or_else(|| at(object, &["spec", "terminationGracePeriodSeconds"]).as_i64())
        .unwrap_or(30);
    if unscheduled || finished {
        return Grace::Seconds(0);
    }
    // A negative period would be no period at all.
    Grace::Seconds(if period < 0 { 1 } else { period })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(resources: &[Value]) -> Value {
        let containers: Vec<Value> = resources
            .iter()
            .map(|r| json!({"name": "c", "resources": r}))
            .collect();
        json!({"spec": {"containers": containers}})
    }

    #[test]
    fn classes_of_service() {
        let full = json!({"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1000m", "memory": "1Gi"}});
        assert_eq!(qos_class(&pod(&[json!({})])), "BestEffort");
        assert_eq!(qos_class(&pod(std::slice::from_ref(&full))), "Guaranteed");
        assert_eq!(qos_class(&pod(&[full, json!({})])), "Burstable");
        assert_eq!(
            qos_class(&pod(&[json!({"requests": {"cpu": "1"}})])),
            "Burstable"
        );
    }
}

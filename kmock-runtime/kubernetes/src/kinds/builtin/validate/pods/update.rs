//! What may change of a pod.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::{pod_itself, scheduling};
use crate::kinds::builtin::pods::qos_class;
use crate::kinds::builtin::validate::difference;
use crate::kinds::builtin::validate::rules::{Faults, NOT_NEGATIVE, in_range, int, ip, texts};
use crate::kinds::builtin::values::{at, copy, is_set, items, members, section, text};
use crate::model::meta::subdomain_faults;
use crate::model::status::FieldError;

/// What may change of a pod.
pub(in crate::kinds::builtin) fn update(
    faults: &mut Faults,
    subresource: &str,
    new: &Value,
    old: &Value,
) {
    match subresource {
        "status" => status_update(faults, new, old),
        "ephemeralcontainers" => {
            pod_itself(faults, new);
            let mut kept: HashMap<&str, &Value> = HashMap::new();
            for container in items(new, &["spec", "ephemeralContainers"]) {
                kept.entry(text(container, &["name"])).or_insert(container);
            }
            for before in items(old, &["spec", "ephemeralContainers"]) {
                let name = text(before, &["name"]);
                match kept.get(name).copied() {
                    None => faults.push(FieldError::forbidden(
                        "spec.ephemeralContainers",
                        format!("existing ephemeral containers {name:?} may not be removed\n"),
                    )),
                    Some(after) if after != before => faults.push(FieldError::forbidden(
                        "spec.ephemeralContainers",
                        format!("existing ephemeral containers {name:?} may not be changed\n"),
                    )),
                    Some(_) => {}
                }
            }
        }
        "resize" => {
            pod_itself(faults, new);
            nothing_removed(faults, new, old);
            if qos_class(new) != qos_class(old) {
                let class = text(old, &["status", "qosClass"]);
                let why = "Pod QOS Class may not change as a result of resizing";
                faults.push(FieldError::invalid_text("spec", class, why));
            }
        }
        _ => {
            pod_itself(faults, new);
            spec_update(faults, new, old);
        }
    }
}

/// A resize changes amounts, and adds some; it takes none away.
fn nothing_removed(faults: &mut Faults, new: &Value, old: &Value) {
    let mut check = |new: &Value, old: &Value, path: &str, noun: &str| {
        for what in ["requests", "limits"] {
            let is_gone = |(name, _): (&str, &Value)| !is_set(new, &[what, name]);
            if members(old, &[what]).into_iter().any(is_gone) {
                let why = format!("{noun} {what} cannot be removed");
                faults.push(FieldError::forbidden(format!("{path}.{what}"), why));
            }
        }
    };
    for list in ["containers", "initContainers"] {
        let before = items(old, &["spec", list]);
        for (i, (container, before)) in items(new, &["spec", list]).iter().zip(before).enumerate() {
            let path = format!("spec.{list}[{i}].resources");
            let of = |container| at(container, &["resources"]);
            check(of(container), of(before), &path, "resource");
        }
    }
    let of = |pod| at(pod, &["spec", "resources"]);
    check(of(new), of(old), "spec.resources", "pod-level resource");
}

/// Of a running pod only a few fields may change; the images of its containers among them.
fn spec_update(faults: &mut Faults, new: &Value, old: &Value) {
    let (new_spec, old_spec) = (at(new, &["spec"]), at(old, &["spec"]));
    for list in ["containers", "initContainers"] {
        if !same_containers(faults, new_spec, old_spec, list) {
            return;
        }
    }
    if !deadline(faults, new_spec, old_spec) {
        return;
    }
    only_more_tolerations(faults, new_spec, old_spec);
    only_fewer_gates(faults, new_spec, old_spec);
    if new_spec == old_spec {
        return;
    }
    // Take over what may change: what is left must be the same.
    let mut masked = new_spec.clone();
    for list in ["containers", "initContainers"] {
        if let Some(Value::Array(containers)) = masked.get_mut(list) {
            for (container, before) in containers.iter_mut().zip(items(old_spec, &[list])) {
                copy(container, before, "image");
            }
        }
    }
    for key in ["activeDeadlineSeconds", "schedulingGates", "tolerations"] {
        copy(&mut masked, old_spec, key);
    }
    let grace = "terminationGracePeriodSeconds";
    if int(old_spec, &[grace]) < 0 && int(&masked, &[grace]) == 1 {
        copy(&mut masked, old_spec, grace);
    }
    if !items(old_spec, &["schedulingGates"]).is_empty() {
        copy(&mut masked, old_spec, "nodeSelector");
        let nodes = at(old_spec, &["affinity", "nodeAffinity"]);
        if at(&masked, &["affinity", "nodeAffinity"]) != nodes {
            let affinity = section(&mut masked, "affinity");
            if nodes.is_null() {
                affinity.remove("nodeAffinity");
            } else {
                affinity.insert("nodeAffinity".into(), nodes.clone());
            }
            if affinity.is_empty() && at(old_spec, &["affinity"]).is_null() {
                masked.as_object_mut().map(|spec| spec.remove("affinity"));
            }
        }
    }
    if &masked != old_spec {
        faults.push(FieldError::forbidden(
            "spec",
            format!(
                "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n{}",
                difference::of("core.v1.PodSpec", old_spec, &masked)
            ),
        ));
    }
}

/// Whether the number of containers has stayed.
fn same_containers(faults: &mut Faults, new: &Value, old: &Value, list: &str) -> bool {
    let containers = items(new, &[list]);
    if containers.len() != items(old, &[list]).len() {
        faults.push(FieldError::forbidden(
            format!("spec.{list}"),
            "pod updates may not add or remove containers",
        ));
        return false;
    }
    for (i, container) in containers.iter().enumerate() {
        let path = format!("spec.{list}[{i}]");
        if text(container, &["image"]).is_empty() {
            faults.push(FieldError::required(format!("{path}.image"), ""));
        }
        super::containers::image_of_pod(faults, container, &path);
    }
    true
}

/// Whether the deadline has only come nearer.
fn deadline(faults: &mut Faults, new: &Value, old: &Value) -> bool {
    let path = "spec.activeDeadlineSeconds";
    let of = |spec: &Value| at(spec, &["activeDeadlineSeconds"]).as_i64();
    match (of(new), of(old)) {
        (Some(value), _) if !(0..=i64::from(i32::MAX)).contains(&value) => {
            in_range(faults, path, &json!(value), 0, i64::from(i32::MAX));
            false
        }
        (Some(value), Some(before)) if value > before => {
            faults.push(FieldError::invalid(
                path,
                &json!(value),
                "must be less than or equal to previous value",
            ));
            false
        }
        (None, Some(_)) => {
            faults.push(FieldError::invalid(
                path,
                &Value::Null,
                "must not update from a positive integer to nil value",
            ));
            true
        }
        _ => true,
    }
}

fn only_more_tolerations(faults: &mut Faults, new: &Value, old: &Value) {
    let of = |spec| {
        let fields = |toleration: &'_ Value| {
            ["key", "operator", "value", "effect"].map(|key| toleration.get(key).cloned())
        };
        items(spec, &["tolerations"]).iter().map(fields)
    };
    let now: HashSet<[Option<Value>; 4]> = of(new).collect();
    if of(old).all(|before| now.contains(&before)) {
        scheduling::tolerations(faults, new, "spec.tolerations");
    } else {
        faults.push(FieldError::forbidden(
            "spec.tolerations",
            "existing toleration can not be modified except its tolerationSeconds",
        ));
    }
}

fn only_fewer_gates(faults: &mut Faults, new: &Value, old: &Value) {
    let before: HashSet<&str> = items(old, &["schedulingGates"])
        .iter()
        .map(|gate| text(gate, &["name"]))
        .collect();
    for (i, gate) in items(new, &["schedulingGates"]).iter().enumerate() {
        let name = text(gate, &["name"]);
        if !before.contains(name) {
            faults.push(FieldError::forbidden(
                format!("spec.schedulingGates[{i}].name"),
                format!("only deletion is allowed, but found new scheduling gate '{name}'"),
            ));
        }
    }
}

fn status_update(faults: &mut Faults, new: &Value, old: &Value) {
    let nominated = text(new, &["status", "nominatedNodeName"]);
    if !nominated.is_empty() {
        texts(
            faults,
            "status.nominatedNodeName",
            nominated,
            subdomain_faults(nominated),
        );
    }
    let (new_node, old_node) = (
        text(new, &["spec", "nodeName"]),
        text(old, &["spec", "nodeName"]),
    );
    if new_node != old_node {
        faults.push(FieldError::forbidden(
            "status.nodeName",
            "may not be changed directly",
        ));
    }
    for (i, ip_entry) in items(new, &["status", "podIPs"]).iter().enumerate() {
        ip(
            faults,
            &format!("status.podIPs[{i}]"),
            text(ip_entry, &["ip"]),
        );
    }
    let class = text(new, &["status", "qosClass"]);
    if !class.is_empty() && class != text(old, &["status", "qosClass"]) {
        faults.push(FieldError::invalid_text(
            "status.qosClass",
            class,
            "field is immutable",
        ));
    }
    for (i, status) in items(new, &["status", "containerStatuses"])
        .iter()
        .enumerate()
    {
        if int(status, &["restartCount"]) < 0 {
            faults.push(FieldError::invalid(
                format!("status.containerStatuses[{i}].restartCount"),
                at(status, &["restartCount"]),
                NOT_NEGATIVE,
            ));
        }
    }
}

//! Claims of volumes.

use serde_json::Value;

use super::rules::{Faults, amount, label_selector, maybe_one_of, same, texts};
use super::storage::access_modes;
use super::{difference, rules};
use crate::kinds::builtin::quantity::Quantity;
use crate::kinds::builtin::values::{at, copy, is_set, members, text};
use crate::model::meta::{label_faults, subdomain_faults};
use crate::model::status::FieldError;

/// The spec of a claim, also inside of an ephemeral volume.
pub(in crate::kinds::builtin) fn spec(faults: &mut Faults, spec: &Value, path: &str) {
    access_modes(faults, spec, path, "at least 1 access mode is required");
    label_selector(faults, &format!("{path}.selector"), at(spec, &["selector"]));
    let storage = at(spec, &["resources", "requests", "storage"]);
    let storage_path = format!("{path}.resources[storage]");
    if storage.is_null() {
        faults.push(FieldError::required(storage_path, ""));
    } else if Quantity::parse(storage.as_str().unwrap_or_default()).is_ok_and(|q| q.sign() <= 0) {
        faults.push(FieldError::invalid(
            storage_path,
            storage,
            "must be greater than zero",
        ));
    }
    class(faults, spec, "storageClassName", path);
    if is_set(spec, &["volumeMode"]) {
        maybe_one_of(
            faults,
            &format!("{path}.volumeMode"),
            text(spec, &["volumeMode"]),
            &["Block", "Filesystem"],
        );
    }
    for key in ["dataSource", "dataSourceRef"] {
        let source = at(spec, &[key]);
        if source.is_object() {
            data_source(faults, source, &format!("{path}.{key}"));
        }
    }
    same_source(faults, spec, path);
    class(faults, spec, "volumeAttributesClassName", path);
}

fn class(faults: &mut Faults, spec: &Value, key: &str, path: &str) {
    let class = text(spec, &[key]);
    if !class.is_empty() {
        texts(
            faults,
            &format!("{path}.{key}"),
            class,
            subdomain_faults(class),
        );
    }
}

fn data_source(faults: &mut Faults, source: &Value, path: &str) {
    for key in ["name", "kind"] {
        rules::required(faults, &format!("{path}.{key}"), text(source, &[key]));
    }
    let (group, kind) = (text(source, &["apiGroup"]), text(source, &["kind"]));
    if group.is_empty() && kind != "PersistentVolumeClaim" {
        faults.push(FieldError::invalid_text(
            path,
            kind,
            "must be 'PersistentVolumeClaim' when referencing the default apiGroup",
        ));
    }
    if !group.is_empty() {
        texts(
            faults,
            &format!("{path}.apiGroup"),
            group,
            subdomain_faults(group),
        );
    }
    let namespace = text(source, &["namespace"]);
    if !namespace.is_empty() {
        let path = format!("{path}.namespace");
        texts(faults, &path, namespace, label_faults(namespace));
    }
}

/// The two ways to name a source agree.
fn same_source(faults: &mut Faults, spec: &Value, path: &str) {
    let (old_way, new_way) = (at(spec, &["dataSource"]), at(spec, &["dataSourceRef"]));
    if !old_way.is_object() || !new_way.is_object() {
        return;
    }
    let detail = if !text(new_way, &["namespace"]).is_empty() {
        "may not be specified when dataSourceRef.namespace is specified"
    } else if ["apiGroup", "kind", "name"]
        .iter()
        .any(|key| at(old_way, &[key]) != at(new_way, &[key]))
    {
        "must match dataSourceRef"
    } else {
        return;
    };
    faults.push(FieldError::invalid_text(
        path,
        &format!("{path}.dataSource"),
        detail,
    ));
}

/// What may change of a claim.
pub(super) fn update(faults: &mut Faults, new: &Value, old: &Value) {
    let mut masked = at(new, &["spec"]).clone();
    let mut before = at(old, &["spec"]).clone();
    // An unbound claim may be bound.
    if text(&before, &["volumeName"]).is_empty() {
        copy(&mut before, &masked, "volumeName");
    }
    // A class may be named as long as none is.
    if !is_set(&before, &["storageClassName"]) && is_set(&masked, &["storageClassName"]) {
        copy(&mut masked, &before, "storageClassName");
    }
    if text(old, &["status", "phase"]) == "Bound" {
        let requests = masked
            .get_mut("resources")
            .and_then(|resources| resources.get_mut("requests"));
        if let Some(requests) = requests {
            copy(requests, at(&before, &["resources", "requests"]), "storage");
        }
        copy(&mut masked, &before, "volumeAttributesClassName");
    }
    if masked != before {
        let changes = difference::of("core.v1.PersistentVolumeClaimSpec", &before, &masked);
        faults.push(FieldError::forbidden(
            "spec",
            format!("spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n{changes}"),
        ));
    }
    let amount = |claim: &Value, path: &[&str]| Quantity::parse(text(claim, path)).ok();
    let requested = ["spec", "resources", "requests", "storage"];
    if let (Some(now), Some(before)) = (amount(new, &requested), amount(old, &requested))
        && now.compare(&before).is_lt()
    {
        let capacity = amount(old, &["status", "capacity", "storage"]);
        let too_small = match capacity {
            Some(capacity) => now.compare(&capacity).is_le(),
            None => now.sign() <= 0,
        };
        if too_small {
            faults.push(FieldError::forbidden(
                "spec.resources.requests.storage",
                "field can not be less than status.capacity",
            ));
        }
    }
    if !same(new, old, &["spec", "volumeMode"]) {
        faults.push(FieldError::invalid(
            "volumeMode",
            at(new, &["spec", "volumeMode"]),
            "field is immutable",
        ));
    }
}

/// The status of a claim: sizes, and how far a change of the size has come.
pub(in crate::kinds::builtin) fn status(faults: &mut Faults, claim: &Value) {
    const RESIZES: [&str; 5] = [
        "ControllerResizeInProgress",
        "ControllerResizeInfeasible",
        "NodeResizePending",
        "NodeResizeInProgress",
        "NodeResizeInfeasible",
    ];
    let status = at(claim, &["status"]);
    for (name, value) in members(status, &["capacity"]) {
        basic(faults, &format!("status.capacity[{name}]"), value);
    }
    for (name, value) in members(status, &["allocatedResourceStatuses"]) {
        let path = "status.allocatedResourceStatuses";
        key(faults, path, name);
        if !value.as_str().is_some_and(|v| RESIZES.contains(&v)) {
            let mut supported = RESIZES;
            supported.sort_unstable();
            faults.push(FieldError::not_supported(path, &name.into(), &supported));
        }
    }
    for (name, value) in members(status, &["allocatedResources"]) {
        let path = "status.allocatedResources";
        let at_path = format!("{path}[{name}]");
        if key(faults, path, name) && basic(faults, &at_path, value) {
            amount(faults, &at_path, value);
        }
    }
}

fn key(faults: &mut Faults, path: &str, name: &str) -> bool {
    let wrong = crate::model::meta::qualified_name_faults(name);
    let is_good = wrong.is_empty();
    texts(faults, path, name, wrong);
    let is_native = !name.contains('/') || name.contains("kubernetes.io/");
    if is_good && is_native && name != "storage" {
        faults.push(FieldError::not_supported(path, &name.into(), &["storage"]));
        return false;
    }
    is_good
}

fn basic(faults: &mut Faults, path: &str, value: &Value) -> bool {
    let whole = value
        .as_str()
        .and_then(|text| Quantity::parse(text).ok()?.value());
    if let Some(whole) = whole.filter(|whole| *whole < 0) {
        faults.push(FieldError::invalid(
            path,
            &whole.into(),
            "must be a valid resource quantity",
        ));
        return false;
    }
    true
}

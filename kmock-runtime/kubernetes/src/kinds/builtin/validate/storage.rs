//! Volumes, claims, storage classes and the CSI kinds.

use serde_json::Value;

use super::rules::{
    Faults, IMMUTABLE, amount, invalid_internal, label_selector, maybe_one_of, named, not_negative,
    required, same, texts,
};
use super::{claims, difference, pods};
use crate::kinds::builtin::internal_form::SOURCES;
use crate::kinds::builtin::quantity::Quantity;
use crate::kinds::builtin::tokens::lifetime_fault;
use crate::kinds::builtin::values::{at, is_set, items, members, text};
use crate::model::meta::{qualified_name_faults, subdomain_faults};
use crate::model::status::FieldError;
use crate::model::strategy::Context;

const ACCESS_MODES: [&str; 4] = [
    "ReadOnlyMany",
    "ReadWriteMany",
    "ReadWriteOnce",
    "ReadWriteOncePod",
];

pub(in crate::kinds::builtin) fn create_volume_attributes_class(
    faults: &mut Faults,
    _context: &Context<'_>,
    object: &Value,
) {
    provisioner(faults, "driverName", text(object, &["driverName"]));
    if members(object, &["parameters"]).is_empty() {
        faults.push(FieldError::required(
            "parameters",
            "must contain at least one key/value pair",
        ));
    }
}

pub(in crate::kinds::builtin) fn create_csi_node(
    faults: &mut Faults,
    _context: &Context<'_>,
    object: &Value,
) {
    for (i, driver) in items(object, &["spec", "drivers"]).iter().enumerate() {
        let path = format!("spec.drivers[{i}]");
        let name = text(driver, &["name"]);
        pods::csi_driver_name(faults, name, &format!("{path}.name"));
        let known = items(object, &["spec", "drivers"])
            .iter()
            .take(i)
            .any(|before| text(before, &["name"]) == name);
        if known {
            faults.push(FieldError::duplicate(format!("{path}.name"), &name.into()));
        }
        required(faults, &format!("{path}.nodeID"), text(driver, &["nodeID"]));
        not_negative(
            faults,
            at(driver, &["allocatable"]),
            &["count"],
            &format!("{path}.allocatable"),
        );
    }
}

pub(in crate::kinds::builtin) fn create_csi_storage_capacity(
    faults: &mut Faults,
    _context: &Context<'_>,
    object: &Value,
) {
    label_selector(faults, "nodeTopology", at(object, &["nodeTopology"]));
    let class = text(object, &["storageClassName"]);
    texts(faults, "storageClassName", class, subdomain_faults(class));
    if is_set(object, &["capacity"]) {
        amount(faults, "capacity", at(object, &["capacity"]));
    }
}

pub(in crate::kinds::builtin) fn update_persistent_volume(
    faults: &mut Faults,
    _context: &Context<'_>,
    new: &Value,
    old: &Value,
) {
    // Checked by the update strategy, and once more by the validation that it calls.
    volume(faults, new);
    volume(faults, new);
    let source = |object: &Value| {
        let mut spec = at(object, &["spec"]).clone();
        if let Value::Object(spec) = &mut spec {
            spec.retain(|key, _| SOURCES.contains(&key.as_str()));
        }
        spec
    };
    if source(new) != source(old) {
        let changes = difference::of("core.v1.PersistentVolumeSource", &source(old), &source(new));
        faults.push(FieldError::forbidden(
            "spec.persistentvolumesource",
            format!("spec.persistentvolumesource is immutable after creation\n{changes}"),
        ));
    }
    if !same(new, old, &["spec", "volumeMode"]) {
        faults.push(FieldError::invalid(
            "volumeMode",
            at(new, &["spec", "volumeMode"]),
            "field is immutable",
        ));
    }
}

pub(in crate::kinds::builtin) fn update_persistent_volume_claim(
    faults: &mut Faults,
    _context: &Context<'_>,
    new: &Value,
    old: &Value,
) {
    claims::spec(faults, at(new, &["spec"]), "spec");
    claims::update(faults, new, old);
}

pub(in crate::kinds::builtin) fn update_storage_class(
    faults: &mut Faults,
    _context: &Context<'_>,
    new: &Value,
    old: &Value,
) {
    storage_class(faults, new);
    for key in [
        "parameters",
        "provisioner",
        "reclaimPolicy",
        "volumeBindingMode",
    ] {
        if !same(new, old, &[key]) {
            faults.push(FieldError::invalid(key, at(new, &[key]), IMMUTABLE));
        }
    }
}

pub(in crate::kinds::builtin) fn update_volume_attributes_class(
    faults: &mut Faults,
    _context: &Context<'_>,
    new: &Value,
    old: &Value,
) {
    for key in ["driverName", "parameters"] {
        if !same(new, old, &[key]) {
            faults.push(FieldError::forbidden(
                key,
                format!("updates to {key} are forbidden."),
            ));
        }
    }
}

pub(in crate::kinds::builtin) fn update_volume_attachment(
    faults: &mut Faults,
    _context: &Context<'_>,
    new: &Value,
    old: &Value,
) {
    attachment(faults, new);
    if !same(new, old, &["spec"]) {
        faults.push(invalid_internal(
            "spec",
            "storage.v1.VolumeAttachmentSpec",
            at(new, &["spec"]),
            "field is immutable",
        ));
    }
}

pub(in crate::kinds::builtin) fn update_csi_driver(
    faults: &mut Faults,
    _context: &Context<'_>,
    new: &Value,
    old: &Value,
) {
    csi_driver(faults, new);
    if !same(new, old, &["spec", "attachRequired"]) {
        faults.push(FieldError::invalid(
            "spec.attachedRequired",
            at(new, &["spec", "attachRequired"]),
            "field is immutable",
        ));
    }
    if !same(new, old, &["spec", "volumeLifecycleModes"]) {
        faults.push(FieldError::invalid(
            "spec.volumeLifecycleModes",
            at(new, &["spec", "volumeLifecycleModes"]),
            "field is immutable",
        ));
    }
}

pub(super) fn access_modes(faults: &mut Faults, spec: &Value, path: &str, missing: &str) {
    let modes = items(spec, &["accessModes"]);
    if modes.is_empty() {
        faults.push(FieldError::required(format!("{path}.accessModes"), missing));
    }
    let single = modes.iter().any(|mode| mode == "ReadWriteOncePod");
    for mode in modes.iter().filter_map(Value::as_str) {
        if !ACCESS_MODES.contains(&mode) {
            faults.push(FieldError::not_supported(
                format!("{path}.accessModes"),
                &mode.into(),
                &ACCESS_MODES,
            ));
        }
    }
    if single && modes.len() > 1 {
        faults.push(FieldError::forbidden(
            format!("{path}.accessModes"),
            "may not use ReadWriteOncePod with other access modes",
        ));
    }
}

pub(in crate::kinds::builtin) fn volume(faults: &mut Faults, object: &Value) {
    let spec = at(object, &["spec"]);
    access_modes(faults, spec, "spec", "");
    let capacity = members(spec, &["capacity"]);
    if capacity.is_empty() {
        faults.push(FieldError::required("spec.capacity", ""));
    }
    if !is_set(spec, &["capacity", "storage"]) || capacity.len() > 1 {
        faults.push(FieldError::not_supported(
            "spec.capacity",
            at(spec, &["capacity"]),
            &["storage"],
        ));
    }
    for (name, value) in capacity {
        let path = format!("spec.capacity[{name}]");
        let amount = Quantity::parse(value.as_str().unwrap_or_default()).ok();
        if let Some(whole) = amount.as_ref().and_then(Quantity::value)
            && whole < 0
        {
            faults.push(FieldError::invalid(
                &path,
                &whole.into(),
                "must be a valid resource quantity",
            ));
        }
        if amount.is_some_and(|q| q.sign() <= 0) {
            faults.push(FieldError::invalid(
                path,
                value,
                "must be greater than zero",
            ));
        }
    }
    let policy = text(spec, &["persistentVolumeReclaimPolicy"]);
    if !policy.is_empty() {
        maybe_one_of(
            faults,
            "spec.persistentVolumeReclaimPolicy",
            policy,
            &["Delete", "Recycle", "Retain"],
        );
    }
    if is_set(spec, &["nodeAffinity"]) {
        let required = at(spec, &["nodeAffinity", "required"]);
        let path = "spec.nodeAffinity.required";
        if required.is_object() {
            pods::node_selector(faults, required, path);
        } else {
            faults.push(FieldError::required(
                path,
                "must specify required node constraints",
            ));
        }
    }
    let volume_name = text(object, &["metadata", "name"]);
    let mut count = 0;
    for source in SOURCES.iter().filter(|source| is_set(spec, &[source])) {
        count += 1;
        let shown = if *source == "gcePersistentDisk" {
            "persistentDisk"
        } else {
            source
        };
        if count > 1 {
            let path = format!("spec.{source}");
            faults.push(FieldError::forbidden(
                path,
                "may not specify more than 1 volume type",
            ));
            continue;
        }
        let path = format!("spec.{shown}");
        pods::persistent_source(faults, source, at(spec, &[source]), &path, volume_name);
        if *source == "local" && !is_set(spec, &["nodeAffinity"]) {
            faults.push(FieldError::required(
                "spec.nodeAffinity",
                "Local volume requires node affinity",
            ));
        }
    }
    if count == 0 {
        faults.push(FieldError::required("spec", "must specify a volume type"));
    }
    if text(spec, &["hostPath", "path"]) == "/" && policy == "Recycle" {
        faults.push(FieldError::forbidden(
            "spec.persistentVolumeReclaimPolicy",
            "may not be 'recycle' for a hostPath mount of '/'",
        ));
    }
    let class = text(spec, &["storageClassName"]);
    if !class.is_empty() {
        texts(
            faults,
            "spec.storageClassName",
            class,
            subdomain_faults(class),
        );
    }
    if is_set(spec, &["volumeMode"]) {
        let mode = text(spec, &["volumeMode"]);
        maybe_one_of(faults, "spec.volumeMode", mode, &["Block", "Filesystem"]);
    }
    if is_set(spec, &["volumeAttributesClassName"]) {
        let path = "spec.volumeAttributesClassName";
        let class = text(spec, &["volumeAttributesClassName"]);
        if class.is_empty() {
            faults.push(FieldError::required(path, "an empty string is disallowed"));
        } else {
            texts(faults, path, class, subdomain_faults(class));
        }
        if !is_set(spec, &["csi"]) {
            faults.push(FieldError::required(
                "spec.csi",
                "has to be specified when using volumeAttributesClassName",
            ));
        }
    }
}

/// Who brings volumes: the server looks at the name in small letters, and shows it so.
fn provisioner(faults: &mut Faults, path: &str, name: &str) {
    named(faults, path, &name.to_lowercase(), qualified_name_faults);
}

pub(in crate::kinds::builtin) fn storage_class(faults: &mut Faults, object: &Value) {
    provisioner(faults, "provisioner", text(object, &["provisioner"]));
    for (key, _) in members(object, &["parameters"]) {
        if key.is_empty() {
            faults.push(FieldError::invalid_text(
                "parameters",
                key,
                "field can not be empty.",
            ));
        }
    }
    let policy = text(object, &["reclaimPolicy"]);
    if !policy.is_empty() {
        maybe_one_of(faults, "reclaimPolicy", policy, &["Delete", "Retain"]);
    }
    match text(object, &["volumeBindingMode"]) {
        "" => faults.push(FieldError::required("volumeBindingMode", "")),
        mode => maybe_one_of(
            faults,
            "volumeBindingMode",
            mode,
            &["Immediate", "WaitForFirstConsumer"],
        ),
    }
    let terms = items(object, &["allowedTopologies"]);
    for (i, term) in terms.iter().enumerate() {
        let path = format!("allowedTopologies[{i}]");
        pods::topology_term(faults, term, &path);
        if terms.iter().take(i).any(|before| before == term) {
            faults.push(FieldError::duplicate(
                format!("{path}.matchLabelExpressions"),
                &"".into(),
            ));
        }
    }
}

pub(in crate::kinds::builtin) fn attachment(faults: &mut Faults, object: &Value) {
    let spec = at(object, &["spec"]);
    pods::csi_driver_name(faults, text(spec, &["attacher"]), "spec.attacher");
    let inline = is_set(spec, &["source", "inlineVolumeSpec"]);
    let volume = text(spec, &["source", "persistentVolumeName"]);
    match (inline, is_set(spec, &["source", "persistentVolumeName"])) {
        (false, false) => faults.push(FieldError::required(
            "spec.source",
            "must specify exactly one of inlineVolumeSpec and persistentVolumeName",
        )),
        (true, true) => faults.push(FieldError::forbidden(
            "spec.source",
            "must specify exactly one of inlineVolumeSpec and persistentVolumeName",
        )),
        (false, true) if volume.is_empty() => faults.push(FieldError::required(
            "spec.source.persistentVolumeName",
            "must specify non empty persistentVolumeName",
        )),
        _ => {}
    }
    let node = text(spec, &["nodeName"]);
    texts(faults, "spec.nodeName", node, subdomain_faults(node));
    if is_set(spec, &["source", "persistentVolumeName"]) {
        let path = "spec.source.persistentVolumeName";
        texts(faults, path, volume, subdomain_faults(volume));
    }
}

pub(in crate::kinds::builtin) fn csi_driver(faults: &mut Faults, object: &Value) {
    let spec = at(object, &["spec"]);
    for key in ["attachRequired", "podInfoOnMount", "storageCapacity"] {
        if !is_set(spec, &[key]) {
            faults.push(FieldError::required(format!("spec.{key}"), ""));
        }
    }
    let policy = text(spec, &["fsGroupPolicy"]);
    if is_set(spec, &["fsGroupPolicy"]) {
        maybe_one_of(
            faults,
            "spec.fsGroupPolicy",
            policy,
            &["File", "None", "ReadWriteOnceWithFSType"],
        );
    }
    token_requests(faults, spec);
    for mode in items(spec, &["volumeLifecycleModes"])
        .iter()
        .filter_map(Value::as_str)
    {
        maybe_one_of(
            faults,
            "spec.volumeLifecycleModes",
            mode,
            &["Persistent", "Ephemeral"],
        );
    }
    let period = at(spec, &["nodeAllocatableUpdatePeriodSeconds"]);
    if period.as_i64().is_some_and(|seconds| seconds < 10) {
        faults.push(FieldError::invalid(
            "spec.nodeAllocatableUpdatePeriodSeconds",
            period,
            "must be greater than or equal to 10 seconds",
        ));
    }
}

/// Tokens for drivers: each audience once, and not too short-lived.
fn token_requests(faults: &mut Faults, spec: &Value) {
    let requests = items(spec, &["tokenRequests"]);
    for (i, request) in requests.iter().enumerate() {
        let path = format!("spec.tokenRequests[{i}]");
        let audience = text(request, &["audience"]);
        if requests
            .iter()
            .take(i)
            .any(|before| text(before, &["audience"]) == audience)
        {
            faults.push(FieldError::duplicate(
                format!("{path}.audience"),
                &audience.into(),
            ));
            continue;
        }
        let seconds = at(request, &["expirationSeconds"]);
        let Some(number) = seconds.as_i64() else {
            continue;
        };
        if let Some(detail) = lifetime_fault(number) {
            faults.push(FieldError::invalid(
                format!("{path}.expirationSeconds"),
                seconds,
                detail,
            ));
        }
    }
    if at(spec, &["serviceAccountTokenInSecrets"]).is_boolean() && requests.is_empty() {
        faults.push(FieldError::invalid(
            "spec.serviceAccountTokenInSecrets",
            at(spec, &["serviceAccountTokenInSecrets"]),
            "serviceAccountTokenInSecrets is set but no tokenRequests are specified",
        ));
    }
}

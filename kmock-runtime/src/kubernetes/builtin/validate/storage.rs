//! Volumes, claims, storage classes and the CSI kinds.

use serde_json::Value;

use super::rules::{
    Faults, amount, invalid_internal, label_selector, maybe_one_of, named, not_negative, required,
    same, texts,
};
use crate::kubernetes::builtin::quantity::Quantity;
use crate::kubernetes::builtin::values::{at, is_set, items, members, text};
use crate::kubernetes::meta::{qualified_name_faults, subdomain_faults};
use crate::kubernetes::status::FieldError;

const ACCESS_MODES: [&str; 4] = [
    "ReadOnlyMany",
    "ReadWriteMany",
    "ReadWriteOnce",
    "ReadWriteOncePod",
];

pub(super) fn create(faults: &mut Faults, name: &str, object: &Value) -> bool {
    match name {
        "core.v1.PersistentVolume" => volume(faults, object),
        "core.v1.PersistentVolumeClaim" => claim_spec(faults, at(object, &["spec"]), "spec"),
        "storage.v1.StorageClass" => storage_class(faults, object),
        "storage.v1.VolumeAttributesClass" => {
            named(
                faults,
                "driverName",
                text(object, &["driverName"]),
                driver_faults,
            );
            if members(object, &["parameters"]).is_empty() {
                faults.push(FieldError::required(
                    "parameters",
                    "must contain at least one key/value pair",
                ));
            }
        }
        "storage.v1.VolumeAttachment" => attachment(faults, object),
        "storage.v1.CSIDriver" => csi_driver(faults, object),
        "storage.v1.CSINode" => {
            for (i, driver) in items(object, &["spec", "drivers"]).iter().enumerate() {
                let path = format!("spec.drivers[{i}]");
                named(
                    faults,
                    &format!("{path}.name"),
                    text(driver, &["name"]),
                    driver_faults,
                );
                required(faults, &format!("{path}.nodeID"), text(driver, &["nodeID"]));
                not_negative(
                    faults,
                    at(driver, &["allocatable"]),
                    &["count"],
                    &format!("{path}.allocatable"),
                );
            }
        }
        "storage.v1.CSIStorageCapacity" => {
            label_selector(faults, "nodeTopology", at(object, &["nodeTopology"]));
            let class = text(object, &["storageClassName"]);
            texts(faults, "storageClassName", class, subdomain_faults(class));
            for key in ["capacity", "maximumVolumeSize"] {
                if is_set(object, &[key]) {
                    amount(faults, key, at(object, &[key]));
                }
            }
        }
        _ => return false,
    }
    true
}

pub(super) fn update(faults: &mut Faults, name: &str, new: &Value, old: &Value) -> bool {
    match name {
        "core.v1.PersistentVolume" => {
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
                faults.push(FieldError::forbidden(
                    "spec.persistentvolumesource",
                    "spec.persistentvolumesource is immutable after creation",
                ));
            }
            if !same(new, old, &["spec", "volumeMode"]) {
                faults.push(FieldError::invalid(
                    "spec.volumeMode",
                    at(new, &["spec", "volumeMode"]),
                    "field is immutable",
                ));
            }
        }
        "core.v1.PersistentVolumeClaim" => {
            claim_spec(faults, at(new, &["spec"]), "spec");
            claim_update(faults, new, old);
        }
        "storage.v1.StorageClass" => {
            storage_class(faults, new);
            for key in ["parameters", "provisioner", "reclaimPolicy"] {
                if !same(new, old, &[key]) {
                    faults.push(FieldError::forbidden(
                        key,
                        format!("updates to {key} are forbidden."),
                    ));
                }
            }
            if !same(new, old, &["volumeBindingMode"]) {
                faults.push(FieldError::invalid(
                    "volumeBindingMode",
                    at(new, &["volumeBindingMode"]),
                    "field is immutable",
                ));
            }
        }
        "storage.v1.VolumeAttributesClass" => {
            for key in ["driverName", "parameters"] {
                if !same(new, old, &[key]) {
                    faults.push(FieldError::forbidden(
                        key,
                        format!("updates to {key} are forbidden."),
                    ));
                }
            }
        }
        "storage.v1.VolumeAttachment" => {
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
        "storage.v1.CSIDriver" => {
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
        _ => return create(faults, name, new),
    }
    true
}

const SOURCES: [&str; 22] = [
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "hostPath",
    "glusterfs",
    "nfs",
    "rbd",
    "iscsi",
    "cinder",
    "cephfs",
    "fc",
    "flocker",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "local",
    "storageos",
    "csi",
];

fn access_modes(faults: &mut Faults, spec: &Value, path: &str, missing: &str) {
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

fn volume(faults: &mut Faults, object: &Value) {
    let spec = at(object, &["spec"]);
    access_modes(faults, spec, "spec", "");
    let capacity = members(spec, &["capacity"]);
    if capacity.is_empty() {
        faults.push(FieldError::required("spec.capacity", ""));
    }
    if !capacity.is_empty() && (!is_set(spec, &["capacity", "storage"]) || capacity.len() > 1) {
        faults.push(FieldError::not_supported(
            "spec.capacity",
            at(spec, &["capacity"]),
            &["storage"],
        ));
    }
    for (name, value) in capacity {
        let path = format!("spec.capacity[{name}]");
        if Quantity::parse(value.as_str().unwrap_or_default()).is_ok_and(|q| q.sign() <= 0) {
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
    let mut count = 0;
    for source in SOURCES.iter().filter(|source| is_set(spec, &[source])) {
        count += 1;
        if count > 1 {
            faults.push(FieldError::forbidden(
                format!("spec.{source}"),
                "may not specify more than 1 volume type",
            ));
            continue;
        }
        match *source {
            "hostPath" | "local" => {
                let path = text(spec, &[source, "path"]);
                required(faults, &format!("spec.{source}.path"), path);
                if path.split('/').any(|part| part == "..") {
                    faults.push(FieldError::invalid_text(
                        format!("spec.{source}.path"),
                        path,
                        "must not contain '..'",
                    ));
                }
            }
            "nfs" => {
                required(faults, "spec.nfs.server", text(spec, &["nfs", "server"]));
                required(faults, "spec.nfs.path", text(spec, &["nfs", "path"]));
            }
            "csi" => {
                named(
                    faults,
                    "spec.csi.driver",
                    text(spec, &["csi", "driver"]),
                    driver_faults,
                );
                required(
                    faults,
                    "spec.csi.volumeHandle",
                    text(spec, &["csi", "volumeHandle"]),
                );
            }
            _ => {}
        }
    }
    if is_set(spec, &["local"]) && !is_set(spec, &["nodeAffinity"]) {
        faults.push(FieldError::required(
            "spec.nodeAffinity",
            "Local volume requires node affinity",
        ));
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
    let mode = text(spec, &["volumeMode"]);
    if !mode.is_empty() {
        maybe_one_of(faults, "spec.volumeMode", mode, &["Block", "Filesystem"]);
    }
}

/// The spec of a claim, also inside of an ephemeral volume.
pub(super) fn claim_spec(faults: &mut Faults, spec: &Value, path: &str) {
    access_modes(faults, spec, path, "at least 1 access mode is required");
    label_selector(faults, &format!("{path}.selector"), at(spec, &["selector"]));
    let storage = at(spec, &["resources", "requests", "storage"]);
    if storage.is_null() {
        faults.push(FieldError::required(
            format!("{path}.resources[storage]"),
            "",
        ));
    } else if Quantity::parse(storage.as_str().unwrap_or_default()).is_ok_and(|q| q.sign() <= 0) {
        faults.push(FieldError::invalid(
            format!("{path}.resources[storage]"),
            storage,
            "must be greater than zero",
        ));
    }
    let class = text(spec, &["storageClassName"]);
    if !class.is_empty() {
        texts(
            faults,
            &format!("{path}.storageClassName"),
            class,
            subdomain_faults(class),
        );
    }
    let mode = text(spec, &["volumeMode"]);
    if !mode.is_empty() {
        maybe_one_of(
            faults,
            &format!("{path}.volumeMode"),
            mode,
            &["Block", "Filesystem"],
        );
    }
    for key in ["dataSource", "dataSourceRef"] {
        if is_set(spec, &[key]) {
            required(
                faults,
                &format!("{path}.{key}.name"),
                text(spec, &[key, "name"]),
            );
            required(
                faults,
                &format!("{path}.{key}.kind"),
                text(spec, &[key, "kind"]),
            );
        }
    }
}

fn claim_update(faults: &mut Faults, new: &Value, old: &Value) {
    let mut masked = at(new, &["spec"]).clone();
    let old_spec = at(old, &["spec"]);
    let copy = crate::kubernetes::builtin::values::copy;
    // An unbound claim may be bound.
    if text(old_spec, &["volumeName"]).is_empty() {
        copy(&mut masked, old_spec, "volumeName");
    }
    let bound = text(old, &["status", "phase"]) == "Bound";
    if bound {
        if let Some(resources) = masked.get_mut("resources") {
            copy(resources, at(old_spec, &["resources"]), "requests");
        }
        copy(&mut masked, old_spec, "volumeAttributesClassName");
    }
    if &masked != old_spec {
        faults.push(FieldError::forbidden(
            "spec",
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n",
        ));
        return;
    }
    let amount = |claim: &Value| {
        Quantity::parse(text(claim, &["spec", "resources", "requests", "storage"])).ok()
    };
    if let (Some(now), Some(before)) = (amount(new), amount(old))
        && now.compare(&before).is_lt()
    {
        faults.push(FieldError::forbidden(
            "spec.resources.requests.storage",
            "field can not be less than status.capacity",
        ));
    }
}

fn storage_class(faults: &mut Faults, object: &Value) {
    let provisioner = text(object, &["provisioner"]);
    if provisioner.is_empty() {
        faults.push(FieldError::required("provisioner", provisioner));
    } else {
        texts(
            faults,
            "provisioner",
            provisioner,
            qualified_name_faults(&provisioner.to_lowercase()),
        );
    }
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
}

fn attachment(faults: &mut Faults, object: &Value) {
    let spec = at(object, &["spec"]);
    named(
        faults,
        "spec.attacher",
        text(spec, &["attacher"]),
        driver_faults,
    );
    let inline = is_set(spec, &["source", "inlineVolumeSpec"]);
    let volume = text(spec, &["source", "persistentVolumeName"]);
    match (inline, is_set(spec, &["source", "persistentVolumeName"])) {
        (false, false) => faults.push(FieldError::required(
            "spec.source",
            "must specify one of inlineVolumeSpec and persistentVolumeName",
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
    named(
        faults,
        "spec.nodeName",
        text(spec, &["nodeName"]),
        subdomain_faults,
    );
}

fn csi_driver(faults: &mut Faults, object: &Value) {
    let name = text(object, &["metadata", "name"]);
    if name.len() > 63 {
        faults.push(FieldError::too_long("metadata.name", 63));
    }
    let spec = at(object, &["spec"]);
    for key in ["attachRequired", "podInfoOnMount", "storageCapacity"] {
        if !is_set(spec, &[key]) {
            faults.push(FieldError::required(format!("spec.{key}"), ""));
        }
    }
    let policy = text(spec, &["fsGroupPolicy"]);
    if !policy.is_empty() {
        maybe_one_of(
            faults,
            "spec.fsGroupPolicy",
            policy,
            &["ReadWriteOnceWithFSType", "File", "None"],
        );
    }
    for mode in items(spec, &["volumeLifecycleModes"])
        .iter()
        .filter_map(Value::as_str)
    {
        maybe_one_of(
            faults,
            "spec.volumeLifecycleModes",
            mode,
            &["Ephemeral", "Persistent"],
        );
    }
}

/// The name of a driver: a domain name of at most 63 characters.
fn driver_faults(name: &str) -> Vec<String> {
    let mut out = Vec::new();
    if name.len() > 63 {
        out.push("must be no more than 63 characters".to_owned());
    }
    out.extend(subdomain_faults(&name.to_lowercase()));
    out
}

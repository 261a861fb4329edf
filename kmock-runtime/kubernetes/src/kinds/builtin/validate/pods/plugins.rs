//! The sources of volumes that storage systems bring, in pods and in persistent volumes.

use serde_json::Value;

use super::no_backsteps;
use crate::kinds::builtin::validate::rules::{Faults, in_range, int, named, required, texts};
use crate::kinds::builtin::values::{at, is_set, items, members, text, truth};
use crate::model::meta::{label_faults, subdomain_faults};
use crate::model::status::FieldError;

/// What is said of names that make too long a name together.
pub(super) const TOO_LONG_FOR_ISCSI: &str = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";

fn need(faults: &mut Faults, source: &Value, keys: &[&str], path: &str) {
    for key in keys {
        required(faults, &format!("{path}.{key}"), text(source, &[key]));
    }
}

fn need_any(faults: &mut Faults, source: &Value, key: &str, path: &str) {
    if items(source, &[key]).is_empty() {
        faults.push(FieldError::required(format!("{path}.{key}"), ""));
    }
}

/// A reference to a secret that tells its name, and where it must, its namespace.
fn secret_ref(faults: &mut Faults, source: &Value, path: &str, keys: &[&str]) {
    let reference = at(source, &["secretRef"]);
    if reference.is_object() {
        need(faults, reference, keys, &format!("{path}.secretRef"));
    }
}

/// A source in a pod.
pub(super) fn inline(faults: &mut Faults, kind: &str, source: &Value, path: &str) {
    match kind {
        "csi" => {
            csi_driver_name(faults, text(source, &["driver"]), &format!("{path}.driver"));
            let reference = at(source, &["nodePublishSecretRef"]);
            if reference.is_object() {
                let name = text(reference, &["name"]);
                if name.is_empty() {
                    faults.push(FieldError::required(
                        format!("{path}.nodePublishSecretRef.name"),
                        "",
                    ));
                } else {
                    texts(
                        faults,
                        &format!("{path}.name"),
                        name,
                        subdomain_faults(name),
                    );
                }
            }
        }
        "cinder" => {
            need(faults, source, &["volumeID"], path);
            secret_ref(faults, source, path, &["name"]);
        }
        "storageos" => storage_os(faults, source, path, &["name"]),
        "iscsi" => iscsi(
            faults,
            source,
            path,
            "must be valid format starting with iqn, eui, or naa",
        ),
        "glusterfs" => need(faults, source, &["endpoints", "path"], path),
        "azureFile" => need(faults, source, &["secretName", "shareName"], path),
        _ => common(faults, kind, source, path),
    }
}

/// A source of a persistent volume.
pub(in crate::kinds::builtin::validate) fn persistent(
    faults: &mut Faults,
    kind: &str,
    source: &Value,
    path: &str,
    volume_name: &str,
) {
    match kind {
        "hostPath" => host_path(faults, source, path),
        "local" => {
            let local = text(source, &["path"]);
            required(faults, &format!("{path}.path"), local);
            no_backsteps(faults, &format!("{path}.path"), local);
        }
        "csi" => persistent_csi(faults, source, path),
        "cinder" => {
            need(faults, source, &["volumeID"], path);
            secret_ref(faults, source, path, &["name", "namespace"]);
        }
        "storageos" => storage_os(faults, source, path, &["name", "namespace"]),
        "iscsi" => {
            let portal = text(source, &["targetPortal"]);
            let too_long =
                is_set(source, &["initiatorName"]) && volume_name.len() + 1 + portal.len() > 64;
            let before = faults.len();
            iscsi(faults, source, path, "must be valid format");
            if too_long {
                let after_portal = before + usize::from(portal.is_empty());
                faults.insert(
                    after_portal,
                    FieldError::invalid_text(
                        format!("{path}.targetportal"),
                        portal,
                        TOO_LONG_FOR_ISCSI,
                    ),
                );
            }
        }
        "glusterfs" => {
            need(faults, source, &["endpoints", "path"], path);
            if is_set(source, &["endpointsNamespace"]) {
                let namespace = text(source, &["endpointsNamespace"]);
                let path = format!("{path}.endpointsNamespace");
                if namespace.is_empty() {
                    faults.push(FieldError::invalid_text(
                        path,
                        "",
                        "if the endpointnamespace is set, it must be a valid namespace name",
                    ));
                } else {
                    texts(faults, &path, namespace, label_faults(namespace));
                }
            }
        }
        "azureFile" => {
            need(faults, source, &["secretName", "shareName"], path);
            if is_set(source, &["secretNamespace"]) {
                need(faults, source, &["secretNamespace"], path);
            }
        }
        _ => common(faults, kind, source, path),
    }
}

/// Sources that are the same in pods and in persistent volumes.
fn common(faults: &mut Faults, kind: &str, source: &Value, path: &str) {
    match kind {
        "gcePersistentDisk" | "awsElasticBlockStore" => {
            let id = if kind == "gcePersistentDisk" {
                "pdName"
            } else {
                "volumeID"
            };
            need(faults, source, &[id], path);
            let partition = at(source, &["partition"]);
            if partition.as_i64().is_some_and(|n| !(0..=255).contains(&n)) {
                faults.push(FieldError::invalid(
                    format!("{path}.partition"),
                    partition,
                    "must be between 1 and 255, inclusive",
                ));
            }
        }
        "nfs" => {
            need(faults, source, &["server", "path"], path);
            let export = text(source, &["path"]);
            if !export.starts_with('/') {
                faults.push(FieldError::invalid_text(
                    format!("{path}.path"),
                    export,
                    "must be an absolute path",
                ));
            }
        }
        "flocker" => flocker(faults, source, path),
        "rbd" => {
            need_any(faults, source, "monitors", path);
            need(faults, source, &["image"], path);
        }
        "cephfs" => need_any(faults, source, "monitors", path),
        "quobyte" => quobyte(faults, source, path),
        "fc" => fibre_channel(faults, source, path),
        "flexVolume" => flex(faults, source, path),
        "vsphereVolume" => need(faults, source, &["volumePath"], path),
        "photonPersistentDisk" => need(faults, source, &["pdID"], path),
        "portworxVolume" => need(faults, source, &["volumeID"], path),
        "azureDisk" => azure_disk(faults, source, path),
        "scaleIO" => need(faults, source, &["gateway", "system", "volumeName"], path),
        _ => {}
    }
}

/// A path of the host.
pub(super) fn host_path(faults: &mut Faults, source: &Value, path: &str) {
    let host = text(source, &["path"]);
    if host.is_empty() {
        faults.push(FieldError::required(format!("{path}.path"), ""));
        return;
    }
    no_backsteps(faults, &format!("{path}.path"), host);
    super::optional_one_of(
        faults,
        source,
        "type",
        path,
        &[
            "",
            "BlockDevice",
            "CharDevice",
            "Directory",
            "DirectoryOrCreate",
            "File",
            "FileOrCreate",
            "Socket",
        ],
    );
}

/// The name of a driver of the container storage interface.
pub(in crate::kinds::builtin::validate) fn csi_driver_name(
    faults: &mut Faults,
    name: &str,
    path: &str,
) {
    if name.is_empty() {
        faults.push(FieldError::required(path, ""));
        return;
    }
    if name.len() > 63 {
        faults.push(FieldError::too_long(path, 63));
    }
    texts(faults, path, name, subdomain_faults(&name.to_lowercase()));
}

fn persistent_csi(faults: &mut Faults, source: &Value, path: &str) {
    csi_driver_name(faults, text(source, &["driver"]), &format!("{path}.driver"));
    need(faults, source, &["volumeHandle"], path);
    for key in [
        "controllerPublishSecretRef",
        "controllerExpandSecretRef",
        "nodePublishSecretRef",
        "nodeExpandSecretRef",
    ] {
        let reference = at(source, &[key]);
        if reference.is_object() {
            let path = format!("{path}.{key}");
            named(
                faults,
                &format!("{path}.name"),
                text(reference, &["name"]),
                subdomain_faults,
            );
            named(
                faults,
                &format!("{path}.namespace"),
                text(reference, &["namespace"]),
                label_faults,
            );
        }
    }
}

fn storage_os(faults: &mut Faults, source: &Value, path: &str, secret_keys: &[&str]) {
    named(
        faults,
        &format!("{path}.volumeName"),
        text(source, &["volumeName"]),
        label_faults,
    );
    let namespace = text(source, &["volumeNamespace"]);
    if !namespace.is_empty() {
        let path = format!("{path}.volumeNamespace");
        texts(faults, &path, namespace, label_faults(namespace));
    }
    secret_ref(faults, source, path, secret_keys);
}

/// Whether a qualified name of iSCSI has the shape that its first letters promise.
fn is_iscsi_name(name: &str) -> bool {
    let plain = |text: &str| text.bytes().all(|c| c.is_ascii_alphanumeric());
    if let Some(rest) = name.strip_prefix("iqn") {
        let date = |text: &str| {
            text.len() == 7
                && text.bytes().enumerate().all(|(i, c)| {
                    if i == 4 {
                        c == b'-'
                    } else {
                        c.is_ascii_digit()
                    }
                })
        };
        let Some((day, rest)) = rest
            .strip_prefix('.')
            .and_then(|rest| rest.split_at_checked(7))
        else {
            return false;
        };
        let Some((host, unit)) = rest.strip_prefix('.').and_then(|rest| rest.split_once(':'))
        else {
            return false;
        };
        return date(day)
            && !host.is_empty()
            && host
                .bytes()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.'))
            && !unit.is_empty()
            && !unit.contains(|c: char| ",;*&$|".contains(c) || c.is_whitespace());
    }
    let after = |prefix: &str| name.strip_prefix(prefix).and_then(|rest| rest.get(1..));
    match (after("eui"), after("naa")) {
        (Some(rest), _) => rest.len() == 16 && plain(rest),
        (_, Some(rest)) => rest.len() == 32 && plain(rest),
        _ => true,
    }
}

fn iscsi(faults: &mut Faults, source: &Value, path: &str, unknown: &str) {
    need(faults, source, &["targetPortal"], path);
    let known = |name: &str| ["iqn", "eui", "naa"].iter().any(|p| name.starts_with(p));
    let qualified = |faults: &mut Faults, path: String, name: &str| {
        let detail = if !known(name) {
            unknown
        } else if !is_iscsi_name(name) {
            "must be valid format"
        } else {
            return;
        };
        faults.push(FieldError::invalid_text(path, name, detail));
    };
    match text(source, &["iqn"]) {
        "" => faults.push(FieldError::required(format!("{path}.iqn"), "")),
        name => qualified(faults, format!("{path}.iqn"), name),
    }
    in_range(faults, &format!("{path}.lun"), at(source, &["lun"]), 0, 255);
    let with_secret = truth(source, &["chapAuthDiscovery"]) || truth(source, &["chapAuthSession"]);
    if with_secret && !is_set(source, &["secretRef"]) {
        faults.push(FieldError::required(format!("{path}.secretRef"), ""));
    }
    if unknown == "must be valid format" {
        secret_ref(faults, source, path, &["name"]);
    }
    if is_set(source, &["initiatorName"]) {
        let name = text(source, &["initiatorName"]);
        qualified(faults, format!("{path}.initiatorname"), name);
    }
}

fn flocker(faults: &mut Faults, source: &Value, path: &str) {
    let (name, id) = (
        text(source, &["datasetName"]),
        text(source, &["datasetUUID"]),
    );
    match (name.is_empty(), id.is_empty()) {
        (true, true) => faults.push(FieldError::required(
            path,
            "one of datasetName and datasetUUID is required",
        )),
        (false, false) => faults.push(FieldError::invalid_text(
            path,
            "resource",
            "datasetName and datasetUUID can not be specified simultaneously",
        )),
        _ => {}
    }
    if name.contains('/') {
        faults.push(FieldError::invalid_text(
            format!("{path}.datasetName"),
            name,
            "must not contain '/'",
        ));
    }
}

fn quobyte(faults: &mut Faults, source: &Value, path: &str) {
    const PAIRS: &str = "must be a host:port pair or multiple pairs separated by commas";
    let registry = text(source, &["registry"]);
    if registry.is_empty() {
        faults.push(FieldError::required(format!("{path}.registry"), PAIRS));
    } else if text(source, &["tenant"]).len() >= 65 {
        faults.push(FieldError::required(
            format!("{path}.tenant"),
            "must be a UUID and may not exceed a length of 64 characters",
        ));
    } else {
        let is_pair = |pair: &&str| match pair.strip_prefix('[') {
            Some(rest) => rest
                .split_once("]:")
                .is_some_and(|(_, port)| !port.contains(':')),
            None => pair.matches(':').count() == 1,
        };
        for _ in registry.split(',').filter(|pair| !is_pair(pair)) {
            faults.push(FieldError::invalid_text(
                format!("{path}.registry"),
                registry,
                PAIRS,
            ));
        }
    }
    need(faults, source, &["volume"], path);
}

fn fibre_channel(faults: &mut Faults, source: &Value, path: &str) {
    let (targets, ids) = (items(source, &["targetWWNs"]), items(source, &["wwids"]));
    let path_of = |key: &str| format!("{path}.{key}");
    if targets.is_empty() && ids.is_empty() {
        faults.push(FieldError::required(
            path_of("targetWWNs"),
            "must specify either targetWWNs or wwids, but not both",
        ));
    }
    if !targets.is_empty() && !ids.is_empty() {
        faults.push(FieldError::invalid(
            path_of("targetWWNs"),
            at(source, &["targetWWNs"]),
            "targetWWNs and wwids can not be specified simultaneously",
        ));
    }
    if !targets.is_empty() {
        if is_set(source, &["lun"]) {
            in_range(
                faults,
                &path_of("lun"),
                &int(source, &["lun"]).into(),
                0,
                255,
            );
        } else {
            faults.push(FieldError::required(
                path_of("lun"),
                "lun is required if targetWWNs is specified",
            ));
        }
    }
}

fn flex(faults: &mut Faults, source: &Value, path: &str) {
    need(faults, source, &["driver"], path);
    for (key, _) in members(source, &["options"]) {
        let namespace = key.split_once('/').map_or(key, |(namespace, _)| namespace);
        let dotted = format!(".{}", namespace.to_lowercase());
        if dotted.ends_with(".kubernetes.io") || dotted.ends_with(".k8s.io") {
            faults.push(FieldError::invalid_text(
                format!("{path}.options[{key}]"),
                key,
                "kubernetes.io and k8s.io namespaces are reserved",
            ));
        }
    }
}

fn azure_disk(faults: &mut Faults, source: &Value, path: &str) {
    need(faults, source, &["diskName", "diskURI"], path);
    super::optional_one_of(
        faults,
        source,
        "cachingMode",
        path,
        &["None", "ReadOnly", "ReadWrite"],
    );
    super::optional_one_of(
        faults,
        source,
        "kind",
        path,
        &["Dedicated", "Managed", "Shared"],
    );
    let uri = text(source, &["diskURI"]);
    let (prefix, supported) = match text(source, &["kind"]) {
        "" => return,
        "Managed" => (
            "/subscriptions/",
            "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}",
        ),
        _ => (
            "https://",
            "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd",
        ),
    };
    if !uri.starts_with(prefix) {
        faults.push(FieldError::not_supported(
            format!("{path}.diskURI"),
            &uri.into(),
            &[supported],
        ));
    }
}

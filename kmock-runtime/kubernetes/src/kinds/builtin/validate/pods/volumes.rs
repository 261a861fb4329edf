//! Volumes of a pod.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::env::{IN_FILES, field, resource_field};
use super::{Pod, containers, file_mode, not_reserved, plugins};
use crate::kinds::builtin::quantity::Quantity;
use crate::kinds::builtin::tokens::lifetime_fault;
use crate::kinds::builtin::validate::claims;
use crate::kinds::builtin::validate::rules::{Faults, int, labels, named, required, texts};
use crate::kinds::builtin::values::{at, is_set, items, members, text};
use crate::model::meta::{label_faults, qualified_name_faults, subdomain_faults};
use crate::model::status::FieldError;

/// The volumes without a fault: what containers may mount.
pub(super) struct Mountable<'a>(HashMap<&'a str, &'a Value>);

impl<'a> Mountable<'a> {
    pub(super) fn has(&self, name: &str) -> bool {
        self.source(name).is_some()
    }

    pub(super) fn source(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).copied()
    }
}

/// The kinds of volumes, in the order in which the server looks for them.
const KINDS: [&str; 30] = [
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
    "csi",
    "ephemeral",
    "image",
];

/// All volumes of a pod.
pub(super) fn of_pod<'a>(faults: &mut Faults, pod: &Pod<'a>, path: &str) -> Mountable<'a> {
    let mut good = Mountable(HashMap::new());
    let volumes = items(pod.spec, &["volumes"]);
    let pod_name = pod.name.filter(|name| !name.is_empty());
    // For each of these a claim is made: the name of the pod, and its own.
    let ephemeral: HashSet<&str> = volumes
        .iter()
        .filter(|volume| is_set(volume, &["ephemeral"]))
        .map(|volume| text(volume, &["name"]))
        .collect();
    for (i, volume) in volumes.iter().enumerate() {
        let path = format!("{path}[{i}]");
        let name = text(volume, &["name"]);
        let before = faults.len();
        source(faults, pod, volume, &path);
        named(faults, &format!("{path}.name"), name, label_faults);
        if good.has(name) {
            faults.push(FieldError::duplicate(format!("{path}.name"), &name.into()));
        }
        if faults.len() == before {
            good.0.insert(name, volume);
        }
        let claim = text(volume, &["persistentVolumeClaim", "claimName"]);
        let is_made = pod_name
            .and_then(|name| claim.strip_prefix(name)?.strip_prefix('-'))
            .is_some_and(|name| ephemeral.contains(name));
        if is_made {
            faults.push(FieldError::invalid_text(
                format!("{path}.persistentVolumeClaim.claimName"),
                claim,
                "must not reference a PVC that gets created for an ephemeral volume",
            ));
        }
    }
    good
}

/// A volume has exactly one source.
fn source(faults: &mut Faults, pod: &Pod<'_>, volume: &Value, path: &str) {
    let mut count = 0;
    for kind in KINDS.iter().filter(|kind| is_set(volume, &[kind])) {
        count += 1;
        let shown = if *kind == "gcePersistentDisk" && count == 1 {
            "persistentDisk"
        } else {
            kind
        };
        let at_path = format!("{path}.{shown}");
        if count > 1 {
            faults.push(FieldError::forbidden(
                at_path,
                "may not specify more than 1 volume type",
            ));
        } else {
            one_source(faults, pod, kind, at(volume, &[kind]), &at_path);
            if *kind == "ephemeral" {
                claim_name(faults, pod, volume, path);
            }
        }
        if *kind == "iscsi" {
            let name = text(volume, &["name"]);
            let portal = text(volume, &["iscsi", "targetPortal"]);
            if is_set(volume, &["iscsi", "initiatorName"]) && name.len() + 1 + portal.len() > 64 {
                faults.push(FieldError::invalid_text(
                    format!("{path}.name"),
                    name,
                    plugins::TOO_LONG_FOR_ISCSI,
                ));
            }
        }
    }
    if count == 0 {
        faults.push(FieldError::required(path, "must specify a volume type"));
    }
}

/// The claim made for an ephemeral volume has a name made of two.
fn claim_name(faults: &mut Faults, pod: &Pod<'_>, volume: &Value, path: &str) {
    let name = text(volume, &["name"]);
    if let Some(pod_name) = pod.name.filter(|n| !n.is_empty() && !name.is_empty()) {
        let claim = format!("{pod_name}-{name}");
        for fault in subdomain_faults(&claim) {
            faults.push(FieldError::invalid_text(
                format!("{path}.name"),
                name,
                format!("PVC name {claim:?}: {fault}"),
            ));
        }
    }
}

fn one_source(faults: &mut Faults, pod: &Pod<'_>, kind: &str, source: &Value, path: &str) {
    match kind {
        "emptyDir" => {
            let limit = Quantity::parse(text(source, &["sizeLimit"]));
            if limit.is_ok_and(|limit| limit.sign() < 0) {
                faults.push(FieldError::forbidden(
                    format!("{path}.sizeLimit"),
                    "SizeLimit field must be a valid resource quantity",
                ));
            }
        }
        "hostPath" => plugins::host_path(faults, source, path),
        "gitRepo" => {
            required(
                faults,
                &format!("{path}.repository"),
                text(source, &["repository"]),
            );
            super::descending(
                faults,
                &format!("{path}.directory"),
                text(source, &["directory"]),
            );
        }
        "secret" => files(faults, source, "secretName", path),
        "configMap" => files(faults, source, "name", path),
        "persistentVolumeClaim" => {
            required(
                faults,
                &format!("{path}.claimName"),
                text(source, &["claimName"]),
            );
        }
        "downwardAPI" => {
            file_mode(faults, source, "defaultMode", path);
            for file in items(source, &["items"]) {
                downward_file(faults, file, path);
            }
        }
        "projected" => {
            file_mode(faults, source, "defaultMode", path);
            projected(faults, source, path);
        }
        "ephemeral" => {
            let template = at(source, &["volumeClaimTemplate"]);
            let path = format!("{path}.volumeClaimTemplate");
            if template.is_object() {
                claim_template(faults, template, &path);
            } else {
                faults.push(FieldError::required(path, ""));
            }
        }
        "image" => {
            if pod.name.is_some() {
                required(
                    faults,
                    &format!("{path}.reference"),
                    text(source, &["reference"]),
                );
            }
            containers::pull_policy(faults, source, "pullPolicy", path);
        }
        _ => plugins::inline(faults, kind, source, path),
    }
}

/// The keys of a ConfigMap or Secret as files.
fn files(faults: &mut Faults, source: &Value, name_key: &str, path: &str) {
    required(
        faults,
        &format!("{path}.{name_key}"),
        text(source, &[name_key]),
    );
    file_mode(faults, source, "defaultMode", path);
    for (i, item) in items(source, &["items"]).iter().enumerate() {
        key_to_path(faults, item, &format!("{path}.items[{i}]"));
    }
}

fn key_to_path(faults: &mut Faults, item: &Value, path: &str) {
    required(faults, &format!("{path}.key"), text(item, &["key"]));
    let target = text(item, &["path"]);
    required(faults, &format!("{path}.path"), target);
    not_reserved(faults, &format!("{path}.path"), target);
    file_mode(faults, item, "mode", path);
}

fn downward_file(faults: &mut Faults, file: &Value, path: &str) {
    let target = text(file, &["path"]);
    required(faults, &format!("{path}.path"), target);
    not_reserved(faults, &format!("{path}.path"), target);
    let (of_pod, of_container) = (at(file, &["fieldRef"]), at(file, &["resourceFieldRef"]));
    if of_pod.is_object() {
        field(faults, of_pod, &format!("{path}.fieldRef"), &IN_FILES);
        if of_container.is_object() {
            faults.push(FieldError::invalid_text(
                path,
                "resource",
                "fieldRef and resourceFieldRef can not be specified simultaneously",
            ));
        }
    } else if of_container.is_object() {
        resource_field(
            faults,
            of_container,
            &format!("{path}.resourceFieldRef"),
            true,
        );
    } else {
        faults.push(FieldError::required(
            path,
            "one of fieldRef and resourceFieldRef is required",
        ));
    }
    file_mode(faults, file, "mode", path);
}

fn projected(faults: &mut Faults, volume: &Value, path: &str) {
    let mut taken: HashSet<&str> = HashSet::new();
    for (i, source) in items(volume, &["sources"]).iter().enumerate() {
        let at_path = format!("{path}.sources[{i}]");
        let mut count = 0;
        for kind in ["secret", "configMap"] {
            let part = at(source, &[kind]);
            if !part.is_object() {
                continue;
            }
            count += 1;
            let part_path = format!("{at_path}.{kind}");
            let name = text(part, &["name"]);
            required(faults, &format!("{part_path}.name"), name);
            for (j, item) in items(part, &["items"]).iter().enumerate() {
                key_to_path(faults, item, &format!("{part_path}.items[{j}]"));
                once(faults, &mut taken, text(item, &["path"]), name, path);
            }
        }
        let downward = at(source, &["downwardAPI"]);
        if downward.is_object() {
            count += 1;
            for file in items(downward, &["items"]) {
                downward_file(faults, file, &format!("{at_path}.downwardAPI"));
                let target = text(file, &["path"]);
                once(faults, &mut taken, target, target, path);
            }
        }
        let token = at(source, &["serviceAccountToken"]);
        if token.is_object() {
            count += 1;
            token_file(
                faults,
                token,
                &format!("{at_path}.serviceAccountToken"),
                path,
            );
        }
        if count > 1 {
            faults.push(FieldError::forbidden(
                at_path,
                "may not specify more than 1 volume type per source",
            ));
        }
    }
}

fn once<'a>(
    faults: &mut Faults,
    taken: &mut HashSet<&'a str>,
    target: &'a str,
    shown: &str,
    path: &str,
) {
    if target.is_empty() {
        return;
    }
    if !taken.insert(target) {
        faults.push(FieldError::invalid_text(
            path,
            shown,
            "conflicting duplicate paths",
        ));
    }
}

fn token_file(faults: &mut Faults, token: &Value, path: &str, volume_path: &str) {
    let seconds = int(token, &["expirationSeconds"]);
    if let Some(detail) = lifetime_fault(seconds) {
        faults.push(FieldError::invalid(
            format!("{path}.expirationSeconds"),
            &seconds.into(),
            detail,
        ));
    }
    let target = text(token, &["path"]);
    let path = format!("{volume_path}.path");
    if target.is_empty() {
        faults.push(FieldError::required(path, ""));
    } else {
        not_reserved(faults, &path, target);
    }
}

/// The claim that is made for an ephemeral volume.
fn claim_template(faults: &mut Faults, template: &Value, path: &str) {
    let metadata = at(template, &["metadata"]);
    for (key, _) in members(metadata, &["annotations"]) {
        texts(
            faults,
            &format!("{path}.metadata.annotations"),
            key,
            qualified_name_faults(&key.to_lowercase()),
        );
    }
    labels(
        faults,
        &format!("{path}.metadata.labels"),
        at(metadata, &["labels"]),
    );
    for key in [
        "name",
        "generateName",
        "namespace",
        "selfLink",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "ownerReferences",
        "finalizers",
        "managedFields",
    ] {
        if is_set(metadata, &[key]) {
            let go_key = if key == "uid" { "uID" } else { key };
            faults.push(FieldError::forbidden(
                format!("{path}.metadata.{go_key}"),
                "cannot be set",
            ));
        }
    }
    claims::spec(faults, at(template, &["spec"]), &format!("{path}.spec"));
}

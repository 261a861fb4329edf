//! Volumes as containers see them: mounts and block devices.

use std::collections::HashSet;

use serde_json::Value;

use super::volumes::Mountable;
use super::{descending, no_backsteps};
use crate::kinds::builtin::validate::rules::{Faults, required};
use crate::kinds::builtin::values::{is_set, items, text, truth};
use crate::model::status::FieldError;

/// Mounts and devices of a container.
pub(super) fn of_container(
    faults: &mut Faults,
    container: &Value,
    path: &str,
    mountable: &Mountable<'_>,
) {
    mounts(
        faults,
        container,
        &format!("{path}.volumeMounts"),
        mountable,
    );
    devices(
        faults,
        container,
        &format!("{path}.volumeDevices"),
        mountable,
    );
}

/// The mounts of a container, as its devices see them, and the other way round: which names and places are taken.
struct Others<'a> {
    list: &'static str,
    names: HashSet<&'a str>,
    places: HashSet<&'a str>,
}

impl<'a> Others<'a> {
    /// Those of a list; the key is that of their places.
    fn of(container: &'a Value, list: &'static str, key: &str) -> Others<'a> {
        let all = items(container, &[list]);
        Others {
            list,
            names: all.iter().map(|entry| text(entry, &["name"])).collect(),
            places: all.iter().map(|entry| text(entry, &[key])).collect(),
        }
    }
}

/// Tells what is wrong with a field of the mount or device there.
fn invalid_at(path: &str) -> impl Fn(&str, &str, &str, &mut Faults) {
    move |key, value, detail, faults| {
        faults.push(FieldError::invalid_text(
            format!("{path}.{key}"),
            value,
            detail,
        ));
    }
}

/// A mount and a device of one container have neither their name nor their place in common.
fn apart_from(
    faults: &mut Faults,
    others: &Others<'_>,
    path: &str,
    name: &str,
    (own_key, place): (&str, &str),
) {
    let (invalid, list) = (invalid_at(path), others.list);
    if others.names.contains(name) {
        let detail = format!("must not already exist in {list}");
        invalid("name", name, &detail, faults);
    }
    if others.places.contains(place) {
        let detail = format!("must not already exist as a path in {list}");
        invalid(own_key, place, &detail, faults);
    }
}

fn mounts(faults: &mut Faults, container: &Value, list: &str, mountable: &Mountable<'_>) {
    let others = Others::of(container, "volumeDevices", "devicePath");
    let mut paths: HashSet<&str> = HashSet::new();
    for (i, mount) in items(container, &["volumeMounts"]).iter().enumerate() {
        let path = format!("{list}[{i}]");
        let (name, mount_path) = (text(mount, &["name"]), text(mount, &["mountPath"]));
        let invalid = invalid_at(&path);
        required(faults, &format!("{path}.name"), name);
        if !mountable.has(name) {
            faults.push(FieldError::not_found(format!("{path}.name"), &name.into()));
        }
        required(faults, &format!("{path}.mountPath"), mount_path);
        if !paths.insert(mount_path) {
            invalid("mountPath", mount_path, "must be unique", faults);
        }
        apart_from(faults, &others, &path, name, ("mountPath", mount_path));
        let (sub_path, expression) = (text(mount, &["subPath"]), text(mount, &["subPathExpr"]));
        if !sub_path.is_empty() {
            descending(faults, &format!("{list}.subPath"), sub_path);
        }
        if !expression.is_empty() {
            if !sub_path.is_empty() {
                let detail = "subPathExpr and subPath are mutually exclusive";
                invalid("subPathExpr", expression, detail, faults);
            }
            descending(faults, &format!("{list}.subPathExpr"), expression);
        }
        propagation(faults, container, mount, list);
        recursive_read_only(faults, mount, &format!("{list}.recursiveReadOnly"));
    }
}

fn propagation(faults: &mut Faults, container: &Value, mount: &Value, list: &str) {
    super::optional_one_of(
        faults,
        mount,
        "mountPropagation",
        list,
        &["Bidirectional", "HostToContainer", "None"],
    );
    if text(mount, &["mountPropagation"]) == "Bidirectional"
        && !truth(container, &["securityContext", "privileged"])
    {
        faults.push(FieldError::forbidden(
            format!("{list}.mountPropagation"),
            "Bidirectional mount propagation is available only to privileged containers",
        ));
    }
}

fn recursive_read_only(faults: &mut Faults, mount: &Value, path: &str) {
    if !is_set(mount, &["recursiveReadOnly"]) {
        return;
    }
    match text(mount, &["recursiveReadOnly"]) {
        "Disabled" => {}
        "Enabled" | "IfPossible" => {
            if !truth(mount, &["readOnly"]) {
                faults.push(FieldError::forbidden(
                    path,
                    "may only be specified when readOnly is true",
                ));
            }
            if !matches!(text(mount, &["mountPropagation"]), "" | "None") {
                faults.push(FieldError::forbidden(
                    path,
                    "may only be specified when mountPropagation is None or not specified",
                ));
            }
        }
        other => faults.push(FieldError::not_supported(
            path,
            &other.into(),
            &["Disabled", "Enabled", "IfPossible"],
        )),
    }
}

fn devices(faults: &mut Faults, container: &Value, list: &str, mountable: &Mountable<'_>) {
    let others = Others::of(container, "volumeMounts", "mountPath");
    let (mut names, mut paths): (HashSet<&str>, HashSet<&str>) = <_>::default();
    for (i, device) in items(container, &["volumeDevices"]).iter().enumerate() {
        let path = format!("{list}[{i}]");
        let (name, device_path) = (text(device, &["name"]), text(device, &["devicePath"]));
        let invalid = invalid_at(&path);
        required(faults, &format!("{path}.name"), name);
        if names.contains(&name) {
            invalid("name", name, "must be unique", faults);
        }
        match mountable.source(name) {
            Some(volume) => {
                let is_block =
                    is_set(volume, &["persistentVolumeClaim"]) || is_set(volume, &["ephemeral"]);
                if !is_block {
                    let detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
                    invalid("name", name, detail, faults);
                }
            }
            None => faults.push(FieldError::not_found(format!("{path}.name"), &name.into())),
        }
        required(faults, &format!("{path}.devicePath"), device_path);
        if paths.contains(&device_path) {
            invalid("devicePath", device_path, "must be unique", faults);
        }
        let mut steps = Faults::new();
        no_backsteps(&mut steps, "", device_path);
        if steps.is_empty() {
            paths.insert(device_path);
        } else {
            invalid(
                "devicePath",
                device_path,
                "can not contain backsteps ('..')",
                faults,
            );
        }
        apart_from(faults, &others, &path, name, ("devicePath", device_path));
        if !name.is_empty() {
            names.insert(name);
        }
    }
}

//! Variables of a container's environment, and what the downward API can tell.

use serde_json::Value;

use crate::kinds::builtin::quantity::Quantity;
use crate::kinds::builtin::validate::rules::{
    Faults, config_key_faults, given_text, named, required, text_field, texts,
};
use crate::kinds::builtin::values::{at, containers, is_set, items, text};
use crate::model::meta::{label_faults, qualified_name_faults, subdomain_faults};
use crate::model::status::FieldError;

/// Fields of the pod that a variable can show.
const IN_VARIABLES: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
/// Fields of the pod that a file can show.
pub(super) const IN_FILES: [&str; 5] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
];
/// Fields that the downward API knows, though not each way to show them does.
const KNOWN_FIELDS: [&str; 14] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.serviceAccountName",
    "spec.schedulerName",
    "status.phase",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

/// What is wrong with the name of a variable.
fn name_faults(name: &str) -> Vec<String> {
    if !name.is_empty() && name.chars().all(|c| (' '..='~').contains(&c) && c != '=') {
        return Vec::new();
    }
    vec!["a valid environment variable name must consist only of printable ASCII characters other than '='".into()]
}

/// `env` of a container.
pub(super) fn variables(faults: &mut Faults, container: &Value, path: &str) {
    for (i, entry) in items(container, &["env"]).iter().enumerate() {
        let path = format!("{path}[{i}]");
        named(
            faults,
            &format!("{path}.name"),
            text(entry, &["name"]),
            name_faults,
        );
        let source = at(entry, &["valueFrom"]);
        if source.is_object() {
            let has_value = !text(entry, &["value"]).is_empty();
            value_from(faults, source, &format!("{path}.valueFrom"), has_value);
        }
    }
}

fn value_from(faults: &mut Faults, source: &Value, path: &str, has_value: bool) {
    let mut count = 0;
    for kind in [
        "fieldRef",
        "resourceFieldRef",
        "configMapKeyRef",
        "secretKeyRef",
        "fileKeyRef",
    ] {
        let part = at(source, &[kind]);
        if !part.is_object() {
            continue;
        }
        count += 1;
        let path = format!("{path}.{kind}");
        match kind {
            "fieldRef" => field(faults, part, &path, &IN_VARIABLES),
            "resourceFieldRef" => resource_field(faults, part, &path, false),
            "fileKeyRef" => file_key(faults, part, &path),
            _ => {
                text_field(faults, part, &path, "name", subdomain_faults);
                named(
                    faults,
                    &format!("{path}.key"),
                    text(part, &["key"]),
                    config_key_faults,
                );
            }
        }
    }
    let detail = if count == 0 {
        "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
    } else if has_value {
        "may not be specified when `value` is not empty"
    } else if count > 1 {
        "may not have more than one field specified at a time"
    } else {
        return;
    };
    faults.push(FieldError::invalid_text(path, "", detail));
}

fn file_key(faults: &mut Faults, part: &Value, path: &str) {
    named(
        faults,
        &format!("{path}.key"),
        text(part, &["key"]),
        name_faults,
    );
    named(
        faults,
        &format!("{path}.volumeName"),
        text(part, &["volumeName"]),
        label_faults,
    );
    let file = text(part, &["path"]);
    required(faults, &format!("{path}.path"), file);
    super::no_backsteps(faults, &format!("{path}.path"), file);
}

/// Files of variables are in empty directories of the pod.
pub(super) fn file_key_volumes(faults: &mut Faults, spec: &Value, path: &str) {
    for (container, path) in containers(spec, path) {
        for (i, entry) in items(container, &["env"]).iter().enumerate() {
            let part = at(entry, &["valueFrom", "fileKeyRef"]);
            if !part.is_object() {
                continue;
            }
            let name = text(part, &["volumeName"]);
            let path = format!("{path}.env[{i}].valueFrom.fileKeyRef.volumeName");
            match items(spec, &["volumes"])
                .iter()
                .rfind(|v| text(v, &["name"]) == name)
            {
                None => faults.push(FieldError::not_found(path, &name.into())),
                Some(volume) if !is_set(volume, &["emptyDir"]) => {
                    faults.push(FieldError::invalid_text(
                        path,
                        name,
                        "referenced volume must be of type emptyDir",
                    ));
                }
                Some(_) => {}
            }
        }
    }
}

/// The parts of `metadata.labels['key']`.
fn subscripted(path: &str) -> Option<(&str, &str)> {
    path.strip_suffix("']")?
        .split_once("['")
        .filter(|(path, _)| !path.is_empty())
}

/// A reference to a field of the pod.
pub(super) fn field(faults: &mut Faults, part: &Value, path: &str, supported: &[&str]) {
    let (version, field) = (text(part, &["apiVersion"]), text(part, &["fieldPath"]));
    if version.is_empty() {
        faults.push(FieldError::required(format!("{path}.apiVersion"), ""));
        return;
    }
    let field_path = format!("{path}.fieldPath");
    if field.is_empty() {
        faults.push(FieldError::required(field_path, ""));
        return;
    }
    let field = if field == "spec.host" {
        "spec.nodeName"
    } else {
        field
    };
    let why = if version != "v1" {
        Some(format!("unsupported pod version: {version}"))
    } else if let Some((head, _)) = subscripted(field) {
        (!matches!(head, "metadata.annotations" | "metadata.labels"))
            .then(|| format!("field label does not support subscript: {field}"))
    } else {
        (!KNOWN_FIELDS.contains(&field)).then(|| format!("field label not supported: {field}"))
    };
    if let Some(why) = why {
        faults.push(FieldError::invalid_text(
            field_path,
            field,
            format!("error converting fieldPath: {why}"),
        ));
        return;
    }
    match subscripted(field) {
        Some(("metadata.annotations", key)) => {
            let key = key.to_lowercase();
            texts(faults, path, &key, qualified_name_faults(&key));
        }
        Some((_, key)) => texts(faults, path, key, qualified_name_faults(key)),
        None if !supported.contains(&field) => {
            faults.push(FieldError::not_supported(
                field_path,
                &field.into(),
                supported,
            ));
        }
        None => {}
    }
}

/// A reference to what a container asks for.
pub(super) fn resource_field(faults: &mut Faults, part: &Value, path: &str, in_volume: bool) {
    let resource = text(part, &["resource"]);
    let is_huge_pages = ["requests.hugepages-", "limits.hugepages-"]
        .iter()
        .any(|prefix| resource.starts_with(prefix));
    if in_volume && text(part, &["containerName"]).is_empty() {
        faults.push(FieldError::required(format!("{path}.containerName"), ""));
    } else if resource.is_empty() {
        faults.push(FieldError::required(format!("{path}.resource"), ""));
    } else if !RESOURCES.contains(&resource) && !is_huge_pages {
        faults.push(FieldError::not_supported(
            format!("{path}.resource"),
            &resource.into(),
            &RESOURCES,
        ));
    }
    let divisor = text(part, &["divisor"]);
    if Quantity::parse(divisor).is_ok_and(|amount| amount.is_zero()) || divisor.is_empty() {
        return;
    }
    let in_bytes = [
        "1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei",
    ];
    let bytes = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei";
    let (fits, values, what) = match resource.split_once('.').map_or("", |(_, name)| name) {
        "cpu" => (matches!(divisor, "1" | "1m"), "1m and 1", "cpu"),
        "memory" => (in_bytes.contains(&divisor), bytes, "memory"),
        "ephemeral-storage" => (
            in_bytes.contains(&divisor),
            bytes,
            "local ephemeral storage",
        ),
        _ if is_huge_pages => (in_bytes.contains(&divisor), bytes, "hugepages"),
        _ => return,
    };
    if !fits && (RESOURCES.contains(&resource) || is_huge_pages) {
        faults.push(FieldError::invalid_text(
            format!("{path}.divisor"),
            resource,
            format!("only divisor's values {values} are supported with the {what} resource"),
        ));
    }
}

/// `envFrom` of a container.
pub(super) fn sources(faults: &mut Faults, container: &Value, path: &str) {
    for (i, entry) in items(container, &["envFrom"]).iter().enumerate() {
        let at_path = format!("{path}[{i}]");
        given_text(faults, entry, &at_path, "prefix", name_faults);
        let mut count = 0;
        for kind in ["configMapRef", "secretRef"] {
            if is_set(entry, &[kind]) {
                count += 1;
                let path = format!("{at_path}.{kind}.name");
                named(faults, &path, text(entry, &[kind, "name"]), prefix_faults);
            }
        }
        let detail = match count {
            0 => "must specify one of: `configMapRef` or `secretRef`",
            1 => continue,
            _ => "may not have more than one field specified at a time",
        };
        faults.push(FieldError::invalid_text(path, "", detail));
    }
}

/// A name that may be the beginning of one: a dash at its end does not count.
fn prefix_faults(name: &str) -> Vec<String> {
    if name.len() > 1 && name.ends_with('-') {
        subdomain_faults(&format!(
            "{}a",
            name.get(..name.len() - 2).unwrap_or_default()
        ))
    } else {
        subdomain_faults(name)
    }
}

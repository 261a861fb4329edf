//! Config maps, secrets, services, quotas, limit ranges, namespaces, nodes, endpoints, service accounts.

use serde_json::Value;

use super::quotas;
use super::rules::{Faults, IMMUTABLE, config_key_faults, same, texts};
use crate::kinds::builtin::base64;
use crate::kinds::builtin::values::{is_set, items, members, text, truth};
use crate::model::meta::{is_qualified_finalizer, qualified_name_faults};
use crate::model::status::FieldError;
use crate::model::strategy::Context;

pub(in crate::kinds::builtin) fn update_config_map(
    faults: &mut Faults,
    _context: &Context<'_>,
    new: &Value,
    old: &Value,
) {
    immutable_data(faults, new, old, &["data", "binaryData"]);
    config_map(faults, new);
}

pub(in crate::kinds::builtin) fn update_secret(
    faults: &mut Faults,
    _context: &Context<'_>,
    new: &Value,
    old: &Value,
) {
    if text(new, &["type"]) != text(old, &["type"]) {
        faults.push(FieldError::invalid_text(
            "type",
            text(new, &["type"]),
            IMMUTABLE,
        ));
    }
    immutable_data(faults, new, old, &["data"]);
    secret(faults, new);
}

pub(in crate::kinds::builtin) fn update_resource_quota(
    faults: &mut Faults,
    _context: &Context<'_>,
    new: &Value,
    old: &Value,
) {
    quotas::quota(faults, new);
    quotas::quota_update(faults, new, old);
}

pub(in crate::kinds::builtin) fn status_namespace(
    faults: &mut Faults,
    _context: &Context<'_>,
    new: &Value,
    _old: &Value,
) {
    let terminating = is_set(new, &["metadata", "deletionTimestamp"]);
    let phase = text(new, &["status", "phase"]);
    if terminating && phase != "Terminating" {
        faults.push(FieldError::invalid_text(
            "status.Phase",
            phase,
            "may only be 'Terminating' if `deletionTimestamp` is not empty",
        ));
    } else if !terminating && phase != "Active" {
        faults.push(FieldError::invalid_text(
            "status.Phase",
            phase,
            "may only be 'Active' if `deletionTimestamp` is empty",
        ));
    }
}

/// What `immutable: true` keeps as it is, itself included.
fn immutable_data(faults: &mut Faults, new: &Value, old: &Value, keys: &[&str]) {
    if !truth(old, &["immutable"]) {
        return;
    }
    let message = "field is immutable when `immutable` is set";
    if !truth(new, &["immutable"]) {
        faults.push(FieldError::forbidden("immutable", message));
    }
    for key in keys {
        if !same(new, old, &[key]) {
            faults.push(FieldError::forbidden(*key, message));
        }
    }
}

fn data_size(object: &Value, key: &str, encoded: bool) -> usize {
    members(object, &[key])
        .into_iter()
        .map(|(_, value)| {
            let text = value.as_str().unwrap_or_default();
            if encoded {
                base64::decode(text).map_or(0, |bytes| bytes.len())
            } else {
                text.len()
            }
        })
        .sum()
}

/// Data of a ConfigMap or a Secret may be 1 MiB.
const MOST_DATA: usize = 1 << 20;

pub(in crate::kinds::builtin) fn config_map(faults: &mut Faults, object: &Value) {
    for (key, _) in members(object, &["data"]) {
        texts(faults, &format!("data[{key}]"), key, config_key_faults(key));
        if is_set(object, &["binaryData", key]) {
            faults.push(FieldError::invalid_text(
                format!("data[{key}]"),
                key,
                "duplicate of key present in binaryData",
            ));
        }
    }
    for (key, _) in members(object, &["binaryData"]) {
        texts(
            faults,
            &format!("binaryData[{key}]"),
            key,
            config_key_faults(key),
        );
    }
    if data_size(object, "data", false) + data_size(object, "binaryData", true) > MOST_DATA {
        faults.push(FieldError::too_long("[]", MOST_DATA));
    }
}

pub(in crate::kinds::builtin) fn secret(faults: &mut Faults, object: &Value) {
    for (key, _) in members(object, &["data"]) {
        texts(faults, &format!("data[{key}]"), key, config_key_faults(key));
    }
    if data_size(object, "data", true) > MOST_DATA {
        faults.push(FieldError::too_long("data", MOST_DATA));
    }
    let has = |key: &str| is_set(object, &["data", key]);
    let missing = |faults: &mut Faults, key: &str| {
        if !has(key) {
            faults.push(FieldError::required(format!("data[{key}]"), ""));
        }
    };
    match text(object, &["type"]) {
        "kubernetes.io/service-account-token"
            if text(
                object,
                &[
                    "metadata",
                    "annotations",
                    "kubernetes.io/service-account.name",
                ],
            )
            .is_empty() =>
        {
            faults.push(FieldError::required(
                "metadata.annotations[kubernetes.io/service-account.name]",
                "",
            ));
        }
        kind @ ("kubernetes.io/dockercfg" | "kubernetes.io/dockerconfigjson") => {
            let key = if kind.ends_with("json") {
                ".dockerconfigjson"
            } else {
                ".dockercfg"
            };
            missing(faults, key);
            let bytes = base64::decode(text(object, &["data", key])).unwrap_or_default();
            if has(key) && serde_json::from_slice::<serde_json::Map<String, Value>>(&bytes).is_err()
            {
                let why = match kmock_apply::ordered::Node::parse(&bytes) {
                    Ok(node) => format!(
                        "json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
                        node.sort()
                    ),
                    Err(why) => why,
                };
                faults.push(FieldError::new(
                    "FieldValueInvalid",
                    format!("data[{key}]"),
                    format!("Invalid value: \"<secret contents redacted>\": {why}"),
                ));
            }
        }
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => {
            missing(faults, "username");
            missing(faults, "password");
        }
        "kubernetes.io/ssh-auth" if text(object, &["data", "ssh-privatekey"]).is_empty() => {
            faults.push(FieldError::required("data[ssh-privatekey]", ""));
        }
        "kubernetes.io/tls" => {
            missing(faults, "tls.crt");
            missing(faults, "tls.key");
        }
        _ => {}
    }
}

pub(in crate::kinds::builtin) fn namespace(faults: &mut Faults, object: &Value) {
    namespace_finalizers(faults, object, |_| "spec.finalizers".to_owned());
}

/// What is written to a namespace's `finalize` names its finalizers one by one.
pub(in crate::kinds::builtin) fn finalize(faults: &mut Faults, object: &Value) {
    namespace_finalizers(faults, object, |i| format!("spec.finalizers[{i}]"));
}

fn namespace_finalizers(faults: &mut Faults, object: &Value, path: impl Fn(usize) -> String) {
    for (i, finalizer) in items(object, &["spec", "finalizers"]).iter().enumerate() {
        let name = finalizer.as_str().unwrap_or_default();
        texts(faults, &path(i), name, qualified_name_faults(name));
        if !is_qualified_finalizer(name) {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            faults.push(FieldError::invalid_text(path(i), name, why));
        }
    }
}

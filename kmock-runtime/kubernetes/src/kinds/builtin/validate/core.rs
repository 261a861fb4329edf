//! Config maps, secrets, services, quotas, limit ranges, namespaces, nodes, endpoints, service accounts.

use serde_json::Value;

use super::rules::{Faults, IMMUTABLE, config_key_faults, same, texts};
use super::{claims, endpoints, events, nodes, pods, quotas, services};
use crate::kinds::builtin::base64;
use crate::kinds::builtin::values::{is_set, items, members, text, truth};
use crate::model::meta::{is_qualified_finalizer, qualified_name_faults};
use crate::model::status::FieldError;
use crate::model::strategy::Context;

pub(super) fn create(
    faults: &mut Faults,
    name: &str,
    context: &Context<'_>,
    object: &Value,
) -> bool {
    match name {
        "core.v1.Pod" => pods::create(faults, object),
        "core.v1.ConfigMap" => config_map(faults, object),
        "core.v1.Secret" => secret(faults, object),
        "core.v1.Service" => services::create(faults, object),
        "core.v1.ResourceQuota" => quotas::quota(faults, object),
        "core.v1.LimitRange" => quotas::limit_range(faults, object),
        "core.v1.Namespace" => namespace(faults, object),
        "core.v1.Node" => nodes::create(faults, object),
        "core.v1.Endpoints" => endpoints::subsets(faults, object),
        "core.v1.Event" | "events.v1.Event" => {
            faults.extend(events::create(name, context, object));
        }
        "core.v1.ServiceAccount" => {}
        _ => return false,
    }
    true
}

pub(super) fn update(
    faults: &mut Faults,
    name: &str,
    context: &Context<'_>,
    new: &Value,
    old: &Value,
) -> bool {
    match name {
        "core.v1.ConfigMap" => {
            immutable_data(faults, new, old, &["data", "binaryData"]);
            config_map(faults, new);
        }
        "core.v1.Secret" => {
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
        "core.v1.Service" => services::update(faults, new, old),
        "core.v1.Namespace" => {}
        "core.v1.ResourceQuota" => {
            quotas::quota(faults, new);
            quotas::quota_update(faults, new, old);
        }
        "core.v1.Node" => nodes::update(faults, new, old),
        "core.v1.Event" | "events.v1.Event" => {
            faults.extend(events::update(name, context, new, old));
        }
        _ => return create(faults, name, context, new),
    }
    true
}

pub(super) fn status(faults: &mut Faults, name: &str, new: &Value, old: &Value) {
    match name {
        "core.v1.Service" => services::status(faults, new),
        "core.v1.PersistentVolumeClaim" => claims::status(faults, new),
        "core.v1.ResourceQuota" => quotas::quota_status(faults, new),
        "core.v1.Node" => nodes::changes(faults, new, old),
        _ => {}
    }
    if name == "core.v1.Namespace" {
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

fn config_map(faults: &mut Faults, object: &Value) {
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

fn secret(faults: &mut Faults, object: &Value) {
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

pub(super) fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let most = match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(_)) => 32,
        Ok(std::net::IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

fn namespace(faults: &mut Faults, object: &Value) {
    namespace_finalizers(faults, object, |_| "spec.finalizers".to_owned());
}

/// What is written to a namespace's `finalize` names its finalizers one by one.
pub(super) fn finalize(faults: &mut Faults, object: &Value) {
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

//! Embedded objects (`x-kubernetes-embedded-resource`): their apiVersion, kind and metadata.
//!
//! Rules: `apiextensions-apiserver/pkg/apiserver/schema/objectmeta`: metadata is read into the typed
//! `ObjectMeta` and printed back, which drops what it does not know.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::node::Node;
use crate::kinds::builtin::{decode, gotypes::Struct};
use crate::model::meta::label_1035_faults;
use crate::model::status::{FieldError, shown};
use kmock_apply::ordered;

/// Reads the metadata of all embedded objects; gives the paths of unknown fields, sorted.
///
/// The error is what follows `cannot be handled as a …: `.
pub(crate) fn coerce(object: &mut Value, node: &Node) -> Result<Vec<String>, String> {
    let mut unknown = Vec::new();
    if node.has_embedded {
        // The root's own fields are the business of `api/`.
        walk(object, node, false, "", &mut unknown)?;
    }
    unknown.sort();
    Ok(unknown)
}

/// The same for a default, which may itself be an object.
pub(crate) fn coerce_value(value: &mut Value, node: &Node) -> Result<(), String> {
    walk(value, node, node.embedded, "", &mut Vec::new())
}

fn child(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn walk(
    value: &mut Value,
    node: &Node,
    embedded: bool,
    path: &str,
    unknown: &mut Vec<String>,
) -> Result<(), String> {
    match value {
        Value::Object(map) => {
            if embedded {
                typed(map, path, unknown)?;
            }
            for (key, value) in map.iter_mut() {
                if let Some(property) = node.properties.get(key) {
                    walk(
                        value,
                        property,
                        property.embedded,
                        &child(path, key),
                        unknown,
                    )?;
                } else if let Some(schema) = node.additional() {
                    walk(
                        value,
                        schema,
                        schema.embedded,
                        &format!("{path}[{key}]"),
                        unknown,
                    )?;
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = node.items.as_deref() {
                for (index, item) in items.iter_mut().enumerate() {
                    walk(
                        item,
                        schema,
                        schema.embedded,
                        &format!("{path}[{index}]"),
                        unknown,
                    )?;
                }
            }
        }
        _ => {}
    }
    Ok(())
}

fn typed(
    map: &mut Map<String, Value>,
    path: &str,
    unknown: &mut Vec<String>,
) -> Result<(), String> {
    for key in ["apiVersion", "kind"] {
        if let Some(value) = map.get(key).filter(|value| !value.is_string()) {
            return Err(format!(
                "{}: Invalid value: {}: must be a string",
                child(path, key),
                shown(value)
            ));
        }
    }
    let Some(metadata) = map.get_mut("metadata") else {
        return Ok(());
    };
    let place = child(path, "metadata");
    let (read, complaints) = object_meta(metadata)
        .map_err(|error| format!("{place}: Invalid value: {}: {error}", shown(metadata)))?;
    unknown.extend(
        complaints
            .into_iter()
            .map(|field| format!("{place}.{field}")),
    );
    *metadata = read;
    Ok(())
}

/// Metadata as its struct keeps it, and the paths of unknown fields.
fn object_meta(metadata: &Value) -> Result<(Value, Vec<String>), String> {
    let Some(root) = Struct::named("meta.v1.ObjectMeta") else {
        return Ok((metadata.clone(), Vec::new()));
    };
    let decoded = decode::decode(root, ordered::Node::from_value(metadata))?;
    let mut object = decoded.object;
    decode::stored(root, &mut object, &[]);
    if let Some(map) = object.as_object_mut() {
        map.retain(|_, value| !value.is_null());
    }
    let unknown = decoded
        .complaints
        .iter()
        .filter_map(|complaint| {
            complaint
                .strip_prefix("unknown field \"")?
                .strip_suffix('"')
        })
        .map(str::to_owned)
        .collect();
    Ok((object, unknown))
}

/// Faults of embedded objects.
pub(crate) fn validate(node: &Node, object: &Value) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if node.has_embedded {
        check(object, node, false, "", &mut faults);
    }
    faults
}

/// The same for a default.
pub(crate) fn validate_value(node: &Node, value: &Value, path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    check(value, node, node.embedded, path, &mut faults);
    faults
}

fn check(value: &Value, node: &Node, embedded: bool, path: &str, faults: &mut Vec<FieldError>) {
    if !node.has_embedded {
        return;
    }
    match value {
        Value::Object(map) => {
            if embedded {
                check_object(map, path, faults);
            }
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            for (key, value) in sorted {
                if let Some(property) = node.properties.get(key) {
                    check(
                        value,
                        property,
                        property.embedded,
                        &child(path, key),
                        faults,
                    );
                } else if let Some(schema) = node.additional() {
                    check(
                        value,
                        schema,
                        schema.embedded,
                        &format!("{path}[{key}]"),
                        faults,
                    );
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = node.items.as_deref() {
                for (index, item) in items.iter().enumerate() {
                    check(
                        item,
                        schema,
                        schema.embedded,
                        &format!("{path}[{index}]"),
                        faults,
                    );
                }
            }
        }
        _ => {}
    }
}

fn check_object(map: &Map<String, Value>, path: &str, faults: &mut Vec<FieldError>) {
    for key in ["apiVersion", "kind"] {
        let place = child(path, key);
        match map.get(key) {
            None => faults.push(FieldError::required(place, "")),
            Some(Value::String(text)) if text.is_empty() => {
                faults.push(FieldError::invalid_text(place, text, "must not be empty"));
            }
            Some(Value::String(text)) if key == "apiVersion" => {
                if text.matches('/').count() > 1 {
                    let why = format!("unexpected GroupVersion string: {text}");
                    faults.push(FieldError::invalid_text(place, text, why));
                }
            }
            Some(Value::String(text)) => {
                let wrong = label_1035_faults(&text.to_lowercase());
                if !wrong.is_empty() {
                    let why = format!(
                        "may have mixed case, but should otherwise match: {}",
                        wrong.join(",")
                    );
                    faults.push(FieldError::invalid_text(place, text, why));
                }
            }
            Some(other) => faults.push(FieldError::invalid(place, other, "must be a string")),
        }
    }
    if let Some(metadata) = map.get("metadata") {
        let place = child(path, "metadata");
        match object_meta(metadata) {
            Ok((metadata, _)) => super::meta::validate(&metadata, &place, faults),
            Err(error) => faults.push(FieldError::invalid(place, metadata, error)),
        }
    }
}

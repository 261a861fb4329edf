//! Lists that tell their items apart: sets without repetition, lists of objects with unique keys.
//!
//! Rules and values shown: `apiextensions-apiserver/pkg/apiserver/schema/listtype/validation.go`.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::node::{Listing, Node, NodeKind};
use super::numbers;
use crate::model::status::FieldError;

/// The repeated items of all sets and keyed lists in an object.
pub(crate) fn validate(node: &Node, object: &Value) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if node.has_lists {
        walk(node, object, "", &mut faults);
    }
    faults
}

fn walk(node: &Node, value: &Value, path: &str, faults: &mut Vec<FieldError>) {
    if !node.has_lists {
        return;
    }
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            for (key, value) in sorted {
                if let Some(schema) = node.additional().filter(|schema| schema.has_lists) {
                    walk(schema, value, &format!("{path}[{key}]"), faults);
                }
                if let Some(schema) = node.properties.get(key).filter(|schema| schema.has_lists) {
                    let path = if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    };
                    walk(schema, value, &path, faults);
                }
            }
        }
        Value::Array(items) => {
            match node.listing {
                Listing::Atomic => {}
                Listing::Set => repeated(items.iter(), path, faults),
                Listing::Map => keyed(node, items, path, faults),
            }
            if let Some(schema) = node.items.as_deref() {
                for (index, item) in items.iter().enumerate() {
                    walk(schema, item, &format!("{path}[{index}]"), faults);
                }
            }
        }
        _ => {}
    }
}

/// Faults of values that were there before; each value is reported once, at its second place.
fn repeated<'a>(values: impl Iterator<Item = &'a Value>, path: &str, faults: &mut Vec<FieldError>) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (index, value) in values.enumerate() {
        let times = seen.entry(value.to_string()).or_default();
        *times += 1;
        if *times == 2 {
            faults.push(FieldError::duplicate(format!("{path}[{index}]"), value));
        }
    }
}

fn keyed(node: &Node, items: &[Value], path: &str, faults: &mut Vec<FieldError>) {
    for (index, item) in items.iter().enumerate() {
        if !item.is_null() && !item.is_object() {
            let why = "must be an object for an array of list-type map";
            let mut item = item.clone();
            numbers::canonicalise(&mut item);
            faults.push(FieldError::invalid(format!("{path}[{index}]"), &item, why));
            return;
        }
    }
    let mut names: Vec<&String> = node.map_keys.iter().collect();
    names.sort();
    let keys: Vec<Value> = items
        .iter()
        .map(|item| {
            let present = names
                .iter()
                .filter_map(|name| Some(((*name).clone(), item.get(name.as_str())?.clone())));
            let mut key: Map<String, Value> = present.collect();
            for (name, value) in &mut key {
                let schema = node.items.as_deref().and_then(|item| item.field(name));
                if schema.is_none_or(|schema| schema.kind != NodeKind::Number) {
                    numbers::canonicalise(value);
                }
            }
            Value::Object(key)
        })
        .collect();
    repeated(keys.iter(), path, faults);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::crd::props::Props;
    use serde_json::json;

    #[test]
    fn repetition_is_told_once_with_its_keys() {
        let node = Node::of(&Props::parse(&json!({"type": "object", "properties": {
            "set": {"type": "array", "items": {"type": "integer"}, "x-kubernetes-list-type": "set"},
            "ports": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "proto"],
                "items": {"type": "object", "properties": {"port": {"type": "integer"}, "proto": {"type": "string"}}}}}})));
        let faults = validate(
            &node,
            &json!({"set": [1, 1, 1], "ports": [{"proto": "TCP", "port": 80}, {"port": 80, "proto": "TCP", "x": 1}]}),
        );
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                r#"ports[1]: Duplicate value: {"port":80,"proto":"TCP"}"#,
                "set[1]: Duplicate value: 1"
            ]
        );
    }
}

//! Defaults of a schema, and nulls that it does not allow.
//!
//! Defaults fill what is absent, or null where null is not allowed; other such nulls are dropped
//! (`apiextensions-apiserver/pkg/apiserver/schema/defaulting`). The same is done when an object is read:
//! a default that was added to the schema later shows in older objects.

use serde_json::Value;

use super::node::Node;

/// Fills in defaults. Tells whether anything changed.
pub(crate) fn default(value: &mut Value, node: &Node) -> bool {
    if !node.has_defaults {
        return false;
    }
    let mut changed = false;
    match value {
        Value::Object(map) => {
            for (key, property) in &node.properties {
                let Some(default) = &property.default else {
                    continue;
                };
                let fill = match map.get(key) {
                    None => true,
                    Some(present) => present.is_null() && !property.nullable,
                };
                if fill {
                    map.insert(key.clone(), default.clone());
                    changed = true;
                }
            }
            for (key, value) in map.iter_mut() {
                match node.properties.get(key) {
                    Some(property) => changed |= self::default(value, property),
                    None => {
                        if let Some(schema) = node.additional() {
                            changed |= fill_null(value, schema);
                            changed |= self::default(value, schema);
                        }
                    }
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = node.items.as_deref() {
                for item in items {
                    changed |= fill_null(item, schema);
                    changed |= default(item, schema);
                }
            }
        }
        _ => {}
    }
    changed
}

fn fill_null(value: &mut Value, node: &Node) -> bool {
    match &node.default {
        Some(default) if value.is_null() && !node.nullable => {
            *value = default.clone();
            true
        }
        _ => false,
    }
}

/// Drops nulls where the schema allows none and has no default.
pub(crate) fn drop_nulls(value: &mut Value, node: Option<&Node>) {
    let Some(node) = node else { return };
    match value {
        Value::Object(map) => map.retain(|key, value| {
            let schema = node.field(key);
            if value.is_null()
                && schema.is_some_and(|schema| !schema.nullable && schema.default.is_none())
            {
                return false;
            }
            drop_nulls(value, schema);
            true
        }),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| drop_nulls(item, node.items.as_deref())),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::crd::props::Props;
    use serde_json::json;

    fn node() -> Node {
        Node::of(&Props::parse(
            &json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
            "replicas": {"type": "integer", "default": 1},
            "box": {"type": "object", "properties": {"w": {"type": "integer", "default": 10}}},
            "full": {"type": "object", "default": {}, "properties": {"x": {"type": "integer", "default": 7}}},
            "items": {"type": "array", "items": {"type": "object", "properties": {"p": {"type": "integer", "default": 80}}}},
            "m": {"type": "object", "additionalProperties": {"type": "integer"}},
            "none": {"type": "string", "default": "d", "nullable": true}}}}}),
        ))
    }

    #[test]
    fn absent_and_null_are_filled() {
        let mut value = json!({"spec": {"box": {}, "items": [{}, {"p": 1}]}});
        assert!(default(&mut value, &node()));
        let filled = json!({"spec": {"replicas": 1, "box": {"w": 10}, "full": {"x": 7}, "none": "d",
            "items": [{"p": 80}, {"p": 1}]}});
        assert_eq!(value, filled);
        assert!(!default(&mut value, &node()));
    }

    #[test]
    fn nulls_are_kept_dropped_or_filled() {
        let mut value = json!({"spec": {"replicas": null, "box": null, "full": null, "none": null, "m": {"k": null}}});
        default(&mut value, &node());
        drop_nulls(&mut value, Some(&node()));
        assert_eq!(
            value,
            json!({"spec": {"replicas": 1, "full": {"x": 7}, "none": null, "m": {}}})
        );
    }
}

//! Fields that a schema does not know are removed, and told for `fieldValidation`.
//!
//! Rules: `apiextensions-apiserver/pkg/apiserver/schema/pruning`. Where unknown fields are preserved, the
//! known ones below are still pruned; `additionalProperties: true` keeps keys but not what is in them.

use std::fmt::Write as _;

use serde_json::Value;

use super::node::Node;

/// Removes unknown fields of an object; gives their paths, sorted.
pub(crate) fn prune(object: &mut Value, node: &Node) -> Vec<String> {
    let mut walk = Walk {
        path: String::new(),
        unknown: Vec::new(),
    };
    walk.value(object, Some(node), true);
    walk.unknown.sort();
    walk.unknown
}

/// Removes unknown fields of a value that is not a whole object, e.g. of a default.
pub(crate) fn prune_value(value: &mut Value, node: &Node) {
    Walk {
        path: String::new(),
        unknown: Vec::new(),
    }
    .value(value, Some(node), node.embedded);
}

fn is_object_field(key: &str) -> bool {
    matches!(key, "apiVersion" | "kind" | "metadata")
}

struct Walk {
    path: String,
    unknown: Vec<String>,
}

impl Walk {
    fn below(&mut self, key: &str, step: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(key);
        step(self);
        self.path.truncate(length);
    }

    fn item(&mut self, index: usize, step: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        let _ = write!(self.path, "[{index}]");
        step(self);
        self.path.truncate(length);
    }

    fn record(&mut self, key: &str) {
        let path = if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        };
        self.unknown.push(path);
    }

    /// `embedded`: apiVersion, kind and metadata are not the schema's business.
    fn value(&mut self, value: &mut Value, node: Option<&Node>, embedded: bool) {
        if let Some(node) = node.filter(|node| node.preserves) {
            return self.known_only(value, node, embedded);
        }
        match value {
            Value::Object(map) => {
                let Some(node) = node else {
                    map.keys().for_each(|key| self.record(key));
                    map.clear();
                    return;
                };
                map.retain(|key, value| {
                    if embedded && is_object_field(key) {
                        return true;
                    }
                    match node.properties.get(key) {
                        Some(property) => self.below(key, |walk| {
                            walk.value(value, Some(property), property.embedded);
                        }),
                        None if node.has_additional() => {
                            let schema = node.additional();
                            self.below(key, |walk| {
                                walk.value(value, schema, schema.is_some_and(|x| x.embedded));
                            });
                        }
                        None => {
                            if !is_object_field(key) || !self.path.is_empty() {
                                self.record(key);
                            }
                            return false;
                        }
                    }
                    true
                });
            }
            Value::Array(items) => {
                let schema = node.and_then(|node| node.items.as_deref());
                for (index, item) in items.iter_mut().enumerate() {
                    self.item(index, |walk| {
                        walk.value(item, schema, schema.is_some_and(|x| x.embedded));
                    });
                }
            }
            _ => {}
        }
    }

    /// Below `x-kubernetes-preserve-unknown-fields`.
    fn known_only(&mut self, value: &mut Value, node: &Node, embedded: bool) {
        match value {
            Value::Object(map) => {
                for (key, value) in map.iter_mut() {
                    if embedded && is_object_field(key) {
                        continue;
                    }
                    match node.properties.get(key) {
                        Some(property) => self.below(key, |walk| {
                            walk.value(value, Some(property), property.embedded);
                        }),
                        None if node.has_additional() => {
                            let schema = node.additional();
                            self.below(key, |walk| {
                                walk.value(value, schema, schema.is_some_and(|x| x.embedded));
                            });
                        }
                        None => {}
                    }
                }
            }
            Value::Array(items) => {
                let Some(schema) = node.items.as_deref() else {
                    return;
                };
                for (index, item) in items.iter_mut().enumerate() {
                    self.item(index, |walk| walk.known_only(item, schema, schema.embedded));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::crd::props::Props;
    use serde_json::json;

    fn pruned(schema: Value, mut object: Value) -> (Value, Vec<String>) {
        let unknown = prune(&mut object, &Node::of(&Props::parse(&schema)));
        (object, unknown)
    }

    #[test]
    fn unknown_fields_go_at_every_level() {
        let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
            "size": {"type": "integer"},
            "items": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}},
            "any": {"type": "object", "additionalProperties": true},
            "half": {"type": "object", "x-kubernetes-preserve-unknown-fields": true,
                     "properties": {"inner": {"type": "object", "properties": {"m": {"type": "integer"}}}}}}}}});
        let (object, unknown) = pruned(
            schema,
            json!({"apiVersion": "a/v1", "kind": "A", "metadata": {"name": "x", "odd": 1}, "other": 1, "spec": {
                "size": 1, "items": [{"a": "x", "b": 1}], "any": {"k": {"x": 1}, "n": 1},
                "half": {"free": {"x": 1}, "inner": {"m": 1, "q": 1}}}}),
        );
        assert_eq!(
            object,
            json!({"apiVersion": "a/v1", "kind": "A", "metadata": {"name": "x", "odd": 1}, "spec": {
                "size": 1, "items": [{"a": "x"}], "any": {"k": {}, "n": 1}, "half": {"free": {"x": 1}, "inner": {"m": 1}}}})
        );
        assert_eq!(
            unknown,
            [
                "other",
                "spec.any.k.x",
                "spec.half.inner.q",
                "spec.items[0].b"
            ]
        );
    }
}

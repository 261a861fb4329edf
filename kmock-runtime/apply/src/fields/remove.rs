//! Taking the fields of a set out of a value, and keeping nothing but them.

use serde_json::{Map, Value};

use super::set::Set;
use super::typed::{Shape, item_step, shape};
use crate::schema::{ListType, MapType, Schema};

/// Removes the fields of the set. What is left without any content becomes null.
#[must_use]
pub fn remove(schema: &Schema, value: Value, fields: &Set) -> Value {
    match (shape(schema, Some(&value)), value) {
        (Shape::Scalar(_), value) => value,
        (Shape::List, Value::Array(items)) if schema.list_type() != ListType::Atomic => {
            let mut left = Vec::with_capacity(items.len());
            for item in items {
                let Ok(step) = item_step(schema, &item) else {
                    left.push(item);
                    continue;
                };
                if fields.has_member(&step) {
                    continue;
                }
                left.push(match fields.below(&step) {
                    Some(below) if !below.is_empty() => remove(schema.items(), item, below),
                    _ => item,
                });
            }
            if left.is_empty() {
                Value::Null
            } else {
                Value::Array(left)
            }
        }
        (Shape::Map | Shape::Open, Value::Object(map)) if schema.map_type() != MapType::Atomic => {
            let mut left = Map::new();
            for (name, value) in map {
                if fields.has_field(&name) {
                    continue;
                }
                let value = match fields.below_field(&name) {
                    Some(below) if !below.is_empty() => remove(
                        schema.field(&name).unwrap_or_else(|| Schema::any()),
                        value,
                        below,
                    ),
                    _ => value,
                };
                left.insert(name, value);
            }
            if left.is_empty() {
                Value::Null
            } else {
                Value::Object(left)
            }
        }
        _ => Value::Null,
    }
}

/// Keeps only the fields of the set; the keys that name an item must be in the set, or they are lost.
///
/// ```
/// use kmock_apply::Schema;
/// use kmock_apply::fields::{Set, extract};
/// use serde_json::json;
///
/// let schema = Schema::of_kind("", "v1", "ConfigMap").expect("a built-in kind");
/// let object = json!({"metadata": {"name": "c"}, "data": {"a": "1", "b": "2"}});
/// let mine = Set::of_names(&[&["data", "a"]]);
/// assert_eq!(extract(schema, &object, &mine), json!({"data": {"a": "1"}}));
/// ```
#[must_use]
pub fn extract(schema: &Schema, value: &Value, fields: &Set) -> Value {
    match (shape(schema, Some(value)), value) {
        (Shape::List, Value::Array(items))
            if schema.list_type() != ListType::Atomic && !items.is_empty() =>
        {
            let mut kept = Vec::new();
            for item in items {
                let Ok(step) = item_step(schema, item) else {
                    continue;
                };
                match fields.below(&step) {
                    Some(below) if !below.is_empty() => {
                        kept.push(extract(schema.items(), item, below));
                    }
                    _ if fields.has_member(&step) => kept.push(item.clone()),
                    _ => {}
                }
            }
            if kept.is_empty() {
                Value::Null
            } else {
                Value::Array(kept)
            }
        }
        (Shape::Map | Shape::Open, Value::Object(map))
            if schema.map_type() != MapType::Atomic && !map.is_empty() =>
        {
            let mut kept = Map::new();
            for (name, value) in map {
                let of_field = schema.field(name).unwrap_or_else(|| Schema::any());
                match fields.below_field(name) {
                    Some(below) if !below.is_empty() => {
                        kept.insert(name.clone(), extract(of_field, value, below));
                    }
                    _ if fields.has_field(name) => {
                        kept.insert(name.clone(), value.clone());
                    }
                    _ => {}
                }
            }
            if kept.is_empty() {
                Value::Null
            } else {
                Value::Object(kept)
            }
        }
        (_, value) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn removes_and_extracts() {
        let schema = Schema::of_kind("", "v1", "Service").expect("Service");
        let value = json!({"spec": {"ports": [{"port": 80, "name": "a"}, {"port": 81}], "type": "NodePort"}});
        let fields = json!({"f:spec": {"f:type": {}, "f:ports": {
            "k:{\"port\":80,\"protocol\":\"TCP\"}": {"f:name": {}},
            "k:{\"port\":81,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}},
        }}});
        let set = Set::from_fields_v1(&fields).expect("valid");
        assert_eq!(
            remove(schema, value.clone(), &set),
            json!({"spec": {"ports": [{"port": 80}]}})
        );
        assert_eq!(
            extract(schema, &value, &set),
            json!({"spec": {"ports": [{"name": "a"}, {"port": 81}], "type": "NodePort"}})
        );
    }
}

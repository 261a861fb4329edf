//! Values as faults print them: in the order of their types.

use serde_json::Value;

use super::gotypes::{GoType, Struct};
use super::values::members;
use crate::model::status::quoted;

/// JSON with the members of structs in order of declaration.
pub(super) fn shown_struct(root: &Struct, value: &Value) -> String {
    let Value::Object(map) = value else {
        return value.to_string();
    };
    let parts: Vec<String> = root
        .fields
        .iter()
        .filter_map(|field| {
            map.get(field.name)
                .map(|value| format!("{}:{}", quoted(field.name), shown_type(&field.ty, value)))
        })
        .collect();
    format!("{{{}}}", parts.join(","))
}

fn shown_type(ty: &GoType, value: &Value) -> String {
    match (ty, value) {
        (GoType::Named(inner, _) | GoType::Pointer(inner), value) => shown_type(inner, value),
        (GoType::Struct(name), Value::Object(_)) => name
            .get()
            .map_or_else(|| value.to_string(), |root| shown_struct(root, value)),
        (GoType::Slice(inner), Value::Array(list)) => {
            joined_list(list, |item| shown_type(inner, item))
        }
        (GoType::Map(_, inner), Value::Object(_)) => {
            joined_map(value, |value| shown_type(inner, value))
        }
        _ => value.to_string(),
    }
}

/// A JSON array of values that are shown in a way of their own.
pub(super) fn joined_list(list: &[Value], shown: impl Fn(&Value) -> String) -> String {
    let parts: Vec<String> = list.iter().map(shown).collect();
    format!("[{}]", parts.join(","))
}

/// A JSON object of such values, with sorted keys.
pub(super) fn joined_map(map: &Value, shown: impl Fn(&Value) -> String) -> String {
    let parts: Vec<String> = members(map, &[])
        .into_iter()
        .map(|(key, value)| format!("{}:{}", quoted(key), shown(value)))
        .collect();
    format!("{{{}}}", parts.join(","))
}

/// A list of texts or a map, with sorted keys, as JSON.
pub(super) fn shown_map(map: &Value) -> String {
    if !map.is_object() {
        return map.to_string();
    }
    joined_map(map, Value::to_string)
}

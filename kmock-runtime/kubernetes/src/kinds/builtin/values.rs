//! Small ways to look at and fill in objects of plain JSON.

use serde_json::{Map, Value};

/// A JSON object.
pub type JsonObject = Map<String, Value>;

static NULL: Value = Value::Null;

/// The value at a path of member names; `null` if there is none.
pub fn at<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    path.iter()
        .fold(value, |value, key| value.get(key).unwrap_or(&NULL))
}

/// The text at a path; empty if there is none.
pub fn text<'a>(value: &'a Value, path: &[&str]) -> &'a str {
    at(value, path).as_str().unwrap_or_default()
}

/// The whole number at a path; 0 if there is none.
pub fn int(value: &Value, path: &[&str]) -> i64 {
    at(value, path).as_i64().unwrap_or_default()
}

/// The truth at a path; false if there is none.
pub fn truth(value: &Value, path: &[&str]) -> bool {
    at(value, path).as_bool().unwrap_or_default()
}

/// The items of the list at a path.
pub fn items<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    at(value, path).as_array().map_or(&[], Vec::as_slice)
}

/// The lists of containers of a pod, in the order of the server's visits.
pub const CONTAINERS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// The containers of a pod's spec with their paths; `path` is the spec's.
pub fn containers<'a>(spec: &'a Value, path: &str) -> Vec<(&'a Value, String)> {
    let of = |list: &'static str| {
        let all = items(spec, &[list]).iter().enumerate();
        all.map(move |(i, container)| (container, format!("{path}.{list}[{i}]")))
    };
    CONTAINERS.into_iter().flat_map(of).collect()
}

/// The members of the object at a path, sorted by name.
pub fn members<'a>(value: &'a Value, path: &[&str]) -> Vec<(&'a str, &'a Value)> {
    let mut out: Vec<_> = at(value, path)
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.as_str(), value))
        .collect();
    out.sort_by_key(|(key, _)| *key);
    out
}

/// Whether there is something at a path: neither absent nor `null`.
pub fn is_set(value: &Value, path: &[&str]) -> bool {
    !at(value, path).is_null()
}

/// Sets a member that is absent or `null`.
pub fn fill(object: &mut JsonObject, key: &str, default: impl Into<Value>) {
    let slot = object.entry(key).or_insert(Value::Null);
    if slot.is_null() {
        *slot = default.into();
    }
}

/// Sets a text member that is absent or empty.
pub fn fill_text(object: &mut JsonObject, key: &str, default: &str) {
    let slot = object.entry(key).or_insert(Value::Null);
    if slot.as_str().is_none_or(str::is_empty) {
        *slot = default.into();
    }
}

/// Sets a number member that is absent or 0.
pub fn fill_number(object: &mut JsonObject, key: &str, default: i64) {
    let slot = object.entry(key).or_insert(Value::Null);
    if slot.as_i64().is_none_or(|n| n == 0) {
        *slot = default.into();
    }
}

/// The object member of an object, made if it is absent.
pub fn child<'a>(object: &'a mut JsonObject, key: &str) -> &'a mut JsonObject {
    let slot = object.entry(key).or_insert(Value::Null);
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    match slot {
        Value::Object(map) => map,
        // Made just above.
        _ => unreachable!("an object was put here"),
    }
}

/// The object member of a value, made if it is absent; a value that is no object becomes one.
pub fn section<'a>(value: &'a mut Value, key: &str) -> &'a mut JsonObject {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => child(map, key),
        // Made just above.
        _ => unreachable!("an object was put here"),
    }
}

/// The object members of a list member.
pub fn each<'a>(object: &'a mut JsonObject, key: &str) -> impl Iterator<Item = &'a mut JsonObject> {
    object
        .get_mut(key)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
}

/// Sets a member to that of another object, or takes it away.
pub fn copy(to: &mut Value, from: &Value, key: &str) {
    let Value::Object(to) = to else { return };
    match from.get(key) {
        // What is the same need not be copied.
        Some(value) if to.get(key) == Some(value) => {}
        Some(value) => {
            to.insert(key.into(), value.clone());
        }
        None => {
            to.remove(key);
        }
    }
}

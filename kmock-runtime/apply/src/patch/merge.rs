//! JSON merge patch (`application/merge-patch+json`), as the library of the API server understands it.
//!
//! RFC 7386 with one addition: objects inside of lists lose their null members too, while null items stay.

use serde_json::{Map, Value};

/// The patch is neither an object nor a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAPatch;

impl std::fmt::Display for NotAPatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Invalid JSON Patch")
    }
}

impl std::error::Error for NotAPatch {}

/// Applies a patch. One that is a list takes the document's place; one that is neither list nor object is none.
///
/// ```
/// use kmock_apply::patch::merge;
/// use serde_json::json;
///
/// let patched = merge::apply(&json!({"a": 1, "b": {"c": 2}}), &json!({"a": null, "b": {"d": 3}}));
/// assert_eq!(patched, Ok(json!({"b": {"c": 2, "d": 3}})));
/// ```
pub fn apply(document: &Value, patch: &Value) -> Result<Value, NotAPatch> {
    match (document, patch) {
        (Value::Object(document), Value::Object(patch)) => {
            let mut document = document.clone();
            merge_into(&mut document, patch);
            Ok(Value::Object(document))
        }
        (_, Value::Object(_) | Value::Array(_)) => Ok(without_nulls(patch)),
        _ => Err(NotAPatch),
    }
}

fn merge_into(document: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (key, value) in patch {
        if value.is_null() {
            document.remove(key);
            continue;
        }
        match (document.get_mut(key), value) {
            (Some(Value::Object(document)), Value::Object(patch)) => merge_into(document, patch),
            // Only what takes an object's place is taken as it is.
            (Some(slot @ Value::Object(_)), value) => *slot = value.clone(),
            (Some(slot), value) => *slot = without_nulls(value),
            (None, value) => {
                document.insert(key.clone(), without_nulls(value));
            }
        }
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, value)| !value.is_null());
            Value::Object(
                kept.map(|(key, value)| (key.clone(), without_nulls(value)))
                    .collect(),
            )
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merges_and_deletes() {
        let document = json!({"a": {"x": 1, "y": 2}, "b": [1], "c": "s"});
        let patch = json!({"a": {"y": null, "z": {"n": null, "m": 1}}, "b": [null, {"q": null, "r": 1}], "c": null, "d": null});
        let patched = apply(&document, &patch).expect("patched");
        assert_eq!(
            patched,
            json!({"a": {"x": 1, "z": {"m": 1}}, "b": [null, {"r": 1}]})
        );
        assert_eq!(apply(&document, &json!(null)), Err(NotAPatch));
        assert_eq!(apply(&document, &json!([{"a": null}])), Ok(json!([{}])));
        assert_eq!(
            apply(&document, &json!({"a": [{"q": null}]})).expect("patched")["a"],
            json!([{"q": null}])
        );
    }
}

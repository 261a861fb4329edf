//! JSON patch (`application/json-patch+json`), as the library of the API server understands it.
//!
//! That is `evanphx/json-patch` v4 and not RFC 6902: a null and an absent key are the same to it, `replace` adds,
//! `copy` copies what is not there as null, indices may be negative, a path loses its first segment whatever that
//! is, and numbers are equal when they are written equally.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::gofmt;
use crate::ordered::Node;

/// The most operations of one patch.
pub const MOST_OPERATIONS: usize = 10_000;

/// The most bytes of JSON that the `copy` operations of one patch may add, together: `--json-patch-max-copy-bytes`.
pub const MOST_COPIED: usize = 3 * 1024 * 1024;

/// Why a patch was not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonPatchError {
    /// The patch is no list of operations; the text is that of Go's decoder.
    Decode(String),
    /// So many operations, and no more than [`MOST_OPERATIONS`] are performed.
    TooMany(usize),
    /// The `copy` operations add so many bytes, and no more than [`MOST_COPIED`] are copied. The API server answers as
    /// if any other operation had failed.
    TooMuchCopied(usize),
    /// An operation failed. The API server never says which, nor why.
    Failed,
}

impl std::fmt::Display for JsonPatchError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            JsonPatchError::Decode(why) => f.write_str(why),
            JsonPatchError::TooMany(count) => write!(
                f,
                "The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {count}"
            ),
            JsonPatchError::TooMuchCopied(bytes) => write!(
                f,
                "Unable to complete the copy, the accumulated size increase of copy is {bytes}, exceeding the limit {MOST_COPIED}"
            ),
            JsonPatchError::Failed => f.write_str("an operation of the JSON patch failed"),
        }
    }
}

impl std::error::Error for JsonPatchError {}

/// Checks the form of a patch as strictly as the API server does unless it is told to ignore unknown fields.
/// The answer is what it complains about, e.g. `json patch unknown field "[0].paht"`.
pub fn check(patch: &Node) -> Result<Vec<String>, JsonPatchError> {
    let wrong = |node: &Node, what: &str| {
        Err(JsonPatchError::Decode(format!(
            "error decoding patch: json: cannot unmarshal {} into Go {what}",
            node.sort()
        )))
    };
    let operations = match patch {
        Node::Array(operations) => operations,
        Node::Null => return Ok(Vec::new()),
        other => return wrong(other, "value of type []handlers.jsonPatchOp"),
    };
    let mut complaints: Vec<String> = Vec::new();
    for (index, operation) in operations.iter().enumerate() {
        let members = match operation {
            Node::Object(members) => members,
            Node::Null => continue,
            other => return wrong(other, "value of type handlers.jsonPatchOp"),
        };
        let mut seen: Vec<&str> = Vec::new();
        for (key, node) in members {
            let mut complain = |what: &str| {
                complaints.push(format!("json patch {what} field \"[{index}].{key}\""));
            };
            match key.as_str() {
                "op" | "path" | "from" if !matches!(node, Node::String(_) | Node::Null) => {
                    return wrong(
                        node,
                        &format!("struct field jsonPatchOp.{key} of type string"),
                    );
                }
                "op" | "path" | "from" | "value" => {}
                _ => {
                    complain("unknown");
                    continue;
                }
            }
            if seen.contains(&key.as_str()) {
                complain("duplicate");
            }
            seen.push(key);
            if key == "value" {
                repeated_fields(
                    node,
                    &format!("[{index}].value"),
                    "json patch ",
                    &mut complaints,
                );
            }
        }
    }
    Ok(complaints)
}

/// Complains about keys that are repeated in an object, in the order in which they stand: `prefix` and
/// `duplicate field "a.b[0].c"`, where `path` leads to the node.
pub fn repeated_fields(node: &Node, path: &str, prefix: &str, complaints: &mut Vec<String>) {
    repeated_below(node, path, prefix, &mut HashSet::new(), complaints);
}

fn repeated_below(
    node: &Node,
    path: &str,
    prefix: &str,
    told: &mut HashSet<String>,
    complaints: &mut Vec<String>,
) {
    match node {
        Node::Object(members) => {
            let mut known = HashSet::with_capacity(members.len());
            for (key, node) in members {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                if !known.insert(key) && told.insert(path.clone()) {
                    complaints.push(format!("{prefix}duplicate field \"{path}\""));
                }
                repeated_below(node, &path, prefix, told, complaints);
            }
        }
        Node::Array(items) => {
            for (index, node) in items.iter().enumerate() {
                repeated_below(node, &format!("{path}[{index}]"), prefix, told, complaints);
            }
        }
        _ => {}
    }
}

/// Applies a patch.
///
/// ```
/// use kmock_apply::ordered::Node;
/// use kmock_apply::patch::json;
/// use serde_json::json;
///
/// let patch = Node::parse(br#"[{"op": "add", "path": "/data/b", "value": "2"}]"#)?;
/// let patched = json::apply(&json!({"data": {"a": "1"}}), &patch)?;
/// assert_eq!(patched, json!({"data": {"a": "1", "b": "2"}}));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn apply(document: &Value, patch: &Node) -> Result<Value, JsonPatchError> {
    let operations = match patch {
        Node::Array(operations) => operations.as_slice(),
        Node::Null => &[],
        other => {
            let what = other.sort();
            return Err(JsonPatchError::Decode(format!(
                "json: cannot unmarshal {what} into Go value of type jsonpatch.Patch"
            )));
        }
    };
    for operation in operations {
        if !matches!(operation, Node::Object(_) | Node::Null) {
            let what = operation.sort();
            return Err(JsonPatchError::Decode(format!(
                "json: cannot unmarshal {what} into Go value of type jsonpatch.Operation"
            )));
        }
    }
    if operations.len() > MOST_OPERATIONS {
        return Err(JsonPatchError::TooMany(operations.len()));
    }
    let mut document = document.clone();
    let mut copied = 0;
    for operation in operations {
        let done = perform(&mut document, operation, &mut copied);
        if copied > MOST_COPIED {
            return Err(JsonPatchError::TooMuchCopied(copied));
        }
        done.ok_or(JsonPatchError::Failed)?;
    }
    Ok(document)
}

/// Performs one operation; `None` is a failure. `copied` counts the bytes that copies add.
fn perform(document: &mut Value, operation: &Node, copied: &mut usize) -> Option<()> {
    let text = |name: &str| operation.get(name).and_then(Node::as_str);
    let value = || operation.get("value").map_or(Value::Null, Node::to_value);
    match text("op")? {
        "add" => {
            let (container, key) = find(document, text("path")?)?;
            add(container, &key, value())
        }
        "remove" => {
            let (container, key) = find(document, text("path")?)?;
            remove(container, &key).map(drop)
        }
        "replace" => {
            let path = text("path")?;
            if path.is_empty() {
                *document = Some(value()).filter(|value| value.is_object() || value.is_array())?;
                return Some(());
            }
            let (container, key) = find(document, path)?;
            replace(container, &key, value())
        }
        "move" => {
            let (container, key) = find(document, text("from")?)?;
            let moved = remove(container, &key)?;
            let (container, key) = find(document, text("path")?)?;
            add(container, &key, moved)
        }
        "copy" => {
            let (container, key) = find(document, text("from")?)?;
            let source = get(container, &key)?;
            // What is null is not there, and has no size.
            if !source.is_null() {
                *copied += gofmt::json_size(source);
            }
            if *copied > MOST_COPIED {
                return None;
            }
            let copy = source.clone();
            let (container, key) = find(document, text("path")?)?;
            add(container, &key, copy)
        }
        "test" => {
            let path = text("path")?;
            let absent = Node::Null;
            let wanted = operation.get("value").unwrap_or(&absent);
            let is_equal = if path.is_empty() {
                same(document, wanted)
            } else {
                let (container, key) = find(document, path)?;
                same(get(container, &key)?, wanted)
            };
            is_equal.then_some(())
        }
        _ => None,
    }
}

/// The container that a path ends in, and the key within it. The first segment is not looked at.
fn find<'d>(document: &'d mut Value, path: &str) -> Option<(&'d mut Value, String)> {
    let mut segments = path.split('/');
    segments.next()?;
    let segments: Vec<&str> = segments.collect();
    let (last, parents) = segments.split_last()?;
    let mut container = document;
    for segment in parents {
        let segment = unescape(segment);
        container = match container {
            Value::Object(map) => map.get_mut(&segment)?,
            Value::Array(items) => {
                let index = index(&segment, items.len())?;
                items.get_mut(index)?
            }
            _ => return None,
        };
    }
    (container.is_object() || container.is_array()).then(|| (container, unescape(last)))
}

fn unescape(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    let mut rest = segment;
    while let Some(at) = rest.find('~') {
        let (before, tilde) = rest.split_at(at);
        out.push_str(before);
        let (escaped, length) = match tilde.as_bytes().get(1) {
            Some(b'1') => ('/', 2),
            Some(b'0') => ('~', 2),
            _ => ('~', 1),
        };
        out.push(escaped);
        rest = tilde.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// An index into a list of that length; negative ones count from its end.
fn index(text: &str, length: usize) -> Option<usize> {
    let index: i64 = text.parse().ok()?;
    let index = if index < 0 {
        index + i64::try_from(length).ok()?
    } else {
        index
    };
    usize::try_from(index).ok().filter(|index| *index < length)
}

/// What stands at a key. In an object that may be nothing, which is the same as null.
fn get<'v>(container: &'v Value, key: &str) -> Option<&'v Value> {
    match container {
        Value::Object(map) => Some(map.get(key).unwrap_or(&Value::Null)),
        Value::Array(items) => items.get(index(key, items.len())?),
        _ => None,
    }
}

fn add(container: &mut Value, key: &str, value: Value) -> Option<()> {
    match container {
        Value::Object(map) => {
            map.insert(key.to_owned(), value);
        }
        Value::Array(items) if key == "-" => items.push(value),
        // The place behind the last item counts: -1 is there.
        Value::Array(items) => items.insert(index(key, items.len() + 1)?, value),
        _ => return None,
    }
    Some(())
}

fn replace(container: &mut Value, key: &str, value: Value) -> Option<()> {
    match container {
        Value::Object(map) => {
            map.insert(key.to_owned(), value);
        }
        Value::Array(items) => {
            let index = index(key, items.len())?;
            *items.get_mut(index)? = value;
        }
        _ => return None,
    }
    Some(())
}

fn remove(container: &mut Value, key: &str) -> Option<Value> {
    match container {
        Value::Object(map) => map.remove(key),
        Value::Array(items) => {
            let index = index(key, items.len())?;
            Some(items.remove(index))
        }
        _ => None,
    }
}

/// Equality by the written form: 1 is not 1.0, but the order of an object's keys does not matter.
fn same(value: &Value, wanted: &Node) -> bool {
    match (value, wanted) {
        (Value::Number(number), Node::Number(written)) => number.to_string() == *written,
        (Value::Array(a), Node::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Node::Object(_)) => {
            let mut keys = Map::new();
            if let Value::Object(wanted) = wanted.to_value() {
                keys = wanted;
            }
            a.len() == keys.len()
                && a.iter()
                    .all(|(key, value)| wanted.get(key).is_some_and(|wanted| same(value, wanted)))
        }
        (Value::String(a), Node::String(b)) => a == b,
        (Value::Bool(a), Node::Bool(b)) => a == b,
        (Value::Null, Node::Null) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(document: Value, patch: Value) -> Option<Value> {
        apply(&document, &Node::from_value(&patch)).ok()
    }

    #[test]
    fn what_the_library_does_beyond_the_standard() {
        let document = json!({"a": {"k": "v"}, "l": ["x", "y"]});
        let one = |op: Value| patched(document.clone(), json!([op]));
        assert_eq!(
            one(json!({"op": "replace", "path": "/a/new", "value": 1})).expect("replaced")["a"]["new"],
            1
        );
        assert_eq!(
            one(json!({"op": "copy", "from": "/a/none", "path": "/a/c"})).expect("copied")["a"]["c"],
            Value::Null
        );
        assert_eq!(
            one(json!({"op": "add", "path": "/l/-1", "value": "z"})).expect("added")["l"],
            json!(["x", "y", "z"])
        );
        assert_eq!(
            one(json!({"op": "remove", "path": "/l/-1"})).expect("removed")["l"],
            json!(["x"])
        );
        assert_eq!(
            one(json!({"op": "add", "path": "a/k", "value": 1})).expect("added")["k"],
            1
        );
        assert_eq!(
            one(json!({"op": "add", "path": "/a/n"})).expect("added")["a"]["n"],
            Value::Null
        );
        assert_eq!(
            one(json!({"op": "test", "path": "/a/none", "value": null})),
            Some(document.clone())
        );
        assert_eq!(one(json!({"op": "remove", "path": "/a/none"})), None);
        assert_eq!(one(json!({"op": "add", "path": "/l/9", "value": 1})), None);
        assert_eq!(one(json!({"op": "replace", "path": "", "value": 1})), None);
        assert_eq!(one(json!({"op": "upsert", "path": "/a"})), None);
        assert_eq!(apply(&document, &Node::Null), Ok(document));
    }

    #[test]
    fn copies_add_no_more_than_the_server_allows() {
        let doubling = |times: usize| {
            let mut operations = vec![json!({"op": "add", "path": "/z", "value": {"a": "x"}})];
            for n in 0..times {
                let path = format!("/z/c{n}");
                operations.push(json!({"op": "copy", "from": "/z", "path": path}));
            }
            apply(&json!({}), &Node::from_value(&operations.into()))
        };
        assert!(doubling(16).is_ok());
        let refused = doubling(30).expect_err("too much");
        assert_eq!(refused, doubling(18).expect_err("too much"));
        assert!(matches!(refused, JsonPatchError::TooMuchCopied(bytes) if bytes > MOST_COPIED));
        // Many small copies count together; what is not there costs nothing.
        let many = |value: Value| {
            let copy = json!({"op": "copy", "from": "/a", "path": "/l/-"});
            let patch = Value::Array(vec![copy; 5000]);
            apply(&json!({"a": value, "l": []}), &Node::from_value(&patch))
        };
        assert!(many("x".repeat(600).into()).is_ok());
        assert!(many("x".repeat(1000).into()).is_err());
        assert!(many(Value::Null).is_ok());
    }

    #[test]
    fn numbers_are_equal_when_written_equally() {
        let test = |text: &str| {
            apply(
                &json!({"n": 1}),
                &Node::parse(text.as_bytes()).expect("JSON"),
            )
            .is_ok()
        };
        assert!(test(r#"[{"op": "test", "path": "/n", "value": 1}]"#));
        assert!(!test(r#"[{"op": "test", "path": "/n", "value": 1.0}]"#));
    }

    #[test]
    fn escapes() {
        let document = json!({"/": 1, "~": 2, "~1": 3});
        let patch = json!([{"op": "remove", "path": "/~1"}, {"op": "remove", "path": "/~0"}, {"op": "remove", "path": "/~01"}]);
        assert_eq!(patched(document, patch), Some(json!({})));
    }

    #[test]
    fn the_form_is_checked() {
        let text = |patch: Value| match check(&Node::from_value(&patch)) {
            Err(JsonPatchError::Decode(text)) => text,
            other => format!("{other:?}"),
        };
        assert_eq!(
            text(json!({})),
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
        );
        assert_eq!(
            text(json!([{"op": 1}])),
            "error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string"
        );
        assert_eq!(
            check(&Node::from_value(&json!([{"op": "test", "paht": "/x"}]))),
            Ok(vec![r#"json patch unknown field "[0].paht""#.to_owned()])
        );
    }
}

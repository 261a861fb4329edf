//! One step of a field's path: a named field, a list item known by its keys or its value, or an index.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Number, Value};

use crate::gofmt;

/// One step of a path. Steps are ordered: named fields, keyed items, set values, indices.
#[derive(Clone, Debug)]
pub enum PathElement {
    /// A field of an object: `f:spec`.
    Field(Arc<str>),
    /// An item of a list of type map, by its keys in alphabetical order: `k:{"name":"a"}`.
    Key(Arc<[(Arc<str>, Value)]>),
    /// An item of a list of type set: `v:"a"`.
    Value(Value),
    /// An item of an atomic list: `i:0`.
    Index(i64),
}

impl PathElement {
    /// A named field.
    pub fn field(name: &str) -> PathElement {
        PathElement::Field(name.into())
    }

    /// A keyed item.
    pub fn key(mut keys: Vec<(Arc<str>, Value)>) -> PathElement {
        keys.sort_by(|a, b| a.0.cmp(&b.0));
        PathElement::Key(keys.into())
    }

    /// Compares with a named field, without making one.
    pub(crate) fn cmp_field(&self, name: &str) -> Ordering {
        match self {
            PathElement::Field(own) => (**own).cmp(name),
            _ => Ordering::Greater,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            PathElement::Field(_) => 0,
            PathElement::Key(_) => 1,
            PathElement::Value(_) => 2,
            PathElement::Index(_) => 3,
        }
    }

    /// The key under which `FieldsV1` holds this step.
    pub fn encode(&self) -> String {
        match self {
            PathElement::Field(name) => field_key(name),
            PathElement::Key(keys) => {
                let mut out = String::with_capacity(32);
                out.push_str("k:{");
                for (index, (name, value)) in keys.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    push_string(name, &mut out);
                    out.push(':');
                    push_json(value, &mut out);
                }
                out.push('}');
                out
            }
            PathElement::Value(value) => {
                let mut out = String::from("v:");
                push_json(value, &mut out);
                out
            }
            PathElement::Index(index) => format!("i:{index}"),
        }
    }

    /// Reads a key of `FieldsV1`; `Ok(None)` for a kind of step that is not known, which is skipped.
    pub fn decode(key: &str) -> Result<Option<PathElement>, String> {
        let Some((kind, rest)) = key.split_once(':') else {
            return Err(format!("key must be 2 characters long: {key}"));
        };
        Ok(match kind {
            "f" => Some(PathElement::field(rest)),
            "v" => Some(PathElement::Value(
                serde_json::from_str(rest).map_err(|e| e.to_string())?,
            )),
            "k" => {
                let keys: Map<String, Value> =
                    serde_json::from_str(rest).map_err(|e| e.to_string())?;
                Some(PathElement::key(
                    keys.into_iter()
                        .map(|(name, value)| (name.into(), value))
                        .collect(),
                ))
            }
            "i" => Some(PathElement::Index(
                rest.parse()
                    .map_err(|_| format!("invalid index {rest:?}"))?,
            )),
            _ => None,
        })
    }
}

/// The key under which `FieldsV1` holds a named field.
pub(crate) fn field_key(name: &str) -> String {
    let mut out = String::with_capacity(2 + name.len());
    out.push_str("f:");
    out.push_str(name);
    out
}

/// Writes a value as Go's encoder does, which keeps what would be markup out of JSON strings.
fn push_json(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => push_string(text, out),
        value => out.push_str(&html_safe(&value.to_string())),
    }
}

fn push_string(text: &str, out: &mut String) {
    // Names and the like, which most are, are written as they are.
    let is_plain = |byte: u8| {
        (b' '..0x7f).contains(&byte) && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&')
    };
    if text.bytes().all(is_plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&html_safe(&Value::from(text).to_string()));
    }
}

fn html_safe(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

impl Ord for PathElement {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (PathElement::Field(a), PathElement::Field(b)) => a.cmp(b),
            (PathElement::Key(a), PathElement::Key(b)) => {
                for ((name_a, value_a), (name_b, value_b)) in a.iter().zip(b.iter()) {
                    let order = name_a
                        .cmp(name_b)
                        .then_with(|| compare_values(value_a, value_b));
                    if order != Ordering::Equal {
                        return order;
                    }
                }
                a.len().cmp(&b.len())
            }
            (PathElement::Value(a), PathElement::Value(b)) => compare_values(a, b),
            (PathElement::Index(a), PathElement::Index(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for PathElement {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for PathElement {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for PathElement {}

/// As messages show it: `.spec`, `[name="a"]`, `[="a"]`, `[0]`.
impl fmt::Display for PathElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PathElement::Field(name) => write!(f, ".{name}"),
            PathElement::Key(keys) => {
                f.write_str("[")?;
                for (index, (name, value)) in keys.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(f, "{comma}{name}={}", show(value))?;
                }
                f.write_str("]")
            }
            PathElement::Value(value) => write!(f, "[={}]", show(value)),
            PathElement::Index(index) => write!(f, "[{index}]"),
        }
    }
}

fn show(value: &Value) -> String {
    match value {
        Value::String(text) => gofmt::quote(text),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(","))
        }
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| format!("{key}={}", show(value)))
            .collect(),
        _ => value.to_string(),
    }
}

/// An order over all values: numbers by size, strings, booleans, lists, objects, null.
pub fn compare_values(a: &Value, b: &Value) -> Ordering {
    fn rank(value: &Value) -> u8 {
        match value {
            Value::Number(_) => 0,
            Value::String(_) => 1,
            Value::Bool(_) => 2,
            Value::Array(_) => 3,
            Value::Object(_) => 4,
            Value::Null => 5,
        }
    }
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare_numbers(a, b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => {
            let first = a
                .iter()
                .zip(b)
                .map(|(a, b)| compare_values(a, b))
                .find(|order| *order != Ordering::Equal);
            first.unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        (Value::Object(a), Value::Object(b)) => {
            let sorted = |map: &'_ Map<String, Value>| {
                let mut entries: Vec<(String, Value)> =
                    map.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                entries
            };
            let (a, b) = (sorted(a), sorted(b));
            let pairs = a.iter().zip(&b);
            let first = pairs.map(|(a, b)| a.0.cmp(&b.0).then_with(|| compare_values(&a.1, &b.1)));
            first
                .into_iter()
                .find(|order| *order != Ordering::Equal)
                .unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        _ => rank(a).cmp(&rank(b)),
    }
}

fn compare_numbers(a: &Number, b: &Number) -> Ordering {
    match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => {
            let (a, b) = (
                a.as_f64().unwrap_or(f64::NAN),
                b.as_f64().unwrap_or(f64::NAN),
            );
            a.partial_cmp(&b).unwrap_or(Ordering::Equal)
        }
    }
}

/// Equality that does not care whether a number was written as 1 or 1.0.
pub fn equal_values(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare_numbers(a, b) == Ordering::Equal,
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal_values(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| equal_values(a, b)))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn steps_are_written_and_read_back() {
        for text in [
            "f:a.b/c",
            r#"k:{"containerPort":80,"protocol":"TCP"}"#,
            r#"v:"x""#,
            "v:1",
            "i:-1",
            r#"v:"\u003ca""#,
        ] {
            let step = PathElement::decode(text).expect("valid").expect("known");
            assert_eq!(step.encode(), text);
        }
        assert!(PathElement::decode("z:1").expect("valid").is_none());
        assert!(PathElement::decode("v:{").is_err());
    }

    #[test]
    fn steps_are_shown_as_in_messages() {
        let key = PathElement::key(vec![
            ("protocol".into(), json!("TCP")),
            ("containerPort".into(), json!(80)),
        ]);
        assert_eq!(key.to_string(), r#"[containerPort=80,protocol="TCP"]"#);
        assert_eq!(PathElement::Value(json!("a")).to_string(), r#"[="a"]"#);
    }
}

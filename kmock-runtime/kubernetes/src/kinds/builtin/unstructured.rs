//! Reading a patched object into a Go struct without JSON text in between.
//!
//! After a strategic merge patch the API server converts maps to structs by reflection
//! (`runtime.DefaultUnstructuredConverter`): other error texts, fields in order of declaration, unknown fields sorted.

use serde_json::{Map, Value};

use super::base64;
use super::decode::{DecodedStruct, complete, quantity, zero};
use super::gotypes::{GoType, Struct};
use super::times;
use kmock_apply::ordered::Node;

/// Converts an object; the error is the converter's text.
pub(super) fn decode(root: &'static Struct, value: &Value) -> Result<DecodedStruct, String> {
    let mut unknown = Vec::new();
    let object = structure(root, value, &mut String::new(), &mut unknown)?;
    unknown.sort();
    Ok(DecodedStruct {
        object,
        complaints: unknown,
    })
}

/// `reflect.Kind` of an unstructured value.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "invalid",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_i64() || n.is_u64() => "int64",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "slice",
        Value::Object(_) => "map",
    }
}

fn structure(
    root: &'static Struct,
    value: &Value,
    path: &mut String,
    unknown: &mut Vec<String>,
) -> Result<Value, String> {
    let Value::Object(source) = value else {
        return Err(format!("cannot restore struct from: {}", kind(value)));
    };
    let mut map = Map::new();
    for field in &root.fields {
        let Some(value) = source.get(field.name).filter(|v| !v.is_null()) else {
            continue;
        };
        let length = path.len();
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(field.name);
        map.insert(
            field.name.into(),
            typed(&field.ty, &field.ty, value, path, unknown)?,
        );
        path.truncate(length);
    }
    let dot = if path.is_empty() { "" } else { "." };
    for key in source.keys().filter(|key| root.field(key).is_none()) {
        unknown.push(format!("unknown field \"{path}{dot}{key}\""));
    }
    complete(root, &mut map);
    Ok(Value::Object(map))
}

fn typed(
    ty: &GoType,
    shown: &GoType,
    value: &Value,
    path: &mut String,
    unknown: &mut Vec<String>,
) -> Result<Value, String> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        other => Err(format!(
            "json: cannot unmarshal {} into Go value of type string",
            Node::from_value(other).sort()
        )),
    };
    match ty {
        GoType::Named(under, _) => typed(under, shown, value, path, unknown),
        GoType::Pointer(inner) => typed(inner, inner, value, path, unknown),
        GoType::Raw => Ok(value.clone()),
        GoType::Struct(name) => match name.get() {
            Some(target) => structure(target, value, path, unknown),
            None => Ok(value.clone()),
        },
        GoType::Time => times::time(&text(value)?).map(Value::from),
        GoType::MicroTime => times::micro_time(&text(value)?).map(Value::from),
        GoType::Duration => times::duration(&text(value)?).map(|n| times::print_duration(n).into()),
        GoType::Quantity => quantity(&Node::from_value(value)),
        GoType::IntOrString => match value {
            Value::String(_) => Ok(value.clone()),
            Value::Number(n) if n.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => {
                Ok(value.clone())
            }
            Value::Number(n) => Err(format!(
                "json: cannot unmarshal number {n} into Go value of type int32"
            )),
            other => Err(format!(
                "json: cannot unmarshal {} into Go value of type int32",
                Node::from_value(other).sort()
            )),
        },
        GoType::Bool | GoType::String | GoType::Int(_) | GoType::Float => scalar(ty, shown, value),
        GoType::Bytes => match value {
            Value::String(text) => match base64::decode(text) {
                Ok(bytes) => Ok(base64::encode(&bytes).into()),
                Err(at) => Err(format!(
                    "error decoding from json: illegal base64 data at input byte {at}"
                )),
            },
            other => Err(format!("cannot restore slice from {}", kind(other))),
        },
        GoType::Slice(inner) => match value {
            Value::Array(list) => {
                let mut out = Vec::with_capacity(list.len());
                for (i, item) in list.iter().enumerate() {
                    let length = path.len();
                    path.push_str(&format!("[{i}]"));
                    out.push(if item.is_null() {
                        zero(inner)
                    } else {
                        typed(inner, inner, item, path, unknown)?
                    });
                    path.truncate(length);
                }
                Ok(Value::Array(out))
            }
            other => Err(format!("cannot restore slice from {}", kind(other))),
        },
        GoType::Map(_, inner) => match value {
            Value::Object(members) => {
                let mut out = Map::new();
                for (key, item) in members {
                    let value = if item.is_null() {
                        zero(inner)
                    } else {
                        typed(inner, inner, item, path, unknown)?
                    };
                    out.insert(key.clone(), value);
                }
                Ok(Value::Object(out))
            }
            other => Err(format!("cannot restore map from {}", kind(other))),
        },
    }
}

/// Scalars convert within their group: booleans, strings, numbers.
fn scalar(ty: &GoType, shown: &GoType, value: &Value) -> Result<Value, String> {
    match (ty, value) {
        (GoType::Bool, Value::Bool(_))
        | (GoType::String, Value::String(_))
        | (GoType::Float, Value::Number(_)) => Ok(value.clone()),
        (GoType::Int(_), Value::Number(n)) => {
            if let Some(n) = n.as_i64() {
                return Ok(n.into());
            }
            match n.as_f64() {
                Some(x) if x.trunc() == x => Ok((x as i64).into()),
                _ => Err(format!("cannot convert float64 to {shown}")),
            }
        }
        // Go can turn a whole number into a string (a character), which the converter refuses by name.
        (GoType::String, Value::Number(n)) if n.is_i64() => {
            Err(format!("cannot convert int64 to {shown}"))
        }
        _ => Err(format!("unrecognized type: {}", ty.kind())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_are_the_converters() {
        let map = Struct::named("core.v1.ConfigMap").expect("known");
        for (value, error) in [
            (json!({"data": {"k": 7}}), "cannot convert int64 to string"),
            (json!({"data": [1]}), "cannot restore map from slice"),
            (
                json!({"metadata": {"labels": ["a"]}}),
                "cannot restore map from slice",
            ),
            (
                json!({"metadata": {"finalizers": "x"}}),
                "cannot restore slice from string",
            ),
            (json!({"data": {"k": true}}), "unrecognized type: string"),
        ] {
            assert_eq!(decode(map, &value).err().as_deref(), Some(error), "{value}");
        }
        let decoded =
            decode(map, &json!({"zzz": 1, "aaa": 1, "data": {"k": "v"}})).expect("converts");
        assert_eq!(
            decoded.complaints,
            ["unknown field \"aaa\"", "unknown field \"zzz\""]
        );
    }
}

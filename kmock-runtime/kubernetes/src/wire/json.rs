//! JSON text as the API server writes it: built-in objects with their Go types' fields in order of declaration,
//! everything else sorted by key; `<`, `>` and `&` escaped; whole floats without a fraction.

use std::borrow::Cow;

use kmock_apply::gofmt;
use serde_json::{Map, Number, Value};

use crate::kinds::builtin::gotypes::{GoType, Struct};

/// Prints a value; `order` is the Go type whose fields' order it has.
pub fn print(value: &Value, order: Option<&'static Struct>) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write(&mut out, value, order);
    out
}

/// Prints a value in the order of the type that its `apiVersion` and `kind` tell, if that is a built-in one.
pub fn print_object(value: &Value) -> Vec<u8> {
    print(value, order_of(value))
}

/// Appends a value.
pub fn write(out: &mut Vec<u8>, value: &Value, order: Option<&'static Struct>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(out, item, order);
            }
            out.push(b']');
        }
        Value::Object(map) => {
            out.push(b'{');
            write_members(out, map, order, &[]);
            out.push(b'}');
        }
    }
}

/// Appends an object's members without the brackets, leaving out some.
pub fn write_members(
    out: &mut Vec<u8>,
    map: &Map<String, Value>,
    order: Option<&'static Struct>,
    except: &[&str],
) {
    let mut first = true;
    let mut member =
        |out: &mut Vec<u8>, key: &str, value: &Value, order: Option<&'static Struct>| {
            if except.contains(&key) {
                return;
            }
            if !first {
                out.push(b',');
            }
            first = false;
            write_string(out, key);
            out.push(b':');
            write(out, value, order);
        };
    let Some(order) = order else {
        for (key, value) in sorted(map).iter() {
            member(out, key, value, None);
        }
        return;
    };
    for field in &order.fields {
        if let Some(value) = map.get(field.name) {
            member(out, field.name, value, inner(&field.ty));
        }
    }
    for (key, value) in sorted(map)
        .iter()
        .filter(|(key, _)| order.field(key).is_none())
    {
        member(out, key, value, None);
    }
}

/// The members by key. A map that keeps the order of insertion (a feature that others may switch on) is sorted.
fn sorted(map: &Map<String, Value>) -> Cow<'_, [(&str, &Value)]> {
    let mut members: Vec<(&str, &Value)> = map
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .collect();
    if !members.is_sorted_by(|a, b| a.0 <= b.0) {
        members.sort_by(|a, b| a.0.cmp(b.0));
    }
    Cow::Owned(members)
}

/// The struct behind a field's value, through pointers, lists and maps.
fn inner(ty: &GoType) -> Option<&'static Struct> {
    match ty {
        GoType::Struct(name) => name.get(),
        GoType::Pointer(of) | GoType::Slice(of) | GoType::Named(of, _) => inner(of),
        // The keys of a map are no fields; the values get their order one level further down, where it is lost.
        _ => None,
    }
}

/// The Go type of an object, if it is a built-in one.
pub fn order_of(object: &Value) -> Option<&'static Struct> {
    let api_version = object.get("apiVersion")?.as_str()?;
    let kind = object.get("kind")?.as_str()?;
    match api_version.split_once('/') {
        None if kind == "Status" => Struct::named("meta.v1.Status"),
        None => Struct::of_kind("", api_version, kind)
            .or_else(|| Struct::named(&format!("meta.v1.{kind}"))),
        Some((group, version)) => Struct::of_kind(group, version, kind),
    }
}

/// Appends a string literal.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut start = 0;
    for (i, &byte) in bytes.iter().enumerate() {
        let escape: Cow<'static, [u8]> = match byte {
            b'"' => Cow::Borrowed(b"\\\""),
            b'\\' => Cow::Borrowed(b"\\\\"),
            b'\n' => Cow::Borrowed(b"\\n"),
            b'\r' => Cow::Borrowed(b"\\r"),
            b'\t' => Cow::Borrowed(b"\\t"),
            8 => Cow::Borrowed(b"\\b"),
            12 => Cow::Borrowed(b"\\f"),
            0..=31 | b'<' | b'>' | b'&' => Cow::Owned(format!("\\u{byte:04x}").into_bytes()),
            // U+2028 and U+2029, which JavaScript takes for line breaks.
            0xe2 if bytes.get(i + 1) == Some(&0x80)
                && matches!(bytes.get(i + 2), Some(0xa8 | 0xa9)) =>
            {
                Cow::Borrowed(if bytes.get(i + 2) == Some(&0xa8) {
                    b"\\u2028"
                } else {
                    b"\\u2029"
                })
            }
            _ => continue,
        };
        out.extend_from_slice(bytes.get(start..i).unwrap_or_default());
        out.extend_from_slice(&escape);
        start = i + if byte == 0xe2 { 3 } else { 1 };
    }
    out.extend_from_slice(bytes.get(start..).unwrap_or_default());
    out.push(b'"');
}

fn write_number(out: &mut Vec<u8>, number: &Number) {
    let text = match number.as_f64().filter(|_| number.is_f64()) {
        None => number.to_string(),
        Some(float) => gofmt::json_float(float),
    };
    out.extend_from_slice(text.as_bytes());
}

/// Indents compact JSON by two spaces, as `?pretty=true` asks for.
pub fn indent(compact: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(compact.len() * 2);
    let mut depth = 0usize;
    let (mut in_string, mut escaped) = (false, false);
    let line = |out: &mut Vec<u8>, depth: usize| {
        out.push(b'\n');
        out.extend(std::iter::repeat_n(b' ', depth * 2));
    };
    for (i, &byte) in compact.iter().enumerate() {
        if in_string {
            out.push(byte);
            (in_string, escaped) = (byte != b'"' || escaped, byte == b'\\' && !escaped);
            continue;
        }
        match byte {
            b'"' => {
                in_string = true;
                out.push(byte);
            }
            b'{' | b'[' => {
                out.push(byte);
                if !matches!(compact.get(i + 1), Some(b'}' | b']')) {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                if !matches!(
                    i.checked_sub(1).and_then(|i| compact.get(i)),
                    Some(b'{' | b'[')
                ) {
                    depth = depth.saturating_sub(1);
                    line(&mut out, depth);
                }
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                line(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            b'\n' => {}
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn built_in_objects_have_their_fields_order() {
        let value = json!({"apiVersion": "v1", "data": {"b": "1", "a": "2"}, "kind": "ConfigMap",
            "metadata": {"labels": {"x": "y"}, "name": "n", "uid": "u", "namespace": "s"}});
        assert_eq!(
            text(print_object(&value)),
            r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"n","namespace":"s","uid":"u","labels":{"x":"y"}},"data":{"a":"2","b":"1"}}"#
        );
        let status = json!({"apiVersion": "v1", "code": 404, "kind": "Status", "metadata": {}, "message": "m",
            "status": "Failure", "reason": "NotFound"});
        assert_eq!(
            text(print_object(&status)),
            r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"m","reason":"NotFound","code":404}"#
        );
    }

    #[test]
    fn other_objects_are_sorted() {
        let value =
            json!({"kind": "Foo", "apiVersion": "example.com/v1", "a": [1.0, 2.5, 1e30, -3]});
        assert_eq!(
            text(print_object(&value)),
            r#"{"a":[1,2.5,1e+30,-3],"apiVersion":"example.com/v1","kind":"Foo"}"#
        );
    }

    #[test]
    fn strings_are_escaped_as_go_does() {
        let value = json!("a<b>&\"\\\n\u{1}é\u{2028}z");
        assert_eq!(
            text(print(&value, None)),
            r#""a\u003cb\u003e\u0026\"\\\n\u0001é\u2028z""#
        );
    }

    #[test]
    fn indentation() {
        let value = json!({"a": [], "b": [1, {"c": "x,:{\"}"}], "d": {}});
        let pretty = text(indent(&print(&value, None)));
        assert_eq!(pretty, serde_json::to_string_pretty(&value).expect("JSON"));
    }
}

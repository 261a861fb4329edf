//! Values as Go prints them in the API server's messages.

use serde_json::Value;

/// As `%v`: `map[a:1 b:[x y]]`, without quotes.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!(
            "[{}]",
            items.iter().map(plain).collect::<Vec<_>>().join(" ")
        ),
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            let entries: Vec<_> = entries
                .into_iter()
                .map(|(key, value)| format!("{key}:{}", plain(value)))
                .collect();
            format!("map[{}]", entries.join(" "))
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// As `%#v`: Go syntax, e.g. `map[string]interface {}{"a":1}`.
pub fn syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".into(),
        Value::String(text) => quote(text),
        Value::Array(items) => format!(
            "[]interface {{}}{{{}}}",
            items.iter().map(syntax).collect::<Vec<_>>().join(", ")
        ),
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            let entries: Vec<_> = entries
                .into_iter()
                .map(|(key, value)| format!("{}:{}", quote(key), syntax(value)))
                .collect();
            format!("map[string]interface {{}}{{{}}}", entries.join(", "))
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// The bytes of a value as `encoding/json` writes it.
///
/// ```
/// use kmock_apply::gofmt::json_size;
/// use serde_json::json;
///
/// assert_eq!(json_size(&json!({"a": [1, "<"]})), r#"{"a":[1,"\u003c"]}"#.len());
/// ```
pub fn json_size(value: &Value) -> usize {
    // Brackets, and a comma between any two.
    let frame = |count: usize| 2 + count.saturating_sub(1);
    match value {
        Value::Null => 4,
        Value::Bool(value) => 5 - usize::from(*value),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            None => number.to_string().len(),
            Some(float) => json_float(float).len(),
        },
        Value::String(text) => text_size(text),
        Value::Array(items) => frame(items.len()) + items.iter().map(json_size).sum::<usize>(),
        Value::Object(map) => {
            let members = map
                .iter()
                .map(|(key, value)| text_size(key) + 1 + json_size(value));
            frame(map.len()) + members.sum::<usize>()
        }
    }
}

/// No JSON text of a value is longer than that: each byte of a text may become six (`\u0000`). Texts are not read.
pub fn json_bound(value: &Value) -> usize {
    let text = |text: &String| 2 + 6 * text.len();
    match value {
        Value::Null | Value::Bool(_) => 6,
        Value::Number(_) => 32,
        Value::String(it) => text(it),
        Value::Array(items) => 2 + items.iter().map(|item| 1 + json_bound(item)).sum::<usize>(),
        Value::Object(map) => {
            let members = map.iter();
            2 + members
                .map(|(key, value)| 2 + text(key) + json_bound(value))
                .sum::<usize>()
        }
    }
}

/// A number that may have a fraction, as `encoding/json` writes it.
pub fn json_float(float: f64) -> String {
    if float == 0.0 || (1e-6..1e21).contains(&float.abs()) {
        return format!("{float}");
    }
    let text = format!("{float:e}");
    match text.contains("e-") {
        true => text,
        false => text.replace('e', "e+"),
    }
}

fn text_size(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x8 | 0xc => 1,
        b'<' | b'>' | b'&' | 0..0x20 => 5,
        _ => 0,
    };
    let more: usize = text.bytes().map(escaped).sum();
    // These two would end a line of JavaScript.
    let lines = match text.is_ascii() {
        true => 0,
        false => 3 * text.matches(['\u{2028}', '\u{2029}']).count(),
    };
    2 + text.len() + more + lines
}

/// As `%T`.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
    }
}

/// As `%q` of a string.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                out.push_str(&format!("\\x{:02x}", c as u32));
            }
            c if is_print(c) => out.push(c),
            c if c as u32 > 0xffff => out.push_str(&format!("\\U{:08x}", c as u32)),
            c => out.push_str(&format!("\\u{:04x}", c as u32)),
        }
    }
    out.push('"');
    out
}

/// Whether Go calls a character printable: letters, marks, numbers, punctuation, symbols and the plain space.
pub fn is_print(c: char) -> bool {
    if c.is_ascii() {
        return c == ' ' || c.is_ascii_graphic();
    }
    // Behind another character, marks are not escaped.
    !c.is_whitespace() && !format!("a{c}").escape_debug().any(|c| c == '\\')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn prints_as_go_does() {
        let value = json!({"b": [1, "x", null], "a": {"c": true}});
        assert_eq!(plain(&value), "map[a:map[c:true] b:[1 x <nil>]]");
        assert_eq!(
            syntax(&value),
            r#"map[string]interface {}{"a":map[string]interface {}{"c":true}, "b":[]interface {}{1, "x", interface {}(nil)}}"#
        );
        assert_eq!(
            quote("m\nx\u{1}é\u{200b}\u{a0}名"),
            r#""m\nx\x01é\u200b\u00a0名""#
        );
    }
}

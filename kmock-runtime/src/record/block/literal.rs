//! Values as Rust and `kmock!` write them.

use std::fmt::Write;

use serde_json::Value;

use crate::record::secrets::REDACTED;

/// The places of an id in a value, as JSON pointers; it is written as the capture there.
#[derive(Debug, Default)]
pub(super) struct Ids {
    pub(super) places: Vec<String>,
    /// Whether the capture is a number.
    pub(super) number: bool,
}

/// How wide a value is that stands on one line.
const WIDTH: usize = 60;

/// Whether a value, sent as JSON, is this text: without white space, and members in the order of their names.
pub(super) fn is_written_so(value: &Value, text: &str) -> bool {
    let mut written = String::with_capacity(text.len());
    sorted(value, &mut written);
    written == text
}

/// As `serde_json` writes it where it does not keep the order of members, whether it does here or not.
fn sorted(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (nth, (name, value)) in members.into_iter().enumerate() {
                if nth > 0 {
                    out.push(',');
                }
                // Writing to a text cannot fail.
                let _ = write!(out, "{}:", Value::from(name.as_str()));
                sorted(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (nth, item) in items.iter().enumerate() {
                if nth > 0 {
                    out.push(',');
                }
                sorted(item, out);
            }
            out.push(']');
        }
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

/// A value as `kmock!` has it; `depth` is how far the lines are set in.
pub(super) fn json(value: &Value, depth: usize, ids: &Ids) -> String {
    let mut out = String::new();
    Writer { ids, exact: None }.value(&mut out, value, depth, "");
    out
}

/// A pattern for values like this one; secrets may be anything, or may not be there unless it is `exact`.
pub(super) fn pattern(value: &Value, exact: bool) -> String {
    let mut out = String::new();
    let ids = Ids::default();
    Writer {
        ids: &ids,
        exact: Some(exact),
    }
    .value(&mut out, value, 1, "");
    out
}

struct Writer<'a> {
    ids: &'a Ids,
    /// Of a pattern: whether nothing is left out.
    exact: Option<bool>,
}

impl Writer<'_> {
    fn value(&self, out: &mut String, value: &Value, depth: usize, pointer: &str) {
        // Writing to a text cannot fail.
        let is_id = self.ids.places.iter().any(|place| place == pointer);
        match value {
            Value::String(_) if is_id && self.ids.number => out.push_str("(id.to_string())"),
            Value::String(_) | Value::Number(_) if is_id => out.push_str("id"),
            Value::String(text) if self.exact.is_some() => match text.contains(REDACTED) {
                true => out.push('_'),
                false => out.push_str(&exact_text(text)),
            },
            Value::Array(items) => {
                let parts = items.iter().enumerate().map(|(nth, item)| {
                    let mut part = String::new();
                    self.value(&mut part, item, depth + 1, &format!("{pointer}/{nth}"));
                    part
                });
                list(out, '[', parts.collect(), ']', depth);
            }
            Value::Object(members) => {
                let members = members.iter().filter(|(_, value)| {
                    self.exact != Some(false) || value.as_str() != Some(REDACTED)
                });
                let parts = members.map(|(name, value)| {
                    let mut part = format!("{name:?}: ");
                    self.value(&mut part, value, depth + 1, &format!("{pointer}/{name}"));
                    part
                });
                list(out, '{', parts.collect(), '}', depth);
            }
            Value::String(text) => {
                let _ = write!(out, "{text:?}");
            }
            other => {
                let _ = write!(out, "{other}");
            }
        }
    }
}

fn list(out: &mut String, open: char, parts: Vec<String>, close: char, depth: usize) {
    let pad = |depth: usize| "    ".repeat(depth);
    let width: usize = parts.iter().map(|part| part.chars().count() + 2).sum();
    out.push(open);
    if width <= WIDTH && parts.iter().all(|part| !part.contains('\n')) {
        let space = if open == '{' && !parts.is_empty() {
            " "
        } else {
            ""
        };
        let _ = write!(out, "{space}{}{space}", parts.join(", "));
    } else {
        for part in &parts {
            let _ = write!(out, "\n{}{part},", pad(depth + 1));
        }
        let _ = write!(out, "\n{}", pad(depth));
    }
    out.push(close);
}

/// A text as a pattern that is nothing else: a `*` in quotes is any run.
pub(super) fn exact_text(text: &str) -> String {
    match text.contains('*') {
        true => format!("({text:?})"),
        false => format!("{text:?}"),
    }
}

/// A text as Rust writes it, with as few escapes as can be.
pub(super) fn text(text: &str) -> String {
    let raw = |c: char| c == '\n' || c == '\t' || !c.is_control() && c.escape_debug().len() <= 2;
    if !text.contains(['"', '\\', '\n']) || !text.chars().all(raw) {
        return format!("{text:?}");
    }
    let mut hashes = String::from("#");
    while text.contains(&format!("\"{hashes}")) {
        hashes.push('#');
    }
    format!("r{hashes}\"{text}\"{hashes}")
}

pub(super) fn bytes(bytes: &[u8]) -> String {
    format!("b\"{}\"", bytes.escape_ascii())
}

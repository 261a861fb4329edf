//! Printer columns and selectable fields of custom objects.
//!
//! Rules: `apiextensions-apiserver/pkg/registry/customresource/tableconvertor`: the first value that a path finds is
//! shown as the column's type asks; a value of another type is not shown.

use jiff::Timestamp;
use serde_json::Value;

use super::definition::Version;
use super::jsonpath::JsonPath;
use super::numbers::{self, Num};
use crate::kinds::builtin::times;

/// A column beside the name.
#[derive(Clone, Debug)]
pub(crate) struct PrinterColumn {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) format: String,
    pub(crate) priority: i64,
    path: JsonPath,
}

/// The columns of a version: its own, or the age.
pub(crate) fn columns(version: &Version) -> Vec<PrinterColumn> {
    if version.columns.is_empty() {
        let age = super::definition::ColumnDefinition {
            name: "Age".into(),
            kind: "date".into(),
            json_path: ".metadata.creationTimestamp".into(),
            ..super::definition::ColumnDefinition::default()
        };
        return column(&age).into_iter().collect();
    }
    // A path that cannot be read ends the list.
    version.columns.iter().map_while(column).collect()
}

fn column(column: &super::definition::ColumnDefinition) -> Option<PrinterColumn> {
    Some(PrinterColumn {
        name: column.name.clone(),
        kind: column.kind.clone(),
        format: column.format.clone(),
        priority: column.priority,
        path: JsonPath::parse(&column.json_path)?,
    })
}

impl PrinterColumn {
    /// The cell of an object.
    pub(crate) fn cell(&self, object: &Value, now: Timestamp) -> Value {
        match self.path.first(object) {
            None => Value::Null,
            Some(Value::Null) if self.kind == "string" => "<no value>".into(),
            Some(value) if self.kind == "string" => printed(value).into(),
            Some(value) => typed(&self.kind, value, now),
        }
    }
}

/// A value as text.
pub(crate) fn printed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => match Num::of(number) {
            Num::Int(int) => int.to_string(),
            Num::Double(double) => numbers::shown(double),
        },
        other => other.to_string(),
    }
}

fn typed(kind: &str, value: &Value, now: Timestamp) -> Value {
    match (kind, value) {
        ("integer", Value::Number(number)) => match Num::of(number) {
            Num::Int(int) => int.into(),
            // Beyond the range the processor gives the smallest number.
            Num::Double(double) if double.abs() >= 9_223_372_036_854_775_808.0 => i64::MIN.into(),
            Num::Double(double) => (double as i64).into(),
        },
        ("number", Value::Number(number)) => match Num::of(number) {
            Num::Int(int) => int.into(),
            Num::Double(double) => double.into(),
        },
        ("boolean", Value::Bool(flag)) => (*flag).into(),
        ("date", Value::String(text)) => age(text, now).into(),
        _ => Value::Null,
    }
}

fn age(text: &str, now: Timestamp) -> String {
    if text.is_empty() {
        return "<unknown>".into();
    }
    match text.parse::<Timestamp>() {
        Ok(time) => times::human_duration(now.as_second() - time.as_second()),
        Err(_) => "<invalid>".into(),
    }
}

/// A field that can be selected by: its label and its path.
#[derive(Clone, Debug)]
pub(crate) struct Selectable {
    pub(crate) label: String,
    path: JsonPath,
}

/// The selectable fields of a version.
pub(crate) fn selectable(version: &Version) -> Vec<Selectable> {
    version
        .selectable
        .iter()
        .filter_map(|path| {
            Some(Selectable {
                label: path.strip_prefix('.').unwrap_or(path).to_owned(),
                path: JsonPath::parse(path)?,
            })
        })
        .collect()
}

impl Selectable {
    /// The value of an object; empty if it has none.
    pub(crate) fn value(&self, object: &Value) -> String {
        match self.path.first(object) {
            None | Some(Value::Null) => String::new(),
            Some(value) => printed(value),
        }
    }
}

/// The value at a simple dotted path (`.spec.replicas`), as scale paths are.
pub(crate) fn nested<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    path.strip_prefix('.')
        .unwrap_or(path)
        .split('.')
        .try_fold(object, |value, key| value.as_object()?.get(key))
}

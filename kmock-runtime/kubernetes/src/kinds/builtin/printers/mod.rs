//! Tables: which columns the server prints of each built-in kind, and what is in the cells.
//!
//! Rules of `pkg/printers/internalversion/printers.go`, v1.36, always in the wide form: the client picks columns by
//! priority. Kinds that are not listed have the default printer (Name, Created At).

pub(super) mod core;
pub(super) mod other;
pub(super) mod workloads;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::row::Kind;
use super::times;
use super::values::{at, items, members, text};
use crate::model::strategy::Column;

const fn column(name: &'static str, kind: &'static str, priority: i32) -> Column<'static> {
    Column {
        name,
        kind,
        format: "",
        priority,
    }
}

/// The column of the object's name.
const NAME: Column<'static> = Column {
    name: "Name",
    kind: "string",
    format: "name",
    priority: 0,
};

/// Columns from a compact text: `Ready, Restarts:integer, Node*` (`*`: only in wide output).
fn columns_of(list: &'static str) -> Vec<Column<'static>> {
    list.split(", ")
        .map(|entry| {
            let (entry, priority) = entry
                .strip_suffix('*')
                .map_or((entry, 0), |entry| (entry, 1));
            match entry.split_once(':') {
                Some((name, "name")) => Column {
                    name,
                    kind: "string",
                    format: "name",
                    priority,
                },
                Some((name, kind)) => column(name, kind, priority),
                None if entry == "Name" => Column { priority, ..NAME },
                None => column(entry, "string", priority),
            }
        })
        .collect()
}

/// The columns of a kind; `None` is the default printer.
pub(super) fn columns(kind: &Kind) -> Option<Vec<Column<'static>>> {
    kind.print.as_ref().map(|print| columns_of(print.columns))
}

/// The cells of an object, one for each column.
pub(super) fn cells(kind: &Kind, object: &Value, now: Timestamp) -> Vec<Value> {
    let printer = Printer { object, now };
    let print = kind.print.as_ref();
    print
        .map(|print| (print.cells)(&printer))
        .unwrap_or_default()
}

/// The cells of a `Scale`.
pub(super) fn scale(object: &Value, now: Timestamp) -> Vec<Value> {
    let p = Printer { object, now };
    vec![
        p.name(),
        p.number(&["spec", "replicas"]),
        p.number(&["status", "replicas"]),
        p.age(),
    ]
}

/// An object on its way into a row.
#[derive(Debug)]
pub(super) struct Printer<'a> {
    object: &'a Value,
    now: Timestamp,
}

impl<'a> Printer<'a> {
    pub(super) fn at(&self, path: &[&str]) -> &'a Value {
        at(self.object, path)
    }

    pub(super) fn text(&self, path: &[&str]) -> &'a str {
        text(self.object, path)
    }

    pub(super) fn items(&self, path: &[&str]) -> &'a [Value] {
        items(self.object, path)
    }

    /// A text, or another one if it is empty.
    pub(super) fn text_or(&self, path: &[&str], other: &'a str) -> &'a str {
        match self.text(path) {
            "" => other,
            text => text,
        }
    }

    /// A number, 0 if it is absent.
    pub(super) fn number(&self, path: &[&str]) -> Value {
        match self.at(path) {
            Value::Number(n) => Value::Number(n.clone()),
            _ => 0.into(),
        }
    }

    pub(super) fn flag(&self, path: &[&str]) -> bool {
        self.at(path).as_bool().unwrap_or_default()
    }

    pub(super) fn name(&self) -> Value {
        self.text(&["metadata", "name"]).into()
    }

    /// The time since a moment, as `kubectl get` shows it.
    pub(super) fn since(&self, time: &Value) -> String {
        match time.as_str().and_then(times::moment) {
            Some(moment) => times::human_duration(self.now.as_second() - moment.as_second()),
            None => "<unknown>".into(),
        }
    }

    pub(super) fn age(&self) -> Value {
        self.since(self.at(&["metadata", "creationTimestamp"]))
            .into()
    }

    pub(super) fn is_terminating(&self) -> bool {
        self.at(&["metadata", "deletionTimestamp"]).is_string()
    }
}

/// `a=b,c=d`, or `<none>`.
fn labels(map: &Value) -> String {
    let pairs: Vec<String> = members(map, &[])
        .into_iter()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    if pairs.is_empty() {
        "<none>".into()
    } else {
        pairs.join(",")
    }
}

/// A label selector as one text, or `<none>`.
pub(in crate::kinds::builtin) fn selector(selector: &Value) -> String {
    let text = selector_text(selector);
    if text.is_empty() {
        "<none>".into()
    } else {
        text
    }
}

/// A label selector as one text: requirements sorted by key.
fn selector_text(selector: &Value) -> String {
    let mut parts: Vec<(String, String)> = members(selector, &["matchLabels"])
        .into_iter()
        .map(|(key, value)| {
            (
                key.to_owned(),
                format!("{key}={}", value.as_str().unwrap_or_default()),
            )
        })
        .collect();
    for rule in items(selector, &["matchExpressions"]) {
        let key = text(rule, &["key"]);
        let mut values: Vec<&str> = items(rule, &["values"])
            .iter()
            .filter_map(Value::as_str)
            .collect();
        values.sort_unstable();
        let values = values.join(",");
        let part = match text(rule, &["operator"]) {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => continue,
        };
        parts.push((key.to_owned(), part));
    }
    parts.sort_by(|a, b| a.0.cmp(&b.0));
    parts
        .into_iter()
        .map(|(_, part)| part)
        .collect::<Vec<_>>()
        .join(",")
}

/// The names and the images of containers.
fn containers(containers: &Value) -> [Value; 2] {
    let join = |key: &str| {
        let texts: Vec<&str> = items(containers, &[])
            .iter()
            .map(|c| text(c, &[key]))
            .collect();
        Value::from(texts.join(","))
    };
    [join("name"), join("image")]
}

/// Texts joined by commas, at most `most` of them.
fn with_more(list: &[String], most: usize) -> String {
    let shown = list
        .get(..most.min(list.len()))
        .unwrap_or_default()
        .join(",");
    if list.len() > most {
        format!("{shown} + {} more...", list.len() - most)
    } else {
        shown
    }
}

/// An int-or-string as text.
fn int_or_string(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The addresses of a load balancer, sorted.
fn balancer(ingress: &[Value]) -> String {
    let mut list: Vec<&str> = ingress
        .iter()
        .map(|entry| match text(entry, &["ip"]) {
            "" => text(entry, &["hostname"]),
            ip => ip,
        })
        .filter(|address| !address.is_empty())
        .collect();
    list.sort_unstable();
    list.dedup();
    list.join(",")
}

/// What a row says beside its cells.
pub(super) fn row_conditions(kind: &Kind, object: &Value) -> Option<Value> {
    (kind.print.as_ref()?.conditions)(object)
}

/// A finished pod is marked.
pub(super) fn completed(pod: &Value) -> Option<Value> {
    let (reason, message) = match text(pod, &["status", "phase"]) {
        "Succeeded" => ("Succeeded", "The pod has completed successfully."),
        "Failed" => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(json!([{"type": "Completed", "status": "True", "reason": reason, "message": message}]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_with_columns_fills_them() {
        for served in crate::kinds::built_ins().iter() {
            let resource = &served.resource;
            let Some(columns) = served.strategy.columns(resource) else {
                continue;
            };
            let cells = served.strategy.cells(
                resource,
                &json!({"metadata": {"name": "x"}}),
                Timestamp::UNIX_EPOCH,
            );
            // The age of an IPAddress is in no column, in the real server too.
            let unnamed = usize::from(resource.kind == "IPAddress");
            assert_eq!(
                columns.len() + unnamed,
                cells.len(),
                "{} {}",
                resource.api_version(),
                resource.kind
            );
        }
    }

    #[test]
    fn selectors_as_text() {
        let rules = json!({"matchLabels": {"b": "1"}, "matchExpressions": [{"key": "a", "operator": "In", "values": ["y", "x"]}, {"key": "c", "operator": "DoesNotExist"}]});
        assert_eq!(selector(&rules), "a in (x,y),b=1,!c");
        assert_eq!(selector(&json!({})), "<none>");
    }
}

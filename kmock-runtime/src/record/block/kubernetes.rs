//! Heads of the Kubernetes API: `watch "v1/pods" in "default"`, as people speak of it.

use std::fmt::Write;

use serde_json::Value;

use super::query;
use crate::record::Entry;

/// Parameters that say when or how to answer, not what.
const OF_THE_MOMENT: [&str; 8] = [
    "watch",
    "resourceVersion",
    "resourceVersionMatch",
    "timeoutSeconds",
    "allowWatchBookmarks",
    "sendInitialEvents",
    "timeout",
    "limit",
];

/// Whether it is a watch.
pub(super) fn is_watch(entry: &Entry) -> bool {
    let watches = |(name, value): &(&str, &str)| *name == "watch" && ["true", "1"].contains(value);
    entry.method == "GET" && entry.pairs().iter().any(watches) && head(entry).is_some()
}

/// The verb and the resource, which heads have in common.
pub(super) fn place(entry: &Entry) -> Option<String> {
    let (head, _) = head(entry)?;
    Some(head.split('"').take(2).collect())
}

/// Objects are compared by their values, and who owns which field is seldom what a test is about.
pub(super) fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::Object(metadata)) = members.get_mut("metadata") {
                metadata.remove("managedFields");
            }
            members.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// `None`: the path is none of a resource (Kubernetes API concepts, resource URIs).
pub(super) fn head(entry: &Entry) -> Option<(String, usize)> {
    let segments: Vec<&str> = entry.path().trim_start_matches('/').split('/').collect();
    let (group_version, rest) = match segments[..] {
        ["api", version, ref rest @ ..] => (version.to_owned(), rest),
        ["apis", group, version, ref rest @ ..] => (format!("{group}/{version}"), rest),
        _ => return None,
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() && !is_of_namespaces(rest) => {
            (Some(*namespace), rest)
        }
        rest => (None, rest),
    };
    let (resource, name, sub) = match rest {
        [resource] => (*resource, None, None),
        [resource, name] => (*resource, Some(*name), None),
        [resource, name, sub] => (*resource, Some(*name), Some(*sub)),
        _ => return None,
    };
    if resource.is_empty() {
        return None;
    }
    let pairs = entry.pairs();
    let watches = pairs
        .iter()
        .any(|(name, value)| *name == "watch" && ["true", "1"].contains(value));
    let verb = match (entry.method.as_str(), name) {
        ("GET", _) if watches => "watch",
        ("GET", Some(_)) => "get",
        ("GET", None) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", Some(_)) => "delete",
        ("DELETE", None) => "deletecollection",
        _ => return None,
    };
    let mut head = format!("{verb} \"{group_version}/{resource}\"");
    let mut narrow = 0;
    // Writing to a text cannot fail.
    for (word, value) in [("in", namespace), ("named", name), ("sub", sub)] {
        if let Some(value) = value {
            narrow += 1;
            let _ = write!(head, " {word} {value:?}");
        }
    }
    let asked: Vec<(&str, &str)> = pairs
        .into_iter()
        .filter(|(name, _)| !OF_THE_MOMENT.contains(name))
        .collect();
    if !asked.is_empty() {
        narrow += asked.len();
        let _ = write!(head, " query {{ {} }}", query(&asked));
    }
    let body: Value = serde_json::from_slice(&entry.request_body).unwrap_or_default();
    if let ("create", Some(name)) = (verb, body["metadata"]["name"].as_str()) {
        narrow += 1;
        let _ = write!(head, " json {{ \"metadata\": {{ \"name\": {name:?} }} }}");
    }
    Some((head, narrow))
}

/// What follows the name of a namespace and belongs to the namespace itself.
fn is_of_namespaces(rest: &[&str]) -> bool {
    matches!(rest, ["status" | "finalize"])
}

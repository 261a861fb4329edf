//! What the checks of Pods share: their containers, and how several of them are named.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::kinds::builtin::values::{at, items, text};

/// All containers of a Pod, in the order in which they are visited.
pub(super) fn containers(spec: &Value) -> impl Iterator<Item = &Value> {
    ["initContainers", "containers", "ephemeralContainers"]
        .into_iter()
        .flat_map(move |list| items(spec, &[list]))
}

pub(super) fn name(container: &Value) -> String {
    text(container, &["name"]).to_owned()
}

/// The names of the containers of which something is true.
pub(super) fn named(spec: &Value, is: impl Fn(&Value) -> bool) -> Vec<String> {
    let found = containers(spec).filter(|container| is(container));
    found.map(name).collect()
}

/// A value of a container's security context; null if there is none.
pub(super) fn context<'a>(owner: &'a Value, path: &[&str]) -> &'a Value {
    at(at(owner, &["securityContext"]), path)
}

pub(super) fn plural<'a>(one: &'a str, many: &'a str, count: usize) -> &'a str {
    if count == 1 { one } else { many }
}

pub(super) fn quoted_list<'a>(items: impl IntoIterator<Item = &'a String>) -> String {
    let all: Vec<String> = items
        .into_iter()
        .map(|item| format!("\"{item}\""))
        .collect();
    all.join(", ")
}

/// `container "a"`, `containers "a", "b"`.
pub(super) fn these(names: &[String]) -> String {
    format!(
        "{} {}",
        plural("container", "containers", names.len()),
        quoted_list(names)
    )
}

/// Who sets something: the Pod, containers, or both.
pub(super) fn setters(pod: bool, containers: &[String]) -> Vec<String> {
    let mut out = Vec::new();
    if pod {
        out.push("pod".to_owned());
    }
    if !containers.is_empty() {
        out.push(these(containers));
    }
    out
}

pub(super) type Set = BTreeSet<String>;

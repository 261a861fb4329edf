//! Documents of OpenAPI v2 of several servers as one.
//!
//! Rules: `pkg/aggregator` of k8s.io/kube-openapi. What is there stays; of others come the paths that nobody has, with the
//! definitions that these need. A definition that another document calls the same and means otherwise gets another name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// The kinds that a definition stands for: they do not make it another one.
const KINDS: &str = "x-kubernetes-group-version-kind";

/// What definitions and parameters are referred to by.
const ROOMS: [(&str, &str); 2] = [
    ("definitions", "#/definitions/"),
    ("parameters", "#/parameters/"),
];

/// The names of the definitions that the paths need, those of definitions among them.
fn used(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    references(&document["paths"], &mut found);
    let mut all = BTreeSet::new();
    while let Some(reference) = found.pop_first() {
        if let Some(name) = reference.strip_prefix(ROOMS[0].1)
            && all.insert(name.to_owned())
        {
            references(&document["definitions"][name], &mut found);
        }
    }
    all
}

/// All references in a value.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("$ref").and_then(Value::as_str));
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// A document with those of its paths that are meant. Definitions that only others have used go with them.
pub(crate) fn only(mut document: Value, is_meant: impl Fn(&str) -> bool) -> Value {
    let before = used(&document);
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else {
        return document;
    };
    paths.retain(|path, _| is_meant(path));
    let after = used(&document);
    if let Some(Value::Object(definitions)) = document.get_mut("definitions") {
        definitions.retain(|name, _| after.contains(name) || !before.contains(name));
    }
    document
}

/// Adds to a document what another has beyond it.
pub(crate) fn merge(document: &mut Value, other: Value) {
    let known = |path: &str| document["paths"].get(path).is_some();
    let mut other = only(other, |path| !known(path));
    let paths = other.get_mut("paths").map(Value::take);
    let Some(Value::Object(paths)) = paths.filter(|paths| paths != &Value::Object(Map::new()))
    else {
        return;
    };
    let mut paths = Value::Object(paths);
    for (room, prefix) in ROOMS {
        let names = renamed(&document[room], &other[room]);
        for value in [&mut paths, &mut other] {
            refer(value, prefix, &names);
        }
        let Some(Value::Object(theirs)) = other.get_mut(room).map(Value::take) else {
            continue;
        };
        for (name, value) in theirs {
            let name = names.get(&name).cloned().unwrap_or(name);
            match document[room].get_mut(&name) {
                None => document[room][name] = value,
                Some(own) => add_kinds(own, &value),
            }
        }
    }
    if let Value::Object(paths) = paths {
        for (path, value) in paths {
            document["paths"][path] = value;
        }
    }
}

/// What is called the same here and there and is not the same, with its new name: that of an earlier one that is, or a free one.
fn renamed(ours: &Value, theirs: &Value) -> BTreeMap<String, String> {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in theirs.as_object().into_iter().flatten() {
        if ours.get(name).is_none_or(|own| is_same(own, value)) {
            continue;
        }
        let mut numbered = (2..).map(|n| format!("{name}_v{n}"));
        let free = numbered.find(|new| {
            let is_taken = theirs.get(new).is_some() || names.values().any(|one| one == new);
            match ours.get(new) {
                Some(own) => is_same(own, value),
                None => !is_taken,
            }
        });
        names.extend(free.map(|new| (name.clone(), new)));
    }
    names
}

fn is_same(one: &Value, other: &Value) -> bool {
    let without = |value: &Value| {
        let mut value = value.clone();
        if let Some(map) = value.as_object_mut() {
            map.remove(KINDS);
        }
        value
    };
    one == other || without(one) == without(other)
}

fn refer(value: &mut Value, prefix: &str, names: &BTreeMap<String, String>) {
    if names.is_empty() {
        return;
    }
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get_mut("$ref")
                && let Some(new) = reference
                    .strip_prefix(prefix)
                    .and_then(|name| names.get(name))
            {
                *reference = format!("{prefix}{new}");
            }
            for value in map.values_mut() {
                refer(value, prefix, names);
            }
        }
        Value::Array(items) => {
            for value in items {
                refer(value, prefix, names);
            }
        }
        _ => {}
    }
}

/// A definition of several servers stands for the kinds of all.
fn add_kinds(own: &mut Value, other: &Value) {
    let Some(theirs) = other[KINDS].as_array() else {
        return;
    };
    let mut all = own[KINDS].as_array().cloned().unwrap_or_default();
    let before = all.len();
    for kind in theirs {
        if !all.contains(kind) {
            all.push(kind.clone());
        }
    }
    if all.len() > before {
        let text = |kind: &Value, key: &str| kind[key].as_str().unwrap_or_default().to_owned();
        all.sort_by_key(|kind| {
            let (group, version) = (text(kind, "group"), text(kind, "version"));
            format!("{group}/{version}.{}", text(kind, "kind"))
        });
        own[KINDS] = all.into();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refers(name: &str) -> Value {
        json!({"get": {"schema": {"$ref": format!("#/definitions/{name}")}}})
    }

    #[test]
    fn of_others_come_the_paths_that_are_meant_and_what_they_need() {
        let theirs = json!({
            "paths": {"/apis/a/v1/x": refers("X"), "/version": refers("Info")},
            "definitions": {"X": {"properties": {"y": {"$ref": "#/definitions/Y"}}}, "Y": {}, "Info": {}, "Free": {}},
        });
        let kept = only(theirs, |path| path.starts_with("/apis/a/v1/"));
        let names = kept["definitions"].as_object().expect("an object").keys();
        let names: BTreeSet<&str> = names.map(String::as_str).collect();
        assert_eq!(
            names,
            BTreeSet::from(["Free", "X", "Y"]),
            "what was used by none before stays, too"
        );
    }

    #[test]
    fn what_is_there_stays_and_other_things_of_one_name_get_another() {
        let kind = |group: &str| json!([{"group": group, "version": "v1", "kind": "X"}]);
        let mut ours = json!({
            "swagger": "2.0", "paths": {"/a": refers("X")},
            "definitions": {"X": {"type": "object"}, "Same": {"type": "string", KINDS: kind("b")}},
        });
        let theirs = json!({
            "paths": {"/a": refers("Other"), "/b": refers("X"), "/c": refers("Same")},
            "definitions": {"X": {"type": "string"}, "Other": {}, "Same": {"type": "string", KINDS: kind("a")}},
        });
        merge(&mut ours, theirs.clone());
        let merged = json!({
            "swagger": "2.0", "paths": {"/a": refers("X"), "/b": refers("X_v2"), "/c": refers("Same")},
            "definitions": {
                "X": {"type": "object"}, "X_v2": {"type": "string"},
                "Same": {"type": "string", KINDS: [kind("a")[0], kind("b")[0]]},
            },
        });
        assert_eq!(ours, merged);
        // Another server that means the same by a name takes the one that there is.
        let again = json!({"paths": {"/d": refers("X")}, "definitions": {"X": {"type": "string"}}});
        merge(&mut ours, again);
        assert_eq!(ours["paths"]["/d"], refers("X_v2"));
        assert_eq!(ours["definitions"].as_object().map(Map::len), Some(3));
        let before = ours.clone();
        merge(&mut ours, theirs);
        merge(&mut ours, json!({"definitions": {"Y": {}}}));
        assert_eq!(
            ours, before,
            "nothing is there twice, and nothing comes without a path"
        );
    }
}

//! The built-in types' schemas, as a Kubernetes 1.36 server publishes them in OpenAPI v3 (structure only).
//!
//! `data/schemas.tsv` holds one definition a line: its name, its `group/version/kind` when it is an
//! object's type, and its JSON. At first use the lines are found, and nothing else is done; a
//! definition is parsed when somebody looks at it, so that a test which touches three kinds pays for
//! three kinds.

use std::collections::HashMap;
use std::fmt;
use std::sync::{LazyLock, OnceLock};

use serde_json::Value;

use super::Schema;

static SOURCE: &str = include_str!("../../data/schemas.tsv");

struct Entry {
    name: &'static str,
    gvk: &'static str,
    json: &'static str,
    schema: OnceLock<Schema>,
}

/// Sorted by name, as the file is.
static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    SOURCE
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.split_once('\t')?;
            let (gvk, json) = rest.split_once('\t')?;
            Some(Entry {
                name,
                gvk,
                json,
                schema: OnceLock::new(),
            })
        })
        .collect()
});

static KINDS: LazyLock<HashMap<&'static str, Definition>> = LazyLock::new(|| {
    let named = ENTRIES
        .iter()
        .enumerate()
        .filter(|(_, entry)| !entry.gvk.is_empty());
    named
        .map(|(index, entry)| (entry.gvk, Definition(index)))
        .collect()
});

/// A built-in definition: a handle of one word, whose schema is parsed at the first look.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Definition(usize);

impl Definition {
    /// The definition of that name, e.g. `io.k8s.api.core.v1.PodSpec`.
    pub fn named(name: &str) -> Option<Definition> {
        ENTRIES
            .binary_search_by(|entry| entry.name.cmp(name))
            .ok()
            .map(Definition)
    }

    /// The definition of an object's type; the core group is `""`.
    pub fn of_kind(group: &str, version: &str, kind: &str) -> Option<Definition> {
        KINDS
            .get([group, "/", version, "/", kind].concat().as_str())
            .copied()
    }

    /// All definitions, by name.
    pub fn all() -> impl Iterator<Item = Definition> {
        (0..ENTRIES.len()).map(Definition)
    }

    fn entry(self) -> Option<&'static Entry> {
        ENTRIES.get(self.0)
    }

    /// The full name, e.g. `io.k8s.api.core.v1.PodSpec`.
    pub fn name(self) -> &'static str {
        self.entry().map_or("", |entry| entry.name)
    }

    /// The group, version and kind, when this is the type of one kind of object.
    pub fn group_version_kind(self) -> Option<(&'static str, &'static str, &'static str)> {
        let (group, rest) = self.entry()?.gvk.split_once('/')?;
        let (version, kind) = rest.split_once('/')?;
        Some((group, version, kind))
    }

    /// The definition as its JSON text; references are `#/` and the name of another definition.
    pub fn json(self) -> &'static str {
        self.entry().map_or("{}", |entry| entry.json)
    }

    /// The schema; parsed once.
    pub fn schema(self) -> &'static Schema {
        match self.entry() {
            Some(entry) => entry.schema.get_or_init(|| parse(entry.name, entry.json)),
            None => Schema::any(),
        }
    }
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Two types are looser in the API server's own typed values than what they publish.
fn parse(name: &str, json: &str) -> Schema {
    match name {
        "io.k8s.apimachinery.pkg.api.resource.Quantity" => Schema::untyped_scalar(),
        "io.k8s.apimachinery.pkg.runtime.RawExtension" => Schema::untyped_atomic().clone(),
        _ => serde_json::from_str::<Value>(json)
            .map_or_else(|_| Schema::any().clone(), |value| Schema::parse(&value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_parses_and_every_reference_exists() {
        for definition in Definition::all() {
            let value: Value = serde_json::from_str(definition.json()).expect("JSON");
            definition.schema();
            let mut stack = vec![&value];
            while let Some(value) = stack.pop() {
                if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
                    assert!(Definition::named(&reference[2..]).is_some(), "{reference}");
                }
                match value {
                    Value::Object(map) => stack.extend(map.values()),
                    Value::Array(items) => stack.extend(items),
                    _ => {}
                }
            }
        }
        assert!(Definition::all().count() > 500);
    }

    #[test]
    fn kinds_are_found_by_group_and_version() {
        let found = Definition::of_kind("apps", "v1", "Deployment").expect("Deployment");
        assert_eq!(found.name(), "io.k8s.api.apps.v1.Deployment");
        assert_eq!(
            found.group_version_kind(),
            Some(("apps", "v1", "Deployment"))
        );
        assert_eq!(
            Definition::of_kind("", "v1", "Pod").map(Definition::name),
            Some("io.k8s.api.core.v1.Pod")
        );
        assert!(Definition::of_kind("apps", "v1", "Pod").is_none());
    }
}

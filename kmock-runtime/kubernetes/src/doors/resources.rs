//! The test's own door to the resources: declaring some without a CustomResourceDefinition, loading what a real
//! cluster has.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::kinds::crd;
use crate::model::discovery::from_aggregated_discovery;
use crate::model::resource::{Origin, Resource, ResourceKey, Subresource};
use crate::state::cluster::Cluster;
use crate::state::registry::Served;

/// The resources of a cluster. Cheap to clone.
///
/// ```
/// # use kmock_kubernetes::{Cluster, Resources};
/// # let resources = Resources::new(&Cluster::default());
/// resources.declare("kopf.dev/v1/kopfexamples");
/// assert!(resources.get("kopfexamples.kopf.dev").is_some());
/// resources.forget("kopfexamples.kopf.dev"); // as if it had never been installed
/// assert!(resources.get("kopfexamples.kopf.dev").is_none());
/// ```
#[derive(Debug, Clone)]
pub struct Resources {
    cluster: Cluster,
}

/// A resource that a test declares: everything but its name is guessed, unless it is said.
///
/// ```
/// # use kmock_kubernetes::{Cluster, Declaration, Resources};
/// # let resources = Resources::new(&Cluster::default());
/// resources.declare("kopf.dev/v1/kopfexamples");
/// resources.declare(Declaration::new("kopf.dev/v1/puppies").kind("Puppy").cluster_scoped().subresource("status"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    group: String,
    version: String,
    plural: String,
    singular: Option<String>,
    kind: Option<String>,
    namespaced: bool,
    short_names: Vec<String>,
    categories: Vec<String>,
    verbs: Option<Vec<String>>,
    subresources: Vec<String>,
}

const VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

impl Declaration {
    /// A namespaced resource by its name: `group/version/plural`, `plural.version.group`, or `version/plural` in the core
    /// group. Without a version, as in `plural.group`, it is `v1`.
    pub fn new(name: &str) -> Self {
        let named = kmock_notation::parts(name).ok();
        let (group, version, plural) = match named {
            Some(parts) => (
                parts.group.unwrap_or_default(),
                parts.version.unwrap_or("v1"),
                parts.name,
            ),
            None => ("", "v1", name),
        };
        Self {
            group: group.into(),
            version: version.into(),
            plural: plural.into(),
            singular: None,
            kind: None,
            namespaced: true,
            short_names: Vec::new(),
            categories: Vec::new(),
            verbs: None,
            subresources: Vec::new(),
        }
    }

    /// The kind of its objects.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// The singular name.
    #[must_use]
    pub fn singular(mut self, singular: impl Into<String>) -> Self {
        self.singular = Some(singular.into());
        self
    }

    /// Its objects live in no namespace.
    #[must_use]
    pub fn cluster_scoped(mut self) -> Self {
        self.namespaced = false;
        self
    }

    /// One more short name.
    #[must_use]
    pub fn short_name(mut self, name: impl Into<String>) -> Self {
        self.short_names.push(name.into());
        self
    }

    /// One more category, such as `all`.
    #[must_use]
    pub fn category(mut self, name: impl Into<String>) -> Self {
        self.categories.push(name.into());
        self
    }

    /// The verbs, instead of all.
    #[must_use]
    pub fn verbs<'a>(mut self, verbs: impl IntoIterator<Item = &'a str>) -> Self {
        self.verbs = Some(verbs.into_iter().map(str::to_owned).collect());
        self
    }

    /// One more subresource: `status` is kept apart from the object, as in CustomResourceDefinitions; `scale` has the
    /// usual paths.
    #[must_use]
    pub fn subresource(mut self, name: impl Into<String>) -> Self {
        self.subresources.push(name.into());
        self
    }

    fn resource(&self) -> Resource {
        let singular = self
            .singular
            .clone()
            .or_else(|| self.kind.as_ref().map(|kind| kind.to_lowercase()));
        let singular = singular.unwrap_or_else(|| guess_singular(&self.plural));
        let kind = self.kind.clone().unwrap_or_else(|| capitalised(&singular));
        let texts = |list: &[&str]| list.iter().map(|x| (*x).to_owned()).collect::<Vec<_>>();
        let subresources = self.subresources.iter().map(|name| {
            let scale = name == "scale";
            Subresource {
                name: name.clone(),
                group: if scale {
                    "autoscaling".into()
                } else {
                    self.group.clone()
                },
                version: if scale {
                    "v1".into()
                } else {
                    self.version.clone()
                },
                kind: if scale { "Scale".into() } else { kind.clone() },
                verbs: texts(&["get", "patch", "update"]),
            }
        });
        Resource {
            group: self.group.clone(),
            version: self.version.clone(),
            plural: self.plural.clone(),
            list_kind: format!("{kind}List"),
            namespaced: self.namespaced,
            verbs: self.verbs.clone().unwrap_or_else(|| texts(&VERBS)),
            short_names: self.short_names.clone(),
            categories: self.categories.clone(),
            subresources: subresources.collect(),
            storage_version: self.version.clone(),
            storage: ResourceKey::new(self.group.as_str(), self.plural.as_str()),
            origin: Origin::Declared,
            deprecation: None,
            singular,
            kind,
        }
    }
}

impl From<&str> for Declaration {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Declaration {
    fn from(name: String) -> Self {
        Self::new(&name)
    }
}

/// The singular of a plural name, as English mostly has it.
fn guess_singular(plural: &str) -> String {
    for (ending, singular) in [
        ("ies", "y"),
        ("sses", "ss"),
        ("xes", "x"),
        ("ches", "ch"),
        ("shes", "sh"),
        ("s", ""),
    ] {
        if let Some(stem) = plural.strip_suffix(ending).filter(|stem| !stem.is_empty()) {
            return format!("{stem}{singular}");
        }
    }
    plural.to_owned()
}

fn capitalised(name: &str) -> String {
    let mut chars = name.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

impl Resources {
    /// The resources of a cluster.
    pub fn new(cluster: &Cluster) -> Self {
        Self {
            cluster: cluster.clone(),
        }
    }

    /// Serves a resource without a schema: every object is accepted and kept as it is. Discovery tells of it. A resource
    /// that was declared before gets another version.
    pub fn declare(&self, declaration: impl Into<Declaration>) -> Resource {
        let resource = declaration.into().resource();
        self.serve(resource.clone());
        resource
    }

    fn serve(&self, mut resource: Resource) {
        let registry = self.cluster.registry();
        let (group, plural) = (resource.group.clone(), resource.plural.clone());
        let same_place = |x: &Served| x.resource.group == group && x.resource.plural == plural;
        let mut versions: Vec<Resource> = registry
            .custom_resources()
            .iter()
            .filter(|x| same_place(x))
            .map(|x| (*x.resource).clone())
            .collect();
        if let Some(first) = versions.first() {
            resource.storage_version.clone_from(&first.storage_version);
        }
        versions.retain(|known| known.version != resource.version);
        versions.push(resource);
        let strategies = crd::unstored(&definition(&versions));
        let served = versions
            .into_iter()
            .zip(strategies)
            .map(|(resource, strategy)| Served {
                resource: Arc::new(resource),
                strategy,
            });
        registry.put(&group, &plural, served.collect());
    }

    /// Serves the resources of a discovery document that the cluster does not have yet: an aggregated one
    /// (`APIGroupDiscoveryList`), an `APIResourceList`, or an array of such. Returns how many were new.
    pub fn load(&self, dump: &Value) -> usize {
        let found = match (dump, dump["kind"].as_str()) {
            (Value::Array(parts), _) => return parts.iter().map(|part| self.load(part)).sum(),
            (_, Some("APIGroupDiscoveryList")) => from_aggregated_discovery(dump, Origin::Declared),
            _ if dump["resources"].is_array() => from_legacy_discovery(dump),
            (Value::Object(parts), None) => {
                return parts.values().map(|part| self.load(part)).sum();
            }
            _ => return 0,
        };
        let registry = self.cluster.registry();
        let new: Vec<Resource> = found
            .into_iter()
            .filter(|r| registry.find(&r.group, &r.version, &r.plural).is_none())
            .collect();
        let count = new.len();
        new.into_iter().for_each(|resource| self.serve(resource));
        count
    }

    /// The same from a JSON file.
    pub fn load_file(&self, path: impl AsRef<Path>) -> std::io::Result<usize> {
        let text = std::fs::read_to_string(path)?;
        Ok(self.load(&serde_json::from_str(&text)?))
    }

    /// Stops serving a declared resource; its objects stay out of reach.
    pub fn forget(&self, name: &str) {
        let declaration = Declaration::new(name);
        self.cluster
            .registry()
            .remove(&declaration.group, &declaration.plural);
    }

    /// All resources, built-in ones first.
    pub fn all(&self) -> Vec<Arc<Resource>> {
        self.cluster
            .registry()
            .all()
            .into_iter()
            .map(|served| served.resource)
            .collect()
    }

    /// The resource that a text names, e.g. `deployments`, `deployments.apps`, `apps/v1/deployments`.
    pub fn get(&self, name: &str) -> Option<Arc<Resource>> {
        self.cluster
            .registry()
            .named(name)
            .map(|served| served.resource)
    }
}

/// The definition that would make custom resources of declared ones.
fn definition(versions: &[Resource]) -> Value {
    let Some(first) = versions.first() else {
        return Value::Null;
    };
    let list = versions.iter().map(|resource| {
        let mut subresources = serde_json::Map::new();
        for name in resource.subresources.iter().map(|sub| sub.name.as_str()) {
            let value = match name {
                "status" => json!({}),
                "scale" => json!({
                    "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
                    "labelSelectorPath": ".status.selector",
                }),
                _ => continue,
            };
            subresources.insert(name.into(), value);
        }
        json!({
            "name": resource.version, "served": true, "storage": resource.version == resource.storage_version,
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            "subresources": subresources,
        })
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{}.{}", first.plural, first.group)},
        "spec": {
            "group": first.group, "scope": if first.namespaced { "Namespaced" } else { "Cluster" },
            "names": {
                "plural": first.plural, "singular": first.singular, "kind": first.kind, "listKind": first.list_kind,
            },
            "versions": list.collect::<Vec<_>>(),
        },
    })
}

/// Reads an `APIResourceList`.
fn from_legacy_discovery(list: &Value) -> Vec<Resource> {
    let group_version = list["groupVersion"].as_str().unwrap_or_default();
    let (group, version) = group_version.split_once('/').unwrap_or(("", group_version));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let texts = |value: &Value| {
        value
            .as_array()
            .into_iter()
            .flatten()
            .map(text)
            .collect::<Vec<_>>()
    };
    let entries = list["resources"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut found: Vec<Resource> = Vec::new();
    for entry in entries.iter().filter(|entry| {
        entry["name"]
            .as_str()
            .is_some_and(|name| !name.contains('/'))
    }) {
        let plural = text(&entry["name"]);
        let kind = text(&entry["kind"]);
        let prefix = format!("{plural}/");
        let subresources = entries.iter().filter_map(|sub| {
            let name = sub["name"].as_str()?.strip_prefix(&prefix)?;
            let or = |key: &str, default: &str| sub[key].as_str().unwrap_or(default).to_owned();
            Some(Subresource {
                name: name.to_owned(),
                group: or("group", group),
                version: or("version", version),
                kind: text(&sub["kind"]),
                verbs: texts(&sub["verbs"]),
            })
        });
        found.push(Resource {
            group: group.into(),
            version: version.into(),
            singular: match text(&entry["singularName"]) {
                empty if empty.is_empty() => kind.to_lowercase(),
                other => other,
            },
            list_kind: format!("{kind}List"),
            namespaced: entry["namespaced"] == true,
            verbs: texts(&entry["verbs"]),
            short_names: texts(&entry["shortNames"]),
            categories: texts(&entry["categories"]),
            subresources: subresources.collect(),
            storage_version: version.into(),
            storage: ResourceKey::new(group, plural.as_str()),
            origin: Origin::Declared,
            deprecation: None,
            plural,
            kind,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_guessed() {
        let resource = |name: &str| Declaration::new(name).resource();
        let guessed = resource("kopf.dev/v1/kopfexamples");
        assert_eq!(
            (guessed.singular.as_str(), guessed.kind.as_str()),
            ("kopfexample", "Kopfexample")
        );
        assert_eq!(resource("policies.v2.x.io").kind, "Policy");
        assert_eq!(resource("policies.v2.x.io").api_version(), "x.io/v2");
        assert_eq!(resource("v1/boxes").singular, "box");
        assert_eq!(
            Declaration::new("a/v1/mice")
                .kind("Mouse")
                .resource()
                .singular,
            "mouse"
        );
    }

    #[test]
    fn dumps_are_loaded_once() {
        let resources = Resources::new(&Cluster::default());
        let dump = json!([
            {"kind": "APIResourceList", "groupVersion": "v1", "resources": [{"name": "pods", "kind": "Pod", "namespaced": true}]},
            {"kind": "APIResourceList", "groupVersion": "kopf.dev/v1", "resources": [
                {"name": "kopfexamples", "singularName": "kopfexample", "kind": "KopfExample", "namespaced": true,
                 "verbs": ["get", "list"], "shortNames": ["kex"]},
                {"name": "kopfexamples/status", "kind": "KopfExample", "verbs": ["get", "patch", "update"]},
            ]},
        ]);
        assert_eq!(resources.load(&dump), 1);
        assert_eq!(resources.load(&dump), 0);
        let found = resources.get("kex").expect("by its short name");
        assert!(found.subresource("status").is_some() && !found.is_built_in());
    }
}

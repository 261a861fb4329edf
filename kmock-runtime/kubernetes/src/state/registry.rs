//! Which resources the cluster serves: the built-in ones, those that tests declare, and those of CRDs.
//!
//! Built-ins come from the aggregated discovery documents of a real v1.36 server, read once per process.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use serde_json::Value;

use crate::kinds::builtin;
use crate::model::resource::{Origin, Resource, ResourceKey, Subresource};
use crate::model::strategy::Strategy;

/// The aggregated discovery document of `/api`.
pub const CORE_DISCOVERY: &str = include_str!("../data/discovery-api.json");
/// The aggregated discovery document of `/apis`, built-in groups only.
pub const GROUPS_DISCOVERY: &str = include_str!("../data/discovery-apis.json");

/// A resource in one version, and how it behaves.
#[derive(Clone)]
pub struct Served {
    /// The facts.
    pub resource: Arc<Resource>,
    /// The rules.
    pub strategy: Arc<dyn Strategy>,
}

impl Served {
    /// A resource with its rules.
    pub fn new(resource: Resource, strategy: Arc<dyn Strategy>) -> Self {
        Self {
            resource: Arc::new(resource),
            strategy,
        }
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Served({} {})",
            self.resource.api_version(),
            self.resource.plural
        )
    }
}

/// The built-in resources in discovery's order: the core group first.
pub fn built_ins() -> &'static [Served] {
    static ALL: LazyLock<Vec<Served>> = LazyLock::new(|| {
        let mut all = Vec::with_capacity(80);
        for text in [CORE_DISCOVERY, GROUPS_DISCOVERY] {
            let document: Value = serde_json::from_str(text).unwrap_or_default();
            all.extend(
                from_aggregated_discovery(&document, Origin::BuiltIn)
                    .into_iter()
                    .map(|mut resource| {
                        if resource.group == "events.k8s.io" {
                            resource.storage = ResourceKey::new("", "events");
                        }
                        resource.deprecation = match (resource.group.as_str(), resource.plural.as_str()) {
                            ("", "endpoints") => Some(
                                "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice".into(),
                            ),
                            ("", "componentstatuses") => Some("v1 ComponentStatus is deprecated in v1.19+".into()),
                            _ => None,
                        };
                        if resource.group == "autoscaling" {
                            resource.storage_version = "v2".into();
                        }
                        resource.deprecation = deprecation(&resource).map(str::to_owned);
                        let strategy = built_in_strategy(&resource);
                        Served::new(resource, strategy)
                    }),
            );
        }
        all
    });
    &ALL
}

fn built_in_strategy(resource: &Resource) -> Arc<dyn Strategy> {
    if resource.group == "apiextensions.k8s.io" {
        return Arc::new(crate::kinds::crd::Defined);
    }
    builtin::strategy::of(resource)
}

/// The built-in kinds that the server warns about.
fn deprecation(resource: &Resource) -> Option<&'static str> {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "componentstatuses") => Some("v1 ComponentStatus is deprecated in v1.19+"),
        ("", "endpoints") => {
            Some("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")
        }
        _ => None,
    }
}

fn index() -> &'static BTreeMap<(&'static str, &'static str, &'static str), usize> {
    static INDEX: LazyLock<BTreeMap<(&'static str, &'static str, &'static str), usize>> =
        LazyLock::new(|| {
            let key = |x: &'static Served| {
                (
                    x.resource.group.as_str(),
                    x.resource.version.as_str(),
                    x.resource.plural.as_str(),
                )
            };
            built_ins()
                .iter()
                .enumerate()
                .map(|(i, x)| (key(x), i))
                .collect()
        });
    &INDEX
}

/// Reads an aggregated discovery document (`APIGroupDiscoveryList`).
pub fn from_aggregated_discovery(document: &Value, origin: Origin) -> Vec<Resource> {
    let mut out = Vec::new();
    for group in items(&document["items"]) {
        let group_name = text(&group["metadata"]["name"]);
        let versions = items(&group["versions"]);
        // The first version is the preferred one: the best guess at what is stored.
        let storage_version = versions
            .first()
            .map(|v| text(&v["version"]))
            .unwrap_or_default();
        for version in versions {
            for entry in items(&version["resources"]) {
                let kind = text(&entry["responseKind"]["kind"]);
                let plural = text(&entry["resource"]);
                let api_version = text(&version["version"]);
                let subresources = items(&entry["subresources"]).iter().map(|sub| {
                    let answer = &sub["responseKind"];
                    let or = |key: &str, default: &str| match text(&answer[key]) {
                        empty if empty.is_empty() => default.to_owned(),
                        other => other,
                    };
                    let own_kind = answer["version"].as_str().is_none_or(str::is_empty);
                    Subresource {
                        name: text(&sub["subresource"]),
                        group: if own_kind {
                            group_name.clone()
                        } else {
                            text(&answer["group"])
                        },
                        version: or("version", &api_version),
                        kind: or("kind", &kind),
                        verbs: texts(&sub["verbs"]),
                    }
                });
                out.push(Resource {
                    group: group_name.clone(),
                    version: api_version.clone(),
                    singular: text(&entry["singularResource"]),
                    list_kind: format!("{kind}List"),
                    namespaced: entry["scope"] == "Namespaced",
                    verbs: texts(&entry["verbs"]),
                    short_names: texts(&entry["shortNames"]),
                    categories: texts(&entry["categories"]),
                    subresources: subresources.collect(),
                    storage_version: storage_version.clone(),
                    storage: ResourceKey::new(group_name.as_str(), plural.as_str()),
                    origin,
                    deprecation: None,
                    plural,
                    kind,
                });
            }
        }
    }
    out
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    items(value).iter().map(text).collect()
}

/// What a version of a group serves beyond the built-ins.
type Custom = BTreeMap<String, Vec<Served>>;

/// The resources of one cluster.
#[derive(Debug, Default)]
pub struct Registry {
    /// By `plural.group`: the versions, preferred first. Replaced as a whole, so that readers hold it no longer than a clone.
    custom: RwLock<Arc<Custom>>,
}

impl Registry {
    /// A registry of the built-ins.
    pub fn new() -> Self {
        Self::default()
    }

    /// The resource behind a group, a version and a plural name.
    pub fn find(&self, group: &str, version: &str, plural: &str) -> Option<Served> {
        if let Some(&at) = index().get(&(group, version, plural)) {
            return built_ins().get(at).cloned();
        }
        let custom = self.custom();
        custom
            .get(&format!("{plural}.{group}"))?
            .iter()
            .find(|x| x.resource.version == version)
            .cloned()
    }

    /// The resource of a group and kind in a version.
    pub fn find_kind(&self, group: &str, version: &str, kind: &str) -> Option<Served> {
        self.all().into_iter().find(|x| {
            let r = &x.resource;
            r.group == group && r.version == version && r.kind == kind
        })
    }

    /// Any version of the resource that is stored at a place; the storage version if it is served.
    pub fn stored_at(&self, key: &ResourceKey) -> Option<Served> {
        let all = self.all();
        let mut versions = all
            .iter()
            .filter(|x| x.resource.storage == *key && *x.resource.group == *key.group);
        let first = versions.clone().next();
        versions
            .find(|x| x.resource.version == x.resource.storage_version)
            .or(first)
            .cloned()
    }

    /// The resource that a text names, as people name them: `pods`, `v1/pods`, `pods.v1`, `deployments.apps`,
    /// `apps/v1/deployments`, `deployments.v1.apps`, a kind (`Pod`), a singular or a short name (`po`). Without a
    /// version it is the stored one.
    pub fn named(&self, text: &str) -> Option<Served> {
        let all = self.all();
        let pick = |matches: &dyn Fn(&Resource) -> bool| {
            let mut found = all.iter().filter(|x| matches(&x.resource));
            let first = found.clone().next();
            found
                .find(|x| x.resource.version == x.resource.storage_version)
                .or(first)
                .cloned()
        };
        let is_called = |resource: &Resource, name: &str| {
            resource.plural == name
                || resource.kind == name
                || resource.singular == name
                || resource.short_names.iter().any(|x| x == name)
        };
        if let Some((api_version, name)) = text.rsplit_once('/') {
            return pick(&|r| {
                is_called(r, name) && (r.api_version() == api_version || r.group == api_version)
            });
        }
        if let Some((name, place)) = text.split_once('.') {
            let (version, group) = place.split_once('.').unwrap_or((place, ""));
            return pick(&|r| is_called(r, name) && r.version == version && r.group == group)
                .or_else(|| pick(&|r| is_called(r, name) && r.group == place));
        }
        pick(&|r| is_called(r, text))
    }

    /// Whether a group is known at all.
    pub fn has_group(&self, group: &str) -> bool {
        built_ins().iter().any(|x| x.resource.group == group)
            || self
                .custom()
                .values()
                .flatten()
                .any(|x| x.resource.group == group)
    }

    /// Whether a group is built in (as `apps`), even if custom resources were added to it.
    pub fn has_built_in_group(&self, group: &str) -> bool {
        built_ins().iter().any(|x| x.resource.group == group)
    }

    /// Whether a built-in group has a version.
    pub fn has_built_in_version(&self, group: &str, version: &str) -> bool {
        built_ins()
            .iter()
            .any(|x| x.resource.group == group && x.resource.version == version)
    }

    /// All resources: built-ins in discovery's order, then custom ones by group, version and name.
    pub fn all(&self) -> Vec<Served> {
        let mut all = built_ins().to_vec();
        all.extend(self.custom_resources());
        all
    }

    /// All declared and custom resources, by group, version and name.
    pub fn custom_resources(&self) -> Vec<Served> {
        let custom = self.custom();
        let mut all: Vec<Served> = custom.values().flatten().cloned().collect();
        all.sort_by(|a, b| {
            let key = |x: &Served| {
                (
                    x.resource.group.clone(),
                    x.resource.version.clone(),
                    x.resource.plural.clone(),
                )
            };
            key(a).cmp(&key(b))
        });
        all
    }

    /// Serves a declared or custom resource in these versions (preferred first), instead of what was there.
    pub fn put(&self, group: &str, plural: &str, versions: Vec<Served>) {
        self.change(|custom| {
            custom.insert(format!("{plural}.{group}"), versions);
        });
    }

    /// Stops serving a declared or custom resource.
    pub fn remove(&self, group: &str, plural: &str) {
        self.change(|custom| {
            custom.remove(&format!("{plural}.{group}"));
        });
    }

    fn custom(&self) -> Arc<Custom> {
        Arc::clone(&self.custom.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut Custom)) {
        let mut custom = self.custom.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut custom));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_ins_are_found() {
        let registry = Registry::new();
        let pods = registry.find("", "v1", "pods").expect("pods").resource;
        assert_eq!(
            (pods.kind.as_str(), pods.namespaced, pods.is_built_in()),
            ("Pod", true, true)
        );
        let scale = registry
            .find("apps", "v1", "deployments")
            .expect("deployments")
            .resource;
        let scale = scale.subresource("scale").expect("scale").clone();
        assert_eq!(
            (
                scale.group.as_str(),
                scale.version.as_str(),
                scale.kind.as_str()
            ),
            ("autoscaling", "v1", "Scale")
        );
        let events = registry
            .find("events.k8s.io", "v1", "events")
            .expect("events")
            .resource;
        assert_eq!(events.storage, ResourceKey::new("", "events"));
        assert!(registry.find("apps", "v1", "pods").is_none());
    }
}

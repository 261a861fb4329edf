//! Which resources the cluster serves: the built-in ones, those that tests declare, and those of CRDs.
//!
//! The built-in ones are handed in: which there are, the [kinds](crate::kinds) know.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

use crate::model::meta;
use crate::model::resource::{Resource, ResourceKey};
use crate::model::strategy::Strategy;

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

impl Served {
    /// The same; not copied where it is shown as it is stored.
    pub fn seen<'a>(&self, stored: &'a Value) -> Cow<'a, Value> {
        match self.resource.is_as_stored() {
            true => Cow::Borrowed(stored),
            false => Cow::Owned(self.shown(stored)),
        }
    }

    /// An object of the storage in this version.
    pub fn shown(&self, stored: &Value) -> Value {
        let mut out = stored.clone();
        let (from, to) = (
            self.resource.storage_api_version(),
            self.resource.api_version(),
        );
        if from != to {
            self.strategy.convert(&mut out, &from, &to);
            out["apiVersion"] = to.into();
        }
        self.strategy.after_read(&mut out);
        out
    }

    /// An object of this version as it is stored.
    pub fn to_storage(&self, object: Value) -> Value {
        self.to_storage_but(&[], object)
    }

    /// The same where some members are as they were stored before.
    pub fn to_storage_but(&self, kept: &[&str], mut object: Value) -> Value {
        let (resource, strategy) = (&self.resource, &self.strategy);
        let (from, to) = (resource.api_version(), resource.storage_api_version());
        // What was converted is not as it was.
        let kept = if from == to { kept } else { &[] };
        if from != to {
            strategy.convert(&mut object, &from, &to);
            object["apiVersion"] = to.into();
        }
        strategy.before_store(resource, &mut object, kept);
        meta::drop_empty(&mut object);
        if object["metadata"]["managedFields"]
            .as_array()
            .is_some_and(Vec::is_empty)
        {
            meta::edit(&mut object, |metadata| metadata.remove("managedFields"));
        }
        object
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

/// The built-in resources, which every cluster serves: made once per process by those who know the kinds.
#[derive(Debug)]
pub struct BuiltIns {
    all: Vec<Served>,
    /// Where in `all` each is, in the order of [`address`].
    order: Vec<usize>,
}

/// Group, version and plural name.
fn address(served: &Served) -> (&str, &str, &str) {
    let resource = &served.resource;
    (&resource.group, &resource.version, &resource.plural)
}

impl BuiltIns {
    /// These resources, in discovery's order: the core group first.
    pub fn new(all: Vec<Served>) -> Self {
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|at| all.get(*at).map(address));
        Self { all, order }
    }

    /// All of them, in discovery's order.
    pub fn iter(&self) -> std::slice::Iter<'_, Served> {
        self.all.iter()
    }

    /// The one of a group, a version and a plural name.
    pub fn find(&self, group: &str, version: &str, plural: &str) -> Option<&Served> {
        let wanted = Some((group, version, plural));
        let found = self
            .order
            .binary_search_by(|at| self.all.get(*at).map(address).cmp(&wanted));
        self.all.get(*self.order.get(found.ok()?)?)
    }
}

/// What a version of a group serves beyond the built-ins.
type Custom = BTreeMap<String, Vec<Served>>;

/// The resources of one cluster.
#[derive(Debug)]
pub struct Registry {
    built_ins: &'static BuiltIns,
    /// By `plural.group`: the versions, preferred first. Replaced as a whole, so that readers hold it no longer than a clone.
    custom: RwLock<Arc<Custom>>,
}

impl Registry {
    /// A registry of the built-ins.
    pub fn new(built_ins: &'static BuiltIns) -> Self {
        Self {
            built_ins,
            custom: RwLock::default(),
        }
    }

    /// The registry as it is now.
    pub fn snapshot(&self) -> Self {
        Self {
            built_ins: self.built_ins,
            custom: RwLock::new(self.custom()),
        }
    }

    /// The built-in resources.
    pub fn built_ins(&self) -> &'static BuiltIns {
        self.built_ins
    }

    /// The resource behind a group, a version and a plural name.
    pub fn find(&self, group: &str, version: &str, plural: &str) -> Option<Served> {
        if let Some(served) = self.built_ins.find(group, version, plural) {
            return Some(served.clone());
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
        let is_it = |x: &&Served| {
            let r = &x.resource;
            r.kind == kind && r.group == group && r.version == version
        };
        let built_in = self.built_ins.iter().find(is_it);
        built_in
            .cloned()
            .or_else(|| self.custom_resources().iter().find(is_it).cloned())
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
        let asked = kmock_notation::parts(text).ok()?;
        let is = |want: Option<&str>, got: &str| want.is_none_or(|want| want == got);
        if asked.subresource.is_some() {
            return None;
        }
        pick(&|r| {
            is_called(r, asked.name) && is(asked.group, &r.group) && is(asked.version, &r.version)
        })
    }

    /// Whether a group is built in (as `apps`), even if custom resources were added to it.
    pub fn has_built_in_group(&self, group: &str) -> bool {
        self.built_ins.iter().any(|x| x.resource.group == group)
    }

    /// Whether a built-in group has a version.
    pub fn has_built_in_version(&self, group: &str, version: &str) -> bool {
        self.built_ins
            .iter()
            .any(|x| x.resource.group == group && x.resource.version == version)
    }

    /// All resources: built-ins in discovery's order, then custom ones by group, version and name.
    pub fn all(&self) -> Vec<Served> {
        let mut all: Vec<Served> = self.built_ins.iter().cloned().collect();
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
        let registry = Registry::new(crate::kinds::built_ins());
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

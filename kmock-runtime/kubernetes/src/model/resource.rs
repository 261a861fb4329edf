//! What is known about a resource: the facts that discovery tells, and where its objects are stored.

use std::fmt;
use std::sync::Arc;

use crate::model::status::qualified;

/// Where objects are stored: all versions of a resource share one place, and so do the two groups of events.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceKey {
    /// API group of the storage.
    pub group: Arc<str>,
    /// Plural name.
    pub plural: Arc<str>,
}

impl ResourceKey {
    /// The place of `plural` in `group`.
    pub fn new(group: impl Into<Arc<str>>, plural: impl Into<Arc<str>>) -> Self {
        Self {
            group: group.into(),
            plural: plural.into(),
        }
    }
}

impl fmt::Display for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&qualified(&self.group, &self.plural))
    }
}

impl fmt::Debug for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Where a resource comes from: some answers of built-in and custom resources differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Compiled into the API server.
    BuiltIn,
    /// Defined by a CustomResourceDefinition.
    Custom,
    /// Declared by the test (`k.resources()`): served as a custom resource without a schema.
    Declared,
}

/// One resource in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// API group; empty is the core group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Plural name, as in URLs.
    pub plural: String,
    /// Singular name.
    pub singular: String,
    /// Kind of the objects.
    pub kind: String,
    /// Kind of lists.
    pub list_kind: String,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Verbs, sorted, as discovery prints them.
    pub verbs: Vec<String>,
    /// Short names.
    pub short_names: Vec<String>,
    /// Categories, such as `all`.
    pub categories: Vec<String>,
    /// Subresources, in discovery's order.
    pub subresources: Vec<Subresource>,
    /// The version in which objects are stored.
    pub storage_version: String,
    /// Where objects are stored.
    pub storage: ResourceKey,
    /// Where it comes from.
    pub origin: Origin,
    /// The `Warning` that every use of a deprecated version brings.
    pub deprecation: Option<String>,
}

/// A subresource such as `status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subresource {
    /// Its name.
    pub name: String,
    /// Group of what it answers.
    pub group: String,
    /// Version of what it answers.
    pub version: String,
    /// Kind of what it answers.
    pub kind: String,
    /// Verbs, sorted.
    pub verbs: Vec<String>,
}

impl Resource {
    /// `v1` or `group/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Whether objects are shown as they are stored.
    pub fn is_as_stored(&self) -> bool {
        self.is_built_in()
            && *self.group == *self.storage.group
            && self.version == self.storage_version
    }

    /// `group/v1` of the version in which objects are stored.
    pub fn storage_api_version(&self) -> String {
        let group = &self.storage.group;
        if group.is_empty() {
            self.storage_version.clone()
        } else {
            format!("{group}/{}", self.storage_version)
        }
    }

    /// Whether it has a verb.
    pub fn can(&self, verb: &str) -> bool {
        self.verbs.iter().any(|x| x == verb)
    }

    /// A subresource by its name.
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|x| x.name == name)
    }

    /// Whether it is compiled into the API server.
    pub fn is_built_in(&self) -> bool {
        self.origin == Origin::BuiltIn
    }

    /// The storage key of an object: `namespace/name`, or the name of a cluster-scoped one.
    pub fn key(&self, namespace: &str, name: &str) -> String {
        if self.namespaced {
            [namespace, "/", name].concat()
        } else {
            name.to_owned()
        }
    }

    /// `plural.group`, as messages name it.
    pub fn qualified(&self) -> String {
        qualified(&self.group, &self.plural)
    }
}

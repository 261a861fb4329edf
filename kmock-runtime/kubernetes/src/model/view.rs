//! What the rules of a kind may see of a cluster: this and nothing else.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::model::resource::ResourceKey;

/// A cluster as the rules of a kind see it.
pub trait View: Send + Sync + fmt::Debug {
    /// An object in its storage version, by its key: `namespace/name`, or the name of a cluster-scoped one.
    fn get(&self, resource: &ResourceKey, key: &str) -> Option<Arc<Value>>;

    /// All objects of a resource, in the order of their keys.
    fn list(&self, resource: &ResourceKey) -> Vec<Arc<Value>>;

    /// The next number of the cluster's seeded sequence.
    fn random(&self) -> u64;

    /// The next uid of that sequence.
    fn next_uid(&self) -> String;
}

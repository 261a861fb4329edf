//! A stored object: an immutable value with its serialised forms.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use serde_json::Value;

use super::rest::{Kept, Resting};
use super::untold::{Managers, Untold};

/// One version of one object. Never changes; shared by the store, the log, lists and watches.
#[derive(Debug)]
pub struct StoredObject {
    key: Arc<str>,
    /// The object in its storage version, with its resourceVersion.
    pub value: Kept,
    /// The revision of this version: `metadata.resourceVersion`.
    pub revision: u64,
    /// The revision at which the object was created.
    pub created: u64,
    /// Serialised forms.
    pub rendered: Arc<Rendered>,
}

impl StoredObject {
    pub(super) fn new(key: &Arc<str>, value: Value, revision: u64, created: u64) -> Arc<Self> {
        Self::made(key, value, revision, created, Kept::new)
    }

    /// The same of an object without its managers: they are told later.
    pub(super) fn later(
        key: &Arc<str>,
        value: Value,
        (revision, created): (u64, u64),
        managers: Managers,
        former: Option<&Arc<Self>>,
    ) -> Arc<Self> {
        Self::made(key, value, revision, created, |value| {
            Kept::later(Untold::new(value, managers, former))
        })
    }

    fn made(
        key: &Arc<str>,
        mut value: Value,
        revision: u64,
        created: u64,
        keep: impl FnOnce(Value) -> Kept,
    ) -> Arc<Self> {
        if let Some(object) = value.as_object_mut() {
            let metadata = object
                .entry("metadata")
                .or_insert_with(|| Value::Object(serde_json::Map::new()));
            if let Some(metadata) = metadata.as_object_mut() {
                metadata.insert("resourceVersion".into(), revision.to_string().into());
            }
        }
        Arc::new(Self {
            key: Arc::clone(key),
            value: keep(value),
            revision,
            created,
            rendered: Arc::default(),
        })
    }

    /// A version that rested, as one to work with.
    pub(super) fn woken(resting: &Arc<Resting>) -> Arc<Self> {
        Arc::new(Self {
            key: Arc::clone(&resting.key),
            value: Kept::of(resting),
            revision: resting.revision,
            created: resting.created,
            rendered: Arc::clone(&resting.rendered),
        })
    }

    /// The storage key: `namespace/name`, or the name of a cluster-scoped object.
    pub fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn shared_key(&self) -> &Arc<str> {
        &self.key
    }

    /// `metadata`, or null; the managers may be missing ([`Kept::managers`]).
    pub fn metadata(&self) -> &Value {
        &self.value.bare()["metadata"]
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or_default()
    }

    /// The namespace; empty for cluster-scoped objects.
    pub fn namespace(&self) -> &str {
        self.key
            .split_once('/')
            .map(|(namespace, _)| namespace)
            .unwrap_or_default()
    }

    /// The uid.
    pub fn uid(&self) -> &str {
        self.metadata()["uid"].as_str().unwrap_or_default()
    }

    /// Whether it is being deleted.
    pub fn is_terminating(&self) -> bool {
        self.metadata()["deletionTimestamp"].is_string()
    }
}

/// Serialised forms of something immutable, made once each.
#[derive(Debug, Default)]
pub struct Rendered {
    /// The form that nearly everybody wants.
    first: OnceLock<(Box<str>, Bytes)>,
    others: Mutex<Vec<(Box<str>, Bytes)>>,
}

impl Rendered {
    /// The form that was made first.
    pub(super) fn first(&self) -> Option<&Bytes> {
        self.first.get().map(|(_, bytes)| bytes)
    }

    /// The form called `form` (a name of the caller's choice, e.g. `v1:json`), made by `make` if it is not there yet.
    /// `make` runs outside of the lock; if two threads race, both get the same value.
    pub fn get(&self, form: &str, make: impl FnOnce() -> Bytes) -> Bytes {
        if let Some((_, bytes)) = self.first.get().filter(|(name, _)| **name == *form) {
            return bytes.clone();
        }
        if self.first.get().is_none() {
            let made = make();
            if self.first.set((form.into(), made.clone())).is_ok() {
                return made;
            }
            return self.keep(form, made);
        }
        let found = self
            .others
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .find(|(n, _)| **n == *form)
            .cloned();
        match found {
            Some((_, bytes)) => bytes,
            None => self.keep(form, make()),
        }
    }

    fn keep(&self, form: &str, made: Bytes) -> Bytes {
        if let Some((_, bytes)) = self.first.get().filter(|(name, _)| **name == *form) {
            return bytes.clone();
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        match others.iter().find(|(name, _)| **name == *form) {
            Some((_, bytes)) => bytes.clone(),
            None => {
                others.push((form.into(), made.clone()));
                made
            }
        }
    }
}

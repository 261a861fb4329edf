//! Objects that are there from the start, but are made only when somebody looks at their resource: most clusters of
//! tests are never asked for the hundred roles and bindings that each one has.

use std::fmt;
use std::sync::{Arc, PoisonError};

use serde_json::Value;

use super::{Change, Event, Rendered, Store, StoredObject, Table};
use crate::model::resource::ResourceKey;

/// An object to be: its key, and its value.
pub type Seed = (String, Value);

/// What makes the objects of a resource, and the first of the revisions that are kept for them.
pub(super) struct Dormant {
    first: u64,
    make: Box<dyn Fn() -> Vec<Seed> + Send + Sync>,
}

impl fmt::Debug for Dormant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dormant(from {})", self.first)
    }
}

impl Store {
    /// Keeps revisions for `count` objects of a resource that nobody has written to; `make` makes them when somebody
    /// looks.
    pub fn put_dormant(
        &self,
        resource: ResourceKey,
        count: u64,
        make: impl Fn() -> Vec<Seed> + Send + Sync + 'static,
    ) {
        let mut dormant = self.dormant.write().unwrap_or_else(PoisonError::into_inner);
        let mut inner = self.write();
        let first = inner.revision + 1;
        inner.revision += count;
        self.newest.send_replace(inner.revision);
        let make = Box::new(make);
        dormant.push((resource, Dormant { first, make }));
    }

    /// Whether the objects of a resource are still to be made: then nobody has changed them.
    pub fn sleeps(&self, resource: &ResourceKey) -> bool {
        let dormant = self.dormant.read().unwrap_or_else(PoisonError::into_inner);
        dormant.iter().any(|(key, _)| key == resource)
    }

    /// Makes the objects of a resource if they are not made yet.
    pub(super) fn wake(&self, resource: &ResourceKey) {
        if !self.sleeps(resource) {
            return;
        }
        // Whoever else looks waits here until all is made.
        let mut dormant = self.dormant.write().unwrap_or_else(PoisonError::into_inner);
        let Some(at) = dormant.iter().position(|(key, _)| key == resource) else {
            return;
        };
        let (_, Dormant { first, make }) = dormant.swap_remove(at);
        let seeds = make();
        let mut inner = self.write();
        let (signal, history) = (inner.signal, inner.history);
        let table = inner
            .tables
            .entry(resource.clone())
            .or_insert_with(|| Table::new(signal, history));
        for (revision, (key, value)) in (first..).zip(seeds) {
            let object = StoredObject::new(&key.into(), value, revision, revision);
            table.apply(&Arc::new(Event {
                revision,
                change: Change::Added,
                object,
                previous: None,
                cause: None,
                rendered: Rendered::default(),
            }));
        }
    }
}

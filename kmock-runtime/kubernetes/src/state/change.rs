//! The one way to write: compare and swap, store, and tell those who react.
//!
//! Whoever writes says what an object shall become and is asked again if somebody else was faster; what follows from a
//! write (definitions that are served, garbage that is collected) follows from each write, whoever made it.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::model::resource::ResourceKey;
use crate::state::cluster::Cluster;
use crate::state::store::{Conflict, Event, Managers, StoredObject, Write};

/// Who acts when something was written: a controller inside of the API server, or beside it.
pub trait Reactor: Send + Sync + fmt::Debug {
    /// Called after each write, outside of any lock. It may write, too: that is reacted to before the outermost call returns.
    fn written(&self, cluster: &Cluster, place: &ResourceKey, event: &Arc<Event>);
}

/// What becomes of an object.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// It stays as it is.
    Keep,
    /// It gets this value, or is created with it. The value that it has already is no write.
    Put(Value),
    /// It is removed.
    Remove,
}

impl Cluster {
    /// Does one write if the object is still what the writer saw, and lets the reactors act.
    #[doc(hidden)]
    pub fn commit(&self, place: &ResourceKey, write: Write) -> Result<Arc<Event>, Conflict> {
        self.commit_untold(place, write, None)
    }

    /// The same of an object whose managers are told later.
    pub(crate) fn commit_untold(
        &self,
        place: &ResourceKey,
        write: Write,
        managers: Option<Managers>,
    ) -> Result<Arc<Event>, Conflict> {
        let event = self.store().commit_untold(place, write, managers)?;
        self.react(place, &event);
        Ok(event)
    }

    /// Does several writes of one resource, all or none, and lets the reactors act on each.
    #[doc(hidden)]
    pub fn transact(
        &self,
        place: &ResourceKey,
        writes: Vec<Write>,
    ) -> Result<Vec<Arc<Event>>, Conflict> {
        let events = self.store().transact(place, writes)?;
        for event in &events {
            self.react(place, event);
        }
        Ok(events)
    }

    /// Changes one object: `edit` is shown what is stored (`None`: nothing) and says what shall become of it; it is
    /// asked again if somebody else was faster. `None`: nothing was written.
    #[doc(hidden)]
    pub fn change<E>(
        &self,
        place: &ResourceKey,
        key: &str,
        mut edit: impl FnMut(Option<&Arc<StoredObject>>) -> Result<Edit, E>,
    ) -> Result<Option<Arc<Event>>, E> {
        loop {
            let current = self.store().get(place, key);
            let write = match (edit(current.as_ref())?, current) {
                (Edit::Keep, _) | (Edit::Remove, None) => return Ok(None),
                (Edit::Remove, Some(current)) => Write::Delete { current },
                (Edit::Put(value), Some(current)) if value == *current.value => return Ok(None),
                (Edit::Put(value), Some(current)) => Write::Update { current, value },
                (Edit::Put(value), None) => Write::Create {
                    key: key.to_owned(),
                    value,
                },
            };
            if let Ok(event) = self.commit(place, write) {
                return Ok(Some(event));
            }
        }
    }

    /// The same with an edit that cannot fail.
    #[doc(hidden)]
    pub fn set(
        &self,
        place: &ResourceKey,
        key: &str,
        mut edit: impl FnMut(Option<&Arc<StoredObject>>) -> Edit,
    ) -> Option<Arc<Event>> {
        let Ok(event) = self.change(place, key, |current| Ok::<_, Infallible>(edit(current)));
        event
    }

    fn react(&self, place: &ResourceKey, event: &Arc<Event>) {
        for reactor in self.reactors() {
            reactor.written(self, place, event);
        }
    }
}

//! The objects of one resource and the log of their changes.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use tokio::sync::watch;

use super::log::Log;
use super::subscription::Signal;
use super::{Change, Event, StoredObject};

/// The log, ordered by revision. Subscriptions read it directly.
pub(super) type SharedLog = Arc<RwLock<Log>>;

#[derive(Debug)]
pub(super) struct Table {
    pub(super) objects: BTreeMap<Arc<str>, Arc<StoredObject>>,
    pub(super) log: SharedLog,
    pub(super) signal: watch::Sender<Signal>,
}

impl Table {
    pub(super) fn new(signal: Signal, history: usize) -> Self {
        Self {
            objects: BTreeMap::new(),
            log: Arc::new(RwLock::new(Log::new(history))),
            signal: watch::Sender::new(signal),
        }
    }

    pub(super) fn log(&self) -> RwLockReadGuard<'_, Log> {
        self.log.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn apply(&mut self, event: &Arc<Event>) {
        let key = event.object.key();
        match event.change {
            Change::Added | Change::Modified => {
                self.objects.insert(key.into(), Arc::clone(&event.object));
            }
            Change::Deleted => {
                self.objects.remove(key);
            }
        }
        self.log
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(event));
    }

    pub(super) fn announce(&self, revision: u64) {
        self.signal.send_modify(|signal| signal.revision = revision);
    }

    pub(super) fn list(&self, prefix: &str) -> Vec<Arc<StoredObject>> {
        if prefix.is_empty() {
            return self.objects.values().cloned().collect();
        }
        self.objects
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(_, object)| Arc::clone(object))
            .collect()
    }

    /// The list at a former revision: the present one with all later changes taken back.
    pub(super) fn list_at(&self, prefix: &str, revision: u64) -> Vec<Arc<StoredObject>> {
        let log = self.log();
        let undone = log.after(revision);
        if undone.is_empty() {
            return self.list(prefix);
        }
        let mut former: BTreeMap<&str, Option<&Arc<StoredObject>>> = BTreeMap::new();
        for event in undone
            .iter()
            .filter(|event| event.object.key().starts_with(prefix))
        {
            // The oldest of the later changes tells what was there before.
            former
                .entry(event.object.key())
                .or_insert(event.previous.as_ref());
        }
        let now = self.list(prefix);
        let unchanged = now
            .iter()
            .filter(|object| !former.contains_key(object.key()));
        let mut objects: Vec<_> = unchanged
            .chain(former.values().filter_map(|object| *object))
            .cloned()
            .collect();
        objects.sort_by(|a, b| a.key().cmp(b.key()));
        objects
    }
}

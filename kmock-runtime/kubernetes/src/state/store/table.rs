//! The objects of one resource and the log of their changes.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use tokio::sync::watch;

use super::kin::Kin;
use super::log::{Entry, Log};
use super::rest::Resting;
use super::subscription::Signal;
use super::{Change, Event, StoredObject};

/// The log, ordered by revision. Subscriptions read it directly.
pub(super) type SharedLog = Arc<RwLock<Log>>;

#[derive(Debug)]
pub(super) struct Table {
    objects: BTreeMap<Arc<str>, Object>,
    kin: Kin,
    pub(super) log: SharedLog,
    pub(super) signal: watch::Sender<Signal>,
}

/// An object as it is now.
#[derive(Debug)]
enum Object {
    Fresh(Arc<StoredObject>),
    Resting(Arc<Resting>),
}

impl Object {
    fn get(&self) -> Arc<StoredObject> {
        match self {
            Self::Fresh(object) => Arc::clone(object),
            Self::Resting(resting) => StoredObject::woken(resting),
        }
    }

    fn revision(&self) -> u64 {
        match self {
            Self::Fresh(object) => object.revision,
            Self::Resting(resting) => resting.revision,
        }
    }
}

/// An object of a former list: as it is now, or as it was.
enum Former<'a> {
    Now(&'a Object),
    Then(&'a Entry),
}

impl Former<'_> {
    fn get(&self) -> Option<Arc<StoredObject>> {
        match self {
            Self::Now(object) => Some(object.get()),
            Self::Then(event) => event.previous(),
        }
    }
}

impl Table {
    pub(super) fn new(signal: Signal, history: usize) -> Self {
        Self {
            objects: BTreeMap::new(),
            kin: Kin::default(),
            log: Arc::new(RwLock::new(Log::new(history))),
            signal: watch::Sender::new(signal),
        }
    }

    pub(super) fn log(&self) -> RwLockReadGuard<'_, Log> {
        self.log.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn apply(&mut self, event: &Arc<Event>) {
        let object = &event.object;
        self.kin.apply(event);
        match event.change {
            Change::Added | Change::Modified => {
                let key = Arc::clone(object.shared_key());
                self.objects.insert(key, Object::Fresh(Arc::clone(object)));
            }
            Change::Deleted => {
                self.objects.remove(object.key());
            }
        }
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        let resting = log.push(Arc::clone(event));
        drop(log);
        if let Some(resting) = resting
            && let Some(object) = self.objects.get_mut(&resting.key)
            && object.revision() == resting.revision
        {
            *object = Object::Resting(resting);
        }
    }

    pub(super) fn announce(&self, revision: u64) {
        self.signal.send_modify(|signal| signal.revision = revision);
    }

    pub(super) fn len(&self) -> usize {
        self.objects.len()
    }

    pub(super) fn get(&self, key: &str) -> Option<Arc<StoredObject>> {
        self.objects.get(key).map(Object::get)
    }

    /// The object with a uid.
    pub(super) fn with_uid(&self, uid: &str) -> Option<Arc<StoredObject>> {
        self.get(self.kin.key(uid)?)
    }

    /// The objects that name an owner.
    pub(super) fn owned(&self, uid: &str) -> impl Iterator<Item = Arc<StoredObject>> {
        self.kin.owned(uid).filter_map(|key| self.get(key))
    }

    fn range(&self, prefix: &str, start: &str) -> impl Iterator<Item = (&Arc<str>, &Object)> {
        let from = Bound::Included(prefix.max(start));
        self.objects
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
    }

    pub(super) fn list(&self, prefix: &str) -> Vec<Arc<StoredObject>> {
        let all = self.range(prefix, "");
        all.map(|(_, object)| object.get()).collect()
    }

    /// The list at a former revision: the present one with all later changes taken back.
    pub(super) fn list_at(&self, prefix: &str, revision: u64) -> Vec<Arc<StoredObject>> {
        self.page_at(prefix, "", usize::MAX, revision).0
    }

    /// The first objects of that list from a key on, and how many follow them.
    pub(super) fn page_at(
        &self,
        prefix: &str,
        start: &str,
        most: usize,
        revision: u64,
    ) -> (Vec<Arc<StoredObject>>, usize) {
        let log = self.log();
        let mut all: BTreeMap<&str, Former<'_>> = BTreeMap::new();
        let mut count = 0;
        // The oldest of the later changes tells what was there before.
        for event in log.after(revision).iter().rev() {
            let key = event.key();
            if key.starts_with(prefix) && key >= start {
                all.insert(key, Former::Then(event));
            }
        }
        let mut objects = Vec::new();
        let mut take = |former: Former<'_>| {
            if objects.len() < most {
                objects.extend(former.get());
            } else {
                count += usize::from(match former {
                    Former::Now(_) => true,
                    Former::Then(event) => event.had_one(),
                });
            }
        };
        let mut then = all.into_iter().peekable();
        for (key, object) in self.range(prefix, start) {
            while let Some((_, former)) = then.next_if(|(former, _)| **former < **key) {
                take(former);
            }
            match then.next_if(|(former, _)| **former == **key) {
                Some((_, former)) => take(former),
                None => take(Former::Now(object)),
            }
        }
        then.for_each(|(_, former)| take(former));
        (objects, count)
    }
}

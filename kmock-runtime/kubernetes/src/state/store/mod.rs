//! The objects and their history: one revision counter, one event log, snapshots, subscriptions.
//!
//! Like etcd with the API server's watch cache in front: every write gets the next revision, objects are immutable
//! values that are serialised once, a subscription sees every event after a revision exactly once, and a list can be
//! rebuilt at any revision that was not compacted away. Locks are held briefly; no caller's code runs under them, but for
//! what tells managers ([`Managers::new`]).

mod ahead;
mod cause;
mod delta;
mod dormant;
mod kin;
mod log;
mod object;
mod rest;
mod subscription;
mod table;
mod untold;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde_json::Value;
use tokio::sync::watch;

pub use cause::caused_by;
pub use object::{Rendered, StoredObject};
pub use subscription::{Signal, Step, Subscription};
pub use untold::{Former, Managers};

use self::dormant::Dormant;
use self::log::Entry;
use self::table::Table;
use crate::model::resource::ResourceKey;

/// What an event did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// The object is new.
    Added,
    /// The object has another value.
    Modified,
    /// The object is gone; the event's object is its last state with the deletion's revision.
    Deleted,
}

/// One change of one object.
#[derive(Debug)]
pub struct Event {
    /// The revision of the change.
    pub revision: u64,
    /// What happened.
    pub change: Change,
    /// The object after the change (of a deletion: before it, with the deletion's revision).
    pub object: Arc<StoredObject>,
    /// The object before the change.
    pub previous: Option<Arc<StoredObject>>,
    /// The number of the request that made the change; `None`: the test or the cluster did.
    pub cause: Option<u64>,
    /// Frames of this event for watchers, serialised once.
    pub rendered: Rendered,
}

/// A write that was not done: the object is not (or no longer) what the writer saw.
#[derive(Debug, Clone)]
pub struct Conflict {
    /// The object as it is now, if it exists.
    pub current: Option<Arc<StoredObject>>,
}

/// A revision whose state is not kept any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// What was asked for.
    pub requested: u64,
    /// The oldest revision that can be read.
    pub oldest: u64,
}

/// A list at a revision, in the order of keys.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The revision of the state.
    pub revision: u64,
    /// The objects.
    pub objects: Vec<Arc<StoredObject>>,
}

/// One write of a transaction.
#[derive(Debug, Clone)]
pub enum Write {
    /// Stores an object under a key that is free.
    Create {
        /// The key, see [`crate::model::resource::Resource::key`].
        key: String,
        /// The object; its resourceVersion is set here.
        value: Value,
    },
    /// Replaces an object.
    Update {
        /// The object as the writer saw it.
        current: Arc<StoredObject>,
        /// The new value; its resourceVersion is set here.
        value: Value,
    },
    /// Removes an object.
    Delete {
        /// The object as the writer saw it.
        current: Arc<StoredObject>,
    },
}

#[derive(Debug)]
struct Inner {
    revision: u64,
    /// Revisions below are not readable.
    compacted: u64,
    /// So many events of each resource are kept at least.
    history: usize,
    /// The global control state that new tables start with.
    signal: Signal,
    tables: HashMap<ResourceKey, Table>,
}

impl Inner {
    /// The oldest revision at which a resource can be read.
    fn oldest_of(&self, resource: &ResourceKey) -> u64 {
        let floor = self.tables.get(resource).map(|table| table.log().floor());
        self.compacted.max(floor.unwrap_or_default())
    }
}

/// The store of one cluster.
#[derive(Debug)]
pub struct Store {
    inner: RwLock<Inner>,
    /// The newest revision, for those who wait for one.
    newest: watch::Sender<u64>,
    /// What is only made when somebody looks at it.
    dormant: RwLock<Vec<(ResourceKey, Dormant)>>,
}

impl Store {
    /// An empty store whose next write gets `start + 1`; nothing before `start` is readable. Of each resource, at least
    /// `history` events are kept: what is older expires as if it was compacted.
    pub fn new(start: u64, history: usize) -> Self {
        let inner = Inner {
            revision: start,
            compacted: start,
            history,
            signal: Signal::default(),
            tables: HashMap::new(),
        };
        Self {
            inner: RwLock::new(inner),
            newest: watch::Sender::new(start),
            dormant: RwLock::default(),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest revision.
    pub fn revision(&self) -> u64 {
        self.read().revision
    }

    /// The oldest revision whose state can be read and from which a watch can start.
    pub fn oldest(&self) -> u64 {
        self.read().compacted
    }

    /// Waits until the store has reached a revision.
    pub async fn reach(&self, revision: u64) {
        let mut newest = self.newest.subscribe();
        // The sender lives as long as `self`, so this cannot fail.
        let _ = newest.wait_for(|now| *now >= revision).await;
    }

    /// An object as it is now.
    pub fn get(&self, resource: &ResourceKey, key: &str) -> Option<Arc<StoredObject>> {
        self.wake(resource);
        self.read().tables.get(resource)?.get(key)
    }

    /// The objects of a resource that name an owner, by its uid.
    pub fn owned(&self, resource: &ResourceKey, owner: &str) -> Vec<Arc<StoredObject>> {
        self.wake(resource);
        let inner = self.read();
        let table = inner.tables.get(resource);
        table.map_or_else(Vec::new, |table| table.owned(owner).collect())
    }

    /// The object of a resource that has a uid.
    pub fn with_uid(&self, resource: &ResourceKey, uid: &str) -> Option<Arc<StoredObject>> {
        self.wake(resource);
        self.read().tables.get(resource)?.with_uid(uid)
    }

    /// All objects of a resource, or of one namespace (`prefix` is `"namespace/"`), as they are now.
    pub fn list(&self, resource: &ResourceKey, prefix: &str) -> Snapshot {
        self.wake(resource);
        let inner = self.read();
        let objects = inner
            .tables
            .get(resource)
            .map(|t| t.list(prefix))
            .unwrap_or_default();
        Snapshot {
            revision: inner.revision,
            objects,
        }
    }

    /// The same at a former revision.
    pub fn list_at(
        &self,
        resource: &ResourceKey,
        prefix: &str,
        revision: u64,
    ) -> Result<Snapshot, Compacted> {
        self.wake(resource);
        let inner = self.read();
        let oldest = inner.oldest_of(resource);
        if revision < oldest {
            return Err(Compacted {
                requested: revision,
                oldest,
            });
        }
        let objects = inner
            .tables
            .get(resource)
            .map(|t| t.list_at(prefix, revision))
            .unwrap_or_default();
        Ok(Snapshot {
            revision: revision.min(inner.revision),
            objects,
        })
    }

    /// A page of a list, as it is now or at a revision: at most so many objects from a key on, and how many follow them.
    pub fn page(
        &self,
        resource: &ResourceKey,
        prefix: &str,
        start: &str,
        most: usize,
        revision: Option<u64>,
    ) -> Result<(Snapshot, usize), Compacted> {
        self.wake(resource);
        let inner = self.read();
        let now = inner.revision;
        if let Some(requested) = revision
            && requested < inner.oldest_of(resource)
        {
            let oldest = inner.oldest_of(resource);
            return Err(Compacted { requested, oldest });
        }
        let revision = revision.unwrap_or(now);
        let table = inner.tables.get(resource);
        let (objects, following) = table
            .map(|table| table.page_at(prefix, start, most, revision))
            .unwrap_or_default();
        let revision = revision.min(now);
        Ok((Snapshot { revision, objects }, following))
    }

    /// The revision of a resource's last change; 0 if there was none.
    pub fn latest(&self, resource: &ResourceKey) -> u64 {
        self.wake(resource);
        let inner = self.read();
        let table = inner.tables.get(resource);
        table.map_or(0, |table| {
            table
                .log()
                .events()
                .last()
                .map_or(0, |event| event.revision())
        })
    }

    /// How many changes there were of a resource.
    pub fn changes(&self, resource: &ResourceKey) -> usize {
        let inner = self.read();
        let table = inner.tables.get(resource);
        table.map_or(0, |table| table.log().count())
    }

    /// How many objects a resource has.
    pub fn count(&self, resource: &ResourceKey) -> usize {
        self.wake(resource);
        self.read()
            .tables
            .get(resource)
            .map(|t| t.len())
            .unwrap_or_default()
    }

    /// The resources that have or had objects; of those that nobody has looked at yet nothing is said.
    pub fn resources(&self) -> Vec<ResourceKey> {
        let inner = self.read();
        let mut keys: Vec<_> = inner
            .tables
            .iter()
            .filter(|(_, t)| t.log().count() > 0)
            .map(|(k, _)| k.clone())
            .collect();
        keys.sort();
        keys
    }

    /// Does one write, if the object is still what the writer saw.
    pub fn commit(&self, resource: &ResourceKey, write: Write) -> Result<Arc<Event>, Conflict> {
        self.commit_untold(resource, write, None)
    }

    /// The same of an object whose managers are not in its value, but told later.
    pub fn commit_untold(
        &self,
        resource: &ResourceKey,
        write: Write,
        managers: Option<Managers>,
    ) -> Result<Arc<Event>, Conflict> {
        let mut events = self.write_all(resource, vec![write], managers)?;
        // One write is one event.
        events.pop().ok_or(Conflict { current: None })
    }

    /// Does several writes of one resource, all or none; each gets its own revision.
    pub fn transact(
        &self,
        resource: &ResourceKey,
        writes: Vec<Write>,
    ) -> Result<Vec<Arc<Event>>, Conflict> {
        self.write_all(resource, writes, None)
    }

    /// `managers` are those of the first.
    fn write_all(
        &self,
        resource: &ResourceKey,
        writes: Vec<Write>,
        mut managers: Option<Managers>,
    ) -> Result<Vec<Arc<Event>>, Conflict> {
        self.wake(resource);
        for write in &writes {
            // The last state of an object is all of it: what is to be told is told before anybody has to wait.
            if let Write::Delete { current } = write {
                current.value.managers();
            }
        }
        let mut inner = self.write();
        let inner = &mut *inner;
        let (signal, history) = (inner.signal, inner.history);
        let table = inner
            .tables
            .entry(resource.clone())
            .or_insert_with(|| Table::new(signal, history));
        let mut staged: HashMap<Arc<str>, Option<Arc<StoredObject>>> = HashMap::new();
        let count = writes.len();
        let mut events = Vec::with_capacity(count);
        let mut revision = inner.revision;
        for write in writes {
            let key: Arc<str> = match &write {
                Write::Create { key, .. } => key.as_str().into(),
                Write::Update { current, .. } | Write::Delete { current } => {
                    Arc::clone(current.shared_key())
                }
            };
            let now = staged.get(&key).cloned().unwrap_or_else(|| table.get(&key));
            let expected = match &write {
                Write::Create { .. } => None,
                // Within one transaction, later writes build upon the earlier ones.
                Write::Update { .. } | Write::Delete { .. } if staged.contains_key(&key) => {
                    now.as_ref()
                }
                Write::Update { current, .. } | Write::Delete { current } => Some(current),
            };
            if expected.map(|x| x.revision) != now.as_ref().map(|x| x.revision) {
                return Err(Conflict { current: now });
            }
            // The writer's is the same, and was read already if it had to be.
            let now = expected.map(Arc::clone).or(now);
            revision += 1;
            let created = now.as_ref().map_or(revision, |x| x.created);
            let managers = managers.take();
            let stored = |value| match managers {
                Some(managers) => {
                    let at = (revision, created);
                    StoredObject::later(&key, value, at, managers, now.as_ref())
                }
                None => StoredObject::new(&key, value, revision, created),
            };
            let (change, object, left) = match write {
                Write::Create { value, .. } => {
                    let object = stored(value);
                    (Change::Added, object.clone(), Some(object))
                }
                Write::Update { value, .. } => {
                    let object = stored(value);
                    (Change::Modified, object.clone(), Some(object))
                }
                Write::Delete { current } => {
                    let last = now.as_ref().unwrap_or(&current);
                    (
                        Change::Deleted,
                        StoredObject::new(&key, Value::clone(&last.value), revision, created),
                        None,
                    )
                }
            };
            // The last one, which is the only one mostly, has none behind it that would look.
            if events.len() + 1 < count {
                staged.insert(key, left);
            }
            events.push(Arc::new(Event {
                revision,
                change,
                object,
                previous: now,
                cause: cause::current(),
                rendered: Rendered::default(),
            }));
        }
        inner.revision = revision;
        for event in &events {
            table.apply(event);
        }
        table.announce(revision);
        self.newest.send_replace(revision);
        Ok(events)
    }

    /// The events of a resource after a revision, then all that come.
    pub fn subscribe(&self, resource: &ResourceKey, after: u64) -> Result<Subscription, Compacted> {
        self.wake(resource);
        let mut inner = self.write();
        let oldest = inner.oldest_of(resource);
        if after < oldest {
            return Err(Compacted {
                requested: after,
                oldest,
            });
        }
        let (signal, history) = (inner.signal, inner.history);
        let table = inner
            .tables
            .entry(resource.clone())
            .or_insert_with(|| Table::new(signal, history));
        Ok(Subscription::new(
            Arc::clone(&table.log),
            table.signal.subscribe(),
            after,
        ))
    }

    /// A list as it is now, and the events that follow it: nothing is missed or repeated between the two.
    pub fn list_and_subscribe(
        &self,
        resource: &ResourceKey,
        prefix: &str,
    ) -> (Snapshot, Subscription) {
        self.wake(resource);
        let mut inner = self.write();
        let (signal, history, revision) = (inner.signal, inner.history, inner.revision);
        let table = inner
            .tables
            .entry(resource.clone())
            .or_insert_with(|| Table::new(signal, history));
        let snapshot = Snapshot {
            revision,
            objects: table.list(prefix),
        };
        (
            snapshot,
            Subscription::new(Arc::clone(&table.log), table.signal.subscribe(), revision),
        )
    }

    /// All versions of an object that were ever stored, compacted ones too: the test's own view.
    pub fn history(&self, resource: &ResourceKey, key: &str) -> Vec<Arc<Event>> {
        self.wake(resource);
        let inner = self.read();
        let Some(table) = inner.tables.get(resource) else {
            return Vec::new();
        };
        table
            .log()
            .events()
            .iter()
            .filter(|entry| entry.key() == key)
            .map(Entry::event)
            .collect()
    }

    /// All events of a resource.
    pub fn log(&self, resource: &ResourceKey) -> Vec<Arc<Event>> {
        self.wake(resource);
        self.read()
            .tables
            .get(resource)
            .map(|t| t.log().told())
            .unwrap_or_default()
    }

    /// Makes all revisions before `revision` unreadable for clients: lists and watches from there are "expired".
    pub fn compact(&self, revision: u64) {
        let mut inner = self.write();
        inner.compacted = inner.compacted.max(revision.min(inner.revision));
    }

    /// Ends the subscriptions to one resource, or all.
    pub fn drop_subscriptions(&self, resource: Option<&ResourceKey>) {
        self.signal(resource, |signal| signal.drops += 1);
    }

    /// Asks the subscriptions to one resource, or all, for a bookmark at the newest revision.
    pub fn bookmark(&self, resource: Option<&ResourceKey>) {
        let now = self.revision();
        self.signal(resource, |signal| {
            (signal.bookmarks, signal.bookmark_at) = (signal.bookmarks + 1, now);
        });
    }

    /// Holds back the events of one resource, or of all, or lets them go.
    pub fn pause(&self, resource: Option<&ResourceKey>, paused: bool) {
        self.signal(resource, |signal| signal.paused = paused);
    }

    fn signal(&self, resource: Option<&ResourceKey>, change: impl Fn(&mut Signal)) {
        let mut inner = self.write();
        if resource.is_none() {
            change(&mut inner.signal);
        }
        if let Some(key) = resource {
            let (signal, history) = (inner.signal, inner.history);
            inner
                .tables
                .entry(key.clone())
                .or_insert_with(|| Table::new(signal, history));
        }
        for (key, table) in &mut inner.tables {
            if resource.is_none_or(|only| only == key) {
                table.signal.send_modify(&change);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn create(store: &Store, key: &str) -> Arc<Event> {
        let write = Write::Create {
            key: key.into(),
            value: json!({"metadata": {"name": key}}),
        };
        store.commit(&pods(), write).expect("a free key")
    }

    fn pods() -> ResourceKey {
        ResourceKey::new("", "pods")
    }

    fn keys(snapshot: &Snapshot) -> Vec<&str> {
        snapshot.objects.iter().map(|x| x.key()).collect()
    }

    #[test]
    fn former_lists_are_rebuilt_from_the_log() {
        let store = Store::new(10, 100);
        let a = create(&store, "n/a");
        let b = create(&store, "n/b");
        let write = Write::Update {
            current: a.object.clone(),
            value: json!({"metadata": {}, "x": 1}),
        };
        let changed = store.commit(&pods(), write).expect("unchanged");
        store
            .commit(
                &pods(),
                Write::Delete {
                    current: b.object.clone(),
                },
            )
            .expect("unchanged");
        create(&store, "n/c");
        assert_eq!(keys(&store.list(&pods(), "n/")), ["n/a", "n/c"]);
        assert_eq!(
            keys(&store.list_at(&pods(), "n/", b.revision).expect("kept")),
            ["n/a", "n/b"]
        );
        let then = store.list_at(&pods(), "n/", b.revision).expect("kept");
        assert_eq!(then.objects[0].value.get("x"), None);
        assert_eq!(
            keys(
                &store
                    .list_at(&pods(), "n/", changed.revision)
                    .expect("kept")
            ),
            ["n/a", "n/b"]
        );
        assert!(store.list_at(&pods(), "", 9).is_err());
        store.compact(changed.revision);
        assert!(store.list_at(&pods(), "", b.revision).is_err());
        assert_eq!(store.history(&pods(), "n/b").len(), 2);
    }

    #[test]
    fn old_events_are_forgotten() {
        let store = Store::new(0, 10);
        let mut slow = store.subscribe(&pods(), 0).expect("kept");
        for i in 0..25 {
            create(&store, &format!("p{i:02}"));
        }
        assert_eq!(store.log(&pods()).len(), 15);
        assert!(store.subscribe(&pods(), 9).is_err() && store.list_at(&pods(), "", 9).is_err());
        assert_eq!(
            store.list_at(&pods(), "", 12).expect("kept").objects.len(),
            12
        );
        assert!(
            store.subscribe(&pods(), 10).is_ok()
                && store.subscribe(&ResourceKey::new("", "nodes"), 0).is_ok()
        );
        assert!(slow.pending().is_empty());
    }

    #[test]
    fn stale_writes_conflict_and_leave_nothing() {
        let store = Store::new(0, 100);
        let a = create(&store, "a");
        let stale = Write::Update {
            current: a.object.clone(),
            value: json!({"metadata": {}}),
        };
        store.commit(&pods(), stale.clone()).expect("unchanged");
        let both = vec![
            Write::Create {
                key: "b".into(),
                value: json!({"metadata": {}}),
            },
            stale,
        ];
        assert!(store.transact(&pods(), both).is_err());
        assert_eq!((store.revision(), store.count(&pods())), (2, 1));
    }

    #[test]
    fn subscriptions_replay_and_go_on() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        runtime.expect("a runtime").block_on(replay_and_go_on());
    }

    async fn replay_and_go_on() {
        let store = Store::new(0, 100);
        create(&store, "a");
        create(&store, "b");
        let mut events = store.subscribe(&pods(), 1).expect("kept");
        let seen = |step: Step| match step {
            Step::Events(events) => events
                .iter()
                .map(|e| e.object.key().to_owned())
                .collect::<Vec<_>>(),
            other => panic!("unexpected {other:?}"),
        };
        assert_eq!(seen(events.next().await), ["b"]);
        create(&store, "c");
        create(&store, "d");
        assert_eq!(seen(events.next().await), ["c", "d"]);
        store.pause(None, true);
        create(&store, "e");
        let waiting = tokio::time::timeout(std::time::Duration::from_secs(1), events.next()).await;
        assert!(waiting.is_err());
        store.pause(None, false);
        assert_eq!(seen(events.next().await), ["e"]);
        store.bookmark(None);
        assert!(matches!(events.next().await, Step::Bookmark(5)));
        store.drop_subscriptions(Some(&pods()));
        assert!(matches!(events.next().await, Step::Closed));
    }
}

//! What the controllers know: all objects of their kinds as they are, with indexes by owner and by node.
//!
//! Like the shared informers of client-go, with one difference: nothing is ever stale, since the runner takes in all
//! changes before each look. So no controller needs to expect the echo of its own writes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::json::Json;
use crate::kind::Kind;
use crate::object;

/// One change of one object.
#[derive(Debug, Clone)]
pub struct Change {
    /// The kind of the object.
    pub kind: Kind,
    /// Its key: `namespace/name`, or the name of a cluster-scoped object.
    pub key: Arc<str>,
    /// The object before; `None`: it is new.
    pub old: Option<Arc<Json>>,
    /// The object after; `None`: it is gone.
    pub new: Option<Arc<Json>>,
}

impl Change {
    /// The object after the change, or the last one that there was.
    pub fn object(&self) -> &Json {
        static NOTHING: Json = Json::Null;
        self.new
            .as_deref()
            .or(self.old.as_deref())
            .unwrap_or(&NOTHING)
    }
}

/// The uid of the owner that controls an object of the API.
fn owner_of(object: &Value) -> Option<&str> {
    let owners = object["metadata"]["ownerReferences"].as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == true)?;
    owner["uid"].as_str()
}

/// All objects of the kinds that controllers know.
#[derive(Debug)]
pub struct Cache {
    tables: Vec<BTreeMap<Arc<str>, Arc<Json>>>,
    owned: HashMap<Box<str>, BTreeSet<(Kind, Arc<str>)>>,
    on_node: HashMap<Box<str>, BTreeSet<Arc<str>>>,
    /// Of each kind the object that was taken in last.
    latest: Vec<Option<Arc<Json>>>,
    now: Timestamp,
    seed: u64,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            tables: Kind::ALL.iter().map(|_| BTreeMap::new()).collect(),
            owned: HashMap::new(),
            on_node: HashMap::new(),
            latest: vec![None; Kind::ALL.len()],
            now: Timestamp::UNIX_EPOCH,
            seed: 0,
        }
    }
}

impl Cache {
    /// The time of this look.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The seed of what looks random.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    pub(crate) fn set_seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    fn table(&self, kind: Kind) -> &BTreeMap<Arc<str>, Arc<Json>> {
        static EMPTY: BTreeMap<Arc<str>, Arc<Json>> = BTreeMap::new();
        self.tables.get(kind as usize).unwrap_or(&EMPTY)
    }

    /// An object by its key.
    pub fn get(&self, kind: Kind, key: &str) -> Option<&Arc<Json>> {
        self.table(kind).get(key)
    }

    /// An object by its namespace and name.
    pub fn find(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Arc<Json>> {
        self.get(kind, &object::joined(namespace, name))
    }

    /// All objects of a kind, in the order of their keys.
    pub fn all(&self, kind: Kind) -> impl Iterator<Item = &Arc<Json>> {
        self.table(kind).values()
    }

    /// How many objects of a kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.table(kind).len()
    }

    /// The objects of a kind in a namespace.
    pub fn within(&self, kind: Kind, namespace: &str) -> impl Iterator<Item = &Arc<Json>> {
        let table = self.table(kind);
        // Of most kinds there are none.
        let prefix = match table.is_empty() {
            true => String::new(),
            false => [namespace, "/"].concat(),
        };
        table
            .range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(&prefix))
            .map(|(_, object)| object)
    }

    /// The objects of a kind that an object controls.
    pub fn controlled(&self, kind: Kind, uid: &str) -> impl Iterator<Item = &Arc<Json>> {
        self.owned
            .get(uid)
            .into_iter()
            .flatten()
            .filter(move |(of, _)| *of == kind)
            .filter_map(move |(_, key)| self.get(kind, key))
    }

    /// The Pods on a node.
    pub fn on_node(&self, node: &str) -> impl Iterator<Item = &Arc<Json>> {
        self.on_node
            .get(node)
            .into_iter()
            .flatten()
            .filter_map(|key| self.get(Kind::Pods, key))
    }

    /// Takes in an object as the API has it, or that there is none any more.
    ///
    /// Who manages its fields is left out. The rest shares what it has in common with the object before, with another one
    /// of the same owner, and with that of the kind that was taken in last: many go through the same at one time.
    pub(crate) fn take(&mut self, kind: Kind, key: &str, new: Option<&Value>) -> Option<Change> {
        let new = new.map(|object| {
            let before = self.get(kind, key).map(|before| &**before);
            let sibling = owner_of(object).and_then(|uid| self.controlled(kind, uid).next());
            let sibling = sibling.map(|sibling| &**sibling);
            let latest = self.latest.get(kind as usize).and_then(Option::as_deref);
            Arc::new(Json::object(object, [before, sibling, latest]))
        });
        if let (Some(latest), Some(_)) = (self.latest.get_mut(kind as usize), &new) {
            latest.clone_from(&new);
        }
        self.apply(kind, key, new)
    }

    /// The same of an object of ours.
    fn apply(&mut self, kind: Kind, key: &str, new: Option<Arc<Json>>) -> Option<Change> {
        let table = self.tables.get_mut(kind as usize)?;
        let key: Arc<str> = match table.get_key_value(key) {
            Some((known, _)) => Arc::clone(known),
            None => key.into(),
        };
        let old = match &new {
            Some(object) => table.insert(Arc::clone(&key), Arc::clone(object)),
            None => table.remove(&key),
        };
        let owner = |object: &Option<Arc<Json>>| {
            object
                .as_deref()
                .and_then(object::controller)
                .map(|owner| Box::<str>::from(object::text(&owner["uid"])))
        };
        let (before, after) = (owner(&old), owner(&new));
        if before != after {
            if let Some(uid) = before
                && let Some(keys) = self.owned.get_mut(&uid)
            {
                keys.remove(&(kind, Arc::clone(&key)));
                if keys.is_empty() {
                    self.owned.remove(&uid);
                }
            }
            if let Some(uid) = after {
                self.owned
                    .entry(uid)
                    .or_default()
                    .insert((kind, Arc::clone(&key)));
            }
        }
        if kind == Kind::Pods {
            let node = |object: &Option<Arc<Json>>| {
                object
                    .as_deref()
                    .map(object::node_of)
                    .filter(|node| !node.is_empty())
                    .map(Box::<str>::from)
            };
            let (before, after) = (node(&old), node(&new));
            if before != after {
                if let Some(node) = before
                    && let Some(keys) = self.on_node.get_mut(&node)
                {
                    keys.remove(&key);
                    if keys.is_empty() {
                        self.on_node.remove(&node);
                    }
                }
                if let Some(node) = after {
                    self.on_node
                        .entry(node)
                        .or_default()
                        .insert(Arc::clone(&key));
                }
            }
        }
        if old.is_none() && new.is_none() {
            return None;
        }
        Some(Change {
            kind,
            key,
            old,
            new,
        })
    }

    /// The keys that are known of a kind.
    pub(crate) fn keys(&self, kind: Kind) -> Vec<Arc<str>> {
        self.table(kind).keys().cloned().collect()
    }

    /// Takes in objects as they are: for tests of decisions.
    #[cfg(test)]
    pub(crate) fn of(objects: impl IntoIterator<Item = Json>) -> Cache {
        let mut cache = Cache::default();
        for object in objects {
            let (group, kind) = match object::text(&object["apiVersion"]).split_once('/') {
                Some((group, _)) => (group, object::text(&object["kind"])),
                None => ("", object::text(&object["kind"])),
            };
            let Some(kind) = Kind::named(group, kind) else {
                panic!("no such kind: {object}");
            };
            let key = object::key(&object);
            cache.apply(kind, &key, Some(Arc::new(object)));
        }
        cache
    }
}

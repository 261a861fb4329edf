//! The members of an object.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde_core::{Serialize, Serializer};

use super::Json;

/// The name of a member.
#[derive(Clone)]
pub enum Key {
    /// One that is written in the code.
    Static(&'static str),
    /// Any other.
    Shared(Arc<str>),
}

/// The members of an object, in the order of their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    entries: Vec<(Key, Json)>,
}

impl Members {
    /// None.
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
        }
    }

    /// Of entries in order, no name twice.
    pub(super) fn sorted(entries: Vec<(Key, Json)>) -> Self {
        Self { entries }
    }

    pub(super) fn entries(&self) -> &[(Key, Json)] {
        &self.entries
    }

    fn place(&self, key: &str) -> Result<usize, usize> {
        self.entries
            .binary_search_by(|(known, _)| known.as_ref().cmp(key))
    }

    /// A member.
    pub fn get(&self, key: &str) -> Option<&Json> {
        // Objects have few members, and most names differ in their lengths.
        let found = self.entries.iter().find(|(known, _)| &**known == key);
        found.map(|(_, value)| value)
    }

    /// A member, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Json> {
        let found = self.entries.iter_mut().find(|(known, _)| &**known == key);
        found.map(|(_, value)| value)
    }

    /// A member, `null` if it was not there.
    pub fn entry(&mut self, key: &str) -> &mut Json {
        let place = match self.place(key) {
            Ok(place) => place,
            Err(place) => {
                self.entries.insert(place, (key.into(), Json::Null));
                place
            }
        };
        // It is there: found, or put there just now.
        &mut self.entries[place].1
    }

    /// Sets a member; what it was before.
    pub fn insert(&mut self, key: impl Into<Key>, value: Json) -> Option<Json> {
        let key = key.into();
        match self.place(&key) {
            Ok(place) => {
                let (_, known) = self.entries.get_mut(place)?;
                Some(std::mem::replace(known, value))
            }
            Err(place) => {
                self.entries.insert(place, (key, value));
                None
            }
        }
    }

    /// Takes a member away.
    pub fn remove(&mut self, key: &str) -> Option<Json> {
        let place = self.place(key).ok()?;
        Some(self.entries.remove(place).1)
    }

    /// Whether there is such a member.
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Names and values, in the order of the names.
    pub fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = (&Key, &Json)> + ExactSizeIterator + Clone {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// The names, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.iter().map(|(key, _)| key)
    }

    /// The values, in the order of their names.
    pub fn values(&self) -> impl Iterator<Item = &Json> {
        self.iter().map(|(_, value)| value)
    }

    /// Keeps the members of which something is true.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Json) -> bool) {
        self.entries.retain_mut(|(key, value)| keep(key, value));
    }
}

impl<K: Into<Key>> FromIterator<(K, Json)> for Members {
    fn from_iter<I: IntoIterator<Item = (K, Json)>>(entries: I) -> Self {
        let mut members = Self::new();
        members.extend(entries);
        members
    }
}

impl<K: Into<Key>> Extend<(K, Json)> for Members {
    fn extend<I: IntoIterator<Item = (K, Json)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl IntoIterator for Members {
    type Item = (Key, Json);
    type IntoIter = std::vec::IntoIter<(Key, Json)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<'a> IntoIterator for &'a Members {
    type Item = &'a (Key, Json);
    type IntoIter = std::slice::Iter<'a, (Key, Json)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl Key {
    /// Its text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Static(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl Deref for Key {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        self
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        self
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Key {}

impl PartialEq<str> for Key {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for Key {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl std::hash::Hash for Key {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::Shared(text.into())
    }
}

impl From<&String> for Key {
    fn from(text: &String) -> Self {
        Self::Shared(text.as_str().into())
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self::Shared(text.into())
    }
}

impl From<Arc<str>> for Key {
    fn from(text: Arc<str>) -> Self {
        Self::Shared(text)
    }
}

impl From<&Key> for Key {
    fn from(key: &Key) -> Self {
        key.clone()
    }
}

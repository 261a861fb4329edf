//! Old and new values beside each other: the ground of ratcheting.
//!
//! A value of an updated object corresponds to an old one when the way to it leads through properties,
//! map keys, and lists of type `map` (by their keys). Other list items correspond to nothing
//! (`apiserver/pkg/cel/common/equality.go`).

use serde_json::Value;

use super::node::{Listing, Node};

/// A new value, the old one it corresponds to, and their schema.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<'a> {
    pub(crate) new: &'a Value,
    pub(crate) old: &'a Value,
    pub(crate) node: &'a Node,
}

impl<'a> Pair<'a> {
    /// The pair under a key.
    pub(crate) fn key(&self, key: &str) -> Option<Pair<'a>> {
        let (new, old) = (
            self.new.as_object()?.get(key)?,
            self.old.as_object()?.get(key)?,
        );
        Some(Pair {
            new,
            old,
            node: self.node.field(key)?,
        })
    }

    /// The pair of an item of the new list.
    pub(crate) fn index(&self, index: usize) -> Option<Pair<'a>> {
        let (new, old) = (self.new.as_array()?.get(index)?, self.old.as_array()?);
        if self.node.listing != Listing::Map {
            return None;
        }
        Some(Pair {
            new,
            old: same_item(self.node, old, new)?,
            node: self.node.items.as_deref()?,
        })
    }

    /// Whether nothing changed here.
    pub(crate) fn unchanged(&self) -> bool {
        match (self.new, self.old) {
            (Value::Null, Value::Null) => true,
            (Value::Null, _) | (_, Value::Null) => false,
            (Value::Array(new), Value::Array(old)) => {
                if new.len() != old.len() {
                    return false;
                }
                if self.node.listing != Listing::Map {
                    return new == old;
                }
                (0..new.len()).all(|index| self.index(index).is_some_and(|pair| pair.unchanged()))
            }
            (Value::Object(new), Value::Object(old)) => {
                new.len() == old.len()
                    && new
                        .keys()
                        .all(|key| self.key(key).is_some_and(|pair| pair.unchanged()))
            }
            (new, old) => new == old,
        }
    }
}

/// The item of an old list of type `map` with the same keys.
pub(crate) fn same_item<'a>(node: &Node, old: &'a [Value], new: &Value) -> Option<&'a Value> {
    let new = new.as_object()?;
    old.iter().find(|old| {
        old.as_object()
            .is_some_and(|old| node.map_keys.iter().all(|key| old.get(key) == new.get(key)))
    })
}

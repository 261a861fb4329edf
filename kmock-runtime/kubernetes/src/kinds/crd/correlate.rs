//! Old and new values beside each other: the ground of ratcheting.
//!
//! A value of an updated object corresponds to an old one when the way to it leads through properties,
//! map keys, and lists of type `map` (by their keys). Other list items correspond to nothing
//! (`apiserver/pkg/cel/common/equality.go`).

use std::collections::HashMap;

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

    /// The old items that those of the new list may correspond to.
    pub(crate) fn items(&self) -> OldItems<'a> {
        OldItems::of(self.node, self.old.as_array().map(Vec::as_slice))
    }

    /// The pair of an item of the new list; `old` are the [`items`](Self::items) of this pair.
    pub(crate) fn item(&self, index: usize, old: &OldItems<'a>) -> Option<Pair<'a>> {
        let new = self.new.as_array()?.get(index)?;
        Some(Pair {
            new,
            old: old.like(new)?,
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
                let old = self.items();
                let unchanged = |index| self.item(index, &old).is_some_and(|pair| pair.unchanged());
                (0..new.len()).all(unchanged)
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

/// The items of an old list of type `map`, by their keys; of another list none.
#[derive(Debug)]
pub(crate) struct OldItems<'a> {
    keys: Vec<&'a str>,
    known: HashMap<Vec<Option<&'a Value>>, &'a Value>,
}

impl<'a> OldItems<'a> {
    pub(crate) fn of(list: &'a Node, old: Option<&'a [Value]>) -> OldItems<'a> {
        let keys: Vec<&str> = list.map_keys.iter().map(String::as_str).collect();
        let mut known = HashMap::new();
        let old = old.filter(|_| list.listing == Listing::Map);
        for item in old.into_iter().flatten() {
            if let Some(map) = item.as_object() {
                // Of those that are repeated, the first counts.
                let key = keys.iter().map(|key| map.get(*key)).collect();
                known.entry(key).or_insert(item);
            }
        }
        OldItems { keys, known }
    }

    /// The item with the same keys.
    pub(crate) fn like(&self, new: &'a Value) -> Option<&'a Value> {
        let new = new.as_object()?;
        let key: Vec<Option<&Value>> = self.keys.iter().map(|key| new.get(*key)).collect();
        self.known.get(&key).copied()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::crd::props::Props;

    #[test]
    fn items_correspond_by_their_keys() {
        let node = Node::of(&Props::parse(
            &json!({"type": "array", "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["port", "proto"], "items": {"type": "object", "properties": {
                "port": {"type": "integer"}, "proto": {"type": "string"}}}}),
        ));
        let old = json!([{"port": 1, "n": "a"}, {"port": 1, "proto": null, "n": "b"}, {"port": 1, "n": "c"}, 7]);
        let items = OldItems::of(&node, old.as_array().map(Vec::as_slice));
        let [absent, null, other, odd] = [
            json!({"port": 1}),
            json!({"proto": null, "port": 1}),
            json!({"port": 2}),
            json!(7),
        ];
        assert_eq!(items.like(&absent), Some(&old[0]));
        assert_eq!(items.like(&null), Some(&old[1]));
        assert_eq!((items.like(&other), items.like(&odd)), (None, None));
    }
}

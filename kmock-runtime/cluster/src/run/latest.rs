//! What was used last, and no more than so many of it: as the caches behind client-go's recorder.

use std::collections::{BTreeMap, HashMap, hash_map::Entry};
use std::hash::Hash;
use std::sync::Arc;

/// A map that forgets what was not used for the longest time, once there is more than it keeps.
#[derive(Debug)]
pub(super) struct Latest<K, V> {
    most: usize,
    known: HashMap<Arc<K>, (V, u64)>,
    /// The keys by when they were used.
    used: BTreeMap<u64, Arc<K>>,
    uses: u64,
}

impl<K: Eq + Hash, V> Latest<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            known: HashMap::new(),
            used: BTreeMap::new(),
            uses: 0,
        }
    }

    /// What is known of a key.
    pub(super) fn get(&mut self, key: &K) -> Option<&mut V> {
        let known = self.known.get_mut(key)?;
        self.uses += 1;
        touch(&mut self.used, known, self.uses)
    }

    /// What is known of a key; if that is nothing, what `make` makes.
    pub(super) fn get_or(&mut self, key: K, make: impl FnOnce() -> V) -> Option<&mut V> {
        self.uses += 1;
        if self.known.len() >= self.most && !self.known.contains_key(&key) {
            self.forget_one();
        }
        match self.known.entry(Arc::new(key)) {
            Entry::Occupied(known) => touch(&mut self.used, known.into_mut(), self.uses),
            Entry::Vacant(place) => {
                self.used.insert(self.uses, Arc::clone(place.key()));
                Some(&mut place.insert((make(), self.uses)).0)
            }
        }
    }

    /// Forgets what is not wanted.
    pub(super) fn retain(&mut self, wanted: impl Fn(&V) -> bool) {
        let used = &mut self.used;
        self.known.retain(|_, (value, when)| {
            let stays = wanted(value);
            if !stays {
                used.remove(when);
            }
            stays
        });
    }

    /// Sets what is known of a key.
    pub(super) fn set(&mut self, key: K, value: V) {
        let key = Arc::new(key);
        self.uses += 1;
        if let Some((_, used)) = self.known.insert(Arc::clone(&key), (value, self.uses)) {
            self.used.remove(&used);
        }
        self.used.insert(self.uses, key);
        while self.known.len() > self.most {
            self.forget_one();
        }
    }

    fn forget_one(&mut self) {
        if let Some((_, oldest)) = self.used.pop_first() {
            self.known.remove(&oldest);
        }
    }
}

/// Notes that something known was used.
fn touch<'v, K, V>(
    used: &mut BTreeMap<u64, Arc<K>>,
    (value, when): &'v mut (V, u64),
    now: u64,
) -> Option<&'v mut V> {
    let key = used.remove(when)?;
    used.insert(now, key);
    *when = now;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_was_not_used_for_the_longest_time_is_forgotten() {
        let mut latest = Latest::new(2);
        latest.set("a", 1);
        latest.set("b", 2);
        assert_eq!(latest.get(&"a"), Some(&mut 1));
        latest.set("c", 3);
        assert_eq!(latest.get(&"b"), None);
        assert_eq!(latest.get_or("a", || 0), Some(&mut 1));
        assert_eq!(latest.get_or("d", || 4), Some(&mut 4));
        assert_eq!(latest.get(&"c"), None);
        latest.retain(|value| *value != 4);
        latest.set("e", 5);
        assert_eq!(latest.get(&"a"), Some(&mut 1));
        assert_eq!(latest.known.len(), 2);
    }
}

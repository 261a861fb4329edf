//! Who has which uid, and who is owned by whom: what the garbage collector asks at each deletion.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::{Change, Event, StoredObject};

/// The kin of one resource's objects, by uid.
#[derive(Debug, Default)]
pub(super) struct Kin {
    keys: HashMap<Box<str>, Arc<str>>,
    /// The keys of those that name an owner.
    owned: HashMap<Box<str>, BTreeSet<Arc<str>>>,
}

impl Kin {
    pub(super) fn apply(&mut self, event: &Event) {
        let (now, before) = (&event.object, event.previous.as_ref());
        if let Some(before) = before {
            // Hardly any change is one of the kin.
            if event.change == Change::Modified
                && before.uid() == now.uid()
                && (now.uid().is_empty() || self.keys.contains_key(now.uid()))
                && references(before) == references(now)
            {
                return;
            }
            for owner in owners(before) {
                if let Some(keys) = self.owned.get_mut(owner) {
                    keys.remove(before.key());
                    if keys.is_empty() {
                        self.owned.remove(owner);
                    }
                }
            }
            if event.change == Change::Deleted || before.uid() != now.uid() {
                self.keys.remove(before.uid());
            }
        }
        if event.change == Change::Deleted {
            return;
        }
        for owner in owners(now) {
            let keys = self.owned.entry(owner.into()).or_default();
            keys.insert(Arc::clone(now.shared_key()));
        }
        if !now.uid().is_empty() && !self.keys.contains_key(now.uid()) {
            self.keys
                .insert(now.uid().into(), Arc::clone(now.shared_key()));
        }
    }

    pub(super) fn key(&self, uid: &str) -> Option<&str> {
        self.keys.get(uid).map(|key| &**key)
    }

    pub(super) fn owned(&self, uid: &str) -> impl Iterator<Item = &str> {
        let keys = self.owned.get(uid).into_iter().flatten();
        keys.map(|key| &**key)
    }
}

fn references(object: &StoredObject) -> &Value {
    &object.metadata()["ownerReferences"]
}

fn owners(object: &StoredObject) -> impl Iterator<Item = &str> {
    let references = references(object).as_array().into_iter().flatten();
    references.filter_map(|reference| reference.get("uid").and_then(Value::as_str))
}

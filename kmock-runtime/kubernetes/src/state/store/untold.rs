//! Objects whose managers nobody has asked for yet.
//!
//! Who owns which field is a good part of the work of a write, and of most versions nobody asks it. So a writer may leave
//! it: then the version is the object without its managers, and what it takes to tell them. They are told when somebody
//! looks at the whole object, wants its text, or asks for the managers of a later version; what is told is the same as if it
//! had been told at once.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::Value;

use super::StoredObject;

/// The object before a write.
#[derive(Debug, Clone, Copy)]
pub struct Former<'a> {
    /// The object; its managers may be missing.
    pub object: &'a Value,
    /// Its managers.
    pub managers: Option<&'a Value>,
}

impl<'a> From<&'a StoredObject> for Former<'a> {
    fn from(stored: &'a StoredObject) -> Self {
        Self {
            object: stored.value.bare(),
            managers: stored.value.managers(),
        }
    }
}

/// Tells the managers of an object: from the object before it (`None`: it is new), and the object itself without them.
type Tell = Box<dyn FnOnce(Option<Former<'_>>, &Value) -> Option<Value> + Send>;

/// What it takes to tell the managers of an object that is about to be stored.
pub struct Managers {
    tell: Tell,
    most: usize,
}

impl Managers {
    /// They are told so; their text has so many bytes at most.
    ///
    /// `tell` may be called while the store is locked: it must not ask the store. A version is kept until the managers of the
    /// next one are told, so that who makes one after the other goes by `most`, which grows with each.
    pub fn new(
        most: usize,
        tell: impl FnOnce(Option<Former<'_>>, &Value) -> Option<Value> + Send + 'static,
    ) -> Self {
        Self {
            tell: Box::new(tell),
            most,
        }
    }
}

impl fmt::Debug for Managers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Managers")
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}

/// An object without its managers.
#[derive(Debug)]
pub(super) struct Untold {
    pub(super) object: Value,
    managers: OnceLock<Option<Value>>,
    work: Mutex<Option<Work>>,
    most: usize,
}

/// What is left to do.
struct Work {
    former: Option<Arc<StoredObject>>,
    tell: Tell,
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let former = self.former.as_ref().map(|former| former.revision);
        f.debug_struct("Work")
            .field("former", &former)
            .finish_non_exhaustive()
    }
}

impl Untold {
    pub(super) fn new(
        object: Value,
        managers: Managers,
        former: Option<&Arc<StoredObject>>,
    ) -> Self {
        let Managers { tell, most } = managers;
        Self {
            object,
            managers: OnceLock::new(),
            work: Mutex::new(Some(Work {
                former: former.map(Arc::clone),
                tell,
            })),
            most,
        }
    }

    /// The managers.
    pub(super) fn managers(&self) -> Option<&Value> {
        if self.managers.get().is_none() {
            // The oldest first, instead of each asking for the one before: there may be many.
            let mut before = Vec::new();
            let mut next = self.former();
            while let Some(former) = next {
                let untold = former.value.untold();
                next = untold.and_then(Self::former);
                before.push(former);
            }
            for former in before.iter().rev() {
                former.value.managers();
            }
        }
        let told = self.managers.get_or_init(|| {
            let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
            let Work { former, tell } = work.take()?;
            tell(former.as_deref().map(Former::from), &self.object)
        });
        told.as_ref()
    }

    /// The object before, as long as it is wanted.
    fn former(&self) -> Option<Arc<StoredObject>> {
        if self.managers.get().is_some() {
            return None;
        }
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        work.as_ref()?.former.clone()
    }

    /// So many bytes at most has the text of its managers, as far as it is known without telling them.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// The whole object.
    pub(super) fn whole(&self) -> Value {
        let mut object = self.object.clone();
        if let (Some(managers), Some(metadata)) = (
            self.managers(),
            object.get_mut("metadata").and_then(Value::as_object_mut),
        ) {
            metadata.insert(MANAGERS.to_owned(), managers.clone());
        }
        object
    }
}

/// Where an object tells its managers, in its metadata.
pub(super) const MANAGERS: &str = "managedFields";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::delta::Bases;
    use super::*;

    /// Versions whose managers are the numbers of all versions so far.
    fn versions(count: u64) -> Vec<Arc<StoredObject>> {
        let key: Arc<str> = "n/a".into();
        let mut all: Vec<Arc<StoredObject>> = Vec::new();
        for n in 1..=count {
            let managers = Managers::new(100, move |former, object| {
                assert_eq!(object["n"], n);
                let before = former.map(|former| {
                    assert_eq!(former.object["n"], n - 1);
                    former.managers.cloned()
                });
                Some(json!([before.flatten(), n]))
            });
            let object =
                json!({"kind": "A", "metadata": {"labels": {"a": "b"}, "name": "a"}, "n": n});
            all.push(StoredObject::later(
                &key,
                object,
                (n, 1),
                managers,
                all.last(),
            ));
        }
        all
    }

    #[test]
    fn they_are_told_when_somebody_asks() {
        let all = versions(3);
        let last = &all[2];
        assert_eq!(last.value.bare()["metadata"][MANAGERS], Value::Null);
        assert_eq!(last.metadata()["resourceVersion"], "3");
        assert_eq!(last.value.most_of_managers(), 100);
        let told = json!([[[null, 1], 2], 3]);
        assert_eq!(last.value["metadata"][MANAGERS], told);
        assert_eq!(last.value.managers(), Some(&told));
        // Whoever was before need not be kept any more.
        assert_eq!(Arc::strong_count(&all[1]), 1);
        assert_eq!(all[0].value["metadata"][MANAGERS], json!([null, 1]));
    }

    #[test]
    fn their_text_is_that_of_the_whole() {
        let bases = Mutex::new(Bases::default());
        for whole in versions(3) {
            let object = versions(whole.revision)
                .pop()
                .expect("as many as are wanted");
            let resting = object.resting(&bases).expect("a text");
            let woken = StoredObject::woken(&resting);
            assert_eq!(*woken.value, *whole.value);
            assert_eq!(woken.value.bare(), &*whole.value);
            assert_eq!(woken.value.managers(), whole.value.managers());
        }
    }

    #[test]
    fn very_many_may_wait_and_many_may_ask() {
        let key: Arc<str> = "n/a".into();
        let mut all: Vec<Arc<StoredObject>> = Vec::new();
        for n in 1..=50_000_u64 {
            let managers = Managers::new(0, |former, object| {
                let before = former.and_then(|former| former.managers?.as_u64());
                Some((before.unwrap_or_default() + object["n"].as_u64()?).into())
            });
            let object = json!({"n": n});
            let former = all.last();
            all.push(StoredObject::later(&key, object, (n, 1), managers, former));
        }
        let last = all.last().expect("many");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let sum = 50_000_u64 * 50_001 / 2;
                    assert_eq!(last.value.managers(), Some(&json!(sum)));
                });
            }
        });
    }
}

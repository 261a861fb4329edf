//! Versions at rest: the text of an object, which takes a fifth of the memory of its value.
//!
//! The newest versions of a resource are values, ready to be worked with. What was not written for long rests, whether it
//! is still the object or a version of the past; it is read again by whoever looks into it, and most only want its text.

use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use kmock_apply::gofmt;
use serde_json::Value;

use super::delta::{Bases, Packed};
use super::untold::{MANAGERS, Untold};
use super::{Rendered, StoredObject};

/// The value of a stored object: there, or made when somebody looks: of the text, or of the object and its managers.
#[derive(Debug)]
pub struct Kept {
    untold: Option<Box<Untold>>,
    value: OnceLock<Arc<Value>>,
    /// `None` inside: it cannot rest.
    resting: OnceLock<Option<Arc<Resting>>>,
}

impl Kept {
    pub(super) fn new(value: Value) -> Self {
        Self {
            untold: None,
            value: Arc::new(value).into(),
            resting: OnceLock::new(),
        }
    }

    pub(super) fn later(untold: Untold) -> Self {
        Self {
            untold: Some(Box::new(untold)),
            value: OnceLock::new(),
            resting: OnceLock::new(),
        }
    }

    pub(super) fn of(resting: &Arc<Resting>) -> Self {
        Self {
            untold: None,
            value: OnceLock::new(),
            resting: Some(Arc::clone(resting)).into(),
        }
    }

    /// The value, for who keeps it longer than the object.
    pub fn shared(&self) -> Arc<Value> {
        Arc::clone(self.value())
    }

    /// The value for who does not look at its managers: they may be missing.
    pub fn bare(&self) -> &Value {
        match &self.untold {
            Some(untold) => &untold.object,
            None => self,
        }
    }

    /// The managers: `metadata.managedFields`.
    pub fn managers(&self) -> Option<&Value> {
        match &self.untold {
            Some(untold) => untold.managers(),
            None => self.get("metadata")?.get(MANAGERS),
        }
    }

    pub(super) fn untold(&self) -> Option<&Untold> {
        self.untold.as_deref()
    }

    /// So many bytes at most has the text of its managers.
    pub fn most_of_managers(&self) -> usize {
        /// What is known without telling them is not exact: of much it is asked.
        const ENOUGH: usize = 256 * 1024;
        match &self.untold {
            Some(untold) if untold.most() <= ENOUGH => untold.most(),
            _ => self.managers().map_or(0, gofmt::json_bound),
        }
    }

    fn value(&self) -> &Arc<Value> {
        self.value.get_or_init(|| {
            if let Some(untold) = &self.untold {
                return Arc::new(untold.whole());
            }
            let resting = self.resting.get().and_then(Option::as_ref);
            Arc::new(
                resting
                    .map(|resting| resting.text.read())
                    .unwrap_or_default(),
            )
        })
    }
}

impl Deref for Kept {
    type Target = Value;

    fn deref(&self) -> &Value {
        self.value()
    }
}

impl StoredObject {
    /// The same version at rest; `None` for what a text would not give back exactly.
    pub(super) fn resting(&self, bases: &Mutex<Bases>) -> Option<Arc<Resting>> {
        let resting = self.value.resting.get_or_init(|| {
            let text = Text::of(&self.value, &self.rendered, bases)?;
            Some(Arc::new(Resting {
                key: Arc::clone(self.shared_key()),
                revision: self.revision,
                created: self.created,
                text,
                rendered: Arc::clone(&self.rendered),
            }))
        });
        resting.clone()
    }
}

/// One version of one object, at rest.
#[derive(Debug)]
pub(super) struct Resting {
    pub(super) key: Arc<str>,
    pub(super) revision: u64,
    pub(super) created: u64,
    text: Text,
    pub(super) rendered: Arc<Rendered>,
}

impl Resting {
    /// The bytes of its text, as far as they are its own.
    pub(super) fn size(&self) -> usize {
        self.text.json.size()
    }
}

#[derive(Debug)]
struct Text {
    json: Packed,
    /// Kind and version, where the text is that of a list's item, which does not tell them.
    types: Option<[Box<str>; 2]>,
}

const TYPES: [&str; 2] = ["kind", "apiVersion"];

/// What is nested deeper is not read again.
const DEEPEST: usize = 100;

impl Text {
    fn of(kept: &Kept, rendered: &Rendered, bases: &Mutex<Bases>) -> Option<Self> {
        // One text serves both, if it tells everything.
        if let Some(json) = rendered.first() {
            let value: &Value = kept;
            let types = TYPES.map(|key| value[key].as_str().unwrap_or_default().into());
            let text = Self {
                json: Packed::Whole(json.clone()),
                types: Some(types),
            };
            if text.read() == *value {
                return Some(text);
            }
        }
        // Before the lock, for they may have to be told.
        let managers = kept.untold().and_then(Untold::managers);
        let mut bases = bases.lock().unwrap_or_else(PoisonError::into_inner);
        let json = bases.pack(|out| match kept.untold() {
            Some(untold) => write_with(&untold.object, managers, out),
            None => write(kept, 0, out),
        })?;
        Some(Self { json, types: None })
    }

    fn read(&self) -> Value {
        let mut value: Value = serde_json::from_slice(&self.json.text()).unwrap_or_default();
        if let (Some(map), Some(types)) = (value.as_object_mut(), &self.types) {
            for (key, text) in TYPES.into_iter().zip(types) {
                map.insert(key.to_owned(), (**text).into());
            }
        }
        value
    }
}

/// Writes the text of a value; `false` if it would not be read as it was. In one walk, and strings without a look at each
/// letter: it is done with every version of every object.
fn write(value: &Value, depth: usize, out: &mut Vec<u8>) -> bool {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => {
            return !number.is_f64() && serde_json::to_writer(out, number).is_ok();
        }
        Value::String(text) => return write_string(text, out),
        Value::Array(items) => {
            if depth >= DEEPEST {
                return false;
            }
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                if !write(item, depth + 1, out) {
                    return false;
                }
            }
            out.push(b']');
        }
        Value::Object(map) => {
            return write_members(map.iter(), depth, out, |_, value, out| {
                write(value, depth + 1, out)
            });
        }
    }
    true
}

fn write_members<'m>(
    members: impl Iterator<Item = (&'m String, &'m Value)>,
    depth: usize,
    out: &mut Vec<u8>,
    write: impl Fn(&str, &Value, &mut Vec<u8>) -> bool,
) -> bool {
    if depth >= DEEPEST {
        return false;
    }
    out.push(b'{');
    for (index, (key, value)) in members.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        if !write_string(key, out) {
            return false;
        }
        out.push(b':');
        if !write(key, value, out) {
            return false;
        }
    }
    out.push(b'}');
    true
}

/// Writes the text of an object that has its managers apart, as if it had them.
fn write_with(object: &Value, managers: Option<&Value>, out: &mut Vec<u8>) -> bool {
    let (Some(members), Some(managers)) = (object.as_object(), managers) else {
        return write(object, 0, out);
    };
    let key = MANAGERS.to_owned();
    write_members(members.iter(), 0, out, |name, value, out| {
        let metadata = value.as_object().filter(|_| name == "metadata");
        let Some(metadata) = metadata else {
            return write(value, 1, out);
        };
        // In the order of the names, as in any object.
        let before = metadata.iter().take_while(|(name, _)| **name < key);
        let after = metadata.iter().skip_while(|(name, _)| **name < key);
        let all = before.chain([(&key, managers)]).chain(after);
        write_members(all, 1, out, |_, value, out| write(value, 2, out))
    })
}

fn write_string(text: &str, out: &mut Vec<u8>) -> bool {
    let is_special = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    // All of it, instead of up to the first: many bytes are looked at at once.
    let has_special = text
        .bytes()
        .fold(false, |found, byte| found | is_special(byte));
    if has_special {
        return serde_json::to_writer(out, text).is_ok();
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_rests_is_read_as_it_was() {
        let bases = Mutex::new(Bases::default());
        let key: Arc<str> = "n/a".into();
        let value = json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a"}, "n": -7});
        let stored = StoredObject::new(&key, value, 5, 3);
        let item = br#"{"metadata":{"name":"a","resourceVersion":"5"},"n":-7}"#;
        for rendered in [false, true] {
            let stored = StoredObject::new(&key, Value::clone(&stored.value), 5, 3);
            if rendered {
                stored.rendered.get("v1", || item.as_slice().into());
            }
            let resting = stored.resting(&bases).expect("a text");
            assert_eq!(resting.text.types.is_some(), rendered);
            let woken = StoredObject::woken(&resting);
            assert_eq!(*woken.value, *stored.value);
            assert_eq!((woken.key(), woken.revision, woken.created), ("n/a", 5, 3));
            assert!(Arc::ptr_eq(
                &woken.resting(&bases).expect("a text"),
                &resting
            ));
        }
        // A form that tells less is not enough.
        stored
            .rendered
            .get("v1", || b"{\"n\":-7}".as_slice().into());
        assert!(stored.resting(&bases).expect("a text").text.types.is_none());
        let mut deep = json!(1);
        for _ in 0..200 {
            deep = json!([deep]);
        }
        for inexact in [json!({"a": 0.1}), json!({"a": deep})] {
            let inexact = StoredObject::new(&key, inexact, 1, 1);
            assert!(inexact.resting(&bases).is_none());
        }
    }
}

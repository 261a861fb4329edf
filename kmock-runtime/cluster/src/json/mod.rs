//! Objects as the parts of a living cluster hold them: JSON that is copied for nothing and shared where it is equal.
//!
//! A cluster of ten thousand Pods remembers each of them, and most of what they say is the same. So lists and objects are
//! shared ([`Arc`]): a copy counts a reference, a change copies the one object or list that changes, and what is taken in
//! from the API shares whatever it has in common with what is known already ([`Json::known`]). `serde_json`'s values, in
//! which the API speaks, take ten times the room. Otherwise all is named and works as there.

mod make;
mod members;
mod share;

use std::fmt;
use std::ops::{Index, IndexMut};
use std::sync::Arc;

use serde_core::{Serialize, Serializer};
use serde_json::Number;

pub(crate) use make::{ToJson, json, no_items};
pub use members::{Key, Members};

/// A JSON value.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Json {
    /// `null`, and what is not there.
    #[default]
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// Any number.
    Number(Number),
    /// A text.
    String(Arc<str>),
    /// A list.
    Array(Arc<Vec<Json>>),
    /// An object.
    Object(Arc<Members>),
}

static NULL: Json = Json::Null;

impl Json {
    /// A member of an object, if it is one and has it.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.as_object()?.get(key)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Json> {
        self.as_object_mut()?.get_mut(key)
    }

    /// A text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// A boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// A whole number that fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// A whole number that is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn as_array(&self) -> Option<&Vec<Json>> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub fn as_array_mut(&mut self) -> Option<&mut Vec<Json>> {
        match self {
            Self::Array(items) => Some(Arc::make_mut(items)),
            _ => None,
        }
    }

    /// The members of an object.
    pub fn as_object(&self) -> Option<&Members> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub fn as_object_mut(&mut self) -> Option<&mut Members> {
        match self {
            Self::Object(members) => Some(Arc::make_mut(members)),
            _ => None,
        }
    }

    /// Whether it is `null`, or not there.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether it is a text.
    pub fn is_string(&self) -> bool {
        matches!(self, Self::String(_))
    }

    /// Whether it is a list.
    pub fn is_array(&self) -> bool {
        matches!(self, Self::Array(_))
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// Whether it is a whole number that fits.
    pub fn is_i64(&self) -> bool {
        self.as_i64().is_some()
    }

    /// What is there, with `null` in its place.
    #[must_use]
    pub fn take(&mut self) -> Json {
        std::mem::take(self)
    }
}

impl Index<&str> for Json {
    type Output = Json;

    /// A member; `null` if there is none.
    fn index(&self, key: &str) -> &Json {
        self.get(key).unwrap_or(&NULL)
    }
}

impl IndexMut<&str> for Json {
    /// A member, `null` until it is set; what is no object becomes one.
    fn index_mut(&mut self, key: &str) -> &mut Json {
        let members = match self {
            Self::Object(members) => members,
            other => {
                *other = Self::from(Members::new());
                match other {
                    Self::Object(members) => members,
                    other => return other,
                }
            }
        };
        Arc::make_mut(members).entry(key)
    }
}

impl Index<&Key> for Json {
    type Output = Json;

    fn index(&self, key: &Key) -> &Json {
        &self[key.as_str()]
    }
}

impl IndexMut<&Key> for Json {
    fn index_mut(&mut self, key: &Key) -> &mut Json {
        &mut self[key.as_str()]
    }
}

impl Index<usize> for Json {
    type Output = Json;

    /// An item; `null` if there is none.
    fn index(&self, number: usize) -> &Json {
        self.as_array()
            .and_then(|items| items.get(number))
            .unwrap_or(&NULL)
    }
}

#[cfg(test)]
impl IndexMut<usize> for Json {
    /// An item that is there: for tests.
    fn index_mut(&mut self, number: usize) -> &mut Json {
        let items = self.as_array_mut().expect("a list");
        items.get_mut(number).expect("an item")
    }
}

impl PartialEq<str> for Json {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<&str> for Json {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == Some(*other)
    }
}

impl PartialEq<String> for Json {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == Some(other.as_str())
    }
}

impl PartialEq<bool> for Json {
    fn eq(&self, other: &bool) -> bool {
        self.as_bool() == Some(*other)
    }
}

impl PartialEq<i64> for Json {
    fn eq(&self, other: &i64) -> bool {
        self.as_i64() == Some(*other)
    }
}

impl PartialEq<i32> for Json {
    fn eq(&self, other: &i32) -> bool {
        self.as_i64() == Some(i64::from(*other))
    }
}

impl fmt::Display for Json {
    /// Its text, without spaces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => serializer.collect_seq(items.iter()),
            Self::Object(members) => members.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_and_writes_as_serde_json_does() {
        let text = r#"{"a":[1,-2,0.5,null,true],"b":{"c":"d\n"},"é":{}}"#;
        let theirs: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let ours = Json::from(&theirs);
        assert_eq!(ours.to_string(), text);
        assert_eq!(serde_json::Value::from(&ours), theirs);
        assert_eq!(ours["a"][1], -2);
        assert_eq!(ours["b"]["c"], "d\n");
        assert!(ours["b"]["x"]["y"].is_null() && ours["a"][9].is_null());
    }

    #[test]
    fn a_change_leaves_copies_as_they_were() {
        let first = json!({"metadata": {"name": "a"}, "status": {"ready": 1}});
        let mut second = first.clone();
        second["status"]["ready"] = 2.into();
        second["new"]["deep"] = true.into();
        assert_eq!(
            first,
            json!({"metadata": {"name": "a"}, "status": {"ready": 1}})
        );
        assert_eq!(
            second,
            json!({"metadata": {"name": "a"}, "status": {"ready": 2}, "new": {"deep": true}})
        );
        let (Json::Object(first), Json::Object(second)) = (&first["metadata"], &second["metadata"])
        else {
            panic!("objects");
        };
        assert!(Arc::ptr_eq(first, second), "what did not change is shared");
    }
}

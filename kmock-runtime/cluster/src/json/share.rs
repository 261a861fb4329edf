//! Between the API's values and ours: what is equal to something known is that.

use serde_json::Value;

use super::{Json, Key, Members};
use crate::emulator::selectors::Labels;

/// How many known values a new one is compared with.
const KNOWN: usize = 3;

pub(crate) type Known<'a> = [Option<&'a Json>; KNOWN];

impl Json {
    /// The same value; of what is part of `known` at the same place, that part.
    ///
    /// ```text
    /// known: {"labels": {"app": "web"}, "name": "a"}     new: {"labels": {"app": "web"}, "name": "b"}
    ///                   └───────────── one object, shared by both ─────┘
    /// ```
    pub(crate) fn known(value: &Value, known: Known<'_>) -> Json {
        let mut equal = known.into_iter().flatten();
        if let Some(equal) = equal.find(|known| known.says(value)) {
            return equal.clone();
        }
        match value {
            Value::Null => Json::Null,
            Value::Bool(flag) => Json::Bool(*flag),
            Value::Number(number) => Json::Number(number.clone()),
            Value::String(text) => text.as_str().into(),
            Value::Array(items) => {
                let lists = known.map(|known| known.and_then(Json::as_array));
                let items = items.iter().enumerate().map(|(place, item)| {
                    Json::known(
                        item,
                        lists.map(|list| list.and_then(|list| list.get(place))),
                    )
                });
                items.collect()
            }
            Value::Object(members) => {
                let entries = entries(members.iter(), known, |_, value, known| {
                    Json::known(value, known)
                });
                Members::sorted(entries).into()
            }
        }
    }

    /// The same of an object of the API, without what says who manages its fields.
    pub(crate) fn object(object: &Value, known: Known<'_>) -> Json {
        let Value::Object(members) = object else {
            return Json::known(object, known);
        };
        let entries = entries(members.iter(), known, |name, value, known| match value {
            Value::Object(metadata) if name == "metadata" => {
                let kept = metadata.iter().filter(|(name, _)| *name != "managedFields");
                let each = |_: &str, value: &Value, known: Known<'_>| Json::known(value, known);
                Members::sorted(entries(kept, known, each)).into()
            }
            other => Json::known(other, known),
        });
        Members::sorted(entries).into()
    }

    /// Whether it is this value.
    fn says(&self, value: &Value) -> bool {
        match (self, value) {
            (Json::Null, Value::Null) => true,
            (Json::Bool(one), Value::Bool(other)) => one == other,
            (Json::Number(one), Value::Number(other)) => one == other,
            (Json::String(one), Value::String(other)) => **one == **other,
            (Json::Array(one), Value::Array(other)) => {
                one.len() == other.len()
                    && one.iter().zip(other).all(|(one, other)| one.says(other))
            }
            (Json::Object(one), Value::Object(other)) => {
                let mut both = one.iter().zip(other);
                one.len() == other.len()
                    && both.all(|((key, one), (name, other))| **key == **name && one.says(other))
            }
            _ => false,
        }
    }
}

/// The entries of an object, which come in the order of their names; each is made beside what is known at its place.
fn entries<'a>(
    members: impl Iterator<Item = (&'a String, &'a Value)>,
    known: Known<'_>,
    each: impl Fn(&str, &Value, Known<'_>) -> Json,
) -> Vec<(Key, Json)> {
    let mut rests = known.map(|known| Rest::of(known.and_then(Json::as_object)));
    let entries = members.map(|(name, value)| {
        let mut key = None;
        let found = rests.each_mut().map(|rest| {
            let (known, value) = rest.find(name)?;
            key.get_or_insert(known);
            Some(value)
        });
        let key = key.cloned().unwrap_or_else(|| Key::from(name));
        (key, each(name, value, found))
    });
    entries.collect()
}

/// The members of a known object that come after those that were asked for.
struct Rest<'a> {
    members: &'a [(Key, Json)],
}

impl<'a> Rest<'a> {
    fn of(members: Option<&'a Members>) -> Self {
        Self {
            members: members.map_or(&[], Members::entries),
        }
    }

    /// The member of a name that comes after all that were asked for before.
    fn find(&mut self, name: &str) -> Option<(&'a Key, &'a Json)> {
        while let Some(((key, value), rest)) = self.members.split_first() {
            match key.as_str().cmp(name) {
                std::cmp::Ordering::Less => self.members = rest,
                std::cmp::Ordering::Equal => {
                    self.members = rest;
                    return Some((key, value));
                }
                std::cmp::Ordering::Greater => return None,
            }
        }
        None
    }
}

impl Labels for Members {
    fn label(&self, key: &str) -> Option<&str> {
        self.get(key)
            .map(|value| value.as_str().unwrap_or_default())
    }
}

impl From<&Value> for Json {
    fn from(value: &Value) -> Self {
        Json::known(value, [None; KNOWN])
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        Json::from(&value)
    }
}

impl From<&Json> for Value {
    fn from(value: &Json) -> Self {
        match value {
            Json::Null => Value::Null,
            Json::Bool(flag) => Value::Bool(*flag),
            Json::Number(number) => Value::Number(number.clone()),
            Json::String(text) => Value::String((**text).to_owned()),
            Json::Array(items) => items.iter().map(Value::from).collect(),
            Json::Object(members) => {
                let members = members.iter();
                let members = members.map(|(key, value)| (key.as_str().to_owned(), value.into()));
                Value::Object(members.collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn is_shared(one: &Json, other: &Json) -> bool {
        match (one, other) {
            (Json::Object(one), Json::Object(other)) => Arc::ptr_eq(one, other),
            (Json::Array(one), Json::Array(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    #[test]
    fn what_is_known_already_is_shared() {
        let one = serde_json::json!({
            "metadata": {"name": "a", "labels": {"app": "web"}, "managedFields": [{"manager": "x"}]},
            "spec": {"containers": [{"name": "c", "image": "web"}], "nodeName": "n1"},
        });
        let mut two = one.clone();
        two["metadata"]["name"] = "b".into();
        two["spec"]["nodeName"] = "n2".into();
        let first = Json::object(&one, [None; 3]);
        assert!(first["metadata"]["managedFields"].is_null());

        let second = Json::object(&two, [None, Some(&first), None]);
        assert!(is_shared(
            &first["metadata"]["labels"],
            &second["metadata"]["labels"]
        ));
        assert!(is_shared(
            &first["spec"]["containers"],
            &second["spec"]["containers"]
        ));
        assert_eq!(second["spec"]["nodeName"], "n2");
        assert_eq!(second["metadata"]["name"], "b");

        two["status"] = serde_json::json!({"phase": "Running"});
        let third = Json::object(&two, [Some(&second), Some(&first), None]);
        assert!(is_shared(&second["spec"], &third["spec"]));
        assert!(is_shared(
            &second["metadata"]["labels"],
            &third["metadata"]["labels"]
        ));
    }

    /// Names that are missing on one side or the other, and lists of other lengths: equal to what was said all the same.
    #[test]
    fn what_is_shared_says_the_same() {
        let texts = [
            "{}",
            r#"{"a":1,"c":{"x":[1,2]},"e":"t"}"#,
            r#"{"b":1,"c":{"x":[1,2,3]},"d":null}"#,
            r#"{"a":2,"b":1,"c":{"x":[1],"y":{}},"f":[]}"#,
            r#"{"a":"t","c":{"x":{"1":2}},"e":"t"}"#,
            r#"{"a":1.0,"c":[{"x":[1,2]}],"e":"t"}"#,
        ];
        let values = texts.map(|text| serde_json::from_str::<Value>(text).expect("JSON"));
        for one in &values {
            for two in &values {
                for three in &values {
                    let (two, three) = (Json::from(two), Json::from(three));
                    let made = Json::known(one, [Some(&two), None, Some(&three)]);
                    assert_eq!(Value::from(&made), *one);
                }
            }
        }
    }
}

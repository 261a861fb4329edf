//! `FieldsV1`: how a set is written into `managedFields`.
//!
//! An object nested as the fields are; `{}` is a member, and a member with more below it says so with `"."`.

use serde_json::{Map, Value};

use super::element::PathElement;
use super::set::Set;

impl Set {
    /// Writes the set as `FieldsV1`.
    pub fn to_fields_v1(&self) -> Value {
        Value::Object(self.encode(false))
    }

    fn encode(&self, is_member: bool) -> Map<String, Value> {
        let mut out = Map::new();
        if is_member && !(self.members().is_empty() && self.children().is_empty()) {
            out.insert(".".into(), Value::Object(Map::new()));
        }
        let (mut members, mut children) = (
            self.members().iter().peekable(),
            self.children().iter().peekable(),
        );
        while members.peek().is_some() || children.peek().is_some() {
            let member_first = match (members.peek(), children.peek()) {
                (Some(member), Some((step, _))) => *member < step,
                (member, _) => member.is_some(),
            };
            if member_first {
                out.extend(
                    members
                        .next()
                        .map(|member| (member.encode(), Value::Object(Map::new()))),
                );
            } else if let Some((step, below)) = children.next() {
                let is_member = members.next_if(|member| *member == step).is_some();
                out.insert(step.encode(), Value::Object(below.encode(is_member)));
            }
        }
        out
    }

    /// Reads `FieldsV1`. Steps of an unknown kind are skipped.
    pub fn from_fields_v1(fields: &Value) -> Result<Set, String> {
        match fields {
            Value::Null => Ok(Set::new()),
            Value::Object(map) => Ok(decode(map)?.0.unwrap_or_default()),
            _ => Err("expected an object".into()),
        }
    }
}

/// What lies below, and whether the node itself is a member; one without anything below always is.
fn decode(map: &Map<String, Value>) -> Result<(Option<Set>, bool), String> {
    let mut below: Option<Set> = None;
    let mut is_member = false;
    for (key, value) in map {
        if key == "." {
            is_member = true;
            continue;
        }
        let Some(step) = PathElement::decode(key)? else {
            continue;
        };
        let (grandchildren, child_is_member) = match value {
            Value::Object(map) => decode(map)?,
            _ => return Err(format!("expected an object below {key:?}")),
        };
        let below = below.get_or_insert_default();
        if child_is_member {
            below.insert_member(step.clone());
        }
        if let Some(grandchildren) = grandchildren {
            below.insert_child(step, grandchildren);
        }
    }
    let is_member = is_member || below.is_none();
    Ok((below, is_member))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_dot_means_the_node_itself() {
        let fields = json!({
            "f:data": {".": {}, "f:k": {}},
            "f:metadata": {"f:finalizers": {"v:\"a\"": {}}},
            "f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}},
        });
        let set = Set::from_fields_v1(&fields).expect("valid");
        assert!(set.has(&[PathElement::field("data")]));
        assert!(!set.has(&[PathElement::field("metadata")]));
        assert_eq!(set.to_fields_v1(), fields);
        assert_eq!(set.len(), 5);
    }

    #[test]
    fn a_lone_dot_is_written_as_a_plain_member() {
        let set = Set::from_fields_v1(&json!({"f:data": {".": {}}})).expect("valid");
        assert_eq!(set.to_fields_v1(), json!({"f:data": {}}));
        assert!(Set::from_fields_v1(&json!({"f:a": 1})).is_err());
        assert!(Set::from_fields_v1(&json!({})).expect("valid").is_empty());
    }
}

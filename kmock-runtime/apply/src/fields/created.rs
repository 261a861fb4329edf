//! What the manager of a new object owns, written as `FieldsV1` at once.
//!
//! It is what [`compare`](super::compare::compare) tells of the empty object and the new one, without the fields that no manager
//! owns. Most objects are new, and most of them, like events, are never written again: their sets need not be made.

use serde_json::{Map, Value};

use super::compare::{check_either, items, leaf};
use super::element::{PathElement, field_key};
use super::set::Set;
use super::typed::{Shape, TypedErrors, are_unique, item_step, shape};
use crate::schema::{ListType, MapType, Schema};

/// Why fields could not be told at once.
#[derive(Debug)]
pub(crate) enum Untold {
    /// The objects do not conform to the schema.
    Invalid,
    /// Something that only the comparison of sets tells: items that are repeated or have no keys, lists that had items before,
    /// fields of items that nobody owns, types that change.
    Unusual,
}

impl From<TypedErrors> for Untold {
    fn from(_: TypedErrors) -> Self {
        Self::Invalid
    }
}

/// Fields that nobody owns, as far as they lie below a value.
#[derive(Clone, Copy, Debug, Default)]
struct Left<'a> {
    /// Left out by themselves.
    out: Option<&'a Set>,
    /// Left out with all below them.
    whole: Option<&'a Set>,
}

impl Left<'_> {
    fn below(self, name: &str) -> Self {
        Left {
            out: self.out.and_then(|set| set.below_field(name)),
            whole: self.whole.and_then(|set| set.below_field(name)),
        }
    }

    fn has(set: Option<&Set>, name: &str) -> bool {
        set.is_some_and(|set| set.has_field(name))
    }
}

/// What is owned of a new object, beside `out`, and `whole` with all below it: empty when nothing is.
pub(crate) fn created(
    schema: &Schema,
    empty: &Value,
    new: &Value,
    out: &Set,
    whole: Option<&Set>,
) -> Result<Map<String, Value>, Untold> {
    let left = Left {
        out: Some(out),
        whole,
    };
    let mut owned = Map::new();
    walk(schema, Some(empty), new, left, &mut owned)?;
    Ok(owned)
}

/// Whether the value itself is owned; what is owned below it is added to `below`.
fn walk(
    schema: &Schema,
    old: Option<&Value>,
    new: &Value,
    left: Left<'_>,
    below: &mut Map<String, Value>,
) -> Result<bool, Untold> {
    let form = shape(schema, Some(new));
    if old.is_some() && form != shape(schema, old) {
        return Err(Untold::Unusual);
    }
    let of_leaf = || leaf(old, Some(new)).is_written();
    match form {
        Shape::Scalar(scalar) => {
            check_either(scalar, old, Some(new))?;
            return Ok(of_leaf());
        }
        Shape::List => {
            let (before, now) = (items(old), items(Some(new)));
            if schema.list_type() == ListType::Atomic || (before.is_empty() && now.is_empty()) {
                return Ok(of_leaf());
            }
            if !before.is_empty() || left.out.or(left.whole).is_some() {
                return Err(Untold::Unusual);
            }
            walk_items(schema, now, below)?;
        }
        Shape::Map | Shape::Open => {
            let before = old.and_then(Value::as_object);
            let now = new.as_object();
            let is_empty = |map: Option<&Map<_, _>>| map.is_none_or(Map::is_empty);
            if schema.map_type() == MapType::Atomic || (is_empty(before) && is_empty(now)) {
                return Ok(of_leaf());
            }
            for (name, value) in now.into_iter().flatten() {
                let before = before.and_then(|map| map.get(name));
                if before != Some(value) {
                    walk_field(schema, name, before, value, left, below)?;
                }
            }
        }
    }
    Ok(old.is_none())
}

fn walk_field(
    schema: &Schema,
    name: &str,
    old: Option<&Value>,
    new: &Value,
    left: Left<'_>,
    out: &mut Map<String, Value>,
) -> Result<(), Untold> {
    let of_field = schema.field(name).unwrap_or_else(|| Schema::any());
    let mut below = Map::new();
    let is_owned =
        walk(of_field, old, new, left.below(name), &mut below)? && !Left::has(left.out, name);
    // It has to conform to the schema nevertheless.
    if Left::has(left.whole, name) {
        return Ok(());
    }
    if is_owned || !below.is_empty() {
        out.insert(field_key(name), told(is_owned, below));
    }
    Ok(())
}

fn walk_items(
    schema: &Schema,
    items: &[Value],
    out: &mut Map<String, Value>,
) -> Result<(), Untold> {
    let step_of = |item| item_step(schema, item).map_err(|_| Untold::Unusual);
    let steps: Vec<PathElement> = items.iter().map(step_of).collect::<Result<_, _>>()?;
    if !are_unique(&steps) {
        return Err(Untold::Unusual);
    }
    for (step, item) in steps.into_iter().zip(items) {
        let mut below = Map::new();
        let is_owned = walk(schema.items(), None, item, Left::default(), &mut below)?;
        if is_owned || !below.is_empty() {
            out.insert(step.encode(), told(is_owned, below));
        }
    }
    Ok(())
}

/// How `FieldsV1` tells a field with what is owned below it.
fn told(is_owned: bool, mut below: Map<String, Value>) -> Value {
    if is_owned && !below.is_empty() {
        below.insert(".".into(), Value::Object(Map::new()));
    }
    Value::Object(below)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::compare::compare;
    use super::*;

    fn nobodys() -> (Set, Set) {
        let out: &[&[&str]] = &[&["kind"], &["metadata"], &["metadata", "name"]];
        let whole: &[&[&str]] = &[&["status"], &["spec", "clusterIP"]];
        (Set::of_names(out), Set::of_names(whole))
    }

    /// What the comparison of sets tells.
    fn compared(schema: &Schema, empty: &Value, new: &Value) -> Value {
        let (out, whole) = nobodys();
        let own = compare(schema, empty, new).expect("valid");
        let mut owned = own.without(Some(&whole)).written();
        owned.subtract(&out);
        owned.to_fields_v1()
    }

    #[test]
    fn it_is_what_the_comparison_tells() {
        let custom = Schema::of_custom_resource(Some(&json!({"type": "object", "properties": {
            "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {
                "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                "keyed": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
                    "items": {"type": "object", "properties": {"k": {"type": "string"}, "v": {"type": "integer"}}}},
                "whole": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"a": {"type": "string"}}},
            }},
            "status": {"type": "object", "properties": {"n": {"type": "integer"}}},
        }})));
        let kind = |group, version, kind| Schema::of_kind(group, version, kind).expect("a kind");
        for (schema, empty, new) in [
            (
                kind("", "v1", "Pod"),
                json!({"metadata": {}, "spec": {"containers": null}, "status": {}}),
                json!({"kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b", "c/d": ""}, "annotations": {},
                    "ownerReferences": [{"uid": "u", "name": "o", "kind": "K", "apiVersion": "v1"}], "finalizers": ["f", "a"]},
                    "spec": {"containers": [{"name": "c", "image": "i", "env": [{"name": "E", "value": "<"}],
                        "ports": [{"containerPort": 80, "protocol": "TCP"}], "command": ["a", "b"],
                        "resources": {"limits": {"cpu": "1"}}}, {"name": "b", "volumeMounts": []}],
                        "tolerations": [{"key": "x"}], "hostNetwork": false, "volumes": null},
                    "status": {"phase": "Pending"}}),
            ),
            (
                kind("", "v1", "Event"),
                json!({"metadata": {}, "involvedObject": {}, "source": {}, "firstTimestamp": null, "reportingComponent": ""}),
                json!({"metadata": {"name": "e", "namespace": "n"}, "involvedObject": {"kind": "Pod"}, "source": {},
                    "firstTimestamp": "2026-01-01T00:00:00Z", "reportingComponent": "k", "count": 1, "message": ""}),
            ),
            (
                kind("", "v1", "Service"),
                json!({"metadata": {}, "spec": {}, "status": {"loadBalancer": {}}}),
                json!({"spec": {"clusterIP": "10.0.0.1", "selector": {"a": "b"}, "ports": [{"port": 80}, {"port": 81, "protocol": "UDP"}]},
                    "status": {"loadBalancer": {}}}),
            ),
            (
                &custom,
                json!({}),
                json!({"kind": "K", "spec": {"set": ["b", "a"], "keyed": [{"k": "y", "v": 1}, {"k": "x"}], "whole": {"a": "1"},
                    "more": {"x": [1, {"y": 2}], "e": {}, "n": null}}, "status": {"n": 1}, "other": true}),
            ),
            (
                &custom,
                json!({}),
                json!({"spec": {"set": [], "keyed": [], "whole": {}}}),
            ),
            (&custom, json!({}), json!({"kind": "K", "status": {"n": 1}})),
        ] {
            let (out, whole) = nobodys();
            let owned = created(schema, &empty, &new, &out, Some(&whole)).expect("usual");
            assert_eq!(
                Value::Object(owned),
                compared(schema, &empty, &new),
                "{new}"
            );
        }
    }

    #[test]
    fn what_only_sets_tell_is_left_to_them() {
        let (pod, none) = (Schema::of_kind("", "v1", "Pod").expect("Pod"), Set::new());
        let repeated = json!({"spec": {"containers": [{"name": "a"}, {"name": "a"}]}});
        let found = created(pod, &json!({}), &repeated, &none, None);
        assert!(matches!(found, Err(Untold::Unusual)), "{found:?}");
        let image = [
            PathElement::field("spec"),
            PathElement::field("containers"),
            PathElement::key(vec![("name".into(), "a".into())]),
            PathElement::field("image"),
        ];
        let mut reset = Set::new();
        reset.insert(&image);
        let new = json!({"spec": {"containers": [{"name": "a", "image": "i"}]}});
        let found = created(pod, &json!({}), &new, &none, Some(&reset));
        assert!(matches!(found, Err(Untold::Unusual)), "{found:?}");
        let wrong = |name: u8| json!({"spec": {"nodeName": name}});
        let found = created(pod, &wrong(1), &wrong(2), &none, None);
        assert!(matches!(found, Err(Untold::Invalid)), "{found:?}");
    }
}

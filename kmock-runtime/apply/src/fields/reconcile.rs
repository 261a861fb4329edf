//! Sets that were written under an older schema: what became atomic since is owned whole.

use super::element::PathElement;
use super::set::Set;
use crate::schema::{ListType, MapType, Schema, Type};

/// The set as it is under the present schema; `None` when nothing changes.
pub fn reconcile(schema: &Schema, set: &Set) -> Option<Set> {
    let mut whole = Set::new();
    walk(schema, Some(set), false, &mut Vec::new(), &mut whole);
    (!whole.is_empty()).then(|| set.recursive_difference(&whole).union(&whole))
}

fn walk(
    schema: &Schema,
    set: Option<&Set>,
    is_leaf: bool,
    path: &mut Vec<PathElement>,
    whole: &mut Set,
) {
    match schema.kind() {
        Type::Array => {
            if !is_leaf && schema.list_type() == ListType::Atomic {
                whole.insert(path);
            } else if let Some(set) = set {
                each(set, path, |_, below, is_leaf, path| {
                    walk(schema.items(), below, is_leaf, path, whole);
                });
            }
        }
        Type::Object | Type::Any => {
            // Objects of free form have no type to change.
            if schema.properties().len() == 0
                && schema.additional().is_some_and(|of| of.kind() == Type::Any)
            {
                return;
            }
            if !is_leaf && schema.map_type() == MapType::Atomic {
                if set.is_some_and(|set| !set.is_empty()) {
                    whole.insert(path);
                }
            } else if let Some(set) = set {
                each(set, path, |step, below, is_leaf, path| {
                    let of_step = match step {
                        PathElement::Field(name) => schema.field(name),
                        _ => schema.additional(),
                    };
                    if let Some(of_step) = of_step {
                        walk(of_step, below, is_leaf, path, whole);
                    }
                });
            }
        }
        _ => {}
    }
}

fn each(
    set: &Set,
    path: &mut Vec<PathElement>,
    mut visit: impl FnMut(&PathElement, Option<&Set>, bool, &mut Vec<PathElement>),
) {
    for (step, below) in set.children() {
        path.push(step.clone());
        visit(step, Some(below), false, path);
        path.pop();
    }
    for step in set.members() {
        if set.below(step).is_none() {
            path.push(step.clone());
            visit(step, None, true, path);
            path.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_became_atomic_is_owned_whole() {
        let old =
            Set::from_fields_v1(&json!({"f:spec": {"f:m": {"f:a": {}, "f:b": {}}, "f:n": {}}}))
                .expect("valid");
        let schema = Schema::parse(
            &json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
                "n": {"type": "integer"},
                "m": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"a": {"type": "string"}}},
            }}}}),
        );
        let new = reconcile(&schema, &old).expect("changed");
        assert_eq!(
            new.to_fields_v1(),
            json!({"f:spec": {"f:m": {}, "f:n": {}}})
        );
        assert_eq!(reconcile(&schema, &new), None);
    }
}

//! What changed between two values: fields added, modified and removed.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::element::{PathElement, equal_values};
use super::set::Set;
use super::typed::{Scalar, Shape, TypedErrors, are_unique, check_scalar, item_step, shape};
use crate::schema::{ListType, MapType, Schema};

/// The difference of two values, as three sets without a common member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Fields that only the new value has.
    pub added: Set,
    /// Fields that both have with different values.
    pub modified: Set,
    /// Fields that only the old value has.
    pub removed: Set,
}

impl Comparison {
    /// Leaves out some fields and all below them.
    #[must_use]
    pub fn without(mut self, fields: Option<&Set>) -> Comparison {
        if let Some(fields) = fields {
            for set in [&mut self.added, &mut self.modified, &mut self.removed] {
                set.subtract_recursively(fields);
            }
        }
        self
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }

    /// Added and modified together.
    pub fn written(self) -> Set {
        let mut written = self.added;
        written.absorb(self.modified);
        written
    }
}

/// Compares two values of one schema.
pub fn compare(schema: &Schema, old: &Value, new: &Value) -> Result<Comparison, TypedErrors> {
    let mut out = Comparison::default();
    walk(schema, Some(old), Some(new), &mut out)?;
    Ok(out)
}

/// What happened to a value itself, beside what happened below it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    added: bool,
    modified: bool,
    removed: bool,
}

impl Mark {
    /// Whether the new value has it, and the old one not so.
    pub(crate) fn is_written(self) -> bool {
        self.added || self.modified
    }

    fn is_set(self) -> bool {
        self.added || self.modified || self.removed
    }
}

fn walk(
    schema: &Schema,
    old: Option<&Value>,
    new: Option<&Value>,
    below: &mut Comparison,
) -> Result<Mark, TypedErrors> {
    let (old_shape, new_shape) = (shape(schema, old), shape(schema, new));
    let (mut mark, is_leaf) = if new.is_none() {
        treat(schema, old_shape, old, new, below)?
    } else if old.is_none() || old_shape == new_shape {
        treat(schema, new_shape, old, new, below)?
    } else {
        // The value changed its type: both sides have their say.
        let (first, _) = treat(schema, old_shape, old, new, below)?;
        let (mut mark, is_leaf) = treat(schema, new_shape, old, new, below)?;
        mark.modified |= first.modified;
        (mark, is_leaf)
    };
    if !is_leaf {
        mark.added |= old.is_none();
        mark.removed |= new.is_none();
    }
    Ok(mark)
}

/// Compares as that shape; says also whether the value was taken as a whole.
fn treat(
    schema: &Schema,
    shape: Shape,
    old: Option<&Value>,
    new: Option<&Value>,
    below: &mut Comparison,
) -> Result<(Mark, bool), TypedErrors> {
    match shape {
        Shape::Scalar(scalar) => {
            check_either(scalar, old, new)?;
            Ok((leaf(old, new), true))
        }
        Shape::List => {
            let (a, b) = (items(old), items(new));
            if schema.list_type() == ListType::Atomic || (a.is_empty() && b.is_empty()) {
                return Ok((leaf(old, new), true));
            }
            compare_items(schema, a, b, below)?;
            Ok((Mark::default(), false))
        }
        Shape::Map | Shape::Open => {
            let (a, b) = (
                old.and_then(Value::as_object),
                new.and_then(Value::as_object),
            );
            if schema.map_type() == MapType::Atomic
                || (a.is_none_or(Map::is_empty) && b.is_none_or(Map::is_empty))
            {
                return Ok((leaf(old, new), true));
            }
            for (name, value) in a.into_iter().flatten() {
                compare_below(
                    schema,
                    name,
                    Some(value),
                    b.and_then(|b| b.get(name)),
                    below,
                )?;
            }
            for (name, value) in b.into_iter().flatten() {
                if a.is_none_or(|a| !a.contains_key(name)) {
                    compare_below(schema, name, None, Some(value), below)?;
                }
            }
            Ok((Mark::default(), false))
        }
    }
}

pub(crate) fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// One valid side is enough.
pub(crate) fn check_either(
    scalar: Scalar,
    old: Option<&Value>,
    new: Option<&Value>,
) -> Result<(), TypedErrors> {
    let check = |value: Option<&Value>| value.map_or(Ok(()), |value| check_scalar(scalar, value));
    match (check(old), check(new)) {
        (Err(old), Err(new)) => Err(TypedErrors(vec![
            (String::new(), format!("lhs: {old}")),
            (String::new(), format!("rhs: {new}")),
        ])),
        _ => Ok(()),
    }
}

pub(crate) fn leaf(old: Option<&Value>, new: Option<&Value>) -> Mark {
    match (old, new) {
        (None, _) => Mark {
            added: true,
            ..Mark::default()
        },
        (_, None) => Mark {
            removed: true,
            ..Mark::default()
        },
        (Some(old), Some(new)) => Mark {
            modified: !equal_values(old, new),
            ..Mark::default()
        },
    }
}

fn compare_below(
    schema: &Schema,
    name: &str,
    old: Option<&Value>,
    new: Option<&Value>,
    out: &mut Comparison,
) -> Result<(), TypedErrors> {
    // The usual case of a large object with a small change.
    if let (Some(old), Some(new)) = (old, new)
        && old == new
    {
        return Ok(());
    }
    let named = schema.named_property(name);
    let of_field = named
        .map(|(_, schema)| schema)
        .or_else(|| schema.additional())
        .unwrap_or_else(|| Schema::any());
    let step = || {
        named.map_or_else(
            || PathElement::field(name),
            |(name, _)| PathElement::Field(name.clone()),
        )
    };
    // Most fields are scalars, whatever is in them: nothing lies below.
    if let Shape::Scalar(scalar) = shape(of_field, None) {
        check_either(scalar, old, new).map_err(|errors| errors.below(&format_args!(".{name}")))?;
        let mark = leaf(old, new);
        if mark.is_set() {
            attach_leaf(step(), mark, out);
        }
        return Ok(());
    }
    let mut below = Comparison::default();
    let mark = walk(of_field, old, new, &mut below)
        .map_err(|errors| errors.below(&format_args!(".{name}")))?;
    if mark.is_set() || !below.is_empty() {
        attach(step(), mark, below, out);
    }
    Ok(())
}

fn attach_leaf(step: PathElement, mark: Mark, out: &mut Comparison) {
    if mark.added {
        out.added.insert_member(step);
    } else if mark.modified {
        out.modified.insert_member(step);
    } else {
        out.removed.insert_member(step);
    }
}

fn attach(step: PathElement, mark: Mark, below: Comparison, out: &mut Comparison) {
    for (marked, below, out) in [
        (mark.added, below.added, &mut out.added),
        (mark.modified, below.modified, &mut out.modified),
        (mark.removed, below.removed, &mut out.removed),
    ] {
        if marked {
            out.insert_member(step.clone());
        }
        if !below.is_empty() {
            out.insert_child(step.clone(), below);
        }
    }
}

fn compare_items(
    schema: &Schema,
    old: &[Value],
    new: &[Value],
    out: &mut Comparison,
) -> Result<(), TypedErrors> {
    let steps_of = |items: &[Value]| -> Result<Vec<PathElement>, TypedErrors> {
        items
            .iter()
            .enumerate()
            .map(|(index, item)| step_of(schema, index, item))
            .collect()
    };
    let (old_steps, new_steps) = (steps_of(old)?, steps_of(new)?);
    // The usual case: the same items in the same order.
    if old_steps == new_steps && are_unique(&old_steps) {
        for (step, (old, new)) in old_steps.into_iter().zip(old.iter().zip(new)) {
            let mut below = Comparison::default();
            let mark = walk(schema.items(), Some(old), Some(new), &mut below)
                .map_err(|errors| errors.below(&step))?;
            if mark.is_set() || !below.is_empty() {
                attach(step, mark, below, out);
            }
        }
        return Ok(());
    }
    let mut all: BTreeMap<PathElement, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
    for (step, item) in old_steps.into_iter().zip(old) {
        all.entry(step).or_default().0.push(item);
    }
    for (step, item) in new_steps.into_iter().zip(new) {
        all.entry(step).or_default().1.push(item);
    }
    for (step, (old, new)) in all {
        let mut below = Comparison::default();
        let item = |old: Option<&&Value>, new: Option<&&Value>, below: &mut Comparison| {
            walk(schema.items(), old.copied(), new.copied(), below)
                .map_err(|errors| errors.below(&step))
        };
        // Items that are repeated are one thing, known by the repeated step.
        let mark = match (old.len(), new.len()) {
            (0 | 1, 0 | 1) => item(old.first(), new.first(), &mut below)?,
            (2.., 2..) => {
                let same =
                    old.len() == new.len() && old.iter().zip(&new).all(|(a, b)| equal_values(a, b));
                Mark {
                    modified: !same,
                    ..Mark::default()
                }
            }
            (2.., _) => {
                let mark = if new.is_empty() {
                    Mark::default()
                } else {
                    item(None, new.first(), &mut below)?
                };
                Mark {
                    removed: true,
                    ..mark
                }
            }
            (_, _) => {
                let mark = if old.is_empty() {
                    Mark::default()
                } else {
                    item(old.first(), None, &mut below)?
                };
                Mark {
                    added: true,
                    ..mark
                }
            }
        };
        attach(step, mark, below, out);
    }
    Ok(())
}

fn step_of(schema: &Schema, index: usize, item: &Value) -> Result<PathElement, TypedErrors> {
    item_step(schema, item)
        .map_err(|message| TypedErrors::one("", format!("element {index}: {message}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_changed() {
        let schema = Schema::of_kind("", "v1", "Service").expect("Service");
        let old = json!({"metadata": {"labels": {"a": "1"}}, "spec": {"ports": [{"port": 80}], "type": "ClusterIP"}});
        let new = json!({"metadata": {}, "spec": {"ports": [{"port": 80}, {"port": 81}], "type": "NodePort"}});
        let got = compare(schema, &old, &new).expect("valid");
        assert_eq!(got.modified, Set::of_names(&[&["spec", "type"]]));
        assert_eq!(
            got.removed,
            Set::of_names(&[&["metadata", "labels"], &["metadata", "labels", "a"]])
        );
        assert_eq!(
            got.added.to_fields_v1(),
            json!({"f:spec": {"f:ports": {"k:{\"port\":81,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}}})
        );
        assert_eq!(
            compare(schema, &old, &old).expect("valid"),
            Comparison::default()
        );
    }

    #[test]
    fn emptied_objects_are_modified_whole() {
        let schema = Schema::of_kind("", "v1", "ConfigMap").expect("ConfigMap");
        let got =
            compare(schema, &json!({"data": {"k": "1"}}), &json!({"data": {}})).expect("valid");
        assert_eq!(got.removed, Set::of_names(&[&["data", "k"]]));
        assert!(got.modified.is_empty() && got.added.is_empty());
    }
}

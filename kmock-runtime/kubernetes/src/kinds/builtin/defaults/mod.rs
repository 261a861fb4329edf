//! Defaults of the built-in kinds, filled in on every object that is read.
//!
//! As the API server does it: the object is walked by its Go types, outer types first, and each type
//! that has defaults fills in its own fields. So a pod template gets the same defaults wherever it is,
//! also when a patch has brought it there. Rules of `pkg/apis/*/v1/defaults.go`, v1.36.

mod core;
mod other;
mod workloads;

use serde_json::Value;

use super::gotypes::{Defaults, Field, GoType, Struct};
use super::quantity::Quantity;
use super::values::JsonObject;

pub use workloads::SHARED_LABELS;

/// How the fields of a type get what it says of them.
type Rule = fn(&mut JsonObject);

/// Fills in the defaults of an object of that type; members that are `kept` have theirs.
pub fn fill(root: &'static Struct, value: &mut Value, kept: &[&str]) {
    let known = of_type(root);
    let Value::Object(object) = value else { return };
    if !known.any {
        return;
    }
    if let Some(own) = known.own {
        own(object);
    }
    let holders = object.iter_mut().filter(|(_, value)| holds(value));
    for (name, value) in holders {
        if kept.contains(&name.as_str()) {
            continue;
        }
        if let Some(field) = root.field(name)
            && !is_plain(root, field)
        {
            descend(&field.ty, value);
        }
    }
}

fn holds(value: &Value) -> bool {
    matches!(value, Value::Object(_) | Value::Array(_))
}

/// Amounts of the group node have no defaults of their own.
fn is_plain(root: &Struct, field: &Field) -> bool {
    root.name == "node.v1.Overhead" && field.name == "podFixed"
}

fn descend(ty: &GoType, value: &mut Value) {
    match (ty, value) {
        (GoType::Named(_, AMOUNTS), Value::Object(list)) => round_to_milli(list),
        (GoType::Named(inner, _) | GoType::Pointer(inner), value) => descend(inner, value),
        (GoType::Struct(name), value) => {
            if let Some(target) = name.get() {
                fill(target, value, &[]);
            }
        }
        (GoType::Slice(inner), Value::Array(items)) if inner.element_struct().is_some() => {
            items.iter_mut().for_each(|item| descend(inner, item));
        }
        (GoType::Map(_, inner), Value::Object(map)) if inner.element_struct().is_some() => {
            map.values_mut().for_each(|item| descend(inner, item));
        }
        _ => {}
    }
}

/// Lists of amounts, which are rounded wherever they are.
const AMOUNTS: &str = "v1.ResourceList";

/// What there is to do for a type: found out once.
fn of_type(root: &'static Struct) -> Defaults {
    *root.defaults.get_or_init(|| Defaults {
        own: rule(root.name),
        any: has_any(root, &mut Vec::new()),
    })
}

fn has_any(root: &'static Struct, seen: &mut Vec<&'static str>) -> bool {
    if seen.contains(&root.name) {
        return false;
    }
    seen.push(root.name);
    rule(root.name).is_some()
        || root.fields.iter().any(|field| {
            let below = field.ty.element_struct();
            is_amounts(&field.ty) || below.is_some_and(|below| has_any(below, seen))
        })
}

/// Amounts of resources are kept in thousandths.
fn round_to_milli(list: &mut JsonObject) {
    for value in list.values_mut() {
        let Some(quantity) = Quantity::of(value) else {
            continue;
        };
        // Where nothing is rounded, the spelling stays, too.
        if quantity.is_finer_than_milli() {
            *value = quantity.rounded_to_milli().to_string().into();
        }
    }
}

fn is_amounts(ty: &GoType) -> bool {
    match ty {
        GoType::Named(_, AMOUNTS) => true,
        GoType::Named(inner, _) | GoType::Pointer(inner) => is_amounts(inner),
        _ => false,
    }
}

fn rule(name: &str) -> Option<Rule> {
    match name.split('.').next() {
        Some("core") => core::rule(name),
        Some("apps" | "batch" | "autoscaling") => workloads::rule(name),
        _ => other::rule(name),
    }
}

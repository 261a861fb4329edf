//! Defaults of the built-in kinds, filled in on every decoded object.
//!
//! As the API server does it: the object is walked by its Go types, outer types first, and each type
//! that has defaults fills in its own fields. So a pod template gets the same defaults wherever it is,
//! also when a patch has brought it there. Rules of `pkg/apis/*/v1/defaults.go`, v1.36.

mod core;
mod other;
mod workloads;

use serde_json::Value;

use super::gotypes::{GoType, Struct};
use super::quantity::Quantity;
use super::values::JsonObject;

pub use workloads::SHARED_LABELS;

/// Fills in the defaults of an object of that type.
pub fn fill(root: &'static Struct, value: &mut Value) {
    let Value::Object(object) = value else { return };
    of_type(root.name, object);
    for field in &root.fields {
        if let Some(value) = object.get_mut(field.name)
            // Amounts of the group node have no defaults of their own.
            && !(root.name == "node.v1.Overhead" && field.name == "podFixed")
        {
            descend(&field.ty, value);
        }
    }
}

fn descend(ty: &GoType, value: &mut Value) {
    match (ty, value) {
        (GoType::Named(_, "v1.ResourceList"), Value::Object(list)) => round_to_milli(list),
        (GoType::Named(inner, _) | GoType::Pointer(inner), value) => descend(inner, value),
        (GoType::Struct(name), value) if value.is_object() => {
            if let Some(target) = Struct::named(name) {
                fill(target, value);
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

fn of_type(name: &str, object: &mut JsonObject) {
    match name.split('.').next() {
        Some("core") => core::fill(name, object),
        Some("apps" | "batch" | "autoscaling") => workloads::fill(name, object),
        _ => other::fill(name, object),
    }
}

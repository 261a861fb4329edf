//! The built-in kinds: what the API server knows about its own types.
//!
//! ```text
//! body ─► decode (Go types, complaints) ─► convert::aliases ─► defaults ─► admission ─► prepare ─► validate ─► stored
//!                                                             objects ─► printers (Tables), fields (selectors)
//! ```
//!
//! Rooms by task, inside them by API group. Types are named as their Go packages: `apps.v1.Deployment`.

pub(crate) mod amounts;
mod autoscalers;
pub mod base64;
mod certificates;
mod convert;
pub mod decode;
pub mod defaults;
mod disabled;
mod fields;
pub mod gotypes;
mod internal_form;
pub(crate) mod limit_ranges;
mod pods;
mod prepare;
mod printers;
pub mod quantity;
pub(crate) mod quota;
pub(crate) mod references;
pub(crate) mod retype;
mod row;
mod rows;
pub(crate) mod services;
mod shown;
pub mod strategy;
pub mod times;
pub mod tokens;
mod unstructured;
mod validate;
pub mod values;
mod warnings;

use serde_json::Value;

pub(crate) use self::validate::values_of;

/// The object in the form that the server prints as tables and metadata, where that is not the one it is asked for in:
/// what the old versions of its kind keep in annotations is in fields there.
pub fn internal(object: &Value) -> Option<Value> {
    match (
        values::text(object, &["kind"]),
        values::text(object, &["apiVersion"]),
    ) {
        ("DaemonSet", "apps/v1") => {
            const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";
            values::at(object, &["metadata", "annotations", TEMPLATE_GENERATION]).as_str()?;
            let mut internal = object.clone();
            let metadata = internal.get_mut("metadata")?.as_object_mut()?;
            let annotations = metadata.get_mut("annotations")?.as_object_mut()?;
            annotations.remove(TEMPLATE_GENERATION);
            if annotations.is_empty() {
                metadata.remove("annotations");
            }
            Some(internal)
        }
        ("HorizontalPodAutoscaler", "autoscaling/v1") => {
            let mut internal = object.clone();
            convert::between(&mut internal, "autoscaling/v1", "autoscaling/v2");
            internal["apiVersion"] = "autoscaling/v2".into();
            Some(internal)
        }
        _ => None,
    }
}

/// The metadata of that form.
pub fn internal_metadata(object: &Value) -> Option<Value> {
    internal(object)?.get_mut("metadata").map(Value::take)
}

/// The cells of a `Scale`.
pub fn scale_cells(scale: &Value, now: jiff::Timestamp) -> Vec<Value> {
    printers::scale(scale, now)
}

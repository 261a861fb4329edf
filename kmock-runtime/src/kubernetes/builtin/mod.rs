//! The built-in kinds: what the API server knows about its own types.
//!
//! ```text
//! body ─► decode (Go types, complaints) ─► convert::aliases ─► defaults ─► admission ─► prepare ─► validate ─► stored
//!                                                             objects ─► printers (Tables), fields (selectors)
//! ```
//!
//! Rooms by task, inside them by API group. Types are named as their Go packages: `apps.v1.Deployment`.

mod admission;
mod autoscalers;
pub mod base64;
mod convert;
pub mod decode;
pub mod defaults;
mod disabled;
mod fields;
pub mod gotypes;
mod pods;
mod prepare;
mod printers;
pub mod quantity;
mod services;
pub mod strategy;
pub mod times;
mod unstructured;
mod validate;
pub mod values;
mod warnings;

use serde_json::Value;

/// The metadata of an object as the server's internal type has it, where that differs from what the object prints:
/// a DaemonSet's template generation is a field there. `PartialObjectMetadata` is made from the internal type.
pub fn internal_metadata(object: &Value) -> Option<Value> {
    if values::text(object, &["kind"]) != "DaemonSet"
        || values::text(object, &["apiVersion"]) != "apps/v1"
    {
        return None;
    }
    let mut metadata = object.get("metadata")?.clone();
    let map = metadata.as_object_mut()?;
    let annotations = map.get_mut("annotations")?.as_object_mut()?;
    annotations.remove("deprecated.daemonset.template.generation")?;
    if annotations.is_empty() {
        map.remove("annotations");
    }
    Some(metadata)
}

//! The built-in kinds: what the API server knows about its own types.
//!
//! ```text
//! body ─► decode (Go types, complaints) ─► convert::aliases ─► defaults ─► admission ─► prepare ─► validate ─► stored
//!                                                             objects ─► printers (Tables), fields (selectors)
//! ```
//!
//! Rooms by task, inside them by API group. Types are named as their Go packages: `apps.v1.Deployment`.

mod admission;
pub mod base64;
mod convert;
pub mod decode;
pub mod defaults;
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

//! The engine of kmock: an HTTP mock server and an in-memory Kubernetes API, usable without macros.
//!
//! Most users want the crate `kmock`, which adds the language on top.

#[cfg(feature = "kubernetes")]
pub mod kubernetes;

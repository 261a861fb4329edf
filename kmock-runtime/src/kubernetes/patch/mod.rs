//! Patches as the API server applies them: pure functions from an object and a patch to the patched object.
//!
//! [`json`] and [`merge`] know nothing of types; [`strategic`] asks a schema for merge keys and strategies;
//! server-side apply is [`fields::apply`](crate::kubernetes::fields::apply), and [`apply`] puts the API server's
//! checks around it. What a patch may be sent to, and how its failures become a `Status`, is the business of
//! `serve/patch.rs`.

pub mod apply;
pub mod json;
pub mod merge;
pub mod strategic;

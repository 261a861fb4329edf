#![doc = include_str!("../README.md")]
//! # The rooms
//!
//! From the ground up (the ground is `kmock-apply`: schemas, sets of fields, patches and server-side apply).
//! Each uses only those above it in this list:
//!
//! - `text`: YAML, digests.
//! - `model`: what is asked for, resources, `Status`, metadata, selectors, and the `Strategy` of a kind.
//! - `state`: the store, the registry of resources, and the [`Cluster`] that holds both.
//! - `kinds`: the built-in kinds and custom resources.
//! - `wire`: the forms of an answer: JSON, protobuf, tables, and which of them a client accepts.
//! - `api`: the verbs and the other endpoints.
//! - `doors`: what tests hold: [`Objects`], [`Resources`], a fresh cluster.
//!
//! What users name stands at the root; what this repository's own crates, tests and benchmarks use besides is in `internals`.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![allow(
    unreachable_pub,
    reason = "the rooms are private: in them, `pub` is what other rooms may use"
)]

mod api;
mod doors;
#[doc(hidden)]
pub mod internals;
mod kinds;
mod model;
mod state;
mod text;
mod wire;

#[cfg(test)]
mod fuzz;

#[doc(no_inline)]
pub use kmock_apply as apply;

pub use crate::{
    api::authn::ClientCertificate,
    doors::{
        minimal_role::MinimalRole,
        objects::{Object, ObjectError, Objects},
        resources::{Declaration, Resources},
    },
    model::{
        path::{ApiRequest, Verb},
        resource::ResourceKey,
        status::ApiError,
        user::User,
    },
    state::{
        access::{Access, TokenSigner},
        cluster::{ApiBody, Clock, Cluster, ClusterOptions},
        extensions::ExtensionServer,
        takeover::{Connection, Duplex, Takeover},
        webhooks::{AuditAnnotation, WebhookCall, WebhookCaller, Webhooks},
    },
};

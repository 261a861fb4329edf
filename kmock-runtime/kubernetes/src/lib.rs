#![doc = include_str!("../README.md")]
//! # The rooms
//!
//! From the ground up (the ground is `kmock-apply`: schemas, sets of fields, patches and server-side apply).
//! Each uses only those above it in this list:
//!
//! - `text`: YAML, digests.
//! - `model`: what is asked for, resources, `Status`, metadata, selectors, and the [`Strategy`] of a kind.
//! - `state`: the store, the registry of resources, and the [`Cluster`] that holds both.
//! - `kinds`: the built-in kinds and custom resources.
//! - `wire`: the forms of an answer: JSON, protobuf, tables, and which of them a client accepts.
//! - `api`: the verbs and the other endpoints.
//! - `doors`: what tests hold: [`Objects`], [`Resources`], a fresh cluster.
//!
//! [`Strategy`]: model::strategy::Strategy

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod api;
pub mod doors;
pub mod kinds;
pub mod model;
pub mod state;
pub mod text;
pub mod wire;

pub use kmock_apply as apply;

pub use crate::{
    doors::{
        objects::{Object, ObjectError, Objects},
        resources::{Declaration, Resources},
    },
    model::{
        path::{ApiRequest, Verb},
        user::User,
    },
    state::{
        cluster::{ApiBody, Clock, Cluster, ClusterOptions},
        webhooks::{AuditAnnotation, WebhookCall, WebhookCaller, Webhooks},
    },
};

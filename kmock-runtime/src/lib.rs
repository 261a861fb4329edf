//! The engine of kmock: an HTTP mock server and an in-memory Kubernetes API, usable without macros.
//!
//! Most users want the crate `kmock`, which adds the language (`kmock!`, `#[kmock::test]`) on top.
//! The modules in reading order: a [`KMock`] is a started server; it asks its [`rules`] in order whether
//! their [`criteria`] hold for a [`Request`], and lets the first one that answers make the [`reply`],
//! which may be a scripted [`stream`]. The [`journal`] remembers what came and explains failures.

#![cfg_attr(
    not(all(feature = "cluster", feature = "tls")),
    allow(dead_code, reason = "what only some features use is there for all")
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backend;
mod background;
mod brief;
mod clock;
#[cfg(feature = "kubernetes")]
mod cluster;
#[cfg(not(feature = "kubernetes"))]
#[path = "cluster/none.rs"]
mod cluster;
mod connections;
mod core;
mod elsewhere;
mod error;
mod extras;
mod gatekeeper;
mod guard;
mod hostnames;
mod interceptor;
mod location;
mod mock;
mod nested;
mod options;
mod own;
mod pipe;
mod programs;
mod server;
mod settle;
mod socket;
mod start;
mod tasks;
mod user_code;
mod waits;
mod watchdog;
mod wire;

pub mod client;
pub mod criteria;
#[cfg(feature = "grpc")]
pub mod grpc;
pub mod harness;
pub mod journal;
#[cfg(feature = "record")]
pub mod record;
pub mod reply;
pub mod request;
pub mod rules;
pub mod stream;
mod sweep;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(feature = "websocket")]
pub mod websocket;

#[cfg(feature = "kubernetes")]
#[doc(inline)]
pub use crate::cluster::{Failure, access::AsUser, kubernetes};
#[cfg(feature = "cluster")]
#[doc(inline)]
pub use kmock_cluster as life;

#[cfg(feature = "http2")]
pub use crate::connections::Http2;

pub use crate::{
    criteria::{Filter, FilterError, PartPattern, Pattern},
    error::Error,
    interceptor::Interceptor,
    journal::{Check, Report, Requests, Seen, View, assert_requests},
    location::Location,
    mock::KMock,
    options::{Builder, Controllers},
    programs::Operator,
    reply::{Delay, Fault, Gate, IntoReply, Json, Reply},
    request::{Request, basic_auth},
    rules::{Rule, Rules, Slice, State, Times},
    settle::Settle,
    stream::{Event, IntoItem, Stream},
    sweep::SweepOptions,
};

#[doc(hidden)]
pub use serde_json::json as __json;

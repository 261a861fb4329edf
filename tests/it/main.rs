//! The behaviour of kmock through its facade: one module a topic.

mod access;
#[allow(
    clippy::needless_borrows_for_generic_args,
    reason = "the tests stand as the page shows them"
)]
mod admission;
mod assertions;
mod attribute;
mod browser;
#[allow(
    clippy::needless_borrows_for_generic_args,
    reason = "the tests stand as the page shows them"
)]
mod cluster;
mod coming_from;
mod connections;
mod corners;
mod decoding;
mod docs;
mod engine;
mod expectations;
mod failures_of_kubernetes;
mod grammar;
mod hostnames;
mod incidents;
mod language;
mod matching;
mod nearest;
mod neighbours;
mod notation;
mod porting;
mod recipes;
mod recordings;
mod reliability;
mod replies;
mod reported;
mod reports;
mod representations;
mod sequences;
mod server;
mod siblings;
mod sinks;
mod states;
mod streams;
mod sweeps;
mod tls;
mod transport;
#[allow(
    clippy::needless_borrows_for_generic_args,
    reason = "the tests stand as the page shows them"
)]
mod transport_page;
mod uploads;
mod urls;
mod values;
mod virtual_time;
mod waiting;
mod webhooks;
mod websockets;
mod wire;

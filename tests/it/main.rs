//! The behaviour of kmock through its facade: one module a topic.

mod access;
mod assertions;
mod attribute;
#[allow(
    clippy::needless_borrows_for_generic_args,
    reason = "the tests stand as the page shows them"
)]
mod cluster;
mod connections;
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
#[allow(
    clippy::useless_conversion,
    reason = "a criterion in parentheses may be a filter or a text"
)]
mod recipes;
mod recordings;
mod reliability;
mod replies;
mod reports;
mod sequences;
mod server;
mod sinks;
#[allow(
    clippy::useless_conversion,
    reason = "a criterion in parentheses may be a filter or a text"
)]
mod states;
mod streams;
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

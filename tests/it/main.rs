//! The behaviour of kmock through its facade: one module a topic.

mod assertions;
mod attribute;
mod docs;
mod engine;
mod expectations;
mod grammar;
mod hostnames;
mod language;
mod matching;
mod nearest;
mod porting;
mod replies;
mod reports;
mod server;
mod sinks;
mod streams;
mod values;
mod virtual_time;
mod websockets;
mod wire;

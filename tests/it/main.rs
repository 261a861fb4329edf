//! The behaviour of kmock through its facade: one module a topic.

mod assertions;
mod attribute;
mod docs;
mod engine;
mod expectations;
mod grammar;
mod hostnames;
mod incidents;
mod language;
mod matching;
mod nearest;
mod neighbours;
mod porting;
mod reliability;
mod replies;
mod reports;
mod server;
mod sinks;
mod streams;
mod values;
mod virtual_time;
mod waiting;
mod webhooks;
mod websockets;
mod wire;

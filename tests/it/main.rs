//! The behaviour of kmock through its facade: one module a topic.

mod assertions;
mod attribute;
mod engine;
mod grammar;
mod reports;

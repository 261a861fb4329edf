//! Every production of the grammar once, through a real server: what docs/grammar.md promises.

#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test may panic, and takes what it is given"
)]

mod assertions;
mod attributes;
mod criteria;
mod faults;
mod handles;
mod heads;
mod replies;
mod scripts;
mod streams;

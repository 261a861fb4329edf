//! The walls of the house: what ARCHITECTURE.md promises of crates, rooms and names is read off the sources here.

#![allow(clippy::unwrap_used, reason = "a test")]

mod circles;
mod examples;
mod kinds;
mod layers;
mod names;
mod public;
mod sources;

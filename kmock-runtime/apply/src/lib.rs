#![doc = include_str!("../README.md")]

pub mod fields;
pub mod gofmt;
pub mod ordered;
pub mod patch;
pub mod schema;

pub use schema::{Schema, SchemaRef};

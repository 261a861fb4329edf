//! The forms of an answer, and which of them a client accepts.

pub mod accept;
pub mod json;
pub mod metadata_only;
pub mod protobuf;
pub mod render;
pub mod spdy;
pub mod table;
pub mod websocket;

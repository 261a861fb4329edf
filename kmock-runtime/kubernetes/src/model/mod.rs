//! What is spoken of: requests, resources, answers, metadata, selectors, and how a kind behaves.

pub mod conversion;
pub mod discovery;
pub mod meta;
pub mod names;
pub mod path;
pub mod resource;
pub mod selectors;
pub mod status;
pub mod strategy;
pub mod user;
pub mod version;
pub mod view;

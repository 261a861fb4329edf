//! An in-memory Kubernetes API.

pub mod builtin;
pub mod cluster;
pub(crate) mod criteria;
pub mod fields;
pub(crate) mod mock;
pub mod ordered;
pub mod path;
pub mod registry;
pub mod resource;
pub mod schema;
pub mod selectors;
pub mod serve;
pub mod status;
pub mod store;
pub mod table;
#[cfg(feature = "yaml")]
pub mod yaml;

pub use cluster::{ApiBody, Clock, Cluster, ClusterOptions};

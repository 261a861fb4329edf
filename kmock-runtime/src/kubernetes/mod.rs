//! An in-memory Kubernetes API.

pub mod accept;
pub mod access;
pub mod authn;
pub mod authz;
pub mod base64url;
pub mod builtin;
pub mod cluster;
pub mod crd;
pub(crate) mod criteria;
pub mod digest;
pub mod discovery;
pub mod endpoints;
pub mod health;
pub mod json;
#[cfg(feature = "kube")]
mod kube;
pub mod lifecycle;
pub mod list;
pub mod meta;
pub mod metadata_only;
pub(crate) mod mock;
pub mod names;
pub mod objects;
pub mod openapi;
pub mod options;
pub mod path;
pub mod protobuf;
pub mod registry;
pub mod render;
pub mod resource;
pub mod resources;
pub mod reviews;
pub mod selectors;
pub mod serve;
pub mod status;
pub mod store;
pub mod table;
pub mod user;
pub mod watch;
#[cfg(feature = "yaml")]
pub mod yaml;

pub(crate) use kmock_apply::{fields, gofmt, ordered, patch, schema};

pub use cluster::{ApiBody, Clock, Cluster, ClusterOptions};
pub use objects::{Object, ObjectError, Objects};
pub use resources::{Declaration, Resources};
pub use user::User;

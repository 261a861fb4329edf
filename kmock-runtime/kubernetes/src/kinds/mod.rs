//! The kinds: those that Kubernetes ships, and custom resources.

pub mod builtin;
pub mod crd;

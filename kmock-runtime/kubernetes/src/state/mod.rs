//! The truth: the objects, the resources, the clock.

pub mod access;
pub mod change;
pub mod cluster;
pub mod extensions;
pub mod kubelet;
pub mod registry;
pub mod store;
pub mod takeover;
pub mod webhooks;

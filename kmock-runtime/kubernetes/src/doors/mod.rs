//! What tests hold: their own way to the objects and the resources, and a fresh cluster.

pub mod bootstrap;
pub mod objects;
pub mod resources;

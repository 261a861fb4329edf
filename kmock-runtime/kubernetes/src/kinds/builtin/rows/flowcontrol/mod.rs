//! The kinds of the Go package `flowcontrol`.

mod flow_schema;
mod priority_level_configuration;

use crate::kinds::builtin::row::Kind;

pub(super) const KINDS: &[&Kind] = &[
    &flow_schema::FLOW_SCHEMA,
    &priority_level_configuration::PRIORITY_LEVEL_CONFIGURATION,
];

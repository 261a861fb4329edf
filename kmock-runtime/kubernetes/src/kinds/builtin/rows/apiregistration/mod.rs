//! The kinds of the Go package `apiregistration`.

mod api_service;

use crate::kinds::builtin::row::Kind;

pub(super) const KINDS: &[&Kind] = &[&api_service::API_SERVICE];

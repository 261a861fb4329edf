//! The kinds of the Go package `discovery`.

mod endpoint_slice;

use crate::kinds::builtin::row::Kind;

pub(super) const KINDS: &[&Kind] = &[&endpoint_slice::ENDPOINT_SLICE];

//! The kinds of the Go package `coordination`.

mod lease;

use crate::kinds::builtin::row::Kind;

pub(super) const KINDS: &[&Kind] = &[&lease::LEASE];

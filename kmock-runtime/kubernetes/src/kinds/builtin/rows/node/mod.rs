//! The kinds of the Go package `node`.

mod runtime_class;

use crate::kinds::builtin::row::Kind;

pub(super) const KINDS: &[&Kind] = &[&runtime_class::RUNTIME_CLASS];

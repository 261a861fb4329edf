//! The kinds of the Go package `scheduling`.

mod priority_class;

use crate::kinds::builtin::row::Kind;

pub(super) const KINDS: &[&Kind] = &[&priority_class::PRIORITY_CLASS];

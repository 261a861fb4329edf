//! The kinds of the Go package `events`.

mod event;

use crate::kinds::builtin::row::Kind;

pub(super) const KINDS: &[&Kind] = &[&event::EVENT];

//! The kinds of the Go package `policy`.

mod pod_disruption_budget;

use crate::kinds::builtin::row::Kind;

pub(super) const KINDS: &[&Kind] = &[&pod_disruption_budget::POD_DISRUPTION_BUDGET];

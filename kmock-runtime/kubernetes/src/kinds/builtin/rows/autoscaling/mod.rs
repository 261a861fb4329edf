//! The kinds of the Go package `autoscaling`.

mod horizontal_pod_autoscaler_v1;
mod horizontal_pod_autoscaler_v2;

use crate::kinds::builtin::row::Kind;

pub(super) const KINDS: &[&Kind] = &[
    &horizontal_pod_autoscaler_v1::HORIZONTAL_POD_AUTOSCALER_V1,
    &horizontal_pod_autoscaler_v2::HORIZONTAL_POD_AUTOSCALER_V2,
];

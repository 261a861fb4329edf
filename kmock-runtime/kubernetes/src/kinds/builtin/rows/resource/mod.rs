//! The kinds of the Go package `resource`.

mod device_class;
mod resource_claim;
mod resource_claim_template;
mod resource_slice;

use crate::kinds::builtin::row::Kind;

pub(super) const KINDS: &[&Kind] = &[
    &device_class::DEVICE_CLASS,
    &resource_claim::RESOURCE_CLAIM,
    &resource_claim_template::RESOURCE_CLAIM_TEMPLATE,
    &resource_slice::RESOURCE_SLICE,
];

//! The kinds of the Go package `rbac`.

mod cluster_role;
mod cluster_role_binding;
mod role;
mod role_binding;

use crate::kinds::builtin::row::Kind;

pub(super) const KINDS: &[&Kind] = &[
    &cluster_role::CLUSTER_ROLE,
    &cluster_role_binding::CLUSTER_ROLE_BINDING,
    &role::ROLE,
    &role_binding::ROLE_BINDING,
];

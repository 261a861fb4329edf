//! ClusterRole, `rbac`.

use super::role;
use crate::kinds::builtin::row::{Kind, Validate};
use crate::kinds::builtin::validate;

pub(super) const CLUSTER_ROLE: Kind = Kind {
    name: "rbac.v1.ClusterRole",
    validate: Validate {
        create: |faults, _, object| validate::networking::rules(faults, object, false),
        ..role::ROLE.validate
    },
    ..role::ROLE
};

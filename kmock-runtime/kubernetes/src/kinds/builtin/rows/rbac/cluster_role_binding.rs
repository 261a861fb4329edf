//! ClusterRoleBinding, `rbac`.

use super::role_binding;
use crate::kinds::builtin::row::{Kind, UpdateRule, Validate};
use crate::kinds::builtin::validate;

pub(super) const CLUSTER_ROLE_BINDING: Kind = Kind {
    name: "rbac.v1.ClusterRoleBinding",
    validate: Validate {
        create: |faults, _, object| validate::networking::binding(faults, object, false),
        update: UpdateRule::Own(|faults, _, new, old| {
            validate::networking::update_binding(faults, new, old, false);
        }),
        ..role_binding::ROLE_BINDING.validate
    },
    ..role_binding::ROLE_BINDING
};

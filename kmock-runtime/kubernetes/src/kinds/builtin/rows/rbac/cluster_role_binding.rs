//! ClusterRoleBinding, `rbac`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, Update, Validate, Warn,
};
use crate::kinds::builtin::{printers, validate};
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};
use crate::model::strategy::NameRule;

pub(super) const CLUSTER_ROLE_BINDING: Kind = Kind {
    name: "rbac.v1.ClusterRoleBinding",
    life: Life {
        names: NameRule::PathSegment,
        create_on_update: true,
        checks: Checks {
            update: &[Metadata, Own, MetadataUpdate],
            ..Checks::COMMON
        },
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: |faults, _, object| validate::networking::binding(faults, object, false),
        update: Update::Own(|faults, _, new, old| {
            validate::networking::update_binding(faults, new, old, false);
        }),
        status: StatusRule::Absent,
        other: Update::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Role, Age, Users*, Groups*, ServiceAccounts*",
        cells: printers::other::binding,
        conditions: NO_CONDITIONS,
    }),
};

//! RoleBinding, `rbac`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate,
    Warn,
};
use crate::kinds::builtin::{printers, validate};
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};
use crate::model::strategy::NameRule;

pub(super) const ROLE_BINDING: Kind = Kind {
    name: "rbac.v1.RoleBinding",
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
        create: |faults, _, object| validate::networking::binding(faults, object, true),
        update: UpdateRule::Own(|faults, _, new, old| {
            validate::networking::update_binding(faults, new, old, true);
        }),
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
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

//! Role, `rbac`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, Prepare, StatusRule, UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::validate;
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};
use crate::model::strategy::NameRule;

pub(super) const ROLE: Kind = Kind {
    name: "rbac.v1.Role",
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
        create: |faults, _, object| validate::networking::rules(faults, object, true),
        update: UpdateRule::AsCreated,
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: None,
};

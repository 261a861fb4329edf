//! LimitRange, the core group.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, Prepare, StatusRule, UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::{prepare, validate};
use crate::model::strategy::Check::{Metadata, Own};

pub(super) const LIMIT_RANGE: Kind = Kind {
    name: "core.v1.LimitRange",
    life: Life {
        create_on_update: true,
        checks: Checks {
            update: &[Metadata, Own],
            ..Checks::COMMON
        },
        ..Life::COMMON
    },
    prepare: Prepare {
        create: prepare::prepare_limit_range,
        ..Prepare::NOTHING
    },
    validate: Validate {
        create: |faults, _, object| validate::quotas::limit_range(faults, object),
        update: UpdateRule::AsCreated,
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: None,
};

//! Endpoints, the core group.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate,
    Warn,
};
use crate::kinds::builtin::{printers, validate, warnings};
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};

pub(super) const ENDPOINTS: Kind = Kind {
    name: "core.v1.Endpoints",
    life: Life {
        create_on_update: true,
        checks: Checks {
            update: &[MetadataUpdate, Metadata, Own],
            ..Checks::COMMON
        },
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: |faults, _, object| validate::endpoints::subsets(faults, object),
        update: UpdateRule::AsCreated,
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn {
        object: warnings::other::warn_endpoints,
        ..Warn::NOTHING
    },
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Endpoints, Age",
        cells: |p| vec![p.name(), printers::core::endpoints(p).into(), p.age()],
        conditions: NO_CONDITIONS,
    }),
};

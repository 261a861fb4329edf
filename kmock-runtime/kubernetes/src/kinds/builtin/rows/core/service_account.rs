//! ServiceAccount, the core group.

use crate::kinds::builtin::prepare;
use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, NOTHING_TO_CHECK, Prepare, Print, StatusRule,
    UpdateRule, Validate, Warn,
};
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};

pub(super) const SERVICE_ACCOUNT: Kind = Kind {
    name: "core.v1.ServiceAccount",
    life: Life {
        checks: Checks {
            update: &[MetadataUpdate, Metadata, Own],
            ..Checks::COMMON
        },
        delete_returns_object: true,
        ..Life::COMMON
    },
    prepare: Prepare {
        create: |_, object| prepare::only_names_of_secrets(object),
        update: |_, new, _| prepare::only_names_of_secrets(new),
        ..Prepare::NOTHING
    },
    validate: Validate {
        create: NOTHING_TO_CHECK,
        update: UpdateRule::AsCreated,
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Age",
        cells: |p| vec![p.name(), p.age()],
        conditions: NO_CONDITIONS,
    }),
};

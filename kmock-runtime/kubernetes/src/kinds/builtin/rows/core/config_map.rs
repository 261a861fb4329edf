//! ConfigMap, the core group.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate,
    Warn,
};
use crate::kinds::builtin::{printers, validate};
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};

pub(super) const CONFIG_MAP: Kind = Kind {
    name: "core.v1.ConfigMap",
    life: Life {
        checks: Checks {
            update: &[MetadataUpdate, Own, Metadata],
            ..Checks::COMMON
        },
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: |faults, _, object| validate::core::config_map(faults, object),
        update: UpdateRule::Own(validate::core::update_config_map),
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Data, Age",
        cells: printers::core::cells_config_map,
        conditions: NO_CONDITIONS,
    }),
};

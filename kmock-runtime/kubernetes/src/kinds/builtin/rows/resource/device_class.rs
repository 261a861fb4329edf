//! DeviceClass, `resource`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, NOTHING_TO_CHECK, Prepare, Print, StatusRule,
    UpdateRule, Validate, Warn,
};
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};
use crate::model::strategy::{Generation, NameRule};

pub(super) const DEVICE_CLASS: Kind = Kind {
    name: "resource.v1.DeviceClass",
    life: Life {
        names: NameRule::LongName,
        generation: Generation::Managed,
        checks: Checks {
            update: &[Metadata, MetadataUpdate, Own],
            ..Checks::COMMON
        },
        delete_returns_object: true,
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
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

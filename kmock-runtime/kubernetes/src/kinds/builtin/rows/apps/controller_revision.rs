//! ControllerRevision, `apps`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate,
    Warn,
};
use crate::kinds::builtin::{printers, validate};
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};

pub(super) const CONTROLLER_REVISION: Kind = Kind {
    name: "apps.v1.ControllerRevision",
    life: Life {
        checks: Checks {
            update: &[MetadataUpdate, Metadata, Own],
            ..Checks::COMMON
        },
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: validate::workloads::create_controller_revision,
        update: UpdateRule::Own(validate::workloads::update_controller_revision),
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Controller, Revision, Age",
        cells: printers::workloads::cells_controller_revision,
        conditions: NO_CONDITIONS,
    }),
};

//! ComponentStatus, the core group.

use crate::kinds::builtin::printers;
use crate::kinds::builtin::row::{
    Kind, Labels, Life, NO_CONDITIONS, NOTHING_TO_CHECK, Prepare, Print, StatusRule, UpdateRule,
    Validate, Warn,
};

pub(super) const COMPONENT_STATUS: Kind = Kind {
    name: "core.v1.ComponentStatus",
    life: Life::COMMON,
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
        columns: "Name, Status, Message, Error",
        cells: printers::core::cells_component_status,
        conditions: NO_CONDITIONS,
    }),
};

//! CSINode, `storage`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate,
    Warn,
};
use crate::kinds::builtin::validate;
use crate::model::strategy::Check::{Metadata, Own};

pub(super) const CSI_NODE: Kind = Kind {
    name: "storage.v1.CSINode",
    life: Life {
        unconditional_update: false,
        checks: Checks {
            update: &[Metadata, Own],
            ..Checks::COMMON
        },
        delete_returns_object: true,
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: validate::storage::create_csi_node,
        update: UpdateRule::AsCreated,
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Drivers:integer, Age",
        cells: |p| {
            vec![
                p.name(),
                p.items(&["spec", "drivers"]).len().into(),
                p.age(),
            ]
        },
        conditions: NO_CONDITIONS,
    }),
};

//! CSIDriver, `storage`.

use crate::kinds::builtin::row::{
    Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::{disabled, prepare, printers, validate, warnings};
use crate::model::strategy::Generation;

pub(super) const CSI_DRIVER: Kind = Kind {
    name: "storage.v1.CSIDriver",
    life: Life {
        unconditional_update: false,
        generation: Generation::ManagedFromZero,
        delete_returns_object: true,
        ..Life::COMMON
    },
    prepare: Prepare {
        update: prepare::change_csi_driver,
        gated: disabled::drop_csi_driver,
        ..Prepare::NOTHING
    },
    validate: Validate {
        create: |faults, _, object| validate::storage::csi_driver(faults, object),
        update: UpdateRule::Own(validate::storage::update_csi_driver),
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn {
        object: warnings::other::warn_csi_driver,
        ..Warn::NOTHING
    },
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, AttachRequired:boolean, PodInfoOnMount:boolean, StorageCapacity:boolean, TokenRequests, RequiresRepublish:boolean, Modes, Age",
        cells: printers::other::csi_driver,
        conditions: NO_CONDITIONS,
    }),
};

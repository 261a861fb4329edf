//! PersistentVolume, the core group.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, STATUS_APART, StatusRule,
    UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::values::at;
use crate::kinds::builtin::{prepare, printers, validate, warnings};
use crate::model::strategy::Check::{Metadata, Own};

pub(super) const PERSISTENT_VOLUME: Kind = Kind {
    name: "core.v1.PersistentVolume",
    life: Life {
        checks: Checks {
            update: &[Metadata, Metadata, Own],
            ..Checks::COMMON
        },
        delete_returns_object: true,
        reset: STATUS_APART,
        ..Life::COMMON
    },
    prepare: Prepare {
        create: prepare::prepare_persistent_volume,
        status: prepare::change_status_persistent_volume,
        ..Prepare::NOTHING
    },
    validate: Validate {
        create: |faults, _, object| validate::storage::volume(faults, object),
        update: UpdateRule::Own(validate::storage::update_persistent_volume),
        status: StatusRule::Free,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn {
        object: |out, object| {
            warnings::other::persistent_volume(out, object, at(object, &["spec"]));
        },
        ..Warn::NOTHING
    },
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Capacity, Access Modes, Reclaim Policy, Status, Claim, StorageClass, VolumeAttributesClass, Reason, Age, VolumeMode*",
        cells: printers::core::persistent_volume,
        conditions: NO_CONDITIONS,
    }),
};

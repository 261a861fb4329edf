//! CSIStorageCapacity, `storage`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, Prepare, StatusRule, UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::validate;
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};

pub(super) const CSI_STORAGE_CAPACITY: Kind = Kind {
    name: "storage.v1.CSIStorageCapacity",
    life: Life {
        unconditional_update: false,
        checks: Checks {
            update: &[Metadata, Own, MetadataUpdate],
            ..Checks::COMMON
        },
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: validate::storage::create_csi_storage_capacity,
        update: UpdateRule::AsCreated,
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: None,
};

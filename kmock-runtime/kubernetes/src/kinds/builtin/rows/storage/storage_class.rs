//! StorageClass, `storage`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate,
    Warn,
};
use crate::kinds::builtin::{printers, validate, warnings};
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};

pub(super) const STORAGE_CLASS: Kind = Kind {
    name: "storage.v1.StorageClass",
    life: Life {
        checks: Checks {
            update: &[Metadata, Own, MetadataUpdate],
            ..Checks::COMMON
        },
        delete_returns_object: true,
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: |faults, _, object| validate::storage::storage_class(faults, object),
        update: UpdateRule::Own(validate::storage::update_storage_class),
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn {
        object: warnings::other::warn_storage_class,
        ..Warn::NOTHING
    },
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Provisioner, ReclaimPolicy, VolumeBindingMode, AllowVolumeExpansion, Age",
        cells: printers::other::storage_class,
        conditions: NO_CONDITIONS,
    }),
};

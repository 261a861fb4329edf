//! VolumeAttributesClass, `storage`.

use crate::kinds::builtin::row::{
    Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::{printers, validate};

pub(super) const VOLUME_ATTRIBUTES_CLASS: Kind = Kind {
    name: "storage.v1.VolumeAttributesClass",
    life: Life {
        delete_returns_object: true,
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: validate::storage::create_volume_attributes_class,
        update: UpdateRule::Own(validate::storage::update_volume_attributes_class),
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, DriverName, Age",
        cells: printers::other::cells_volume_attributes_class,
        conditions: NO_CONDITIONS,
    }),
};

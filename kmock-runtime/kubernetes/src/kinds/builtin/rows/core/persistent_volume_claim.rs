//! PersistentVolumeClaim, the core group.

use serde_json::json;

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, STATUS_APART, StatusRule,
    UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::values::{at, section};
use crate::kinds::builtin::{disabled, printers, validate, warnings};
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};

pub(super) const PERSISTENT_VOLUME_CLAIM: Kind = Kind {
    name: "core.v1.PersistentVolumeClaim",
    life: Life {
        checks: Checks {
            update: &[MetadataUpdate, Metadata, Own],
            ..Checks::COMMON
        },
        delete_returns_object: true,
        reset: STATUS_APART,
        ..Life::COMMON
    },
    prepare: Prepare {
        create: |_, object| object["status"] = json!({"phase": "Pending"}),
        gated: |new, old| {
            disabled::data_sources(section(new, "spec"), old.map(|o| at(o, &["spec"])));
        },
        ..Prepare::NOTHING
    },
    validate: Validate {
        create: |faults, _, object| {
            validate::claims::spec(faults, at(object, &["spec"]), "spec");
        },
        update: UpdateRule::Own(validate::storage::update_persistent_volume_claim),
        status: StatusRule::Checked(|faults, _, new, _| validate::claims::status(faults, new)),
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn {
        object: warnings::other::warn_persistent_volume_claim,
        ..Warn::NOTHING
    },
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Status, Volume, Capacity, Access Modes, StorageClass, VolumeAttributesClass, Age, VolumeMode*",
        cells: printers::core::claim,
        conditions: NO_CONDITIONS,
    }),
};

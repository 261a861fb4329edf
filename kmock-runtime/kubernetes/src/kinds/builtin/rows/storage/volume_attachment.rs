//! VolumeAttachment, `storage`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate,
    Warn,
};
use crate::kinds::builtin::{prepare, printers, validate};
use crate::model::strategy::Check::{Metadata, Own};

pub(super) const VOLUME_ATTACHMENT: Kind = Kind {
    name: "storage.v1.VolumeAttachment",
    life: Life {
        unconditional_update: false,
        checks: Checks {
            update: &[Metadata, Own],
            status: &[Metadata, Own],
            other: &[Metadata, Own],
            ..Checks::COMMON
        },
        delete_returns_object: true,
        reset: &[
            ("", &[&["status"]]),
            ("status", &[&["metadata"], &["spec"]]),
        ],
        ..Life::COMMON
    },
    prepare: Prepare {
        status: |_, new, old| {
            prepare::keep_metadata(
                new,
                old,
                &[
                    "deletionTimestamp",
                    "generation",
                    "labels",
                    "annotations",
                    "finalizers",
                    "ownerReferences",
                ],
            );
        },
        ..Prepare::NOTHING
    },
    validate: Validate {
        create: |faults, _, object| validate::storage::attachment(faults, object),
        update: UpdateRule::Own(validate::storage::update_volume_attachment),
        status: StatusRule::Free,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Attacher:name, PV, Node, Attached:boolean, Age",
        cells: printers::other::cells_volume_attachment,
        conditions: NO_CONDITIONS,
    }),
};

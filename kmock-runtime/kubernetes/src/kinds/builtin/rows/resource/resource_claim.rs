//! ResourceClaim, `resource`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate,
    Warn,
};
use crate::kinds::builtin::values::at;
use crate::kinds::builtin::{prepare, printers, validate};
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};

pub(super) const RESOURCE_CLAIM: Kind = Kind {
    name: "resource.v1.ResourceClaim",
    life: Life {
        checks: Checks {
            update: &[Metadata, MetadataUpdate, Own],
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
        create: |faults, _, object| {
            validate::other::device_requests(
                faults,
                at(object, &["spec", "devices"]),
                "spec.devices",
            );
        },
        update: UpdateRule::Own(|faults, _, new, old| {
            validate::other::device_requests(faults, at(new, &["spec", "devices"]), "spec.devices");
            validate::other::same_spec(faults, new, old, "resource.v1.ResourceClaimSpec");
        }),
        status: StatusRule::Free,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, State, Age",
        cells: printers::other::cells_resource_claim,
        conditions: NO_CONDITIONS,
    }),
};

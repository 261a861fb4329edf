//! ServiceCIDR, `networking`.

use crate::kinds::builtin::row::{
    Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, STATUS_APART, StatusRule, UpdateRule,
    Validate, Warn,
};
use crate::kinds::builtin::{prepare, printers, validate};

pub(super) const SERVICE_CIDR: Kind = Kind {
    name: "networking.v1.ServiceCIDR",
    life: Life {
        reset: STATUS_APART,
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
        create: validate::networking::create_service_cidr,
        update: UpdateRule::AsCreated,
        status: StatusRule::Free,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, CIDRs, Age",
        cells: |p| {
            vec![
                p.name(),
                printers::other::joined(p.items(&["spec", "cidrs"]), ",").into(),
                p.age(),
            ]
        },
        conditions: NO_CONDITIONS,
    }),
};

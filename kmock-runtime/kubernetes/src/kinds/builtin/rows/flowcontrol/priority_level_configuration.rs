//! PriorityLevelConfiguration, `flowcontrol`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, STATUS_APART, StatusRule,
    UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::values::at;
use crate::kinds::builtin::{prepare, printers, validate};
use crate::model::strategy::Check::{Metadata, Own};
use crate::model::strategy::Generation;

pub(super) const PRIORITY_LEVEL_CONFIGURATION: Kind = Kind {
    name: "flowcontrol.v1.PriorityLevelConfiguration",
    life: Life {
        generation: Generation::Managed,
        checks: Checks {
            update: &[Metadata, Own],
            status: &[Metadata, Own],
            other: &[Metadata, Own],
            ..Checks::COMMON
        },
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
        create: |faults, _, object| validate::other::priority_level(faults, at(object, &["spec"])),
        update: UpdateRule::AsCreated,
        status: StatusRule::Free,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Type, NominalConcurrencyShares, Queues, HandSize, QueueLengthLimit, Age",
        cells: printers::other::priority_level,
        conditions: NO_CONDITIONS,
    }),
};

//! FlowSchema, `flowcontrol`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, STATUS_APART, StatusRule, Update,
    Validate, Warn,
};
use crate::kinds::builtin::{prepare, printers, validate};
use crate::model::strategy::Check::{Metadata, Own};
use crate::model::strategy::Generation;

pub(super) const FLOW_SCHEMA: Kind = Kind {
    name: "flowcontrol.v1.FlowSchema",
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
        create: validate::other::create_flow_schema,
        update: Update::AsCreated,
        status: StatusRule::Free,
        other: Update::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, PriorityLevel, MatchingPrecedence, DistinguisherMethod, Age, MissingPL",
        cells: printers::other::flow_schema,
        conditions: NO_CONDITIONS,
    }),
};

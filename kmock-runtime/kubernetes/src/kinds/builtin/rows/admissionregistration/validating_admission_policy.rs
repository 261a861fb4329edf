//! ValidatingAdmissionPolicy, `admissionregistration`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, STATUS_APART, StatusRule,
    UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::{prepare, printers, validate};
use crate::model::strategy::Check::{Metadata, Own};
use crate::model::strategy::Generation;

pub(super) const VALIDATING_ADMISSION_POLICY: Kind = Kind {
    name: "admissionregistration.v1.ValidatingAdmissionPolicy",
    life: Life {
        unconditional_update: false,
        generation: Generation::Managed,
        checks: Checks {
            update: &[Metadata, Own],
            ..Checks::COMMON
        },
        qualified_finalizers: false,
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
        create: |faults, _, object| validate::policies::policy(faults, object, false),
        update: UpdateRule::AsCreated,
        status: StatusRule::Free,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Validations:integer, ParamKind, Age",
        cells: |p| printers::other::admission_policy(p, "validations"),
        conditions: NO_CONDITIONS,
    }),
};

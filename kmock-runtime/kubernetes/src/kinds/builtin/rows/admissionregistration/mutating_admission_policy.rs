//! MutatingAdmissionPolicy, `admissionregistration`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate,
    Warn,
};
use crate::kinds::builtin::{printers, validate};
use crate::model::strategy::Check::{Metadata, Own};
use crate::model::strategy::Generation;

pub(super) const MUTATING_ADMISSION_POLICY: Kind = Kind {
    name: "admissionregistration.v1.MutatingAdmissionPolicy",
    life: Life {
        unconditional_update: false,
        generation: Generation::Managed,
        checks: Checks {
            update: &[Metadata, Own],
            ..Checks::COMMON
        },
        qualified_finalizers: false,
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: |faults, _, object| validate::policies::policy(faults, object, true),
        update: UpdateRule::AsCreated,
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Mutations:integer, ParamKind, Age",
        cells: |p| printers::other::admission_policy(p, "mutations"),
        conditions: NO_CONDITIONS,
    }),
};

//! ValidatingAdmissionPolicyBinding, `admissionregistration`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate,
    Warn,
};
use crate::kinds::builtin::values::at;
use crate::kinds::builtin::{printers, validate};
use crate::model::strategy::Check::{Metadata, Own};
use crate::model::strategy::Generation;

pub(super) const VALIDATING_ADMISSION_POLICY_BINDING: Kind = Kind {
    name: "admissionregistration.v1.ValidatingAdmissionPolicyBinding",
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
        create: |faults, _, object| {
            validate::policies::binding(faults, at(object, &["spec"]), false);
        },
        update: UpdateRule::AsCreated,
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, PolicyName, ParamRef, Age",
        cells: printers::other::cells_validating_admission_policy_binding,
        conditions: NO_CONDITIONS,
    }),
};

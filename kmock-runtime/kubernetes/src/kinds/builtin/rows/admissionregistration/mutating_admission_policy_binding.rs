//! MutatingAdmissionPolicyBinding, `admissionregistration`.

use super::validating_admission_policy_binding;
use crate::kinds::builtin::row::{Kind, Validate};
use crate::kinds::builtin::validate;
use crate::kinds::builtin::values::at;

pub(super) const MUTATING_ADMISSION_POLICY_BINDING: Kind = Kind {
    name: "admissionregistration.v1.MutatingAdmissionPolicyBinding",
    validate: Validate {
        create: |faults, _, object| {
            validate::policies::binding(faults, at(object, &["spec"]), true);
        },
        ..validating_admission_policy_binding::VALIDATING_ADMISSION_POLICY_BINDING.validate
    },
    ..validating_admission_policy_binding::VALIDATING_ADMISSION_POLICY_BINDING
};

//! ValidatingWebhookConfiguration, `admissionregistration`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate,
    Warn, differs,
};
use crate::kinds::builtin::{printers, validate};
use crate::model::strategy::Check::{Metadata, Own};
use crate::model::strategy::Generation;

pub(super) const VALIDATING_WEBHOOK_CONFIGURATION: Kind = Kind {
    name: "admissionregistration.v1.ValidatingWebhookConfiguration",
    life: Life {
        unconditional_update: false,
        generation: Generation::Managed,
        new_generation: |new, old| differs(new, old, &["webhooks"]),
        checks: Checks {
            update: &[Metadata, Own],
            ..Checks::COMMON
        },
        qualified_finalizers: false,
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: |faults, _, object| validate::webhooks::configuration(faults, object, false),
        update: UpdateRule::AsCreated,
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Webhooks:integer, Age",
        cells: printers::other::cells_mutating_webhook_configuration,
        conditions: NO_CONDITIONS,
    }),
};

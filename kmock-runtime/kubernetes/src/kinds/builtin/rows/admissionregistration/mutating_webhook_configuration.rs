//! MutatingWebhookConfiguration, `admissionregistration`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, Update, Validate, Warn,
    differs,
};
use crate::kinds::builtin::{printers, validate};
use crate::model::strategy::Check::{Metadata, Own};
use crate::model::strategy::Generation;

pub(super) const MUTATING_WEBHOOK_CONFIGURATION: Kind = Kind {
    name: "admissionregistration.v1.MutatingWebhookConfiguration",
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
        create: |faults, _, object| validate::webhooks::configuration(faults, object, true),
        update: Update::AsCreated,
        status: StatusRule::Absent,
        other: Update::Unchecked,
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

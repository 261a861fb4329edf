//! MutatingWebhookConfiguration, `admissionregistration`.

use super::validating_webhook_configuration;
use crate::kinds::builtin::row::{Kind, Validate};
use crate::kinds::builtin::validate;

pub(super) const MUTATING_WEBHOOK_CONFIGURATION: Kind = Kind {
    name: "admissionregistration.v1.MutatingWebhookConfiguration",
    validate: Validate {
        create: |faults, _, object| validate::webhooks::configuration(faults, object, true),
        ..validating_webhook_configuration::VALIDATING_WEBHOOK_CONFIGURATION.validate
    },
    ..validating_webhook_configuration::VALIDATING_WEBHOOK_CONFIGURATION
};

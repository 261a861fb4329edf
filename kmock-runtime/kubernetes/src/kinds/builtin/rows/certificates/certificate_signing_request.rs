//! CertificateSigningRequest, `certificates`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate,
    Warn,
};
use crate::kinds::builtin::values::copy;
use crate::kinds::builtin::{certificates, fields, prepare, printers, validate};
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};

pub(super) const CERTIFICATE_SIGNING_REQUEST: Kind = Kind {
    name: "certificates.v1.CertificateSigningRequest",
    life: Life {
        checks: Checks {
            update: &[Metadata, Own, MetadataUpdate],
            status: &[Metadata, Own, MetadataUpdate],
            other: &[Metadata, Own, MetadataUpdate],
            ..Checks::COMMON
        },
        reset: &[
            ("", &[&["status"]]),
            ("status", &[&["spec"]]),
            ("approval", &[&["spec"]]),
        ],
        ..Life::COMMON
    },
    prepare: Prepare {
        create: prepare::prepare_certificate_signing_request,
        update: |_, new, old| copy(new, old, "spec"),
        status: |context, new, old| certificates::prepare_for_status_update(context, new, old),
        ..Prepare::NOTHING
    },
    validate: Validate {
        create: |faults, _, object| validate::certificates::signing_request(faults, object),
        update: UpdateRule::Own(|faults, context, new, old| {
            validate::certificates::decided(faults, new, old, context.subresource);
        }),
        status: StatusRule::Checked(|faults, context, new, old| {
            validate::certificates::decided(faults, new, old, context.subresource);
        }),
        other: UpdateRule::Own(|faults, context, new, old| {
            validate::certificates::decided(faults, new, old, context.subresource);
        }),
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels {
        own: &["spec.signerName"],
        namespace: false,
        refusal: fields::not_supported,
    },
    print: Some(Print {
        columns: "Name, Age, SignerName, Requestor, RequestedDuration, Condition",
        cells: printers::other::signing_request,
        conditions: NO_CONDITIONS,
    }),
};

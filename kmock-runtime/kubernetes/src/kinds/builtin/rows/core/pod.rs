//! Pod, the core group.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, Prepare, Print, StatusRule, UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::values::{at, section};
use crate::kinds::builtin::{convert, disabled, fields, pods, printers, validate, warnings};
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};
use crate::model::strategy::Generation;

pub(super) const POD: Kind = Kind {
    name: "core.v1.Pod",
    life: Life {
        generation: Generation::Managed,
        checks: Checks {
            update: &[MetadataUpdate, Metadata, Own],
            other: &[MetadataUpdate, Metadata, Own],
            ..Checks::COMMON
        },
        delete_returns_object: true,
        grace: pods::grace,
        reset: &[
            ("", &[&["status"]]),
            (
                "status",
                &[
                    &["spec"],
                    &["metadata", "deletionTimestamp"],
                    &["metadata", "ownerReferences"],
                ],
            ),
        ],
        ..Life::COMMON
    },
    prepare: Prepare {
        aliases: convert::pod,
        create: |context, object| pods::prepare_for_create(object, context.now),
        update: |_, new, old| pods::prepare_for_update(new, old),
        status: |_, new, old| pods::prepare_for_status_update(new, old),
        gated: |new, old| disabled::pod_spec(section(new, "spec"), old.map(|o| at(o, &["spec"]))),
    },
    validate: Validate {
        create: |faults, _, object| validate::pods::create(faults, object),
        update: UpdateRule::Own(|faults, context, new, old| {
            validate::pods::update(faults, context.subresource, new, old);
        }),
        status: StatusRule::Checked(|faults, context, new, old| {
            validate::pods::update(faults, context.subresource, new, old);
        }),
        other: UpdateRule::Own(|faults, context, new, old| {
            validate::pods::update(faults, context.subresource, new, old);
        }),
    },
    template: None,
    warn: Warn {
        object: warnings::pod,
        ..Warn::NOTHING
    },
    labels: Labels {
        own: &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
            "spec.host",
        ],
        namespace: true,
        refusal: fields::not_supported,
    },
    print: Some(Print {
        columns: "Name, Ready, Status, Restarts, Age, IP*, Node*, Nominated Node*, Readiness Gates*",
        cells: printers::core::pod,
        conditions: printers::completed,
    }),
};

//! Event, `events`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate,
    Warn,
};
use crate::kinds::builtin::{fields, printers, validate};
use crate::model::strategy::Check::Own;

pub(super) const EVENT: Kind = Kind {
    name: "events.v1.Event",
    life: Life {
        create_on_update: true,
        checks: Checks {
            create: &[Own],
            update: &[Own],
            ..Checks::COMMON
        },
        propagates: false,
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: |faults, context, object| {
            faults.extend(validate::events::create(true, context, object));
        },
        update: UpdateRule::Own(|faults, context, new, old| {
            faults.extend(validate::events::update(true, context, new, old));
        }),
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels {
        own: &[
            "regarding.kind",
            "regarding.namespace",
            "regarding.name",
            "regarding.uid",
            "regarding.apiVersion",
            "regarding.resourceVersion",
            "regarding.fieldPath",
            "reason",
            "reportingController",
            "type",
        ],
        namespace: true,
        refusal: fields::not_supported,
    },
    print: Some(Print {
        columns: "Last Seen, Type, Reason, Object, Subobject*, Source*, Message, First Seen*, Count*, Name:name*",
        cells: printers::core::event,
        conditions: NO_CONDITIONS,
    }),
};

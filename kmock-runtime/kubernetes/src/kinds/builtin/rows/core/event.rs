//! Event, the core group.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate,
    Warn,
};
use crate::kinds::builtin::{fields, printers, validate};
use crate::model::strategy::Check::Own;
use crate::model::strategy::NameRule;

pub(super) const EVENT: Kind = Kind {
    name: "core.v1.Event",
    life: Life {
        names: NameRule::PathSegment,
        create_on_update: true,
        checks: Checks {
            create: &[Own],
            update: &[Own],
            ..Checks::COMMON
        },
        qualified_finalizers: false,
        propagates: false,
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: |faults, context, object| {
            faults.extend(validate::events::create(false, context, object));
        },
        update: UpdateRule::Own(|faults, context, new, old| {
            faults.extend(validate::events::update(false, context, new, old));
        }),
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels {
        own: &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
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

//! APIService, `apiregistration`.

use crate::kinds::builtin::row::{
    Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::{prepare, printers, validate};
use crate::model::strategy::NameRule;

pub(super) const API_SERVICE: Kind = Kind {
    name: "apiregistration.v1.APIService",
    life: Life {
        names: NameRule::PathSegment,
        unconditional_update: false,
        qualified_finalizers: false,
        reset: &[
            ("", &[&["status"]]),
            ("status", &[&["metadata"], &["spec"]]),
        ],
        ..Life::COMMON
    },
    prepare: Prepare {
        create: prepare::prepare_api_service,
        status: |_, new, old| {
            prepare::keep_metadata(
                new,
                old,
                &["labels", "annotations", "finalizers", "ownerReferences"],
            );
        },
        ..Prepare::NOTHING
    },
    validate: Validate {
        create: |faults, _, object| validate::other::api_service(faults, object),
        update: UpdateRule::AsCreated,
        status: StatusRule::Free,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Service, Available, Age",
        cells: printers::other::api_service,
        conditions: NO_CONDITIONS,
    }),
};

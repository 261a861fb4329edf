//! Namespace, the core group.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate,
    Warn,
};
use crate::kinds::builtin::{fields, prepare, validate};
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};
use crate::model::strategy::NameRule;

pub(super) const NAMESPACE: Kind = Kind {
    name: "core.v1.Namespace",
    life: Life {
        names: NameRule::Label,
        checks: Checks {
            update: &[Metadata, Own, MetadataUpdate],
            ..Checks::COMMON
        },
        delete_returns_object: true,
        reset: &[
            ("", &[&["status"]]),
            ("status", &[&["spec"]]),
            ("finalize", &[&["status"]]),
        ],
        ..Life::COMMON
    },
    prepare: Prepare {
        create: prepare::prepare_namespace,
        update: prepare::change_namespace,
        ..Prepare::NOTHING
    },
    validate: Validate {
        create: |faults, _, object| validate::core::namespace(faults, object),
        update: UpdateRule::Unchecked,
        status: StatusRule::Checked(validate::core::status_namespace),
        other: UpdateRule::Own(|faults, _, new, _| validate::core::finalize(faults, new)),
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels {
        own: &["status.phase"],
        namespace: false,
        refusal: fields::not_supported,
    },
    print: Some(Print {
        columns: "Name, Status, Age",
        cells: |p| vec![p.name(), p.text(&["status", "phase"]).into(), p.age()],
        conditions: NO_CONDITIONS,
    }),
};

//! RuntimeClass, `node`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate,
    Warn,
};
use crate::kinds::builtin::{validate, warnings};
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};

pub(super) const RUNTIME_CLASS: Kind = Kind {
    name: "node.v1.RuntimeClass",
    life: Life {
        create_on_update: true,
        unconditional_update: false,
        checks: Checks {
            update: &[Metadata, Own, MetadataUpdate],
            ..Checks::COMMON
        },
        qualified_finalizers: false,
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: |faults, _, object| validate::runtimes::runtime_class(faults, object),
        update: UpdateRule::Own(validate::other::update_runtime_class),
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn {
        object: warnings::other::warn_runtime_class,
        ..Warn::NOTHING
    },
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Handler, Age",
        cells: |p| vec![p.name(), p.text(&["handler"]).into(), p.age()],
        conditions: NO_CONDITIONS,
    }),
};

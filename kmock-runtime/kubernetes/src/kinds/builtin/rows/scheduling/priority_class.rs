//! PriorityClass, `scheduling`.

use crate::kinds::builtin::row::{
    Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::{printers, validate};
use crate::model::strategy::Generation;

pub(super) const PRIORITY_CLASS: Kind = Kind {
    name: "scheduling.v1.PriorityClass",
    life: Life {
        generation: Generation::Managed,
        new_generation: |_, _| false,
        undeletable: |name| {
            matches!(name, "system-node-critical" | "system-cluster-critical")
                .then_some("this is a system priority class and cannot be deleted")
        },
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: |faults, _, object| validate::other::priority_class(faults, object),
        update: UpdateRule::Own(validate::other::update_priority_class),
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Value:integer, Global-Default:boolean, Age, PreemptionPolicy",
        cells: printers::other::cells_priority_class,
        conditions: NO_CONDITIONS,
    }),
};

//! NetworkPolicy, `networking`.

use crate::kinds::builtin::row::{
    Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::values::at;
use crate::kinds::builtin::{printers, validate, warnings};
use crate::model::strategy::Generation;

pub(super) const NETWORK_POLICY: Kind = Kind {
    name: "networking.v1.NetworkPolicy",
    life: Life {
        generation: Generation::Managed,
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: |faults, _, object| {
            validate::networking::network_policy(faults, at(object, &["spec"]));
        },
        update: UpdateRule::AsCreated,
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn {
        object: |out, object| warnings::other::network_policy(out, at(object, &["spec"])),
        ..Warn::NOTHING
    },
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Pod-Selector, Age",
        cells: |p| {
            vec![
                p.name(),
                printers::selector(p.at(&["spec", "podSelector"])).into(),
                p.age(),
            ]
        },
        conditions: NO_CONDITIONS,
    }),
};

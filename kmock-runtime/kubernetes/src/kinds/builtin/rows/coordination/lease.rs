//! Lease, `coordination`.

use crate::kinds::builtin::row::{
    Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::{disabled, prepare, validate};

pub(super) const LEASE: Kind = Kind {
    name: "coordination.v1.Lease",
    life: Life {
        create_on_update: true,
        unconditional_update: false,
        qualified_finalizers: false,
        ..Life::COMMON
    },
    prepare: Prepare {
        create: |_, object| prepare::without_election(object, None),
        update: |_, new, old| prepare::without_election(new, Some(old)),
        gated: disabled::drop_lease,
        ..Prepare::NOTHING
    },
    validate: Validate {
        create: validate::networking::create_lease,
        update: UpdateRule::AsCreated,
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Holder, Age",
        cells: |p| {
            vec![
                p.name(),
                p.text(&["spec", "holderIdentity"]).into(),
                p.age(),
            ]
        },
        conditions: NO_CONDITIONS,
    }),
};

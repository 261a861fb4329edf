//! PodDisruptionBudget, `policy`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, STATUS_APART, StatusRule,
    UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::values::at;
use crate::kinds::builtin::{printers, validate};
use crate::model::strategy::Check::Own;
use crate::model::strategy::{Generation, NameRule};

pub(super) const POD_DISRUPTION_BUDGET: Kind = Kind {
    name: "policy.v1.PodDisruptionBudget",
    life: Life {
        names: NameRule::PathSegment,
        unconditional_update: false,
        generation: Generation::Managed,
        checks: Checks {
            create: &[Own],
            update: &[Own],
            status: &[Own],
            other: &[Own],
        },
        qualified_finalizers: false,
        reset: STATUS_APART,
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: |faults, _, object| validate::workloads::budget(faults, at(object, &["spec"])),
        update: UpdateRule::Own(|faults, _, new, _| {
            validate::workloads::budget(faults, at(new, &["spec"]));
        }),
        status: StatusRule::Counted(&validate::counts::POD_DISRUPTION_BUDGET),
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Min Available, Max Unavailable, Allowed Disruptions:integer, Age",
        cells: printers::workloads::cells_pod_disruption_budget,
        conditions: NO_CONDITIONS,
    }),
};

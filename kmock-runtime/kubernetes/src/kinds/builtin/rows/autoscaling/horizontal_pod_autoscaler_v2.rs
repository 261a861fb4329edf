//! HorizontalPodAutoscaler, `autoscaling`.

use crate::kinds::builtin::row::{
    Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, STATUS_APART, StatusRule, UpdateRule,
    Validate, Warn,
};
use crate::kinds::builtin::{printers, validate};

pub(super) const HORIZONTAL_POD_AUTOSCALER_V2: Kind = Kind {
    name: "autoscaling.v2.HorizontalPodAutoscaler",
    life: Life {
        reset: STATUS_APART,
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: |faults, _, object| validate::autoscaling::autoscaler(faults, object, None),
        update: UpdateRule::Own(|faults, _, new, old| {
            validate::autoscaling::autoscaler(faults, new, Some(old));
        }),
        status: StatusRule::Counted(&validate::counts::HORIZONTAL_POD_AUTOSCALER),
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Reference, Targets, MinPods, MaxPods, Replicas, Age",
        cells: printers::workloads::cells_horizontal_pod_autoscaler,
        conditions: NO_CONDITIONS,
    }),
};

//! StatefulSet, `apps`.

use crate::kinds::builtin::row::{
    Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, STATUS_APART, StatusRule, Template,
    UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::values::at;
use crate::kinds::builtin::{convert, disabled, printers, validate, warnings};
use crate::model::strategy::{Generation, NameRule};

pub(super) const STATEFUL_SET: Kind = Kind {
    name: "apps.v1.StatefulSet",
    life: Life {
        names: NameRule::Label,
        generation: Generation::Managed,
        reset: STATUS_APART,
        ..Life::COMMON
    },
    prepare: Prepare {
        aliases: |object| convert::template(object, "/spec/template/spec"),
        gated: disabled::drop_stateful_set,
        ..Prepare::NOTHING
    },
    validate: Validate {
        create: |faults, _, object| {
            validate::workloads::stateful_set(faults, at(object, &["spec"]));
        },
        update: UpdateRule::Own(|faults, _, new, old| {
            validate::workloads::stateful_set_update(faults, new, old);
        }),
        status: StatusRule::Counted(&validate::counts::STATEFUL_SET),
        other: UpdateRule::Unchecked,
    },
    template: Some(Template {
        keys: &["spec", "template"],
        path: "spec.template",
        names_hosts: false,
    }),
    warn: Warn {
        object: warnings::other::warn_stateful_set,
        ..Warn::NOTHING
    },
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Ready, Age, Containers*, Images*",
        cells: printers::workloads::cells_stateful_set,
        conditions: NO_CONDITIONS,
    }),
};

//! ReplicaSet, `apps`.

use crate::kinds::builtin::row::{
    Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, STATUS_APART, StatusRule, Template,
    UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::values::{at, child, section};
use crate::kinds::builtin::{convert, disabled, printers, validate};
use crate::model::strategy::Generation;

pub(super) const REPLICA_SET: Kind = Kind {
    name: "apps.v1.ReplicaSet",
    life: Life {
        generation: Generation::Managed,
        reset: STATUS_APART,
        ..Life::COMMON
    },
    prepare: Prepare {
        aliases: |object| convert::template(object, "/spec/template/spec"),
        gated: |new, old| {
            disabled::template(
                child(section(new, "spec"), "template"),
                old,
                &["spec", "template"],
            );
        },
        ..Prepare::NOTHING
    },
    validate: Validate {
        create: |faults, _, object| validate::workloads::replica_set(faults, at(object, &["spec"])),
        update: UpdateRule::Own(validate::workloads::update_replica_set),
        status: StatusRule::Counted(&validate::counts::REPLICA_SET),
        other: UpdateRule::Unchecked,
    },
    template: Some(Template {
        keys: &["spec", "template"],
        path: "spec.template",
        names_hosts: true,
    }),
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Desired:integer, Current:integer, Ready:integer, Age, Containers*, Images*, Selector*",
        cells: printers::workloads::cells_replica_set,
        conditions: NO_CONDITIONS,
    }),
};

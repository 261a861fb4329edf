//! ReplicationController, the core group.

use crate::kinds::builtin::row::{
    Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, STATUS_APART, StatusRule, Template,
    UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::values::{at, child, section};
use crate::kinds::builtin::{convert, disabled, fields, printers, validate};
use crate::model::strategy::{Generation, NameRule};

pub(super) const REPLICATION_CONTROLLER: Kind = Kind {
    name: "core.v1.ReplicationController",
    life: Life {
        names: NameRule::LongName,
        generation: Generation::Managed,
        orphans_by_default: true,
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
        create: |faults, _, object| {
            validate::workloads::replication_controller(faults, at(object, &["spec"]));
        },
        update: UpdateRule::AsCreated,
        status: StatusRule::Counted(&validate::counts::REPLICA_SET),
        other: UpdateRule::Unchecked,
    },
    template: Some(Template {
        keys: &["spec", "template"],
        path: "spec.template",
        names_hosts: true,
    }),
    warn: Warn::NOTHING,
    labels: Labels {
        own: &["status.replicas"],
        namespace: true,
        refusal: fields::not_supported,
    },
    print: Some(Print {
        columns: "Name, Desired:integer, Current:integer, Ready:integer, Age, Containers*, Images*, Selector*",
        cells: printers::core::cells_replication_controller,
        conditions: NO_CONDITIONS,
    }),
};

//! DaemonSet, `apps`.

use crate::kinds::builtin::row::{
    Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, STATUS_APART, StatusRule, Template,
    UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::values::{at, child, section};
use crate::kinds::builtin::{convert, disabled, prepare, printers, validate};
use crate::model::strategy::Generation;

pub(super) const DAEMON_SET: Kind = Kind {
    name: "apps.v1.DaemonSet",
    life: Life {
        generation: Generation::Managed,
        reset: STATUS_APART,
        ..Life::COMMON
    },
    prepare: Prepare {
        aliases: |object| convert::template(object, "/spec/template/spec"),
        create: |_, object| prepare::set_template_generation(object, 1),
        update: prepare::change_daemon_set,
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
        create: |faults, _, object| validate::workloads::daemon_set(faults, at(object, &["spec"])),
        update: UpdateRule::Own(validate::workloads::update_daemon_set),
        status: StatusRule::Counted(&validate::counts::DAEMON_SET),
        other: UpdateRule::Unchecked,
    },
    template: Some(Template {
        keys: &["spec", "template"],
        path: "spec.template",
        names_hosts: false,
    }),
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Desired:integer, Current:integer, Ready:integer, Up-to-date:integer, Available:integer, Node Selector, Age, Containers*, Images*, Selector*",
        cells: printers::workloads::cells_daemon_set,
        conditions: NO_CONDITIONS,
    }),
};

//! Deployment, `apps`.

use crate::kinds::builtin::row::{
    Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, Template, UpdateRule, Validate,
    Warn, differs,
};
use crate::kinds::builtin::values::{at, child, section};
use crate::kinds::builtin::{convert, disabled, prepare, printers, validate};
use crate::model::strategy::Generation;

pub(super) const DEPLOYMENT: Kind = Kind {
    name: "apps.v1.Deployment",
    life: Life {
        generation: Generation::Managed,
        new_generation: |new, old| {
            differs(new, old, &["spec"]) || differs(new, old, &["metadata", "annotations"])
        },
        reset: &[
            ("", &[&["status"]]),
            ("status", &[&["spec"], &["metadata", "labels"]]),
        ],
        ..Life::COMMON
    },
    prepare: Prepare {
        aliases: |object| convert::template(object, "/spec/template/spec"),
        status: |_, new, old| prepare::keep_metadata(new, old, &["labels"]),
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
        create: |faults, _, object| validate::workloads::deployment(faults, at(object, &["spec"])),
        update: UpdateRule::Own(validate::workloads::update_deployment),
        status: StatusRule::Counted(&validate::counts::DEPLOYMENT),
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
        columns: "Name, Ready, Up-to-date, Available, Age, Containers*, Images*, Selector*",
        cells: printers::workloads::cells_deployment,
        conditions: NO_CONDITIONS,
    }),
};

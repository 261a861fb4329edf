//! PodTemplate, the core group.

use crate::kinds::builtin::row::{
    Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, Template, UpdateRule, Validate,
    Warn, differs,
};
use crate::kinds::builtin::values::{at, section};
use crate::kinds::builtin::{convert, disabled, printers, validate};
use crate::model::strategy::Generation;

pub(super) const POD_TEMPLATE: Kind = Kind {
    name: "core.v1.PodTemplate",
    life: Life {
        generation: Generation::Managed,
        new_generation: |new, old| differs(new, old, &["template"]),
        delete_returns_object: true,
        ..Life::COMMON
    },
    prepare: Prepare {
        aliases: |object| convert::template(object, "/template/spec"),
        gated: |new, old| disabled::template(section(new, "template"), old, &["template"]),
        ..Prepare::NOTHING
    },
    validate: Validate {
        create: |faults, _, object| {
            validate::pods::template(faults, at(object, &["template"]), "template");
        },
        update: UpdateRule::AsCreated,
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: Some(Template {
        keys: &["template"],
        path: "template",
        names_hosts: false,
    }),
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Containers, Images, Pod Labels",
        cells: printers::core::cells_pod_template,
        conditions: NO_CONDITIONS,
    }),
};

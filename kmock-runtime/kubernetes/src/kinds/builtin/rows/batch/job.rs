//! Job, `batch`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, STATUS_APART, StatusRule, Template,
    UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::values::{at, child, section};
use crate::kinds::builtin::{convert, disabled, prepare, printers, validate, warnings};
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};
use crate::model::strategy::Generation;

pub(super) const JOB: Kind = Kind {
    name: "batch.v1.Job",
    life: Life {
        generation: Generation::Managed,
        checks: Checks {
            update: &[Metadata, Own, MetadataUpdate],
            ..Checks::COMMON
        },
        orphans_by_default: true,
        delete_warning: Some(
            "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them \
             or set propagationPolicy=Orphan to suppress this warning",
        ),
        reset: STATUS_APART,
        ..Life::COMMON
    },
    prepare: Prepare {
        aliases: |object| convert::template(object, "/spec/template/spec"),
        create: |_, object| prepare::job_labels(object),
        update: |_, new, _| {
            prepare::takes_template_labels(new);
        },
        status: |_, new, _| {
            prepare::takes_template_labels(new);
        },
        gated: |new, old| {
            disabled::template(
                child(section(new, "spec"), "template"),
                old,
                &["spec", "template"],
            );
        },
    },
    validate: Validate {
        create: |faults, _, object| validate::jobs::job(faults, object, true),
        update: UpdateRule::Own(|faults, _, new, old| validate::jobs::job_update(faults, new, old)),
        status: StatusRule::Counted(&validate::counts::JOB),
        other: UpdateRule::Unchecked,
    },
    template: Some(Template {
        keys: &["spec", "template"],
        path: "spec.template",
        names_hosts: true,
    }),
    warn: Warn {
        object: |out, object| warnings::other::indexed_job(out, at(object, &["spec"]), "spec"),
        ..Warn::NOTHING
    },
    labels: Labels {
        own: &["status.successful"],
        namespace: true,
        refusal: |label| format!("field label \"{label}\" not supported for Job"),
    },
    print: Some(Print {
        columns: "Name, Status, Completions, Duration, Age, Containers*, Images*, Selector*",
        cells: printers::workloads::cells_job,
        conditions: NO_CONDITIONS,
    }),
};

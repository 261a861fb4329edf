//! CronJob, `batch`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, STATUS_APART, StatusRule, Template,
    UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::values::at;
use crate::kinds::builtin::{convert, disabled, printers, validate, warnings};
use crate::model::strategy::Check::Own;
use crate::model::strategy::Generation;

pub(super) const CRON_JOB: Kind = Kind {
    name: "batch.v1.CronJob",
    life: Life {
        generation: Generation::Managed,
        checks: Checks {
            status: &[Own],
            other: &[Own],
            ..Checks::COMMON
        },
        reset: STATUS_APART,
        ..Life::COMMON
    },
    prepare: Prepare {
        aliases: |object| convert::template(object, "/spec/jobTemplate/spec/template/spec"),
        gated: disabled::drop_cron_job,
        ..Prepare::NOTHING
    },
    validate: Validate {
        create: |faults, _, object| validate::cron::cron_job(faults, object, None),
        update: UpdateRule::Own(|faults, _, new, old| {
            validate::cron::cron_job(faults, new, Some(old));
        }),
        status: StatusRule::Free,
        other: UpdateRule::Unchecked,
    },
    template: Some(Template {
        keys: &["spec", "jobTemplate", "spec", "template"],
        path: "spec.jobTemplate.spec.template",
        names_hosts: true,
    }),
    warn: Warn {
        object: |out, object| {
            warnings::other::indexed_job(
                out,
                at(object, &["spec", "jobTemplate", "spec"]),
                "spec.jobTemplate.spec",
            );
        },
        update: warnings::cron_job_update,
        ..Warn::NOTHING
    },
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Schedule, Timezone, Suspend:boolean, Active:integer, Last Schedule, Age, Containers*, Images*, Selector*",
        cells: printers::workloads::cron_job,
        conditions: NO_CONDITIONS,
    }),
};

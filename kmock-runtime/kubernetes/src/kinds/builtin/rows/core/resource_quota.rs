//! ResourceQuota, the core group.

use crate::kinds::builtin::row::{
    Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, STATUS_APART, StatusRule, UpdateRule,
    Validate, Warn,
};
use crate::kinds::builtin::{printers, validate};

pub(super) const RESOURCE_QUOTA: Kind = Kind {
    name: "core.v1.ResourceQuota",
    life: Life {
        delete_returns_object: true,
        reset: STATUS_APART,
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: |faults, _, object| validate::quotas::quota(faults, object),
        update: UpdateRule::Own(validate::core::update_resource_quota),
        status: StatusRule::Checked(|faults, _, new, _| {
            validate::quotas::quota_status(faults, new);
        }),
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Request, Limit, Age",
        cells: printers::core::quota,
        conditions: NO_CONDITIONS,
    }),
};

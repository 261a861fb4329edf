//! ResourceClaimTemplate, `resource`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate,
    Warn,
};
use crate::kinds::builtin::validate;
use crate::kinds::builtin::values::at;
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};

pub(super) const RESOURCE_CLAIM_TEMPLATE: Kind = Kind {
    name: "resource.v1.ResourceClaimTemplate",
    life: Life {
        checks: Checks {
            update: &[Metadata, Own, MetadataUpdate],
            ..Checks::COMMON
        },
        delete_returns_object: true,
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: |faults, _, object| {
            validate::other::device_requests(
                faults,
                at(object, &["spec", "spec", "devices"]),
                "spec.spec.devices",
            );
        },
        update: UpdateRule::Own(|faults, _, new, old| {
            let devices = at(new, &["spec", "spec", "devices"]);
            validate::other::device_requests(faults, devices, "spec.spec.devices");
            validate::other::same_spec(faults, new, old, "resource.v1.ResourceClaimTemplateSpec");
        }),
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Age",
        cells: |p| vec![p.name(), p.age()],
        conditions: NO_CONDITIONS,
    }),
};

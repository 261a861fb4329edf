//! Ingress, `networking`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, STATUS_APART, StatusRule,
    UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::values::at;
use crate::kinds::builtin::{printers, validate, warnings};
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};
use crate::model::strategy::Generation;

pub(super) const INGRESS: Kind = Kind {
    name: "networking.v1.Ingress",
    life: Life {
        generation: Generation::Managed,
        checks: Checks {
            update: &[MetadataUpdate, Metadata, Own],
            ..Checks::COMMON
        },
        reset: STATUS_APART,
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: |faults, _, object| validate::networking::ingress(faults, at(object, &["spec"])),
        update: UpdateRule::AsCreated,
        status: StatusRule::Free,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn {
        object: warnings::other::warn_ingress,
        status: warnings::addresses::balancer,
        ..Warn::NOTHING
    },
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Class, Hosts, Address, Ports, Age",
        cells: printers::other::ingress,
        conditions: NO_CONDITIONS,
    }),
};

//! IngressClass, `networking`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate,
    Warn,
};
use crate::kinds::builtin::values::at;
use crate::kinds::builtin::{printers, validate};
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};
use crate::model::strategy::Generation;

pub(super) const INGRESS_CLASS: Kind = Kind {
    name: "networking.v1.IngressClass",
    life: Life {
        generation: Generation::Managed,
        checks: Checks {
            update: &[MetadataUpdate, Own, Metadata],
            ..Checks::COMMON
        },
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: |faults, _, object| {
            validate::networking::ingress_class(faults, at(object, &["spec"]));
        },
        update: UpdateRule::Own(validate::networking::update_ingress_class),
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, Controller, Parameters, Age",
        cells: printers::other::cells_ingress_class,
        conditions: NO_CONDITIONS,
    }),
};

//! IPAddress, `networking`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate,
    Warn,
};
use crate::kinds::builtin::{printers, validate};
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};
use crate::model::strategy::NameRule;

pub(super) const IP_ADDRESS: Kind = Kind {
    name: "networking.v1.IPAddress",
    life: Life {
        names: NameRule::PathSegment,
        checks: Checks {
            update: &[Metadata, Own, MetadataUpdate],
            ..Checks::COMMON
        },
        ..Life::COMMON
    },
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: validate::networking::create_ip_address,
        update: UpdateRule::Own(validate::networking::update_ip_address),
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, ParentRef",
        cells: printers::other::cells_ip_address,
        conditions: NO_CONDITIONS,
    }),
};

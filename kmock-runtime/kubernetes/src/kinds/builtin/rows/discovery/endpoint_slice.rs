//! EndpointSlice, `discovery`.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate,
    Warn, differs,
};
use crate::kinds::builtin::{prepare, printers, validate, warnings};
use crate::model::strategy::Check::{Metadata, Own};
use crate::model::strategy::Generation;

pub(super) const ENDPOINT_SLICE: Kind = Kind {
    name: "discovery.v1.EndpointSlice",
    life: Life {
        generation: Generation::Managed,
        new_generation: |new, old| {
            differs(new, old, &["metadata", "labels"])
                || differs(new, old, &["addressType"])
                || differs(new, old, &["endpoints"])
                || differs(new, old, &["ports"])
        },
        checks: Checks {
            update: &[Metadata, Own],
            ..Checks::COMMON
        },
        ..Life::COMMON
    },
    prepare: Prepare {
        create: |_, object| prepare::forget_topology(object, None),
        update: |_, new, old| prepare::forget_topology(new, Some(old)),
        ..Prepare::NOTHING
    },
    validate: Validate {
        create: |faults, _, object| validate::endpoints::slice(faults, object),
        update: UpdateRule::Own(validate::networking::update_endpoint_slice),
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn {
        object: warnings::other::warn_endpoint_slice,
        ..Warn::NOTHING
    },
    labels: Labels::COMMON,
    print: Some(Print {
        columns: "Name, AddressType, Ports, Endpoints, Age",
        cells: printers::other::endpoint_slice,
        conditions: NO_CONDITIONS,
    }),
};

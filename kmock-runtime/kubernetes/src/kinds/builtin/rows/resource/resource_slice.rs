//! ResourceSlice, `resource`.

use crate::kinds::builtin::row::{
    Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::{disabled, prepare, printers, validate, warnings};
use crate::model::strategy::Generation;

pub(super) const RESOURCE_SLICE: Kind = Kind {
    name: "resource.v1.ResourceSlice",
    life: Life {
        generation: Generation::Managed,
        delete_returns_object: true,
        ..Life::COMMON
    },
    prepare: Prepare {
        create: prepare::new_taints,
        update: |context, new, _| prepare::new_taints(context, new),
        gated: disabled::drop_resource_slice,
        ..Prepare::NOTHING
    },
    validate: Validate {
        create: validate::other::create_resource_slice,
        update: UpdateRule::AsCreated,
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn {
        object: warnings::other::warn_resource_slice,
        ..Warn::NOTHING
    },
    labels: Labels {
        own: &["spec.nodeName", "spec.driver"],
        namespace: false,
        refusal: |label| {
            format!("field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: {label}")
        },
    },
    print: Some(Print {
        columns: "Name, Node, Driver, Pool, Age",
        cells: printers::other::cells_resource_slice,
        conditions: NO_CONDITIONS,
    }),
};

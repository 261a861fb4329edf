//! Node, the core group.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, STATUS_APART, StatusRule,
    UpdateRule, Validate, Warn,
};
use crate::kinds::builtin::values::at;
use crate::kinds::builtin::{convert, disabled, fields, printers, validate, warnings};
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};

pub(super) const NODE: Kind = Kind {
    name: "core.v1.Node",
    life: Life {
        checks: Checks {
            update: &[Metadata, MetadataUpdate, Own],
            ..Checks::COMMON
        },
        resets_status: false,
        reset: STATUS_APART,
        ..Life::COMMON
    },
    prepare: Prepare {
        aliases: convert::node,
        gated: disabled::drop_node,
        ..Prepare::NOTHING
    },
    validate: Validate {
        create: |faults, _, object| validate::nodes::create(faults, object),
        update: UpdateRule::Own(|faults, _, new, old| validate::nodes::update(faults, new, old)),
        status: StatusRule::Checked(|faults, _, new, old| {
            validate::nodes::changes(faults, new, old);
        }),
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn {
        object: |out, object| warnings::other::node(out, at(object, &["spec"])),
        ..Warn::NOTHING
    },
    labels: Labels {
        own: &["spec.unschedulable"],
        namespace: false,
        refusal: fields::not_supported,
    },
    print: Some(Print {
        columns: "Name, Status, Roles, Age, Version, Internal-IP*, External-IP*, OS-Image*, Kernel-Version*, Container-Runtime*",
        cells: printers::core::node,
        conditions: NO_CONDITIONS,
    }),
};

//! Secret, the core group.

use crate::kinds::builtin::row::{
    Checks, Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, StatusRule, UpdateRule, Validate,
    Warn,
};
use crate::kinds::builtin::{convert, fields, prepare, printers, validate, warnings};
use crate::model::strategy::Check::{Metadata, MetadataUpdate, Own};

pub(super) const SECRET: Kind = Kind {
    name: "core.v1.Secret",
    life: Life {
        checks: Checks {
            update: &[MetadataUpdate, Own, Metadata],
            ..Checks::COMMON
        },
        ..Life::COMMON
    },
    prepare: Prepare {
        aliases: convert::string_data,
        update: prepare::change_secret,
        ..Prepare::NOTHING
    },
    validate: Validate {
        create: |faults, _, object| validate::core::secret(faults, object),
        update: UpdateRule::Own(validate::core::update_secret),
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn {
        object: warnings::other::warn_secret,
        ..Warn::NOTHING
    },
    labels: Labels {
        own: &["type"],
        namespace: true,
        refusal: fields::not_supported,
    },
    print: Some(Print {
        columns: "Name, Type, Data, Age",
        cells: printers::core::cells_secret,
        conditions: NO_CONDITIONS,
    }),
};

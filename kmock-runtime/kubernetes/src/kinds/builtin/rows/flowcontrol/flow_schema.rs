//! FlowSchema, `flowcontrol`.

use super::priority_level_configuration;
use crate::kinds::builtin::row::{Kind, NO_CONDITIONS, Print, Validate};
use crate::kinds::builtin::{printers, validate};

pub(super) const FLOW_SCHEMA: Kind = Kind {
    name: "flowcontrol.v1.FlowSchema",
    validate: Validate {
        create: validate::other::create_flow_schema,
        ..priority_level_configuration::PRIORITY_LEVEL_CONFIGURATION.validate
    },
    print: Some(Print {
        columns: "Name, PriorityLevel, MatchingPrecedence, DistinguisherMethod, Age, MissingPL",
        cells: printers::other::flow_schema,
        conditions: NO_CONDITIONS,
    }),
    ..priority_level_configuration::PRIORITY_LEVEL_CONFIGURATION
};

//! Service, the core group.

use crate::kinds::builtin::row::{
    Kind, Labels, Life, NO_CONDITIONS, Prepare, Print, STATUS_APART, StatusRule, UpdateRule,
    Validate, Warn,
};
use crate::kinds::builtin::values::at;
use crate::kinds::builtin::{fields, printers, services, validate, warnings};
use crate::model::strategy::NameRule;

pub(super) const SERVICE: Kind = Kind {
    name: "core.v1.Service",
    life: Life {
        names: NameRule::Label,
        create_on_update: true,
        delete_returns_object: true,
        claims: Some(|context, new, old| services::conflicts(context, new, old).is_some()),
        reset: STATUS_APART,
        ..Life::COMMON
    },
    prepare: Prepare {
        create: |context, object| services::prepare_for_create(context, object),
        update: |context, new, old| services::prepare_for_update(context, new, old),
        ..Prepare::NOTHING
    },
    validate: Validate {
        create: |faults, context, object| {
            validate::services::create(faults, object);
            if faults.is_empty() {
                faults.extend(services::conflicts(context, object, None));
            }
        },
        update: UpdateRule::Own(|faults, context, new, old| {
            validate::services::update(faults, new, old);
            if faults.is_empty() {
                faults.extend(services::conflicts(context, new, Some(old)));
            }
        }),
        status: StatusRule::Checked(|faults, _, new, _| validate::services::status(faults, new)),
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn {
        object: |out, object| warnings::other::service(out, object, at(object, &["spec"])),
        status: warnings::addresses::balancer,
        ..Warn::NOTHING
    },
    labels: Labels {
        own: &["spec.clusterIP", "spec.type"],
        namespace: true,
        refusal: fields::not_supported,
    },
    print: Some(Print {
        columns: "Name, Type, Cluster-IP, External-IP, Port(s), Age, Selector*",
        cells: printers::core::service,
        conditions: NO_CONDITIONS,
    }),
};

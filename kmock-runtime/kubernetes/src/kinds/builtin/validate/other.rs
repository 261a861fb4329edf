//! Scheduling, flow control, devices, API services.

use std::collections::HashSet;

use serde_json::Value;

use super::rules::{
    Faults, IMMUTABLE, in_range, invalid_internal, maybe_one_of, named, one_of, required, same,
    texts,
};
use crate::kinds::builtin::values::{at, int, is_set, items, text, truth};
use crate::model::meta::{label_faults, subdomain_faults};
use crate::model::status::FieldError;
use crate::model::strategy::Context;

/// The highest priority that users may give.
const HIGHEST_PRIORITY: i64 = 1_000_000_000;

pub(in crate::kinds::builtin) fn create_flow_schema(
    faults: &mut Faults,
    _context: &Context<'_>,
    object: &Value,
) {
    let spec = at(object, &["spec"]);
    if int(spec, &["matchingPrecedence"]) <= 0 {
        faults.push(FieldError::invalid(
            "spec.matchingPrecedence",
            at(spec, &["matchingPrecedence"]),
            "must be a positive value",
        ));
    } else if int(spec, &["matchingPrecedence"]) > 10_000 {
        faults.push(FieldError::invalid(
            "spec.matchingPrecedence",
            at(spec, &["matchingPrecedence"]),
            "must not be greater than 10000",
        ));
    }
    let method = at(spec, &["distinguisherMethod"]);
    if method.is_object() {
        maybe_one_of(
            faults,
            "spec.distinguisherMethod",
            text(method, &["type"]),
            &["ByNamespace", "ByUser"],
        );
    }
    let level = text(spec, &["priorityLevelConfiguration", "name"]);
    if level.is_empty() {
        faults.push(FieldError::required(
            "spec.priorityLevelConfiguration.name",
            "must reference a priority level",
        ));
    } else {
        texts(
            faults,
            "spec.priorityLevelConfiguration.name",
            level,
            subdomain_faults(level),
        );
    }
}

pub(in crate::kinds::builtin) fn create_resource_slice(
    faults: &mut Faults,
    _context: &Context<'_>,
    object: &Value,
) {
    let spec = at(object, &["spec"]);
    required(faults, "spec.driver", text(spec, &["driver"]));
    required(faults, "spec.pool.name", text(spec, &["pool", "name"]));
    if int(spec, &["pool", "resourceSliceCount"]) <= 0 {
        faults.push(FieldError::invalid(
            "spec.pool.resourceSliceCount",
            at(spec, &["pool", "resourceSliceCount"]),
            "must be greater than zero",
        ));
    }
    let places = [
        "nodeName",
        "nodeSelector",
        "allNodes",
        "perDeviceNodeSelection",
    ];
    if !places.iter().any(|key| is_set(spec, &[key])) {
        faults.push(FieldError::required(
                    "spec",
                    "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required",
                ));
    }
}

pub(in crate::kinds::builtin) fn update_priority_class(
    faults: &mut Faults,
    _context: &Context<'_>,
    new: &Value,
    old: &Value,
) {
    if int(new, &["value"]) != int(old, &["value"]) {
        faults.push(FieldError::forbidden(
            "value",
            "may not be changed in an update.",
        ));
    }
    if !same(new, old, &["preemptionPolicy"]) {
        faults.push(FieldError::invalid_text(
            "preemptionPolicy",
            text(new, &["preemptionPolicy"]),
            IMMUTABLE,
        ));
    }
}

pub(in crate::kinds::builtin) fn update_runtime_class(
    faults: &mut Faults,
    _context: &Context<'_>,
    new: &Value,
    old: &Value,
) {
    if !same(new, old, &["handler"]) {
        faults.push(FieldError::invalid_text(
            "handler",
            text(new, &["handler"]),
            IMMUTABLE,
        ));
    }
}

/// The specification stays as it is.
pub(in crate::kinds::builtin) fn same_spec(
    faults: &mut Faults,
    new: &Value,
    old: &Value,
    ty: &str,
) {
    if !same(new, old, &["spec"]) {
        faults.push(invalid_internal("spec", ty, at(new, &["spec"]), IMMUTABLE));
    }
}

pub(in crate::kinds::builtin) fn priority_class(faults: &mut Faults, object: &Value) {
    let name = text(object, &["metadata", "name"]);
    let of_system = match name {
        "system-node-critical" => Some(2_000_001_000),
        "system-cluster-critical" => Some(2_000_000_000),
        _ => None,
    };
    if name.starts_with("system-") {
        let why = match of_system {
            None => format!("{name} is not a known system priority class"),
            Some(value) if int(object, &["value"]) != value => {
                format!("value of {name} PriorityClass must be {value}")
            }
            Some(_) if truth(object, &["globalDefault"]) => {
                format!("globalDefault of {name} PriorityClass must be false")
            }
            Some(_) => String::new(),
        };
        if !why.is_empty() {
            faults.push(FieldError::forbidden(
                "metadata.name",
                format!(
                    "priority class names with 'system-' prefix are reserved for system use only. error: {why}"
                ),
            ));
        }
    } else if int(object, &["value"]) > HIGHEST_PRIORITY {
        faults.push(FieldError::forbidden(
            "value",
            format!("maximum allowed value of a user defined priority is {HIGHEST_PRIORITY}"),
        ));
    }
    let policy = text(object, &["preemptionPolicy"]);
    if !policy.is_empty() {
        maybe_one_of(
            faults,
            "preemptionPolicy",
            policy,
            &["PreemptLowerPriority", "Never"],
        );
    }
}

pub(in crate::kinds::builtin) fn priority_level(faults: &mut Faults, spec: &Value) {
    match text(spec, &["type"]) {
        "Exempt" => {
            if is_set(spec, &["limited"]) {
                faults.push(FieldError::forbidden(
                    "spec.limited",
                    "must be nil if the type is Exempt",
                ));
            }
        }
        "Limited" => {
            if is_set(spec, &["exempt"]) {
                faults.push(FieldError::forbidden(
                    "spec.exempt",
                    "must be nil if the type is Limited",
                ));
            }
            let limited = at(spec, &["limited"]);
            if !limited.is_object() {
                faults.push(FieldError::required(
                    "spec.limited",
                    "must not be empty when type is Limited",
                ));
                return;
            }
            if int(limited, &["nominalConcurrencyShares"]) < 0 {
                faults.push(FieldError::invalid(
                    "spec.limited.nominalConcurrencyShares",
                    at(limited, &["nominalConcurrencyShares"]),
                    "must be a non-negative integer",
                ));
            }
            let response = at(limited, &["limitResponse"]);
            let kind = text(response, &["type"]);
            maybe_one_of(
                faults,
                "spec.limited.limitResponse.type",
                kind,
                &["Queue", "Reject"],
            );
            if kind == "Reject" && is_set(response, &["queuing"]) {
                faults.push(FieldError::forbidden(
                    "spec.limited.limitResponse.queuing",
                    "must be nil if limited.limitResponse.type is not Limited",
                ));
            }
            if kind == "Queue" && !is_set(response, &["queuing"]) {
                faults.push(FieldError::required(
                    "spec.limited.limitResponse.queuing",
                    "must not be empty if limited.limitResponse.type is Limited",
                ));
            }
            let lendable = at(limited, &["lendablePercent"]);
            in_range(faults, "spec.limited.lendablePercent", lendable, 0, 100);
            let borrowed = at(limited, &["borrowingLimitPercent"]);
            if borrowed.as_i64().is_some_and(|n| n < 0) {
                faults.push(FieldError::invalid(
                    "spec.limited.borrowingLimitPercent",
                    borrowed,
                    "if specified, must be a non-negative integer",
                ));
            }
        }
        other => faults.push(FieldError::not_supported(
            "spec.type",
            &other.into(),
            &["Exempt", "Limited"],
        )),
    }
}

pub(in crate::kinds::builtin) fn device_requests(faults: &mut Faults, devices: &Value, path: &str) {
    let mut names: HashSet<&str> = HashSet::new();
    for (i, request) in items(devices, &["requests"]).iter().enumerate() {
        let path = format!("{path}.requests[{i}]");
        let name = text(request, &["name"]);
        named(faults, &format!("{path}.name"), name, label_faults);
        if !names.insert(name) {
            faults.push(FieldError::duplicate(&path, &name.into()));
        }
        let exactly = at(request, &["exactly"]);
        match (exactly.is_object(), is_set(request, &["firstAvailable"])) {
            (true, false) => {
                let class = text(exactly, &["deviceClassName"]);
                named(faults, &format!("{path}.exactly.deviceClassName"), class, subdomain_faults);
                one_of(
                    faults,
                    &format!("{path}.exactly.allocationMode"),
                    text(exactly, &["allocationMode"]),
                    &["All", "ExactCount"],
                );
                if text(exactly, &["allocationMode"]) == "ExactCount" && int(exactly, &["count"]) <= 0 {
                    faults.push(FieldError::invalid(format!("{path}.exactly.count"), at(exactly, &["count"]), "must be greater than zero"));
                }
            }
            (false, true) => {}
            (false, false) => faults.push(FieldError::required(path, "exactly one of `exactly` or `firstAvailable` is required")),
            (true, true) => faults.push(FieldError::invalid(
                path,
                &Value::Null,
                "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set",
            )),
        }
    }
}

pub(in crate::kinds::builtin) fn api_service(faults: &mut Faults, object: &Value) {
    let spec = at(object, &["spec"]);
    let (group, version) = (text(spec, &["group"]), text(spec, &["version"]));
    let (name, expected) = (
        text(object, &["metadata", "name"]),
        format!("{version}.{group}"),
    );
    if name != expected {
        faults.push(FieldError::invalid_text(
            "metadata.name",
            name,
            format!("must be `spec.version+\".\"+spec.group`: {expected:?}"),
        ));
    }
    if group.is_empty() && version != "v1" {
        faults.push(FieldError::required(
            "spec.group",
            "only v1 may have an empty group and it better be legacy kube",
        ));
    }
    if !group.is_empty() {
        texts(faults, "spec.group", group, subdomain_faults(group));
    }
    texts(
        faults,
        "spec.version",
        version,
        crate::model::meta::label_1035_faults(version),
    );
    for (key, most) in [("groupPriorityMinimum", 20_000), ("versionPriority", 1000)] {
        let value = int(spec, &[key]);
        if value <= 0 || value > most {
            faults.push(FieldError::invalid(
                format!("spec.{key}"),
                &value.into(),
                format!("must be positive and less than {most}"),
            ));
        }
    }
    let insecure = truth(spec, &["insecureSkipTLSVerify"]);
    let wrong = |why| FieldError::invalid("spec.insecureSkipTLSVerify", &true.into(), why);
    if !is_set(spec, &["service"]) {
        if insecure {
            faults.push(wrong(
                "local APIServices may not have insecureSkipTLSVerify",
            ));
        }
        return;
    }
    let service = at(spec, &["service"]);
    for key in ["namespace", "name"] {
        required(
            faults,
            &format!("spec.service.{key}"),
            text(service, &[key]),
        );
    }
    let port = at(service, &["port"]);
    if port.as_i64().is_some_and(|n| !(1..=65_535).contains(&n)) {
        let why = "port is not valid: must be between 1 and 65535, inclusive";
        faults.push(FieldError::invalid("spec.service.port", port, why));
    }
    if insecure && is_set(spec, &["caBundle"]) {
        faults.push(wrong("may not be true if caBundle is present"));
    }
}

//! Resource quotas and limit ranges.

use std::cmp::Ordering;
use std::collections::HashSet;

use serde_json::Value;

use super::pods::{
    container_resource_name, is_standard_resource, resource_name, resource_quantity,
};
use super::rules::{Faults, IMMUTABLE, invalid_internal, texts};
use crate::kinds::builtin::quantity::Quantity;
use crate::kinds::builtin::values::{at, is_set, items, members, text};
use crate::model::meta::qualified_name_faults;
use crate::model::status::FieldError;

/// A quota, new or changed.
pub(in crate::kinds::builtin) fn quota(faults: &mut Faults, object: &Value) {
    let spec = at(object, &["spec"]);
    amounts(faults, spec, "hard", "spec");
    scopes(faults, spec);
    scope_selector(faults, spec);
}

/// What a quota has counted.
pub(in crate::kinds::builtin) fn quota_status(faults: &mut Faults, object: &Value) {
    for what in ["hard", "used"] {
        amounts(faults, at(object, &["status"]), what, "status");
    }
}

/// The scopes of a quota stay.
pub(super) fn quota_update(faults: &mut Faults, new: &Value, old: &Value) {
    let set = |object: &Value| {
        let mut scopes: Vec<String> = items(object, &["spec", "scopes"])
            .iter()
            .filter_map(|scope| scope.as_str().map(str::to_owned))
            .collect();
        scopes.sort_unstable();
        scopes.dedup();
        scopes
    };
    if set(new) != set(old) {
        faults.push(FieldError::invalid(
            "spec.scopes",
            at(new, &["spec", "scopes"]),
            IMMUTABLE,
        ));
    }
}

/// Resources that a quota can hold down.
fn is_quota_resource(name: &str) -> bool {
    is_standard_resource(name)
        && name != "storage"
        && !(name.starts_with("hugepages-") && name.len() == "hugepages-".len())
}

fn amounts(faults: &mut Faults, holder: &Value, what: &str, path: &str) {
    for (name, value) in members(holder, &[what]) {
        let path = format!("{path}.{what}[{name}]");
        resource_name(faults, &path, name);
        if !name.contains('/') && !is_quota_resource(name) {
            faults.push(FieldError::invalid_text(
                &path,
                name,
                "must be a standard resource for quota",
            ));
        }
        resource_quantity(faults, &path, name, value);
    }
}

const PAIRS: [(&str, &str); 2] = [
    ("BestEffort", "NotBestEffort"),
    ("Terminating", "NotTerminating"),
];
const UNFIT: &str = "unsupported scope applied to resource";

fn is_scope(scope: &str) -> bool {
    matches!(
        scope,
        "Terminating"
            | "NotTerminating"
            | "BestEffort"
            | "NotBestEffort"
            | "PriorityClass"
            | "CrossNamespacePodAffinity"
            | "VolumeAttributesClass"
    )
}

/// Whether a scope has a meaning for a resource.
fn fits(scope: &str, resource: &str) -> bool {
    let computes = matches!(
        resource,
        "cpu" | "memory" | "limits.cpu" | "limits.memory" | "requests.cpu" | "requests.memory"
    );
    match scope {
        "Terminating"
        | "NotTerminating"
        | "NotBestEffort"
        | "PriorityClass"
        | "CrossNamespacePodAffinity" => resource == "pods" || computes,
        "BestEffort" => resource == "pods",
        "VolumeAttributesClass" => {
            matches!(resource, "persistentvolumeclaims" | "requests.storage")
        }
        _ => true,
    }
}

/// Resources of the quota that a scope has no meaning for.
fn unfit(spec: &Value, scope: &str) -> usize {
    members(spec, &["hard"])
        .iter()
        .filter(|(name, _)| is_quota_resource(name) && !fits(scope, name))
        .count()
}

fn scopes(faults: &mut Faults, spec: &Value) {
    let all = at(spec, &["scopes"]);
    let names: Vec<&str> = items(spec, &["scopes"])
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let mut invalid = |detail: &str| faults.push(FieldError::invalid("spec.scopes", all, detail));
    for scope in &names {
        if !is_scope(scope) {
            invalid("unsupported scope");
        }
        for _ in 0..unfit(spec, scope) {
            invalid(UNFIT);
        }
    }
    for (a, b) in PAIRS {
        if names.contains(&a) && names.contains(&b) {
            invalid("conflicting scopes");
        }
    }
}

fn scope_selector(faults: &mut Faults, spec: &Value) {
    let path = "spec.scopeSelector.matchExpressions";
    let rules = items(spec, &["scopeSelector", "matchExpressions"]);
    for rule in rules {
        let (scope, operator) = (text(rule, &["scopeName"]), text(rule, &["operator"]));
        let values = items(rule, &["values"]);
        if !is_scope(scope) {
            faults.push(FieldError::invalid_text(
                format!("{path}.scopeName"),
                scope,
                "unsupported scope",
            ));
        }
        for _ in 0..unfit(spec, scope) {
            faults.push(invalid_internal(
                path,
                "core.v1.ScopeSelector",
                at(spec, &["scopeSelector"]),
                UNFIT,
            ));
        }
        let is_plain =
            is_scope(scope) && !matches!(scope, "PriorityClass" | "VolumeAttributesClass");
        if is_plain && operator != "Exists" {
            faults.push(FieldError::invalid_text(
                format!("{path}.operator"),
                operator,
                "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
            ));
        }
        match operator {
            "In" | "NotIn" if values.is_empty() => faults.push(FieldError::required(
                format!("{path}.values"),
                "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
            )),
            "Exists" | "DoesNotExist" if !values.is_empty() => faults.push(FieldError::invalid(
                format!("{path}.values"),
                at(rule, &["values"]),
                "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
            )),
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => faults.push(FieldError::invalid_text(
                format!("{path}.operator"),
                other,
                "not a valid selector operator",
            )),
        }
    }
    for (a, b) in PAIRS {
        let has = |name: &str| rules.iter().any(|rule| text(rule, &["scopeName"]) == name);
        if has(a) && has(b) {
            faults.push(FieldError::invalid(
                "spec.scopeSelector.matchExpressions",
                at(spec, &["scopes"]),
                "conflicting scopes",
            ));
        }
    }
}

/// A limit range: for each kind of thing, limits that agree with each other.
pub(in crate::kinds::builtin) fn limit_range(faults: &mut Faults, object: &Value) {
    let mut kinds: HashSet<&str> = HashSet::new();
    for (i, limit) in items(object, &["spec", "limits"]).iter().enumerate() {
        let path = format!("spec.limits[{i}]");
        let kind = text(limit, &["type"]);
        limit_type(faults, &format!("{path}.type"), kind);
        if !kinds.insert(kind) {
            faults.push(FieldError::duplicate(format!("{path}.type"), &kind.into()));
        }
        limit_names(faults, limit, kind, &path);
        let mut names: Vec<&str> = WHATS
            .iter()
            .filter(|what| kind != "Pod" || !what.starts_with("default"))
            .flat_map(|what| members(limit, &[what]))
            .map(|(name, _)| name)
            .collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            agreement(faults, limit, name, &path);
        }
    }
}

const WHATS: [&str; 5] = [
    "max",
    "min",
    "default",
    "defaultRequest",
    "maxLimitRequestRatio",
];

fn limit_type(faults: &mut Faults, path: &str, kind: &str) {
    let wrong = qualified_name_faults(kind);
    let is_good = wrong.is_empty();
    texts(faults, path, kind, wrong);
    let is_standard = matches!(kind, "Pod" | "Container" | "PersistentVolumeClaim");
    if is_good && !kind.contains('/') && !is_standard {
        faults.push(FieldError::invalid_text(
            path,
            kind,
            "must be a standard limit type or fully qualified",
        ));
    }
}

fn limit_names(faults: &mut Faults, limit: &Value, kind: &str, path: &str) {
    for what in WHATS {
        let entries = members(limit, &[what]);
        if kind == "Pod" && what.starts_with("default") {
            if !entries.is_empty() {
                faults.push(FieldError::forbidden(
                    format!("{path}.{what}"),
                    "may not be specified when `type` is 'Pod'",
                ));
            }
            continue;
        }
        let no_size = !is_set(limit, &["min", "storage"]) && !is_set(limit, &["max", "storage"]);
        if what == "maxLimitRequestRatio" && kind == "PersistentVolumeClaim" && no_size {
            faults.push(FieldError::required(
                format!("{path}.limits"),
                "either minimum or maximum storage value is required, but neither was provided",
            ));
        }
        for (name, _) in entries {
            let path = format!("{path}.{what}[{name}]");
            if matches!(kind, "Pod" | "Container") {
                container_resource_name(faults, &path, name);
            } else {
                resource_name(faults, &path, name);
            }
        }
    }
}

/// The limits of one resource do not contradict each other.
fn agreement(faults: &mut Faults, limit: &Value, name: &str, path: &str) {
    let is_pod = text(limit, &["type"]) == "Pod";
    let of = |what: &str| {
        (!is_pod || !what.starts_with("default"))
            .then(|| Quantity::parse(text(limit, &[what, name])).ok())
            .flatten()
    };
    // The lesser and the greater one, where the fault is, and which of the two it shows.
    for (low, high, field, shows_low, low_word, high_word) in [
        ("min", "max", "min", true, "min", "max"),
        (
            "min",
            "defaultRequest",
            "defaultRequest",
            false,
            "min",
            "default request",
        ),
        (
            "defaultRequest",
            "max",
            "defaultRequest",
            true,
            "default request",
            "max",
        ),
        (
            "defaultRequest",
            "default",
            "defaultRequest",
            true,
            "default request",
            "default limit",
        ),
        ("min", "default", "default", true, "min", "default"),
        ("default", "max", "default", false, "default", "max"),
    ] {
        if let (Some(a), Some(b)) = (of(low), of(high))
            && a.compare(&b) == Ordering::Greater
        {
            let shown = if shows_low {
                a.to_string()
            } else {
                b.to_string()
            };
            faults.push(FieldError::invalid_text(
                format!("{path}.{field}[{name}]"),
                &shown,
                format!("{low_word} value {a} is greater than {high_word} value {b}"),
            ));
        }
    }
    ratio(faults, limit, name, path);
    let overcommits =
        (!name.contains('/') || name.contains("kubernetes.io/")) && !name.starts_with("hugepages-");
    if let (false, Some(limit), Some(request)) = (overcommits, of("default"), of("defaultRequest"))
        && limit.compare(&request).is_ne()
    {
        faults.push(FieldError::invalid_text(
            format!("{path}.defaultRequest[{name}]"),
            &request.to_string(),
            format!("default value {limit} must equal to defaultRequest value {request} in {name}"),
        ));
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the server compares ratios as floating numbers"
)]
fn ratio(faults: &mut Faults, limit: &Value, name: &str, path: &str) {
    let of = |what: &str| Quantity::parse(text(limit, &[what, name])).ok();
    let Some(ratio) = of("maxLimitRequestRatio") else {
        return;
    };
    let path = format!("{path}.maxLimitRequestRatio[{name}]");
    let milli = |quantity: &Quantity| quantity.milli_value().unwrap_or(i64::MAX) as f64;
    if milli(&ratio) < 1000.0 {
        faults.push(FieldError::invalid_text(
            &path,
            &ratio.to_string(),
            format!("ratio {ratio} is less than 1"),
        ));
    }
    if let (Some(min), Some(max)) = (of("min"), of("max")) {
        let most = milli(&max) / milli(&min);
        if milli(&ratio) / 1000.0 > most {
            faults.push(FieldError::invalid_text(
                path,
                &ratio.to_string(),
                format!("ratio {ratio} is greater than max/min = {most:.6}"),
            ));
        }
    }
}

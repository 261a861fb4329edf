//! Autoscalers: what they scale, by which metrics, and how fast.

use serde_json::Value;

use super::pods::container_resource_name;
use super::rules::{Faults, amount, maybe_one_of, named};
use crate::kinds::builtin::quantity::Quantity;
use crate::kinds::builtin::values::{at, int, is_set, items, text};
use crate::model::meta::{label_faults, path_segment_faults};
use crate::model::status::FieldError;

/// The longest period of a scaling policy, in seconds.
const LONGEST_PERIOD: i64 = 1800;
/// The longest stabilization window, in seconds.
const LONGEST_WINDOW: i64 = 3600;
/// The types of metrics, sorted as the server lists them.
const METRICS: [&str; 5] = [
    "ContainerResource",
    "External",
    "Object",
    "Pods",
    "Resource",
];

/// What the API version of a referenced object may be.
#[derive(Clone, Copy, PartialEq)]
enum ApiVersion {
    /// Anything: it was there before.
    Any,
    /// Any group, the core group among them.
    AnyGroup,
    /// Any group but the core group, which has nothing to scale.
    Named,
}

/// Faults of an autoscaler, or of a change of it.
pub(in crate::kinds::builtin) fn autoscaler(faults: &mut Faults, new: &Value, old: Option<&Value>) {
    let spec = at(new, &["spec"]);
    let old = old.map(|old| at(old, &["spec"]));
    let least = at(spec, &["minReplicas"]).as_i64();
    let most = int(spec, &["maxReplicas"]);
    let lowest = i64::from(old.and_then(|old| at(old, &["minReplicas"]).as_i64()) != Some(0));
    let mut invalid = |key: &str, value: i64, why: &str| {
        faults.push(FieldError::invalid(
            format!("spec.{key}"),
            &value.into(),
            why,
        ));
    };
    if let Some(least) = least.filter(|n| *n < lowest) {
        let why = format!("must be greater than or equal to {lowest}");
        invalid("minReplicas", least, &why);
    }
    if most < 0 {
        invalid("maxReplicas", most, "must be greater than or equal to 1");
    } else if most == 0 {
        faults.push(FieldError::required(
            "spec.maxReplicas",
            "must be set and greater than 0",
        ));
    }
    if least.is_some_and(|least| most < least) {
        faults.push(FieldError::invalid(
            "spec.maxReplicas",
            &most.into(),
            "must be greater than or equal to `minReplicas`",
        ));
    }
    let target = at(spec, &["scaleTargetRef"]);
    let unchanged = old.is_some_and(|old| {
        ["apiVersion", "kind"]
            .iter()
            .all(|key| text(target, &[key]) == text(at(old, &["scaleTargetRef"]), &[key]))
    });
    let rule = if unchanged {
        ApiVersion::Any
    } else if text(target, &["kind"]) == "ReplicationController" {
        ApiVersion::AnyGroup
    } else {
        ApiVersion::Named
    };
    reference(faults, target, "spec.scaleTargetRef", rule);
    let was_wrong = old.is_some_and(|old| {
        items(old, &["metrics"]).iter().any(|metric| {
            let object = at(metric, &["object", "describedObject", "apiVersion"]);
            text(metric, &["type"]) == "Object"
                && object.as_str().is_some_and(|v| v.matches('/').count() > 1)
        })
    });
    let rule = if was_wrong {
        ApiVersion::Any
    } else {
        ApiVersion::AnyGroup
    };
    metrics(faults, spec, rule);
    for direction in ["scaleUp", "scaleDown"] {
        let rules = at(spec, &["behavior", direction]);
        if rules.is_object() {
            scaling_rules(faults, rules, &format!("spec.behavior.{direction}"));
        }
    }
}

fn reference(faults: &mut Faults, object: &Value, path: &str, rule: ApiVersion) {
    for key in ["kind", "name"] {
        let value = text(object, &[key]);
        named(faults, &format!("{path}.{key}"), value, path_segment_faults);
    }
    let version = text(object, &["apiVersion"]);
    let path = format!("{path}.apiVersion");
    if rule == ApiVersion::Any {
        return;
    }
    if version != "/" && version.matches('/').count() > 1 {
        let why = format!("unexpected GroupVersion string: {version}");
        faults.push(FieldError::invalid_text(path, version, why));
    } else if rule == ApiVersion::Named
        && version
            .split_once('/')
            .is_none_or(|(group, _)| group.is_empty())
    {
        let why = "apiVersion must specify API group";
        faults.push(FieldError::invalid_text(path, version, why));
    }
}

fn metrics(faults: &mut Faults, spec: &Value, rule: ApiVersion) {
    let list = items(spec, &["metrics"]);
    for (i, metric) in list.iter().enumerate() {
        of_metric(faults, metric, &format!("spec.metrics[{i}]"), rule);
    }
    // The first version knows one metric only.
    let percent = at(spec, &["targetCPUUtilizationPercentage"]);
    if percent.as_i64().is_some_and(|n| n < 1) {
        let path = "spec.metrics[0].resource.target.averageUtilization";
        faults.push(FieldError::invalid(path, percent, "must be greater than 0"));
    }
    let counts_things = list
        .iter()
        .any(|metric| matches!(text(metric, &["type"]), "Object" | "External"));
    if at(spec, &["minReplicas"]).as_i64() == Some(0) && !counts_things {
        faults.push(FieldError::forbidden(
            "spec.metrics",
            "must specify at least one Object or External metric to support scaling to zero replicas",
        ));
    }
}

fn of_metric(faults: &mut Faults, metric: &Value, path: &str, rule: ApiVersion) {
    let ty = text(metric, &["type"]);
    let type_path = format!("{path}.type");
    let unknown = || FieldError::not_supported(&type_path, &ty.into(), &METRICS);
    let is_known = METRICS.contains(&ty);
    if ty.is_empty() {
        let why = "must specify a metric source type";
        faults.push(FieldError::required(&type_path, why));
    }
    if !is_known {
        faults.push(unknown());
    }
    let given: Vec<&str> = [
        "object",
        "external",
        "pods",
        "resource",
        "containerResource",
    ]
    .into_iter()
    .filter(|key| is_set(metric, &[key]))
    .collect();
    if let Some(first) = given.first() {
        let path = format!("{path}.{first}");
        source(faults, first, at(metric, &[first]), &path, rule);
    }
    let expected = match ty {
        "ContainerResource" => "containerResource",
        "External" => "external",
        "Object" => "object",
        "Pods" => "pods",
        "Resource" => "resource",
        _ => "",
    };
    if !is_known {
        faults.push(unknown());
    } else if !given.contains(&expected) {
        faults.push(FieldError::required(
            format!("{path}.{expected}"),
            "must populate information for the given metric source",
        ));
    }
    if given.len() > 1 {
        for other in given.into_iter().filter(|key| *key != expected) {
            faults.push(FieldError::forbidden(
                format!("{path}.{other}"),
                "must populate the given metric source only",
            ));
        }
    }
}

fn source(faults: &mut Faults, kind: &str, source: &Value, path: &str, rule: ApiVersion) {
    let target = at(source, &["target"]);
    let has = |key: &str| is_set(target, &[key]);
    let target_path = format!("{path}.target");
    let required = |key: &str, why: &str| FieldError::required(format!("{target_path}.{key}"), why);
    if kind == "object" {
        let object = at(source, &["describedObject"]);
        reference(faults, object, &format!("{path}.describedObject"), rule);
    }
    match kind {
        "resource" | "containerResource" => resource(faults, kind, source, path),
        _ => identifier(faults, text(source, &["metric", "name"]), path),
    }
    metric_target(faults, target, &target_path);
    match kind {
        "object" | "external" => {
            let is_external = kind == "external";
            if !has("value") && !has("averageValue") {
                let why = if is_external {
                    "must set either a target value for metric or a per-pod target"
                } else {
                    "must set either a target value or averageValue"
                };
                faults.push(required("averageValue", why));
            }
            if is_external && has("value") && has("averageValue") {
                faults.push(FieldError::forbidden(
                    format!("{target_path}.value"),
                    "may not set both a target value for metric and a per-pod target",
                ));
            }
        }
        "pods" => {
            if !has("averageValue") {
                let why = "must specify a positive target averageValue";
                faults.push(required("averageValue", why));
            }
        }
        _ => match (has("averageUtilization"), has("averageValue")) {
            (false, false) => faults.push(required(
                "averageUtilization",
                "must set either a target raw value or a target utilization",
            )),
            (true, true) => faults.push(FieldError::forbidden(
                format!("{target_path}.averageValue"),
                "may not set both a target raw value and a target utilization",
            )),
            _ => {}
        },
    }
}

fn resource(faults: &mut Faults, kind: &str, source: &Value, path: &str) {
    let name = text(source, &["name"]);
    let name_path = format!("{path}.name");
    let of_container = kind == "containerResource";
    if name.is_empty() {
        let why = "must specify a resource name";
        faults.push(FieldError::required(&name_path, why));
    } else if of_container {
        container_resource_name(faults, &name_path, name);
    }
    if of_container {
        let container = text(source, &["container"]);
        let path = format!("{path}.container");
        if container.is_empty() {
            faults.push(FieldError::required(&path, "must specify a container"));
        } else {
            named(faults, &path, container, label_faults);
        }
    }
}

fn identifier(faults: &mut Faults, name: &str, path: &str) {
    let path = format!("{path}.metric.name");
    if name.is_empty() {
        faults.push(FieldError::required(path, "must specify a metric name"));
    } else {
        named(faults, &path, name, path_segment_faults);
    }
}

fn metric_target(faults: &mut Faults, target: &Value, path: &str) {
    let ty = text(target, &["type"]);
    let type_path = format!("{path}.type");
    if ty.is_empty() {
        let why = "must specify a metric target type";
        faults.push(FieldError::required(&type_path, why));
    }
    if !matches!(ty, "Utilization" | "Value" | "AverageValue") {
        let why = "must be either Utilization, Value, or AverageValue";
        faults.push(FieldError::invalid_text(&type_path, ty, why));
    }
    for key in ["value", "averageValue"] {
        let value = at(target, &[key]);
        let sign = Quantity::of(value).map(|amount| amount.sign());
        if sign.is_some_and(|sign| sign <= 0) {
            let path = format!("{path}.{key}");
            faults.push(FieldError::invalid(path, value, "must be positive"));
        }
    }
    let percent = at(target, &["averageUtilization"]);
    if percent.as_i64().is_some_and(|n| n < 1) {
        let path = format!("{path}.averageUtilization");
        faults.push(FieldError::invalid(path, percent, "must be greater than 0"));
    }
}

fn scaling_rules(faults: &mut Faults, rules: &Value, path: &str) {
    let window = at(rules, &["stabilizationWindowSeconds"]);
    let window_path = format!("{path}.stabilizationWindowSeconds");
    if let Some(seconds) = window.as_i64() {
        if seconds < 0 {
            let why = "must be greater than or equal to zero".to_owned();
            faults.push(FieldError::invalid(window_path, window, why));
        } else if seconds > LONGEST_WINDOW {
            let why = format!("must be less than or equal to {LONGEST_WINDOW}");
            faults.push(FieldError::invalid(window_path, window, why));
        }
    }
    if let Some(select) = at(rules, &["selectPolicy"]).as_str() {
        let path = format!("{path}.selectPolicy");
        maybe_one_of(faults, &path, select, &["Disabled", "Max", "Min"]);
    }
    let policies = items(rules, &["policies"]);
    if policies.is_empty() {
        faults.push(FieldError::required(
            format!("{path}.policies"),
            "must specify at least one Policy",
        ));
    }
    for (i, policy) in policies.iter().enumerate() {
        scaling_policy(faults, policy, &format!("{path}.policies[{i}]"));
    }
    amount(
        faults,
        &format!("{path}.tolerance"),
        at(rules, &["tolerance"]),
    );
}

fn scaling_policy(faults: &mut Faults, policy: &Value, path: &str) {
    let ty = text(policy, &["type"]);
    maybe_one_of(faults, &format!("{path}.type"), ty, &["Percent", "Pods"]);
    for key in ["value", "periodSeconds"] {
        let number = int(policy, &[key]);
        let path = format!("{path}.{key}");
        if number <= 0 {
            let why = "must be greater than zero";
            faults.push(FieldError::invalid(path, &number.into(), why));
        } else if key == "periodSeconds" && number > LONGEST_PERIOD {
            let why = format!("must be less than or equal to {LONGEST_PERIOD}");
            faults.push(FieldError::invalid(path, &number.into(), why));
        }
    }
}

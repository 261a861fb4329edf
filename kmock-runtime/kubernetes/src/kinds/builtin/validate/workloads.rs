//! Deployments, replica sets, stateful sets, daemon sets, disruption budgets.

use serde_json::{Value, json};

use super::pods;
use super::rules::{
    Faults, IMMUTABLE, at_most_all, count_or_percent, immutable, invalid_internal, invalid_struct,
    is_empty_selector, label_selector, maybe_one_of, not_negative,
};
use crate::kinds::builtin::internal_form::internal_json;
use crate::kinds::builtin::values::{at, int, is_set, text};
use crate::model::status::FieldError;
use crate::model::strategy::Context;

const SELECTOR: &str = "meta.v1.LabelSelector";

pub(in crate::kinds::builtin) fn create_controller_revision(
    faults: &mut Faults,
    _context: &Context<'_>,
    object: &Value,
) {
    not_negative(faults, object, &["revision"], "");
    fix_leading_dot(faults);
    if !is_set(object, &["data"]) {
        faults.push(FieldError::required("data", "data is mandatory"));
    } else if !at(object, &["data"]).is_object() {
        let why = "data must be a valid JSON object";
        faults.push(FieldError::required("data", why));
    }
}

/// Paths of top-level fields have no prefix.
fn fix_leading_dot(faults: &mut Faults) {
    for fault in faults {
        if let Some(rest) = fault.field.strip_prefix('.') {
            fault.field = rest.to_owned();
        }
    }
}

pub(in crate::kinds::builtin) fn update_controller_revision(
    faults: &mut Faults,
    _context: &Context<'_>,
    new: &Value,
    old: &Value,
) {
    not_negative(faults, new, &["revision"], "");
    fix_leading_dot(faults);
    if at(new, &["data"]) != at(old, &["data"]) {
        faults.push(FieldError::invalid("data", at(new, &["data"]), IMMUTABLE));
    }
}

/// The selector of a workload stays.
fn same_selector(faults: &mut Faults, new: &Value, old: &Value) {
    let selector = ["spec", "selector"];
    let (new, old) = (at(new, &selector), at(old, &selector));
    immutable(faults, "spec.selector", SELECTOR, new, old);
}

pub(in crate::kinds::builtin) fn update_deployment(
    faults: &mut Faults,
    _context: &Context<'_>,
    new: &Value,
    old: &Value,
) {
    deployment(faults, at(new, &["spec"]));
    same_selector(faults, new, old);
}

pub(in crate::kinds::builtin) fn update_replica_set(
    faults: &mut Faults,
    _context: &Context<'_>,
    new: &Value,
    old: &Value,
) {
    replica_set(faults, at(new, &["spec"]));
    same_selector(faults, new, old);
}

pub(in crate::kinds::builtin) fn update_daemon_set(
    faults: &mut Faults,
    _context: &Context<'_>,
    new: &Value,
    old: &Value,
) {
    same_selector(faults, new, old);
    daemon_set(faults, at(new, &["spec"]));
}

/// The selector of a workload: there, well made, and not empty. Whether anything can be said of what it selects.
fn workload_selector(faults: &mut Faults, spec: &Value, kind: &str) -> bool {
    let selector = at(spec, &["selector"]);
    if !selector.is_object() {
        faults.push(FieldError::required("spec.selector", ""));
        return true;
    }
    let before = faults.len();
    label_selector(faults, "spec.selector", selector);
    let is_good = faults.len() == before;
    if is_empty_selector(selector) {
        faults.push(invalid_struct(
            "spec.selector",
            SELECTOR,
            selector,
            &format!("empty selector is invalid for {kind}"),
        ));
    }
    if !is_good {
        let detail = "invalid label selector";
        faults.push(invalid_struct("spec.selector", SELECTOR, selector, detail));
    }
    is_good
}

/// The template of a workload, if its selector can be read.
fn selected_template(faults: &mut Faults, spec: &Value, kind: &str, owner: &str) {
    if workload_selector(faults, spec, kind) {
        pods::long_running_template(
            faults,
            at(spec, &["template"]),
            at(spec, &["selector"]),
            "spec.template",
            owner,
        );
    }
}

/// A strategy whose type is none of its kind.
fn no_such_strategy(path: &str, ty: &str, strategy: &Value, supported: &str) -> FieldError {
    let shown = internal_json(ty, strategy);
    FieldError::new(
        "FieldValueNotSupported",
        path,
        format!("Unsupported value: {shown}: supported values: {supported}"),
    )
}

pub(in crate::kinds::builtin) fn deployment(faults: &mut Faults, spec: &Value) {
    not_negative(faults, spec, &["replicas"], "spec");
    selected_template(faults, spec, "deployment", "ReplicaSet");
    let strategy = at(spec, &["strategy"]);
    match text(strategy, &["type"]) {
        "" => faults.push(FieldError::required("spec.strategy", "")),
        "Recreate" => {
            if is_set(strategy, &["rollingUpdate"]) {
                faults.push(FieldError::forbidden(
                    "spec.strategy.rollingUpdate",
                    "may not be specified when strategy `type` is 'Recreate'",
                ));
            }
        }
        "RollingUpdate" => rolling_update(
            faults,
            at(strategy, &["rollingUpdate"]),
            "spec.strategy.rollingUpdate",
        ),
        _ => faults.push(no_such_strategy(
            "spec.strategy",
            "apps.v1.DeploymentStrategy",
            strategy,
            "\"Recreate\", \"RollingUpdate\"",
        )),
    }
    not_negative(
        faults,
        spec,
        &["minReadySeconds", "revisionHistoryLimit"],
        "spec",
    );
    if is_set(spec, &["progressDeadlineSeconds"]) {
        not_negative(faults, spec, &["progressDeadlineSeconds"], "spec");
        if int(spec, &["progressDeadlineSeconds"]) <= int(spec, &["minReadySeconds"]) {
            faults.push(FieldError::invalid(
                "spec.progressDeadlineSeconds",
                at(spec, &["progressDeadlineSeconds"]),
                "must be greater than minReadySeconds",
            ));
        }
    }
}

/// The number of an int-or-percentage: of a percentage its percents.
fn amount(value: &Value) -> i64 {
    match value {
        Value::String(percent) => percent
            .strip_suffix('%')
            .and_then(|n| n.parse().ok())
            .unwrap_or_default(),
        number => number.as_i64().unwrap_or_default(),
    }
}

fn rolling_update(faults: &mut Faults, rolling: &Value, path: &str) {
    for key in ["maxUnavailable", "maxSurge"] {
        count_or_percent(faults, &format!("{path}.{key}"), at(rolling, &[key]));
    }
    let (unavailable, surge) = (at(rolling, &["maxUnavailable"]), at(rolling, &["maxSurge"]));
    if amount(unavailable) == 0 && amount(surge) == 0 {
        faults.push(FieldError::invalid(
            format!("{path}.maxUnavailable"),
            unavailable,
            "may not be 0 when `maxSurge` is 0",
        ));
    }
    at_most_all(faults, &format!("{path}.maxUnavailable"), unavailable);
}

pub(in crate::kinds::builtin) fn replica_set(faults: &mut Faults, spec: &Value) {
    not_negative(faults, spec, &["replicas", "minReadySeconds"], "spec");
    selected_template(faults, spec, "deployment", "ReplicaSet");
}

pub(in crate::kinds::builtin) fn replication_controller(faults: &mut Faults, spec: &Value) {
    not_negative(faults, spec, &["minReadySeconds"], "spec");
    let selector = json!({"matchLabels": at(spec, &["selector"])});
    if is_empty_selector(&selector) {
        faults.push(FieldError::required("spec.selector", ""));
    }
    not_negative(faults, spec, &["replicas"], "spec");
    if is_set(spec, &["template"]) {
        pods::long_running_template(
            faults,
            at(spec, &["template"]),
            &selector,
            "spec.template",
            "ReplicationController",
        );
    } else {
        faults.push(FieldError::required("spec.template", ""));
    }
}

pub(in crate::kinds::builtin) fn stateful_set(faults: &mut Faults, spec: &Value) {
    match text(spec, &["podManagementPolicy"]) {
        "" => faults.push(FieldError::required("spec.podManagementPolicy", "")),
        "OrderedReady" | "Parallel" => {}
        other => faults.push(FieldError::invalid_text(
            "spec.podManagementPolicy",
            other,
            "must be 'OrderedReady' or 'Parallel'",
        )),
    }
    let strategy = at(spec, &["updateStrategy"]);
    match text(strategy, &["type"]) {
        "" => faults.push(FieldError::required("spec.updateStrategy", "")),
        "OnDelete" => {
            if is_set(strategy, &["rollingUpdate"]) {
                faults.push(invalid_internal(
                    "spec.updateStrategy.rollingUpdate",
                    "apps.v1.RollingUpdateStatefulSetStrategy",
                    at(strategy, &["rollingUpdate"]),
                    "only allowed for updateStrategy 'RollingUpdate'",
                ));
            }
        }
        "RollingUpdate" => not_negative(
            faults,
            at(strategy, &["rollingUpdate"]),
            &["partition"],
            "spec.updateStrategy.rollingUpdate",
        ),
        _ => faults.push(invalid_internal(
            "spec.updateStrategy",
            "apps.v1.StatefulSetUpdateStrategy",
            strategy,
            "must be 'RollingUpdate' or 'OnDelete'",
        )),
    }
    for key in ["whenDeleted", "whenScaled"] {
        let policy = text(spec, &["persistentVolumeClaimRetentionPolicy", key]);
        if !matches!(policy, "Retain" | "Delete") {
            faults.push(FieldError::not_supported(
                format!("spec.persistentVolumeClaimRetentionPolicy.{key}"),
                &policy.into(),
                &["Retain", "Delete"],
            ));
        }
    }
    not_negative(faults, spec, &["replicas", "minReadySeconds"], "spec");
    not_negative(faults, at(spec, &["ordinals"]), &["start"], "spec.ordinals");
    selected_template(
        faults,
        &with_claims_as_volumes(spec),
        "statefulset",
        "StatefulSet",
    );
}

/// The spec with a template as the Pods will have it: its claims are volumes, and what the controller writes over is
/// not looked at.
fn with_claims_as_volumes(spec: &Value) -> Value {
    let mut spec = spec.clone();
    let claims: Vec<Value> = at(&spec, &["volumeClaimTemplates"])
        .as_array()
        .into_iter()
        .flatten()
        .map(|claim| {
            let name = at(claim, &["metadata", "name"]);
            json!({"name": name, "persistentVolumeClaim": {"claimName": name}})
        })
        .collect();
    if let Some(pod) = spec["template"]["spec"].as_object_mut() {
        pod.remove("hostname");
        pod.remove("subdomain");
        if !claims.is_empty() {
            let own = pod.get("volumes").and_then(Value::as_array).into_iter();
            let others = own
                .flatten()
                .filter(|volume| !claims.iter().any(|claim| claim["name"] == volume["name"]));
            let volumes: Vec<Value> = claims.iter().chain(others).cloned().collect();
            pod.insert("volumes".into(), volumes.into());
        }
    }
    spec
}

pub(in crate::kinds::builtin) fn stateful_set_update(
    faults: &mut Faults,
    new: &Value,
    old: &Value,
) {
    stateful_set(faults, at(new, &["spec"]));
    let mut masked = at(new, &["spec"]).clone();
    let old_spec = at(old, &["spec"]);
    for key in [
        "replicas",
        "template",
        "updateStrategy",
        "minReadySeconds",
        "ordinals",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
    ] {
        crate::kinds::builtin::values::copy(&mut masked, old_spec, key);
    }
    if &masked != old_spec {
        faults.push(FieldError::forbidden(
            "spec",
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
        ));
    }
}

pub(in crate::kinds::builtin) fn daemon_set(faults: &mut Faults, spec: &Value) {
    let selector = at(spec, &["selector"]);
    label_selector(faults, "spec.selector", selector);
    if selector.is_object() && is_empty_selector(selector) {
        pods::template_fits(faults, at(spec, &["template"]), selector, "spec.template");
        faults.push(invalid_struct(
            "spec.selector",
            SELECTOR,
            selector,
            "empty selector is invalid for daemonset",
        ));
        pods::long_running_template(
            faults,
            at(spec, &["template"]),
            selector,
            "spec.template",
            "DaemonSet",
        );
    } else {
        pods::long_running_template(
            faults,
            at(spec, &["template"]),
            selector,
            "spec.template",
            "DaemonSet",
        );
    }
    not_negative(faults, spec, &["minReadySeconds"], "spec");
    let strategy = at(spec, &["updateStrategy"]);
    match text(strategy, &["type"]) {
        "OnDelete" => {}
        "RollingUpdate" => {
            let (rolling, path) = (
                at(strategy, &["rollingUpdate"]),
                "spec.updateStrategy.rollingUpdate",
            );
            let (unavailable, surge) =
                (at(rolling, &["maxUnavailable"]), at(rolling, &["maxSurge"]));
            count_or_percent(faults, &format!("{path}.maxUnavailable"), unavailable);
            count_or_percent(faults, &format!("{path}.maxSurge"), surge);
            match (amount(unavailable) != 0, amount(surge) != 0) {
                (true, true) => {
                    faults.push(FieldError::invalid(
                        format!("{path}.maxSurge"),
                        surge,
                        "may not be set when maxUnavailable is non-zero",
                    ));
                }
                (false, false) => {
                    faults.push(FieldError::required(
                        format!("{path}.maxUnavailable"),
                        "cannot be 0 when maxSurge is 0",
                    ));
                }
                _ => {}
            }
            at_most_all(faults, &format!("{path}.maxUnavailable"), unavailable);
            at_most_all(faults, &format!("{path}.maxSurge"), surge);
        }
        _ => faults.push(no_such_strategy(
            "spec.updateStrategy",
            "apps.v1.DaemonSetUpdateStrategy",
            at(spec, &["updateStrategy"]),
            "\"RollingUpdate\", \"OnDelete\"",
        )),
    }
    not_negative(faults, spec, &["revisionHistoryLimit"], "spec");
}

pub(in crate::kinds::builtin) fn budget(faults: &mut Faults, spec: &Value) {
    if is_set(spec, &["minAvailable"]) && is_set(spec, &["maxUnavailable"]) {
        faults.push(invalid_internal(
            "spec",
            "policy.v1.PodDisruptionBudgetSpec",
            spec,
            "minAvailable and maxUnavailable cannot be both set",
        ));
    }
    for key in ["minAvailable", "maxUnavailable"] {
        if is_set(spec, &[key]) {
            count_or_percent(faults, &format!("spec.{key}"), at(spec, &[key]));
            at_most_all(faults, &format!("spec.{key}"), at(spec, &[key]));
        }
    }
    label_selector(faults, "spec.selector", at(spec, &["selector"]));
    let policy = text(spec, &["unhealthyPodEvictionPolicy"]);
    if !policy.is_empty() {
        maybe_one_of(
            faults,
            "spec.unhealthyPodEvictionPolicy",
            policy,
            &["AlwaysAllow", "IfHealthyBudget"],
        );
    }
}

//! Defaults of the groups apps, batch and autoscaling.

use serde_json::{Value, json};

use super::Rule;
use crate::kinds::builtin::values::{JsonObject, at, child, each, fill as set, fill_text};

/// How a type fills in its own.
pub(super) fn rule(name: &str) -> Option<Rule> {
    let rule: Rule = match name {
        "apps.v1.Deployment" => |object| deployment(child(object, "spec")),
        "apps.v1.ReplicaSet" => |object| set(child(object, "spec"), "replicas", 1),
        "apps.v1.StatefulSet" => |object| stateful_set(child(object, "spec")),
        "apps.v1.DaemonSet" => daemon_set,
        "batch.v1.Job" => job,
        "batch.v1.PodFailurePolicyOnPodConditionsPattern" => {
            |object| fill_text(object, "status", "True")
        }
        "batch.v1.CronJob" => |object| cron_job(child(object, "spec")),
        "autoscaling.v2.HorizontalPodAutoscaler" => |object| autoscaler(child(object, "spec")),
        "autoscaling.v1.HorizontalPodAutoscaler" => |object| {
            let has_metrics = object
                .get("metadata")
                .map(|m| {
                    at(
                        m,
                        &["annotations", "autoscaling.alpha.kubernetes.io/metrics"],
                    )
                })
                .is_some_and(Value::is_string);
            let spec = child(object, "spec");
            set(spec, "minReplicas", 1);
            if !has_metrics {
                set(spec, "targetCPUUtilizationPercentage", 80);
            }
        },
        _ => return None,
    };
    Some(rule)
}

/// Marks labels of a job that are its template's own; no decoded label is a truth value.
pub const SHARED_LABELS: &str = "";

fn text_of<'a>(object: &'a JsonObject, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn deployment(spec: &mut JsonObject) {
    set(spec, "replicas", 1);
    let strategy = child(spec, "strategy");
    fill_text(strategy, "type", "RollingUpdate");
    if text_of(strategy, "type") == "RollingUpdate" {
        let rolling = child(strategy, "rollingUpdate");
        set(rolling, "maxUnavailable", "25%");
        set(rolling, "maxSurge", "25%");
    }
    set(spec, "revisionHistoryLimit", 10);
    set(spec, "progressDeadlineSeconds", 600);
}

fn stateful_set(spec: &mut JsonObject) {
    fill_text(spec, "podManagementPolicy", "OrderedReady");
    let strategy = child(spec, "updateStrategy");
    if text_of(strategy, "type").is_empty() {
        strategy.insert("type".into(), "RollingUpdate".into());
        if strategy.get("rollingUpdate").is_none_or(Value::is_null) {
            strategy.insert("rollingUpdate".into(), json!({"partition": 0}));
        }
    }
    if text_of(strategy, "type") == "RollingUpdate"
        && let Some(Value::Object(rolling)) = strategy.get_mut("rollingUpdate")
    {
        set(rolling, "partition", 0);
    }
    let retention = child(spec, "persistentVolumeClaimRetentionPolicy");
    fill_text(retention, "whenDeleted", "Retain");
    fill_text(retention, "whenScaled", "Retain");
    set(spec, "replicas", 1);
    set(spec, "revisionHistoryLimit", 10);
    // The claims are printed as whole objects.
    for claim in each(spec, "volumeClaimTemplates") {
        claim.insert("kind".into(), "PersistentVolumeClaim".into());
        claim.insert("apiVersion".into(), "v1".into());
    }
}

fn daemon_set(object: &mut JsonObject) {
    let spec = child(object, "spec");
    let strategy = child(spec, "updateStrategy");
    fill_text(strategy, "type", "RollingUpdate");
    if text_of(strategy, "type") == "RollingUpdate" {
        let rolling = child(strategy, "rollingUpdate");
        set(rolling, "maxUnavailable", 1);
        set(rolling, "maxSurge", 0);
    }
    set(spec, "revisionHistoryLimit", 10);
    // The template's generation is a field of the internal type; v1 carries it as an annotation.
    let annotations = child(child(object, "metadata"), "annotations");
    let key = "deprecated.daemonset.template.generation";
    if text_of(annotations, key).parse::<i64>().is_err() {
        annotations.insert(key.into(), "0".into());
    }
}

fn job(object: &mut JsonObject) {
    let template_labels = object
        .get("spec")
        .map(|s| at(s, &["template", "metadata", "labels"]).clone())
        .unwrap_or_default();
    let spec = child(object, "spec");
    if !spec.contains_key("completions") && !spec.contains_key("parallelism") {
        spec.insert("completions".into(), 1.into());
    }
    set(spec, "parallelism", 1);
    let per_index = spec
        .get("backoffLimitPerIndex")
        .is_some_and(|x| !x.is_null());
    set(
        spec,
        "backoffLimit",
        if per_index { i64::from(i32::MAX) } else { 6 },
    );
    set(spec, "completionMode", "NonIndexed");
    set(spec, "suspend", false);
    set(spec, "manualSelector", false);
    let has_policy = spec.get("podFailurePolicy").is_some_and(|x| !x.is_null());
    set(
        spec,
        "podReplacementPolicy",
        if has_policy {
            "Failed"
        } else {
            "TerminatingOrFailed"
        },
    );
    let metadata = child(object, "metadata");
    let unlabelled = metadata
        .get("labels")
        .and_then(Value::as_object)
        .is_none_or(serde_json::Map::is_empty);
    if unlabelled && template_labels.as_object().is_some_and(|l| !l.is_empty()) {
        metadata.insert("labels".into(), template_labels);
        // Until it is told to the one who sets the labels of a new job: here they are the template's, and stay them.
        child(metadata, "labels").insert(SHARED_LABELS.into(), true.into());
    }
}

fn cron_job(spec: &mut JsonObject) {
    fill_text(spec, "concurrencyPolicy", "Allow");
    set(spec, "suspend", false);
    set(spec, "successfulJobsHistoryLimit", 3);
    set(spec, "failedJobsHistoryLimit", 1);
}

fn autoscaler(spec: &mut JsonObject) {
    set(spec, "minReplicas", 1);
    if spec
        .get("metrics")
        .and_then(Value::as_array)
        .is_none_or(Vec::is_empty)
    {
        let metric = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}});
        spec.insert("metrics".into(), json!([metric]));
    }
    let Some(Value::Object(behavior)) = spec.get_mut("behavior") else {
        return;
    };
    let up = child(behavior, "scaleUp");
    set(up, "stabilizationWindowSeconds", 0);
    set(up, "selectPolicy", "Max");
    set(
        up,
        "policies",
        json!([{"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]),
    );
    let down = child(behavior, "scaleDown");
    set(down, "selectPolicy", "Max");
    set(
        down,
        "policies",
        json!([{"type": "Percent", "value": 100, "periodSeconds": 15}]),
    );
}

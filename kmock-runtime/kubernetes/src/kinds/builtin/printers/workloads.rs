//! Rows of the groups apps, batch, autoscaling and policy.

use serde_json::Value;

use super::{Printer, containers, int_or_string, labels, selector, selector_text};
use crate::kinds::builtin::times;
use crate::kinds::builtin::values::{at, is_set, text};

pub(in crate::kinds::builtin) fn cells_deployment(p: &Printer<'_>) -> Vec<Value> {
    let [names, images] = containers(p.at(&["spec", "template", "spec", "containers"]));
    let ready = format!(
        "{}/{}",
        p.number(&["status", "readyReplicas"]),
        p.number(&["spec", "replicas"])
    );
    vec![
        p.name(),
        ready.into(),
        p.number(&["status", "updatedReplicas"]),
        p.number(&["status", "availableReplicas"]),
        p.age(),
        names,
        images,
        selector_text(p.at(&["spec", "selector"])).into(),
    ]
}

pub(in crate::kinds::builtin) fn cells_replica_set(p: &Printer<'_>) -> Vec<Value> {
    let [names, images] = containers(p.at(&["spec", "template", "spec", "containers"]));
    vec![
        p.name(),
        p.number(&["spec", "replicas"]),
        p.number(&["status", "replicas"]),
        p.number(&["status", "readyReplicas"]),
        p.age(),
        names,
        images,
        selector(p.at(&["spec", "selector"])).into(),
    ]
}

pub(in crate::kinds::builtin) fn cells_stateful_set(p: &Printer<'_>) -> Vec<Value> {
    let [names, images] = containers(p.at(&["spec", "template", "spec", "containers"]));
    let ready = format!(
        "{}/{}",
        p.number(&["status", "readyReplicas"]),
        p.number(&["spec", "replicas"])
    );
    vec![p.name(), ready.into(), p.age(), names, images]
}

pub(in crate::kinds::builtin) fn cells_daemon_set(p: &Printer<'_>) -> Vec<Value> {
    let [names, images] = containers(p.at(&["spec", "template", "spec", "containers"]));
    vec![
        p.name(),
        p.number(&["status", "desiredNumberScheduled"]),
        p.number(&["status", "currentNumberScheduled"]),
        p.number(&["status", "numberReady"]),
        p.number(&["status", "updatedNumberScheduled"]),
        p.number(&["status", "numberAvailable"]),
        labels(p.at(&["spec", "template", "spec", "nodeSelector"])).into(),
        p.age(),
        names,
        images,
        selector(p.at(&["spec", "selector"])).into(),
    ]
}

pub(in crate::kinds::builtin) fn cells_controller_revision(p: &Printer<'_>) -> Vec<Value> {
    let owner = p
        .items(&["metadata", "ownerReferences"])
        .iter()
        .find(|o| at(o, &["controller"]) == &Value::Bool(true));
    let owner = owner.map_or("<none>".to_owned(), |owner| {
        let group = text(owner, &["apiVersion"])
            .rsplit_once('/')
            .map_or("", |(group, _)| group);
        let dot = if group.is_empty() { "" } else { "." };
        format!(
            "{}{dot}{group}/{}",
            text(owner, &["kind"]).to_lowercase(),
            text(owner, &["name"])
        )
    });
    vec![p.name(), owner.into(), p.number(&["revision"]), p.age()]
}

pub(in crate::kinds::builtin) fn cells_job(p: &Printer<'_>) -> Vec<Value> {
    let [names, images] = containers(p.at(&["spec", "template", "spec", "containers"]));
    job(p, names, images)
}

pub(in crate::kinds::builtin) fn cells_horizontal_pod_autoscaler(p: &Printer<'_>) -> Vec<Value> {
    let target = format!(
        "{}/{}",
        p.text(&["spec", "scaleTargetRef", "kind"]),
        p.text(&["spec", "scaleTargetRef", "name"])
    );
    let least = match p.at(&["spec", "minReplicas"]) {
        Value::Number(n) => n.to_string(),
        _ => "<unset>".into(),
    };
    vec![
        p.name(),
        target.into(),
        metrics(p).into(),
        least.into(),
        p.number(&["spec", "maxReplicas"]),
        p.number(&["status", "currentReplicas"]),
        p.age(),
    ]
}

pub(in crate::kinds::builtin) fn cells_pod_disruption_budget(p: &Printer<'_>) -> Vec<Value> {
    let limit = |key: &str| match p.at(&["spec", key]) {
        Value::Null => Value::from("N/A"),
        value => int_or_string(value).into(),
    };
    vec![
        p.name(),
        limit("minAvailable"),
        limit("maxUnavailable"),
        p.number(&["status", "disruptionsAllowed"]),
        p.age(),
    ]
}

fn job(p: &Printer<'_>, names: Value, images: Value) -> Vec<Value> {
    let has = |kind: &str| {
        p.items(&["status", "conditions"])
            .iter()
            .any(|c| text(c, &["type"]) == kind && text(c, &["status"]) == "True")
    };
    let status = if has("Complete") {
        "Complete"
    } else if has("Failed") {
        "Failed"
    } else if p.is_terminating() {
        "Terminating"
    } else if has("Suspended") {
        "Suspended"
    } else if has("FailureTarget") {
        "FailureTarget"
    } else if has("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    };
    let succeeded = p.number(&["status", "succeeded"]);
    let parallelism = p.at(&["spec", "parallelism"]).as_i64().unwrap_or_default();
    let completions = match p.at(&["spec", "completions"]) {
        Value::Number(wanted) => format!("{succeeded}/{wanted}"),
        _ if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        _ => format!("{succeeded}/1"),
    };
    let moment = |key: &str| {
        p.at(&["status", key])
            .as_str()
            .and_then(times::moment)
            .map(|m| m.as_second())
    };
    let duration = match (moment("startTime"), moment("completionTime")) {
        (None, _) => String::new(),
        (Some(start), None) => times::human_duration(p.now.as_second() - start),
        (Some(start), Some(end)) => times::human_duration(end - start),
    };
    vec![
        p.name(),
        status.into(),
        completions.into(),
        duration.into(),
        p.age(),
        names,
        images,
        selector(p.at(&["spec", "selector"])).into(),
    ]
}

pub(in crate::kinds::builtin) fn cron_job(p: &Printer<'_>) -> Vec<Value> {
    let [names, images] = containers(p.at(&[
        "spec",
        "jobTemplate",
        "spec",
        "template",
        "spec",
        "containers",
    ]));
    let suspend = match p.at(&["spec", "suspend"]) {
        Value::Bool(true) => "True",
        Value::Bool(false) => "False",
        _ => "<unset>",
    };
    let last = p.at(&["status", "lastScheduleTime"]);
    vec![
        p.name(),
        p.text(&["spec", "schedule"]).into(),
        p.text_or(&["spec", "timeZone"], "<none>").into(),
        suspend.into(),
        p.items(&["status", "active"]).len().into(),
        if last.is_string() {
            p.since(last)
        } else {
            "<none>".into()
        }
        .into(),
        p.age(),
        names,
        images,
        selector(p.at(&["spec", "jobTemplate", "spec", "selector"])).into(),
    ]
}

/// The metrics of an autoscaler: what is measured against what is wanted.
fn metrics(p: &Printer<'_>) -> String {
    let v1 = p.at(&["spec", "targetCPUUtilizationPercentage"]);
    if !is_set(p.object, &["spec", "metrics"]) && v1.is_i64() {
        let current = match p.at(&["status", "currentCPUUtilizationPercentage"]) {
            Value::Number(n) => format!("{n}%"),
            _ => "<unknown>".into(),
        };
        return format!("cpu: {current}/{v1}%");
    }
    let specs = p.items(&["spec", "metrics"]);
    if specs.is_empty() {
        return "<none>".into();
    }
    let statuses = p.items(&["status", "currentMetrics"]);
    let list: Vec<String> = specs
        .iter()
        .enumerate()
        .map(|(i, spec)| {
            let section = match text(spec, &["type"]) {
                "Resource" => "resource",
                "ContainerResource" => "containerResource",
                "Pods" => "pods",
                "Object" => "object",
                "External" => "external",
                _ => return "<unknown type>".to_owned(),
            };
            let target = at(spec, &[section, "target"]);
            let current = statuses
                .get(i)
                .map(|s| at(s, &[section, "current"]))
                .filter(|c| c.is_object());
            let now = |key: &str| match current.map(|c| at(c, &[key])) {
                Some(Value::String(amount)) => amount.clone(),
                Some(Value::Number(n)) => format!("{n}%"),
                _ => "<unknown>".to_owned(),
            };
            let average = text(target, &["averageValue"]);
            match section {
                "resource" | "containerResource" => {
                    let resource = text(spec, &[section, "name"]);
                    if average.is_empty() {
                        let wanted = match at(target, &["averageUtilization"]) {
                            Value::Number(n) => format!("{n}%"),
                            _ => "<auto>".into(),
                        };
                        format!("{resource}: {}/{wanted}", now("averageUtilization"))
                    } else {
                        format!("{resource}: {}/{average}", now("averageValue"))
                    }
                }
                "pods" => format!("{}/{average}", now("averageValue")),
                _ if !average.is_empty() => format!("{}/{average} (avg)", now("averageValue")),
                _ => format!("{}/{}", now("value"), text(target, &["value"])),
            }
        })
        .collect();
    let shown = list.get(..list.len().min(2)).unwrap_or_default().join(", ");
    if list.len() > 2 {
        format!("{shown} + {} more...", list.len() - 2)
    } else {
        shown
    }
}

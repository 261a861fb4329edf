//! PodSecurity: what the labels of a namespace allow its Pods.
//!
//! Rules: `k8s.io/pod-security-admission`.

mod checks;
mod containers;
mod policy;

use std::sync::Arc;

use serde_json::Value;

use self::policy::{Level, LevelVersion, Policy};
use super::{Attributes, Operation, Plugin};
use crate::kinds::builtin::values::{at, items, text};
use crate::model::status::{ApiError, quoted};

/// So many of the Pods that are there are looked at when a namespace gets stricter.
const MOST_PODS: usize = 3000;

pub(super) struct PodSecurity;

impl Plugin for PodSecurity {
    fn validate(
        &self,
        asked: &Attributes<'_>,
        object: &Value,
        warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        if !matches!(asked.operation, Operation::Create | Operation::Update) {
            return Ok(());
        }
        let resource = asked.resource();
        if !resource.is_built_in() {
            return Ok(());
        }
        let is_whole = asked.subresource().is_empty();
        match (resource.group.as_str(), resource.plural.as_str()) {
            ("", "namespaces") if is_whole => namespace(asked, object, warnings),
            ("", "pods") => pod(asked, object, warnings),
            ("", "replicationcontrollers" | "podtemplates")
            | ("apps", "deployments" | "replicasets" | "statefulsets" | "daemonsets")
            | ("batch", "jobs" | "cronjobs")
                if is_whole =>
            {
                template(asked, object, warnings);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// The labels must be valid; Pods that a stricter level would not let in are told.
fn namespace(
    asked: &Attributes<'_>,
    object: &Value,
    warnings: &mut Vec<String>,
) -> Result<(), ApiError> {
    let (new, faults) = Policy::of(object);
    let (old, old_faults) = asked.old.map(Policy::of).unwrap_or_default();
    if !faults.is_empty() && faults != old_faults {
        return Err(ApiError::invalid("", "Namespace", asked.name, &faults));
    }
    let relaxed =
        new.enforce.version == old.enforce.version && new.enforce.level <= old.enforce.level;
    if asked.old.is_some() && new.enforce.level != Level::Privileged && !relaxed {
        let pods = asked.all("", "pods", asked.name);
        warnings.extend(existing(asked.name, pods, new.enforce));
    }
    Ok(())
}

/// What is said of Pods that a new level would not let in.
fn existing(namespace: &str, pods: Vec<Arc<Value>>, enforce: LevelVersion) -> Vec<String> {
    // One of each controller first: the others are like it.
    let mut seen: Vec<String> = Vec::new();
    let (mut first, mut others) = (Vec::new(), Vec::new());
    for pod in pods {
        let owners = items(&pod, &["metadata", "ownerReferences"]);
        let controller = owners.iter().find(|owner| owner["controller"] == true);
        let uid = controller.map(|owner| text(owner, &["uid"]).to_owned());
        match uid {
            Some(uid) if seen.contains(&uid) => others.push(pod),
            Some(uid) => {
                seen.push(uid);
                first.push(pod);
            }
            None => first.push(pod),
        }
    }
    first.append(&mut others);
    let total = first.len();
    let mut found: Vec<(String, String, usize)> = Vec::new();
    for pod in first.iter().take(MOST_PODS) {
        let result = checks::evaluate(enforce, at(pod, &["metadata"]), at(pod, &["spec"]));
        if result.is_empty() {
            continue;
        }
        let reasons: Vec<&str> = result
            .iter()
            .map(|violation| violation.reason.as_str())
            .collect();
        let (reason, name) = (
            reasons.join(", "),
            text(pod, &["metadata", "name"]).to_owned(),
        );
        match found.iter_mut().find(|(known, ..)| *known == reason) {
            Some((_, least, count)) => {
                *count += 1;
                if name < *least {
                    *least = name;
                }
            }
            None => found.push((reason, name, 1)),
        }
    }
    let mut told = Vec::new();
    if total > MOST_PODS {
        told.push(format!(
            "new PodSecurity enforce level only checked against the first {MOST_PODS} of {total} existing pods"
        ));
    }
    if !found.is_empty() {
        told.push(format!(
            "existing pods in namespace {} violate the new PodSecurity enforce level {}",
            quoted(namespace),
            quoted(&enforce.to_string())
        ));
    }
    let mut lines: Vec<String> = found
        .into_iter()
        .map(|(reason, name, count)| match count {
            1 => format!("{name}: {reason}"),
            2 => format!("{name} (and 1 other pod): {reason}"),
            more => format!("{name} (and {} other pods): {reason}", more - 1),
        })
        .collect();
    lines.sort();
    told.extend(lines);
    told
}

fn policy_of(asked: &Attributes<'_>) -> Option<Policy> {
    let namespace = asked.namespace_object()?;
    let (policy, faults) = Policy::of(&namespace);
    let nothing = faults.is_empty() && policy == Policy::default();
    (!nothing).then_some(policy)
}

fn pod(asked: &Attributes<'_>, object: &Value, warnings: &mut Vec<String>) -> Result<(), ApiError> {
    const IGNORED: [&str; 8] = [
        "exec",
        "attach",
        "binding",
        "eviction",
        "log",
        "portforward",
        "proxy",
        "status",
    ];
    if IGNORED.contains(&asked.subresource()) {
        return Ok(());
    }
    let Some(policy) = policy_of(asked) else {
        return Ok(());
    };
    if asked.old.is_some_and(|old| !matters(object, old)) {
        return Ok(());
    }
    let (metadata, spec) = (at(object, &["metadata"]), at(object, &["spec"]));
    asked.annotate(
        "pod-security.kubernetes.io/enforce-policy",
        policy.enforce.to_string(),
    );
    let violations = checks::evaluate(policy.enforce, metadata, spec);
    if !violations.is_empty() {
        audit(asked, policy, metadata, spec);
        let why = format!(
            "violates PodSecurity {}: {}",
            quoted(&policy.enforce.to_string()),
            checks::told(&violations)
        );
        return Err(asked.forbidden(Some(object), why));
    }
    audit(asked, policy, metadata, spec);
    warn(policy, metadata, spec, warnings);
    Ok(())
}

/// The template of a controller is told of, but let in.
fn template(asked: &Attributes<'_>, object: &Value, warnings: &mut Vec<String>) {
    let Some(policy) = policy_of(asked) else {
        return;
    };
    let template = match asked.kind {
        "PodTemplate" => at(object, &["template"]),
        "CronJob" => at(object, &["spec", "jobTemplate", "spec", "template"]),
        _ => at(object, &["spec", "template"]),
    };
    if template.is_object() {
        let (metadata, spec) = (at(template, &["metadata"]), at(template, &["spec"]));
        audit(asked, policy, metadata, spec);
        warn(policy, metadata, spec, warnings);
    }
}

fn warn(policy: Policy, metadata: &Value, spec: &Value, warnings: &mut Vec<String>) {
    let violations = checks::evaluate(policy.warn, metadata, spec);
    if !violations.is_empty() {
        warnings.push(format!(
            "would violate PodSecurity {}: {}",
            quoted(&policy.warn.to_string()),
            checks::told(&violations)
        ));
    }
}

fn audit(asked: &Attributes<'_>, policy: Policy, metadata: &Value, spec: &Value) {
    let violations = checks::evaluate(policy.audit, metadata, spec);
    if !violations.is_empty() {
        let told = format!(
            "would violate PodSecurity {}: {}",
            quoted(&policy.audit.to_string()),
            checks::told(&violations)
        );
        asked.annotate("pod-security.kubernetes.io/audit-violations", told);
    }
}

/// Whether a change of a Pod can change the verdict: its images, and what was added.
fn matters(new: &Value, old: &Value) -> bool {
    for list in ["containers", "initContainers"] {
        let (new, old) = (items(new, &["spec", list]), items(old, &["spec", list]));
        if new.len() != old.len() || new.iter().zip(old).any(|(a, b)| a["image"] != b["image"]) {
            return true;
        }
    }
    let before = items(old, &["spec", "ephemeralContainers"]);
    items(new, &["spec", "ephemeralContainers"])
        .iter()
        .any(|container| {
            let same = before.iter().find(|old| old["name"] == container["name"]);
            same.is_none_or(|old| old["image"] != container["image"])
        })
}

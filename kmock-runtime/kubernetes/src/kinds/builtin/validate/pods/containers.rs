//! Containers: those that run, those before them, those added for a look.

use std::collections::HashSet;

use serde_json::Value;

use super::volumes::Mountable;
use super::{Pod, env, mounts, probes, resources, security};
use crate::kinds::builtin::validate::rules::{
    Faults, PROTOCOLS, int, named, one_of, port, port_name_faults, required,
};
use crate::kinds::builtin::values::{at, is_set, items, text};
use crate::model::meta::label_faults;
use crate::model::status::FieldError;

/// All containers of a pod.
pub(super) fn of_pod(faults: &mut Faults, pod: &Pod<'_>, path: &str, mountable: &Mountable<'_>) {
    let spec = pod.spec;
    let regular = items(spec, &["containers"]);
    if regular.is_empty() {
        faults.push(FieldError::required(format!("{path}.containers"), ""));
    }
    let mut names: HashSet<&str> = HashSet::new();
    for (i, container) in regular.iter().enumerate() {
        let path = format!("{path}.containers[{i}]");
        common(faults, pod, container, &path, mountable);
        duplicate_name(faults, container, &path, &mut names);
        probes::of_container(faults, pod, container, &path);
        restart_policy(faults, container, &path);
    }
    host_ports(faults, regular, &format!("{path}.containers"));
    for (i, container) in items(spec, &["initContainers"]).iter().enumerate() {
        let list = format!("{path}.initContainers");
        let path = format!("{list}[{i}]");
        common(faults, pod, container, &path, mountable);
        init(faults, pod, container, &path, &list, &mut names);
    }
    let others = names.clone();
    for (i, container) in items(spec, &["ephemeralContainers"]).iter().enumerate() {
        let path = format!("{path}.ephemeralContainers[{i}]");
        common(faults, pod, container, &path, mountable);
        image_of_pod(faults, container, &path);
        duplicate_name(faults, container, &path, &mut names);
        ephemeral(faults, container, &path, &others);
    }
}

fn duplicate_name<'a>(
    faults: &mut Faults,
    container: &'a Value,
    path: &str,
    names: &mut HashSet<&'a str>,
) {
    let name = text(container, &["name"]);
    if names.contains(&name) {
        faults.push(FieldError::duplicate(format!("{path}.name"), &name.into()));
    } else {
        names.insert(name);
    }
}

/// Pods, unlike templates, tell their images exactly.
pub(super) fn image_of_pod(faults: &mut Faults, container: &Value, path: &str) {
    let image = text(container, &["image"]);
    if image.trim() != image {
        faults.push(FieldError::invalid_text(
            format!("{path}.image"),
            image,
            "must not have leading or trailing whitespace",
        ));
    }
}

fn common(
    faults: &mut Faults,
    pod: &Pod<'_>,
    container: &Value,
    path: &str,
    mountable: &Mountable<'_>,
) {
    named(
        faults,
        &format!("{path}.name"),
        text(container, &["name"]),
        label_faults,
    );
    required(
        faults,
        &format!("{path}.image"),
        text(container, &["image"]),
    );
    one_of(
        faults,
        &format!("{path}.terminationMessagePolicy"),
        text(container, &["terminationMessagePolicy"]),
        &["File", "FallbackToLogsOnError"],
    );
    ports(faults, container, &format!("{path}.ports"));
    env::variables(faults, container, &format!("{path}.env"));
    env::sources(faults, container, &format!("{path}.envFrom"));
    mounts::of_container(faults, container, path, mountable);
    pull_policy(faults, container, "imagePullPolicy", path);
    let claims: Vec<&str> = items(pod.spec, &["resourceClaims"])
        .iter()
        .map(|claim| text(claim, &["name"]))
        .filter(|name| !name.is_empty())
        .collect();
    resources::requirements(
        faults,
        at(container, &["resources"]),
        &format!("{path}.resources"),
        &claims,
    );
    resize_policy(faults, pod, container, &format!("{path}.resizePolicy"));
    security::of_container(
        faults,
        at(container, &["securityContext"]),
        &format!("{path}.securityContext"),
        pod.shares_host_users(),
    );
}

/// When an image is pulled.
pub(super) fn pull_policy(faults: &mut Faults, object: &Value, key: &str, path: &str) {
    one_of(
        faults,
        &format!("{path}.{key}"),
        text(object, &[key]),
        &["Always", "IfNotPresent", "Never"],
    );
}

fn ports(faults: &mut Faults, container: &Value, path: &str) {
    let mut names: HashSet<&str> = HashSet::new();
    for (i, entry) in items(container, &["ports"]).iter().enumerate() {
        let mut path = format!("{path}[{i}]");
        let name = text(entry, &["name"]);
        if !name.is_empty() {
            let wrong = port_name_faults(name);
            if wrong.is_empty() {
                if names.contains(&name) {
                    faults.push(FieldError::duplicate(format!("{path}.name"), &name.into()));
                }
                names.insert(name);
            } else {
                for fault in wrong {
                    faults.push(FieldError::invalid_text(
                        format!("{path}.name"),
                        name,
                        fault,
                    ));
                }
            }
        }
        let number = |path: &str, key: &str, faults: &mut Faults| {
            port(faults, &format!("{path}.{key}"), at(entry, &[key]));
        };
        if int(entry, &["containerPort"]) == 0 {
            faults.push(FieldError::required(format!("{path}.containerPort"), ""));
        } else {
            number(&path, "containerPort", faults);
        }
        if int(entry, &["hostPort"]) != 0 {
            number(&path, "hostPort", faults);
        }
        path.push_str(".protocol");
        one_of(faults, &path, text(entry, &["protocol"]), &PROTOCOLS);
    }
}

/// Containers of one pod cannot share a port of the host.
fn host_ports(faults: &mut Faults, containers: &[Value], path: &str) {
    let mut taken: HashSet<String> = HashSet::new();
    for (i, container) in containers.iter().enumerate() {
        for (j, entry) in items(container, &["ports"]).iter().enumerate() {
            let number = int(entry, &["hostPort"]);
            if number == 0 {
                continue;
            }
            let key = format!(
                "{}/{}/{number}",
                text(entry, &["protocol"]),
                text(entry, &["hostIP"])
            );
            if taken.contains(&key) {
                faults.push(FieldError::duplicate(
                    format!("{path}[{i}].ports[{j}].hostPort"),
                    &key.as_str().into(),
                ));
            } else {
                taken.insert(key);
            }
        }
    }
}

fn resize_policy(faults: &mut Faults, pod: &Pod<'_>, container: &Value, path: &str) {
    let mut seen: HashSet<&str> = HashSet::new();
    for (i, entry) in items(container, &["resizePolicy"]).iter().enumerate() {
        let name = text(entry, &["resourceName"]);
        if seen.contains(&name) {
            faults.push(FieldError::duplicate(format!("{path}[{i}]"), &name.into()));
        }
        seen.insert(name);
        one_of(faults, path, name, &["cpu", "memory"]);
        let policy = text(entry, &["restartPolicy"]);
        one_of(faults, path, policy, &["NotRequired", "RestartContainer"]);
        if pod.never_restarts() && policy != "NotRequired" {
            faults.push(FieldError::invalid_text(
                path,
                policy,
                "must be 'NotRequired' when pod `restartPolicy` is 'Never'",
            ));
        }
    }
}

/// A container's own restart policy, with rules for exit codes.
fn restart_policy(faults: &mut Faults, container: &Value, path: &str) {
    let rules = items(container, &["restartPolicyRules"]);
    let has_policy = is_set(container, &["restartPolicy"]);
    if !has_policy && rules.is_empty() {
        return;
    }
    if has_policy {
        super::optional_one_of(
            faults,
            container,
            "restartPolicy",
            path,
            &["Always", "Never", "OnFailure"],
        );
    } else {
        needs_policy(faults, path);
    }
    if rules.len() > 20 {
        faults.push(FieldError::too_many(
            format!("{path}.restartPolicyRules"),
            rules.len(),
            20,
        ));
    }
    for (i, rule) in rules.iter().enumerate() {
        let path = format!("{path}.restartPolicyRules[{i}]");
        let action = text(rule, &["action"]);
        if action != "Restart" && action != "RestartAllContainers" {
            faults.push(FieldError::not_supported(
                format!("{path}.action"),
                &action.into(),
                &["Restart", "RestartAllContainers"],
            ));
        }
        let codes = at(rule, &["exitCodes"]);
        if !codes.is_object() {
            faults.push(FieldError::required(
                format!("{path}.exitCodes"),
                "must be specified",
            ));
            continue;
        }
        let operator = text(codes, &["operator"]);
        if !matches!(operator, "In" | "NotIn") {
            faults.push(FieldError::not_supported(
                format!("{path}.exitCodes.operator"),
                &operator.into(),
                &["In", "NotIn"],
            ));
        }
        let count = items(codes, &["values"]).len();
        if count > 255 {
            faults.push(FieldError::too_many(
                format!("{path}.exitCodes.values"),
                count,
                255,
            ));
        }
    }
}

fn needs_policy(faults: &mut Faults, path: &str) {
    faults.push(FieldError::required(
        format!("{path}.restartPolicy"),
        "must specify restartPolicy when restart rules are used",
    ));
}

fn init<'a>(
    faults: &mut Faults,
    pod: &Pod<'_>,
    container: &'a Value,
    path: &str,
    list: &str,
    names: &mut HashSet<&'a str>,
) {
    if is_set(container, &["restartPolicy"]) {
        restart_policy(faults, container, path);
    } else if !items(container, &["restartPolicyRules"]).is_empty() {
        needs_policy(faults, path);
    }
    let name = text(container, &["name"]);
    if names.contains(&name) {
        faults.push(FieldError::duplicate(format!("{path}.name"), &name.into()));
    } else if !name.is_empty() {
        names.insert(name);
    }
    host_ports(faults, std::slice::from_ref(container), list);
    if text(container, &["restartPolicy"]) == "Always" {
        probes::of_container(faults, pod, container, path);
        return;
    }
    for key in [
        "lifecycle",
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
    ] {
        if is_set(container, &[key]) {
            faults.push(FieldError::forbidden(
                format!("{path}.{key}"),
                "may not be set for init containers without restartPolicy=Always",
            ));
        }
    }
    for (i, policy) in items(container, &["resizePolicy"]).iter().enumerate() {
        if text(policy, &["restartPolicy"]) == "RestartContainer" {
            faults.push(FieldError::invalid_text(
                format!("{path}.resizePolicy[{i}].restartPolicy"),
                "RestartContainer",
                "must not be set to 'RestartContainer' for non-sidecar initContainers",
            ));
        }
    }
}

fn ephemeral(faults: &mut Faults, container: &Value, path: &str, others: &HashSet<&str>) {
    const NOT_HERE: &str = "cannot be set for an Ephemeral Container";
    let target = text(container, &["targetContainerName"]);
    if !target.is_empty() && !others.contains(&target) {
        faults.push(FieldError::not_found(
            format!("{path}.targetContainerName"),
            &target.into(),
        ));
    }
    for key in [
        "ports",
        "resources",
        "resizePolicy",
        "restartPolicy",
        "restartPolicyRules",
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
        "lifecycle",
    ] {
        let is_empty = match at(container, &[key]) {
            Value::Null => true,
            Value::Object(map) => key == "resources" && map.is_empty(),
            Value::Array(list) => list.is_empty(),
            _ => false,
        };
        if !is_empty {
            faults.push(FieldError::forbidden(format!("{path}.{key}"), NOT_HERE));
        }
    }
    for (i, mount) in items(container, &["volumeMounts"]).iter().enumerate() {
        for key in ["subPath", "subPathExpr"] {
            if !text(mount, &[key]).is_empty() {
                faults.push(FieldError::forbidden(
                    format!("{path}.volumeMounts[{i}].{key}"),
                    NOT_HERE,
                ));
            }
        }
    }
}

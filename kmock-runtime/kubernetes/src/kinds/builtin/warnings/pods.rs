//! Warnings about pods and pod templates.

use std::collections::HashMap;

use serde_json::Value;

use super::{MOST, addresses, fractional, old_node_label, volumes};
use crate::kinds::builtin::values::{at, containers, int, is_set, items, members, text};
use crate::model::meta::label_value_faults;

/// Annotations that have become fields.
const OLD_ANNOTATIONS: [(&str, &str); 3] = [
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        "non-functional in v1.16+; use the \"priorityClassName\" field instead",
    ),
    (
        "security.alpha.kubernetes.io/sysctls",
        "non-functional in v1.11+; use the \"sysctls\" field instead",
    ),
    (
        "security.alpha.kubernetes.io/unsafe-sysctls",
        "non-functional in v1.11+; use the \"sysctls\" field instead",
    ),
];
const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
const APPARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";
const USE_SECCOMP: &str = "non-functional in v1.27+; use the \"seccompProfile\" field instead";

/// Warns about a pod, or a template at a path (which ends with a dot).
pub(super) fn warn(out: &mut Vec<String>, pod: &Value, path: &str) {
    let spec = at(pod, &["spec"]);
    let annotations = at(pod, &["metadata", "annotations"]);
    let annotated = |key: &str| is_set(annotations, &[key]);
    scheduling(out, spec, path);
    for (key, instead) in OLD_ANNOTATIONS {
        if annotated(key) {
            out.push(format!("{path}metadata.annotations[{key}]: {instead}"));
        }
    }
    volumes::of_pod(out, spec, path);
    duplicates(out, spec, path);
    for key in ["memory", "ephemeral-storage"] {
        fractional(
            out,
            format_args!("{path}spec.overhead[{key}]"),
            at(spec, &["overhead", key]),
        );
    }
    if annotated(SECCOMP_POD) && !is_set(spec, &["securityContext", "seccompProfile"]) {
        out.push(format!(
            "{path}metadata.annotations[{SECCOMP_POD}]: {USE_SECCOMP}"
        ));
    }
    let containers = containers(spec, &format!("{path}spec"));
    for (container, at_path) in &containers {
        let name = text(container, &["name"]);
        let key = format!("{SECCOMP_CONTAINER}{name}");
        if annotated(&key) && !is_set(container, &["securityContext", "seccompProfile"]) {
            out.push(format!("{path}metadata.annotations[{key}]: {USE_SECCOMP}"));
        }
        let key = format!("{APPARMOR}{name}");
        if !path.is_empty()
            && annotated(&key)
            && !is_set(container, &["securityContext", "appArmorProfile"])
            && !is_set(spec, &["securityContext", "appArmorProfile"])
        {
            out.push(format!(
                "{path}metadata.annotations[{key}]: deprecated since v1.30; use the \"appArmorProfile\" field instead"
            ));
        }
        for (what, key) in [
            ("limits", "memory"),
            ("requests", "memory"),
            ("limits", "ephemeral-storage"),
            ("requests", "ephemeral-storage"),
        ] {
            fractional(
                out,
                format_args!("{at_path}.resources.{what}[{key}]"),
                at(container, &["resources", what, key]),
            );
        }
        env(out, container, at_path);
    }
    ports(out, &containers);
    port_names(out, &containers);
    if int(spec, &["terminationGracePeriodSeconds"]) < 0 {
        out.push(format!(
            "{path}spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"
        ));
    }
    affinity_terms(out, spec, path);
    addresses::each(
        out,
        &format!("{path}spec.dnsConfig.nameservers"),
        at(spec, &["dnsConfig", "nameservers"]),
    );
    addresses::each_ip(
        out,
        &format!("{path}spec.hostAliases"),
        items(spec, &["hostAliases"]),
    );
}

fn scheduling(out: &mut Vec<String>, spec: &Value, path: &str) {
    for (key, _) in members(spec, &["nodeSelector"]) {
        if let Some(instead) = old_node_label(key) {
            out.push(format!("{path}spec.nodeSelector[{key}]: {instead}"));
        }
    }
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    let preferred = "preferredDuringSchedulingIgnoredDuringExecution";
    let base = format!("{path}spec.affinity.nodeAffinity");
    let affinity = at(spec, &["affinity", "nodeAffinity"]);
    for (i, term) in items(affinity, &[required, "nodeSelectorTerms"])
        .iter()
        .enumerate()
    {
        node_term(
            out,
            term,
            &format!("{base}.{required}.nodeSelectorTerms[{i}]"),
            false,
        );
    }
    for (i, term) in items(affinity, &[preferred]).iter().enumerate() {
        node_term(
            out,
            at(term, &["preference"]),
            &format!("{base}.{preferred}[{i}].preference"),
            true,
        );
    }
    for (i, constraint) in items(spec, &["topologySpreadConstraints"])
        .iter()
        .enumerate()
    {
        let path = format!("{path}spec.topologySpreadConstraints[{i}]");
        let key = text(constraint, &["topologyKey"]);
        if let Some(instead) = old_node_label(key) {
            out.push(format!("{path}.topologyKey: {key} is {instead}"));
        }
        null_selector(out, constraint, &path);
    }
}

fn null_selector(out: &mut Vec<String>, holder: &Value, path: &str) {
    if !is_set(holder, &["labelSelector"]) {
        out.push(format!(
            "{path}.labelSelector: a null labelSelector results in matching no pod"
        ));
    }
}

/// A term of a node selector.
pub(super) fn node_term(out: &mut Vec<String>, term: &Value, path: &str, check_values: bool) {
    for (i, rule) in items(term, &["matchExpressions"]).iter().enumerate() {
        let path = format!("{path}.matchExpressions[{i}]");
        let key = text(rule, &["key"]);
        if let Some(instead) = old_node_label(key) {
            out.push(format!("{path}.key: {key} is {instead}"));
        }
        if !check_values {
            continue;
        }
        for (j, value) in items(rule, &["values"])
            .iter()
            .filter_map(Value::as_str)
            .enumerate()
        {
            for fault in label_value_faults(value) {
                out.push(format!("{path}.values[{j}]: {value} is invalid, {fault}"));
            }
        }
    }
}

fn affinity_terms(out: &mut Vec<String>, spec: &Value, path: &str) {
    for kind in ["podAffinity", "podAntiAffinity"] {
        let affinity = at(spec, &["affinity", kind]);
        let path = format!("{path}spec.affinity.{kind}");
        let required = "requiredDuringSchedulingIgnoredDuringExecution";
        for (i, term) in items(affinity, &[required]).iter().enumerate() {
            null_selector(out, term, &format!("{path}.{required}[{i}]"));
        }
        let preferred = "preferredDuringSchedulingIgnoredDuringExecution";
        for (i, term) in items(affinity, &[preferred]).iter().enumerate() {
            let path = format!("{path}.{preferred}[{i}].podAffinityTerm");
            null_selector(out, at(term, &["podAffinityTerm"]), &path);
        }
    }
}

fn duplicates(out: &mut Vec<String>, spec: &Value, path: &str) {
    for (list, key) in [("hostAliases", "ip"), ("imagePullSecrets", "name")] {
        let entries = items(spec, &[list]);
        for (i, entry) in entries.iter().enumerate() {
            let value = text(entry, &[key]);
            if entries
                .iter()
                .take(i)
                .any(|before| text(before, &[key]) == value)
            {
                out.push(format!(
                    "{path}spec.{list}[{i}].{key}: duplicate {key} {value:?}"
                ));
            }
        }
    }
    for (i, secret) in items(spec, &["imagePullSecrets"]).iter().enumerate() {
        if text(secret, &["name"]).is_empty() {
            out.push(format!(
                "{path}spec.imagePullSecrets[{i}].name: invalid empty name \"\""
            ));
        }
    }
}

/// A variable that is set twice, unless the second makes use of the first.
fn env(out: &mut Vec<String>, container: &Value, path: &str) {
    let entries = items(container, &["env"]);
    for (i, entry) in entries.iter().enumerate() {
        let (name, value) = (text(entry, &["name"]), text(entry, &["value"]));
        let reference = format!("$({name})");
        let is_again = entries
            .iter()
            .take(i)
            .any(|before| text(before, &["name"]) == name);
        let hides =
            is_set(entry, &["valueFrom"]) || value == reference || !value.contains(&reference);
        if is_again && hides {
            out.push(format!(
                "{path}.env[{i}]: hides previous definition of \"{name}\", which may be dropped when using apply"
            ));
        }
    }
}

fn ports(out: &mut Vec<String>, containers: &[(&Value, String)]) {
    // By number and protocol.
    let mut seen: HashMap<(i64, &str), Vec<(&Value, String)>> = HashMap::new();
    for (container, path) in containers {
        for (i, port) in items(container, &["ports"]).iter().enumerate() {
            let path = format!("{path}.ports[{i}]");
            let (host_ip, host_port) = (text(port, &["hostIP"]), int(port, &["hostPort"]));
            let (number, protocol) = (int(port, &["containerPort"]), text(port, &["protocol"]));
            if !host_ip.is_empty() && host_port == 0 {
                out.push(format!(
                    "{path}: hostIP set without hostPort: {{Name:{} HostPort:{host_port} ContainerPort:{number} Protocol:{protocol} HostIP:{host_ip}}}",
                    text(port, &["name"])
                ));
            }
            let same = seen.entry((number, protocol)).or_default();
            for (other, other_path) in &*same {
                // So many fit into no answer.
                if out.len() >= MOST {
                    return;
                }
                let (other_ip, other_port) = (text(other, &["hostIP"]), int(other, &["hostPort"]));
                let word = if host_ip == other_ip && host_port == other_port {
                    "duplicate"
                } else if host_port == 0 || other_port == 0 {
                    "overlapping"
                } else if host_port == other_port && host_ip.is_empty() != other_ip.is_empty() {
                    "dangerously ambiguous"
                } else {
                    continue;
                };
                out.push(format!("{path}: {word} port definition with {other_path}"));
            }
            same.push((port, path));
        }
    }
}

fn port_names(out: &mut Vec<String>, containers: &[(&Value, String)]) {
    let mut seen: HashMap<&str, String> = HashMap::new();
    for (container, path) in containers {
        for (i, port) in items(container, &["ports"]).iter().enumerate() {
            let name = text(port, &["name"]);
            let path = format!("{path}.ports[{i}]");
            if name.is_empty() {
                continue;
            }
            match seen.get(name) {
                Some(other) => out.push(format!(
                    "{path}: duplicate port name {name:?} with {other}, services and probes that select ports by name will use {other}"
                )),
                None => {
                    seen.insert(name, path);
                }
            }
        }
    }
}

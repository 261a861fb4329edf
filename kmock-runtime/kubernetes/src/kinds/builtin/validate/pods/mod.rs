//! Pods and pod templates: what a new one must be, and what may change of a pod.
//!
//! Rules of `pkg/apis/core/validation`, v1.36, in the server's order: a room for each part of a pod.

mod containers;
mod env;
mod mounts;
mod os;
mod part;
mod plugins;
mod probes;
mod resources;
mod scheduling;
mod security;
mod update;
mod volumes;

use serde_json::Value;

pub(super) use plugins::{csi_driver_name, persistent as persistent_source};
pub(super) use resources::{
    container_resource_name, is_standard_resource, quantity as resource_quantity, requirements,
    resource_name,
};
pub(super) use scheduling::{node_selector, tolerations, topology_term};
pub(in crate::kinds::builtin) use update::update;

use part::{Pod, descending, file_mode, no_backsteps, not_reserved, optional_one_of};

use super::rules::{
    Faults, given_text, in_range, ip, is_empty_selector, labels, one_of, selects, shown_map,
    text_field, texts,
};
use crate::kinds::builtin::values::{at, is_set, items, members, text, truth};
use crate::model::meta::{label_faults, qualified_name_faults, subdomain_faults};
use crate::model::status::FieldError;

/// A new pod.
pub(in crate::kinds::builtin) fn create(faults: &mut Faults, pod: &Value) {
    pod_itself(faults, pod);
    let spec_value = at(pod, &["spec"]);
    if !items(spec_value, &["ephemeralContainers"]).is_empty() {
        faults.push(FieldError::forbidden(
            "spec.ephemeralContainers",
            "cannot be set on create",
        ));
    }
    if !text(spec_value, &["nodeName"]).is_empty()
        && !items(spec_value, &["schedulingGates"]).is_empty()
    {
        faults.push(FieldError::forbidden(
            "spec.nodeName",
            "cannot be set until all schedulingGates have been cleared",
        ));
    }
}

/// A pod as it is, new or changed.
fn pod_itself(faults: &mut Faults, pod: &Value) {
    let spec_value = at(pod, &["spec"]);
    spec(
        faults,
        &Pod {
            spec: spec_value,
            name: Some(text(pod, &["metadata", "name"])),
        },
        "spec",
    );
    if text(spec_value, &["serviceAccountName"]).is_empty() {
        for (i, volume) in items(spec_value, &["volumes"]).iter().enumerate() {
            for (j, source) in items(volume, &["projected", "sources"]).iter().enumerate() {
                if is_set(source, &["serviceAccountToken"]) {
                    faults.push(FieldError::forbidden(
                        format!("spec.volumes[{i}].projected.sources[{j}].serviceAccountToken"),
                        "must not be specified when serviceAccountName is not set",
                    ));
                }
            }
        }
    }
    for list in ["containers", "initContainers"] {
        for (i, container) in items(spec_value, &[list]).iter().enumerate() {
            containers::image_of_pod(faults, container, &format!("spec.{list}[{i}]"));
        }
    }
}

/// A template of a workload that keeps its pods running.
pub(super) fn long_running_template(
    faults: &mut Faults,
    template_value: &Value,
    selector: &Value,
    path: &str,
    owner: &str,
) {
    template_fits(faults, template_value, selector, path);
    template(faults, template_value, path);
    let policy = text(template_value, &["spec", "restartPolicy"]);
    if policy != "Always" {
        faults.push(FieldError::not_supported(
            format!("{path}.spec.restartPolicy"),
            &policy.into(),
            &["Always"],
        ));
    }
    if is_set(template_value, &["spec", "activeDeadlineSeconds"]) {
        faults.push(FieldError::forbidden(
            format!("{path}.spec.activeDeadlineSeconds"),
            format!("activeDeadlineSeconds in {owner} is not Supported"),
        ));
    }
}

/// A template's labels must be what its owner selects.
pub(super) fn template_fits(faults: &mut Faults, template: &Value, selector: &Value, path: &str) {
    let template_labels = at(template, &["metadata", "labels"]);
    let selects_something = !selector.is_object() || !is_empty_selector(selector);
    if selects_something && !selects(selector, template_labels) {
        faults.push(FieldError::new(
            "FieldValueInvalid",
            format!("{path}.metadata.labels"),
            format!(
                "Invalid value: {}: `selector` does not match template `labels`",
                shown_map(template_labels)
            ),
        ));
    }
}

/// A pod template.
pub(in crate::kinds::builtin) fn template(faults: &mut Faults, template: &Value, path: &str) {
    labels(
        faults,
        &format!("{path}.labels"),
        at(template, &["metadata", "labels"]),
    );
    for (key, _) in members(template, &["metadata", "annotations"]) {
        texts(
            faults,
            &format!("{path}.annotations"),
            key,
            qualified_name_faults(&key.to_lowercase()),
        );
    }
    let pod = Pod {
        spec: at(template, &["spec"]),
        name: None,
    };
    spec(faults, &pod, &format!("{path}.spec"));
    if !items(template, &["spec", "ephemeralContainers"]).is_empty() {
        faults.push(FieldError::forbidden(
            format!("{path}.spec.ephemeralContainers"),
            "ephemeral containers not allowed in pod template",
        ));
    }
}

/// The spec of a pod.
fn spec(faults: &mut Faults, pod: &Pod<'_>, path: &str) {
    let spec = pod.spec;
    let mountable = volumes::of_pod(faults, pod, &format!("{path}.volumes"));
    resources::claims(faults, spec, &format!("{path}.resourceClaims"));
    containers::of_pod(faults, pod, path, &mountable);
    resources::of_pod(faults, pod, path);
    host_network(faults, pod, path);
    one_of(
        faults,
        &format!("{path}.restartPolicy"),
        text(spec, &["restartPolicy"]),
        &["Always", "OnFailure", "Never"],
    );
    one_of(
        faults,
        &format!("{path}.dnsPolicy"),
        text(spec, &["dnsPolicy"]),
        &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"],
    );
    labels(
        faults,
        &format!("{path}.nodeSelector"),
        at(spec, &["nodeSelector"]),
    );
    security::of_pod(faults, pod, path);
    scheduling::affinity(faults, at(spec, &["affinity"]), &format!("{path}.affinity"));
    dns_config(faults, spec, &format!("{path}.dnsConfig"));
    for (i, gate) in items(spec, &["readinessGates"]).iter().enumerate() {
        let kind = text(gate, &["conditionType"]);
        let path = format!("{path}.readinessGates[{i}].conditionType");
        texts(faults, &path, kind, qualified_name_faults(kind));
    }
    scheduling::gates(faults, spec, &format!("{path}.schedulingGates"));
    scheduling::topology_spread(faults, spec, &format!("{path}.topologySpreadConstraints"));
    os::host_process(faults, spec, path);
    os::host_users(faults, pod, path);
    host_names(faults, spec, path);
    for key in ["serviceAccountName", "nodeName"] {
        let name = text(spec, &[key]);
        if !name.is_empty() {
            texts(
                faults,
                &format!("{path}.{key}"),
                name,
                subdomain_faults(name),
            );
        }
    }
    in_range(
        faults,
        &format!("{path}.activeDeadlineSeconds"),
        at(spec, &["activeDeadlineSeconds"]),
        1,
        i64::from(i32::MAX),
    );
    for key in ["hostname", "subdomain"] {
        let name = text(spec, &[key]);
        if !name.is_empty() {
            texts(faults, &format!("{path}.{key}"), name, label_faults(name));
        }
    }
    scheduling::tolerations(faults, spec, &format!("{path}.tolerations"));
    host_aliases(faults, spec, &format!("{path}.hostAliases"));
    given_text(faults, spec, path, "priorityClassName", subdomain_faults);
    if is_set(spec, &["runtimeClassName"]) {
        text_field(faults, spec, path, "runtimeClassName", subdomain_faults);
    }
    if is_set(spec, &["preemptionPolicy"]) {
        one_of(
            faults,
            &format!("{path}.preemptionPolicy"),
            text(spec, &["preemptionPolicy"]),
            &["PreemptLowerPriority", "Never"],
        );
    }
    if is_set(spec, &["overhead"]) {
        let overhead = serde_json::json!({"limits": at(spec, &["overhead"])});
        resources::requirements(faults, &overhead, &format!("{path}.overhead"), &[]);
    }
    os::of_pod(faults, spec, path);
    env::file_key_volumes(faults, spec, path);
}

/// On the host's network a container's port is the host's port.
fn host_network(faults: &mut Faults, pod: &Pod<'_>, path: &str) {
    if !truth(pod.spec, &["hostNetwork"]) {
        return;
    }
    for (i, container) in items(pod.spec, &["containers"]).iter().enumerate() {
        for (j, port) in items(container, &["ports"]).iter().enumerate() {
            let (host, own) = (
                super::rules::int(port, &["hostPort"]),
                super::rules::int(port, &["containerPort"]),
            );
            if (pod.name.is_some() || host != 0) && host != own {
                faults.push(FieldError::invalid(
                    format!("{path}.containers[{i}].ports[{j}].hostPort"),
                    &host.into(),
                    "must match `containerPort` when `hostNetwork` is true",
                ));
            }
        }
    }
}

fn dns_config(faults: &mut Faults, spec: &Value, path: &str) {
    let config = at(spec, &["dnsConfig"]);
    let servers = items(config, &["nameservers"]);
    if text(spec, &["dnsPolicy"]) == "None" {
        if !config.is_object() {
            faults.push(FieldError::required(
                path,
                "must provide `dnsConfig` when `dnsPolicy` is None",
            ));
            return;
        }
        if servers.is_empty() {
            faults.push(FieldError::required(
                format!("{path}.nameservers"),
                "must provide at least one DNS nameserver when `dnsPolicy` is None",
            ));
            return;
        }
    }
    if servers.len() > 3 {
        faults.push(FieldError::invalid(
            format!("{path}.nameservers"),
            at(config, &["nameservers"]),
            "must not have more than 3 nameservers",
        ));
    }
    for (i, server) in servers.iter().filter_map(Value::as_str).enumerate() {
        ip(faults, &format!("{path}.nameservers[{i}]"), server);
    }
    let searches: Vec<&str> = items(config, &["searches"])
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let mut too_much = |detail: &str| {
        faults.push(FieldError::invalid(
            format!("{path}.searches"),
            at(config, &["searches"]),
            detail,
        ));
    };
    if searches.len() > 32 {
        too_much("must not have more than 32 search paths");
    }
    if searches.join(" ").len() > 2048 {
        too_much("must not have more than 2048 characters (including spaces) in the search list");
    }
    for (i, search) in searches.iter().enumerate().filter(|(_, s)| **s != ".") {
        let search = search.strip_suffix('.').unwrap_or(search);
        let path = format!("{path}.searches[{i}]");
        texts(faults, &path, search, search_path_faults(search));
    }
    for (i, option) in items(config, &["options"]).iter().enumerate() {
        if text(option, &["name"]).is_empty() {
            faults.push(FieldError::required(
                format!("{path}.options[{i}]"),
                "must not be empty",
            ));
        }
    }
}

/// A search path is a subdomain, with underscores.
fn search_path_faults(search: &str) -> Vec<String> {
    let mut out = Vec::new();
    if search.len() > 253 {
        out.push("must be no more than 253 characters".to_owned());
    }
    let is_label = |label: &str| {
        let rest = label.strip_prefix('_').unwrap_or(label);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        rest.starts_with(plain)
            && rest.ends_with(plain)
            && rest.chars().all(|c| plain(c) || matches!(c, '-' | '_'))
    };
    if !search.split('.').all(is_label) {
        out.push("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')".to_owned());
    }
    out
}

fn host_names(faults: &mut Faults, spec: &Value, path: &str) {
    if !is_set(spec, &["hostnameOverride"]) {
        return;
    }
    let path = format!("{path}.hostnameOverride");
    for key in ["setHostnameAsFQDN", "hostNetwork"] {
        if truth(spec, &[key]) {
            faults.push(FieldError::forbidden(
                &path,
                format!("may not be specified when {key} is true"),
            ));
        }
    }
    let name = text(spec, &["hostnameOverride"]);
    if name.len() > 64 {
        faults.push(FieldError::too_long(&path, 64));
    }
    texts(faults, &path, name, subdomain_faults(name));
}

fn host_aliases(faults: &mut Faults, spec: &Value, path: &str) {
    for (i, alias) in items(spec, &["hostAliases"]).iter().enumerate() {
        ip(faults, &format!("{path}[{i}].ip"), text(alias, &["ip"]));
        for (j, host) in items(alias, &["hostnames"])
            .iter()
            .filter_map(Value::as_str)
            .enumerate()
        {
            let path = format!("{path}[{i}].hostnames[{j}]");
            texts(faults, &path, host, subdomain_faults(host));
        }
    }
}

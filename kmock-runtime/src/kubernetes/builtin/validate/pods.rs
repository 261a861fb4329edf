//! Pods and pod templates: containers, volumes, probes, resources; what may change of a pod.
//!
//! Rules of `pkg/apis/core/validation`, v1.36, in the server's order.

use serde_json::{Value, json};

use super::rules::{
    Faults, NOT_NEGATIVE, amount, config_key_faults, in_range, ip, is_empty_selector,
    label_selector, labels, maybe_one_of, named, not_negative, one_of, port, port_name_faults,
    port_or_name, required, resource_name, selects, shown_map, texts,
};
use crate::kubernetes::builtin::quantity::Quantity;
use crate::kubernetes::builtin::values::{at, int, is_set, items, members, text};
use crate::kubernetes::meta::{label_faults, qualified_name_faults, subdomain_faults};
use crate::kubernetes::status::FieldError;

const CONTAINER_LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// A new pod.
pub(super) fn create(faults: &mut Faults, pod: &Value) {
    spec(faults, at(pod, &["spec"]), "spec");
    if !items(pod, &["spec", "ephemeralContainers"]).is_empty() {
        faults.push(FieldError::forbidden(
            "spec.ephemeralContainers",
            "cannot be set on create",
        ));
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
pub(super) fn template(faults: &mut Faults, template: &Value, path: &str) {
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
    spec(faults, at(template, &["spec"]), &format!("{path}.spec"));
    if !items(template, &["spec", "ephemeralContainers"]).is_empty() {
        faults.push(FieldError::forbidden(
            format!("{path}.spec.ephemeralContainers"),
            "ephemeral containers not allowed in pod template",
        ));
    }
}

/// The spec of a pod.
pub(super) fn spec(faults: &mut Faults, spec: &Value, path: &str) {
    not_negative(faults, spec, &["terminationGracePeriodSeconds"], path);
    let volume_names = volumes(faults, spec, &format!("{path}.volumes"));
    containers(faults, spec, path, &volume_names);
    let policy = text(spec, &["restartPolicy"]);
    one_of(
        faults,
        &format!("{path}.restartPolicy"),
        policy,
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
    security_context(
        faults,
        at(spec, &["securityContext"]),
        &format!("{path}.securityContext"),
    );
    for (i, secret) in items(spec, &["imagePullSecrets"]).iter().enumerate() {
        if text(secret, &["name"]).is_empty() {
            faults.push(FieldError::required(
                format!("{path}.imagePullSecrets[{i}].name"),
                "",
            ));
        }
    }
    affinity(faults, at(spec, &["affinity"]), &format!("{path}.affinity"));
    dns_config(faults, spec, path);
    for (i, gate) in items(spec, &["readinessGates"]).iter().enumerate() {
        let kind = text(gate, &["conditionType"]);
        texts(
            faults,
            &format!("{path}.readinessGates[{i}].conditionType"),
            kind,
            qualified_name_faults(kind),
        );
    }
    scheduling_gates(faults, spec, path);
    topology_spread(faults, spec, path);
    if !text(spec, &["serviceAccountName"]).is_empty() {
        let name = text(spec, &["serviceAccountName"]);
        texts(
            faults,
            &format!("{path}.serviceAccountName"),
            name,
            subdomain_faults(name),
        );
    }
    if !text(spec, &["nodeName"]).is_empty() {
        let name = text(spec, &["nodeName"]);
        texts(
            faults,
            &format!("{path}.nodeName"),
            name,
            subdomain_faults(name),
        );
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
    tolerations(faults, spec, path);
    for (i, alias) in items(spec, &["hostAliases"]).iter().enumerate() {
        ip(
            faults,
            &format!("{path}.hostAliases[{i}].ip"),
            text(alias, &["ip"]),
        );
        for (j, host) in items(alias, &["hostnames"])
            .iter()
            .filter_map(Value::as_str)
            .enumerate()
        {
            texts(
                faults,
                &format!("{path}.hostAliases[{i}].hostnames[{j}]"),
                host,
                subdomain_faults(host),
            );
        }
    }
    for key in ["priorityClassName", "runtimeClassName"] {
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
    let preemption = text(spec, &["preemptionPolicy"]);
    if !preemption.is_empty() {
        maybe_one_of(
            faults,
            &format!("{path}.preemptionPolicy"),
            preemption,
            &["PreemptLowerPriority", "Never"],
        );
    }
    for (key, value) in members(spec, &["overhead"]) {
        amount(faults, &format!("{path}.overhead[{key}]"), value);
    }
    if is_set(spec, &["os"]) {
        one_of(
            faults,
            &format!("{path}.os.name"),
            text(spec, &["os", "name"]),
            &["linux", "windows"],
        );
    }
}

fn containers(faults: &mut Faults, spec: &Value, path: &str, volume_names: &[String]) {
    let regular = items(spec, &["containers"]);
    if regular.is_empty() {
        faults.push(FieldError::required(format!("{path}.containers"), ""));
    }
    let mut names: Vec<&str> = Vec::new();
    for list in CONTAINER_LISTS {
        for (i, container_value) in items(spec, &[list]).iter().enumerate() {
            let at_path = format!("{path}.{list}[{i}]");
            container(faults, container_value, &at_path, volume_names);
            let name = text(container_value, &["name"]);
            if !name.is_empty() && names.contains(&name) {
                faults.push(FieldError::duplicate(
                    format!("{at_path}.name"),
                    &name.into(),
                ));
            }
            names.push(name);
            match list {
                "containers" => lifecycle_and_probes(faults, container_value, &at_path),
                "initContainers" => init_container(faults, container_value, &at_path),
                _ => ephemeral_container(faults, spec, container_value, &at_path),
            }
        }
        if list != "ephemeralContainers" {
            host_ports(faults, spec, list, path);
        }
    }
}

fn container(faults: &mut Faults, container: &Value, path: &str, volume_names: &[String]) {
    named(
        faults,
        &format!("{path}.name"),
        text(container, &["name"]),
        label_faults,
    );
    let image = text(container, &["image"]);
    if image.is_empty() {
        faults.push(FieldError::required(format!("{path}.image"), ""));
    } else if image.trim() != image {
        faults.push(FieldError::invalid_text(
            format!("{path}.image"),
            image,
            "must not have leading or trailing whitespace",
        ));
    }
    one_of(
        faults,
        &format!("{path}.terminationMessagePolicy"),
        text(container, &["terminationMessagePolicy"]),
        &["File", "FallbackToLogsOnError"],
    );
    container_ports(faults, container, path);
    env(faults, container, path);
    env_from(faults, container, path);
    volume_mounts(faults, container, path, volume_names);
    one_of(
        faults,
        &format!("{path}.imagePullPolicy"),
        text(container, &["imagePullPolicy"]),
        &["Always", "IfNotPresent", "Never"],
    );
    resources(
        faults,
        at(container, &["resources"]),
        &format!("{path}.resources"),
    );
    container_security(
        faults,
        at(container, &["securityContext"]),
        &format!("{path}.securityContext"),
    );
}

fn container_ports(faults: &mut Faults, container: &Value, path: &str) {
    let mut names: Vec<&str> = Vec::new();
    for (i, entry) in items(container, &["ports"]).iter().enumerate() {
        let path = format!("{path}.ports[{i}]");
        let name = text(entry, &["name"]);
        if !name.is_empty() {
            let wrong = port_name_faults(name);
            if wrong.is_empty() {
                if names.contains(&name) {
                    faults.push(FieldError::duplicate(format!("{path}.name"), &name.into()));
                }
                names.push(name);
            } else {
                texts(faults, &format!("{path}.name"), name, wrong);
            }
        }
        if int(entry, &["containerPort"]) == 0 {
            faults.push(FieldError::required(format!("{path}.containerPort"), ""));
        } else {
            port(
                faults,
                &format!("{path}.containerPort"),
                at(entry, &["containerPort"]),
            );
        }
        if int(entry, &["hostPort"]) != 0 {
            port(
                faults,
                &format!("{path}.hostPort"),
                at(entry, &["hostPort"]),
            );
        }
        one_of(
            faults,
            &format!("{path}.protocol"),
            text(entry, &["protocol"]),
            &["SCTP", "TCP", "UDP"],
        );
    }
}

/// Containers of one pod cannot share a port of the host.
fn host_ports(faults: &mut Faults, spec: &Value, list: &str, path: &str) {
    let mut taken: Vec<String> = Vec::new();
    for (i, container) in items(spec, &[list]).iter().enumerate() {
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
                    format!("{path}.{list}[{i}].ports[{j}].hostPort"),
                    &key.as_str().into(),
                ));
            }
            taken.push(key);
        }
    }
}

fn env(faults: &mut Faults, container: &Value, path: &str) {
    for (i, entry) in items(container, &["env"]).iter().enumerate() {
        let path = format!("{path}.env[{i}]");
        let name = text(entry, &["name"]);
        if name.is_empty() {
            faults.push(FieldError::required(format!("{path}.name"), ""));
        } else if name.chars().any(|c| !(' '..='~').contains(&c) || c == '=') {
            faults.push(FieldError::invalid_text(
                format!("{path}.name"),
                name,
                "a valid environment variable name must consist only of printable ASCII characters other than '='",
            ));
        }
        let source = at(entry, &["valueFrom"]);
        if !source.is_object() {
            continue;
        }
        let path = format!("{path}.valueFrom");
        let kinds = [
            "fieldRef",
            "resourceFieldRef",
            "configMapKeyRef",
            "secretKeyRef",
            "fileKeyRef",
        ];
        let count = kinds.iter().filter(|k| is_set(source, &[k])).count();
        for kind in ["configMapKeyRef", "secretKeyRef"] {
            if is_set(source, &[kind]) {
                required(
                    faults,
                    &format!("{path}.{kind}.name"),
                    text(source, &[kind, "name"]),
                );
                let key = text(source, &[kind, "key"]);
                named(
                    faults,
                    &format!("{path}.{kind}.key"),
                    key,
                    config_key_faults,
                );
            }
        }
        if is_set(source, &["fieldRef"]) {
            required(
                faults,
                &format!("{path}.fieldRef.fieldPath"),
                text(source, &["fieldRef", "fieldPath"]),
            );
        }
        if is_set(source, &["resourceFieldRef"]) {
            required(
                faults,
                &format!("{path}.resourceFieldRef.resource"),
                text(source, &["resourceFieldRef", "resource"]),
            );
        }
        if count == 0 {
            faults.push(FieldError::invalid_text(
                path,
                "",
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
            ));
        } else if !text(entry, &["value"]).is_empty() {
            faults.push(FieldError::invalid_text(
                path,
                "",
                "may not be specified when `value` is not empty",
            ));
        } else if count > 1 {
            faults.push(FieldError::invalid_text(
                path,
                "",
                "may not have more than one field specified at a time",
            ));
        }
    }
}

fn env_from(faults: &mut Faults, container: &Value, path: &str) {
    for (i, entry) in items(container, &["envFrom"]).iter().enumerate() {
        let path = format!("{path}.envFrom[{i}]");
        let kinds = ["configMapRef", "secretRef"];
        for kind in kinds.iter().filter(|k| is_set(entry, &[k])) {
            required(
                faults,
                &format!("{path}.{kind}.name"),
                text(entry, &[kind, "name"]),
            );
        }
        match kinds.iter().filter(|k| is_set(entry, &[k])).count() {
            0 => faults.push(FieldError::invalid_text(
                path,
                "",
                "must specify one of: `configMapRef` or `secretRef`",
            )),
            1 => {}
            _ => faults.push(FieldError::invalid_text(
                path,
                "",
                "may not have more than one field specified at a time",
            )),
        }
    }
}

fn volume_mounts(faults: &mut Faults, container: &Value, path: &str, volume_names: &[String]) {
    let mut paths: Vec<&str> = Vec::new();
    for (i, mount) in items(container, &["volumeMounts"]).iter().enumerate() {
        let path = format!("{path}.volumeMounts[{i}]");
        let name = text(mount, &["name"]);
        required(faults, &format!("{path}.name"), name);
        if !volume_names.iter().any(|v| v == name) {
            faults.push(FieldError::not_found(format!("{path}.name"), &name.into()));
        }
        let mount_path = text(mount, &["mountPath"]);
        required(faults, &format!("{path}.mountPath"), mount_path);
        if paths.contains(&mount_path) {
            faults.push(FieldError::invalid_text(
                format!("{path}.mountPath"),
                mount_path,
                "must be unique",
            ));
        }
        paths.push(mount_path);
        let sub_path = text(mount, &["subPath"]);
        if sub_path.starts_with('/') {
            faults.push(FieldError::invalid_text(
                format!("{path}.subPath"),
                sub_path,
                "must be a relative path",
            ));
        }
        if sub_path.split('/').any(|part| part == "..") {
            faults.push(FieldError::invalid_text(
                format!("{path}.subPath"),
                sub_path,
                "must not contain '..'",
            ));
        }
        if !sub_path.is_empty() && !text(mount, &["subPathExpr"]).is_empty() {
            faults.push(FieldError::invalid_text(
                format!("{path}.subPathExpr"),
                text(mount, &["subPathExpr"]),
                "subPathExpr and subPath are mutually exclusive",
            ));
        }
    }
    for (i, device) in items(container, &["volumeDevices"]).iter().enumerate() {
        let path = format!("{path}.volumeDevices[{i}]");
        required(faults, &format!("{path}.name"), text(device, &["name"]));
        required(
            faults,
            &format!("{path}.devicePath"),
            text(device, &["devicePath"]),
        );
    }
}

/// Requests and limits of a container.
pub(super) fn resources(faults: &mut Faults, resources: &Value, path: &str) {
    for what in ["limits", "requests"] {
        for (name, value) in members(resources, &[what]) {
            let path = format!("{path}.{what}[{name}]");
            resource_name(faults, &path, name);
            if !name.contains('/') && !is_standard_container_resource(name) {
                if !is_standard_resource(name) {
                    faults.push(FieldError::invalid_text(
                        &path,
                        name,
                        "must be a standard resource type or fully qualified",
                    ));
                }
                faults.push(FieldError::invalid_text(
                    &path,
                    name,
                    "must be a standard resource for containers",
                ));
            }
            if let Some(quantity) = amount(faults, &path, value)
                && name.contains('/')
                && !name.starts_with("kubernetes.io/")
                && !quantity.is_whole()
            {
                faults.push(FieldError::invalid(path, value, "must be an integer"));
            }
        }
    }
    for (name, value) in members(resources, &["requests"]) {
        let limit = at(resources, &["limits", name]);
        let parsed = |value: &Value| value.as_str().and_then(|t| Quantity::parse(t).ok());
        if let (Some(request), Some(limit_amount)) = (parsed(value), parsed(limit)) {
            let extended = name.contains('/') || name.starts_with("hugepages-");
            if extended && request.compare(&limit_amount).is_ne() {
                faults.push(FieldError::invalid(
                    format!("{path}.requests"),
                    value,
                    format!("must be equal to {name} limit of {limit_amount}"),
                ));
            } else if request.compare(&limit_amount).is_gt() {
                faults.push(FieldError::invalid(
                    format!("{path}.requests"),
                    value,
                    format!("must be less than or equal to {name} limit of {limit_amount}"),
                ));
            }
        } else if parsed(limit).is_none() && name.contains('/') {
            faults.push(FieldError::required(
                format!("{path}.limits"),
                "Limit must be set for non overcommitable resources",
            ));
        }
    }
}

/// Resources without a prefix that some kind counts.
pub(super) fn is_standard_resource(name: &str) -> bool {
    matches!(
        name,
        "cpu"
            | "memory"
            | "ephemeral-storage"
            | "storage"
            | "pods"
            | "services"
            | "replicationcontrollers"
            | "secrets"
            | "configmaps"
            | "persistentvolumeclaims"
            | "resourcequotas"
            | "requests.cpu"
            | "requests.memory"
            | "requests.storage"
            | "requests.ephemeral-storage"
            | "limits.cpu"
            | "limits.memory"
            | "limits.ephemeral-storage"
            | "services.nodeports"
            | "services.loadbalancers"
            | "count"
    ) || name.starts_with("hugepages-")
        || name.starts_with("requests.hugepages-")
}

fn is_standard_container_resource(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-")
}

fn lifecycle_and_probes(faults: &mut Faults, container: &Value, path: &str) {
    for hook in ["postStart", "preStop"] {
        let handler_value = at(container, &["lifecycle", hook]);
        if handler_value.is_object() {
            handler(
                faults,
                handler_value,
                &format!("{path}.lifecycle.{hook}"),
                &["exec", "httpGet", "tcpSocket", "sleep"],
            );
        }
    }
    for (key, once) in [
        ("livenessProbe", true),
        ("readinessProbe", false),
        ("startupProbe", true),
    ] {
        let probe = at(container, &[key]);
        if !probe.is_object() {
            continue;
        }
        let path = format!("{path}.{key}");
        handler(
            faults,
            probe,
            &path,
            &["exec", "httpGet", "tcpSocket", "grpc"],
        );
        not_negative(
            faults,
            probe,
            &[
                "initialDelaySeconds",
                "timeoutSeconds",
                "periodSeconds",
                "successThreshold",
                "failureThreshold",
            ],
            &path,
        );
        if at(probe, &["terminationGracePeriodSeconds"])
            .as_i64()
            .is_some_and(|n| n <= 0)
        {
            faults.push(FieldError::invalid(
                format!("{path}.terminationGracePeriodSeconds"),
                at(probe, &["terminationGracePeriodSeconds"]),
                "must be greater than 0",
            ));
        }
        if once && int(probe, &["successThreshold"]) != 1 {
            faults.push(FieldError::invalid(
                format!("{path}.successThreshold"),
                at(probe, &["successThreshold"]),
                "must be 1",
            ));
        }
    }
}

fn handler(faults: &mut Faults, handler: &Value, path: &str, kinds: &[&str]) {
    let mut seen = 0;
    for kind in kinds.iter().filter(|kind| is_set(handler, &[kind])) {
        seen += 1;
        let path = format!("{path}.{kind}");
        if seen > 1 {
            faults.push(FieldError::forbidden(
                path,
                "may not specify more than 1 handler type",
            ));
            continue;
        }
        let action = at(handler, &[kind]);
        match *kind {
            "exec" if items(action, &["command"]).is_empty() => {
                faults.push(FieldError::required(format!("{path}.command"), ""));
            }
            "httpGet" => {
                required(faults, &format!("{path}.path"), text(action, &["path"]));
                port_or_name(faults, &format!("{path}.port"), at(action, &["port"]));
                one_of(
                    faults,
                    &format!("{path}.scheme"),
                    text(action, &["scheme"]),
                    &["HTTP", "HTTPS"],
                );
            }
            "tcpSocket" | "grpc" => {
                port_or_name(faults, &format!("{path}.port"), at(action, &["port"]));
            }
            _ => {}
        }
    }
    if seen == 0 {
        faults.push(FieldError::required(path, "must specify a handler type"));
    }
}

fn init_container(faults: &mut Faults, container: &Value, path: &str) {
    let policy = text(container, &["restartPolicy"]);
    if policy == "Always" {
        lifecycle_and_probes(faults, container, path);
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
}

fn ephemeral_container(faults: &mut Faults, spec: &Value, container: &Value, path: &str) {
    let target = text(container, &["targetContainerName"]);
    let known = ["containers", "initContainers"].iter().any(|l| {
        items(spec, &[l])
            .iter()
            .any(|c| text(c, &["name"]) == target)
    });
    if !target.is_empty() && !known {
        faults.push(FieldError::not_found(
            format!("{path}.targetContainerName"),
            &target.into(),
        ));
    }
    for key in [
        "ports",
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
        "lifecycle",
        "resizePolicy",
        "restartPolicy",
    ] {
        if is_set(container, &[key]) {
            faults.push(FieldError::forbidden(
                format!("{path}.{key}"),
                "cannot be set for an Ephemeral Container",
            ));
        }
    }
    if members(container, &["resources"])
        .iter()
        .any(|(_, v)| v.as_object().is_none_or(|m| !m.is_empty()))
    {
        faults.push(FieldError::forbidden(
            format!("{path}.resources"),
            "cannot be set for an Ephemeral Container",
        ));
    }
}

/// Volumes; the names of those that containers may mount.
fn volumes(faults: &mut Faults, spec: &Value, path: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (i, volume) in items(spec, &["volumes"]).iter().enumerate() {
        let path = format!("{path}[{i}]");
        let name = text(volume, &["name"]);
        let before = faults.len();
        source(faults, volume, &path);
        let mut own = Vec::new();
        if name.is_empty() {
            own.push(FieldError::required(format!("{path}.name"), ""));
        } else {
            texts(&mut own, &format!("{path}.name"), name, label_faults(name));
            if own.is_empty() && names.iter().any(|n| n == name) {
                own.push(FieldError::duplicate(format!("{path}.name"), &name.into()));
            }
        }
        faults.splice(before..before, own);
        names.push(name.to_owned());
    }
    names
}

/// A volume has exactly one source.
fn source(faults: &mut Faults, volume: &Value, path: &str) {
    let kinds = [
        "emptyDir",
        "hostPath",
        "gitRepo",
        "gcePersistentDisk",
        "awsElasticBlockStore",
        "secret",
        "nfs",
        "iscsi",
        "glusterfs",
        "flocker",
        "persistentVolumeClaim",
        "rbd",
        "cinder",
        "cephfs",
        "quobyte",
        "downwardAPI",
        "fc",
        "flexVolume",
        "configMap",
        "azureFile",
        "vsphereVolume",
        "photonPersistentDisk",
        "portworxVolume",
        "azureDisk",
        "storageos",
        "projected",
        "scaleIO",
        "csi",
        "ephemeral",
        "image",
    ];
    let mut count = 0;
    for kind in kinds.iter().filter(|kind| is_set(volume, &[kind])) {
        count += 1;
        let path = format!("{path}.{kind}");
        if count > 1 {
            faults.push(FieldError::forbidden(
                path,
                "may not specify more than 1 volume type",
            ));
            continue;
        }
        let source = at(volume, &[kind]);
        match *kind {
            "emptyDir" => {
                if let Some(limit) = source.get("sizeLimit") {
                    amount(faults, &format!("{path}.sizeLimit"), limit);
                }
            }
            "hostPath" => {
                required(faults, &format!("{path}.path"), text(source, &["path"]));
                if text(source, &["path"]).split('/').any(|part| part == "..") {
                    faults.push(FieldError::invalid_text(
                        format!("{path}.path"),
                        text(source, &["path"]),
                        "must not contain '..'",
                    ));
                }
                maybe_one_of(
                    faults,
                    &format!("{path}.type"),
                    text(source, &["type"]),
                    &[
                        "",
                        "BlockDevice",
                        "CharDevice",
                        "Directory",
                        "DirectoryOrCreate",
                        "File",
                        "FileOrCreate",
                        "Socket",
                    ],
                );
            }
            "secret" => {
                required(
                    faults,
                    &format!("{path}.secretName"),
                    text(source, &["secretName"]),
                );
                keys_to_paths(faults, source, &path);
            }
            "configMap" => {
                required(faults, &format!("{path}.name"), text(source, &["name"]));
                keys_to_paths(faults, source, &path);
            }
            "persistentVolumeClaim" => required(
                faults,
                &format!("{path}.claimName"),
                text(source, &["claimName"]),
            ),
            "nfs" => {
                required(faults, &format!("{path}.server"), text(source, &["server"]));
                required(faults, &format!("{path}.path"), text(source, &["path"]));
            }
            "csi" => required(faults, &format!("{path}.driver"), text(source, &["driver"])),
            "image" => required(
                faults,
                &format!("{path}.reference"),
                text(source, &["reference"]),
            ),
            "ephemeral" => {
                if is_set(source, &["volumeClaimTemplate"]) {
                    super::storage::claim_spec(
                        faults,
                        at(source, &["volumeClaimTemplate", "spec"]),
                        &format!("{path}.volumeClaimTemplate.spec"),
                    );
                } else {
                    faults.push(FieldError::required(
                        format!("{path}.volumeClaimTemplate"),
                        "",
                    ));
                }
            }
            _ => {}
        }
    }
    if count == 0 {
        faults.push(FieldError::required(path, "must specify a volume type"));
    }
}

fn keys_to_paths(faults: &mut Faults, source: &Value, path: &str) {
    in_range_mode(faults, source, "defaultMode", path);
    for (i, item) in items(source, &["items"]).iter().enumerate() {
        let path = format!("{path}.items[{i}]");
        required(faults, &format!("{path}.key"), text(item, &["key"]));
        let target = text(item, &["path"]);
        required(faults, &format!("{path}.path"), target);
        if target.starts_with('/') {
            faults.push(FieldError::invalid_text(
                format!("{path}.path"),
                target,
                "must be a relative path",
            ));
        }
        if target.split('/').any(|part| part == "..") {
            faults.push(FieldError::invalid_text(
                format!("{path}.path"),
                target,
                "must not contain '..'",
            ));
        }
        in_range_mode(faults, item, "mode", &path);
    }
}

fn in_range_mode(faults: &mut Faults, object: &Value, key: &str, path: &str) {
    let mode = at(object, &[key]);
    if mode.as_i64().is_some_and(|m| !(0..=0o777).contains(&m)) {
        faults.push(FieldError::invalid(
            format!("{path}.{key}"),
            mode,
            "must be a number between 0 and 0777 (octal), both inclusive",
        ));
    }
}

fn ids(faults: &mut Faults, context: &Value, path: &str, keys: &[&str]) {
    for key in keys {
        in_range(
            faults,
            &format!("{path}.{key}"),
            at(context, &[key]),
            0,
            i64::from(i32::MAX),
        );
    }
}

fn security_context(faults: &mut Faults, context: &Value, path: &str) {
    ids(
        faults,
        context,
        path,
        &["fsGroup", "runAsUser", "runAsGroup"],
    );
    for (i, group) in items(context, &["supplementalGroups"]).iter().enumerate() {
        in_range(
            faults,
            &format!("{path}.supplementalGroups[{i}]"),
            group,
            0,
            i64::from(i32::MAX),
        );
    }
    profile(
        faults,
        at(context, &["seccompProfile"]),
        &format!("{path}.seccompProfile"),
    );
}

fn container_security(faults: &mut Faults, context: &Value, path: &str) {
    ids(faults, context, path, &["runAsUser", "runAsGroup"]);
    profile(
        faults,
        at(context, &["seccompProfile"]),
        &format!("{path}.seccompProfile"),
    );
    if at(context, &["allowPrivilegeEscalation"]) == &Value::Bool(false) {
        if at(context, &["privileged"]) == &Value::Bool(true) {
            faults.push(FieldError::invalid(
                path,
                context,
                "cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
            ));
        }
        if items(context, &["capabilities", "add"])
            .iter()
            .any(|c| c == "CAP_SYS_ADMIN")
        {
            faults.push(FieldError::invalid(
                path,
                context,
                "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN",
            ));
        }
    }
}

fn profile(faults: &mut Faults, profile: &Value, path: &str) {
    if !profile.is_object() {
        return;
    }
    one_of(
        faults,
        &format!("{path}.type"),
        text(profile, &["type"]),
        &["Localhost", "RuntimeDefault", "Unconfined"],
    );
    let local = text(profile, &["type"]) == "Localhost";
    if local && text(profile, &["localhostProfile"]).is_empty() {
        faults.push(FieldError::required(
            format!("{path}.localhostProfile"),
            "must be set when seccomp type is Localhost",
        ));
    } else if !local && is_set(profile, &["localhostProfile"]) {
        faults.push(FieldError::invalid(
            format!("{path}.localhostProfile"),
            at(profile, &["localhostProfile"]),
            "can only be set when seccomp type is Localhost",
        ));
    }
}

fn affinity(faults: &mut Faults, affinity: &Value, path: &str) {
    let node = at(
        affinity,
        &[
            "nodeAffinity",
            "requiredDuringSchedulingIgnoredDuringExecution",
        ],
    );
    if node.is_object() && items(node, &["nodeSelectorTerms"]).is_empty() {
        faults.push(FieldError::required(
            format!("{path}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"),
            "must have at least one node selector term",
        ));
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let term = |faults: &mut Faults, term: &Value, path: &str| {
            label_selector(
                faults,
                &format!("{path}.labelSelector"),
                at(term, &["labelSelector"]),
            );
            let key = text(term, &["topologyKey"]);
            if key.is_empty() {
                faults.push(FieldError::required(
                    format!("{path}.topologyKey"),
                    "can not be empty",
                ));
            }
            texts(
                faults,
                &format!("{path}.topologyKey"),
                key,
                qualified_name_faults(key),
            );
        };
        for (i, entry) in items(
            affinity,
            &[kind, "requiredDuringSchedulingIgnoredDuringExecution"],
        )
        .iter()
        .enumerate()
        {
            term(
                faults,
                entry,
                &format!("{path}.{kind}.requiredDuringSchedulingIgnoredDuringExecution[{i}]"),
            );
        }
        for (i, entry) in items(
            affinity,
            &[kind, "preferredDuringSchedulingIgnoredDuringExecution"],
        )
        .iter()
        .enumerate()
        {
            let path =
                format!("{path}.{kind}.preferredDuringSchedulingIgnoredDuringExecution[{i}]");
            if !(1..=100).contains(&int(entry, &["weight"])) {
                faults.push(FieldError::invalid(
                    format!("{path}.weight"),
                    at(entry, &["weight"]),
                    "must be in the range 1-100",
                ));
            }
            term(
                faults,
                at(entry, &["podAffinityTerm"]),
                &format!("{path}.podAffinityTerm"),
            );
        }
    }
}

fn dns_config(faults: &mut Faults, spec: &Value, path: &str) {
    let servers = items(spec, &["dnsConfig", "nameservers"]);
    if text(spec, &["dnsPolicy"]) == "None" {
        if !is_set(spec, &["dnsConfig"]) {
            faults.push(FieldError::required(
                format!("{path}.dnsConfig"),
                "must provide `dnsConfig` when `dnsPolicy` is None",
            ));
            return;
        }
        if servers.is_empty() {
            faults.push(FieldError::required(
                format!("{path}.dnsConfig.nameservers"),
                "must provide at least one DNS nameserver when `dnsPolicy` is None",
            ));
        }
    }
    for (i, server) in servers.iter().filter_map(Value::as_str).enumerate() {
        ip(
            faults,
            &format!("{path}.dnsConfig.nameservers[{i}]"),
            server,
        );
    }
}

fn scheduling_gates(faults: &mut Faults, spec: &Value, path: &str) {
    let mut names: Vec<&str> = Vec::new();
    for (i, gate) in items(spec, &["schedulingGates"]).iter().enumerate() {
        let name = text(gate, &["name"]);
        let path = format!("{path}.schedulingGates[{i}].name");
        texts(faults, &path, name, qualified_name_faults(name));
        if names.contains(&name) {
            faults.push(FieldError::duplicate(
                path.trim_end_matches(".name"),
                &name.into(),
            ));
        }
        names.push(name);
    }
}

fn topology_spread(faults: &mut Faults, spec: &Value, path: &str) {
    for (i, constraint) in items(spec, &["topologySpreadConstraints"])
        .iter()
        .enumerate()
    {
        let path = format!("{path}.topologySpreadConstraints[{i}]");
        if int(constraint, &["maxSkew"]) <= 0 {
            faults.push(FieldError::invalid(
                format!("{path}.maxSkew"),
                at(constraint, &["maxSkew"]),
                "must be greater than zero",
            ));
        }
        let key = text(constraint, &["topologyKey"]);
        if key.is_empty() {
            faults.push(FieldError::required(
                format!("{path}.topologyKey"),
                "can not be empty",
            ));
        }
        maybe_one_of(
            faults,
            &format!("{path}.whenUnsatisfiable"),
            text(constraint, &["whenUnsatisfiable"]),
            &["DoNotSchedule", "ScheduleAnyway"],
        );
        label_selector(
            faults,
            &format!("{path}.labelSelector"),
            at(constraint, &["labelSelector"]),
        );
    }
}

/// Tolerations of taints.
fn tolerations(faults: &mut Faults, spec: &Value, path: &str) {
    for (i, toleration) in items(spec, &["tolerations"]).iter().enumerate() {
        let path = format!("{path}.tolerations[{i}]");
        let (key, operator, value) = (
            text(toleration, &["key"]),
            text(toleration, &["operator"]),
            text(toleration, &["value"]),
        );
        if !key.is_empty() {
            texts(
                faults,
                &format!("{path}.key"),
                key,
                qualified_name_faults(key),
            );
        }
        if key.is_empty() && operator != "Exists" {
            faults.push(FieldError::invalid_text(
                format!("{path}.operator"),
                operator,
                "operator must be Exists when `key` is empty, which means \"match all values and all keys\"",
            ));
        }
        if is_set(toleration, &["tolerationSeconds"])
            && text(toleration, &["effect"]) != "NoExecute"
        {
            faults.push(FieldError::invalid_text(
                format!("{path}.effect"),
                text(toleration, &["effect"]),
                "effect must be 'NoExecute' when `tolerationSeconds` is set",
            ));
        }
        match operator {
            "" | "Equal" => {}
            "Exists" if !value.is_empty() => faults.push(FieldError::invalid_text(
                format!("{path}.operator"),
                value,
                "value must be empty when `operator` is 'Exists'",
            )),
            "Exists" => {}
            other => faults.push(FieldError::not_supported(
                format!("{path}.operator"),
                &other.into(),
                &["Equal", "Exists"],
            )),
        }
        let effect = text(toleration, &["effect"]);
        if !effect.is_empty() {
            maybe_one_of(
                faults,
                &format!("{path}.effect"),
                effect,
                &["NoSchedule", "PreferNoSchedule", "NoExecute"],
            );
        }
    }
}

/// What may change of a pod.
pub(super) fn update(faults: &mut Faults, subresource: &str, new: &Value, old: &Value) {
    match subresource {
        "status" => status_update(faults, new, old),
        "ephemeralcontainers" => {
            spec(faults, at(new, &["spec"]), "spec");
            let kept = items(new, &["spec", "ephemeralContainers"]);
            for before in items(old, &["spec", "ephemeralContainers"]) {
                let name = text(before, &["name"]);
                match kept.iter().find(|c| text(c, &["name"]) == name) {
                    None => faults.push(FieldError::forbidden(
                        "spec.ephemeralContainers",
                        format!("existing ephemeral containers {name:?} may not be removed\n"),
                    )),
                    Some(after) if after != before => faults.push(FieldError::forbidden(
                        "spec.ephemeralContainers",
                        format!("existing ephemeral containers {name:?} may not be changed\n"),
                    )),
                    Some(_) => {}
                }
            }
        }
        "resize" => spec(faults, at(new, &["spec"]), "spec"),
        _ => {
            spec(faults, at(new, &["spec"]), "spec");
            spec_update(faults, new, old);
        }
    }
}

/// Of a running pod only a few fields may change; the images of its containers among them.
fn spec_update(faults: &mut Faults, new: &Value, old: &Value) {
    for list in ["containers", "initContainers"] {
        let (new_count, old_count) = (
            items(new, &["spec", list]).len(),
            items(old, &["spec", list]).len(),
        );
        if new_count != old_count {
            faults.push(FieldError::forbidden(
                format!("spec.{list}"),
                "pod updates may not add or remove containers",
            ));
            return;
        }
    }
    let deadline = |pod: &Value| at(pod, &["spec", "activeDeadlineSeconds"]).as_i64();
    match (deadline(new), deadline(old)) {
        (Some(new_value), Some(old_value)) if new_value > old_value => {
            faults.push(FieldError::invalid(
                "spec.activeDeadlineSeconds",
                &json!(new_value),
                format!("must be less than or equal to previous value {old_value}"),
            ));
            return;
        }
        (None, Some(_)) => {
            faults.push(FieldError::invalid(
                "spec.activeDeadlineSeconds",
                &Value::Null,
                "must not update from a positive integer to nil value",
            ));
            return;
        }
        _ => {}
    }
    // Take over what may change: what is left must be the same.
    let mut masked = at(new, &["spec"]).clone();
    let old_spec = at(old, &["spec"]);
    for list in ["containers", "initContainers"] {
        if let Some(Value::Array(containers)) = masked.get_mut(list) {
            for (container, before) in containers.iter_mut().zip(items(old_spec, &[list])) {
                crate::kubernetes::builtin::values::copy(container, before, "image");
            }
        }
    }
    for key in ["activeDeadlineSeconds", "tolerations"] {
        crate::kubernetes::builtin::values::copy(&mut masked, old_spec, key);
    }
    let added_only = items(old_spec, &["tolerations"]).iter().all(|t| {
        items(new, &["spec", "tolerations"]).iter().any(|n| {
            ["key", "operator", "value", "effect"]
                .iter()
                .all(|k| n.get(k) == t.get(k))
        })
    });
    if !added_only {
        faults.push(FieldError::forbidden(
            "spec.tolerations",
            "existing toleration can not be modified except its tolerationSeconds",
        ));
    }
    let gates = items(new, &["spec", "schedulingGates"]);
    let fewer_gates = gates
        .iter()
        .all(|g| items(old_spec, &["schedulingGates"]).contains(g));
    if !fewer_gates {
        faults.push(FieldError::forbidden(
            "spec.schedulingGates",
            "only deletion is allowed, but found new scheduling gate",
        ));
    }
    crate::kubernetes::builtin::values::copy(&mut masked, old_spec, "schedulingGates");
    if !items(old_spec, &["schedulingGates"]).is_empty() {
        for key in ["nodeSelector", "affinity"] {
            crate::kubernetes::builtin::values::copy(&mut masked, old_spec, key);
        }
    }
    if int(old_spec, &["terminationGracePeriodSeconds"]) < 0
        && int(&masked, &["terminationGracePeriodSeconds"]) == 1
    {
        crate::kubernetes::builtin::values::copy(
            &mut masked,
            old_spec,
            "terminationGracePeriodSeconds",
        );
    }
    if &masked != old_spec {
        faults.push(FieldError::forbidden(
            "spec",
            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n",
        ));
    }
}

fn status_update(faults: &mut Faults, new: &Value, old: &Value) {
    let nominated = text(new, &["status", "nominatedNodeName"]);
    if !nominated.is_empty() {
        texts(
            faults,
            "status.nominatedNodeName",
            nominated,
            subdomain_faults(nominated),
        );
    }
    let (new_node, old_node) = (
        text(new, &["spec", "nodeName"]),
        text(old, &["spec", "nodeName"]),
    );
    if new_node != old_node {
        faults.push(FieldError::forbidden(
            "status.nodeName",
            "may not be changed directly",
        ));
    }
    for (i, ip_entry) in items(new, &["status", "podIPs"]).iter().enumerate() {
        ip(
            faults,
            &format!("status.podIPs[{i}]"),
            text(ip_entry, &["ip"]),
        );
    }
    let class = text(new, &["status", "qosClass"]);
    if !class.is_empty() && class != text(old, &["status", "qosClass"]) {
        faults.push(FieldError::invalid_text(
            "status.qosClass",
            class,
            "field is immutable",
        ));
    }
    for (i, status) in items(new, &["status", "containerStatuses"])
        .iter()
        .enumerate()
    {
        if int(status, &["restartCount"]) < 0 {
            faults.push(FieldError::invalid(
                format!("status.containerStatuses[{i}].restartCount"),
                at(status, &["restartCount"]),
                NOT_NEGATIVE,
            ));
        }
    }
}

//! Rows of the core group.

use serde_json::{Value, json};

use super::{Printer, balancer, containers, labels, with_more};
use crate::kinds::builtin::times;
use crate::kinds::builtin::values::{at, int, is_set, items, members, text, truth};

pub(in crate::kinds::builtin) fn cells_pod_template(p: &Printer<'_>) -> Vec<Value> {
    let [names, images] = containers(p.at(&["template", "spec", "containers"]));
    vec![
        p.name(),
        names,
        images,
        labels(p.at(&["template", "metadata", "labels"])).into(),
    ]
}

pub(in crate::kinds::builtin) fn cells_replication_controller(p: &Printer<'_>) -> Vec<Value> {
    let [names, images] = containers(p.at(&["spec", "template", "spec", "containers"]));
    vec![
        p.name(),
        p.number(&["spec", "replicas"]),
        p.number(&["status", "replicas"]),
        p.number(&["status", "readyReplicas"]),
        p.age(),
        names,
        images,
        labels(p.at(&["spec", "selector"])).into(),
    ]
}

pub(in crate::kinds::builtin) fn cells_secret(p: &Printer<'_>) -> Vec<Value> {
    vec![
        p.name(),
        p.text(&["type"]).into(),
        members(p.object, &["data"]).len().into(),
        p.age(),
    ]
}

pub(in crate::kinds::builtin) fn cells_component_status(p: &Printer<'_>) -> Vec<Value> {
    let healthy = p
        .items(&["conditions"])
        .iter()
        .find(|c| text(c, &["type"]) == "Healthy");
    let (status, message, error) = match healthy {
        Some(c) if text(c, &["status"]) == "True" => {
            ("Healthy", text(c, &["message"]), text(c, &["error"]))
        }
        Some(c) => ("Unhealthy", text(c, &["message"]), text(c, &["error"])),
        None => ("Unknown", "", ""),
    };
    vec![p.name(), status.into(), message.into(), error.into()]
}

pub(in crate::kinds::builtin) fn cells_config_map(p: &Printer<'_>) -> Vec<Value> {
    let count = members(p.object, &["data"]).len() + members(p.object, &["binaryData"]).len();
    vec![p.name(), count.into(), p.age()]
}

/// The text of a terminated container's end.
fn ended(terminated: &Value) -> String {
    match (text(terminated, &["reason"]), int(terminated, &["signal"])) {
        ("", 0) => format!("ExitCode:{}", int(terminated, &["exitCode"])),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

pub(in crate::kinds::builtin) fn pod(p: &Printer<'_>) -> Vec<Value> {
    let mut reason = p
        .text_or(&["status", "reason"], p.text(&["status", "phase"]))
        .to_owned();
    if p.items(&["status", "conditions"])
        .iter()
        .any(|c| text(c, &["type"]) == "PodScheduled" && text(c, &["reason"]) == "SchedulingGated")
    {
        reason = "SchedulingGated".into();
    }
    let is_sidecar = |name: &str| {
        p.items(&["spec", "initContainers"])
            .iter()
            .any(|c| text(c, &["name"]) == name && text(c, &["restartPolicy"]) == "Always")
    };
    let sidecars = p
        .items(&["spec", "initContainers"])
        .iter()
        .filter(|c| text(c, &["restartPolicy"]) == "Always")
        .count();
    let total = p.items(&["spec", "containers"]).len() + sidecars;
    let (mut ready, mut restarts, mut sidecar_restarts) = (0, 0, 0);
    let later = |status: &Value| {
        let finished = at(status, &["lastState", "terminated", "finishedAt"])
            .as_str()
            .and_then(times::moment);
        finished.map(|moment| moment.as_second())
    };
    let (mut last, mut sidecar_last): (Option<i64>, Option<i64>) = (None, None);
    let mut initializing = false;
    let init_count = p.items(&["spec", "initContainers"]).len();
    for (i, status) in p
        .items(&["status", "initContainerStatuses"])
        .iter()
        .enumerate()
    {
        let sidecar = is_sidecar(text(status, &["name"]));
        restarts += int(status, &["restartCount"]);
        last = last.max(later(status));
        if sidecar {
            sidecar_restarts += int(status, &["restartCount"]);
            sidecar_last = sidecar_last.max(later(status));
        }
        let terminated = at(status, &["state", "terminated"]);
        let waiting = text(status, &["state", "waiting", "reason"]);
        if terminated.is_object() && int(terminated, &["exitCode"]) == 0 {
            continue;
        }
        if sidecar && truth(status, &["started"]) {
            if truth(status, &["ready"]) {
                ready += 1;
            }
            continue;
        }
        initializing = true;
        reason = if terminated.is_object() {
            format!("Init:{}", ended(terminated))
        } else if !waiting.is_empty() && waiting != "PodInitializing" {
            format!("Init:{waiting}")
        } else {
            format!("Init:{i}/{init_count}")
        };
        break;
    }
    let conditions = p.items(&["status", "conditions"]);
    let is_true = |kind: &str| {
        conditions
            .iter()
            .any(|c| text(c, &["type"]) == kind && text(c, &["status"]) == "True")
    };
    if !initializing || is_true("Initialized") {
        restarts = sidecar_restarts;
        last = sidecar_last;
        let mut running = false;
        for status in p.items(&["status", "containerStatuses"]).iter().rev() {
            restarts += int(status, &["restartCount"]);
            last = last.max(later(status));
            let terminated = at(status, &["state", "terminated"]);
            let waiting = text(status, &["state", "waiting", "reason"]);
            if !waiting.is_empty() {
                reason = waiting.to_owned();
            } else if terminated.is_object() {
                reason = ended(terminated);
            } else if truth(status, &["ready"]) && is_set(status, &["state", "running"]) {
                running = true;
                ready += 1;
            }
        }
        // A pod of which one container has completed while another one runs is not completed.
        if reason == "Completed" && running {
            reason = if is_true("Ready") {
                "Running"
            } else {
                "NotReady"
            }
            .into();
        }
    }
    let finished = matches!(p.text(&["status", "phase"]), "Failed" | "Succeeded");
    if p.is_terminating() && p.text(&["status", "reason"]) == "NodeLost" {
        reason = "Unknown".into();
    } else if p.is_terminating() && !finished {
        reason = "Terminating".into();
    }
    let restarts = match last {
        Some(moment) if restarts != 0 => format!(
            "{restarts} ({} ago)",
            times::human_duration(p.now.as_second() - moment)
        ),
        _ => restarts.to_string(),
    };
    let ip = p
        .items(&["status", "podIPs"])
        .first()
        .map_or(p.text(&["status", "podIP"]), |ip| text(ip, &["ip"]));
    let gates = p.items(&["spec", "readinessGates"]);
    let gates_text = if gates.is_empty() {
        "<none>".to_owned()
    } else {
        format!(
            "{}/{}",
            gates
                .iter()
                .filter(|g| is_true(text(g, &["conditionType"])))
                .count(),
            gates.len()
        )
    };
    vec![
        p.name(),
        format!("{ready}/{total}").into(),
        reason.into(),
        restarts.into(),
        p.age(),
        if ip.is_empty() { "<none>" } else { ip }.into(),
        p.text_or(&["spec", "nodeName"], "<none>").into(),
        p.text_or(&["status", "nominatedNodeName"], "<none>").into(),
        gates_text.into(),
    ]
}

pub(in crate::kinds::builtin) fn service(p: &Printer<'_>) -> Vec<Value> {
    let external: Vec<&str> = p
        .items(&["spec", "externalIPs"])
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let external = match p.text(&["spec", "type"]) {
        "ClusterIP" | "NodePort" if external.is_empty() => "<none>".to_owned(),
        "ClusterIP" | "NodePort" => external.join(","),
        "LoadBalancer" => {
            let balancer = balancer(p.items(&["status", "loadBalancer", "ingress"]));
            match (balancer.is_empty(), external.is_empty()) {
                (true, true) => "<pending>".into(),
                (false, true) => balancer,
                (true, false) => external.join(","),
                (false, false) => format!("{balancer},{}", external.join(",")),
            }
        }
        "ExternalName" => p.text(&["spec", "externalName"]).to_owned(),
        _ => "<unknown>".into(),
    };
    let ports: Vec<String> = p
        .items(&["spec", "ports"])
        .iter()
        .map(|port| {
            let (number, protocol) = (int(port, &["port"]), text(port, &["protocol"]));
            match int(port, &["nodePort"]) {
                0 => format!("{number}/{protocol}"),
                node_port => format!("{number}:{node_port}/{protocol}"),
            }
        })
        .collect();
    let listed = p
        .items(&["spec", "clusterIPs"])
        .first()
        .and_then(Value::as_str)
        .unwrap_or_default();
    let ip = if listed.is_empty() {
        p.text(&["spec", "clusterIP"])
    } else {
        listed
    };
    vec![
        p.name(),
        p.text(&["spec", "type"]).into(),
        if ip.is_empty() { "<none>" } else { ip }.into(),
        external.into(),
        if ports.is_empty() {
            "<none>".to_owned()
        } else {
            ports.join(",")
        }
        .into(),
        p.age(),
        labels(p.at(&["spec", "selector"])).into(),
    ]
}

pub(in crate::kinds::builtin) fn endpoints(p: &Printer<'_>) -> String {
    let subsets = p.items(&["subsets"]);
    if subsets.is_empty() {
        return "<none>".into();
    }
    let mut list = Vec::new();
    for subset in subsets {
        let addresses = items(subset, &["addresses"])
            .iter()
            .map(|a| text(a, &["ip"]));
        let ports = items(subset, &["ports"]);
        if ports.is_empty() {
            list.extend(addresses.map(str::to_owned));
            continue;
        }
        for port in ports {
            let number = int(port, &["port"]);
            list.extend(items(subset, &["addresses"]).iter().map(|a| {
                let ip = text(a, &["ip"]);
                if ip.contains(':') {
                    format!("[{ip}]:{number}")
                } else {
                    format!("{ip}:{number}")
                }
            }));
        }
    }
    with_more(&list, 3)
}

pub(in crate::kinds::builtin) fn node(p: &Printer<'_>) -> Vec<Value> {
    let ready = p
        .items(&["status", "conditions"])
        .iter()
        .find(|c| text(c, &["type"]) == "Ready");
    let mut status = match ready {
        Some(c) if text(c, &["status"]) == "True" => "Ready".to_owned(),
        Some(_) => "NotReady".into(),
        None => "Unknown".into(),
    };
    if p.flag(&["spec", "unschedulable"]) {
        status.push_str(",SchedulingDisabled");
    }
    let mut roles: Vec<&str> = members(p.object, &["metadata", "labels"])
        .into_iter()
        .filter_map(
            |(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
                Some(role) => Some(role),
                None if key == "kubernetes.io/role" => value.as_str(),
                None => None,
            },
        )
        .filter(|role| !role.is_empty())
        .collect();
    roles.sort_unstable();
    roles.dedup();
    let address = |kind: &str| {
        let found = p
            .items(&["status", "addresses"])
            .iter()
            .find(|a| text(a, &["type"]) == kind);
        Value::from(found.map_or("<none>", |a| text(a, &["address"])))
    };
    let kernel = match (
        p.text_or(&["status", "nodeInfo", "kernelVersion"], "<unknown>"),
        p.text(&["status", "nodeInfo", "architecture"]),
    ) {
        (kernel, "") => kernel.to_owned(),
        (kernel, architecture) => format!("{kernel} ({architecture})"),
    };
    let info = |key: &str| Value::from(p.text_or(&["status", "nodeInfo", key], "<unknown>"));
    vec![
        p.name(),
        status.into(),
        if roles.is_empty() {
            "<none>".to_owned()
        } else {
            roles.join(",")
        }
        .into(),
        p.age(),
        p.text(&["status", "nodeInfo", "kubeletVersion"]).into(),
        address("InternalIP"),
        address("ExternalIP"),
        info("osImage"),
        kernel.into(),
        info("containerRuntimeVersion"),
    ]
}

pub(in crate::kinds::builtin) fn event(p: &Printer<'_>) -> Vec<Value> {
    // Events of both groups, each with its own names.
    let either = |a: &[&str], b: &[&str]| if p.at(a).is_null() { p.at(b) } else { p.at(a) };
    let about = either(&["involvedObject"], &["regarding"]);
    let source = either(&["source"], &["deprecatedSource"]);
    let mut first = p.since(either(&["firstTimestamp"], &["deprecatedFirstTimestamp"]));
    if first == "<unknown>" {
        first = p.since(p.at(&["eventTime"]));
    }
    let mut last = p.since(either(&["lastTimestamp"], &["deprecatedLastTimestamp"]));
    if last == "<unknown>" {
        last.clone_from(&first);
    }
    let mut count = either(&["count"], &["deprecatedCount"])
        .as_i64()
        .unwrap_or_default();
    let series = p.at(&["series"]);
    if series.is_object() {
        last = p.since(at(series, &["lastObservedTime"]));
        count = int(series, &["count"]);
    } else if count == 0 {
        count = 1;
    }
    let kind = text(about, &["kind"]).to_lowercase();
    let target = match text(about, &["name"]) {
        "" => kind,
        name => format!("{kind}/{name}"),
    };
    let component = match text(source, &["component"]) {
        "" => either(&["reportingComponent"], &["reportingController"])
            .as_str()
            .unwrap_or_default(),
        component => component,
    };
    let host = match text(source, &["host"]) {
        "" => p.text(&["reportingInstance"]),
        host => host,
    };
    let from = if host.is_empty() {
        component.to_owned()
    } else {
        format!("{component}, {host}")
    };
    let message = either(&["message"], &["note"])
        .as_str()
        .unwrap_or_default()
        .trim();
    vec![
        last.into(),
        p.text(&["type"]).into(),
        p.text(&["reason"]).into(),
        target.into(),
        text(about, &["fieldPath"]).into(),
        from.into(),
        message.into(),
        first.into(),
        count.into(),
        p.name(),
    ]
}

fn access_modes(modes: &[Value]) -> String {
    let has = |mode: &str| modes.iter().any(|m| m == mode);
    [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ]
    .into_iter()
    .filter(|(mode, _)| has(mode))
    .map(|(_, short)| short)
    .collect::<Vec<_>>()
    .join(",")
}

fn class(p: &Printer<'_>) -> Value {
    p.text_or(
        &[
            "metadata",
            "annotations",
            "volume.beta.kubernetes.io/storage-class",
        ],
        p.text(&["spec", "storageClassName"]),
    )
    .into()
}

pub(in crate::kinds::builtin) fn persistent_volume(p: &Printer<'_>) -> Vec<Value> {
    let claim = p.at(&["spec", "claimRef"]);
    let claim = if claim.is_object() {
        format!("{}/{}", text(claim, &["namespace"]), text(claim, &["name"]))
    } else {
        String::new()
    };
    let phase = if p.is_terminating() {
        "Terminating"
    } else {
        p.text(&["status", "phase"])
    };
    vec![
        p.name(),
        p.text_or(&["spec", "capacity", "storage"], "0").into(),
        access_modes(p.items(&["spec", "accessModes"])).into(),
        p.text(&["spec", "persistentVolumeReclaimPolicy"]).into(),
        phase.into(),
        claim.into(),
        class(p),
        p.text_or(&["spec", "volumeAttributesClassName"], "<unset>")
            .into(),
        p.text(&["status", "reason"]).into(),
        p.age(),
        p.text_or(&["spec", "volumeMode"], "<unset>").into(),
    ]
}

pub(in crate::kinds::builtin) fn claim(p: &Printer<'_>) -> Vec<Value> {
    let bound = !p.text(&["spec", "volumeName"]).is_empty();
    let (capacity, modes) = if bound {
        (
            p.text_or(&["status", "capacity", "storage"], "0"),
            access_modes(p.items(&["status", "accessModes"])),
        )
    } else {
        ("", String::new())
    };
    let phase = if p.is_terminating() {
        "Terminating"
    } else {
        p.text(&["status", "phase"])
    };
    vec![
        p.name(),
        phase.into(),
        p.text(&["spec", "volumeName"]).into(),
        capacity.into(),
        modes.into(),
        class(p),
        p.text_or(&["spec", "volumeAttributesClassName"], "<unset>")
            .into(),
        p.age(),
        p.text_or(&["spec", "volumeMode"], "<unset>").into(),
    ]
}

pub(in crate::kinds::builtin) fn quota(p: &Printer<'_>) -> Vec<Value> {
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    for (key, hard) in members(p.object, &["status", "hard"]) {
        let used = p.text_or(&["status", "used", key], "0");
        let entry = format!("{key}: {used}/{}", hard.as_str().unwrap_or("0"));
        if key.starts_with("limits") {
            limits.push(entry);
        } else {
            requests.push(entry);
        }
    }
    vec![
        p.name(),
        json!(requests.join(", ")),
        json!(limits.join(", ")),
        p.age(),
    ]
}

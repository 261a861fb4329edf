//! Rows of the remaining groups.

use serde_json::Value;

use super::{Printer, balancer, with_more};
use crate::kinds::builtin::times;
use crate::kinds::builtin::values::{at, int, is_set, items, text};

pub(in crate::kinds::builtin) fn cells_ingress_class(p: &Printer<'_>) -> Vec<Value> {
    let parameters = p.at(&["spec", "parameters"]);
    let parameters = if parameters.is_object() {
        let group = text(parameters, &["apiGroup"]);
        let dot = if group.is_empty() { "" } else { "." };
        format!(
            "{}{dot}{group}/{}",
            text(parameters, &["kind"]),
            text(parameters, &["name"])
        )
    } else {
        "<none>".into()
    };
    vec![
        p.name(),
        p.text(&["spec", "controller"]).into(),
        parameters.into(),
        p.age(),
    ]
}

pub(in crate::kinds::builtin) fn cells_ip_address(p: &Printer<'_>) -> Vec<Value> {
    let parent = p.at(&["spec", "parentRef"]);
    let group = text(parent, &["group"]);
    let mut shown = text(parent, &["resource"]).to_owned();
    if !group.is_empty() {
        shown = format!("{shown}.{group}");
    }
    for key in ["namespace", "name"] {
        if !text(parent, &[key]).is_empty() {
            shown = format!("{shown}/{}", text(parent, &[key]));
        }
    }
    vec![p.name(), shown.into(), p.age()]
}

pub(in crate::kinds::builtin) fn cells_volume_attributes_class(p: &Printer<'_>) -> Vec<Value> {
    vec![p.name(), p.text(&["driverName"]).into(), p.age()]
}

pub(in crate::kinds::builtin) fn cells_volume_attachment(p: &Printer<'_>) -> Vec<Value> {
    vec![
        p.name(),
        p.text(&["spec", "attacher"]).into(),
        p.text(&["spec", "source", "persistentVolumeName"]).into(),
        p.text(&["spec", "nodeName"]).into(),
        p.flag(&["status", "attached"]).into(),
        p.age(),
    ]
}

pub(in crate::kinds::builtin) fn cells_priority_class(p: &Printer<'_>) -> Vec<Value> {
    vec![
        p.name(),
        p.number(&["value"]),
        p.flag(&["globalDefault"]).into(),
        p.age(),
        p.text(&["preemptionPolicy"]).into(),
    ]
}

pub(in crate::kinds::builtin) fn cells_mutating_webhook_configuration(
    p: &Printer<'_>,
) -> Vec<Value> {
    vec![p.name(), p.items(&["webhooks"]).len().into(), p.age()]
}

pub(in crate::kinds::builtin) fn admission_policy(p: &Printer<'_>, rules: &str) -> Vec<Value> {
    let kind = p.at(&["spec", "paramKind"]);
    let kind = if kind.is_object() {
        format!("{}/{}", text(kind, &["apiVersion"]), text(kind, &["kind"]))
    } else {
        "<unset>".into()
    };
    vec![
        p.name(),
        p.items(&["spec", rules]).len().into(),
        kind.into(),
        p.age(),
    ]
}

pub(in crate::kinds::builtin) fn cells_validating_admission_policy_binding(
    p: &Printer<'_>,
) -> Vec<Value> {
    let parameter = p.at(&["spec", "paramRef"]);
    let parameter = match (
        parameter.is_object(),
        text(parameter, &["namespace"]),
        text(parameter, &["name"]),
    ) {
        (false, ..) => "<unset>".into(),
        (true, "", "") => "*".to_owned(),
        (true, namespace, "") => format!("{namespace}/*"),
        (true, "", name) => format!("*/{name}"),
        (true, namespace, name) => format!("{namespace}/{name}"),
    };
    vec![
        p.name(),
        p.text(&["spec", "policyName"]).into(),
        parameter.into(),
        p.age(),
    ]
}

pub(in crate::kinds::builtin) fn cells_resource_claim(p: &Printer<'_>) -> Vec<Value> {
    let mut states: Vec<&str> = Vec::new();
    if p.is_terminating() {
        states.push("deleted");
    }
    if is_set(p.object, &["status", "allocation"]) {
        states.push("allocated");
    } else if !p.is_terminating() {
        states.push("pending");
    }
    if !p.items(&["status", "reservedFor"]).is_empty() {
        states.push("reserved");
    }
    vec![p.name(), states.join(",").into(), p.age()]
}

pub(in crate::kinds::builtin) fn cells_resource_slice(p: &Printer<'_>) -> Vec<Value> {
    vec![
        p.name(),
        p.text(&["spec", "nodeName"]).into(),
        p.text(&["spec", "driver"]).into(),
        p.text(&["spec", "pool", "name"]).into(),
        p.age(),
    ]
}

pub(in crate::kinds::builtin) fn joined(list: &[Value], separator: &str) -> String {
    list.iter()
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join(separator)
}

pub(in crate::kinds::builtin) fn ingress(p: &Printer<'_>) -> Vec<Value> {
    let rules = p.items(&["spec", "rules"]);
    let hosts: Vec<String> = rules
        .iter()
        .take(3)
        .map(|r| text(r, &["host"]).to_owned())
        .filter(|host| !host.is_empty())
        .collect();
    let hosts = match (hosts.is_empty(), rules.len() > 3) {
        (true, _) => "*".to_owned(),
        (false, false) => hosts.join(","),
        (false, true) => format!("{} + {} more...", hosts.join(","), rules.len() - 3),
    };
    vec![
        p.name(),
        p.text_or(&["spec", "ingressClassName"], "<none>").into(),
        hosts.into(),
        balancer(p.items(&["status", "loadBalancer", "ingress"])).into(),
        if p.items(&["spec", "tls"]).is_empty() {
            "80"
        } else {
            "80, 443"
        }
        .into(),
        p.age(),
    ]
}

pub(in crate::kinds::builtin) fn binding(p: &Printer<'_>) -> Vec<Value> {
    let of = |kind: &str| -> Value {
        let names: Vec<String> = p
            .items(&["subjects"])
            .iter()
            .filter(|s| text(s, &["kind"]) == kind)
            .map(|s| match (kind, text(s, &["namespace"])) {
                ("ServiceAccount", "") => format!("/{}", text(s, &["name"])),
                ("ServiceAccount", namespace) => format!("{namespace}/{}", text(s, &["name"])),
                _ => text(s, &["name"]).to_owned(),
            })
            .collect();
        names.join(", ").into()
    };
    let role = format!(
        "{}/{}",
        p.text(&["roleRef", "kind"]),
        p.text(&["roleRef", "name"])
    );
    vec![
        p.name(),
        role.into(),
        p.age(),
        of("User"),
        of("Group"),
        of("ServiceAccount"),
    ]
}

pub(in crate::kinds::builtin) fn signing_request(p: &Printer<'_>) -> Vec<Value> {
    let has = |kind: &str| {
        p.items(&["status", "conditions"])
            .iter()
            .any(|c| text(c, &["type"]) == kind)
    };
    let mut status = if has("Denied") {
        "Denied"
    } else if has("Approved") {
        "Approved"
    } else {
        "Pending"
    }
    .to_owned();
    if has("Failed") {
        status.push_str(",Failed");
    }
    if !p.text(&["status", "certificate"]).is_empty() {
        status.push_str(",Issued");
    }
    let duration = p
        .at(&["spec", "expirationSeconds"])
        .as_i64()
        .map_or("<none>".to_owned(), times::human_duration);
    vec![
        p.name(),
        p.age(),
        p.text_or(&["spec", "signerName"], "<none>").into(),
        p.text(&["spec", "username"]).into(),
        duration.into(),
        status.into(),
    ]
}

pub(in crate::kinds::builtin) fn storage_class(p: &Printer<'_>) -> Vec<Value> {
    let mut name = p.text(&["metadata", "name"]).to_owned();
    let marks = [
        "storageclass.kubernetes.io/is-default-class",
        "storageclass.beta.kubernetes.io/is-default-class",
    ];
    if marks
        .iter()
        .any(|mark| p.text(&["metadata", "annotations", mark]) == "true")
    {
        name.push_str(" (default)");
    }
    vec![
        name.into(),
        p.text(&["provisioner"]).into(),
        p.text_or(&["reclaimPolicy"], "Delete").into(),
        p.text_or(&["volumeBindingMode"], "Immediate").into(),
        p.flag(&["allowVolumeExpansion"]).into(),
        p.age(),
    ]
}

pub(in crate::kinds::builtin) fn csi_driver(p: &Printer<'_>) -> Vec<Value> {
    let flag =
        |key: &str, default: bool| Value::Bool(p.at(&["spec", key]).as_bool().unwrap_or(default));
    let audiences: Vec<&str> = p
        .items(&["spec", "tokenRequests"])
        .iter()
        .map(|t| text(t, &["audience"]))
        .collect();
    let modes = joined(p.items(&["spec", "volumeLifecycleModes"]), ",");
    vec![
        p.name(),
        flag("attachRequired", true),
        flag("podInfoOnMount", false),
        flag("storageCapacity", false),
        if audiences.is_empty() {
            "<unset>".to_owned()
        } else {
            audiences.join(",")
        }
        .into(),
        flag("requiresRepublish", false),
        if modes.is_empty() {
            "<none>".to_owned()
        } else {
            modes
        }
        .into(),
        p.age(),
    ]
}

pub(in crate::kinds::builtin) fn endpoint_slice(p: &Printer<'_>) -> Vec<Value> {
    let unset = |text: String| {
        if text.is_empty() {
            "<unset>".to_owned()
        } else {
            text
        }
    };
    let ports: Vec<String> = p
        .items(&["ports"])
        .iter()
        .map(|port| match at(port, &["port"]).as_i64() {
            Some(number) => number.to_string(),
            None => match text(port, &["name"]) {
                "" => "*".to_owned(),
                name => name.to_owned(),
            },
        })
        .collect();
    let addresses: Vec<String> = p
        .items(&["endpoints"])
        .iter()
        .flat_map(|endpoint| items(endpoint, &["addresses"]))
        .filter_map(|address| address.as_str().map(str::to_owned))
        .collect();
    vec![
        p.name(),
        p.text(&["addressType"]).into(),
        unset(with_more(&ports, 3)).into(),
        unset(with_more(&addresses, 3)).into(),
        p.age(),
    ]
}

pub(in crate::kinds::builtin) fn flow_schema(p: &Printer<'_>) -> Vec<Value> {
    let dangling = p
        .items(&["status", "conditions"])
        .iter()
        .find(|c| text(c, &["type"]) == "Dangling");
    vec![
        p.name(),
        p.text(&["spec", "priorityLevelConfiguration", "name"])
            .into(),
        p.number(&["spec", "matchingPrecedence"]),
        p.text_or(&["spec", "distinguisherMethod", "type"], "<none>")
            .into(),
        p.age(),
        dangling.map_or("?", |c| text(c, &["status"])).into(),
    ]
}

pub(in crate::kinds::builtin) fn priority_level(p: &Printer<'_>) -> Vec<Value> {
    let number = |path: &[&str]| match p.at(path) {
        Value::Number(n) => Value::Number(n.clone()),
        _ => "<none>".into(),
    };
    let queuing = |key: &str| match p.at(&["spec", "limited", "limitResponse", "queuing"]) {
        Value::Object(_) => Value::from(int(
            p.object,
            &["spec", "limited", "limitResponse", "queuing", key],
        )),
        _ => "<none>".into(),
    };
    vec![
        p.name(),
        p.text(&["spec", "type"]).into(),
        number(&["spec", "limited", "nominalConcurrencyShares"]),
        queuing("queues"),
        queuing("handSize"),
        queuing("queueLengthLimit"),
        p.age(),
    ]
}

pub(in crate::kinds::builtin) fn api_service(p: &Printer<'_>) -> Vec<Value> {
    let service = p.at(&["spec", "service"]);
    let service = if service.is_object() {
        format!(
            "{}/{}",
            text(service, &["namespace"]),
            text(service, &["name"])
        )
    } else {
        "Local".into()
    };
    let available = p
        .items(&["status", "conditions"])
        .iter()
        .find(|c| text(c, &["type"]) == "Available");
    let available = match available {
        Some(c) if text(c, &["status"]) == "True" => "True".to_owned(),
        Some(c) => format!("{} ({})", text(c, &["status"]), text(c, &["reason"])),
        None => "Unknown".into(),
    };
    vec![p.name(), service.into(), available.into(), p.age()]
}

//! Config maps, secrets, services, quotas, limit ranges, namespaces, nodes, endpoints, service accounts.

use serde_json::Value;

use super::events;
use super::pods::{self, is_standard_resource};
use super::rules::{
    Faults, IMMUTABLE, amount, config_key_faults, in_range, invalid_internal, ip, labels,
    maybe_one_of, one_of, port, port_or_name, resource_name, same, texts,
};
use crate::kubernetes::builtin::base64;
use crate::kubernetes::builtin::quantity::Quantity;
use crate::kubernetes::builtin::values::{at, int, is_set, items, members, text, truth};
use crate::kubernetes::meta::{label_faults, qualified_name_faults, subdomain_faults};
use crate::kubernetes::serve::strategy::Context;
use crate::kubernetes::status::FieldError;

pub(super) fn create(
    faults: &mut Faults,
    name: &str,
    context: &Context<'_>,
    object: &Value,
) -> bool {
    match name {
        "core.v1.Pod" => pods::create(faults, object),
        "core.v1.ConfigMap" => config_map(faults, object),
        "core.v1.Secret" => secret(faults, object),
        "core.v1.Service" => service(faults, object),
        "core.v1.ResourceQuota" => quota(faults, object),
        "core.v1.LimitRange" => limit_range(faults, object),
        "core.v1.Namespace" => namespace(faults, object),
        "core.v1.Node" => node(faults, object),
        "core.v1.Endpoints" => endpoints(faults, object),
        "core.v1.Event" | "events.v1.Event" => {
            faults.extend(events::create(name, context, object));
        }
        "core.v1.ServiceAccount" => {}
        _ => return false,
    }
    true
}

pub(super) fn update(
    faults: &mut Faults,
    name: &str,
    context: &Context<'_>,
    new: &Value,
    old: &Value,
) -> bool {
    match name {
        "core.v1.ConfigMap" => {
            immutable_data(faults, new, old, &["data", "binaryData"]);
            config_map(faults, new);
        }
        "core.v1.Secret" => {
            if text(new, &["type"]) != text(old, &["type"]) {
                faults.push(FieldError::invalid_text(
                    "type",
                    text(new, &["type"]),
                    IMMUTABLE,
                ));
            }
            immutable_data(faults, new, old, &["data"]);
            secret(faults, new);
        }
        "core.v1.Service" => {
            service_update(faults, new, old);
            service(faults, new);
        }
        "core.v1.Namespace" => {}
        "core.v1.ResourceQuota" => {
            quota(faults, new);
            if !same(new, old, &["spec", "scopes"]) {
                faults.push(FieldError::invalid(
                    "spec.scopes",
                    at(new, &["spec", "scopes"]),
                    IMMUTABLE,
                ));
            }
        }
        "core.v1.Node" => node_update(faults, new, old),
        "core.v1.Event" | "events.v1.Event" => {
            faults.extend(events::update(name, context, new, old));
        }
        _ => return create(faults, name, context, new),
    }
    true
}

pub(super) fn status(faults: &mut Faults, name: &str, new: &Value, _old: &Value) {
    if name == "core.v1.Service"
        && text(new, &["spec", "type"]) != "LoadBalancer"
        && !items(new, &["status", "loadBalancer", "ingress"]).is_empty()
    {
        faults.push(FieldError::forbidden(
            "status.loadBalancer.ingress",
            "may only be used when `spec.type` is 'LoadBalancer'",
        ));
    }
    if name == "core.v1.Namespace" {
        let terminating = is_set(new, &["metadata", "deletionTimestamp"]);
        let phase = text(new, &["status", "phase"]);
        if terminating && phase != "Terminating" {
            faults.push(FieldError::invalid_text(
                "status.Phase",
                phase,
                "may only be 'Terminating' if `deletionTimestamp` is not empty",
            ));
        } else if !terminating && phase != "Active" {
            faults.push(FieldError::invalid_text(
                "status.Phase",
                phase,
                "may only be 'Active' if `deletionTimestamp` is empty",
            ));
        }
    }
}

/// What `immutable: true` keeps as it is, itself included.
fn immutable_data(faults: &mut Faults, new: &Value, old: &Value, keys: &[&str]) {
    if !truth(old, &["immutable"]) {
        return;
    }
    let message = "field is immutable when `immutable` is set";
    if !truth(new, &["immutable"]) {
        faults.push(FieldError::forbidden("immutable", message));
    }
    for key in keys {
        if !same(new, old, &[key]) {
            faults.push(FieldError::forbidden(*key, message));
        }
    }
}

fn data_size(object: &Value, key: &str, encoded: bool) -> usize {
    members(object, &[key])
        .into_iter()
        .map(|(_, value)| {
            let text = value.as_str().unwrap_or_default();
            if encoded {
                base64::decode(text).map_or(0, |bytes| bytes.len())
            } else {
                text.len()
            }
        })
        .sum()
}

/// Data of a ConfigMap or a Secret may be 1 MiB.
const MOST_DATA: usize = 1 << 20;

fn config_map(faults: &mut Faults, object: &Value) {
    for (key, _) in members(object, &["data"]) {
        texts(faults, &format!("data[{key}]"), key, config_key_faults(key));
        if is_set(object, &["binaryData", key]) {
            faults.push(FieldError::invalid_text(
                format!("data[{key}]"),
                key,
                "duplicate of key present in binaryData",
            ));
        }
    }
    for (key, _) in members(object, &["binaryData"]) {
        texts(
            faults,
            &format!("binaryData[{key}]"),
            key,
            config_key_faults(key),
        );
    }
    if data_size(object, "data", false) + data_size(object, "binaryData", true) > MOST_DATA {
        faults.push(FieldError::too_long("", MOST_DATA));
    }
}

fn secret(faults: &mut Faults, object: &Value) {
    for (key, _) in members(object, &["data"]) {
        texts(faults, &format!("data[{key}]"), key, config_key_faults(key));
    }
    if data_size(object, "data", true) > MOST_DATA {
        faults.push(FieldError::too_long("data", MOST_DATA));
    }
    let has = |key: &str| is_set(object, &["data", key]);
    let missing = |faults: &mut Faults, key: &str| {
        if !has(key) {
            faults.push(FieldError::required(format!("data[{key}]"), ""));
        }
    };
    match text(object, &["type"]) {
        "kubernetes.io/service-account-token"
            if text(
                object,
                &[
                    "metadata",
                    "annotations",
                    "kubernetes.io/service-account.name",
                ],
            )
            .is_empty() =>
        {
            faults.push(FieldError::required(
                "metadata.annotations[kubernetes.io/service-account.name]",
                "",
            ));
        }
        kind @ ("kubernetes.io/dockercfg" | "kubernetes.io/dockerconfigjson") => {
            let key = if kind.ends_with("json") {
                ".dockerconfigjson"
            } else {
                ".dockercfg"
            };
            missing(faults, key);
            let bytes = base64::decode(text(object, &["data", key])).unwrap_or_default();
            if has(key) && serde_json::from_slice::<serde_json::Map<String, Value>>(&bytes).is_err()
            {
                let why = crate::kubernetes::ordered::Node::parse(&bytes).err();
                let why = why.unwrap_or_else(|| {
                    "json: cannot unmarshal into Go value of type map[string]interface {}".into()
                });
                faults.push(FieldError::new(
                    "FieldValueInvalid",
                    format!("data[{key}]"),
                    format!("Invalid value: \"<secret contents redacted>\": {why}"),
                ));
            }
        }
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => {
            missing(faults, "username");
            missing(faults, "password");
        }
        "kubernetes.io/ssh-auth" if text(object, &["data", "ssh-privatekey"]).is_empty() => {
            faults.push(FieldError::required("data[ssh-privatekey]", ""));
        }
        "kubernetes.io/tls" => {
            missing(faults, "tls.crt");
            missing(faults, "tls.key");
        }
        _ => {}
    }
}

fn service(faults: &mut Faults, object: &Value) {
    let spec = at(object, &["spec"]);
    let kind = text(spec, &["type"]);
    let headless = text(spec, &["clusterIP"]) == "None";
    let ports = items(spec, &["ports"]);
    if ports.is_empty() && !headless && kind != "ExternalName" {
        faults.push(FieldError::required("spec.ports", ""));
    }
    match kind {
        "LoadBalancer" if headless => {
            faults.push(FieldError::invalid(
                "spec.clusterIPs[0]",
                at(spec, &["clusterIPs", "0"]),
                "may not be set to 'None' for LoadBalancer services",
            ));
        }
        "NodePort" if headless => {
            faults.push(FieldError::invalid_text(
                "spec.clusterIPs[0]",
                "None",
                "may not be set to 'None' for NodePort services",
            ));
        }
        "ExternalName" => {
            if !text(spec, &["clusterIP"]).is_empty() {
                faults.push(FieldError::forbidden(
                    "spec.clusterIPs",
                    "may not be set for ExternalName services",
                ));
            }
            let name = text(spec, &["externalName"]);
            let bare = name.strip_suffix('.').unwrap_or(name);
            if name.is_empty() {
                faults.push(FieldError::required("spec.externalName", ""));
            } else {
                texts(faults, "spec.externalName", bare, subdomain_faults(bare));
            }
        }
        _ => {}
    }
    service_ports(faults, ports, kind);
    labels(faults, "spec.selector", at(spec, &["selector"]));
    one_of(
        faults,
        "spec.sessionAffinity",
        text(spec, &["sessionAffinity"]),
        &["ClientIP", "None"],
    );
    if text(spec, &["sessionAffinity"]) == "ClientIP" {
        in_range_seconds(faults, spec);
    }
    let address = text(spec, &["clusterIP"]);
    if !address.is_empty() && !headless {
        ip(faults, "spec.clusterIPs[0]", address);
    }
    for (i, external) in items(spec, &["externalIPs"])
        .iter()
        .filter_map(Value::as_str)
        .enumerate()
    {
        ip(faults, &format!("spec.externalIPs[{i}]"), external);
    }
    one_of(
        faults,
        "spec.type",
        kind,
        &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"],
    );
    if kind == "ClusterIP" {
        for (i, _) in ports
            .iter()
            .enumerate()
            .filter(|(_, p)| int(p, &["nodePort"]) != 0)
        {
            faults.push(FieldError::forbidden(
                format!("spec.ports[{i}].nodePort"),
                "may not be used when `type` is 'ClusterIP'",
            ));
        }
    }
    for (i, range) in items(spec, &["loadBalancerSourceRanges"])
        .iter()
        .filter_map(Value::as_str)
        .enumerate()
    {
        if !is_cidr(range.trim()) {
            faults.push(FieldError::invalid_text(
                format!("spec.loadBalancerSourceRanges[{i}]"),
                range,
                "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
            ));
        }
    }
    if !items(spec, &["loadBalancerSourceRanges"]).is_empty() && kind != "LoadBalancer" {
        faults.push(FieldError::forbidden(
            "spec.LoadBalancerSourceRanges",
            "may only be used when `type` is 'LoadBalancer'",
        ));
    }
    let external = text(spec, &["externalTrafficPolicy"]);
    if !external.is_empty() {
        maybe_one_of(
            faults,
            "spec.externalTrafficPolicy",
            external,
            &["Cluster", "Local"],
        );
        let reachable = matches!(kind, "LoadBalancer" | "NodePort")
            || !items(spec, &["externalIPs"]).is_empty();
        if !reachable {
            faults.push(FieldError::invalid_text(
                "spec.externalTrafficPolicy",
                external,
                "may only be set for externally-accessible services",
            ));
        }
    }
    let internal = text(spec, &["internalTrafficPolicy"]);
    if !internal.is_empty() {
        maybe_one_of(
            faults,
            "spec.internalTrafficPolicy",
            internal,
            &["Cluster", "Local"],
        );
    }
    let policy = text(spec, &["ipFamilyPolicy"]);
    if !policy.is_empty() {
        maybe_one_of(
            faults,
            "spec.ipFamilyPolicy",
            policy,
            &["SingleStack", "PreferDualStack", "RequireDualStack"],
        );
    }
    for (i, family) in items(spec, &["ipFamilies"])
        .iter()
        .filter_map(Value::as_str)
        .enumerate()
    {
        maybe_one_of(
            faults,
            &format!("spec.ipFamilies[{i}]"),
            family,
            &["IPv4", "IPv6"],
        );
    }
}

fn in_range_seconds(faults: &mut Faults, spec: &Value) {
    let seconds = at(
        spec,
        &["sessionAffinityConfig", "clientIP", "timeoutSeconds"],
    );
    if seconds.as_i64().is_some_and(|n| n <= 0 || n > 86_400) {
        faults.push(FieldError::invalid(
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
            seconds,
            "must be greater than 0 and less than 86400",
        ));
    }
}

pub(super) fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let most = match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(_)) => 32,
        Ok(std::net::IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

fn service_ports(faults: &mut Faults, ports: &[Value], kind: &str) {
    let mut names: Vec<&str> = Vec::new();
    for (i, entry) in ports.iter().enumerate() {
        let path = format!("spec.ports[{i}]");
        let name = text(entry, &["name"]);
        if name.is_empty() {
            if ports.len() > 1 {
                faults.push(FieldError::required(format!("{path}.name"), ""));
            }
        } else {
            texts(faults, &format!("{path}.name"), name, label_faults(name));
            if names.contains(&name) {
                faults.push(FieldError::duplicate(format!("{path}.name"), &name.into()));
            }
            names.push(name);
        }
        if int(entry, &["port"]) == 0 {
            faults.push(FieldError::invalid(
                format!("{path}.port"),
                &0.into(),
                "must be between 1 and 65535, inclusive",
            ));
        } else {
            port(faults, &format!("{path}.port"), at(entry, &["port"]));
        }
        one_of(
            faults,
            &format!("{path}.protocol"),
            text(entry, &["protocol"]),
            &["SCTP", "TCP", "UDP"],
        );
        port_or_name(
            faults,
            &format!("{path}.targetPort"),
            at(entry, &["targetPort"]),
        );
    }
    let key = |p: &Value, field: &str| (text(p, &["protocol"]).to_owned(), int(p, &[field]));
    for (i, entry) in ports.iter().enumerate() {
        let repeated = |field: &str| {
            ports
                .iter()
                .take(i)
                .any(|before| key(before, field) == key(entry, field))
        };
        if kind != "ClusterIP" && int(entry, &["nodePort"]) != 0 && repeated("nodePort") {
            faults.push(FieldError::duplicate(
                format!("spec.ports[{i}].nodePort"),
                at(entry, &["nodePort"]),
            ));
        }
        if repeated("port") {
            let shown = invalid_internal("", "core.v1.ServicePort", &port_key(entry), "").message;
            let shown = shown
                .trim_start_matches("Invalid value: ")
                .trim_end_matches(": ")
                .to_owned();
            faults.push(FieldError::new(
                "FieldValueDuplicate",
                format!("spec.ports[{i}]"),
                format!("Duplicate value: {shown}"),
            ));
        }
        let node_port = int(entry, &["nodePort"]);
        if node_port != 0 && kind != "ClusterIP" && !(30_000..=32_767).contains(&node_port) {
            faults.push(FieldError::invalid(
                format!("spec.ports[{i}].nodePort"),
                at(entry, &["nodePort"]),
                "provided port is not in the valid range. The range of valid ports is 30000-32767",
            ));
        }
    }
}

fn port_key(entry: &Value) -> Value {
    serde_json::json!({"protocol": text(entry, &["protocol"]), "port": int(entry, &["port"]), "targetPort": 0})
}

fn service_update(faults: &mut Faults, new: &Value, old: &Value) {
    let kinds = (text(new, &["spec", "type"]), text(old, &["spec", "type"]));
    let (new_ip, old_ip) = (
        text(new, &["spec", "clusterIP"]),
        text(old, &["spec", "clusterIP"]),
    );
    if kinds.0 != "ExternalName"
        && kinds.1 != "ExternalName"
        && !old_ip.is_empty()
        && new_ip != old_ip
    {
        faults.push(FieldError::invalid(
            "spec.clusterIPs[0]",
            at(new, &["spec", "clusterIPs"]),
            "may not change once set",
        ));
    }
}

fn quota(faults: &mut Faults, object: &Value) {
    for (name, value) in members(object, &["spec", "hard"]) {
        let path = format!("spec.hard[{name}]");
        resource_name(faults, &path, name);
        if !name.contains('/') && !is_standard_resource(name) {
            faults.push(FieldError::invalid_text(
                &path,
                name,
                "must be a standard resource for quota",
            ));
        }
        let counted = name.starts_with("count/")
            || matches!(
                name,
                "pods"
                    | "services"
                    | "replicationcontrollers"
                    | "secrets"
                    | "configmaps"
                    | "persistentvolumeclaims"
                    | "resourcequotas"
                    | "services.nodeports"
                    | "services.loadbalancers"
            );
        if amount(faults, &path, value).is_some_and(|q| counted && !q.is_whole()) {
            faults.push(FieldError::invalid(path, value, "must be an integer"));
        }
    }
    for scope in items(object, &["spec", "scopes"])
        .iter()
        .filter_map(Value::as_str)
    {
        if !matches!(
            scope,
            "Terminating"
                | "NotTerminating"
                | "BestEffort"
                | "NotBestEffort"
                | "PriorityClass"
                | "CrossNamespacePodAffinity"
                | "VolumeAttributesClass"
        ) {
            faults.push(FieldError::invalid(
                "spec.scopes",
                at(object, &["spec", "scopes"]),
                "unsupported scope",
            ));
        }
    }
}

fn limit_range(faults: &mut Faults, object: &Value) {
    let mut kinds: Vec<&str> = Vec::new();
    for (i, limit) in items(object, &["spec", "limits"]).iter().enumerate() {
        let path = format!("spec.limits[{i}]");
        let kind = text(limit, &["type"]);
        texts(
            faults,
            &format!("{path}.type"),
            kind,
            qualified_name_faults(kind),
        );
        if kinds.contains(&kind) {
            faults.push(FieldError::duplicate(format!("{path}.type"), &kind.into()));
        }
        kinds.push(kind);
        for what in [
            "max",
            "min",
            "default",
            "defaultRequest",
            "maxLimitRequestRatio",
        ] {
            for (name, _) in members(limit, &[what]) {
                if kind == "Pod" && matches!(what, "default" | "defaultRequest") {
                    continue;
                }
                resource_name(faults, &format!("{path}.{what}[{name}]"), name);
            }
            if kind == "Pod"
                && matches!(what, "default" | "defaultRequest")
                && !members(limit, &[what]).is_empty()
            {
                faults.push(FieldError::forbidden(
                    format!("{path}.{what}"),
                    "may not be specified when `type` is 'Pod'",
                ));
            }
        }
        if kind == "PersistentVolumeClaim"
            && !is_set(limit, &["min", "storage"])
            && !is_set(limit, &["max", "storage"])
        {
            faults.push(FieldError::required(
                format!("{path}.limits"),
                "either minimum or maximum storage value is required, but neither was provided",
            ));
        }
        let parsed = |what: &str, name: &str| Quantity::parse(text(limit, &[what, name])).ok();
        let mut names: Vec<&str> = ["max", "min", "default", "defaultRequest"]
            .iter()
            .flat_map(|w| members(limit, &[w]))
            .map(|(n, _)| n)
            .collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let pairs = [
                ("min", "max", "min value"),
                ("min", "default", "min value"),
                ("min", "defaultRequest", "min value"),
                ("default", "max", "default value"),
                ("defaultRequest", "default", "default request value"),
                ("defaultRequest", "max", "default request value"),
            ];
            for (small, big, word) in pairs {
                if let (Some(a), Some(b)) = (parsed(small, name), parsed(big, name))
                    && a.compare(&b).is_gt()
                {
                    let big_word = match big {
                        "max" => "max value",
                        "default" => "default limit value",
                        _ => "default request value",
                    };
                    let (field, shown) = match (small, big) {
                        ("min", "default" | "defaultRequest") => (big, b.to_string()),
                        _ => (small, a.to_string()),
                    };
                    faults.push(FieldError::invalid_text(
                        format!("{path}.{field}[{name}]"),
                        &shown,
                        format!("{word} {a} is greater than {big_word} {b}"),
                    ));
                }
            }
        }
    }
}

fn namespace(faults: &mut Faults, object: &Value) {
    for finalizer in items(object, &["spec", "finalizers"])
        .iter()
        .filter_map(Value::as_str)
    {
        texts(
            faults,
            "spec.finalizers",
            finalizer,
            qualified_name_faults(finalizer),
        );
    }
}

fn node(faults: &mut Faults, object: &Value) {
    taints(faults, object);
    for (i, cidr) in items(object, &["spec", "podCIDRs"])
        .iter()
        .filter_map(Value::as_str)
        .enumerate()
    {
        if !is_cidr(cidr) {
            faults.push(FieldError::invalid_text(
                format!("spec.podCIDRs[{i}]"),
                cidr,
                "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
            ));
        }
    }
}

fn taints(faults: &mut Faults, object: &Value) {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for (i, taint) in items(object, &["spec", "taints"]).iter().enumerate() {
        let path = format!("spec.taints[{i}]");
        let (key, effect) = (text(taint, &["key"]), text(taint, &["effect"]));
        texts(
            faults,
            &format!("{path}.key"),
            key,
            qualified_name_faults(key),
        );
        let value = text(taint, &["value"]);
        texts(
            faults,
            &format!("{path}.value"),
            value,
            crate::kubernetes::meta::label_value_faults(value),
        );
        if effect.is_empty() {
            faults.push(FieldError::required(format!("{path}.effect"), ""));
        } else {
            maybe_one_of(
                faults,
                &format!("{path}.effect"),
                effect,
                &["NoSchedule", "PreferNoSchedule", "NoExecute"],
            );
        }
        if seen.contains(&(key, effect)) {
            faults.push(FieldError::new(
                "FieldValueDuplicate",
                path,
                format!("Duplicate value: {}", super::rules::shown_map(taint)),
            ));
        }
        seen.push((key, effect));
    }
}

fn node_update(faults: &mut Faults, new: &Value, old: &Value) {
    node(faults, new);
    for key in ["providerID", "podCIDRs"] {
        if is_set(old, &["spec", key]) && !same(new, old, &["spec", key]) {
            let message = if key == "providerID" {
                "node updates may not change providerID except from \"\" to valid"
            } else {
                "node updates may not change podCIDR except from \"\" to valid"
            };
            faults.push(FieldError::forbidden(format!("spec.{key}"), message));
        }
    }
}

fn endpoints(faults: &mut Faults, object: &Value) {
    for (i, subset) in items(object, &["subsets"]).iter().enumerate() {
        let path = format!("subsets[{i}]");
        let (ready, pending) = (
            items(subset, &["addresses"]),
            items(subset, &["notReadyAddresses"]),
        );
        if ready.is_empty() && pending.is_empty() {
            faults.push(FieldError::required(
                &path,
                "must specify `addresses` or `notReadyAddresses`",
            ));
        }
        for (list, addresses) in [("addresses", ready), ("notReadyAddresses", pending)] {
            for (j, address) in addresses.iter().enumerate() {
                ip(
                    faults,
                    &format!("{path}.{list}[{j}].ip"),
                    text(address, &["ip"]),
                );
            }
        }
        let ports = items(subset, &["ports"]);
        for (j, entry) in ports.iter().enumerate() {
            let path = format!("{path}.ports[{j}]");
            let name = text(entry, &["name"]);
            if ports.len() > 1 && name.is_empty() {
                faults.push(FieldError::required(format!("{path}.name"), ""));
            } else if !name.is_empty() {
                texts(faults, &format!("{path}.name"), name, label_faults(name));
            }
            in_range(
                faults,
                &format!("{path}.port"),
                at(entry, &["port"]),
                1,
                65_535,
            );
            one_of(
                faults,
                &format!("{path}.protocol"),
                text(entry, &["protocol"]),
                &["SCTP", "TCP", "UDP"],
            );
        }
    }
}

//! Services: ports, addresses, traffic policies, load balancers.

use std::collections::HashSet;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::endpoints::endpoint_ip;
use super::rules::{
    Faults, app_protocol, cidr, int, ip, is_address, labels, maybe_one_of, named, one_of, port,
    port_and_protocol, port_or_name, texts,
};
use crate::kinds::builtin::internal_form::internal_json;
use crate::kinds::builtin::values::{at, is_set, items, members, text};
use crate::model::meta::{label_faults, qualified_name_faults, subdomain_faults};
use crate::model::status::FieldError;

const FAMILIES: [&str; 2] = ["IPv4", "IPv6"];

fn is_headless(spec: &Value) -> bool {
    matches!(items(spec, &["clusterIPs"]), [only] if only == "None")
}

/// Whether the world reaches the service.
fn is_external(spec: &Value) -> bool {
    let kind = text(spec, &["type"]);
    matches!(kind, "LoadBalancer" | "NodePort")
        || (kind == "ClusterIP" && !items(spec, &["externalIPs"]).is_empty())
}

fn needs_health_check(spec: &Value) -> bool {
    text(spec, &["type"]) == "LoadBalancer" && text(spec, &["externalTrafficPolicy"]) == "Local"
}

/// A new service: its addresses are looked at before all else, as they are given out first.
pub(in crate::kinds::builtin) fn create(faults: &mut Faults, object: &Value) {
    given_out(faults, at(object, &["spec"]));
    if faults.is_empty() {
        service(faults, object);
    }
}

/// What of a service's addresses and families is wrong, or beyond the cluster: it has one family, IPv4.
fn given_out(faults: &mut Faults, spec: &Value) {
    if text(spec, &["type"]) == "ExternalName" {
        return;
    }
    addresses(faults, spec);
    if !faults.is_empty() || (is_headless(spec) && members(spec, &["selector"]).is_empty()) {
        return;
    }
    let path = "spec.ipFamilyPolicy";
    let policy = text(spec, &["ipFamilyPolicy"]);
    if policy == "SingleStack" {
        for (key, what) in [("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families")] {
            if items(spec, &[key]).len() == 2 {
                faults.push(FieldError::invalid_text(
                    path,
                    policy,
                    format!("must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"),
                ));
            }
        }
    }
    if !faults.is_empty() {
        return;
    }
    if policy == "RequireDualStack" {
        let why = "this cluster is not configured for dual-stack services";
        faults.push(FieldError::invalid_text(path, policy, why));
    }
    for (i, family) in items(spec, &["ipFamilies"]).iter().enumerate() {
        if family == "IPv6" {
            faults.push(FieldError::invalid(
                format!("spec.ipFamilies[{i}]"),
                family,
                "not configured on this cluster",
            ));
        }
    }
}

fn service(faults: &mut Faults, object: &Value) {
    let spec = at(object, &["spec"]);
    let kind = text(spec, &["type"]);
    let ports = items(spec, &["ports"]);
    if ports.is_empty() && !is_headless(spec) && kind != "ExternalName" {
        faults.push(FieldError::required("spec.ports", ""));
    }
    match kind {
        "LoadBalancer" | "NodePort" if is_headless(spec) => {
            faults.push(FieldError::invalid_text(
                "spec.clusterIPs[0]",
                "None",
                format!("may not be set to 'None' for {kind} services"),
            ));
        }
        "ExternalName" => external_name(faults, spec),
        _ => {}
    }
    service_ports(faults, ports);
    labels(faults, "spec.selector", at(spec, &["selector"]));
    affinity(faults, spec);
    if kind != "ExternalName" {
        addresses(faults, spec);
    }
    for (i, address) in items(spec, &["externalIPs"])
        .iter()
        .filter_map(Value::as_str)
        .enumerate()
    {
        let path = format!("spec.externalIPs[{i}]");
        if is_address(address) {
            endpoint_ip(faults, &path, address);
        } else {
            ip(faults, &path, address);
        }
    }
    one_of(
        faults,
        "spec.type",
        kind,
        &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"],
    );
    repeated_ports(faults, ports, kind);
    source_ranges(faults, object, spec, kind);
    let shares = is_set(spec, &["allocateLoadBalancerNodePorts"]);
    if shares && kind != "LoadBalancer" {
        faults.push(only_for_balancers("spec.allocateLoadBalancerNodePorts"));
    }
    balancer_class(faults, spec, kind);
    traffic(faults, spec, kind);
}

fn only_for_balancers(path: &str) -> FieldError {
    FieldError::forbidden(path, "may only be used when `type` is 'LoadBalancer'")
}

fn external_name(faults: &mut Faults, spec: &Value) {
    for key in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        let is_unset = match at(spec, &[key]) {
            Value::Null => true,
            Value::Array(list) => list.is_empty(),
            _ => false,
        };
        if !is_unset {
            faults.push(FieldError::forbidden(
                format!("spec.{key}"),
                "may not be set for ExternalName services",
            ));
        }
    }
    let name = text(spec, &["externalName"]);
    let name = name.strip_suffix('.').unwrap_or(name);
    named(faults, "spec.externalName", name, subdomain_faults);
}

fn service_ports(faults: &mut Faults, ports: &[Value]) {
    let mut names: HashSet<&str> = HashSet::new();
    for (i, entry) in ports.iter().enumerate() {
        let path = format!("spec.ports[{i}]");
        let name = text(entry, &["name"]);
        if name.is_empty() {
            if ports.len() > 1 {
                faults.push(FieldError::required(format!("{path}.name"), ""));
            }
        } else {
            texts(faults, &format!("{path}.name"), name, label_faults(name));
            if !names.insert(name) {
                faults.push(FieldError::duplicate(format!("{path}.name"), &name.into()));
            }
        }
        port_and_protocol(faults, entry, &path);
        let target = at(entry, &["targetPort"]);
        port_or_name(faults, &format!("{path}.targetPort"), target);
        app_protocol(faults, entry, &path);
    }
}

fn affinity(faults: &mut Faults, spec: &Value) {
    one_of(
        faults,
        "spec.sessionAffinity",
        text(spec, &["sessionAffinity"]),
        &["ClientIP", "None"],
    );
    if text(spec, &["sessionAffinity"]) == "ClientIP" {
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
}

fn addresses(faults: &mut Faults, spec: &Value) {
    let path = "spec.clusterIPs";
    let list = at(spec, &["clusterIPs"]);
    let ips: Vec<&str> = items(spec, &["clusterIPs"])
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let invalid = |faults: &mut Faults, detail: &str| {
        faults.push(FieldError::invalid(path, list, detail));
    };
    let first = text(spec, &["clusterIP"]);
    match (first.is_empty(), ips.first()) {
        (false, None) => faults.push(FieldError::required(path, "")),
        (false, Some(listed)) if *listed != first => {
            invalid(faults, "first value must match `clusterIP`");
        }
        (true, Some(_)) => invalid(faults, "must be empty when `clusterIP` is not specified"),
        _ => {}
    }
    let families: Vec<&str> = items(spec, &["ipFamilies"])
        .iter()
        .filter_map(Value::as_str)
        .collect();
    for (i, family) in families.iter().enumerate() {
        let path = format!("spec.ipFamilies[{i}]");
        maybe_one_of(faults, &path, family, &FAMILIES);
        if families.iter().take(i).any(|before| before == family) {
            faults.push(FieldError::duplicate(path, &(*family).into()));
        }
    }
    if is_set(spec, &["ipFamilyPolicy"]) {
        maybe_one_of(
            faults,
            "spec.ipFamilyPolicy",
            text(spec, &["ipFamilyPolicy"]),
            &["PreferDualStack", "RequireDualStack", "SingleStack"],
        );
    }
    let before = faults.len();
    for (i, address) in ips.iter().enumerate() {
        if i == 0 && *address == "None" {
            if ips.len() > 1 {
                invalid(faults, "'None' must be the first and only value");
            }
        } else {
            ip(faults, &format!("{path}[{i}]"), address);
        }
    }
    let has_invalid = faults.len() > before;
    if ips.len() > 2 {
        invalid(faults, "may only hold up to 2 values");
    }
    if has_invalid {
        return;
    }
    let is_v6 = |address: &str| address.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6());
    if let [one, two, ..] = ips.as_slice()
        && is_v6(one) == is_v6(two)
    {
        invalid(faults, "may specify no more than one IP for each IP family");
    }
    if is_headless(spec) {
        return;
    }
    for (i, (address, family)) in ips.iter().zip(&families).enumerate() {
        if FAMILIES.contains(family) && is_v6(address) != (*family == "IPv6") {
            faults.push(FieldError::invalid_text(
                format!("{path}[{i}]"),
                address,
                format!("expected an {family} value as indicated by `ipFamilies[{i}]`"),
            ));
        }
    }
}

fn repeated_ports(faults: &mut Faults, ports: &[Value], kind: &str) {
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
    // Those that say what one before them said.
    let again = |field: &'static str| {
        let mut seen = HashSet::new();
        let said = move |(_, entry): &(usize, &Value)| {
            !seen.insert((text(entry, &["protocol"]).to_owned(), int(entry, &[field])))
        };
        ports.iter().enumerate().filter(said)
    };
    for (i, entry) in again("nodePort") {
        if int(entry, &["nodePort"]) != 0 {
            faults.push(FieldError::duplicate(
                format!("spec.ports[{i}].nodePort"),
                at(entry, &["nodePort"]),
            ));
        }
    }
    for (i, entry) in again("port") {
        let key = json!({"protocol": text(entry, &["protocol"]), "port": int(entry, &["port"]), "targetPort": 0});
        faults.push(FieldError::new(
            "FieldValueDuplicate",
            format!("spec.ports[{i}]"),
            format!(
                "Duplicate value: {}",
                internal_json("core.v1.ServicePort", &key)
            ),
        ));
    }
}

fn source_ranges(faults: &mut Faults, object: &Value, spec: &Value, kind: &str) {
    const ANNOTATION: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";
    let ranges = items(spec, &["loadBalancerSourceRanges"]);
    let annotated = at(object, &["metadata", "annotations", ANNOTATION]).as_str();
    let path = "spec.LoadBalancerSourceRanges";
    if !ranges.is_empty() {
        if kind != "LoadBalancer" {
            faults.push(only_for_balancers(path));
        }
        for (i, range) in ranges.iter().filter_map(Value::as_str).enumerate() {
            cidr(faults, &format!("{path}[{i}]"), range.trim());
        }
    } else if let Some(annotated) = annotated {
        let path = format!("metadata.annotations[{ANNOTATION}]");
        if kind != "LoadBalancer" {
            faults.push(only_for_balancers(&path));
        }
        if !annotated.trim().is_empty() {
            for range in annotated.trim().split(',') {
                cidr(faults, &path, range.trim());
            }
        }
    }
}

fn balancer_class(faults: &mut Faults, spec: &Value, kind: &str) {
    if !is_set(spec, &["loadBalancerClass"]) {
        return;
    }
    let path = "spec.loadBalancerClass";
    if kind == "LoadBalancer" {
        let class = text(spec, &["loadBalancerClass"]);
        texts(faults, path, class, qualified_name_faults(class));
    } else {
        faults.push(only_for_balancers(path));
    }
}

fn traffic(faults: &mut Faults, spec: &Value, kind: &str) {
    let policy = text(spec, &["externalTrafficPolicy"]);
    let path = "spec.externalTrafficPolicy";
    if is_external(spec) {
        one_of(faults, path, policy, &["Cluster", "Local"]);
    } else if !policy.is_empty() {
        faults.push(FieldError::invalid_text(
            path,
            policy,
            "may only be set for externally-accessible services",
        ));
    }
    let check = json!(int(spec, &["healthCheckNodePort"]));
    let path = "spec.healthCheckNodePort";
    if needs_health_check(spec) {
        if check == 0 {
            faults.push(FieldError::required(path, ""));
        } else {
            port(faults, path, &check);
        }
    } else if check != 0 {
        faults.push(FieldError::invalid(
            path,
            &check,
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
        ));
    }
    let path = "spec.internalTrafficPolicy";
    if is_set(spec, &["internalTrafficPolicy"]) {
        let policy = text(spec, &["internalTrafficPolicy"]);
        maybe_one_of(faults, path, policy, &["Cluster", "Local"]);
    } else if matches!(kind, "NodePort" | "LoadBalancer" | "ClusterIP") {
        faults.push(FieldError::required(path, ""));
    }
    if is_set(spec, &["trafficDistribution"]) {
        maybe_one_of(
            faults,
            "spec.trafficDistribution",
            text(spec, &["trafficDistribution"]),
            &["PreferClose", "PreferSameZone", "PreferSameNode"],
        );
    }
}

/// What may change of a service: addresses stay once they are given out.
pub(in crate::kinds::builtin) fn update(faults: &mut Faults, new: &Value, old: &Value) {
    given_out(faults, at(new, &["spec"]));
    if faults.is_empty() {
        kept_as_given(faults, at(new, &["spec"]), at(old, &["spec"]));
        service(faults, new);
    }
}

fn kept_as_given(faults: &mut Faults, new: &Value, old: &Value) {
    let kinds = (text(new, &["type"]), text(old, &["type"]));
    if kinds.0 != "ExternalName" && kinds.1 != "ExternalName" {
        kept(
            faults,
            new,
            old,
            "clusterIPs",
            "primary clusterIP",
            "secondary clusterIP",
        );
        if !is_headless(new) && !is_headless(old) {
            kept(
                faults,
                new,
                old,
                "ipFamilies",
                "primary ipFamily",
                "secondary ipFamily",
            );
        }
    }
    if kinds == ("LoadBalancer", "LoadBalancer") {
        let class = at(new, &["loadBalancerClass"]);
        if class != at(old, &["loadBalancerClass"]) {
            faults.push(FieldError::invalid(
                "spec.loadBalancerClass",
                class,
                "may not change once set",
            ));
        }
    }
    balancer_class(faults, new, kinds.0);
    if needs_health_check(new)
        && needs_health_check(old)
        && int(new, &["healthCheckNodePort"]) != int(old, &["healthCheckNodePort"])
    {
        faults.push(FieldError::forbidden(
            "spec.healthCheckNodePort",
            "field is immutable",
        ));
    }
}

fn kept(faults: &mut Faults, new: &Value, old: &Value, key: &str, primary: &str, secondary: &str) {
    let (now, before) = (items(new, &[key]), items(old, &[key]));
    if key == "clusterIPs" && is_headless(new) && is_headless(old) {
        return;
    }
    let mut invalid = |i: usize, detail: &str| {
        faults.push(FieldError::invalid(
            format!("spec.{key}[{i}]"),
            at(new, &[key]),
            detail,
        ));
    };
    if now.len() == before.len() {
        for (i, _) in before
            .iter()
            .enumerate()
            .filter(|(i, value)| now.get(*i) != Some(*value))
        {
            let shown = if key == "clusterIPs" { i } else { 0 };
            invalid(shown, "may not change once set");
        }
        return;
    }
    if now.is_empty() {
        invalid(0, &format!("{primary} can not be unset"));
    } else if !before.is_empty() && now.first() != before.first() {
        invalid(0, "may not change once set");
    }
    if before.len() > now.len() && now.len() == 1 && text(new, &["ipFamilyPolicy"]) != "SingleStack"
    {
        faults.push(FieldError::invalid(
            "spec.ipFamilyPolicy",
            at(new, &["ipFamilyPolicy"]),
            format!("must be set to 'SingleStack' when releasing the {secondary}"),
        ));
    }
}

/// The status of a service's load balancer.
pub(in crate::kinds::builtin) fn status(faults: &mut Faults, object: &Value) {
    let ingress = items(object, &["status", "loadBalancer", "ingress"]);
    let path = "status.loadBalancer.ingress";
    if text(object, &["spec", "type"]) != "LoadBalancer" {
        if !ingress.is_empty() {
            faults.push(FieldError::forbidden(
                path,
                "may only be used when `spec.type` is 'LoadBalancer'",
            ));
        }
        return;
    }
    for (i, entry) in ingress.iter().enumerate() {
        let path = format!("{path}[{i}]");
        balancer_ingress(faults, entry, &path);
    }
}

fn balancer_ingress(faults: &mut Faults, entry: &Value, path: &str) {
    let address = text(entry, &["ip"]);
    if !address.is_empty() {
        ip(faults, &format!("{path}.ip"), address);
    }
    let mode_path = format!("{path}.ipMode");
    match (is_set(entry, &["ipMode"]), address.is_empty()) {
        (false, false) => faults.push(FieldError::required(
            mode_path,
            "must be specified when `ip` is set",
        )),
        (true, true) => faults.push(FieldError::forbidden(
            mode_path,
            "may not be specified when `ip` is not set",
        )),
        (true, false) => {
            maybe_one_of(
                faults,
                &mode_path,
                text(entry, &["ipMode"]),
                &["Proxy", "VIP"],
            );
        }
        (false, true) => {}
    }
    balancer_host(faults, entry, path);
}

/// The host of a load balancer is a name.
pub(super) fn balancer_host(faults: &mut Faults, entry: &Value, path: &str) {
    let host = text(entry, &["hostname"]);
    if host.is_empty() {
        return;
    }
    let path = format!("{path}.hostname");
    texts(faults, &path, host, subdomain_faults(host));
    if is_address(host) {
        faults.push(FieldError::invalid_text(
            path,
            host,
            "must be a DNS name, not an IP address",
        ));
    }
}

//! Services: cluster addresses, node ports and address families.

use std::sync::Arc;

use serde_json::{Value, json};

use super::values::{Object, at, items, section, text};
use crate::model::resource::ResourceKey;
use crate::model::strategy::Context;

/// Where cluster addresses are given out: 10.0.0.0/24, the API server's own default; its first one is its own.
const FIRST_ADDRESS: u32 = 0x0a00_0000;
const ADDRESSES: u32 = 1 << 8;
/// A mock does not run out of them: once all are taken, those that follow are given out.
const MORE_ADDRESSES: u32 = 1 << 20;
/// Node ports are 30000 to 32767.
const FIRST_NODE_PORT: i64 = 30_000;
const NODE_PORTS: i64 = 2_768;

pub(in crate::kinds::builtin) fn prepare_for_create(context: &Context<'_>, object: &mut Value) {
    allocate(context, object);
}

/// What the server gave out stays with the service as long as its type needs it.
pub(in crate::kinds::builtin) fn prepare_for_update(
    context: &Context<'_>,
    new: &mut Value,
    old: &Value,
) {
    let (new_type, old_type) = (
        text(new, &["spec", "type"]).to_owned(),
        text(old, &["spec", "type"]).to_owned(),
    );
    let old_spec = at(old, &["spec"]).clone();
    let spec = section(new, "spec");
    follow_cluster_ip(spec, &old_spec);
    if new_type == "ExternalName" {
        if old_type != "ExternalName" && same(spec, &old_spec, "clusterIP") {
            for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                spec.remove(key);
            }
        }
    } else if old_type != "ExternalName" {
        let unset = |spec: &Object, key: &str| spec.get(key).is_none_or(|v| v.is_null() || v == "");
        for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if unset(spec, key)
                && let Some(value) = old_spec.get(key)
            {
                spec.insert(key.into(), value.clone());
            }
        }
    }
    let needs_ports = |kind: &str| matches!(kind, "NodePort" | "LoadBalancer");
    if needs_ports(&new_type) && needs_ports(&old_type) {
        for port in super::values::each(spec, "ports") {
            let number = port.get("port").cloned();
            let protocol = port.get("protocol").cloned();
            let kept = items(&old_spec, &["ports"])
                .iter()
                .find(|p| {
                    p.get("port") == number.as_ref() && p.get("protocol") == protocol.as_ref()
                })
                .and_then(|p| p.get("nodePort"));
            if let (None, Some(kept)) = (port.get("nodePort"), kept) {
                port.insert("nodePort".into(), kept.clone());
            }
        }
    } else if needs_ports(&old_type) && !needs_ports(&new_type) {
        for port in super::values::each(spec, "ports") {
            port.remove("nodePort");
        }
    }
    let reachable = |kind: &str| matches!(kind, "NodePort" | "LoadBalancer");
    // What the former type had brought goes with it, unless the client has changed it.
    for (key, was, is) in [
        (
            "externalTrafficPolicy",
            reachable(&old_type),
            reachable(&new_type),
        ),
        (
            "healthCheckNodePort",
            old_type == "LoadBalancer",
            new_type == "LoadBalancer",
        ),
        (
            "allocateLoadBalancerNodePorts",
            old_type == "LoadBalancer",
            new_type == "LoadBalancer",
        ),
        (
            "loadBalancerClass",
            old_type == "LoadBalancer",
            new_type == "LoadBalancer",
        ),
        (
            "internalTrafficPolicy",
            old_type != "ExternalName",
            new_type != "ExternalName",
        ),
    ] {
        let external_ips = spec
            .get("externalIPs")
            .and_then(Value::as_array)
            .is_some_and(|ips| !ips.is_empty());
        if was
            && !is
            && same(spec, &old_spec, key)
            && !(key == "externalTrafficPolicy" && external_ips)
        {
            spec.remove(key);
        }
    }
    allocate(context, new);
}

/// A client that changes `clusterIP` only means the first one of `clusterIPs` too.
fn follow_cluster_ip(spec: &mut Object, old_spec: &Value) {
    if same(spec, old_spec, "clusterIP") || !same(spec, old_spec, "clusterIPs") {
        return;
    }
    match spec
        .get("clusterIP")
        .and_then(Value::as_str)
        .filter(|ip| !ip.is_empty())
        .map(str::to_owned)
    {
        Some(ip) => {
            spec.insert("clusterIPs".into(), json!([ip]));
        }
        None => {
            spec.remove("clusterIPs");
        }
    }
}

fn same(a: &Object, b: &Value, key: &str) -> bool {
    a.get(key) == b.get(key)
}

fn allocate(context: &Context<'_>, object: &mut Value) {
    if text(object, &["spec", "type"]) == "ExternalName" {
        return;
    }
    let selectorless = at(object, &["spec", "selector"])
        .as_object()
        .is_none_or(serde_json::Map::is_empty);
    let policy = text(object, &["spec", "ipFamilyPolicy"]).to_owned();
    let dual_wanted = matches!(policy.as_str(), "PreferDualStack" | "RequireDualStack");
    let spec = section(object, "spec");
    let mut ip = spec
        .get("clusterIP")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let listed = spec.get("clusterIPs").and_then(Value::as_array);
    if ip.is_empty() && listed.is_some_and(|ips| !ips.is_empty()) {
        // A list without its first one named is refused: nothing is given out.
        return;
    }
    let families = spec.get("ipFamilies").and_then(Value::as_array);
    if ip.is_empty() && families.is_some_and(|list| list.iter().any(|family| family == "IPv6")) {
        // A family that the cluster does not have is refused: nothing is given out.
        return;
    }
    if ip.is_empty() {
        ip = free_address(context);
    }
    let headless = ip == "None";
    if spec
        .get("clusterIPs")
        .and_then(Value::as_array)
        .is_none_or(Vec::is_empty)
    {
        spec.insert("clusterIPs".into(), json!([ip]));
    }
    spec.insert("clusterIP".into(), ip.as_str().into());
    let family = if ip.contains(':') { "IPv6" } else { "IPv4" };
    if spec
        .get("ipFamilies")
        .and_then(Value::as_array)
        .is_none_or(Vec::is_empty)
    {
        spec.insert("ipFamilies".into(), json!([family]));
    }
    if policy.is_empty() {
        let policy = if headless && selectorless {
            "RequireDualStack"
        } else {
            "SingleStack"
        };
        spec.insert("ipFamilyPolicy".into(), policy.into());
    }
    if headless
        && selectorless
        && (policy.is_empty() || dual_wanted)
        && let Some(Value::Array(families)) = spec.get_mut("ipFamilies")
        && families.len() == 1
    {
        families.push(
            if families.first().is_some_and(|f| f == "IPv6") {
                "IPv4"
            } else {
                "IPv6"
            }
            .into(),
        );
    }
    node_ports(context, spec);
}

fn node_ports(context: &Context<'_>, spec: &mut Object) {
    let kind = spec.get("type").and_then(Value::as_str).unwrap_or_default();
    let wanted = kind == "NodePort"
        || (kind == "LoadBalancer"
            && spec.get("allocateLoadBalancerNodePorts") != Some(&Value::Bool(false)));
    if !wanted {
        return;
    }
    let local = kind == "LoadBalancer"
        && spec
            .get("externalTrafficPolicy")
            .is_some_and(|p| p == "Local");
    let mut taken: Vec<i64> = Vec::new();
    for service in services(context) {
        taken.extend(
            items(&service, &["spec", "ports"])
                .iter()
                .filter_map(|p| p.get("nodePort")?.as_i64()),
        );
        taken.extend(at(&service, &["spec", "healthCheckNodePort"]).as_i64());
    }
    for port in super::values::each(spec, "ports") {
        taken.extend(port.get("nodePort").and_then(Value::as_i64));
    }
    let mut next = || {
        let start =
            i64::try_from(context.cluster.random() % NODE_PORTS.unsigned_abs()).unwrap_or_default();
        let port = (0..NODE_PORTS)
            .map(|i| FIRST_NODE_PORT + (start + i) % NODE_PORTS)
            .find(|port| !taken.contains(port));
        taken.extend(port);
        port
    };
    for port in super::values::each(spec, "ports") {
        if port
            .get("nodePort")
            .and_then(Value::as_i64)
            .is_none_or(|n| n == 0)
            && let Some(number) = next()
        {
            port.insert("nodePort".into(), number.into());
        }
    }
    if local
        && spec
            .get("healthCheckNodePort")
            .and_then(Value::as_i64)
            .is_none_or(|n| n == 0)
        && let Some(number) = next()
    {
        spec.insert("healthCheckNodePort".into(), number.into());
    }
}

fn services(context: &Context<'_>) -> Vec<Arc<Value>> {
    let key = ResourceKey::new("", "services");
    context.cluster.list(&key)
}

fn free_address(context: &Context<'_>) -> String {
    let taken: Vec<String> = services(context)
        .iter()
        .flat_map(|service| {
            items(service, &["spec", "clusterIPs"])
                .iter()
                .filter_map(|ip| ip.as_str().map(str::to_owned))
                .collect::<Vec<_>>()
        })
        .collect();
    let start = u32::try_from(context.cluster.random() % u64::from(ADDRESSES)).unwrap_or_default();
    let usual = (0..ADDRESSES).map(|i| (start + i) % ADDRESSES);
    for offset in usual.chain(ADDRESSES..MORE_ADDRESSES) {
        // The network's own address, the API server's, and the broadcast address are not given out.
        if offset < 2 || offset == ADDRESSES - 1 {
            continue;
        }
        let ip = std::net::Ipv4Addr::from(FIRST_ADDRESS + offset).to_string();
        if !taken.contains(&ip) {
            return ip;
        }
    }
    String::new()
}

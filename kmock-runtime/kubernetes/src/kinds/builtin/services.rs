//! Services: cluster addresses, node ports and address families.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::values::{JsonObject, at, is_set, items, section, text};
use crate::model::resource::ResourceKey;
use crate::model::status::FieldError;
use crate::model::strategy::Context;

/// The range of service addresses, as its ServiceCIDR has it.
pub(crate) const SERVICE_RANGE: &str = "10.0.0.0/24";
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
        if old_type != "ExternalName" {
            // What the client has left as it was goes with the type that needed it.
            if same(spec, &old_spec, "clusterIP") && same(spec, &old_spec, "clusterIPs") {
                spec.remove("clusterIP");
                spec.remove("clusterIPs");
            }
            for key in ["ipFamilies", "ipFamilyPolicy"] {
                if same(spec, &old_spec, key) {
                    spec.remove(key);
                }
            }
        }
    } else if old_type != "ExternalName" {
        let unset =
            |spec: &JsonObject, key: &str| spec.get(key).is_none_or(|v| v.is_null() || v == "");
        for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if unset(spec, key)
                && let Some(value) = old_spec.get(key)
            {
                spec.insert(key.into(), value.clone());
            }
        }
    }
    match (needs_node_ports(&old_spec), needs_node_ports_of(spec)) {
        (true, true) => keep_node_ports(spec, &old_spec),
        (true, false) if same_node_ports(spec, &old_spec) => {
            for port in super::values::each(spec, "ports") {
                port.remove("nodePort");
            }
        }
        _ => {}
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
    if new_type != "LoadBalancer" && is_set(new, &["status", "loadBalancer", "ingress"]) {
        section(new, "status").insert("loadBalancer".into(), json!({}));
    }
    allocate(context, new);
}

/// A client that changes `clusterIP` only means the first one of `clusterIPs` too.
fn follow_cluster_ip(spec: &mut JsonObject, old_spec: &Value) {
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

/// Whether node ports are given out without being asked for.
fn needs_node_ports(spec: &Value) -> bool {
    spec.as_object().is_some_and(needs_node_ports_of)
}

fn needs_node_ports_of(spec: &JsonObject) -> bool {
    match spec.get("type").and_then(Value::as_str) {
        Some("NodePort") => true,
        Some("LoadBalancer") => {
            spec.get("allocateLoadBalancerNodePorts") != Some(&Value::Bool(false))
        }
        _ => false,
    }
}

fn node_port_numbers(ports: &[Value]) -> Vec<i64> {
    let numbers = ports
        .iter()
        .filter_map(|port| port.get("nodePort")?.as_i64());
    numbers.filter(|number| *number != 0).collect()
}

/// The node ports that Services have.
fn taken_node_ports<'s>(services: impl Iterator<Item = &'s Arc<Value>>) -> HashSet<i64> {
    let mut taken = HashSet::new();
    for service in services {
        taken.extend(node_port_numbers(items(service, &["spec", "ports"])));
        taken.extend(at(service, &["spec", "healthCheckNodePort"]).as_i64());
    }
    taken
}

fn ports_of(spec: &JsonObject) -> &[Value] {
    let ports = spec.get("ports").and_then(Value::as_array);
    ports.map_or(&[], Vec::as_slice)
}

fn same_node_ports(spec: &JsonObject, old_spec: &Value) -> bool {
    let mut new = node_port_numbers(ports_of(spec));
    let mut old = node_port_numbers(items(old_spec, &["ports"]));
    new.sort_unstable();
    old.sort_unstable();
    new == old
}

/// Ports that do not name their node port keep the one that they had, by their names, unless another port has it now.
fn keep_node_ports(spec: &mut JsonObject, old_spec: &Value) {
    let new: HashSet<i64> = node_port_numbers(ports_of(spec)).into_iter().collect();
    let old = items(old_spec, &["ports"]).iter();
    // Of several with a name the last counts.
    let old: HashMap<&str, &Value> = old.map(|old| (text(old, &["name"]), old)).collect();
    for port in super::values::each(spec, "ports") {
        let unset = port
            .get("nodePort")
            .and_then(Value::as_i64)
            .is_none_or(|n| n == 0);
        let name = port.get("name").and_then(Value::as_str).unwrap_or_default();
        let kept = old.get(name).and_then(|old| old.get("nodePort")?.as_i64());
        if let Some(kept) = kept.filter(|kept| unset && !new.contains(kept)) {
            port.insert("nodePort".into(), kept.into());
        }
    }
}

/// What cannot be given out: an address or a node port that somebody has, or that is beyond the range.
pub(in crate::kinds::builtin) fn conflicts(
    context: &Context<'_>,
    new: &Value,
    old: Option<&Value>,
) -> Option<FieldError> {
    let (spec, nothing) = (at(new, &["spec"]), Value::Null);
    let before = old.map_or(&nothing, |old| at(old, &["spec"]));
    if text(spec, &["type"]) == "ExternalName" {
        return None;
    }
    let own = text(new, &["metadata", "name"]);
    let is_other = |service: &Arc<Value>| {
        text(service, &["metadata", "name"]) != own
            || text(service, &["metadata", "namespace"]) != context.namespace
    };
    let others: Vec<_> = services(context).into_iter().filter(is_other).collect();
    let cluster_ips = at(spec, &["clusterIPs"]);
    for ip in items(spec, &["clusterIPs"])
        .iter()
        .filter_map(Value::as_str)
    {
        let kept = items(before, &["clusterIPs"])
            .iter()
            .any(|before| before == ip);
        let Some(address) = ip.parse::<Ipv4Addr>().ok().filter(|_| !kept) else {
            continue;
        };
        let taken = others.iter().any(|other| {
            let theirs = items(other, &["spec", "clusterIPs"]);
            theirs.iter().any(|theirs| theirs == ip)
        });
        let why = match refused_address(context, address) {
            Some(why) => why,
            None if taken => "provided IP is already allocated".to_owned(),
            None => continue,
        };
        return Some(FieldError::invalid(
            "spec.clusterIPs",
            cluster_ips,
            format!("failed to allocate IP {ip}: {why}"),
        ));
    }
    let kept: HashSet<i64> = node_port_numbers(items(before, &["ports"]))
        .into_iter()
        .collect();
    let taken = taken_node_ports(others.iter());
    let mut seen: HashMap<i64, HashSet<i64>> = HashMap::new();
    for (i, port) in items(spec, &["ports"]).iter().enumerate() {
        let number = at(port, &["nodePort"]).as_i64().unwrap_or_default();
        let own_port = at(port, &["port"]).as_i64().unwrap_or_default();
        if number == 0 || kept.contains(&number) {
            continue;
        }
        let in_range = (FIRST_NODE_PORT..FIRST_NODE_PORT + NODE_PORTS).contains(&number);
        // Two protocols of one port share its node port.
        let of_number = seen.entry(number).or_default();
        let mine = old.is_none() && of_number.iter().any(|port| *port != own_port);
        of_number.insert(own_port);
        let why = if !in_range {
            "provided port is not in the valid range. The range of valid ports is 30000-32767"
        } else if mine || taken.contains(&number) {
            "provided port is already allocated"
        } else {
            continue;
        };
        let path = format!("spec.ports[{i}].nodePort");
        return Some(FieldError::invalid(path, &number.into(), why));
    }
    None
}

/// Why an address is in no range of the cluster: those of its ServiceCIDRs.
fn refused_address(context: &Context<'_>, address: Ipv4Addr) -> Option<String> {
    let ranges = context
        .cluster
        .list(&ResourceKey::new("networking.k8s.io", "servicecidrs"));
    let mut ranges: Vec<String> = ranges
        .iter()
        .flat_map(|range| items(range, &["spec", "cidrs"]))
        .filter_map(|cidr| cidr.as_str().map(str::to_owned))
        .collect();
    if ranges.is_empty() {
        ranges.push(SERVICE_RANGE.to_owned());
    }
    let mut refused = Some("the provided network does not match the current range".to_owned());
    for range in ranges {
        let Some((network, bits)) = range.split_once('/') else {
            continue;
        };
        let (Ok(network), Ok(bits)) = (network.parse::<Ipv4Addr>(), bits.parse::<u32>()) else {
            continue;
        };
        let mask = u32::MAX
            .checked_shl(32_u32.saturating_sub(bits))
            .unwrap_or_default();
        let (first, address_bits) = (network.to_bits() & mask, address.to_bits());
        let last = first | !mask;
        if !(first..=last).contains(&address_bits) {
            continue;
        }
        if address_bits == first || address_bits == last {
            refused = Some(format!(
                "the provided IP ({address}) is not in the valid range. The range of valid IPs is {range}"
            ));
            continue;
        }
        return None;
    }
    // What was given out beyond the range, since a mock does not run out of them, may be named, too.
    let beyond = FIRST_ADDRESS + ADDRESSES..FIRST_ADDRESS + MORE_ADDRESSES;
    refused.filter(|_| !(beyond.contains(&address.to_bits()) && is_full(context)))
}

fn is_full(context: &Context<'_>) -> bool {
    services(context).len() >= ADDRESSES as usize - 3
}

fn same(a: &JsonObject, b: &Value, key: &str) -> bool {
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

fn node_ports(context: &Context<'_>, spec: &mut JsonObject) {
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
    let mut taken = taken_node_ports(services(context).iter());
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
    // One port in two protocols has one node port.
    let mut of_port: HashMap<Value, i64> = HashMap::new();
    for port in super::values::each(spec, "ports") {
        let number = port.get("port").cloned().unwrap_or_default();
        let given = port
            .get("nodePort")
            .and_then(Value::as_i64)
            .filter(|n| *n != 0);
        if let Some(given) = given {
            of_port.entry(number).or_insert(given);
        }
    }
    for port in super::values::each(spec, "ports") {
        let number = port.get("port").cloned().unwrap_or_default();
        let given = port
            .get("nodePort")
            .and_then(Value::as_i64)
            .filter(|n| *n != 0);
        let shared = of_port.get(&number).copied();
        if given.is_none()
            && let Some(node_port) = shared.or_else(&mut next)
        {
            port.insert("nodePort".into(), node_port.into());
            of_port.entry(number).or_insert(node_port);
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

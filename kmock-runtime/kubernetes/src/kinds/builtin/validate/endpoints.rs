//! Endpoints, old and in slices.

use std::collections::HashSet;
use std::net::IpAddr;

use serde_json::Value;

use super::rules::{
    Faults, PROTOCOLS, app_protocol, given_text, ip, maybe_one_of, one_of, port_and_protocol,
    text_field, texts,
};
use crate::kinds::builtin::values::{is_set, items, text};
use crate::model::meta::{label_faults, label_value_faults, subdomain_faults};
use crate::model::status::FieldError;

/// An address that traffic can be sent to.
pub(super) fn endpoint_ip(faults: &mut Faults, path: &str, value: &str) {
    let Ok(address) = value.parse::<IpAddr>() else {
        faults.push(FieldError::invalid_text(
            path,
            value,
            "must be a valid IP address",
        ));
        return;
    };
    let (link_local, link_multicast) = match address {
        IpAddr::V4(v4) => (v4.is_link_local(), matches!(v4.octets(), [224, 0, 0, _])),
        IpAddr::V6(v6) => {
            let head = v6.segments()[0];
            (head & 0xffc0 == 0xfe80, head & 0xff0f == 0xff02)
        }
    };
    for (wrong, detail) in [
        (
            address.is_unspecified(),
            format!("may not be unspecified ({value})"),
        ),
        (
            address.is_loopback(),
            "may not be in the loopback range (127.0.0.0/8, ::1/128)".into(),
        ),
        (
            link_local,
            "may not be in the link-local range (169.254.0.0/16, fe80::/10)".into(),
        ),
        (
            link_multicast,
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)".into(),
        ),
    ] {
        if wrong {
            faults.push(FieldError::invalid_text(path, value, detail));
        }
    }
}

/// Endpoints as subsets.
pub(in crate::kinds::builtin) fn subsets(faults: &mut Faults, object: &Value) {
    for (i, subset) in items(object, &["subsets"]).iter().enumerate() {
        let path = format!("subsets[{i}]");
        let lists = ["addresses", "notReadyAddresses"].map(|list| (list, items(subset, &[list])));
        if lists.iter().all(|(_, addresses)| addresses.is_empty()) {
            faults.push(FieldError::required(
                &path,
                "must specify `addresses` or `notReadyAddresses`",
            ));
        }
        for (list, addresses) in lists {
            for (j, entry) in addresses.iter().enumerate() {
                address(faults, entry, &format!("{path}.{list}[{j}]"));
            }
        }
        let ports = items(subset, &["ports"]);
        for (j, entry) in ports.iter().enumerate() {
            port(
                faults,
                entry,
                &format!("{path}.ports[{j}]"),
                ports.len() > 1,
            );
        }
    }
}

fn address(faults: &mut Faults, entry: &Value, path: &str) {
    let value = text(entry, &["ip"]);
    let ip_path = format!("{path}.ip");
    ip(faults, &ip_path, value);
    given_text(faults, entry, path, "hostname", label_faults);
    if is_set(entry, &["nodeName"]) {
        text_field(faults, entry, path, "nodeName", subdomain_faults);
    }
    endpoint_ip(faults, &ip_path, value);
}

fn port(faults: &mut Faults, entry: &Value, path: &str, needs_name: bool) {
    let name = text(entry, &["name"]);
    if needs_name && name.is_empty() {
        faults.push(FieldError::required(format!("{path}.name"), ""));
    } else if !name.is_empty() {
        texts(faults, &format!("{path}.name"), name, label_faults(name));
    }
    port_and_protocol(faults, entry, path);
    app_protocol(faults, entry, path);
}

/// A slice of endpoints.
pub(in crate::kinds::builtin) fn slice(faults: &mut Faults, object: &Value) {
    let kind = text(object, &["addressType"]);
    one_of(faults, "addressType", kind, &["FQDN", "IPv4", "IPv6"]);
    let endpoints = items(object, &["endpoints"]);
    if endpoints.len() > 1000 {
        faults.push(FieldError::too_many("endpoints", endpoints.len(), 1000));
        return;
    }
    for (i, endpoint) in endpoints.iter().enumerate() {
        slice_endpoint(faults, endpoint, &format!("endpoints[{i}]"), kind);
    }
    let ports = items(object, &["ports"]);
    if ports.len() > 20_000 {
        faults.push(FieldError::too_many("ports", ports.len(), 20_000));
        return;
    }
    let mut names: HashSet<&str> = HashSet::new();
    for (i, entry) in ports.iter().enumerate() {
        let path = format!("ports[{i}]");
        let name = text(entry, &["name"]);
        given_text(faults, entry, &path, "name", label_faults);
        if !names.insert(name) {
            faults.push(FieldError::duplicate(format!("{path}.name"), &name.into()));
        }
        if is_set(entry, &["protocol"]) {
            maybe_one_of(
                faults,
                &format!("{path}.protocol"),
                text(entry, &["protocol"]),
                &PROTOCOLS,
            );
        } else {
            faults.push(FieldError::required(format!("{path}.protocol"), ""));
        }
        app_protocol(faults, entry, &path);
    }
}

fn slice_endpoint(faults: &mut Faults, endpoint: &Value, path: &str, kind: &str) {
    let addresses = items(endpoint, &["addresses"]);
    let addresses_path = format!("{path}.addresses");
    if addresses.is_empty() {
        faults.push(FieldError::required(
            &addresses_path,
            "must contain at least 1 address",
        ));
    } else if addresses.len() > 100 {
        faults.push(FieldError::too_many(&addresses_path, addresses.len(), 100));
    }
    for (i, value) in addresses.iter().filter_map(Value::as_str).enumerate() {
        let at_path = format!("{addresses_path}[{i}]");
        match kind {
            "IPv4" | "IPv6" => {
                let parsed = value.parse::<IpAddr>();
                match &parsed {
                    Err(_) => ip(faults, &at_path, value),
                    Ok(address) if address.is_ipv6() != (kind == "IPv6") => {
                        faults.push(FieldError::invalid_text(
                            &addresses_path,
                            value,
                            format!("must be an {kind} address"),
                        ));
                        endpoint_ip(faults, &at_path, value);
                    }
                    Ok(_) => endpoint_ip(faults, &at_path, value),
                }
            }
            "FQDN" => texts(faults, &at_path, value, full_name_faults(value)),
            _ => {}
        }
    }
    if is_set(endpoint, &["nodeName"]) {
        text_field(faults, endpoint, path, "nodeName", subdomain_faults);
    }
    if is_set(endpoint, &["hostname"]) {
        text_field(faults, endpoint, path, "hostname", label_faults);
    }
    hints(faults, endpoint, &format!("{path}.hints"));
}

type Rule = fn(&str) -> Vec<String>;

/// What a domain name with at least two parts is not.
pub(super) fn full_name_faults(name: &str) -> Vec<String> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let mut out = subdomain_faults(name);
    if out.is_empty() && !name.contains('.') {
        out.push("should be a domain with at least two segments separated by dots".into());
    }
    out
}

fn hints(faults: &mut Faults, endpoint: &Value, path: &str) {
    let rules: [(&str, Rule); 2] = [
        ("forZones", label_value_faults),
        ("forNodes", subdomain_faults),
    ];
    for (key, rule) in rules {
        let entries = items(endpoint, &["hints", key]);
        if entries.len() > 8 {
            faults.push(FieldError::too_many(
                format!("{path}.{key}"),
                entries.len(),
                8,
            ));
            continue;
        }
        for (i, entry) in entries.iter().enumerate() {
            let name = text(entry, &["name"]);
            let path = format!("{path}.{key}[{i}].name");
            if entries
                .iter()
                .take(i)
                .any(|before| text(before, &["name"]) == name)
            {
                faults.push(FieldError::duplicate(&path, &name.into()));
            }
            texts(faults, &path, name, rule(name));
        }
    }
}

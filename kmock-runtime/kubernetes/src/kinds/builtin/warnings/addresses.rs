//! Warnings about IP addresses and ranges that are not written as they should be.

use std::net::{IpAddr, Ipv6Addr};

use serde_json::Value;

use crate::kinds::builtin::values::{at, items, text};

/// An address as older versions took it: numbers may have leading zeros.
fn lenient(value: &str) -> Option<IpAddr> {
    if let Ok(address) = value.parse() {
        return Some(address);
    }
    let parts: Vec<&str> = value.split('.').collect();
    let [a, b, c, d] = parts.as_slice() else {
        return None;
    };
    let number = |part: &&str| {
        part.bytes()
            .all(|c| c.is_ascii_digit())
            .then(|| part.parse::<u8>().ok())
            .flatten()
    };
    Some(IpAddr::from([
        number(a)?,
        number(b)?,
        number(c)?,
        number(d)?,
    ]))
}

fn mapped(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map(IpAddr::V4),
        IpAddr::V4(_) => None,
    }
}

/// Warns about an address that is valid but odd.
pub(super) fn address(out: &mut Vec<String>, path: &str, value: &str) {
    let Some(address) = lenient(value) else {
        return;
    };
    let strict = value.parse::<IpAddr>();
    let preferred = mapped(address).unwrap_or(address);
    if strict.is_err() || mapped(address).is_some() {
        out.push(format!(
            "{path}: non-standard IP address {value:?} is invalid: use {:?}",
            preferred.to_string()
        ));
    } else if address.is_ipv6() && address.to_string() != value {
        out.push(format!(
            "{path}: IPv6 address {value:?} should be in RFC 5952 canonical format ({:?})",
            address.to_string()
        ));
    }
}

/// Warns about a range that is valid but odd.
pub(super) fn range(out: &mut Vec<String>, path: &str, value: &str) {
    let Some((head, length)) = value.split_once('/') else {
        return;
    };
    let (Some(address), Ok(length)) = (lenient(head), length.parse::<u32>()) else {
        return;
    };
    let (network, width) = match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX
                .checked_shl(32 - length.min(32))
                .unwrap_or_default();
            (IpAddr::V4((u32::from(v4) & mask).into()), 32)
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX
                .checked_shl(128 - length.min(128))
                .unwrap_or_default();
            (IpAddr::V6(Ipv6Addr::from(u128::from(v6) & mask)), 128)
        }
    };
    let canonical = format!("{network}/{length}");
    let before = out.len();
    if network != address {
        out.push(format!(
            "{path}: CIDR value {value:?} is ambiguous in this context (should be {canonical:?} or \"{address}/{width}\"?)"
        ));
    }
    if head.parse::<IpAddr>().is_err() || mapped(address).is_some() {
        out.push(format!(
            "{path}: non-standard CIDR value {value:?} is invalid: use {canonical:?}"
        ));
    }
    if out.len() == before && address.is_ipv6() && format!("{address}/{length}") != value {
        out.push(format!(
            "{path}: IPv6 CIDR value {value:?} should be in RFC 5952 canonical format (\"{address}/{length}\")"
        ));
    }
}

/// The addresses of a load balancer's status.
pub(in crate::kinds::builtin) fn balancer(out: &mut Vec<String>, object: &Value) {
    for (i, ingress) in items(object, &["status", "loadBalancer", "ingress"])
        .iter()
        .enumerate()
    {
        let ip = text(ingress, &["ip"]);
        if !ip.is_empty() {
            address(out, &format!("status.loadBalancer.ingress[{i}].ip"), ip);
        }
    }
}

/// Addresses in a list of texts.
pub(super) fn each(out: &mut Vec<String>, path: &str, list: &Value) {
    for (i, value) in list.as_array().into_iter().flatten().enumerate() {
        address(
            out,
            &format!("{path}[{i}]"),
            value.as_str().unwrap_or_default(),
        );
    }
}

/// Addresses in a list of objects.
pub(super) fn each_ip(out: &mut Vec<String>, path: &str, list: &[Value]) {
    for (i, entry) in list.iter().enumerate() {
        address(
            out,
            &format!("{path}[{i}].ip"),
            text(at(entry, &[]), &["ip"]),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_ways_to_write_addresses() {
        let mut out = Vec::new();
        for value in [
            "10.0.0.1",
            "::1",
            "010.0.0.1",
            "::ffff:1.2.3.4",
            "2001:DB8::1",
            "x",
        ] {
            address(&mut out, "p", value);
        }
        for value in ["10.0.0.0/8", "10.1.0.0/8", "2001:DB8::/64"] {
            range(&mut out, "p", value);
        }
        assert_eq!(
            out,
            [
                "p: non-standard IP address \"010.0.0.1\" is invalid: use \"10.0.0.1\"",
                "p: non-standard IP address \"::ffff:1.2.3.4\" is invalid: use \"1.2.3.4\"",
                "p: IPv6 address \"2001:DB8::1\" should be in RFC 5952 canonical format (\"2001:db8::1\")",
                "p: CIDR value \"10.1.0.0/8\" is ambiguous in this context (should be \"10.0.0.0/8\" or \"10.1.0.0/32\"?)",
                "p: IPv6 CIDR value \"2001:DB8::/64\" should be in RFC 5952 canonical format (\"2001:db8::/64\")",
            ]
        );
    }
}

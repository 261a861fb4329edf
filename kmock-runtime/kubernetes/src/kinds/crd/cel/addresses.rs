//! What is wrong with texts that are no addresses: the words of Go's `net/netip`, and the server's around them.

use std::net::IpAddr;

use crate::model::status::quoted;

/// Why a text is no IP address.
pub(super) fn ip_fault(text: &str) -> String {
    let (address, zone) = text.split_once('%').unwrap_or((text, ""));
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(_)) if !zone.is_empty() => {
            format!("IP address {} with zone value is not allowed", quoted(text))
        }
        Ok(IpAddr::V6(six)) if six.to_ipv4_mapped().is_some() => {
            format!("IPv4-mapped IPv6 address {} is not allowed", quoted(text))
        }
        _ => format!(
            "IP Address {} parse error during conversion from string: {}",
            quoted(text),
            address_fault(text)
        ),
    }
}

/// Why a text is no network.
pub(super) fn cidr_fault(text: &str) -> String {
    let why = match text.rsplit_once('/') {
        None => "no '/'".to_owned(),
        Some((address, bits)) => match address.parse::<IpAddr>() {
            Err(_) => address_fault(address),
            Ok(IpAddr::V6(_)) if address.contains('%') => {
                "IPv6 zones cannot be present in a prefix".into()
            }
            Ok(IpAddr::V6(six)) if six.to_ipv4_mapped().is_some() => {
                let text = quoted(text);
                return format!(
                    "network address parse error during conversion from string: IPv4-mapped IPv6 address {text} is not allowed"
                );
            }
            Ok(_)
                if bits.is_empty()
                    || bits.bytes().any(|b| !b.is_ascii_digit())
                    || (bits.len() > 1 && bits.starts_with('0')) =>
            {
                format!("bad bits after slash: {}", quoted(bits))
            }
            Ok(_) => "prefix length out of range".into(),
        },
    };
    format!(
        "network address parse error during conversion from string: network address parse error during conversion from \
         string: netip.ParsePrefix({}): {why}",
        quoted(text)
    )
}

fn address_fault(text: &str) -> String {
    let why = match text.find(['.', ':', '%']).and_then(|at| text.get(at..)) {
        Some(rest) if rest.starts_with('.') => four_fault(text),
        Some(rest) if rest.starts_with(':') => "unexpected character".into(),
        Some(_) => "missing IPv6 address".into(),
        None => "unable to parse IP".into(),
    };
    format!("ParseAddr({}): {why}", quoted(text))
}

fn four_fault(text: &str) -> String {
    for (at, c) in text.char_indices() {
        if !c.is_ascii_digit() && c != '.' {
            let rest = quoted(text.get(at..).unwrap_or_default());
            return format!("unexpected character (at {rest})");
        }
    }
    let parts: Vec<&str> = text.split('.').collect();
    for (index, part) in parts.iter().enumerate() {
        let why = match part {
            _ if index > 3 => "IPv4 address too long",
            &"" => "IPv4 field must have at least one digit",
            part if part.len() > 1 && part.starts_with('0') => {
                "IPv4 field has octet with leading zero"
            }
            part if part.parse::<u8>().is_err() => "IPv4 field has value >255",
            _ => continue,
        };
        return why.into();
    }
    "IPv4 address too short".into()
}

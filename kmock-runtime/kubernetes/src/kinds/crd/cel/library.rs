//! The server's own types in rules: quantities, URLs, IP addresses and ranges, semantic versions, named formats.
//!
//! Rules: `apiserver/pkg/cel/library`.

use std::net::IpAddr;

use super::addresses;
use super::value::{Fail, Opaque, Semver, Url, Val, compare};
use crate::kinds::builtin::quantity::Quantity;
use crate::kinds::crd::formats::TextFormat;
use crate::model::meta;
use crate::model::status::quoted;

type Out<'a> = Result<Val<'a>, Fail>;

/// Calls a function that is no member.
pub(crate) fn global<'a>(name: &str, args: &[Val<'a>]) -> Out<'a> {
    if let (Some(format), true) = (name.strip_prefix("format."), args.is_empty()) {
        return named(format).map_or_else(Fail::no_such_overload, |format| {
            Ok(Val::opaque(Opaque::Format(format)))
        });
    }
    if name == "optional.none" {
        return Ok(Val::Optional(None));
    }
    let Some(Val::Text(text)) = args.first() else {
        return Fail::no_such_overload();
    };
    let lenient = matches!(args.get(1), Some(Val::Bool(true)));
    match name {
        "jsonpatch.escapeKey" => Ok(Val::text(text.replace('~', "~0").replace('/', "~1"))),
        "quantity" => match Quantity::parse(text) {
            Ok(quantity) => Ok(Val::opaque(Opaque::Quantity(quantity))),
            Err(_) => Fail::new(
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            ),
        },
        "isQuantity" => Ok(Val::Bool(Quantity::parse(text).is_ok())),
        "url" => match url(text) {
            Some(url) => Ok(Val::opaque(Opaque::Url(url))),
            None => Fail::new(format!(
                "URL parse error during conversion from string: {}",
                url_fault(text)
            )),
        },
        "isURL" => Ok(Val::Bool(url(text).is_some())),
        "ip" => match ip(text) {
            Some(ip) => Ok(Val::opaque(Opaque::Ip(ip))),
            None => Fail::new(addresses::ip_fault(text)),
        },
        "isIP" => Ok(Val::Bool(ip(text).is_some())),
        "ip.isCanonical" => match ip(text) {
            Some(ip) => Ok(Val::Bool(ip.to_string() == **text)),
            None => Fail::new(addresses::ip_fault(text)),
        },
        "cidr" => match cidr(text) {
            Some((ip, bits)) => Ok(Val::opaque(Opaque::Cidr(ip, bits))),
            None => Fail::new(addresses::cidr_fault(text)),
        },
        "isCIDR" => Ok(Val::Bool(cidr(text).is_some())),
        "semver" => match Semver::parse(text, lenient) {
            Some(version) => Ok(Val::opaque(Opaque::Semver(version))),
            None => Fail::new(Semver::fault(text)),
        },
        "isSemver" => Ok(Val::Bool(Semver::parse(text, lenient).is_some())),
        "format.named" => Ok(named(text).map_or(Val::Optional(None), |format| {
            Val::some(Val::opaque(Opaque::Format(format)))
        })),
        "strings.quote" => Ok(Val::text(super::texts::quote(text))),
        _ => Fail::no_such_overload(),
    }
}

/// Calls a member function.
pub(crate) fn member<'a>(name: &str, target: &Opaque, args: &[Val<'a>]) -> Out<'a> {
    match target {
        // Those are called where the authorizer is known.
        Opaque::Authz(_) => Fail::no_such_overload(),
        Opaque::Quantity(quantity) => of_quantity(name, quantity, args),
        Opaque::Url(url) => of_url(name, url),
        Opaque::Ip(ip) => of_ip(name, *ip),
        Opaque::Cidr(ip, bits) => of_cidr(name, *ip, *bits, args),
        Opaque::Semver(version) => of_semver(name, version, args),
        Opaque::Format(format) => match (name, args) {
            ("validate", [Val::Text(text)]) => {
                let faults = faults(format, text);
                let faults: Vec<Val<'a>> = faults.into_iter().map(Val::text).collect();
                Ok(if faults.is_empty() {
                    Val::Optional(None)
                } else {
                    Val::some(Val::list(faults))
                })
            }
            _ => Fail::no_such_overload(),
        },
    }
}

/// A value of these types as a text.
pub(crate) fn shown(opaque: &Opaque) -> String {
    match opaque {
        Opaque::Quantity(quantity) => quantity.to_string(),
        Opaque::Ip(ip) => ip.to_string(),
        Opaque::Cidr(ip, bits) => format!("{ip}/{bits}"),
        Opaque::Url(url) => format!("{}://{}{}", url.scheme, url.host, url.path),
        Opaque::Semver(version) => {
            let pre = if version.pre.is_empty() {
                String::new()
            } else {
                format!("-{}", version.pre.join("."))
            };
            format!("{}.{}.{}{pre}", version.major, version.minor, version.patch)
        }
        Opaque::Format(name) => (*name).to_owned(),
        Opaque::Authz(authz) => authz.type_name().to_owned(),
    }
}

fn of_quantity<'a>(name: &str, quantity: &Quantity, args: &[Val<'a>]) -> Out<'a> {
    let other = match args.first() {
        Some(Val::Opaque(opaque)) => match &**opaque {
            Opaque::Quantity(other) => Some(other.clone()),
            _ => None,
        },
        Some(Val::Int(int)) => Quantity::parse(&int.to_string()).ok(),
        _ => None,
    };
    match (name, other) {
        ("sign", None) => Ok(Val::Int(quantity.sign().into())),
        ("isInteger", None) => Ok(Val::Bool(quantity.is_whole() && quantity.value().is_some())),
        ("asInteger", None) => match quantity.value().filter(|_| quantity.is_whole()) {
            Some(value) => Ok(Val::Int(value)),
            None => Fail::new("cannot convert value to integer"),
        },
        ("asApproximateFloat", None) => {
            let milli = quantity.milli_value().map(|milli| milli as f64 / 1000.0);
            Ok(Val::Double(
                milli
                    .or_else(|| quantity.value().map(|value| value as f64))
                    .unwrap_or(f64::MAX),
            ))
        }
        ("add", Some(other)) => Ok(Val::opaque(Opaque::Quantity(quantity.add(&other)))),
        ("sub", Some(other)) => {
            let text = other.to_string();
            let negative = match text.strip_prefix('-') {
                Some(rest) => rest.to_owned(),
                None => format!("-{text}"),
            };
            let negative = Quantity::parse(&negative).unwrap_or(other);
            Ok(Val::opaque(Opaque::Quantity(quantity.add(&negative))))
        }
        ("isGreaterThan", Some(other)) => Ok(Val::Bool(quantity.compare(&other).is_gt())),
        ("isLessThan", Some(other)) => Ok(Val::Bool(quantity.compare(&other).is_lt())),
        ("compareTo", Some(other)) => Ok(Val::Int(quantity.compare(&other) as i64)),
        _ => Fail::no_such_overload(),
    }
}

fn url(text: &str) -> Option<Url> {
    if !TextFormat::Uri.accepts(text) {
        return None;
    }
    let (scheme, rest) = match text.split_once(':') {
        Some((scheme, rest)) if !text.starts_with('/') => (scheme.to_lowercase(), rest),
        _ => (String::new(), text),
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (host, path) = match rest.strip_prefix("//") {
        Some(after) => after.find('/').map_or((after, ""), |at| after.split_at(at)),
        None => ("", rest),
    };
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    Some(Url {
        scheme,
        host: host.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
    })
}

fn url_fault(text: &str) -> String {
    let why = match text {
        "" => "empty url",
        text if text.starts_with(':') => "missing protocol scheme",
        _ => "invalid URI for request",
    };
    format!("parse {}: {why}", quoted(text))
}

fn host_and_port(host: &str) -> (&str, &str) {
    match host.strip_prefix('[') {
        Some(inner) => {
            let (name, rest) = inner.split_once(']').unwrap_or((inner, ""));
            (name, rest.strip_prefix(':').unwrap_or_default())
        }
        None => host.rsplit_once(':').unwrap_or((host, "")),
    }
}

fn of_url<'a>(name: &str, url: &Url) -> Out<'a> {
    let text = |text: &str| Ok(Val::text(text));
    match name {
        "getScheme" => text(&url.scheme),
        "getHost" => text(&url.host),
        "getHostname" => text(host_and_port(&url.host).0),
        "getPort" => text(host_and_port(&url.host).1),
        "getEscapedPath" => text(&url.path),
        "getQuery" => {
            let mut all: Vec<(String, Vec<Val<'a>>)> = Vec::new();
            for pair in url.query.split('&').filter(|pair| !pair.is_empty()) {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                let (key, value) = (unescape(key), unescape(value));
                match all.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, values)) => values.push(Val::text(value)),
                    None => all.push((key, vec![Val::text(value)])),
                }
            }
            let entries = all
                .into_iter()
                .map(|(key, values)| (Val::text(key), Val::list(values)));
            Ok(Val::Map(entries.collect::<Vec<_>>().into()))
        }
        _ => Fail::no_such_overload(),
    }
}

fn unescape(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digits: Vec<u8> = bytes.by_ref().take(2).collect();
                let hex = std::str::from_utf8(&digits)
                    .ok()
                    .and_then(|hex| u8::from_str_radix(hex, 16).ok());
                out.extend(hex);
            }
            other => out.push(other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn ip(text: &str) -> Option<IpAddr> {
    let ip: IpAddr = text.parse().ok()?;
    // IPv4 in the clothes of IPv6 is refused.
    match ip {
        IpAddr::V6(six) if six.to_ipv4_mapped().is_some() => None,
        ip => Some(ip),
    }
}

fn cidr(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = text.split_once('/')?;
    let address = ip(address)?;
    if bits.starts_with('+') || (bits.len() > 1 && bits.starts_with('0')) {
        return None;
    }
    let bits: u8 = bits.parse().ok()?;
    (bits <= width(address)).then_some((address, bits))
}

fn width(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)) << 96,
        IpAddr::V6(ip) => u128::from(ip),
    }
}

fn masked(ip: IpAddr, bits: u8) -> u128 {
    if bits == 0 {
        0
    } else {
        number(ip) & (u128::MAX << (128 - u32::from(bits)))
    }
}

fn of_ip<'a>(name: &str, ip: IpAddr) -> Out<'a> {
    let holds = |v4: bool, v6: bool| Ok(Val::Bool(if ip.is_ipv4() { v4 } else { v6 }));
    let octets = match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let byte = |at: usize| octets.get(at).copied().unwrap_or_default();
    match name {
        "family" => Ok(Val::Int(if ip.is_ipv4() { 4 } else { 6 })),
        "isUnspecified" => Ok(Val::Bool(ip.is_unspecified())),
        "isLoopback" => Ok(Val::Bool(ip.is_loopback())),
        "isLinkLocalMulticast" => holds(
            byte(0) == 224 && byte(1) == 0 && byte(2) == 0,
            byte(0) == 0xff && byte(1) & 0x0f == 2,
        ),
        "isLinkLocalUnicast" => holds(
            byte(0) == 169 && byte(1) == 254,
            byte(0) == 0xfe && byte(1) & 0xc0 == 0x80,
        ),
        "isGlobalUnicast" => {
            let local = match of_ip("isLinkLocalUnicast", ip)? {
                Val::Bool(local) => local,
                _ => false,
            };
            let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
            Ok(Val::Bool(
                !(ip.is_unspecified()
                    || ip.is_loopback()
                    || ip.is_multicast()
                    || local
                    || broadcast),
            ))
        }
        _ => Fail::no_such_overload(),
    }
}

fn of_cidr<'a>(name: &str, ip: IpAddr, bits: u8, args: &[Val<'a>]) -> Out<'a> {
    let holds = |other: IpAddr, other_bits: u8| {
        Ok(Val::Bool(
            ip.is_ipv4() == other.is_ipv4()
                && other_bits >= bits
                && masked(other, bits) == masked(ip, bits),
        ))
    };
    match (name, args.first()) {
        ("ip", None) => Ok(Val::opaque(Opaque::Ip(ip))),
        ("prefixLength", None) => Ok(Val::Int(bits.into())),
        ("masked", None) => {
            let number = masked(ip, bits);
            let ip = match ip {
                IpAddr::V4(_) => IpAddr::V4(u32::try_from(number >> 96).unwrap_or_default().into()),
                IpAddr::V6(_) => IpAddr::V6(number.into()),
            };
            Ok(Val::opaque(Opaque::Cidr(ip, bits)))
        }
        ("containsIP", Some(Val::Text(text))) => match self::ip(text) {
            Some(other) => holds(other, width(other)),
            None => Fail::new(addresses::ip_fault(text)),
        },
        ("containsCIDR", Some(Val::Text(text))) => match cidr(text) {
            Some((other, bits)) => holds(other, bits),
            None => Fail::new(addresses::cidr_fault(text)),
        },
        ("containsIP" | "containsCIDR", Some(Val::Opaque(opaque))) => match &**opaque {
            Opaque::Ip(other) => holds(*other, width(*other)),
            Opaque::Cidr(other, bits) => holds(*other, *bits),
            _ => Fail::no_such_overload(),
        },
        _ => Fail::no_such_overload(),
    }
}

fn of_semver<'a>(name: &str, version: &Semver, args: &[Val<'a>]) -> Out<'a> {
    let order = || {
        args.first()
            .and_then(|other| compare(&Val::opaque(Opaque::Semver(version.clone())), other))
    };
    let number = |number: u64| Ok(Val::Int(i64::try_from(number).unwrap_or(i64::MAX)));
    match (name, order()) {
        ("major", _) => number(version.major),
        ("minor", _) => number(version.minor),
        ("patch", _) => number(version.patch),
        ("isGreaterThan", Some(order)) => Ok(Val::Bool(order.is_gt())),
        ("isLessThan", Some(order)) => Ok(Val::Bool(order.is_lt())),
        ("compareTo", Some(order)) => Ok(Val::Int(order as i64)),
        _ => Fail::no_such_overload(),
    }
}

fn named(name: &str) -> Option<&'static str> {
    const NAMES: [&str; 13] = [
        "dns1123Label",
        "dns1123Subdomain",
        "dns1035Label",
        "qualifiedName",
        "dns1123LabelPrefix",
        "dns1123SubdomainPrefix",
        "dns1035LabelPrefix",
        "labelValue",
        "uri",
        "uuid",
        "byte",
        "date",
        "datetime",
    ];
    NAMES.into_iter().find(|known| *known == name)
}

fn faults(format: &str, text: &str) -> Vec<String> {
    let prefix = |text: &str| {
        // The character before the dash goes with it.
        let head = text.strip_suffix('-').map(str::chars);
        match head.and_then(|mut head| head.next_back().map(|_| head.as_str().to_owned())) {
            Some(head) => head + "a",
            None => text.to_owned(),
        }
    };
    let checked = |format: TextFormat, why: &str| {
        if format.accepts(text) {
            Vec::new()
        } else {
            vec![why.to_owned()]
        }
    };
    match format {
        "dns1123Label" => meta::label_faults(text),
        "dns1123Subdomain" => meta::subdomain_faults(text),
        "dns1035Label" => meta::label_1035_faults(text),
        "qualifiedName" => meta::qualified_name_faults(text),
        "dns1123LabelPrefix" => meta::label_faults(&prefix(text)),
        "dns1123SubdomainPrefix" => meta::subdomain_faults(&prefix(text)),
        "dns1035LabelPrefix" => meta::label_1035_faults(&prefix(text)),
        "labelValue" => meta::label_value_faults(text),
        "uri" => checked(TextFormat::Uri, &url_fault(text)),
        "uuid" => checked(TextFormat::Uuid, "does not match the UUID format"),
        "byte" => checked(TextFormat::Byte, "invalid base64"),
        "date" => checked(TextFormat::Date, "invalid date"),
        _ => checked(TextFormat::DateTime, "invalid datetime"),
    }
}

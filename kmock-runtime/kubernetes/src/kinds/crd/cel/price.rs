//! What a call costs when it runs, by the sizes of its values.
//!
//! Rules: `cel-go/interpreter/runtimecost.go`, and `CallCost` of `apiserver/pkg/cel/library/cost.go`.

use super::value::{Opaque, Val};

const TRAVERSAL: f64 = 0.1;
const REGEX: f64 = 0.25;

fn size(value: &Val<'_>) -> f64 {
    match value {
        Val::Optional(Some(inner)) => size(inner),
        other => other.size().map_or(1.0, |size| size as f64),
    }
}

fn rounded(cost: f64) -> u64 {
    cost.ceil() as u64
}

/// A whole value read once.
fn traversal(value: &Val<'_>) -> u64 {
    match value {
        Val::Text(text) => (text.len() as f64 * TRAVERSAL) as u64,
        Val::Bytes(bytes) => (bytes.len() as f64 * TRAVERSAL) as u64,
        other => match (other.items(), other.entries()) {
            (Some(items), _) => items.iter().map(traversal).sum(),
            (None, Some(entries)) => entries
                .iter()
                .map(|(key, value)| traversal(key) + traversal(value))
                .sum(),
            (None, None) => 1,
        },
    }
}

/// The cost of a call with these values; of a member function the first one is the target.
pub(super) fn of_call(name: &str, values: &[Val<'_>], result: Option<&Val<'_>>) -> u64 {
    let of = |at: usize| values.get(at).map_or(1.0, size);
    let texts = |at: usize| matches!(values.get(at), Some(Val::Text(_) | Val::Bytes(_)));
    let smaller = || rounded(of(0).min(of(1)) * TRAVERSAL);
    let pattern = |length: f64| rounded((1.0 + of(0)) * TRAVERSAL) * rounded(length * REGEX);
    match name {
        "_==_" | "_!=_" => match values.first() {
            Some(Val::Opaque(_)) if name == "_==_" => 1,
            _ => smaller(),
        },
        "_<_" | "_<=_" | "_>_" | "_>=_" if texts(0) => smaller(),
        "_+_" if texts(0) => rounded((of(0) + of(1)) * TRAVERSAL),
        "@in" if values.get(1).is_some_and(|list| list.items().is_some()) => rounded(of(1)),
        "matches" | "find" | "findAll" => pattern(of(1)),
        "contains" => rounded(of(0) * TRAVERSAL) * rounded(of(1) * TRAVERSAL),
        "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" => {
            values.first().map_or(0, traversal)
        }
        "startsWith" | "endsWith" | "strings.quote" | "format" | "url" | "lowerAscii"
        | "upperAscii" | "substring" | "trim" | "cidr" | "isIP" | "isCIDR" | "quantity"
        | "isQuantity" | "semver" | "isSemver" => rounded(of(0) * TRAVERSAL),
        "ip" if texts(0) => rounded(of(0) * TRAVERSAL),
        "bytes" | "string" if texts(0) && !is_identity(name, values) => rounded(of(0) * TRAVERSAL),
        "replace" | "split" | "ip.isCanonical" => rounded(of(0) * 2.0 * TRAVERSAL),
        "join" => rounded(result.map_or(1.0, size) * 2.0 * TRAVERSAL),
        "containsIP" | "containsCIDR" => contains(name, values),
        "validate" => pattern(match values.first() {
            Some(Val::Opaque(opaque)) => longest_pattern(opaque),
            _ => 30.0,
        }),
        "sets.contains" | "sets.intersects" => 1 + (of(0) * of(1)) as u64,
        "sets.equivalent" => 1 + (2.0 * of(0) * of(1)) as u64,
        _ => 1,
    }
}

fn is_identity(name: &str, values: &[Val<'_>]) -> bool {
    matches!(
        (name, values.first()),
        ("bytes", Some(Val::Bytes(_))) | ("string", Some(Val::Text(_)))
    )
}

fn contains(name: &str, values: &[Val<'_>]) -> u64 {
    let width = match values.first() {
        Some(Val::Opaque(opaque)) => match &**opaque {
            Opaque::Cidr(ip, _) if ip.is_ipv4() => 4.0,
            _ => 16.0,
        },
        _ => 16.0,
    };
    let mut cost = rounded(2.0 * width * TRAVERSAL);
    if name == "containsCIDR" {
        cost += rounded(width * TRAVERSAL) + 1;
    }
    if let Some(text @ Val::Text(_)) = values.get(1) {
        cost += rounded(size(text) * TRAVERSAL);
    }
    cost
}

/// How long the pattern behind a named format is taken to be.
fn longest_pattern(opaque: &Opaque) -> f64 {
    match opaque {
        Opaque::Format("dns1123Subdomain" | "dns1123SubdomainPrefix" | "qualifiedName") => 60.0,
        Opaque::Format("labelValue") => 40.0,
        Opaque::Format("uuid" | "date" | "datetime") => 100.0,
        _ => 30.0,
    }
}

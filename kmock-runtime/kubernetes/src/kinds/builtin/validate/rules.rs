//! Rules that many kinds share: names, numbers, enumerations, label selectors, immutability.

use serde_json::Value;

use crate::kinds::builtin::gotypes::Struct;
pub(super) use crate::kinds::builtin::internal_form::invalid_internal;
use crate::kinds::builtin::quantity::Quantity;
pub(super) use crate::kinds::builtin::shown::{shown_map, shown_struct};
pub(super) use crate::kinds::builtin::values::int;
use crate::kinds::builtin::values::{at, is_set, items, members, text};
use crate::model::meta::{label_value_faults, qualified_name_faults, subdomain_faults};
use crate::model::status::FieldError;

/// The faults found so far.
pub(in crate::kinds::builtin) type Faults = Vec<FieldError>;

pub(super) const NOT_NEGATIVE: &str = "must be greater than or equal to 0";
pub(super) const IMMUTABLE: &str = "field is immutable";

/// A fault for each text.
pub(super) fn texts(faults: &mut Faults, path: &str, value: &str, messages: Vec<String>) {
    faults.extend(
        messages
            .into_iter()
            .map(|message| FieldError::invalid_text(path, value, message)),
    );
}

/// A field that is a well made text.
pub(super) fn text_field(
    faults: &mut Faults,
    object: &Value,
    path: &str,
    key: &str,
    rule: fn(&str) -> Vec<String>,
) {
    let value = text(object, &[key]);
    texts(faults, &format!("{path}.{key}"), value, rule(value));
}

/// A field that is a well made text, unless it is empty.
pub(super) fn given_text(
    faults: &mut Faults,
    object: &Value,
    path: &str,
    key: &str,
    rule: fn(&str) -> Vec<String>,
) {
    if !text(object, &[key]).is_empty() {
        text_field(faults, object, path, key, rule);
    }
}

/// A text that must be there, and be well made.
pub(super) fn named(faults: &mut Faults, path: &str, value: &str, rule: fn(&str) -> Vec<String>) {
    if value.is_empty() {
        faults.push(FieldError::required(path, ""));
    } else {
        texts(faults, path, value, rule(value));
    }
}

/// A text that must be there.
pub(super) fn required(faults: &mut Faults, path: &str, value: &str) {
    if value.is_empty() {
        faults.push(FieldError::required(path, ""));
    }
}

/// A text out of a few; empty ones are missing.
pub(super) fn one_of(faults: &mut Faults, path: &str, value: &str, supported: &[&str]) {
    if value.is_empty() {
        faults.push(FieldError::required(path, ""));
    } else {
        maybe_one_of(faults, path, value, supported);
    }
}

/// A text out of a few.
pub(super) fn maybe_one_of(faults: &mut Faults, path: &str, value: &str, supported: &[&str]) {
    if !supported.contains(&value) {
        faults.push(FieldError::not_supported(path, &value.into(), supported));
    }
}

/// A number that must not be negative, if it is there.
pub(super) fn not_negative(faults: &mut Faults, object: &Value, keys: &[&str], path: &str) {
    for key in keys {
        let value = at(object, &[key]);
        if value.as_i64().is_some_and(|n| n < 0) {
            faults.push(FieldError::invalid(
                format!("{path}.{key}"),
                value,
                NOT_NEGATIVE,
            ));
        }
    }
}

/// The fault of a number outside of a range.
pub(super) fn in_range(faults: &mut Faults, path: &str, value: &Value, low: i64, high: i64) {
    if value.as_i64().is_some_and(|n| n < low || n > high) {
        faults.push(FieldError::invalid(
            path,
            value,
            format!("must be between {low} and {high}, inclusive"),
        ));
    }
}

/// A port number.
pub(super) fn port(faults: &mut Faults, path: &str, value: &Value) {
    in_range(faults, path, value, 1, 65_535);
}

pub(super) const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

/// The number and the protocol of a port of a service or of endpoints.
pub(super) fn port_and_protocol(faults: &mut Faults, entry: &Value, path: &str) {
    // One that is missing counts as 0.
    let number = int(entry, &["port"]).into();
    port(faults, &format!("{path}.port"), &number);
    let protocol = text(entry, &["protocol"]);
    one_of(faults, &format!("{path}.protocol"), protocol, &PROTOCOLS);
}

/// What is said of the protocol above a port.
pub(super) fn app_protocol(faults: &mut Faults, entry: &Value, path: &str) {
    if is_set(entry, &["appProtocol"]) {
        text_field(faults, entry, path, "appProtocol", qualified_name_faults);
    }
}

/// What is wrong with the name of a port.
pub(super) fn port_name_faults(name: &str) -> Vec<String> {
    let mut out = Vec::new();
    if name.len() > 15 {
        out.push("must be no more than 15 characters".to_owned());
    }
    if name.is_empty()
        || !name
            .bytes()
            .all(|c| c == b'-' || c.is_ascii_lowercase() || c.is_ascii_digit())
    {
        out.push(
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned(),
        );
    }
    if !name.bytes().any(|c| c.is_ascii_lowercase()) {
        out.push("must contain at least one letter (a-z)".to_owned());
    }
    if name.contains("--") {
        out.push("must not contain consecutive hyphens".to_owned());
    }
    if name.starts_with('-') || name.ends_with('-') {
        out.push("must not begin or end with a hyphen".to_owned());
    }
    out
}

/// A port by number or by name.
pub(super) fn port_or_name(faults: &mut Faults, path: &str, value: &Value) {
    match value {
        Value::String(name) => texts(faults, path, name, port_name_faults(name)),
        number => port(faults, path, number),
    }
}

/// What is wrong with a key of a ConfigMap or a Secret.
pub(super) fn config_key_faults(key: &str) -> Vec<String> {
    let mut out = Vec::new();
    if key.len() > 253 {
        out.push("must be no more than 253 characters".to_owned());
    }
    if key.is_empty()
        || !key
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
    {
        out.push(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
                .to_owned(),
        );
    }
    match key {
        "." => out.push("must not be '.'".to_owned()),
        ".." => out.push("must not be '..'".to_owned()),
        _ if key.starts_with("..") => out.push("must not start with '..'".to_owned()),
        _ => {}
    }
    out
}

/// A count or a percentage.
pub(super) fn count_or_percent(faults: &mut Faults, path: &str, value: &Value) {
    match value {
        Value::String(percent) => {
            let digits = percent.strip_suffix('%').unwrap_or_default();
            if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
                faults.push(FieldError::invalid(
                    path,
                    value,
                    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
                ));
            }
        }
        number if number.as_i64().is_some_and(|n| n < 0) => {
            faults.push(FieldError::invalid(path, value, NOT_NEGATIVE));
        }
        _ => {}
    }
}

/// A percentage above 100.
pub(super) fn at_most_all(faults: &mut Faults, path: &str, value: &Value) {
    let percent = value
        .as_str()
        .and_then(|t| t.strip_suffix('%'))
        .and_then(|n| n.parse::<i64>().ok());
    if percent.is_some_and(|n| n > 100) {
        faults.push(FieldError::invalid(
            path,
            value,
            "must not be greater than 100%",
        ));
    }
}

/// Labels, as keys of a map.
pub(super) fn labels(faults: &mut Faults, path: &str, map: &Value) {
    for (key, value) in members(map, &[]) {
        texts(faults, path, key, qualified_name_faults(key));
        let value = value.as_str().unwrap_or_default();
        texts(faults, path, value, label_value_faults(value));
    }
}

/// Whether a requirement of a selector has as many values as its operator wants.
pub(crate) fn values_of(faults: &mut Faults, path: &str, operator: &str, count: usize) {
    let path = format!("{path}.values");
    match operator {
        "In" | "NotIn" if count == 0 => faults.push(FieldError::required(
            path,
            "must be specified when `operator` is 'In' or 'NotIn'",
        )),
        "Exists" | "DoesNotExist" if count > 0 => faults.push(FieldError::forbidden(
            path,
            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        )),
        _ => {}
    }
}

/// The values that an expression compares a label with.
pub(super) fn label_values(faults: &mut Faults, path: &str, values: &[Value]) {
    for (i, value) in values.iter().filter_map(Value::as_str).enumerate() {
        let path = format!("{path}.values[{i}]");
        texts(faults, &path, value, label_value_faults(value));
    }
}

/// A label selector.
pub(super) fn label_selector(faults: &mut Faults, path: &str, selector: &Value) {
    if !selector.is_object() {
        return;
    }
    labels(
        faults,
        &format!("{path}.matchLabels"),
        at(selector, &["matchLabels"]),
    );
    for (i, rule) in items(selector, &["matchExpressions"]).iter().enumerate() {
        let path = format!("{path}.matchExpressions[{i}]");
        let values = items(rule, &["values"]);
        let operator = text(rule, &["operator"]);
        values_of(faults, &path, operator, values.len());
        if !matches!(operator, "In" | "NotIn" | "Exists" | "DoesNotExist") {
            faults.push(FieldError::invalid_text(
                format!("{path}.operator"),
                operator,
                "not a valid selector operator",
            ));
        }
        text_field(faults, rule, &path, "key", qualified_name_faults);
        label_values(faults, &path, values);
    }
}

/// Whether a selector asks for nothing, so that it fits everything.
pub(super) fn is_empty_selector(selector: &Value) -> bool {
    members(selector, &["matchLabels"]).is_empty()
        && items(selector, &["matchExpressions"]).is_empty()
}

/// Whether a label selector fits labels. A missing selector fits nothing.
pub(super) fn selects(selector: &Value, labels: &Value) -> bool {
    if !selector.is_object() {
        return false;
    }
    let value = |key: &str| at(labels, &[key]).as_str();
    members(selector, &["matchLabels"])
        .into_iter()
        .all(|(key, wanted)| value(key) == wanted.as_str())
        && items(selector, &["matchExpressions"]).iter().all(|rule| {
            let value = value(text(rule, &["key"]));
            let listed = value.is_some_and(|v| items(rule, &["values"]).iter().any(|x| x == v));
            match text(rule, &["operator"]) {
                "In" => listed,
                "NotIn" => !listed,
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => true,
            }
        })
}

/// A field that must stay as it was; the value is shown as the type prints it.
pub(super) fn immutable(faults: &mut Faults, path: &str, ty: &str, new: &Value, old: &Value) {
    if new != old {
        faults.push(invalid_struct(path, ty, new, IMMUTABLE));
    }
}

/// `Invalid value: {…}: …` with the members of a Go struct in its own order.
pub(super) fn invalid_struct(path: &str, ty: &str, value: &Value, detail: &str) -> FieldError {
    let shown =
        Struct::named(ty).map_or_else(|| value.to_string(), |root| shown_struct(root, value));
    FieldError::new(
        "FieldValueInvalid",
        path,
        format!("Invalid value: {shown}: {detail}"),
    )
}

/// An amount of a resource that must not be negative.
pub(super) fn amount(faults: &mut Faults, path: &str, value: &Value) -> Option<Quantity> {
    let amount = Quantity::of(value)?;
    if amount.sign() < 0 {
        faults.push(FieldError::invalid(path, value, NOT_NEGATIVE));
    }
    Some(amount)
}

/// Whether a text is an IP address.
pub(super) fn is_address(value: &str) -> bool {
    value.parse::<std::net::IpAddr>().is_ok()
}

/// A path below a domain, such as `acme.io/foo`.
pub(super) fn domain_prefixed(faults: &mut Faults, path: &str, value: &str) {
    if value.is_empty() {
        faults.push(FieldError::required(path, ""));
        return;
    }
    let Some((host, rest)) = value
        .split_once('/')
        .filter(|(host, rest)| !host.is_empty() && !rest.is_empty())
    else {
        faults.push(FieldError::invalid_text(
            path,
            value,
            "must be a domain-prefixed path (such as \"acme.io/foo\")",
        ));
        return;
    };
    texts(faults, path, host, subdomain_faults(host));
    let of_path = |c: u8| c.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&c);
    if !rest.bytes().all(of_path) {
        faults.push(FieldError::invalid_text(
            path,
            rest,
            r"Invalid path (regex used for validation is '[A-Za-z0-9/\-._~%!$&'()*+,;=:]+')",
        ));
    }
}

/// A range of IP addresses.
pub(super) fn cidr(faults: &mut Faults, path: &str, value: &str) {
    if !is_cidr(value) {
        faults.push(FieldError::invalid_text(
            path,
            value,
            "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
        ));
    }
}

/// An IP address.
pub(super) fn ip(faults: &mut Faults, path: &str, value: &str) {
    if !is_address(value) {
        faults.push(FieldError::invalid_text(
            path,
            value,
            "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
        ));
    }
}

/// Whether two spec fields are the same, as objects that were stored and ones that were not are compared.
pub(super) fn same(new: &Value, old: &Value, path: &[&str]) -> bool {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    };
    let (new, old) = (at(new, path), at(old, path));
    new == old || (empty(new) && empty(old))
}

/// A number that must be positive.
pub(super) fn positive(faults: &mut Faults, object: &Value, path: &[&str]) {
    if is_set(object, path) && int(object, path) <= 0 {
        faults.push(FieldError::invalid(
            path.join("."),
            at(object, path),
            "must be greater than 0",
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

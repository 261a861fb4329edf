//! What a plain scalar means in YAML 1.1, as `goyaml.v2` resolves it.

use serde_json::{Number, Value};

/// A resolved plain scalar.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(Number),
    Float(f64),
    /// A date: a text in JSON, but one that is quoted when printed.
    Timestamp,
    Text,
}

/// Resolves a plain, untagged scalar.
pub(super) fn resolve(text: &str) -> Scalar {
    let Some(first) = text.bytes().next() else {
        return Scalar::Null;
    };
    match first {
        b'+' | b'-' | b'0'..=b'9' => number(text),
        b'.' => dotted(text),
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => word(text),
        _ => Scalar::Text,
    }
}

/// The JSON form of a plain scalar.
pub(super) fn to_json(text: &str) -> Result<Value, String> {
    Ok(match resolve(text) {
        Scalar::Null => Value::Null,
        Scalar::Bool(value) => Value::Bool(value),
        Scalar::Int(value) => Value::Number(value),
        Scalar::Float(value) => float(value)?,
        Scalar::Timestamp | Scalar::Text => Value::String(text.to_owned()),
    })
}

/// A float in JSON: Go prints whole ones without a fraction, and has no infinite ones.
pub(super) fn float(value: f64) -> Result<Value, String> {
    if !value.is_finite() {
        let name = if value.is_nan() {
            "NaN"
        } else {
            ["-Inf", "+Inf"][usize::from(value > 0.0)]
        };
        return Err(format!("json: unsupported value: {name}"));
    }
    const WHOLE: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < WHOLE {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        return Ok(Value::from(value as i64));
    }
    Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
}

fn word(text: &str) -> Scalar {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Scalar::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Scalar::Bool(false)
        }
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        _ => Scalar::Text,
    }
}

fn dotted(text: &str) -> Scalar {
    match text {
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" => Scalar::Float(f64::INFINITY),
        _ if is_float(text) => text.parse().map_or(Scalar::Text, Scalar::Float),
        _ => Scalar::Text,
    }
}

fn number(text: &str) -> Scalar {
    match text {
        "+.inf" | "+.Inf" | "+.INF" => return Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if is_timestamp(text) {
        return Scalar::Timestamp;
    }
    let plain = text.replace('_', "");
    if let Some(value) = integer(&plain) {
        return Scalar::Int(value);
    }
    if is_float(&plain) {
        return plain.parse().map_or(Scalar::Text, Scalar::Float);
    }
    Scalar::Text
}

/// Integers with Go's base prefixes; a leading zero means octal.
fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, lower.get(1..)?)
    } else {
        (10, lower.as_str())
    };
    if digits.is_empty() || digits.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, base).ok()?;
    if negative {
        let value = 0i128 - i128::from(magnitude);
        return i64::try_from(value).ok().map(Number::from);
    }
    // An explicit plus makes it a signed number for Go.
    if text.starts_with('+') && i64::try_from(magnitude).is_err() {
        return None;
    }
    Some(Number::from(magnitude))
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    if exponent.is_some_and(|e| !digits(e.strip_prefix(['+', '-']).unwrap_or(e))) {
        return false;
    }
    match mantissa.split_once('.') {
        None => digits(mantissa),
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
    }
}

/// `2006-1-2`, `2006-1-2 15:4:5.9` and RFC 3339 with one or two digits a part.
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 8
        || !bytes.iter().take(4).all(u8::is_ascii_digit)
        || bytes.get(4) != Some(&b'-')
    {
        return false;
    }
    let part = |text: &str, low: u32, high: u32| {
        (1..=2).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_digit())
            && text.parse().is_ok_and(|n: u32| (low..=high).contains(&n))
    };
    let rest = text.get(5..).unwrap_or_default();
    let Some((month, rest)) = rest.split_once('-') else {
        return false;
    };
    let (day, time) = match rest.find(['T', 't', ' ']) {
        Some(at) => (rest.get(..at).unwrap_or_default(), rest.get(at..)),
        None => (rest, None),
    };
    if !part(month, 1, 12) || !part(day, 1, 31) {
        return false;
    }
    let Some(time) = time else { return true };
    let (mark, time) = time.split_at(1);
    let clock = if mark == " " {
        time
    } else if let Some(clock) = time.strip_suffix('Z') {
        clock
    } else {
        let Some(at) = time.rfind(['+', '-']) else {
            return false;
        };
        let (clock, zone) = time.split_at(at);
        let zone_ok = zone
            .get(1..)
            .and_then(|z| z.split_once(':'))
            .is_some_and(|(h, m)| h.len() == 2 && m.len() == 2 && part(h, 0, 24) && part(m, 0, 60));
        if !zone_ok {
            return false;
        }
        clock
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock.split(':');
    parts.next().is_some_and(|p| part(p, 0, 23))
        && parts.next().is_some_and(|p| part(p, 0, 59))
        && parts.next().is_some_and(|p| part(p, 0, 59))
        && parts.next().is_none()
        && !fraction.is_empty()
        && fraction.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_scalars_are_yaml_1_1() {
        for (text, want) in [
            ("y", json!(true)),
            ("Off", json!(false)),
            ("~", json!(null)),
            ("null", json!(null)),
            ("yep", json!("yep")),
            ("010", json!(8)),
            ("0o10", json!(8)),
            ("0x1F", json!(31)),
            ("0b11", json!(3)),
            ("-0x10", json!(-16)),
            ("08", json!(8)),
            ("1_000", json!(1000)),
            ("+5", json!(5)),
            ("1.50", json!(1.5)),
            ("1e3", json!(1000)),
            ("18446744073709551615", json!(u64::MAX)),
            (".5", json!(0.5)),
            ("1.", json!(1)),
            ("-", json!("-")),
            ("1.2.3", json!("1.2.3")),
            ("2001-01-01", json!("2001-01-01")),
            ("1:30", json!("1:30")),
            (".", json!(".")),
        ] {
            assert_eq!(to_json(text), Ok(want), "{text}");
        }
        assert_eq!(
            to_json("-.inf"),
            Err("json: unsupported value: -Inf".into())
        );
    }

    #[test]
    fn timestamps() {
        for text in [
            "2001-01-01",
            "2026-11-22T09:00:00Z",
            "2026-1-2 3:4:5.6",
            "2026-11-22T09:00:00.5+02:00",
        ] {
            assert_eq!(resolve(text), Scalar::Timestamp, "{text}");
        }
        for text in [
            "2001-13-01",
            "2026-11-22T",
            "2026-11-22T25:00:00Z",
            "20261-1-1",
        ] {
            assert_ne!(resolve(text), Scalar::Timestamp, "{text}");
        }
    }
}

//! Numbers as the API server keeps and prints them.
//!
//! A literal that fits 64 bits is an integer; everything else is a double, and a double without a
//! fraction is written without one, so that it comes back as an integer.

use serde_json::{Number, Value};

use kmock_apply::ordered::Node;

/// Turns doubles without a fraction into integers, everywhere in `value`.
pub(crate) fn canonicalise(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(whole) = as_whole(number) {
                *number = whole;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(canonicalise),
        Value::Object(map) => map.values_mut().for_each(canonicalise),
        _ => {}
    }
}

fn as_whole(number: &Number) -> Option<Number> {
    if number.is_i64() {
        return None;
    }
    if number.is_u64() {
        return None;
    }
    let double = number.as_f64()?;
    if double.fract() == 0.0 && (-9.2e18..9.2e18).contains(&double) {
        return Some(Number::from(double as i64));
    }
    None
}

/// The first number of a body that no double can hold, as it was written.
pub(crate) fn beyond_doubles(body: &Node) -> Option<&str> {
    match body {
        Node::Number(text) => {
            let is_beyond = text.parse::<f64>().is_ok_and(f64::is_infinite);
            is_beyond.then_some(text.as_str())
        }
        Node::Array(items) => items.iter().find_map(beyond_doubles),
        Node::Object(members) => members.iter().find_map(|(_, node)| beyond_doubles(node)),
        _ => None,
    }
}

/// What kind of number a value is to the server: beyond 64 bits (signed) it is a double.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Num {
    /// Fits 64 bits.
    Int(i64),
    /// Anything else.
    Double(f64),
}

impl Num {
    /// The number in a JSON value.
    pub(crate) fn of(number: &Number) -> Num {
        match number.as_i64() {
            Some(int) => Num::Int(int),
            None => Num::Double(number.as_f64().unwrap_or_default()),
        }
    }

    /// As a double.
    pub(crate) fn double(self) -> f64 {
        match self {
            Num::Int(int) => int as f64,
            Num::Double(double) => double,
        }
    }
}

/// A double as Go's `%v` prints it: with an exponent from a million on.
pub(crate) fn shown(double: f64) -> String {
    if double == 0.0 {
        return "0".into();
    }
    if (1e-4..1e6).contains(&double.abs()) {
        return format!("{double}");
    }
    let text = format!("{double:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(rest) => ('-', rest),
                None => ('+', exponent),
            };
            format!("{digits}e{sign}{exponent:0>2}")
        }
        None => text,
    }
}

/// Whether a double is a whole number to go-openapi, which forgives tiny fractions.
pub(crate) fn is_json_integer(double: f64) -> bool {
    const LARGEST: f64 = 9_007_199_254_740_991.0;
    const EPSILON: f64 = 1e-9;
    if !double.is_finite() || double.abs() > LARGEST {
        return false;
    }
    let whole = double.trunc();
    if double == whole {
        return true;
    }
    let difference = (double - whole).abs();
    whole != 0.0 && difference / (double.abs() + whole.abs()).min(f64::MAX) < EPSILON
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whole_doubles_become_integers() {
        let mut value: Value = serde_json::from_str(
            r#"[1, 1.0, 1.5, -0, 1e3, 9007199254740993, 9223372036854775808, 1E-7]"#,
        )
        .expect("JSON");
        canonicalise(&mut value);
        assert_eq!(
            value,
            json!([
                1,
                1,
                1.5,
                0,
                1000,
                9_007_199_254_740_993_i64,
                9_223_372_036_854_775_808_u64,
                1e-7
            ])
        );
    }

    #[test]
    fn doubles_print_as_go_prints_them() {
        for (double, text) in [
            (5.0, "5"),
            (1.5, "1.5"),
            (0.0, "0"),
            (1e21, "1e+21"),
            (1e-7, "1e-07"),
            (1e20, "1e+20"),
            (999999.5, "999999.5"),
            (123456789.0, "1.23456789e+08"),
        ] {
            assert_eq!(shown(double), text);
        }
    }
}

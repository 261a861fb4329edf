//! Numbers as JSON texts have them: integers exactly, however long they are, and 1 equal to 1.0.
//!
//! `serde_json` keeps integers of 64 bits and makes floats of longer ones, which are then equal to their neighbours. Where
//! a text has such an integer, it is read once more for the criteria, with a mark in the place of each of them.

use std::{borrow::Cow, cmp::Ordering};

use serde_json::{Number as JsonNumber, Value};

/// The only member of the object that stands for a long integer; no JSON text that people write has such a key.
const MARK: &str = "\u{0}integer";

/// Fewer digits than this fit into 64 bits.
const LONG: usize = 19;

/// A number, exactly.
#[derive(Clone, Debug)]
pub enum Exact {
    #[doc(hidden)]
    Integer(i128),
    /// Longer than that: a sign, and digits that do not begin with 0.
    #[doc(hidden)]
    Long(bool, String),
    #[doc(hidden)]
    Float(f64),
}

impl Exact {
    /// The number that a JSON value is.
    pub(super) fn of(value: &Value) -> Option<Exact> {
        match value {
            Value::Number(number) => Some(Exact::from(number)),
            Value::Object(members) => match members.get(MARK)? {
                Value::String(digits) => Exact::integer(digits),
                _ => None,
            },
            _ => None,
        }
    }

    /// The number that a text is, with white space around it.
    pub(super) fn read(text: &str) -> Option<Exact> {
        let text = text.trim();
        // Rust reads `inf` and `nan`, too, which are words.
        let float = || {
            let digits = text.contains(|c: char| c.is_ascii_digit());
            let float = digits.then(|| text.parse().ok()).flatten();
            float.map(Exact::Float)
        };
        Exact::integer(text).or_else(float)
    }

    fn integer(text: &str) -> Option<Exact> {
        if let Ok(integer) = text.parse() {
            return Some(Exact::Integer(integer));
        }
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        all.then(|| Exact::Long(negative, digits.trim_start_matches('0').to_owned()))
    }

    /// About how much it is.
    fn as_f64(&self) -> f64 {
        match self {
            #[allow(clippy::cast_precision_loss, reason = "about as much is enough")]
            Exact::Integer(integer) => *integer as f64,
            Exact::Long(negative, digits) => {
                let size: f64 = digits.parse().unwrap_or(f64::INFINITY);
                if *negative { -size } else { size }
            }
            Exact::Float(float) => *float,
        }
    }
}

impl From<&JsonNumber> for Exact {
    fn from(number: &JsonNumber) -> Exact {
        match (number.as_i128(), number.as_f64()) {
            (Some(integer), _) => Exact::Integer(integer),
            (None, float) => Exact::Float(float.unwrap_or(f64::NAN)),
        }
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Exact) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Exact) -> Option<Ordering> {
        match (self, other) {
            (Exact::Integer(a), Exact::Integer(b)) => Some(a.cmp(b)),
            (Exact::Integer(a), Exact::Float(b)) => against(*a, *b),
            (Exact::Float(a), Exact::Integer(b)) => against(*b, *a).map(Ordering::reverse),
            (Exact::Long(minus, a), Exact::Long(other, b)) => Some(match (minus, other) {
                (false, false) => by_size(a, b),
                (true, true) => by_size(b, a),
                (false, true) => Ordering::Greater,
                (true, false) => Ordering::Less,
            }),
            _ => self.as_f64().partial_cmp(&other.as_f64()),
        }
    }
}

fn by_size(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// An integer against a float, without a loss of digits.
fn against(integer: i128, float: f64) -> Option<Ordering> {
    const BEYOND: f64 = 1.7e38;
    match float {
        _ if float.is_nan() => None,
        _ if float > BEYOND => Some(Ordering::Less),
        _ if float < -BEYOND => Some(Ordering::Greater),
        _ => {
            #[allow(clippy::cast_possible_truncation, reason = "it fits: see above")]
            let whole = float.floor() as i128;
            Some(integer.cmp(&whole).then(match float > float.floor() {
                true => Ordering::Less,
                false => Ordering::Equal,
            }))
        }
    }
}

/// Whether a value stands for an integer that is too long for `serde_json`.
pub(super) fn is_long(value: &Value) -> bool {
    matches!(value, Value::Object(members) if members.contains_key(MARK))
}

/// What functions of the user get: a long integer as `serde_json` has it.
pub(super) fn plain(value: &Value) -> Cow<'_, Value> {
    match Exact::of(value).filter(|_| is_long(value)) {
        Some(number) => Cow::Owned(number.as_f64().into()),
        None => Cow::Borrowed(value),
    }
}

/// A JSON text, with marks for the integers that are too long. `None`: it is no JSON.
pub(crate) fn read_json(text: &[u8]) -> Option<Value> {
    match has_long(text) {
        false => serde_json::from_slice(text).ok(),
        true => serde_json::from_str(&marked(std::str::from_utf8(text).ok()?)).ok(),
    }
}

/// Whether some integer may be too long for 64 bits.
pub(crate) fn has_long(text: &[u8]) -> bool {
    let mut run = 0;
    text.iter().any(|byte| {
        run = if byte.is_ascii_digit() { run + 1 } else { 0 };
        run >= LONG
    })
}

/// The text with a mark instead of each integer that is too long.
fn marked(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = end_of_string(bytes, at),
            b'-' | b'0'..=b'9' => {
                let of_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
                let rest = bytes.get(at..).unwrap_or_default();
                let end = at + rest.iter().take_while(|byte| of_number(byte)).count();
                let number = &text[at..end];
                if is_too_long(number) {
                    out.push_str(&text[copied..at]);
                    out.push_str(&format!("{{\"\\u0000integer\":\"{number}\"}}"));
                    copied = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    if copied == 0 {
        return text.into();
    }
    out.push_str(&text[copied..]);
    out.into()
}

/// The place after a string that begins here.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

/// An integer as JSON has it, beyond 64 bits.
fn is_too_long(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    let integer = digits.len() >= LONG
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    integer && number.parse::<u64>().is_err() && number.parse::<i64>().is_err()
}

/// A value as JSON; long integers are what they stand for.
pub(super) fn shown(value: &Value) -> String {
    const OPEN: &str = "{\"\\u0000integer\":\"";
    let text = value.to_string();
    let mut parts = text.split(OPEN);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_once("\"}").unwrap_or((part, ""));
        out.push_str(digits);
        out.push_str(rest);
    }
    out
}

/// The numbers that make ranges: integers are compared exactly, also with floats.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// use kmock::{Filter, Pattern};
///
/// // Anything that is a number may bound a range: integers are compared exactly.
/// let large = Filter::query("id", Pattern::range(9_007_199_254_740_993_u64..));
/// ```
pub trait Number {
    #[doc(hidden)]
    fn exact(&self) -> Exact;
}

macro_rules! integers {
    ($($kind:ty),*) => { $(
        impl Number for $kind {
            fn exact(&self) -> Exact {
                match i128::try_from(*self) {
                    Ok(integer) => Exact::Integer(integer),
                    // Only `u128` has such.
                    Err(_) => Exact::Long(false, self.to_string()),
                }
            }
        }
    )* };
}
integers!(
    u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize
);

impl Number for f32 {
    fn exact(&self) -> Exact {
        Exact::Float(f64::from(*self))
    }
}

impl Number for f64 {
    fn exact(&self) -> Exact {
        Exact::Float(*self)
    }
}

impl std::fmt::Display for Exact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Exact::Integer(integer) => integer.fmt(f),
            Exact::Long(negative, digits) => {
                write!(f, "{}{digits}", if *negative { "-" } else { "" })
            }
            Exact::Float(float) => float.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Exact {
        Exact::read(text).expect("a number")
    }

    #[test]
    fn integers_are_compared_exactly_and_with_floats_by_value() {
        // Pairs that are one as floats.
        for (a, b) in [
            ("175928847299117063", "175928847299117064"),
            ("9007199254740992", "9007199254740993"),
            ("18446744073709551615", "18446744073709551616"),
            ("-9223372036854775808", "-9223372036854775809"),
            (
                "340282366920938463463374607431768211456",
                "340282366920938463463374607431768211457",
            ),
        ] {
            assert!(read(a) != read(b), "{a} is not {b}");
            assert_eq!(read(a) < read(b), !a.starts_with('-'), "{a} and {b}");
        }
        for (a, b) in [("1", "1.0"), ("-0.0", "0"), ("1e3", "1000"), ("+5", "05")] {
            assert!(read(a) == read(b), "{a} is {b}");
        }
        assert!(read("2.5") > read("2") && read("-2.5") < read("-2") && read("1e300") > read("7"));
        assert!(Exact::read("x").is_none() && Exact::read("").is_none());
    }

    #[test]
    fn long_integers_of_json_keep_their_digits() {
        let text = r#"{"a": [18446744073709551616, "18446744073709551616", 1e30, 7], "\"": -9223372036854775809}"#;
        let value = read_json(text.as_bytes()).expect("JSON");
        assert!(is_long(&value["a"][0]) && is_long(&value["\""]));
        assert_eq!(value["a"][1], "18446744073709551616");
        assert_eq!(
            shown(&value["a"]),
            r#"[18446744073709551616,"18446744073709551616",1e+30,7]"#
        );
        assert!(read_json(b"[00000000000000000000001]").is_none());
        assert_eq!(read_json(b"18446744073709551615"), Some(u64::MAX.into()));
    }
}

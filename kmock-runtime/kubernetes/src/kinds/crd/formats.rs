//! String formats of schemas: which are checked, and what they accept.
//!
//! A format that is not in this list, or that stands on another type, is not checked
//! (`apiextensions-apiserver/pkg/apiserver/validation/formats.go`); what a format accepts follows
//! `kube-openapi/pkg/validation/strfmt`, dashes in names make no difference.

use std::net::Ipv6Addr;
use std::sync::LazyLock;

use regex::Regex;

/// A format of strings that is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextFormat {
    BsonObjectId,
    Uri,
    Email,
    Hostname,
    Ipv4,
    Ipv6,
    Cidr,
    Mac,
    Uuid,
    Uuid3,
    Uuid4,
    Uuid5,
    Isbn,
    Isbn10,
    Isbn13,
    CreditCard,
    Ssn,
    HexColor,
    RgbColor,
    Byte,
    Password,
    Date,
    Duration,
    DateTime,
    ShortName,
    LongName,
}

impl TextFormat {
    /// The format of that name.
    pub(crate) fn named(name: &str) -> Option<TextFormat> {
        Some(match name.replace('-', "").as_str() {
            "bsonobjectid" => TextFormat::BsonObjectId,
            "uri" => TextFormat::Uri,
            "email" => TextFormat::Email,
            "hostname" => TextFormat::Hostname,
            "ipv4" => TextFormat::Ipv4,
            "ipv6" => TextFormat::Ipv6,
            "cidr" => TextFormat::Cidr,
            "mac" => TextFormat::Mac,
            "uuid" => TextFormat::Uuid,
            "uuid3" => TextFormat::Uuid3,
            "uuid4" => TextFormat::Uuid4,
            "uuid5" => TextFormat::Uuid5,
            "isbn" => TextFormat::Isbn,
            "isbn10" => TextFormat::Isbn10,
            "isbn13" => TextFormat::Isbn13,
            "creditcard" => TextFormat::CreditCard,
            "ssn" => TextFormat::Ssn,
            "hexcolor" => TextFormat::HexColor,
            "rgbcolor" => TextFormat::RgbColor,
            "byte" => TextFormat::Byte,
            "password" => TextFormat::Password,
            "date" => TextFormat::Date,
            "duration" => TextFormat::Duration,
            "datetime" => TextFormat::DateTime,
            "k8sshortname" => TextFormat::ShortName,
            "k8slongname" => TextFormat::LongName,
            _ => return None,
        })
    }

    /// Whether `text` is of the format.
    pub(crate) fn accepts(self, text: &str) -> bool {
        match self {
            TextFormat::BsonObjectId => {
                text.len() == 24 && text.bytes().all(|b| b.is_ascii_hexdigit())
            }
            TextFormat::Uri => is_request_uri(text),
            TextFormat::Email => is_email(text),
            TextFormat::Hostname => {
                matches(&HOSTNAME, text)
                    && text.len() <= 255
                    && text.split('.').all(|label| label.len() <= 63)
            }
            TextFormat::Ipv4 => is_ipv4(text),
            TextFormat::Ipv6 => text.contains(':') && text.parse::<Ipv6Addr>().is_ok(),
            TextFormat::Cidr => is_cidr(text),
            TextFormat::Mac => is_mac(text),
            TextFormat::Uuid => matches(&UUID, text),
            TextFormat::Uuid3 => matches(&UUID3, text),
            TextFormat::Uuid4 => matches(&UUID4, text),
            TextFormat::Uuid5 => matches(&UUID5, text),
            TextFormat::Isbn => is_isbn10(text) || is_isbn13(text),
            TextFormat::Isbn10 => is_isbn10(text),
            TextFormat::Isbn13 => is_isbn13(text),
            TextFormat::CreditCard => is_credit_card(text),
            TextFormat::Ssn => text.len() == 11 && matches(&SSN, text),
            TextFormat::HexColor => matches(&HEX_COLOR, text),
            TextFormat::RgbColor => matches(&RGB_COLOR, text),
            TextFormat::Byte => matches(&BASE64, text),
            TextFormat::Password => true,
            TextFormat::Date => is_date(text),
            TextFormat::Duration => duration(text).is_some(),
            TextFormat::DateTime => is_date_time(text),
            TextFormat::ShortName => matches(&LABEL, text) && text.len() <= 63,
            TextFormat::LongName => {
                text.len() <= 253 && text.split('.').all(|label| matches(&LABEL, label))
            }
        }
    }
}

type Pattern = LazyLock<Option<Regex>>;

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: Pattern = LazyLock::new(|| Regex::new($text).ok());
    };
}

pattern!(
    HOSTNAME,
    r"^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}([a-zA-Z\p{L}]){2,63})$"
);
pattern!(
    UUID,
    r"(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$"
);
pattern!(
    UUID3,
    r"(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$"
);
pattern!(
    UUID4,
    r"(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$"
);
pattern!(
    UUID5,
    r"(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$"
);
pattern!(SSN, r"^[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}$");
pattern!(HEX_COLOR, r"^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$");
pattern!(
    RGB_COLOR,
    r"^rgb\(\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*\)$"
);
pattern!(
    BASE64,
    r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$"
);
pattern!(
    TIME,
    r"^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))$"
);
pattern!(LABEL, r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$");
pattern!(
    CREDIT_CARD,
    r"^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|(222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35[0-9]{3})[0-9]{11}|6[27][0-9]{14})$"
);
pattern!(SCALA_DURATION, r"([0-9]+)\s*([A-Za-zµ]+)");

fn matches(pattern: &Pattern, text: &str) -> bool {
    pattern
        .as_ref()
        .is_some_and(|pattern| pattern.is_match(text))
}

fn is_ipv4(text: &str) -> bool {
    let mut parts = 0;
    let good = text.split('.').all(|part| {
        parts += 1;
        // Leading zeros are forgiven, as Go before 1.17 did.
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_digit())
            && part.trim_start_matches('0').len() <= 3
            && part
                .trim_start_matches('0')
                .parse::<u16>()
                .unwrap_or_default()
                <= 255
    });
    (good && parts == 4)
        || (text.contains('.') && text.contains(':') && text.parse::<Ipv6Addr>().is_ok())
}

fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    let Ok(bits) = length.parse::<u8>() else {
        return false;
    };
    if length.starts_with('+') {
        return false;
    }
    if address.contains(':') {
        address.parse::<Ipv6Addr>().is_ok() && bits <= 128
    } else {
        is_ipv4(address) && bits <= 32
    }
}

fn is_mac(text: &str) -> bool {
    let hex =
        |part: &str, len: usize| part.len() == len && part.bytes().all(|b| b.is_ascii_hexdigit());
    for separator in [':', '-'] {
        let parts: Vec<&str> = text.split(separator).collect();
        if matches!(parts.len(), 6 | 8 | 20) {
            return parts.iter().all(|part| hex(part, 2));
        }
    }
    let parts: Vec<&str> = text.split('.').collect();
    matches!(parts.len(), 3 | 4 | 10) && parts.iter().all(|part| hex(part, 4))
}

fn is_email(text: &str) -> bool {
    // The address of `Name <a@b>`, or the whole.
    let address = match (text.rfind('<'), text.trim_end().strip_suffix('>')) {
        (Some(at), Some(head)) => head.get(at + 1..).unwrap_or_default(),
        _ => text.trim(),
    };
    let Some((local, domain)) = address.rsplit_once('@') else {
        return false;
    };
    let atom = |part: &str| {
        !part.is_empty()
            && part.split('.').all(|word| {
                !word.is_empty()
                    && word.chars().all(|c| {
                        c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii()
                    })
            })
    };
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let literal = domain.starts_with('[') && domain.ends_with(']');
    (atom(local) || quoted) && (atom(domain) || literal)
}

fn is_request_uri(text: &str) -> bool {
    if text.is_empty() || text.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return false;
    }
    if text == "*" {
        return true;
    }
    if text.starts_with('/') {
        return percent_signs_are_good(text);
    }
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let mut letters = scheme.bytes();
    let good_scheme = letters.next().is_some_and(|b| b.is_ascii_alphabetic())
        && letters.all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    if !good_scheme || rest.is_empty() {
        return false;
    }
    if let Some(after) = rest.strip_prefix("//") {
        let host = after.split(['/', '?']).next().unwrap_or_default();
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        if host.contains(' ') || host.contains('"') || host.contains('<') || host.contains('>') {
            return false;
        }
        let port = match host.strip_prefix('[') {
            Some(inner) => match inner.split_once(']') {
                Some((_, port)) => port,
                None => return false,
            },
            None => host
                .find(':')
                .and_then(|at| host.get(at..))
                .unwrap_or_default(),
        };
        if !port.is_empty()
            && !port
                .strip_prefix(':')
                .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
        {
            return false;
        }
        return percent_signs_are_good(after);
    }
    // What follows the scheme of an opaque address is anything.
    !rest.starts_with('/') || percent_signs_are_good(rest)
}

fn percent_signs_are_good(text: &str) -> bool {
    let path = text.split('?').next().unwrap_or_default();
    path.match_indices('%').all(|(at, _)| {
        path.as_bytes()
            .get(at + 1..at + 3)
            .is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
    })
}

fn is_isbn10(text: &str) -> bool {
    let digits: Vec<char> = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
    if digits.len() != 10 {
        return false;
    }
    let mut sum = 0;
    for (place, digit) in digits.iter().enumerate() {
        let value = match digit {
            'X' if place == 9 => 10,
            c => match c.to_digit(10) {
                Some(value) => value,
                None => return false,
            },
        };
        sum += value * (place as u32 + 1);
    }
    sum % 11 == 0
}

fn is_isbn13(text: &str) -> bool {
    let digits: Option<Vec<u32>> = text
        .chars()
        .filter(|c| !matches!(c, '-' | ' '))
        .map(|c| c.to_digit(10))
        .collect();
    let Some(digits) = digits else { return false };
    if digits.len() != 13 || !matches!(digits.get(..3), Some([9, 7, 8 | 9])) {
        return false;
    }
    let sum: u32 = digits
        .iter()
        .enumerate()
        .map(|(place, digit)| if place % 2 == 0 { *digit } else { digit * 3 })
        .sum();
    sum.is_multiple_of(10)
}

fn is_credit_card(text: &str) -> bool {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if !matches(&CREDIT_CARD, &digits) {
        return false;
    }
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0');
            let weighed = if place % 2 == 1 { digit * 2 } else { digit };
            weighed / 10 + weighed % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether it is a day that exists, as `2006-01-02`.
pub(crate) fn is_date(text: &str) -> bool {
    let [year, month, day] = text.split('-').collect::<Vec<_>>()[..] else {
        return false;
    };
    let number = |part: &str, len: usize| {
        (part.len() == len && part.bytes().all(|b| b.is_ascii_digit()))
            .then(|| part.parse::<u32>().unwrap_or_default())
    };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2))
    else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// Whether it is a moment as `2006-01-02T15:04:05Z`.
pub(crate) fn is_date_time(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut parts = lower.split('t');
    let (Some(date), Some(time)) = (parts.next(), parts.next()) else {
        return false;
    };
    if text.len() < 4 || !is_date(date) {
        return false;
    }
    let Some(found) = TIME.as_ref().and_then(|pattern| pattern.captures(time)) else {
        return false;
    };
    let at_most =
        |group: usize, limit: &str| found.get(group).is_some_and(|part| part.as_str() <= limit);
    at_most(1, "23") && at_most(2, "59") && at_most(3, "59")
}

/// The nanoseconds of a duration in Go's syntax, or in Scala's (`2 days`).
pub(crate) fn duration(text: &str) -> Option<i64> {
    if let Some(nanos) = go_duration(text) {
        return Some(nanos);
    }
    const UNITS: [(&[&str], i64); 8] = [
        (&["ns", "nano"], 1),
        (&["us", "µs", "micro"], 1_000),
        (&["ms", "milli"], 1_000_000),
        (&["s", "sec"], 1_000_000_000),
        (&["m", "min"], 60_000_000_000),
        (&["h", "hr", "hour"], 3_600_000_000_000),
        (&["d", "day"], 86_400_000_000_000),
        (&["w", "wk", "week"], 604_800_000_000_000),
    ];
    let mut total: Option<i64> = None;
    for found in SCALA_DURATION.as_ref()?.captures_iter(text) {
        let factor: i64 = found.get(1)?.as_str().parse().ok()?;
        let unit = found.get(2)?.as_str().to_lowercase();
        for (names, size) in UNITS {
            for (place, name) in names.iter().enumerate() {
                if unit == *name || (place + 1 == names.len() && unit.starts_with(name)) {
                    let sum = total
                        .unwrap_or_default()
                        .wrapping_add(factor.wrapping_mul(size));
                    total = Some(sum);
                }
            }
        }
    }
    total
}

/// The nanoseconds of a duration as Go writes it: `1h30m`, `-1.5s`.
pub(crate) fn go_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: f64 = 0.0;
    let mut exact: i64 = 0;
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let unit_end = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let size: i64 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let whole: i64 = if whole.is_empty() {
            0
        } else {
            whole.parse().ok()?
        };
        exact = exact.checked_add(whole.checked_mul(size)?)?;
        if !fraction.is_empty() {
            total += format!("0.{fraction}").parse::<f64>().ok()? * size as f64;
        }
        rest = next;
    }
    let sum = exact.checked_add(total as i64)?;
    Some(if negative { -sum } else { sum })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_accept_and_refuse() {
        let cases = [
            ("date-time", "2024-02-29T12:00:00Z", "2024-02-30T12:00:00Z"),
            ("date-time", "2024-02-29t12:00:00.5+01:00", "yesterday"),
            ("date", "2024-02-29", "2023-02-29"),
            ("uuid", "6f1c9d3e-1111-4222-8333-abcdefabcdef", "6f1c9d3e"),
            ("ipv4", "10.0.0.1", "10.0.0.256"),
            ("ipv4", "010.0.0.1", "::1"),
            ("ipv6", "::1", "10.0.0.1"),
            ("cidr", "10.0.0.0/8", "10.0.0.0"),
            ("duration", "1h30m", "soon"),
            ("duration", "2 days", "2 lightyears"),
            ("byte", "aGk=", "***"),
            ("email", "a@example.com", "a.example.com"),
            ("uri", "https://example.com/x", "example"),
            ("hostname", "example.com", "-a-"),
            ("mac", "01:23:45:67:89:ab", "01:23"),
            ("k8s-short-name", "a-b", "A"),
            ("isbn13", "978-0321751041", "978-0321751042"),
            ("hexcolor", "#ffaa00", "#ggg"),
        ];
        for (name, good, bad) in cases {
            let format = TextFormat::named(name).expect(name);
            assert!(format.accepts(good), "{name} {good}");
            assert!(!format.accepts(bad), "{name} {bad}");
        }
    }
}

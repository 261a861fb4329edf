//! What literals stand for.

use super::Literal;

/// A whole number as it is written, with its sign before it.
pub(super) fn int(text: &str, negative: bool) -> Option<Literal> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    let sign = if negative { "-" } else { "" };
    i64::from_str_radix(&format!("{sign}{digits}"), radix)
        .ok()
        .map(Literal::Int)
}

/// `42u`, `0x2au`.
pub(super) fn uint(text: &str) -> Option<Literal> {
    let text = text.trim_end_matches(['u', 'U']);
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    }
    .ok()
    .map(Literal::Uint)
}

/// A number with a point or an exponent.
pub(super) fn double(text: &str, negative: bool) -> Option<Literal> {
    let value: f64 = text.parse().ok()?;
    let value = if negative { -value } else { value };
    value.is_finite().then_some(Literal::Double(value))
}

/// A text in quotes, `r"…"` and `"""…"""` too.
pub(super) fn text(written: &str) -> Option<Literal> {
    String::from_utf8(unquoted(written, false)?)
        .ok()
        .map(Literal::Text)
}

/// `b"…"`.
pub(super) fn bytes(written: &str) -> Option<Literal> {
    unquoted(written.get(1..)?, true).map(Literal::Bytes)
}

/// What stands between the quotes. `None` if a character is written by a number that is none.
fn unquoted(written: &str, bytes: bool) -> Option<Vec<u8>> {
    // A line ends alike on every system.
    let written = written.replace("\r\n", "\n").replace('\r', "\n");
    let (written, raw) = match written.strip_prefix(['r', 'R']) {
        Some(rest) => (rest, true),
        None => (written.as_str(), false),
    };
    let three = written.len() >= 6 && (written.starts_with("'''") || written.starts_with("\"\"\""));
    let quotes = if three { 3 } else { 1 };
    let inner = written.get(quotes..written.len().checked_sub(quotes)?)?;
    if raw {
        return Some(inner.as_bytes().to_vec());
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(rest.get(..at)?.as_bytes());
        let escaped = rest.get(at + 1..)?.chars().next()?;
        let digits = |radix: u32, from: usize, length: usize| {
            let digits = rest.get(at + from..at + from + length)?;
            u32::from_str_radix(digits, radix).ok()
        };
        let (code, length) = match escaped {
            'a' => (7, 2),
            'b' => (8, 2),
            't' => (9, 2),
            'n' => (10, 2),
            'v' => (11, 2),
            'f' => (12, 2),
            'r' => (13, 2),
            'x' | 'X' => (digits(16, 2, 2)?, 4),
            'u' | 'U' if bytes => return None,
            'u' => (digits(16, 2, 4)?, 6),
            'U' => (digits(16, 2, 8)?, 10),
            '0'..='3' => (digits(8, 1, 3)?, 4),
            other => (u32::from(other), 1 + other.len_utf8()),
        };
        match (bytes, u8::try_from(code)) {
            (true, Ok(byte)) => out.push(byte),
            _ => {
                let c = char::from_u32(code)?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        rest = rest.get(at + length..)?;
    }
    out.extend_from_slice(rest.as_bytes());
    Some(out)
}

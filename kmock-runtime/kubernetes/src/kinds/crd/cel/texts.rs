//! Functions of texts: `cel-go/ext/strings.go` (version 2) and the server's `find` and `findAll`. Places are characters.

use super::functions::shown;
use super::value::{Fail, Val};
use crate::kinds::crd::pattern;

type Out<'a> = Result<Val<'a>, Fail>;

/// Calls a function of a text.
pub(crate) fn call<'a>(name: &str, text: &str, args: &[Val<'a>]) -> Out<'a> {
    let chars = || text.chars().collect::<Vec<char>>();
    match (name, args) {
        ("startsWith", [Val::Text(other)]) => Ok(Val::Bool(text.starts_with(&**other))),
        ("endsWith", [Val::Text(other)]) => Ok(Val::Bool(text.ends_with(&**other))),
        ("contains", [Val::Text(other)]) => Ok(Val::Bool(text.contains(&**other))),
        ("charAt", [Val::Int(at)]) => {
            let all = chars();
            match usize::try_from(*at) {
                Ok(at) if at == all.len() => Ok(Val::text("")),
                Ok(at) if at < all.len() => Ok(Val::text(
                    all.get(at).map(char::to_string).unwrap_or_default(),
                )),
                _ => Fail::new(format!("index out of range: {at}")),
            }
        }
        ("indexOf", [Val::Text(other)]) => Ok(Val::Int(index_of(&chars(), other, 0))),
        ("indexOf", [Val::Text(other), Val::Int(from)]) => match usize::try_from(*from) {
            Ok(from) => Ok(Val::Int(index_of(&chars(), other, from))),
            Err(_) => Fail::new(format!("index out of range: {from}")),
        },
        ("lastIndexOf", [Val::Text(other)]) => {
            Ok(Val::Int(last_index_of(&chars(), other, usize::MAX)))
        }
        ("lastIndexOf", [Val::Text(other), Val::Int(from)]) => match usize::try_from(*from) {
            Ok(from) if !other.is_empty() && from >= text.chars().count() => Ok(Val::Int(-1)),
            Ok(from) => Ok(Val::Int(last_index_of(&chars(), other, from))),
            Err(_) => Fail::new(format!("index out of range: {from}")),
        },
        ("lowerAscii", []) => Ok(Val::text(text.to_ascii_lowercase())),
        ("upperAscii", []) => Ok(Val::text(text.to_ascii_uppercase())),
        ("trim", []) => Ok(Val::text(text.trim())),
        ("replace", [Val::Text(from), Val::Text(to)]) => Ok(Val::text(text.replace(&**from, to))),
        ("replace", [Val::Text(from), Val::Text(to), Val::Int(count)]) => {
            Ok(Val::text(match usize::try_from(*count) {
                Ok(count) => text.replacen(&**from, to, count),
                Err(_) => text.replace(&**from, to),
            }))
        }
        ("split", [Val::Text(separator)]) => Ok(split(text, separator, -1)),
        ("split", [Val::Text(separator), Val::Int(most)]) => Ok(split(text, separator, *most)),
        ("substring", [Val::Int(from)]) => {
            let all = chars();
            match usize::try_from(*from).ok().and_then(|from| all.get(from..)) {
                Some(rest) => Ok(Val::text(rest.iter().collect::<String>())),
                None => Fail::new(format!("index out of range: {from}")),
            }
        }
        ("substring", [Val::Int(from), Val::Int(to)]) => substring(&chars(), *from, *to),
        ("format", [list]) => format(text, &list.items().unwrap_or_default()),
        ("find", [Val::Text(pattern)]) => {
            let pattern = pattern::shared(pattern).map_err(Fail)?;
            let found = pattern.pieces(text, 1);
            Ok(Val::text(found.first().copied().unwrap_or_default()))
        }
        ("findAll", [Val::Text(pattern)]) => find_all(text, pattern, -1),
        ("findAll", [Val::Text(pattern), Val::Int(most)]) => find_all(text, pattern, *most),
        _ => Fail::no_such_overload(),
    }
}

/// A text as a literal of the language.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

fn find_all<'a>(text: &str, pattern: &str, most: i64) -> Out<'a> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let found = pattern::shared(pattern).map_err(Fail)?.pieces(text, most);
    Ok(Val::list(found.into_iter().map(Val::text).collect()))
}

fn index_of(text: &[char], other: &str, from: usize) -> i64 {
    let other: Vec<char> = other.chars().collect();
    if other.is_empty() {
        return from as i64;
    }
    let found = (from..text.len()).find(|at| text.get(*at..at + other.len()) == Some(&other[..]));
    found.map_or(-1, |at| at as i64)
}

fn last_index_of(text: &[char], other: &str, from: usize) -> i64 {
    let other: Vec<char> = other.chars().collect();
    if other.is_empty() {
        return from.min(text.len()) as i64;
    }
    let found = (0..text.len())
        .rev()
        .filter(|at| *at <= from)
        .find(|at| text.get(*at..at + other.len()) == Some(&other[..]));
    found.map_or(-1, |at| at as i64)
}

fn split<'a>(text: &str, separator: &str, most: i64) -> Val<'a> {
    let parts: Vec<String> = match usize::try_from(most) {
        Ok(0) => Vec::new(),
        _ if separator.is_empty() => text.chars().map(String::from).collect(),
        Ok(most) => text.splitn(most, separator).map(str::to_owned).collect(),
        Err(_) => text.split(separator).map(str::to_owned).collect(),
    };
    Val::list(parts.into_iter().map(Val::text).collect())
}

fn substring<'a>(text: &[char], from: i64, to: i64) -> Out<'a> {
    if from > to {
        return Fail::new(format!("invalid substring range. start: {from}, end: {to}"));
    }
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    match range.and_then(|(from, to)| text.get(from..to)) {
        Some(part) => Ok(Val::text(part.iter().collect::<String>())),
        None => Fail::new(format!(
            "index out of range: {}",
            if from < 0 { from } else { to }
        )),
    }
}

fn format<'a>(text: &str, args: &[Val<'a>]) -> Out<'a> {
    let mut out = String::new();
    let mut args = args.iter();
    let mut count = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if chars.peek() == Some(&'%') {
            chars.next();
            out.push('%');
            continue;
        }
        let mut precision = None;
        if chars.peek() == Some(&'.') {
            chars.next();
            let mut digits = String::new();
            while let Some(digit) = chars.peek().filter(|c| c.is_ascii_digit()) {
                digits.push(*digit);
                chars.next();
            }
            precision = digits.parse::<usize>().ok();
        }
        let Some(verb) = chars.next() else {
            return Fail::new("unexpected end of string");
        };
        let Some(arg) = args.next() else {
            return Fail::new(format!("index {count} out of range"));
        };
        count += 1;
        out.push_str(&match (verb, arg) {
            ('s', Val::Object(..) | Val::Opaque(_) | Val::Optional(_))
                if arg.entries().is_none() =>
            {
                return Fail::new(format!(
                    "error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, \
                     maps, lists, types, durations, and timestamps, was given {}",
                    arg.type_name()
                ));
            }
            ('s', value) => shown(value),
            ('d', Val::Int(_) | Val::Uint(_)) => shown(arg),
            ('f', Val::Double(value)) => grouped(&format!("{value:.*}", precision.unwrap_or(6))),
            ('e', Val::Double(value)) => exponent(*value, precision.unwrap_or(6)),
            ('b', Val::Int(value)) => format!("{value:b}"),
            ('b', Val::Uint(value)) => format!("{value:b}"),
            ('b', Val::Bool(value)) => u8::from(*value).to_string(),
            ('o', Val::Int(value)) => format!("{value:o}"),
            ('o', Val::Uint(value)) => format!("{value:o}"),
            ('x', Val::Int(value)) => format!("{value:x}"),
            ('x', Val::Uint(value)) => format!("{value:x}"),
            ('X', Val::Int(value)) => format!("{value:X}"),
            ('X', Val::Uint(value)) => format!("{value:X}"),
            ('x', Val::Bytes(bytes)) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            ('X', Val::Bytes(bytes)) => bytes.iter().map(|byte| format!("{byte:02X}")).collect(),
            ('x', Val::Text(text)) => text.bytes().map(|byte| format!("{byte:02x}")).collect(),
            ('X', Val::Text(text)) => text.bytes().map(|byte| format!("{byte:02X}")).collect(),
            (verb @ ('d' | 'f' | 'e' | 'b' | 'o' | 'x' | 'X'), value) => {
                let why = match verb {
                    'd' => "decimal clause can only be used on integers",
                    'f' => "fixed-point clause can only be used on doubles",
                    'e' => "scientific clause can only be used on doubles",
                    'b' => "only integers and bools can be formatted as binary",
                    'o' => "octal clause can only be used on integers",
                    _ => "only integers, byte buffers, and strings can be formatted as hex",
                };
                let given = value.type_name();
                return Fail::new(format!("error during formatting: {why}, was given {given}"));
            }
            (verb, _) => {
                return Fail::new(format!(
                    "could not parse formatting clause: unrecognized formatting clause \"{verb}\""
                ));
            }
        });
    }
    Ok(Val::text(out))
}

/// A decimal with its thousands apart, as American English writes it.
fn grouped(text: &str) -> String {
    let (sign, digits) = text
        .strip_prefix('-')
        .map_or(("", text), |rest| ("-", rest));
    let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut out = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) && digit.is_ascii_digit() {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

/// `1.5 × 10⁰³`.
fn exponent(value: f64, precision: usize) -> String {
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let text = format!("{value:.precision$e}");
    let Some((digits, exponent)) = text.split_once('e') else {
        return text;
    };
    let (sign, exponent) = exponent
        .strip_prefix('-')
        .map_or(("", exponent), |rest| ("⁻", rest));
    let raised = format!("{exponent:0>2}");
    let raised: String = raised
        .chars()
        .filter_map(|c| RAISED.get(c.to_digit(10)? as usize))
        .collect();
    format!("{digits} × 10{sign}{raised}")
}

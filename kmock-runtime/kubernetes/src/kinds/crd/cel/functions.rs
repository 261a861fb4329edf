//! What the functions of rules do: the standard library and texts.
//!
//! See [`signatures`](super::signatures) for their types, [`library`](super::library) for the server's own types.

use std::cmp::Ordering;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::library;
use super::value::{Fail, Val, compare, double_text, equal, timestamp};
use crate::kinds::crd::formats;
use crate::kinds::crd::node::{Listing, Node};
use crate::kinds::crd::pattern;
use crate::model::status::quoted;

type Out<'a> = Result<Val<'a>, Fail>;

/// Calls a function; of a member function the first value is the target.
pub(crate) fn call<'a>(name: &str, member: bool, values: Vec<Val<'a>>) -> Out<'a> {
    match values.as_slice() {
        [a] => {
            if let Some(result) = unary(name, a) {
                return result;
            }
        }
        [a, b] => {
            if let Some(result) = binary(name, a, b) {
                return result;
            }
        }
        _ => {}
    }
    match (member, values.first()) {
        (true, Some(Val::Text(text))) => {
            super::texts::call(name, text, values.get(1..).unwrap_or_default())
        }
        (true, Some(Val::List(_) | Val::Items(..))) => list(name, &values),
        (false, Some(Val::Opaque(opaque))) if name == "sign" => library::member(name, opaque, &[]),
        (true, Some(Val::Time(time))) => time_part(name, *time, values.get(1)),
        (true, Some(Val::Dur(nanos))) => duration_part(name, *nanos),
        (true, Some(Val::Opaque(opaque))) => {
            library::member(name, opaque, values.get(1..).unwrap_or_default())
        }
        _ => library::global(name, &values),
    }
}

fn unary<'a>(name: &str, a: &Val<'a>) -> Option<Out<'a>> {
    Some(match (name, a) {
        ("!_", Val::Bool(value)) => Ok(Val::Bool(!value)),
        ("-_", Val::Int(value)) => value
            .checked_neg()
            .map_or_else(overflow, |value| Ok(Val::Int(value))),
        ("-_", Val::Double(value)) => Ok(Val::Double(-value)),
        ("size", value) => value
            .size()
            .map_or_else(Fail::no_such_overload, |size| Ok(Val::Int(size as i64))),
        ("type", value) => Ok(Val::Type(value.type_name().into())),
        ("dyn", value) => Ok(value.clone()),
        (
            "int" | "uint" | "double" | "string" | "bytes" | "bool" | "timestamp" | "duration",
            value,
        ) => convert(name, value),
        ("hasValue", Val::Optional(inner)) => Ok(Val::Bool(inner.is_some())),
        ("value", Val::Optional(Some(inner))) => Ok((**inner).clone()),
        ("value", Val::Optional(None)) => Fail::new("optional.none() dereference"),
        ("optional.of", value) => Ok(Val::some(value.clone())),
        ("optional.ofNonZeroValue", value) => {
            let zero = match value {
                Val::Null => true,
                Val::Bool(value) => !value,
                Val::Int(value) => *value == 0,
                Val::Uint(value) => *value == 0,
                Val::Double(value) => *value == 0.0,
                other => other.size() == Some(0),
            };
            Ok(if zero {
                Val::Optional(None)
            } else {
                Val::some(value.clone())
            })
        }
        ("optional.unwrap" | "unwrapOpt", list) => match list.items() {
            Some(items) => Ok(Val::list(
                items
                    .into_iter()
                    .filter_map(|item| match item {
                        Val::Optional(inner) => inner.map(|inner| (*inner).clone()),
                        other => Some(other),
                    })
                    .collect(),
            )),
            None => Fail::no_such_overload(),
        },
        ("lists.range", Val::Int(count)) => Ok(Val::list((0..*count).map(Val::Int).collect())),
        _ => return None,
    })
}

fn overflow<'a>() -> Out<'a> {
    Fail::new("integer overflow")
}

fn binary<'a>(name: &str, a: &Val<'a>, b: &Val<'a>) -> Option<Out<'a>> {
    let ordered = |holds: fn(Ordering) -> bool| match compare(a, b) {
        Some(order) => Ok(Val::Bool(holds(order))),
        None => Fail::no_such_overload(),
    };
    Some(match name {
        "_==_" => Ok(Val::Bool(equal(a, b))),
        "_!=_" => Ok(Val::Bool(!equal(a, b))),
        "_<_" => ordered(Ordering::is_lt),
        "_<=_" => ordered(Ordering::is_le),
        "_>_" => ordered(Ordering::is_gt),
        "_>=_" => ordered(Ordering::is_ge),
        "_+_" | "_-_" | "_*_" | "_/_" | "_%_" => arithmetic(name, a, b),
        "@in" => match b {
            Val::List(_) | Val::Items(..) => Ok(Val::Bool(
                b.items()
                    .unwrap_or_default()
                    .iter()
                    .any(|item| equal(item, a)),
            )),
            Val::Map(_) | Val::Object(..) => Ok(Val::Bool(b.get(a).is_some())),
            _ => Fail::no_such_overload(),
        },
        // What stands behind an optional step is optional itself.
        "_[_]" if !matches!(a, Val::Optional(_)) => index(a, b),
        "_[_]" | "_[?_]" => {
            let inner = match a {
                Val::Optional(None) => return Some(Ok(Val::Optional(None))),
                Val::Optional(Some(inner)) => &**inner,
                other => other,
            };
            Ok(Val::Optional(index(inner, b).ok().map(Arc::new)))
        }
        "or" => match a {
            Val::Optional(Some(_)) => Ok(a.clone()),
            _ => Ok(b.clone()),
        },
        "orValue" => match a {
            Val::Optional(Some(inner)) => Ok((**inner).clone()),
            _ => Ok(b.clone()),
        },
        "sets.contains" => sets(a, b, |a, b| {
            b.iter()
                .all(|item| a.iter().any(|known| equal(known, item)))
        }),
        "sets.intersects" => sets(a, b, |a, b| {
            b.iter()
                .any(|item| a.iter().any(|known| equal(known, item)))
        }),
        "sets.equivalent" => sets(a, b, |a, b| {
            b.iter()
                .all(|item| a.iter().any(|known| equal(known, item)))
                && a.iter()
                    .all(|item| b.iter().any(|known| equal(known, item)))
        }),
        "matches" => match (a, b) {
            (Val::Text(text), Val::Text(pattern)) => {
                let fits = pattern::shared(pattern).map(|pattern| pattern.is_match(text));
                fits.map(Val::Bool).map_err(Fail)
            }
            _ => Fail::no_such_overload(),
        },
        _ => return None,
    })
}

fn sets<'a>(a: &Val<'a>, b: &Val<'a>, holds: impl Fn(&[Val<'a>], &[Val<'a>]) -> bool) -> Out<'a> {
    match (a.items(), b.items()) {
        (Some(a), Some(b)) => Ok(Val::Bool(holds(&a, &b))),
        _ => Fail::no_such_overload(),
    }
}

/// Whether a literal can be an argument of functions that read durations, times, and patterns.
pub(crate) fn is_readable(function: &str, literal: &Val<'_>) -> bool {
    match (function, literal) {
        ("duration" | "timestamp", value) => convert(function, value).is_ok(),
        ("matches", Val::Text(text)) => pattern::shared(text).is_ok(),
        _ => true,
    }
}

fn index<'a>(a: &Val<'a>, b: &Val<'a>) -> Out<'a> {
    let place = match b {
        Val::Int(at) => Some(*at),
        Val::Uint(at) => i64::try_from(*at).ok(),
        Val::Double(at) if at.fract() == 0.0 => Some(*at as i64),
        _ => None,
    };
    match (a, place) {
        (Val::Items(items, node), Some(at)) => {
            match usize::try_from(at).ok().and_then(|at| items.get(at)) {
                Some(item) => Ok(Val::of(item, node.and_then(|node| node.items.as_deref()))),
                None => Fail::new(format!("index out of bounds: {at}")),
            }
        }
        (Val::List(items), Some(at)) => match usize::try_from(at).ok().and_then(|at| items.get(at))
        {
            Some(item) => Ok(item.clone()),
            None => Fail::new(format!("index out of bounds: {at}")),
        },
        (Val::Map(_) | Val::Object(..), _) => match a.get(b) {
            Some(value) => Ok(value),
            None => Fail::new(format!("no such key: {}", shown(b))),
        },
        _ => Fail::no_such_overload(),
    }
}

/// A value as messages and `format` show it.
pub(crate) fn shown(value: &Val<'_>) -> String {
    match value {
        Val::Null => "null".into(),
        Val::Bool(value) => value.to_string(),
        Val::Int(value) => value.to_string(),
        Val::Uint(value) => value.to_string(),
        Val::Double(value) => double_text(*value),
        Val::Text(text) => text.to_string(),
        Val::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Val::Time(time) => time.to_string(),
        Val::Dur(nanos) => duration_text(*nanos),
        Val::Type(name) => name.to_string(),
        Val::Optional(_) => "optional".into(),
        Val::Opaque(opaque) => library::shown(opaque),
        list @ (Val::List(_) | Val::Items(..)) => {
            let items = list.items().unwrap_or_default();
            let items: Vec<String> = items.iter().map(as_literal).collect();
            format!("[{}]", items.join(", "))
        }
        map => {
            let entries = map.entries().unwrap_or_default();
            let mut entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}:{}", as_literal(key), as_literal(value)))
                .collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// A value inside of a list or a map.
fn as_literal(value: &Val<'_>) -> String {
    match value {
        Val::Text(_) => quoted(&shown(value)),
        Val::Bytes(_) => format!("b{}", quoted(&shown(value))),
        Val::Double(double) if double.is_finite() => format!("{double:.6}"),
        Val::Double(_) => quoted(&shown(value)),
        Val::Time(_) => format!("timestamp({})", quoted(&shown(value))),
        Val::Dur(_) => format!("duration({})", quoted(&shown(value))),
        Val::Type(name) => format!("type({name})"),
        other => shown(other),
    }
}

fn duration_text(nanos: i64) -> String {
    let seconds = nanos as f64 / 1e9;
    format!("{seconds}s")
}

fn arithmetic<'a>(name: &str, a: &Val<'a>, b: &Val<'a>) -> Out<'a> {
    let int = |value: Option<i64>| value.map_or_else(overflow, |value| Ok(Val::Int(value)));
    let uint = |value: Option<u64>| match value {
        Some(value) => Ok(Val::Uint(value)),
        None => Fail::new("unsigned integer overflow"),
    };
    let duration = |value: Option<i64>| match value {
        Some(value) => Ok(Val::Dur(value)),
        None => Fail::new("duration overflow"),
    };
    let moved =
        |time: &Timestamp, nanos: i64| match time.checked_add(SignedDuration::from_nanos(nanos)) {
            Ok(time) => Ok(Val::Time(time)),
            Err(_) => Fail::new("timestamp overflow"),
        };
    match (name, a, b) {
        ("_+_", Val::Int(a), Val::Int(b)) => int(a.checked_add(*b)),
        ("_-_", Val::Int(a), Val::Int(b)) => int(a.checked_sub(*b)),
        ("_*_", Val::Int(a), Val::Int(b)) => int(a.checked_mul(*b)),
        ("_/_", Val::Int(_), Val::Int(0)) | ("_/_", Val::Uint(_), Val::Uint(0)) => {
            Fail::new("division by zero")
        }
        ("_%_", Val::Int(_), Val::Int(0)) | ("_%_", Val::Uint(_), Val::Uint(0)) => {
            Fail::new("modulus by zero")
        }
        ("_/_", Val::Int(a), Val::Int(b)) => int(a.checked_div(*b)),
        ("_%_", Val::Int(a), Val::Int(b)) => int(a.checked_rem(*b)),
        ("_+_", Val::Uint(a), Val::Uint(b)) => uint(a.checked_add(*b)),
        ("_-_", Val::Uint(a), Val::Uint(b)) => uint(a.checked_sub(*b)),
        ("_*_", Val::Uint(a), Val::Uint(b)) => uint(a.checked_mul(*b)),
        ("_/_", Val::Uint(a), Val::Uint(b)) => uint(a.checked_div(*b)),
        ("_%_", Val::Uint(a), Val::Uint(b)) => uint(a.checked_rem(*b)),
        ("_+_", Val::Double(a), Val::Double(b)) => Ok(Val::Double(a + b)),
        ("_-_", Val::Double(a), Val::Double(b)) => Ok(Val::Double(a - b)),
        ("_*_", Val::Double(a), Val::Double(b)) => Ok(Val::Double(a * b)),
        ("_/_", Val::Double(a), Val::Double(b)) => Ok(Val::Double(a / b)),
        ("_+_", Val::Text(a), Val::Text(b)) => Ok(Val::text(format!("{a}{b}"))),
        ("_+_", Val::Bytes(a), Val::Bytes(b)) => {
            Ok(Val::Bytes(Arc::new([&a[..], &b[..]].concat())))
        }
        ("_+_", Val::Time(time), Val::Dur(nanos)) | ("_+_", Val::Dur(nanos), Val::Time(time)) => {
            moved(time, *nanos)
        }
        ("_-_", Val::Time(time), Val::Dur(nanos)) => moved(time, -nanos),
        ("_-_", Val::Time(a), Val::Time(b)) => {
            duration(i64::try_from(a.duration_since(*b).as_nanos()).ok())
        }
        ("_+_", Val::Dur(a), Val::Dur(b)) => duration(a.checked_add(*b)),
        ("_-_", Val::Dur(a), Val::Dur(b)) => duration(a.checked_sub(*b)),
        ("_+_", a, b) => match (a.items(), b.items()) {
            (Some(left), Some(right)) => Ok(Val::list(joined(a, left, right))),
            _ => Fail::no_such_overload(),
        },
        _ => Fail::no_such_overload(),
    }
}

/// Lists joined as their type merges: sets without repetition, keyed lists by key.
fn joined<'a>(list: &Val<'a>, mut left: Vec<Val<'a>>, right: Vec<Val<'a>>) -> Vec<Val<'a>> {
    let node: Option<&Node> = match list {
        Val::Items(_, node) => *node,
        _ => None,
    };
    match node.map(|node| (node.listing, node)) {
        Some((Listing::Set, _)) => {
            for item in right {
                if !left.iter().any(|known| equal(known, &item)) {
                    left.push(item);
                }
            }
        }
        Some((Listing::Map, node)) => {
            for item in right {
                let same = |known: &Val<'a>| {
                    node.map_keys.iter().all(|key| {
                        let key = Val::text(key.clone());
                        match (known.get(&key), item.get(&key)) {
                            (Some(a), Some(b)) => equal(&a, &b),
                            (None, None) => true,
                            _ => false,
                        }
                    })
                };
                match left.iter().position(same) {
                    Some(at) => left.splice(at..=at, [item]).for_each(drop),
                    None => left.push(item),
                }
            }
        }
        _ => left.extend(right),
    }
    left
}

fn no_conversion<'a>(from: &str, to: &str) -> Out<'a> {
    Fail::new(format!("type conversion error from '{from}' to '{to}'"))
}

fn convert<'a>(name: &str, value: &Val<'a>) -> Out<'a> {
    let range =
        |double: f64, low: f64, high: f64| double.is_finite() && double > low && double < high;
    match (name, value) {
        ("int", Val::Int(_))
        | ("uint", Val::Uint(_))
        | ("double", Val::Double(_))
        | ("string", Val::Text(_)) => Ok(value.clone()),
        ("bytes", Val::Bytes(_))
        | ("bool", Val::Bool(_))
        | ("timestamp", Val::Time(_))
        | ("duration", Val::Dur(_)) => Ok(value.clone()),
        ("int", Val::Uint(value)) => {
            i64::try_from(*value).map_or_else(|_| overflow(), |value| Ok(Val::Int(value)))
        }
        ("int", Val::Double(value))
            if range(*value, -9.3e18, 9.3e18) && *value < 9.223_372_036_854_776e18 =>
        {
            Ok(Val::Int(*value as i64))
        }
        ("int", Val::Double(_)) => overflow(),
        ("int", Val::Text(text)) => match text.parse() {
            Ok(value) => Ok(Val::Int(value)),
            Err(_) => no_conversion("string", "int"),
        },
        ("int", Val::Time(time)) => Ok(Val::Int(time.as_second())),
        ("int", Val::Dur(nanos)) => Ok(Val::Int(*nanos)),
        ("uint", Val::Int(value)) => match u64::try_from(*value) {
            Ok(value) => Ok(Val::Uint(value)),
            Err(_) => Fail::new("unsigned integer overflow"),
        },
        ("uint", Val::Double(value)) if range(*value, -1.0, 1.844_674_407_370_955_2e19) => {
            Ok(Val::Uint(*value as u64))
        }
        ("uint", Val::Double(_)) => Fail::new("unsigned integer overflow"),
        ("uint", Val::Text(text)) => match text.parse() {
            Ok(value) => Ok(Val::Uint(value)),
            Err(_) => no_conversion("string", "uint"),
        },
        ("double", Val::Int(value)) => Ok(Val::Double(*value as f64)),
        ("double", Val::Uint(value)) => Ok(Val::Double(*value as f64)),
        ("double", Val::Text(text)) => match text.parse() {
            Ok(value) => Ok(Val::Double(value)),
            Err(_) => no_conversion("string", "double"),
        },
        ("string", Val::Bytes(bytes)) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Val::text(text)),
            Err(_) => Fail::new("invalid UTF-8 in bytes, cannot convert to string"),
        },
        (
            "string",
            Val::Null
            | Val::List(_)
            | Val::Items(..)
            | Val::Map(_)
            | Val::Object(..)
            | Val::Optional(_),
        ) => Fail::no_such_overload(),
        ("string", value) => Ok(Val::text(shown(value))),
        ("bytes", Val::Text(text)) => Ok(Val::Bytes(Arc::new(text.as_bytes().to_vec()))),
        ("bool", Val::Text(text)) => match &**text {
            "true" | "TRUE" | "True" | "t" | "T" | "1" => Ok(Val::Bool(true)),
            "false" | "FALSE" | "False" | "f" | "F" | "0" => Ok(Val::Bool(false)),
            _ => no_conversion("string", "bool"),
        },
        ("timestamp", Val::Text(text)) => match timestamp(text) {
            Some(time) => Ok(Val::Time(time)),
            None => no_conversion("string", "google.protobuf.Timestamp"),
        },
        ("timestamp", Val::Int(seconds)) => match Timestamp::from_second(*seconds) {
            Ok(time) => Ok(Val::Time(time)),
            Err(_) => Fail::new("timestamp overflow"),
        },
        ("duration", Val::Text(text)) => match formats::go_duration(text) {
            Some(nanos) => Ok(Val::Dur(nanos)),
            None => no_conversion("string", "google.protobuf.Duration"),
        },
        ("duration", Val::Int(_)) => no_conversion("int", "google.protobuf.Duration"),
        _ => Fail::no_such_overload(),
    }
}

fn list<'a>(name: &str, values: &[Val<'a>]) -> Out<'a> {
    let Some(items) = values.first().and_then(Val::items) else {
        return Fail::no_such_overload();
    };
    let position = |found: Option<usize>| Ok(Val::Int(found.map_or(-1, |at| at as i64)));
    match (name, values.get(1..).unwrap_or_default()) {
        ("isSorted", []) => {
            let pairs = items.windows(2);
            Ok(Val::Bool(pairs.into_iter().all(
                |pair| matches!(pair, [a, b] if compare(a, b).is_some_and(Ordering::is_le)),
            )))
        }
        ("sum", []) => {
            let mut items = items.into_iter();
            match items.next() {
                None => Ok(Val::Int(0)),
                Some(first) => items.try_fold(first, |sum, item| arithmetic("_+_", &sum, &item)),
            }
        }
        ("min" | "max", []) => {
            let wanted = if name == "min" {
                Ordering::Less
            } else {
                Ordering::Greater
            };
            let mut best: Option<Val<'a>> = None;
            for item in items {
                if best
                    .as_ref()
                    .is_none_or(|best| compare(&item, best) == Some(wanted))
                {
                    best = Some(item);
                }
            }
            best.map_or_else(|| Fail::new(format!("{name} called on empty list")), Ok)
        }
        ("indexOf", [item]) => position(items.iter().position(|known| equal(known, item))),
        ("lastIndexOf", [item]) => position(items.iter().rposition(|known| equal(known, item))),
        ("join", separator) => {
            let separator = match separator {
                [Val::Text(text)] => text.to_string(),
                _ => String::new(),
            };
            let texts: Option<Vec<String>> = items
                .iter()
                .map(|item| match item {
                    Val::Text(text) => Some(text.to_string()),
                    _ => None,
                })
                .collect();
            texts.map_or_else(Fail::no_such_overload, |texts| {
                Ok(Val::text(texts.join(&separator)))
            })
        }
        ("slice", [Val::Int(from), Val::Int(to)]) => {
            let range = usize::try_from(*from).ok().zip(usize::try_from(*to).ok());
            match range
                .filter(|(from, to)| from <= to)
                .and_then(|(from, to)| items.get(from..to))
            {
                Some(part) => Ok(Val::list(part.to_vec())),
                None => Fail::new(format!(
                    "cannot slice({from}, {to}), list is length {}",
                    items.len()
                )),
            }
        }
        ("distinct", []) => {
            let mut out: Vec<Val<'a>> = Vec::new();
            for item in items {
                if !out.iter().any(|known| equal(known, &item)) {
                    out.push(item);
                }
            }
            Ok(Val::list(out))
        }
        ("sort", []) => sort_by_key(items.into_iter().map(|item| (item.clone(), item)).collect()),
        ("reverse", []) => Ok(Val::list(items.into_iter().rev().collect())),
        ("first", []) => Ok(Val::Optional(items.into_iter().next().map(Arc::new))),
        ("last", []) => Ok(Val::Optional(items.into_iter().next_back().map(Arc::new))),
        ("flatten", []) => Ok(Val::list(flatten(items, 1))),
        ("flatten", [Val::Int(depth)]) if *depth >= 0 => Ok(Val::list(flatten(items, *depth))),
        ("flatten", _) => Fail::new("level must be non-negative"),
        _ => Fail::no_such_overload(),
    }
}

fn flatten<'a>(items: Vec<Val<'a>>, depth: i64) -> Vec<Val<'a>> {
    if depth == 0 {
        return items;
    }
    let mut out = Vec::new();
    for item in items {
        match item.items() {
            Some(inner) => out.extend(flatten(inner, depth - 1)),
            None => out.push(item),
        }
    }
    out
}

/// Values in the order of their keys.
pub(crate) fn sort_by_key<'a>(mut keyed: Vec<(Val<'a>, Val<'a>)>) -> Out<'a> {
    if keyed
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if compare(&a.0, &b.0).is_none()))
    {
        return Fail::new("list elements must have the same type and be comparable");
    }
    keyed.sort_by(|a, b| compare(&a.0, &b.0).unwrap_or(Ordering::Equal));
    Ok(Val::list(
        keyed.into_iter().map(|(_, value)| value).collect(),
    ))
}

fn time_part<'a>(name: &str, time: Timestamp, zone: Option<&Val<'a>>) -> Out<'a> {
    let zone = match zone {
        None => jiff::tz::TimeZone::UTC,
        Some(Val::Text(text)) => match time_zone(text) {
            Some(zone) => zone,
            None => return Fail::new(format!("unknown time zone {text}")),
        },
        Some(_) => return Fail::no_such_overload(),
    };
    let at = time.to_zoned(zone);
    let number = match name {
        "getFullYear" => i64::from(at.year()),
        "getMonth" => i64::from(at.month()) - 1,
        "getDate" => i64::from(at.day()),
        "getDayOfMonth" => i64::from(at.day()) - 1,
        "getDayOfWeek" => i64::from(at.weekday().to_sunday_zero_offset()),
        "getDayOfYear" => i64::from(at.day_of_year()) - 1,
        "getHours" => i64::from(at.hour()),
        "getMinutes" => i64::from(at.minute()),
        "getSeconds" => i64::from(at.second()),
        "getMilliseconds" => i64::from(at.millisecond()),
        _ => return Fail::no_such_overload(),
    };
    Ok(Val::Int(number))
}

fn time_zone(text: &str) -> Option<jiff::tz::TimeZone> {
    if matches!(text, "" | "UTC") {
        return Some(jiff::tz::TimeZone::UTC);
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let Some((hours, minutes)) = rest.split_once(':') else {
        return jiff::tz::TimeZone::get(text).ok();
    };
    let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
    jiff::tz::Offset::from_seconds(sign * seconds)
        .ok()
        .map(jiff::tz::TimeZone::fixed)
}

fn duration_part<'a>(name: &str, nanos: i64) -> Out<'a> {
    let number = match name {
        "getHours" => nanos / 3_600_000_000_000,
        "getMinutes" => nanos / 60_000_000_000,
        "getSeconds" => nanos / 1_000_000_000,
        "getMilliseconds" => nanos / 1_000_000,
        _ => return Fail::no_such_overload(),
    };
    Ok(Val::Int(number))
}

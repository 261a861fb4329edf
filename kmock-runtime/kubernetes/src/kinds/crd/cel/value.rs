//! Values of CEL expressions, and JSON seen as such.
//!
//! JSON is not copied: objects and lists stay references, with the schema that says what is in them (a text of format
//! `date-time` is a timestamp). Equality and order follow `cel-go/common/types` and `apiserver/pkg/cel/common/values.go`.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::authorizer::Authz;
use super::types::unescape;
use crate::kinds::builtin::base64;
use crate::kinds::builtin::quantity::Quantity;
use crate::kinds::crd::formats::{self, TextFormat};
use crate::kinds::crd::node::{Listing, Node, NodeKind};
use crate::kinds::crd::numbers::{self, Num};
use crate::model::status::quoted;

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fail(pub(crate) String);

impl Fail {
    pub(crate) fn new<T>(text: impl Into<String>) -> Result<T, Fail> {
        Err(Fail(text.into()))
    }

    pub(crate) fn no_such_overload<T>() -> Result<T, Fail> {
        Fail::new("no such overload")
    }
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Val<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Cow<'a, str>),
    Bytes(Arc<Vec<u8>>),
    Time(Timestamp),
    /// Nanoseconds.
    Dur(i64),
    List(Arc<Vec<Val<'a>>>),
    Map(Arc<Vec<(Val<'a>, Val<'a>)>>),
    /// A list in JSON.
    Items(&'a [Value], Option<&'a Node>),
    /// An object in JSON.
    Object(&'a Map<String, Value>, Option<&'a Node>),
    Optional(Option<Arc<Val<'a>>>),
    Type(Cow<'static, str>),
    Opaque(Arc<Opaque>),
}

/// Values of the server's own types.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Opaque {
    Quantity(Quantity),
    Url(Url),
    Ip(IpAddr),
    Cidr(IpAddr, u8),
    Semver(Semver),
    Format(&'static str),
    Authz(Box<Authz>),
}

/// A parsed URL.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Url {
    pub(crate) scheme: String,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) query: String,
}

/// A semantic version.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Semver {
    pub(crate) major: u64,
    pub(crate) minor: u64,
    pub(crate) patch: u64,
    pub(crate) pre: Vec<String>,
}

impl<'a> Val<'a> {
    /// JSON as a value; the schema tells integers from doubles, and times from texts.
    pub(crate) fn of(value: &'a Value, node: Option<&'a Node>) -> Val<'a> {
        let kind = node.map(|node| node.kind).unwrap_or_default();
        match value {
            Value::Null => Val::Null,
            Value::Bool(flag) => Val::Bool(*flag),
            Value::Number(number) => match (kind, Num::of(number)) {
                (NodeKind::Number, num) => Val::Double(num.double()),
                (NodeKind::Integer, Num::Double(double)) => Val::Int(double as i64),
                (_, Num::Int(int)) => Val::Int(int),
                (_, Num::Double(double)) => Val::Double(double),
            },
            Value::String(text) => match node
                .and_then(|node| node.text_format)
                .filter(|_| kind == NodeKind::String)
            {
                Some(TextFormat::Byte) => match base64::decode(text) {
                    Ok(bytes) => Val::Bytes(Arc::new(bytes)),
                    Err(_) => Val::Text(Cow::Borrowed(text)),
                },
                Some(TextFormat::Duration) => {
                    formats::duration(text).map_or(Val::Text(Cow::Borrowed(text)), Val::Dur)
                }
                Some(TextFormat::DateTime) => {
                    timestamp(text).map_or(Val::Text(Cow::Borrowed(text)), Val::Time)
                }
                Some(TextFormat::Date) => timestamp(&format!("{text}T00:00:00Z"))
                    .map_or(Val::Text(Cow::Borrowed(text)), Val::Time),
                _ => Val::Text(Cow::Borrowed(text)),
            },
            Value::Array(items) => Val::Items(items, node),
            Value::Object(map) => Val::Object(map, node),
        }
    }

    pub(crate) fn text(text: impl Into<String>) -> Val<'a> {
        Val::Text(Cow::Owned(text.into()))
    }

    pub(crate) fn list(items: Vec<Val<'a>>) -> Val<'a> {
        Val::List(Arc::new(items))
    }

    pub(crate) fn some(value: Val<'a>) -> Val<'a> {
        Val::Optional(Some(Arc::new(value)))
    }

    pub(crate) fn opaque(opaque: Opaque) -> Val<'a> {
        Val::Opaque(Arc::new(opaque))
    }

    /// The name of its type.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Val::Null => "null_type",
            Val::Bool(_) => "bool",
            Val::Int(_) => "int",
            Val::Uint(_) => "uint",
            Val::Double(_) => "double",
            Val::Text(_) => "string",
            Val::Bytes(_) => "bytes",
            Val::Time(_) => "google.protobuf.Timestamp",
            Val::Dur(_) => "google.protobuf.Duration",
            Val::List(_) | Val::Items(..) => "list",
            Val::Map(_) | Val::Object(..) => "map",
            Val::Optional(_) => "optional_type",
            Val::Type(_) => "type",
            Val::Opaque(opaque) => match &**opaque {
                Opaque::Quantity(_) => "kubernetes.Quantity",
                Opaque::Url(_) => "kubernetes.URL",
                Opaque::Ip(_) => "net.IP",
                Opaque::Cidr(..) => "net.CIDR",
                Opaque::Semver(_) => "kubernetes.Semver",
                Opaque::Format(_) => "kubernetes.NamedFormat",
                Opaque::Authz(authz) => authz.type_name(),
            },
        }
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> Option<Vec<Val<'a>>> {
        match self {
            Val::List(items) => Some((**items).clone()),
            Val::Items(items, node) => {
                let item = node.and_then(|node| node.items.as_deref());
                Some(items.iter().map(|value| Val::of(value, item)).collect())
            }
            _ => None,
        }
    }

    /// The keys and values of a map, by key.
    pub(crate) fn entries(&self) -> Option<Vec<(Val<'a>, Val<'a>)>> {
        match self {
            Val::Map(entries) => Some((**entries).clone()),
            Val::Object(map, node) => {
                let mut all: Vec<(&'a String, &'a Value)> = map.iter().collect();
                all.sort_by_key(|(key, _)| *key);
                let entry = |(key, value): (&'a String, &'a Value)| {
                    (
                        Val::Text(Cow::Borrowed(key)),
                        Val::of(value, node.and_then(|node| node.field(key))),
                    )
                };
                Some(all.into_iter().map(entry).collect())
            }
            _ => None,
        }
    }

    /// The value under a key of a map; `None` if there is none.
    pub(crate) fn get(&self, key: &Val<'_>) -> Option<Val<'a>> {
        match (self, key) {
            (Val::Object(map, node), Val::Text(key)) => {
                let value = map.get(&**key)?;
                Some(Val::of(value, node.and_then(|node| node.field(key))))
            }
            (Val::Map(entries), key) => entries
                .iter()
                .find(|(known, _)| equal(known, key))
                .map(|(_, value)| value.clone()),
            _ => None,
        }
    }

    /// A field by the name that an expression gives it.
    pub(crate) fn field(&self, name: &str) -> Option<Val<'a>> {
        match self {
            Val::Object(_, Some(node)) if node.additional().is_some() => self.get(&Val::text(name)),
            Val::Object(..) => self.get(&Val::text(unescape(name))),
            Val::Map(_) => self.get(&Val::text(name)),
            _ => None,
        }
    }

    /// The number of characters, bytes, items or keys.
    pub(crate) fn size(&self) -> Option<usize> {
        Some(match self {
            Val::Text(text) => text.chars().count(),
            Val::Bytes(bytes) => bytes.len(),
            Val::List(items) => items.len(),
            Val::Items(items, _) => items.len(),
            Val::Map(entries) => entries.len(),
            Val::Object(map, _) => map.len(),
            _ => return None,
        })
    }
}

/// A moment in the syntax of RFC 3339.
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    text.to_uppercase().parse().ok()
}

/// A double as texts show it.
pub(crate) fn double_text(double: f64) -> String {
    if double.is_infinite() {
        return if double > 0.0 {
            "+Inf".into()
        } else {
            "-Inf".into()
        };
    }
    if double == 0.0 && double.is_sign_negative() {
        return "-0".into();
    }
    numbers::shown(double)
}

/// Whether two values are the same. Numbers of different types may be.
pub(crate) fn equal(a: &Val<'_>, b: &Val<'_>) -> bool {
    match (a, b) {
        (Val::Null, Val::Null) => true,
        (Val::Bool(a), Val::Bool(b)) => a == b,
        (
            Val::Int(_) | Val::Uint(_) | Val::Double(_),
            Val::Int(_) | Val::Uint(_) | Val::Double(_),
        ) => compare(a, b) == Some(Ordering::Equal),
        (Val::Text(a), Val::Text(b)) => a == b,
        (Val::Bytes(a), Val::Bytes(b)) => a == b,
        (Val::Time(a), Val::Time(b)) => a == b,
        (Val::Dur(a), Val::Dur(b)) => a == b,
        (Val::Type(a), Val::Type(b)) => a == b,
        (Val::Opaque(a), Val::Opaque(b)) => match (&**a, &**b) {
            (Opaque::Quantity(a), Opaque::Quantity(b)) => a.compare(b) == Ordering::Equal,
            (a, b) => a == b,
        },
        (Val::Optional(a), Val::Optional(b)) => match (a, b) {
            (None, None) => true,
            (Some(a), Some(b)) => equal(a, b),
            _ => false,
        },
        (Val::List(_) | Val::Items(..), Val::List(_) | Val::Items(..)) => equal_lists(a, b),
        (Val::Map(_) | Val::Object(..), Val::Map(_) | Val::Object(..)) => {
            let Some(entries) = a.entries() else {
                return false;
            };
            a.size() == b.size()
                && entries
                    .iter()
                    .all(|(key, value)| b.get(key).is_some_and(|other| equal(value, &other)))
        }
        _ => false,
    }
}

fn listing(value: &Val<'_>) -> Listing {
    match value {
        Val::Items(_, Some(node)) => node.listing,
        _ => Listing::Atomic,
    }
}

fn equal_lists(a: &Val<'_>, b: &Val<'_>) -> bool {
    let (Some(left), Some(right)) = (a.items(), b.items()) else {
        return false;
    };
    if left.len() != right.len() {
        return false;
    }
    if listing(a) == Listing::Atomic && listing(b) == Listing::Atomic {
        return left.iter().zip(&right).all(|(a, b)| equal(a, b));
    }
    // Sets and keyed lists are the same in any order.
    left.iter().all(|a| right.iter().any(|b| equal(a, b)))
}

/// The order of two values, if they have one.
pub(crate) fn compare(a: &Val<'_>, b: &Val<'_>) -> Option<Ordering> {
    match (a, b) {
        (Val::Bool(a), Val::Bool(b)) => Some(a.cmp(b)),
        (Val::Int(a), Val::Int(b)) => Some(a.cmp(b)),
        (Val::Uint(a), Val::Uint(b)) => Some(a.cmp(b)),
        (Val::Int(a), Val::Uint(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Val::Uint(a), Val::Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Val::Double(a), Val::Double(b)) => a.partial_cmp(b),
        (Val::Double(a), Val::Int(b)) => a.partial_cmp(&(*b as f64)),
        (Val::Int(a), Val::Double(b)) => (*a as f64).partial_cmp(b),
        (Val::Double(a), Val::Uint(b)) => a.partial_cmp(&(*b as f64)),
        (Val::Uint(a), Val::Double(b)) => (*a as f64).partial_cmp(b),
        (Val::Text(a), Val::Text(b)) => Some(a.cmp(b)),
        (Val::Bytes(a), Val::Bytes(b)) => Some(a.cmp(b)),
        (Val::Time(a), Val::Time(b)) => Some(a.cmp(b)),
        (Val::Dur(a), Val::Dur(b)) => Some(a.cmp(b)),
        (Val::Opaque(a), Val::Opaque(b)) => match (&**a, &**b) {
            (Opaque::Quantity(a), Opaque::Quantity(b)) => Some(a.compare(b)),
            (Opaque::Semver(a), Opaque::Semver(b)) => Some(a.order(b)),
            _ => None,
        },
        _ => None,
    }
}

impl Semver {
    /// Parses a version; `lenient` forgives a `v` and missing parts.
    pub(crate) fn parse(text: &str, lenient: bool) -> Option<Semver> {
        let text = if lenient {
            text.trim().trim_start_matches('v')
        } else {
            text
        };
        let text = text.split_once('+').map_or(text, |(head, _)| head);
        let (core, pre) = text
            .split_once('-')
            .map_or((text, None), |(core, pre)| (core, Some(pre)));
        let mut parts: Vec<&str> = core.split('.').collect();
        while lenient && parts.len() < 3 {
            parts.push("0");
        }
        let [major, minor, patch] = parts[..] else {
            return None;
        };
        let number = |part: &str| -> Option<u64> {
            let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            if !digits || (!lenient && part.len() > 1 && part.starts_with('0')) {
                None
            } else {
                part.parse().ok()
            }
        };
        let pre: Vec<String> = pre
            .map(|pre| pre.split('.').map(str::to_owned).collect())
            .unwrap_or_default();
        if pre.iter().any(|part| {
            part.is_empty()
                || part
                    .bytes()
                    .any(|b| !b.is_ascii_alphanumeric() && b != b'-')
        }) {
            return None;
        }
        Some(Semver {
            major: number(major)?,
            minor: number(minor)?,
            patch: number(patch)?,
            pre,
        })
    }

    /// What is wrong with a text that is no version.
    pub(crate) fn fault(text: &str) -> String {
        if text.is_empty() {
            return "Version string empty".into();
        }
        let parts: Vec<&str> = text.splitn(3, '.').collect();
        let [major, minor, patch] = parts[..] else {
            return "No Major.Minor.Patch elements found".into();
        };
        let patch = patch.split(['-', '+']).next().unwrap_or_default();
        for (name, part) in [("major", major), ("minor", minor), ("patch", patch)] {
            if part.bytes().any(|b| !b.is_ascii_digit()) {
                return format!(
                    "Invalid character(s) found in {name} number {}",
                    quoted(part)
                );
            }
            if part.len() > 1 && part.starts_with('0') {
                let name = name[..1].to_uppercase() + &name[1..];
                return format!(
                    "{name} number must not contain leading zeroes {}",
                    quoted(part)
                );
            }
        }
        "Invalid character(s) found in prerelease".into()
    }

    fn order(&self, other: &Semver) -> Ordering {
        let core =
            (self.major, self.minor, self.patch).cmp(&(other.major, other.minor, other.patch));
        let pre = match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => {
                let parts = self.pre.iter().zip(&other.pre).map(|(a, b)| {
                    match (a.parse::<u64>(), b.parse::<u64>()) {
                        (Ok(a), Ok(b)) => a.cmp(&b),
                        (Ok(_), Err(_)) => Ordering::Less,
                        (Err(_), Ok(_)) => Ordering::Greater,
                        (Err(_), Err(_)) => a.cmp(b),
                    }
                });
                parts
                    .fold(Ordering::Equal, Ordering::then)
                    .then(self.pre.len().cmp(&other.pre.len()))
            }
        };
        core.then(pre)
    }
}

//! One exchange of a recording, and whether two of them are the same.

use std::{fmt, time::Duration};

use bytes::Bytes;
use serde_json::Value;

use crate::{record::secrets::REDACTED, reply::Exchange};

/// One exchange of a recording.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// for entry in k.recording().entries() {
///     println!("{} {}: {}", entry.method(), entry.target(), entry.status());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// `http://host:port`, without a path.
    pub(super) origin: String,
    pub(super) method: String,
    /// The path and the query.
    pub(super) target: String,
    /// Names are in small letters.
    pub(super) request_headers: Vec<(String, String)>,
    pub(super) request_body: Bytes,
    /// When it was asked, counted from the start of the server.
    pub(super) at: Duration,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

impl Entry {
    /// The server that answered: `https://api.example.com`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path and the query.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The body of the request.
    pub fn request_body(&self) -> &Bytes {
        &self.request_body
    }

    /// The status of the answer.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The first header of the answer of this name; the name is in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body of the answer.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    pub(super) fn of(exchange: &Exchange) -> Entry {
        let request = exchange.request();
        Entry {
            origin: exchange.origin().to_owned(),
            method: request.method().to_string(),
            target: exchange.target(),
            request_headers: texts(request.headers()),
            request_body: request.body().clone(),
            at: request.at(),
            status: exchange.status(),
            headers: texts(exchange.headers()),
            body: exchange.body(),
        }
    }

    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(super) fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The pairs of the query, as they stand in it.
    pub(super) fn pairs(&self) -> Vec<(&str, &str)> {
        pairs(self.query())
    }

    /// The host, without its port.
    pub(super) fn host(&self) -> &str {
        let authority = self.origin.split("://").nth(1).unwrap_or(&self.origin);
        match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        }
    }

    /// Whether the same was asked.
    pub(super) fn asks_the_same(&self, other: &Entry) -> bool {
        self.method == other.method
            && self.origin == other.origin
            && self.target == other.target
            && same_body(&self.request_body, &other.request_body)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} → {}", self.method, self.target, self.status)
    }
}

/// The pairs of a query, as they stand in it.
pub(super) fn pairs(query: &str) -> Vec<(&str, &str)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect()
}

pub(super) fn texts(headers: &http::HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect()
}

/// Whether a body is the one that was recorded: byte by byte, or as JSON. What was taken out of it may be anything.
pub(super) fn same_body(recorded: &[u8], asked: &[u8]) -> bool {
    if recorded == asked {
        return true;
    }
    let json = |body: &[u8]| serde_json::from_slice::<Value>(body).ok();
    match (json(recorded), json(asked)) {
        (Some(recorded), Some(asked)) => same_value(&recorded, &asked),
        _ => match (std::str::from_utf8(recorded), std::str::from_utf8(asked)) {
            (Ok(recorded), Ok(asked)) => same_text(recorded, asked),
            _ => false,
        },
    }
}

fn same_value(recorded: &Value, asked: &Value) -> bool {
    match (recorded, asked) {
        (Value::String(text), _) if text == REDACTED => true,
        (Value::String(recorded), Value::String(asked)) => same_text(recorded, asked),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same_value(a, b))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| {
                    other
                        .get(name)
                        .is_some_and(|other| same_value(value, other))
                })
        }
        (one, other) => one == other,
    }
}

/// A text in which secrets may be anything.
pub(super) fn same_text(recorded: &str, asked: &str) -> bool {
    let mut parts = recorded.split(REDACTED);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = asked.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_out_may_be_anything() {
        for (recorded, asked, same) in [
            ("a=1", "a=1", true),
            ("a=1", "a=12", false),
            ("t=REDACTED", "t=abc", true),
            ("t=REDACTED&a=1", "t=abc&a=1", true),
            ("t=REDACTED&a=1", "t=abc&a=2", false),
            (r#"{"a": 1, "b": [2]}"#, r#"{"b":[2],"a":1}"#, true),
            (r#"{"a": 1}"#, r#"{"a": 1, "b": 2}"#, false),
            (
                r#"{"p": "REDACTED", "a": 1}"#,
                r#"{"a":1,"p":{"x":1}}"#,
                true,
            ),
            (r#"{"p": "REDACTED", "a": 1}"#, r#"{"a":2,"p":"x"}"#, false),
            (r#"{"p": "Bearer REDACTED"}"#, r#"{"p": "Bearer x"}"#, true),
        ] {
            assert_eq!(
                same_body(recorded.as_bytes(), asked.as_bytes()),
                same,
                "{recorded} {asked}"
            );
        }
        assert!(!same_body(&[0xff], &[0xfe]));
    }
}

//! Answers that know HTTP's own questions: conditional requests (RFC 9110, 13) and ranges (14), redirects, and Problem
//! Details (RFC 9457).

use std::{
    hash::{DefaultHasher, Hasher},
    time::SystemTime,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use serde_core::Serialize;
use serde_json::{Map, Value};

use super::{
    Payload, Reply, Source,
    ranges::{self, Asked},
};
use crate::request::Request;

/// What is said of a body beside its bytes, so that requests may be conditional, or for a part of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Representation {
    etag: Option<Tag>,
    last_modified: Option<HeaderValue>,
    ranges: bool,
}

#[derive(Clone, Debug)]
enum Tag {
    Given(HeaderValue),
    OfBody,
}

/// What the conditions of a request come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Holds,
    Fails,
    NotModified,
}

impl Reply {
    fn representing(mut self, change: impl FnOnce(&mut Representation)) -> Reply {
        change(self.representation.get_or_insert_default());
        self
    }

    /// The version of what is answered, as an `ETag`: and requests with `If-None-Match` or `If-Match` get the 304 or 412 that
    /// they ask for (RFC 9110, 13.2). `v1` is `"v1"`; a weak one is `W/"v1"`.
    ///
    /// ```
    /// # use kmock_runtime as kmock;
    /// use kmock::Reply;
    ///
    /// let document = Reply::new().etag("v1").json([1, 2]);
    /// ```
    ///
    /// # Panics
    /// When it cannot be a tag: it has no quotes, spaces or control characters in it.
    #[track_caller]
    pub fn etag(self, tag: impl AsRef<str>) -> Reply {
        let text = tag.as_ref();
        let Some(value) = tag_value(text) else {
            panic!(
                "kmock: {text:?} cannot be an entity tag such as `v1` or `W/\"v1\"` (RFC 9110, 8.8.3)"
            );
        };
        self.representing(|all| all.etag = Some(Tag::Given(value)))
    }

    /// As [`etag`](Reply::etag), with a tag that is made of the body: it changes with it, and is the same in each run.
    pub fn etag_of_body(self) -> Reply {
        self.representing(|all| all.etag = Some(Tag::OfBody))
    }

    /// When what is answered was changed last: and requests with `If-Modified-Since` or `If-Unmodified-Since` get the 304 or
    /// 412 that they ask for. A time as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn last_modified(self, time: impl AsRef<str>) -> Reply {
        let text = time.as_ref();
        let Some(time) = date(text) else {
            panic!(
                "kmock: {text:?} is no time such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7)"
            );
        };
        let value = HeaderValue::try_from(httpdate::fmt_http_date(time)).ok();
        self.representing(|all| all.last_modified = value)
    }

    /// Answers requests for a `Range` of the body with 206 (several ranges with `multipart/byteranges`), with 416 where there
    /// is no such range, and obeys `If-Range` (RFC 9110, 14). The body must be known: it is no stream.
    ///
    /// ```
    /// # use kmock_runtime as kmock;
    /// use kmock::Reply;
    ///
    /// let download = Reply::new().ranges().etag_of_body().file("tests/big.bin");
    /// ```
    pub fn ranges(self) -> Reply {
        self.representing(|all| all.ranges = true)
    }

    /// Sends the client elsewhere: a `Location`, and the status 302 where no other is said. 307 and 308 keep the method.
    ///
    /// # Panics
    /// When this cannot stand in a header.
    #[track_caller]
    pub fn redirect(self, location: impl ToString) -> Reply {
        Reply {
            redirects: true,
            ..self.header("Location", location)
        }
    }

    /// Problem Details (RFC 9457, `application/problem+json`): a text is the `detail`, an object is all that it says. The
    /// `status` is that of the answer, 500 where none is said, and the `title` its usual words, where there are no others.
    ///
    /// ```
    /// # use kmock_runtime as kmock;
    /// use kmock::Reply;
    ///
    /// let refused = Reply::new().status(403).problem("30 credits are left, and 50 are asked for");
    /// let told = Reply::new().status(403).problem(serde_json::json!({ "type": "/credit", "balance": 30 }));
    /// ```
    pub fn problem(self, problem: impl Serialize) -> Reply {
        let problem = match serde_json::to_value(problem) {
            Ok(Value::Object(members)) => members,
            Ok(Value::Null) => Map::new(),
            Ok(Value::String(detail)) => Map::from_iter([("detail".to_owned(), detail.into())]),
            Ok(other) => {
                return self.and(Reply::failure(format!(
                    "a problem is a text or an object, and this is {other}"
                )));
            }
            Err(error) => return self.and(Reply::failure(format!("cannot be made JSON: {error}"))),
        };
        self.with(Source::Problem(problem))
    }

    /// The status, as it is said or as the parts imply it.
    pub(super) fn own_status(&self) -> Option<StatusCode> {
        let problem = self
            .bodies
            .iter()
            .any(|source| matches!(source, Source::Problem(_)));
        self.status.or(match (self.redirects, problem) {
            (true, _) => Some(StatusCode::FOUND),
            (_, true) => Some(StatusCode::INTERNAL_SERVER_ERROR),
            _ => None,
        })
    }
}

/// The body of a problem.
pub(super) fn problem_body(mut members: Map<String, Value>, status: StatusCode) -> Bytes {
    if !members.contains_key("status") {
        members.insert("status".to_owned(), status.as_u16().into());
    }
    if !members.contains_key("title")
        && let Some(title) = status.canonical_reason()
    {
        members.insert("title".to_owned(), title.into());
    }
    Value::Object(members).to_string().into()
}

pub(super) const PROBLEM: &str = "application/problem+json";

impl Representation {
    pub(super) fn and(self, other: Representation) -> Representation {
        Representation {
            etag: other.etag.or(self.etag),
            last_modified: other.last_modified.or(self.last_modified),
            ranges: self.ranges || other.ranges,
        }
    }

    /// What becomes of an answer: the validators among its headers, and 304, 412, 206 or 416 where the request asks for that.
    ///
    /// # Errors
    /// A body that would have to be known is a stream.
    pub(super) fn apply(
        &self,
        response: &mut Response<Payload>,
        request: &Request,
    ) -> Result<(), String> {
        let body = match response.body() {
            Payload::Full(bytes) => Some(bytes.clone()),
            Payload::Body(_) => None,
        };
        if body.is_none() && (self.ranges || matches!(self.etag, Some(Tag::OfBody))) {
            return Err("`ranges`, and an `etag` of the body, want a body that is known: no stream, and no other server's".to_owned());
        }
        let tag = match (&self.etag, &body) {
            (Some(Tag::Given(tag)), _) => Some(tag.clone()),
            (Some(Tag::OfBody), Some(body)) => of_body(body),
            _ => None,
        };
        let headers = response.headers_mut();
        for (name, value) in [
            (header::ETAG, tag),
            (header::LAST_MODIFIED, self.last_modified.clone()),
        ] {
            if let Some(value) = value {
                headers.entry(name).or_insert(value);
            }
        }
        // What would have failed anyway does so for its own reason (RFC 9110, 13.2.1).
        if !response.status().is_success() {
            return Ok(());
        }
        if self.ranges {
            let bytes = HeaderValue::from_static("bytes");
            response
                .headers_mut()
                .entry(header::ACCEPT_RANGES)
                .or_insert(bytes);
        }
        match condition(request, response.headers()) {
            Condition::Fails => become_bare(response, StatusCode::PRECONDITION_FAILED),
            Condition::NotModified => become_bare(response, StatusCode::NOT_MODIFIED),
            Condition::Holds => {
                let ranged = self.ranges
                    && request.method() == Method::GET
                    && response.status() == StatusCode::OK
                    && range_holds(request, response.headers());
                if let Some(body) = body.filter(|_| ranged) {
                    in_ranges(response, request, &body);
                }
            }
        }
        Ok(())
    }
}

/// The answer without its body and what is said of that.
fn become_bare(response: &mut Response<Payload>, status: StatusCode) {
    *response.status_mut() = status;
    *response.body_mut() = Payload::empty();
    for name in [
        header::CONTENT_TYPE,
        header::CONTENT_LENGTH,
        header::CONTENT_ENCODING,
    ] {
        response.headers_mut().remove(name);
    }
}

/// `v1`, `"v1"` or `W/"v1"` as a header has it.
fn tag_value(text: &str) -> Option<HeaderValue> {
    let (weak, opaque) = match text.strip_prefix("W/") {
        Some(rest) if rest.starts_with('"') => ("W/", rest),
        _ => ("", text),
    };
    let bare = opaque
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let bare = bare.unwrap_or(opaque);
    let may = |c: char| c == '!' || ('#'..='~').contains(&c);
    let given = HeaderValue::try_from(format!("{weak}\"{bare}\"")).ok();
    given.filter(|_| bare.chars().all(may))
}

/// A tag that is the same for the same bytes, in each run.
fn of_body(body: &[u8]) -> Option<HeaderValue> {
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    HeaderValue::try_from(format!("\"{:016x}\"", hasher.finish())).ok()
}

/// The conditions in their order (RFC 9110, 13.2.2).
fn condition(request: &Request, headers: &HeaderMap) -> Condition {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let tag = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
    let modified = headers
        .get(header::LAST_MODIFIED)
        .and_then(|time| date(time.to_str().ok()?));
    let asked = |name: header::HeaderName| {
        let lines: Vec<&str> = request.header_values(name.as_str()).collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    };
    let time = |name: header::HeaderName| date(request.header(name.as_str())?);
    if let Some(list) = asked(header::IF_MATCH) {
        if !names(&list, tag, true) {
            return Condition::Fails;
        }
    } else if let (Some(limit), Some(modified)) = (time(header::IF_UNMODIFIED_SINCE), modified)
        && modified > limit
    {
        return Condition::Fails;
    }
    if let Some(list) = asked(header::IF_NONE_MATCH) {
        return match names(&list, tag, false) {
            false => Condition::Holds,
            true if reads => Condition::NotModified,
            true => Condition::Fails,
        };
    }
    match (time(header::IF_MODIFIED_SINCE), modified) {
        (Some(limit), Some(modified)) if reads && modified <= limit => Condition::NotModified,
        _ => Condition::Holds,
    }
}

/// Whether a list of tags names this one; `*` is any that there is. Weak tags are never strongly equal (RFC 9110, 8.8.3.2).
fn names(list: &str, tag: Option<&str>, strongly: bool) -> bool {
    if list.trim() == "*" {
        return true;
    }
    let Some(tag) = tag else { return false };
    let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    tags(list).iter().any(|one| match strongly {
        true => *one == tag && !tag.starts_with("W/"),
        false => opaque(one) == opaque(tag),
    })
}

/// The tags of a list; a comma may stand in a tag.
fn tags(list: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let mut rest = list;
    while let Some(open) = rest.find('"') {
        let start = open - usize::from(rest[..open].ends_with("W/")) * 2;
        let Some(length) = rest[open + 1..].find('"') else {
            break;
        };
        let end = open + 1 + length + 1;
        all.push(&rest[start..end]);
        rest = &rest[end..];
    }
    all
}

fn date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text.trim()).ok()
}

/// Whether the parts that a client has are of this version (RFC 9110, 13.1.5).
fn range_holds(request: &Request, headers: &HeaderMap) -> bool {
    let Some(asked) = request.header(header::IF_RANGE.as_str()) else {
        return true;
    };
    let said = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    match asked.contains('"') {
        true => names(asked, said(header::ETAG), true),
        false => said(header::LAST_MODIFIED) == Some(asked.trim()),
    }
}

/// The parts of the body that are asked for.
fn in_ranges(response: &mut Response<Payload>, request: &Request, body: &Bytes) {
    let Some(asked) = request.header(header::RANGE.as_str()) else {
        return;
    };
    let size = body.len();
    let content_range = |range: &ranges::Range| {
        let (first, last) = (range.start, range.end - 1);
        HeaderValue::try_from(format!("bytes {first}-{last}/{size}")).ok()
    };
    match ranges::read(asked, size) {
        Asked::Nothing => {}
        Asked::NoSuch => {
            become_bare(response, StatusCode::RANGE_NOT_SATISFIABLE);
            let value = HeaderValue::try_from(format!("bytes */{size}")).ok();
            response
                .headers_mut()
                .extend(value.map(|value| (header::CONTENT_RANGE, value)));
        }
        Asked::Ranges(ranges) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            response.headers_mut().remove(header::CONTENT_LENGTH);
            if let [only] = ranges.as_slice() {
                let value = content_range(only).map(|value| (header::CONTENT_RANGE, value));
                response.headers_mut().extend(value);
                *response.body_mut() = Payload::Full(body.slice(only.clone()));
                return;
            }
            let boundary = format!("kmock-{size}-{}", ranges.len());
            let kind = response.headers_mut().remove(header::CONTENT_TYPE);
            let mut all = BytesMut::new();
            for range in &ranges {
                all.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
                let part = [
                    (header::CONTENT_TYPE, kind.clone()),
                    (header::CONTENT_RANGE, content_range(range)),
                ];
                for (name, value) in part {
                    let Some(value) = value else { continue };
                    all.extend_from_slice(format!("{name}: ").as_bytes());
                    all.extend_from_slice(value.as_bytes());
                    all.extend_from_slice(b"\r\n");
                }
                all.extend_from_slice(b"\r\n");
                all.extend_from_slice(&body[range.clone()]);
                all.extend_from_slice(b"\r\n");
            }
            all.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
            let kind = HeaderValue::try_from(format!("multipart/byteranges; boundary={boundary}"));
            response
                .headers_mut()
                .extend(kind.ok().map(|kind| (header::CONTENT_TYPE, kind)));
            *response.body_mut() = Payload::Full(all.freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_written_and_compared() {
        let value =
            |text: &str| tag_value(text).map(|tag| tag.to_str().unwrap_or_default().to_owned());
        assert_eq!(value("v1").as_deref(), Some("\"v1\""));
        assert_eq!(value("\"v1\"").as_deref(), Some("\"v1\""));
        assert_eq!(value("W/\"v1\"").as_deref(), Some("W/\"v1\""));
        assert_eq!(value("W/x").as_deref(), Some("\"W/x\""));
        assert_eq!(
            (value("a b"), value("a\"b"), value("ü")),
            (None, None, None)
        );
        assert_eq!(tags(r#""a", W/"b,c" ,"d"#), [r#""a""#, r#"W/"b,c""#]);
        assert!(names("*", None, true) && !names("\"a\"", None, false));
        assert!(names("W/\"a\"", Some("\"a\""), false) && !names("W/\"a\"", Some("W/\"a\""), true));
    }
}

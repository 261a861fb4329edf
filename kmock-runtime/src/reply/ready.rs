//! Replies with nothing to compute, made once; and what HTTP can carry.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use crate::{
    journal::Whole,
    reply::{
        Answer, HeaderEdit, Payload, Reply, Source, date,
        representation::{PROBLEM, problem_body},
    },
};

/// A reply with nothing to compute, made ready once: what most requests get.
pub(crate) struct Ready {
    status: StatusCode,
    headers: Headers,
    body: Bytes,
    whole: Arc<Whole>,
}

/// The headers of a reply.
enum Headers {
    /// Always the same.
    Given(HeaderMap),
    /// With the date of each answer: as they are in this second.
    Dated(Mutex<(u64, HeaderMap)>),
}

impl Headers {
    fn now(&self) -> HeaderMap {
        match self {
            Headers::Given(headers) => headers.clone(),
            Headers::Dated(last) => {
                let second = date::second();
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                if last.0 != second {
                    last.0 = second;
                    last.1.insert(header::DATE, date::now());
                }
                last.1.clone()
            }
        }
    }
}

impl Ready {
    /// `None` where something is to be computed, waited for or broken.
    pub(crate) fn of(reply: &Reply) -> Option<Ready> {
        let plain = reply.before.is_empty()
            && reply.fault.is_none()
            && reply.rate.is_none()
            && reply.reason.is_none()
            && reply.transport.is_none()
            && reply.representation.is_none()
            && !reply.pass
            && reply.failure.is_none();
        if !plain {
            return None;
        }
        let mut body = Bytes::new();
        let mut kind = None;
        let status = reply.own_status().unwrap_or_default();
        for source in &reply.bodies {
            let (bytes, own) = match source {
                Source::Bytes { bytes, kind } => (bytes.clone(), *kind),
                Source::Problem(members) => (problem_body(members.clone(), status), Some(PROBLEM)),
                _ => return None,
            };
            kind = kind.or(own);
            if body.is_empty() {
                body = bytes;
            } else {
                body = [body.as_ref(), bytes.as_ref()].concat().into();
            }
        }
        let mut headers = HeaderMap::new();
        finish_headers(&mut headers, kind, reply.headers.iter().cloned());
        let ready = is_sent_as_written(status, &headers, Some(body.len() as u64)).is_ok()
            && !is_removed(reply, &header::CONTENT_LENGTH)
            && status.canonical_reason().is_some();
        if !ready {
            return None;
        }
        let whole = Whole::of(&headers, &body);
        let dated = !is_removed(reply, &header::DATE) && !headers.contains_key(header::DATE);
        let headers = match dated {
            true => Headers::Dated(Mutex::new((u64::MAX, headers))),
            false => Headers::Given(headers),
        };
        Some(Ready {
            status,
            whole,
            headers,
            body,
        })
    }

    pub(crate) fn answer(&self) -> Answer {
        let mut response = Response::new(Payload::Full(self.body.clone()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.now();
        Answer {
            whole: Some(Arc::clone(&self.whole)),
            dated: true,
            ..Answer::new(response)
        }
    }
}

/// Whether a rule leaves out a header that would be there otherwise.
pub(super) fn is_removed(reply: &Reply, name: &HeaderName) -> bool {
    let last = reply.headers.iter().rev().find_map(|edit| match edit {
        HeaderEdit::Add(other, _) => (other == name).then_some(false),
        HeaderEdit::Remove(other) => (other == name).then_some(true),
    });
    last.unwrap_or_default()
}

/// What HTTP cannot carry, or what would break the exchange without a fault that says so, is refused in words: hyper would
/// drop the connection, or send something else. `size`: that of the body, where it is known.
pub(super) fn is_sent_as_written(
    status: StatusCode,
    headers: &HeaderMap,
    size: Option<u64>,
) -> Result<(), String> {
    if status.is_informational() {
        return Err(format!(
            "{} is no answer of its own: a status below 200 comes before one",
            status.as_u16()
        ));
    }
    let bare = match status {
        StatusCode::NO_CONTENT => "15.3.5",
        StatusCode::NOT_MODIFIED => "15.4.5",
        _ => "",
    };
    if !bare.is_empty() && size.is_some_and(|size| size > 0) {
        let status = status.as_u16();
        return Err(format!(
            "an answer of status {status} has no body (RFC 9110, {bare})"
        ));
    }
    for value in headers.get_all(header::CONTENT_LENGTH) {
        let said = value
            .to_str()
            .ok()
            .and_then(|text| text.parse::<u64>().ok());
        let Some(said) = said else {
            return Err(format!("`content-length: {value:?}` is no length"));
        };
        // What was not modified has the length of another answer (RFC 9110, 8.6).
        let size = size.filter(|_| status != StatusCode::NOT_MODIFIED);
        if let Some(size) = size.filter(|size| *size != said) {
            return Err(format!(
                "`content-length` says {said}, and the body has {size} bytes: leave the header out, or write `promise {said}` \
                 to break that on purpose"
            ));
        }
    }
    Ok(())
}

/// The content type that the body implies, and then what the rule says of headers.
pub(super) fn finish_headers(
    headers: &mut HeaderMap,
    kind: Option<&'static str>,
    edits: impl IntoIterator<Item = HeaderEdit>,
) {
    if let Some(kind) = kind {
        headers
            .entry(header::CONTENT_TYPE)
            .or_insert(HeaderValue::from_static(kind));
    }
    // The first time that a header is set, it takes the place of what would be there otherwise.
    let mut set = Vec::new();
    for edit in edits {
        match edit {
            HeaderEdit::Add(name, value) if set.contains(&name) => {
                headers.append(name, value);
            }
            HeaderEdit::Add(name, value) => {
                set.push(name.clone());
                headers.insert(name, value);
            }
            HeaderEdit::Remove(name) => {
                headers.remove(name);
            }
        }
    }
}

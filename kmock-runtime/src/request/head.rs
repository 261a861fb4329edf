//! The head of a request, out of the buffer that it was read into.
//!
//! Targets, header values and small bodies come as slices of hyper's read buffer of 8 KiB and more. The journal keeps
//! requests as long as the server runs: with a slice it would keep the buffer, and hyper would need a new one each time. So
//! they are copied; and as most clients send the same headers again and again, those that are equal are kept only once.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, request::Parts};

/// Bodies up to this size are copied; larger ones fill most of their buffer.
const SMALL: usize = 4 << 10;

/// What stands above the body.
pub(crate) struct Head {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) version: Version,
    pub(super) headers: Arc<HeaderMap>,
}

/// What came last on a connection: likely, it comes again.
#[derive(Default)]
pub(crate) struct Last(Mutex<Option<Arc<Head>>>);

impl Last {
    /// The head of the next request.
    pub(crate) fn head(&self, parts: Parts) -> Arc<Head> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let again = last
            .as_ref()
            .filter(|last| same(&last.headers, &parts.headers));
        if let Some(again) = again
            && again.method == parts.method
            && again.version == parts.version
            && path_only(&again.uri).is_some()
            && path_only(&again.uri) == path_only(&parts.uri)
        {
            return Arc::clone(again);
        }
        let head = Arc::new(Head {
            method: parts.method,
            uri: own_uri(parts.uri),
            version: parts.version,
            headers: match again {
                Some(again) => Arc::clone(&again.headers),
                None => own_headers(parts.headers),
            },
        });
        *last = Some(Arc::clone(&head));
        head
    }
}

impl Head {
    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(crate) fn header(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.headers.get(name)
    }

    /// One of which nothing is known to come again.
    pub(crate) fn of(parts: Parts) -> Arc<Head> {
        Last::default().head(parts)
    }
}

/// The path and the query, where the target is nothing else: nearly always.
fn path_only(uri: &Uri) -> Option<&str> {
    match uri.authority() {
        None => Some(uri.path_and_query()?.as_str()),
        Some(_) => None,
    }
}

/// Whether these are the same headers in the same order.
fn same(a: &HeaderMap, b: &HeaderMap) -> bool {
    let same = |((name, value), (other_name, other)): ((_, &HeaderValue), (_, &HeaderValue))| {
        name == other_name && value == other && value.is_sensitive() == other.is_sensitive()
    };
    a.len() == b.len() && a.iter().zip(b).all(same)
}

fn own_uri(uri: Uri) -> Uri {
    let own = match path_only(&uri) {
        Some(target) => Uri::from_maybe_shared(Bytes::copy_from_slice(target.as_bytes())),
        None => Uri::try_from(uri.to_string()),
    };
    // It was read before: it can be read again.
    own.unwrap_or(uri)
}

fn own_headers(mut headers: HeaderMap) -> Arc<HeaderMap> {
    let mut all = Vec::with_capacity(headers.values().map(HeaderValue::len).sum());
    for value in headers.values() {
        all.extend_from_slice(value.as_bytes());
    }
    let mut all = Bytes::from(all);
    for value in headers.values_mut() {
        if let Ok(mut own) = HeaderValue::from_maybe_shared(all.split_to(value.len())) {
            own.set_sensitive(value.is_sensitive());
            *value = own;
        }
    }
    Arc::new(headers)
}

pub(super) fn own_body(body: Bytes) -> Bytes {
    match body.len() {
        1..=SMALL => Bytes::copy_from_slice(&body),
        _ => body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(target: &Bytes, value: &Bytes) -> Parts {
        let value = HeaderValue::from_maybe_shared(value.clone()).expect("a value");
        let request = http::Request::builder()
            .uri(Uri::from_maybe_shared(target.clone()).expect("a target"))
            .header("x-one", value)
            .header("x-one", "two")
            .body(());
        request.expect("a request").into_parts().0
    }

    #[test]
    fn nothing_of_a_request_stays_in_its_buffer() {
        let absolute = "http://example.com/x?y";
        for target in ["/", "*", "/a/b?q=1", absolute, "example.com:80"] {
            let buffer = Bytes::from(format!("{target}value").into_bytes());
            let (at, value) = (buffer.slice(..target.len()), buffer.slice(target.len()..));
            let parts = parts(&at, &value);
            let before = parts.uri.to_string();
            let head = Head::of(parts);
            drop((at, value));
            assert_eq!(head.uri.to_string(), before);
            let values: Vec<_> = head.headers.get_all("x-one").iter().collect();
            assert_eq!(values, ["value", "two"]);
            assert!(buffer.is_unique(), "{target}");
        }
        let body = Bytes::from(b"a body".to_vec());
        assert_eq!(own_body(body.slice(2..)), "body");
        assert!(body.is_unique());
    }

    #[test]
    fn what_comes_again_is_kept_once() {
        let last = Last::default();
        let head = |target: &'static str, value: &'static str| {
            last.head(parts(&target.into(), &value.into()))
        };
        let one = head("/a", "x");
        let same = head("/a", "x");
        assert!(Arc::ptr_eq(&one, &same));
        let elsewhere = head("/b", "x");
        assert_eq!(elsewhere.uri, "/b");
        assert!(Arc::ptr_eq(&one.headers, &elsewhere.headers));
        let other = head("/b", "y");
        assert_eq!(other.uri, "/b");
        assert_eq!(other.headers["x-one"], "y");
        // Names of hosts are equal in any case, but what came is told as it came.
        head("http://example.com/", "x");
        assert_eq!(
            head("http://EXAMPLE.com/", "x").uri.to_string(),
            "http://EXAMPLE.com/"
        );
    }
}

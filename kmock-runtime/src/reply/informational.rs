//! Answers that are none yet: 102 Processing, 103 Early Hints (RFC 9110, 15.2; RFC 8297).

use http::{HeaderMap, HeaderValue, StatusCode, Version};

use crate::reply::{Asked, Before, Reply, header_name};

impl Reply {
    /// An informational answer before the answer, e.g. `103` with links. Several come in order, with what is waited for
    /// between them. HTTP/1.1 only: hyper does not send them on HTTP/2, which is recorded as an error.
    ///
    /// ```
    /// # use kmock_runtime as kmock;
    /// use kmock::Reply;
    ///
    /// let links = [("link", "</style.css>; rel=preload")];
    /// let reply = Reply::new().informational(103, links).text("<html>");
    /// ```
    ///
    /// # Panics
    /// When the status is not between 102 and 199, or a header cannot be one. 100 and 101 have meanings of their own.
    #[track_caller]
    pub fn informational<N: AsRef<str>, V: ToString>(
        mut self,
        status: u16,
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Reply {
        let known = StatusCode::from_u16(status).ok();
        let Some(status) = known.filter(|status| (102..200).contains(&status.as_u16())) else {
            panic!("kmock: {status} is no informational status: 102 to 199 are");
        };
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            let value = value.to_string();
            let Ok(header) = HeaderValue::try_from(value.as_str()) else {
                panic!("kmock: {value:?} cannot be the value of a header");
            };
            all.append(header_name(name.as_ref()), header);
        }
        self.before.push(Before::Informational(status, all));
        self
    }
}

pub(super) fn send(status: StatusCode, headers: &HeaderMap, asked: &Asked) {
    let request = &asked.request;
    let Some(wire) = request
        .wire()
        .filter(|_| request.version() == Version::HTTP_11)
    else {
        asked.core.error(format!(
            "{}: {} cannot be sent on {:?}: informational answers are of HTTP/1.1 here",
            asked.label,
            status.as_u16(),
            request.version()
        ));
        return;
    };
    let reason = status.canonical_reason().unwrap_or("Informational");
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).into_bytes();
    fields(&mut head, headers);
    head.extend_from_slice(b"\r\n");
    wire.inject(head.into());
}

/// Headers or trailers as HTTP/1 writes them.
pub(super) fn fields(bytes: &mut Vec<u8>, headers: &HeaderMap) {
    for (name, value) in headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
}

//! Trailers: what comes after a body.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, Version, header};
use http_body::Frame;

use crate::{
    reply::{Answer, Payload, informational::fields},
    request::Request,
    wire::Wire,
};

/// The same answer with trailers after its body.
pub(super) fn trailing(answer: Answer, trailers: HeaderMap, request: &Request) -> Answer {
    let (mut head, payload) = answer.response.into_parts();
    let wire = match request.version() {
        Version::HTTP_11 => request.wire().cloned(),
        _ => None,
    };
    if wire.is_some() {
        let names: Vec<&str> = trailers.keys().map(http::HeaderName::as_str).collect();
        if let Ok(names) = HeaderValue::try_from(names.join(", ")) {
            head.headers.entry(header::TRAILER).or_insert(names);
        }
    }
    let body = Trailing {
        inner: payload.into_body(),
        trailers: Some(trailers),
        wire,
    };
    Answer {
        response: Response::from_parts(head, Payload::Body(Body::new(body))),
        ..answer
    }
}

/// A body with trailers. Its length is told to nobody: HTTP/1.1 sends it in chunks then, after which they may stand.
struct Trailing {
    inner: Body,
    trailers: Option<HeaderMap>,
    /// Hyper sends them on HTTP/1.1 only to clients that say `TE: trailers`; others get them here.
    wire: Option<Wire>,
}

impl HttpBody for Trailing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(frame) = frame {
            return Poll::Ready(Some(frame));
        }
        let Some(trailers) = self.trailers.take() else {
            return Poll::Ready(None);
        };
        match &self.wire {
            Some(wire) => {
                let mut bytes = Vec::new();
                fields(&mut bytes, &trailers);
                wire.add_trailers(bytes.into());
                Poll::Ready(None)
            }
            None => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
        }
    }
}

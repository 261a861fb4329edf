//! The body that goes to hyper: bytes without a box around them, or anything else.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

/// A body: most are bytes that are known already, and those are not worth a box.
#[derive(Debug)]
pub(crate) enum Payload {
    Full(Bytes),
    Body(Body),
}

impl Payload {
    pub(crate) fn empty() -> Payload {
        Payload::Full(Bytes::new())
    }

    pub(crate) fn into_body(self) -> Body {
        match self {
            Payload::Full(bytes) => Body::from(bytes),
            Payload::Body(body) => body,
        }
    }
}

impl HttpBody for Payload {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.get_mut() {
            Payload::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Payload::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Payload::Body(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Payload::Full(bytes) => bytes.is_empty(),
            Payload::Body(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Payload::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Payload::Body(body) => body.size_hint(),
        }
    }
}

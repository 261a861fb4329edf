//! The answer to a call: framed messages, and the status in the trailers.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use http_body::Frame;
use prost_reflect::MessageDescriptor;

use crate::{
    grpc::{
        Code, Grpc, Status,
        deadline::{self, Alarm},
        descriptors::{Descriptors, from_json},
        frames::frame,
    },
    reply::{Asked, Breaker},
    stream::{Player, Put},
    wire::Cut,
};

/// The content type of calls and their answers.
pub(super) const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// The head of an answer, and its body. `trailers` are those that the rule has beside the status.
pub(super) fn answer(mut grpc: Grpc, trailers: HeaderMap, asked: &Asked) -> Response<Body> {
    let call = asked.request.grpc();
    if let Some(why) = call.and_then(|call| call.broken()) {
        grpc = Code::Unimplemented.because(format!("kmock: {why}")).into();
    }
    let descriptors = asked.core.extras.get::<Descriptors>();
    let method = descriptors.method(asked.request.url_path());
    let mut trailing = grpc.trailing;
    trailing.extend(trailers);
    let body = Messages {
        player: Player::start(grpc.messages, asked.clone()),
        asked: asked.clone(),
        output: method.map(|method| method.output()),
        descriptors,
        end: Some((grpc.status.unwrap_or_default(), trailing)),
        alarm: Alarm::new(asked),
        breaker: Breaker::of(&asked.request),
        cut: None,
    };
    let mut response = Response::new(Body::new(body));
    *response.headers_mut() = grpc.initial;
    response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
    response
}

struct Messages {
    player: Player,
    asked: Asked,
    output: Option<MessageDescriptor>,
    descriptors: Arc<Descriptors>,
    /// What comes after the messages, until it has come.
    end: Option<(Status, HeaderMap)>,
    alarm: Alarm,
    /// `None`: there is no socket underneath, and nothing to break.
    breaker: Option<Breaker>,
    /// How it breaks, once it does.
    cut: Option<Option<Cut>>,
}

impl Messages {
    fn encode(&self, line: &[u8]) -> Result<Bytes, String> {
        let value: serde_json::Value = serde_json::from_slice(line)
            .map_err(|error| format!("a message is no JSON: {error}"))?;
        match &self.output {
            Some(kind) => from_json(kind, value).map(|message| frame(&message)),
            // Nothing is the same in every type.
            None if value == serde_json::json!({}) => Ok(frame(b"")),
            None => Err(format!(
                "nobody knows what {} answers: give its descriptors to `k.descriptors(…)`, or bytes that are a message",
                self.asked.request.url_path()
            )),
        }
    }

    fn data(&mut self, message: Bytes) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(breaker) = &mut self.breaker {
            breaker.gave(message.len());
        }
        Poll::Ready(Some(Ok(Frame::data(message))))
    }

    /// The end in the place of that of the rule.
    fn end_with(&mut self, status: Status) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some((end, _)) = &mut self.end {
            *end = status;
        }
        self.end()
    }

    fn fail(&mut self, why: &str) -> Status {
        let message = format!("{}: {why}", self.asked.label);
        self.asked.core.error(message.clone());
        Code::Internal.because(format!("kmock: {message}"))
    }

    fn end(&mut self) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some((status, mut trailers)) = self.end.take() else {
            return Poll::Ready(None);
        };
        if let Err(why) = status.write(&mut trailers, Some(&self.descriptors)) {
            let status = self.fail(&why);
            // It has no details.
            let _ = status.write(&mut trailers, None);
        }
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}

impl HttpBody for Messages {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if let Some(cut) = &mut this.cut {
            return match &mut this.breaker {
                Some(breaker) => breaker.cut(cut, cx),
                None => Poll::Pending,
            };
        }
        if this.end.is_none() {
            return Poll::Ready(None);
        }
        let put = match this.player.poll_put(cx) {
            Poll::Pending if this.alarm.is_over(cx) => return this.end_with(deadline::status()),
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return this.end(),
            Poll::Ready(Some(Err(why))) => {
                let status = this.fail(&why);
                return this.end_with(status);
            }
            Poll::Ready(Some(Ok(put))) => put,
        };
        match put {
            Put::Head => Poll::Ready(Some(Ok(Frame::data(Bytes::new())))),
            Put::Bytes(message) => this.data(frame(&message)),
            Put::Text(line) => match this.encode(&line) {
                Ok(message) => this.data(message),
                Err(why) => {
                    let status = this.fail(&why);
                    this.end_with(status)
                }
            },
            Put::Fault(fault) => {
                this.asked.seen.broken_by(&fault);
                if let Some(breaker) = &mut this.breaker {
                    breaker.code = fault.code;
                }
                this.cut = Some(Some(fault.cut));
                self.poll_frame(cx)
            }
        }
    }
}

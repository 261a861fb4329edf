//! The answer to a call: framed messages, and the status in the trailers.

use std::{
    collections::VecDeque,
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
        frames::MessageCoding,
        talk::Talk,
    },
    reply::{Asked, Breaker},
    stream::{Player, Put},
    wire::Cut,
};

/// The content type of calls and their answers.
pub(super) const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// The head of an answer, and its body. `trailers` are those that the rule has beside the status.
pub(super) fn answer(mut grpc: Grpc, trailers: HeaderMap, asked: &Asked) -> Response<Body> {
    let headers = asked.request.headers();
    let came = MessageCoding::of(headers);
    let known = came.is_ok();
    // As other servers do, it answers in the coding of the call.
    let mut coding = came.clone().unwrap_or_default();
    if grpc.compressed && MessageCoding::Gzip.is_read_by(headers) {
        coding = MessageCoding::Gzip;
    }
    let descriptors = asked.core.extras.get::<Descriptors>();
    let method = descriptors.method(asked.request.url_path());
    let broken = match came {
        Err(why) => Some(why),
        // Who answers each message finds out with it.
        Ok(_) if grpc.each.is_some() => None,
        Ok(_) => asked.request.grpc().and_then(|call| call.broken()),
    };
    if let Some(why) = broken {
        grpc = Code::Unimplemented.because(format!("kmock: {why}")).into();
    }
    let talk = grpc.each.take().map(|each| {
        let kind = method.as_ref().map(|method| method.input());
        Talk::new(each, kind, coding_of_call(headers), asked.clone())
    });
    let mut trailing = grpc.trailing;
    trailing.extend(trailers);
    let body = Messages {
        turns: VecDeque::from([Utterance {
            player: Player::start(grpc.messages, asked.clone()),
            status: None,
        }]),
        scripted: true,
        talk,
        coding,
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
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, GRPC);
    if coding == MessageCoding::Gzip {
        headers.insert("grpc-encoding", HeaderValue::from_static("gzip"));
    }
    if !known {
        let read = HeaderValue::from_static("identity,gzip");
        headers.insert("grpc-accept-encoding", read);
    }
    response
}

/// What the messages of a call are in; one that is not known has been refused.
fn coding_of_call(headers: &HeaderMap) -> MessageCoding {
    MessageCoding::of(headers).unwrap_or_default()
}

/// Messages that go out one after the other, and the status with which they end the call, if they do.
struct Utterance {
    player: Player,
    status: Option<Status>,
}

struct Messages {
    /// The answers to what came, and at last the script of the rule.
    turns: VecDeque<Utterance>,
    /// Whether that script goes on.
    scripted: bool,
    /// What answers each message as it comes.
    talk: Option<Talk>,
    coding: MessageCoding,
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

/// What happens next.
enum NextMessage {
    Put(Put),
    /// A script or a closure failed.
    Failed(String),
    /// All is said, with this status if not with that of the rule.
    Over(Option<Status>),
}

impl Messages {
    fn encode(&self, line: &[u8]) -> Result<Bytes, String> {
        let value: serde_json::Value = serde_json::from_slice(line)
            .map_err(|error| format!("a message is no JSON: {error}"))?;
        match &self.output {
            Some(kind) => from_json(kind, value).map(|message| self.coding.frame(&message)),
            // Nothing is the same in every type.
            None if value == serde_json::json!({}) => Ok(self.coding.frame(b"")),
            None => Err(format!(
                "nobody knows what {} answers: give its descriptors to `k.descriptors(…)`, or bytes that are a message",
                self.asked.request.url_path()
            )),
        }
    }

    fn next(&mut self, cx: &mut Context<'_>) -> Poll<NextMessage> {
        loop {
            let mut listens = false;
            if let Some(talk) = &mut self.talk {
                match talk.poll(cx) {
                    Poll::Pending => listens = true,
                    Poll::Ready(Some(Ok(answer))) => {
                        self.answer(answer);
                        continue;
                    }
                    Poll::Ready(Some(Err(why))) => return Poll::Ready(NextMessage::Failed(why)),
                    Poll::Ready(None) => self.talk = None,
                }
            }
            let Some(turn) = self.turns.front_mut() else {
                return match listens {
                    true => Poll::Pending,
                    false => Poll::Ready(NextMessage::Over(None)),
                };
            };
            match turn.player.poll_put(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(put))) => return Poll::Ready(NextMessage::Put(put)),
                Poll::Ready(Some(Err(why))) => return Poll::Ready(NextMessage::Failed(why)),
                Poll::Ready(None) => {
                    let status = self.turns.pop_front().and_then(|turn| turn.status);
                    self.scripted = self.scripted && !self.turns.is_empty();
                    if status.is_some() {
                        return Poll::Ready(NextMessage::Over(status));
                    }
                }
            }
        }
    }

    /// What answers a message goes out after the answers to others, and before what the script goes on with.
    fn answer(&mut self, answer: Grpc) {
        if !answer.initial.is_empty() {
            let label = &self.asked.label;
            self.asked.core.error(format!(
                "{label}: metadata before the messages comes too late in an answer to one of them"
            ));
        }
        if let Some((_, trailers)) = &mut self.end {
            trailers.extend(answer.trailing);
        }
        let at = self.turns.len() - usize::from(self.scripted);
        let turn = Utterance {
            player: Player::start(answer.messages, self.asked.clone()),
            status: answer.status,
        };
        self.turns.insert(at, turn);
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
        self.talk = None;
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
        let put = match this.next(cx) {
            Poll::Pending if this.alarm.is_over(cx) => return this.end_with(deadline::status()),
            Poll::Pending => return Poll::Pending,
            Poll::Ready(NextMessage::Over(None)) => return this.end(),
            Poll::Ready(NextMessage::Over(Some(status))) => return this.end_with(status),
            Poll::Ready(NextMessage::Failed(why)) => {
                let status = this.fail(&why);
                return this.end_with(status);
            }
            Poll::Ready(NextMessage::Put(put)) => put,
        };
        match put {
            Put::Head => Poll::Ready(Some(Ok(Frame::data(Bytes::new())))),
            Put::Bytes(message) => {
                let message = this.coding.frame(&message);
                this.data(message)
            }
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

//! Conversations: each message is answered as it comes, while the client goes on sending.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use futures::{FutureExt, future::BoxFuture};
use http_body::Body as _;
use hyper::body::Incoming;
use prost_reflect::{MessageDescriptor, prost::Message};
use serde_json::Value;

use crate::{
    grpc::{Code, Grpc, descriptors::to_json, frames::MessageCoding},
    reply::Asked,
    request::Upload,
    user_code::compute_apart,
};

/// A message that came, and what is known of its type.
pub(super) struct Heard {
    bytes: Bytes,
    kind: Option<MessageDescriptor>,
}

/// What answers each message.
#[derive(Clone)]
pub(super) struct AnswerEach(Arc<dyn Fn(&Heard) -> Grpc + Send + Sync>);

impl fmt::Debug for AnswerEach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("|message| …")
    }
}

impl Grpc {
    /// Answers each message as it comes, without waiting for others: conversations in which each side waits for the other. The
    /// message is JSON, as [`KMock::descriptors`](crate::KMock::descriptors) lets it be read, and null without. An answer with a
    /// status ends the call; else it ends when the client has no more to say.
    ///
    /// What stands beside it is said first, and its pauses do not hold up the answers.
    ///
    /// ```
    /// # use kmock_runtime as kmock;
    /// use kmock::grpc::{Code, Grpc};
    /// use serde_json::json;
    ///
    /// let chat = Grpc::new().json(json!({ "text": "welcome" })).answer(|message| match message["name"].as_str() {
    ///     Some("bye") => Grpc::from(Code::Ok),
    ///     name => Grpc::new().json(json!({ "text": name })),
    /// });
    /// # drop(chat);
    /// ```
    pub fn answer<F, G>(mut self, answer: F) -> Grpc
    where
        F: Fn(Value) -> G + Send + Sync + 'static,
        G: Into<Grpc>,
    {
        self.each = Some(AnswerEach(Arc::new(move |came| answer(came.json()).into())));
        self
    }

    /// As [`Grpc::answer`], with messages of prost.
    pub fn answer_prost<M, F, G>(mut self, answer: F) -> Grpc
    where
        M: Message + Default + 'static,
        F: Fn(M) -> G + Send + Sync + 'static,
        G: Into<Grpc>,
    {
        let each = move |came: &Heard| match M::decode(came.bytes.clone()) {
            Ok(message) => answer(message).into(),
            Err(error) => Code::InvalidArgument
                .because(format!("kmock: a message is not of its type: {error}"))
                .into(),
        };
        self.each = Some(AnswerEach(Arc::new(each)));
        self
    }

    /// As [`Grpc::answer`], with messages as they came.
    pub(super) fn answer_bytes<F>(mut self, answer: F) -> Grpc
    where
        F: Fn(Bytes) -> Grpc + Send + Sync + 'static,
    {
        self.each = Some(AnswerEach(Arc::new(move |came| answer(came.bytes.clone()))));
        self
    }
}

impl Heard {
    fn json(&self) -> Value {
        let read = |kind| to_json(kind, &self.bytes).ok();
        self.kind.as_ref().and_then(read).unwrap_or_default()
    }
}

/// A conversation that goes on.
pub(super) struct Talk {
    each: AnswerEach,
    kind: Option<MessageDescriptor>,
    coding: MessageCoding,
    asked: Asked,
    /// What is still to come; `None`: the client has said all.
    rest: Option<Incoming>,
    upload: Option<Arc<Upload>>,
    /// What came and is not a whole message.
    came: BytesMut,
    /// The answer that is being made.
    answering: Option<BoxFuture<'static, Result<Grpc, String>>>,
}

impl Talk {
    pub(super) fn new(
        each: AnswerEach,
        kind: Option<MessageDescriptor>,
        coding: MessageCoding,
        asked: Asked,
    ) -> Talk {
        let upload = asked.request.upload().cloned();
        Talk {
            each,
            kind,
            coding,
            rest: upload.as_ref().and_then(|upload| upload.take_rest()),
            upload,
            came: BytesMut::from(&asked.request.body()[..]),
            answering: None,
            asked,
        }
    }

    /// The answer to the next message; `None`: the client has no more to say.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Grpc, String>>> {
        loop {
            if let Some(answering) = &mut self.answering {
                let answer = ready!(answering.as_mut().poll(cx));
                self.answering = None;
                return Poll::Ready(Some(answer));
            }
            match self.coding.next(&mut self.came) {
                Ok(Some(bytes)) => {
                    let (each, kind) = (self.each.clone(), self.kind.clone());
                    let came = Heard { bytes, kind };
                    let answer = move |_| (each.0)(&came);
                    let answer = compute_apart(Arc::new(answer), self.asked.request.clone());
                    self.answering = Some(answer.boxed());
                    continue;
                }
                Ok(None) => {}
                Err(why) => {
                    self.end();
                    return Poll::Ready(Some(Ok(Code::Unimplemented
                        .because(format!("kmock: {why}"))
                        .into())));
                }
            }
            let Some(rest) = &mut self.rest else {
                if self.came.is_empty() {
                    return Poll::Ready(None);
                }
                self.came.clear();
                let cut = Code::Internal.because("kmock: a message is cut short");
                return Poll::Ready(Some(Ok(cut.into())));
            };
            match ready!(Pin::new(rest).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        if let Some(upload) = &self.upload {
                            upload.count(data.len());
                            upload.keep_some(&data);
                        }
                        self.came.extend_from_slice(&data);
                    }
                    Err(frame) => {
                        let trailers = frame.into_trailers().ok();
                        if let (Some(trailers), Some(upload)) = (trailers, &self.upload) {
                            upload.keep_trailers(trailers);
                        }
                    }
                },
                // A client that breaks off hears no more either.
                Some(Err(_)) | None => self.end(),
            }
        }
    }

    fn end(&mut self) {
        self.rest = None;
        if let Some(upload) = &self.upload {
            upload.finish();
        }
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.end();
    }
}

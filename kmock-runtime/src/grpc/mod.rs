//! gRPC: services and methods as heads of rules, messages as JSON or as they are, statuses in trailers (gRPC over HTTP/2).
//!
//! Messages are read and written as JSON through a descriptor set ([`KMock::descriptors`](crate::KMock::descriptors)), or as types
//! of prost, which need none.
//!
//! ```
//! use kmock_runtime::{Filter, Rule, grpc::{Code, Grpc}};
//! use serde_json::json;
//!
//! let hello = Rule::on(Filter::grpc("demo.Greeter/SayHello")).grpc(json!({ "message": "hi" }));
//! let nobody = Rule::on(Filter::grpc("demo.Greeter/*")).grpc(Code::NotFound.because("nobody of that name"));
//! let stream = Grpc::new().json(json!({ "n": 1 })).json(json!({ "n": 2 })).status(Code::Unavailable);
//! # drop((hello, nobody, stream));
//! ```

mod body;
mod call;
mod code;
mod criteria;
mod deadline;
mod descriptors;
mod frames;
mod mock;
mod reflection;
mod status;
mod talk;

use std::{any::Any, sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use prost_reflect::prost::Message;
use serde_core::Serialize;

pub use self::{call::Call, code::Code, status::Status};
use crate::{
    reply::{Asked, IntoReply, Payload, Reply, ReplyPart, Source},
    request::Request,
    rules::Rule,
    stream::{IntoItem, Stream},
};

/// What a call is answered with: messages, and a status at the end.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// use kmock::grpc::{Code, Grpc};
/// use serde_json::json;
///
/// let two = Grpc::new().json(json!({ "count": 1 })).json(json!({ "count": 2 })).status(Code::Unavailable);
/// k.on(kmock::Filter::grpc("demo.Greeter/Watch")).grpc(two);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "an answer is sent when a rule has it"]
pub struct Grpc {
    messages: Stream,
    status: Option<Status>,
    /// Metadata before the messages.
    initial: HeaderMap,
    /// Metadata after them.
    trailing: HeaderMap,
    /// Whether messages are compressed, where the client reads such.
    compressed: bool,
    /// What answers each message as it comes.
    each: Option<talk::AnswerEach>,
}

impl Grpc {
    /// No message, and the status `OK`.
    pub fn new() -> Grpc {
        Grpc::default()
    }

    /// One more message: JSON that the method's descriptor knows, or bytes that are a message already.
    pub fn message(mut self, message: impl IntoItem) -> Grpc {
        self.messages = self.messages.item(message);
        self
    }

    /// One more message of a type that can be JSON.
    pub fn json(mut self, message: impl Serialize) -> Grpc {
        self.messages = self.messages.json(message);
        self
    }

    /// One more message of prost.
    pub fn prost(self, message: &impl Message) -> Grpc {
        let bytes = Bytes::from(message.encode_to_vec());
        // A message with nothing in it is one, too.
        self.message(frames::Encoded(bytes))
    }

    /// Messages by a script, with pauses, gates and faults between them.
    pub fn messages(mut self, script: impl Into<Stream>) -> Grpc {
        self.messages = self.messages.item(script.into());
        self
    }

    /// The status at the end.
    pub fn status(mut self, status: impl Into<Status>) -> Grpc {
        self.status = Some(status.into());
        self
    }

    /// Metadata before the messages.
    ///
    /// # Panics
    /// When the name or the value cannot stand in a header, or the name ends in `-bin`.
    #[track_caller]
    pub fn metadata(mut self, name: impl AsRef<str>, value: impl ToString) -> Grpc {
        let (name, value) = text_pair(name.as_ref(), &value.to_string());
        self.initial.append(name, value);
        self
    }

    /// Metadata of bytes before the messages.
    ///
    /// # Panics
    /// When the name cannot be that of a header, or does not end in `-bin`.
    #[track_caller]
    pub fn metadata_bin(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Grpc {
        let (name, value) = bytes_pair(name.as_ref(), value.as_ref());
        self.initial.append(name, value);
        self
    }

    /// Metadata after the messages, beside the status.
    ///
    /// # Panics
    /// When the name or the value cannot stand in a header, or the name ends in `-bin`.
    #[track_caller]
    pub fn trailing(mut self, name: impl AsRef<str>, value: impl ToString) -> Grpc {
        let (name, value) = text_pair(name.as_ref(), &value.to_string());
        self.trailing.append(name, value);
        self
    }

    /// Metadata of bytes after the messages, beside the status.
    ///
    /// # Panics
    /// When the name cannot be that of a header, or does not end in `-bin`.
    #[track_caller]
    pub fn trailing_bin(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Grpc {
        let (name, value) = bytes_pair(name.as_ref(), value.as_ref());
        self.trailing.append(name, value);
        self
    }

    /// Compresses the messages (gzip), where the client says that it reads such. A call whose messages are compressed is answered so
    /// without that.
    pub fn compressed(mut self) -> Grpc {
        self.compressed = true;
        self
    }

    /// This answer and more of it.
    pub(crate) fn and(mut self, other: Grpc) -> Grpc {
        self.messages = self.messages.item(other.messages);
        self.status = other.status.or(self.status);
        self.initial.extend(other.initial);
        self.trailing.extend(other.trailing);
        self.compressed |= other.compressed;
        self.each = other.each.or(self.each);
        self
    }
}

#[track_caller]
fn text_pair(name: &str, value: &str) -> (HeaderName, HeaderValue) {
    let Ok(parsed) = HeaderValue::try_from(value) else {
        panic!(
            "kmock: {value:?} cannot be metadata: use a name that ends in -bin, and `metadata_bin`"
        );
    };
    let name = metadata_name(name);
    assert!(
        !name.as_str().ends_with("-bin"),
        "kmock: metadata {name} is of bytes: use `metadata_bin`"
    );
    (name, parsed)
}

#[track_caller]
fn bytes_pair(name: &str, value: &[u8]) -> (HeaderName, HeaderValue) {
    let name = metadata_name(name);
    assert!(
        name.as_str().ends_with("-bin"),
        "kmock: the name of metadata of bytes ends in -bin, which {name} does not"
    );
    (name, status::base64(value))
}

#[track_caller]
fn metadata_name(name: &str) -> HeaderName {
    match HeaderName::try_from(name) {
        Ok(name) => name,
        Err(_) => panic!("kmock: {name:?} cannot be the name of metadata"),
    }
}

impl From<Status> for Grpc {
    fn from(status: Status) -> Grpc {
        Grpc::new().status(status)
    }
}

impl From<Code> for Grpc {
    fn from(code: Code) -> Grpc {
        Grpc::new().status(code)
    }
}

impl From<Stream> for Grpc {
    fn from(script: Stream) -> Grpc {
        Grpc::new().messages(script)
    }
}

impl<const N: usize> From<&'static [u8; N]> for Grpc {
    /// A message that is encoded already.
    fn from(message: &'static [u8; N]) -> Grpc {
        Bytes::from_static(message).into()
    }
}

impl From<Bytes> for Grpc {
    /// A message that is encoded already.
    fn from(message: Bytes) -> Grpc {
        Grpc::new().message(frames::Encoded(message))
    }
}

impl From<serde_json::Value> for Grpc {
    fn from(message: serde_json::Value) -> Grpc {
        Grpc::new().json(message)
    }
}

impl IntoReply for Grpc {
    fn into_reply(self) -> Reply {
        Reply::new().grpc(self)
    }
}

impl IntoReply for Status {
    fn into_reply(self) -> Reply {
        Reply::new().grpc(self)
    }
}

impl IntoReply for Code {
    fn into_reply(self) -> Reply {
        Reply::new().grpc(self)
    }
}

impl Reply {
    /// Answers a call of gRPC: a message, messages, a status. What several of them say adds up.
    pub fn grpc(self, grpc: impl Into<Grpc>) -> Reply {
        self.with(Source::Part(Arc::new(grpc.into())))
    }
}

impl ReplyPart for Grpc {
    fn answer(&self, trailers: HeaderMap, asked: &Asked) -> Response<Body> {
        body::answer(self.clone(), trailers, asked)
    }

    fn and(&self, later: &dyn Any) -> Option<Arc<dyn ReplyPart>> {
        let later = later.downcast_ref::<Grpc>()?.clone();
        Some(Arc::new(self.clone().and(later)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn converses(&self) -> bool {
        self.each.is_some()
    }

    fn limit(&self, request: &Request) -> Option<(Duration, Response<Payload>)> {
        let timeout = request.grpc()?.timeout()?;
        Some((timeout, deadline::status().alone()))
    }
}

impl Rule {
    /// Answers a call of gRPC: a message, messages, a status.
    pub fn grpc(self, grpc: impl Into<Grpc>) -> Rule {
        let more = Reply::new().grpc(grpc);
        self.reply(more)
    }
}

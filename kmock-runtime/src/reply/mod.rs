//! What goes back: status, headers and bodies that add up, computed or given, and how the exchange breaks.

mod answer;
mod answered;
mod awaited;
mod body;
mod breaking;
pub(crate) mod date;
mod delay;
mod error_code;
mod fault;
mod gate;
mod head_style;
mod hops;
mod informational;
mod into;
mod outgoing;
mod part;
mod payload;
mod proxy;
mod ranges;
mod ready;
mod representation;
mod sink;
mod trailers;
mod transport;

use std::{
    fmt,
    future::Future,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use axum::body::Body;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderName, HeaderValue, StatusCode, header};
use hyper::ext::ReasonPhrase;
use serde_core::Serialize;

pub(crate) use self::{
    answer::{Asked, Made, make},
    answered::{Answered, Takeover},
    awaited::Waiter,
    body::Reader,
    breaking::{Breaker, Broken, Halt, broken},
    delay::Dice,
    fault::FaultPlace,
    outgoing::Answer,
    part::ReplyPart,
    payload::Payload,
    proxy::Upstream,
    ready::Ready,
    representation::Representation,
    sink::Sink,
    transport::{HeadStyle, Seat, Transport},
};
pub use self::{
    awaited::{awaited, each},
    delay::Delay,
    fault::Fault,
    gate::Gate,
    into::{IntoReply, Json},
    proxy::Exchange,
    sink::{IntoSink, sink_async, sink_to, sink_with, try_sink_with},
};
use crate::{request::Request, stream::Stream};

/// What to reply: parts that add up. The last status wins, headers and cookies add up, bodies follow one another.
///
/// An empty reply is a 200 without a body.
///
/// ```
/// # use kmock_runtime as kmock;
/// use kmock::Reply;
///
/// let reply = Reply::new().status(201).header("Location", "/users/7").json([1, 2]);
/// ```
#[derive(Clone, Default)]
#[must_use = "a reply is sent when a rule or a function returns it"]
pub struct Reply {
    pub(crate) status: Option<StatusCode>,
    pub(crate) headers: Vec<HeaderEdit>,
    pub(crate) bodies: Vec<Source>,
    pub(crate) before: Vec<Before>,
    pub(crate) fault: Option<Fault>,
    /// Bytes a second.
    pub(crate) rate: Option<u64>,
    /// Nothing to say: the next rule is asked.
    pub(crate) pass: bool,
    /// The user's code failed: a 500, recorded.
    pub(crate) failure: Option<String>,
    /// The words after the status, where they are not the usual ones.
    pub(crate) reason: Option<ReasonPhrase>,
    /// The way that it takes, where that is no usual one.
    pub(crate) transport: Option<Box<Transport>>,
    /// What is said of the body, so that requests may be conditional.
    pub(crate) representation: Option<Box<Representation>>,
    /// Whether it sends the client elsewhere: then it has a status of its own.
    pub(crate) redirects: bool,
    /// Names of headers as they were written, where they are not in small letters.
    pub(crate) spelled: Vec<(HeaderName, Box<str>)>,
}

#[derive(Clone, Debug)]
pub(crate) enum HeaderEdit {
    Add(HeaderName, HeaderValue),
    Remove(HeaderName),
}

/// What comes before anything is sent.
#[derive(Clone, Debug)]
pub(crate) enum Before {
    Delay(Delay),
    Hold(Gate),
    Wait(Waiter),
    /// An answer that is none yet: 102, 103.
    Informational(StatusCode, http::HeaderMap),
}

/// A part of the body, or what makes one.
#[derive(Clone)]
pub(crate) enum Source {
    Bytes {
        bytes: Bytes,
        kind: Option<&'static str>,
    },
    File(PathBuf),
    /// What a file or reader still has.
    Rest(Arc<Mutex<Reader>>),
    /// No body, and no answer either, if nothing else says what to answer.
    Nothing,
    Proxy(Upstream),
    #[cfg_attr(
        not(feature = "grpc"),
        expect(dead_code, reason = "there is no protocol")
    )]
    Part(Arc<dyn ReplyPart>),
    #[cfg(feature = "websocket")]
    WebSocket(crate::websocket::WebSocket),
    /// What another room answers, and who has the connection then.
    #[cfg(feature = "cluster")]
    Answered(Arc<dyn Fn(&Request) -> Answered + Send + Sync>),
    Stream(Stream),
    /// A whole body of another library, which can be sent once.
    Whole(Arc<Mutex<Option<Body>>>),
    Compute(Compute),
    ComputeLater(ComputeLater),
    Router(axum::Router),
    /// Problem Details, without what the status says.
    Problem(serde_json::Map<String, serde_json::Value>),
}

type Compute = Arc<dyn Fn(Request) -> Reply + Send + Sync>;
type ComputeLater = Arc<dyn Fn(Request) -> BoxFuture<'static, Reply> + Send + Sync>;

impl Reply {
    /// Whether it certainly has something to say to every request.
    pub(crate) fn always_answers(&self) -> bool {
        let fixed = |source: &Source| match source {
            Source::Bytes { .. } | Source::File(_) | Source::Router(_) | Source::Problem(_) => true,
            Source::Stream(stream) => !stream.may_deplete(),
            _ => false,
        };
        !self.pass && (self.bodies.is_empty() || self.bodies.iter().all(fixed))
    }

    /// An empty reply: 200, no body.
    pub fn new() -> Reply {
        Reply::default()
    }

    /// No reply: the next rule is asked. Computed replies say so with `None`.
    pub fn pass() -> Reply {
        Reply {
            pass: true,
            ..Reply::default()
        }
    }

    /// A failure of the test's own code: a 500 that is recorded in [`KMock::errors`](crate::KMock::errors).
    pub fn failure(message: impl fmt::Display) -> Reply {
        Reply {
            failure: Some(message.to_string()),
            ..Reply::default()
        }
    }

    /// The reply computed for each request.
    pub fn compute<F, R>(make: F) -> Reply
    where
        F: Fn(Request) -> R + Send + Sync + 'static,
        R: IntoReply,
    {
        Reply::new().with(Source::Compute(Arc::new(move |request| {
            make(request).into_reply()
        })))
    }

    /// This reply and another, whatever it is made of.
    pub fn reply(self, reply: impl IntoReply) -> Reply {
        self.and(reply.into_reply())
    }

    /// This reply, and what a function makes of the request.
    pub fn reply_with<F, R>(self, make: F) -> Reply
    where
        F: Fn(Request) -> R + Send + Sync + 'static,
        R: IntoReply,
    {
        self.and(Reply::compute(make))
    }

    /// This reply, and what an async function makes of the request.
    pub fn reply_async<F, Fut>(self, make: F) -> Reply
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoReply> + Send + 'static,
    {
        self.and(Reply::compute_later(make))
    }

    /// The reply computed for each request by an async function.
    pub fn compute_later<F, Fut>(make: F) -> Reply
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoReply> + Send + 'static,
    {
        Reply::new().with(Source::ComputeLater(Arc::new(move |request| {
            let made = make(request);
            Box::pin(async move { made.await.into_reply() })
        })))
    }

    /// The status.
    ///
    /// # Panics
    /// When the number is not between 200 and 999.
    #[track_caller]
    pub fn status(mut self, status: u16) -> Reply {
        match final_status(status) {
            Ok(status) => self.status = Some(status),
            Err(why) => panic!("kmock: {why}"),
        }
        self
    }

    /// One more header.
    ///
    /// # Panics
    /// When the name or the value cannot stand in a header.
    #[track_caller]
    pub fn header(mut self, name: impl AsRef<str>, value: impl ToString) -> Reply {
        let value = value.to_string();
        let Ok(header) = HeaderValue::try_from(value.as_str()) else {
            panic!("kmock: {value:?} cannot be the value of a header");
        };
        self.spelled.extend(transport::spelled(name.as_ref()));
        self.headers
            .push(HeaderEdit::Add(header_name(name.as_ref()), header));
        self
    }

    /// Without a header that would be there otherwise, e.g. `content-type`.
    ///
    /// # Panics
    /// When the name cannot be that of a header.
    #[track_caller]
    pub fn no_header(mut self, name: impl AsRef<str>) -> Reply {
        self.headers
            .push(HeaderEdit::Remove(header_name(name.as_ref())));
        self
    }

    /// A cookie, as a `set-cookie` header (RFC 6265).
    #[track_caller]
    pub fn cookie(self, name: impl AsRef<str>, value: impl ToString) -> Reply {
        let cookie = format!("{}={}", name.as_ref(), value.to_string());
        self.header(header::SET_COOKIE, cookie)
    }

    /// Makes the client forget a cookie.
    #[track_caller]
    pub fn no_cookie(self, name: impl AsRef<str>) -> Reply {
        let cookie = format!("{}=; Max-Age=0", name.as_ref());
        self.header(header::SET_COOKIE, cookie)
    }

    /// Bytes as they are, with no content type.
    pub fn body(self, body: impl Into<Bytes>) -> Reply {
        self.with(Source::Bytes {
            bytes: body.into(),
            kind: None,
        })
    }

    /// A text as it is: `text/plain`.
    pub fn text(self, text: impl Into<String>) -> Reply {
        self.with(Source::Bytes {
            bytes: text.into().into(),
            kind: Some("text/plain; charset=utf-8"),
        })
    }

    /// A value as JSON: `application/json`. What cannot be JSON is a recorded failure.
    pub fn json(self, value: impl Serialize) -> Reply {
        match serde_json::to_vec(&value) {
            Ok(json) => self.with(Source::Bytes {
                bytes: json.into(),
                kind: Some("application/json"),
            }),
            Err(error) => self.and(Reply::failure(format!("cannot be made JSON: {error}"))),
        }
    }

    /// A file, read again for each request.
    pub fn file(self, path: impl Into<PathBuf>) -> Reply {
        self.with(Source::File(path.into()))
    }

    /// A file that is read on: the first request gets what is there, later ones what was appended meanwhile.
    /// Where there is nothing (more), the rule steps aside for the next one.
    pub fn file_once(self, path: impl Into<PathBuf>) -> Reply {
        let reader = Reader::file(path.into());
        self.with(Source::Rest(Arc::new(Mutex::new(reader))))
    }

    /// Any reader, read on in the manner of [`file_once`](Reply::file_once).
    pub fn reader(self, source: impl std::io::Read + Send + 'static) -> Reply {
        self.with(Source::Rest(Arc::new(Mutex::new(Reader::of(source)))))
    }

    /// What another server answers to the same request; `https://` with the feature `tls`. The exchange is recorded at the rule.
    ///
    /// # Panics
    /// When this is no URL such as `http://127.0.0.1:8080`.
    #[track_caller]
    pub fn proxy(self, url: impl AsRef<str>) -> Reply {
        match Upstream::new(url.as_ref()) {
            Ok(upstream) => self.with(Source::Proxy(upstream)),
            Err(error) => panic!("kmock: {error}"),
        }
    }

    /// A WebSocket: the request is accepted, frames are sent by a script and recorded.
    #[cfg(feature = "websocket")]
    pub fn websocket(self, socket: impl Into<crate::websocket::WebSocket>) -> Reply {
        self.with(Source::WebSocket(socket.into()))
    }

    /// A scripted stream.
    pub fn stream(self, stream: impl Into<Stream>) -> Reply {
        self.with(Source::Stream(stream.into()))
    }

    /// Waits before anything is sent, on the runtime's clock.
    ///
    /// A range of durations is jitter: each wait is drawn by the server's seed.
    pub fn delay(mut self, delay: impl Into<Delay>) -> Reply {
        self.before.push(Before::Delay(delay.into()));
        self
    }

    /// Waits for something before anything is sent: the function makes the future for each request.
    pub fn wait<F, Fut>(mut self, until: F) -> Reply
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future + Send + 'static,
    {
        self.before.push(Before::Wait(Waiter::new(until)));
        self
    }

    /// The words after the status, where they are not to be the usual ones.
    ///
    /// # Panics
    /// When the text cannot stand in a status line.
    #[track_caller]
    pub fn reason(mut self, words: impl AsRef<str>) -> Reply {
        match ReasonPhrase::try_from(words.as_ref().to_owned()) {
            Ok(reason) => self.reason = Some(reason),
            Err(_) => panic!("kmock: {:?} cannot stand in a status line", words.as_ref()),
        }
        self
    }

    /// Waits at a gate before anything is sent.
    pub fn hold(mut self, gate: &Gate) -> Reply {
        self.before.push(Before::Hold(gate.clone()));
        self
    }

    /// Breaks the exchange on the wire.
    pub fn fault(mut self, fault: Fault) -> Reply {
        self.fault = Some(fault);
        self
    }

    /// Sends the body no faster than this.
    pub fn slow(mut self, bytes_per_second: u64) -> Reply {
        self.rate = Some(bytes_per_second.max(1));
        self
    }

    pub(crate) fn with(mut self, source: Source) -> Reply {
        self.bodies.push(source);
        self
    }

    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        self.bodies
            .iter()
            .flat_map(|source| match source {
                Source::Proxy(upstream) => upstream.exchanges(),
                _ => Vec::new(),
            })
            .collect()
    }

    /// This reply and another: what both say adds up, and the other's word counts where only one can.
    pub fn and(mut self, other: Reply) -> Reply {
        self.status = other.status.or(self.status);
        self.headers.extend(other.headers);
        self.bodies.extend(other.bodies);
        self.before.extend(other.before);
        self.fault = other.fault.or(self.fault);
        self.rate = other.rate.or(self.rate);
        self.pass |= other.pass;
        self.failure = self.failure.or(other.failure);
        self.reason = other.reason.or(self.reason);
        self.transport = match (self.transport, other.transport) {
            (Some(mine), Some(others)) => Some(Box::new(mine.and(*others))),
            (mine, others) => others.or(mine),
        };
        self.representation = match (self.representation, other.representation) {
            (Some(mine), Some(others)) => Some(Box::new(mine.and(*others))),
            (mine, others) => others.or(mine),
        };
        self.redirects |= other.redirects;
        self.spelled.extend(other.spelled);
        self
    }
}

/// A number as the status of an answer. Those below 200 come before one (RFC 9110, 15.2), but for the switch to another
/// protocol.
/// Why a 101 is none that a rule could give: who answers so speaks another protocol from then on (RFC 9110, 15.2.2).
const SWITCHES: &str =
    "101 is no answer of its own: after it another protocol is spoken, as `websocket` does";

fn final_status(status: u16) -> Result<StatusCode, String> {
    match (status, StatusCode::from_u16(status)) {
        (101, _) => Err(SWITCHES.to_owned()),
        (100..200, _) => Err(format!(
            "{status} is no answer of its own: a status below 200 comes before one"
        )),
        (_, Ok(status)) => Ok(status),
        (_, Err(_)) => Err(format!("{status} is no status: 200 to 999 are")),
    }
}

#[track_caller]
fn header_name(name: &str) -> HeaderName {
    match HeaderName::try_from(name) {
        Ok(name) => name,
        Err(_) => panic!("kmock: {name:?} cannot be the name of a header"),
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("bodies", &self.bodies)
            .field("before", &self.before)
            .field("fault", &self.fault)
            .field("rate", &self.rate)
            .field("pass", &self.pass)
            .field("failure", &self.failure)
            .finish()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Bytes { bytes, .. } => fmt::Debug::fmt(bytes, f),
            Source::File(path) => write!(f, "file {path:?}"),
            Source::Rest(_) => f.write_str("file once"),
            Source::Problem(members) => write!(f, "problem {members:?}"),
            Source::Nothing => f.write_str("nothing"),
            Source::Proxy(upstream) => write!(f, "proxy {upstream:?}"),
            Source::Part(part) => fmt::Debug::fmt(part, f),
            #[cfg(feature = "websocket")]
            Source::WebSocket(_) => f.write_str("websocket"),
            #[cfg(feature = "cluster")]
            Source::Answered(_) => f.write_str("exec"),
            Source::Stream(stream) => fmt::Debug::fmt(stream, f),
            Source::Whole(_) => f.write_str("a body"),
            Source::Compute(_) | Source::ComputeLater(_) => f.write_str("a function"),
            Source::Router(_) => f.write_str("a router"),
        }
    }
}

//! WebSocket rules (RFC 6455): a request is accepted, frames go out by a script and by answers, all are recorded.

mod serve;

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;

pub(crate) use self::serve::accept;
use crate::{
    reply::{IntoReply, Reply},
    request::Request,
    stream::{IntoItem, Stream},
};

/// What happens on a WebSocket: a script of frames to send, and what to answer to those that come.
///
/// Texts and JSON values are text frames, bytes are binary ones. The script may pause, hold, break and wait to be fed,
/// as any [`Stream`]. Where it ends, the socket is closed, unless frames are answered: then the client closes it.
///
/// ```
/// # use kmock_runtime as kmock;
/// use kmock::{Rule, Stream, websocket::WebSocket};
///
/// let feed = Rule::on("/feed").websocket(Stream::new().text("hello").json([1, 2]).live());
/// let echo = Rule::on("/echo").websocket(WebSocket::new().echo());
/// # drop((feed, echo));
/// ```
#[derive(Clone, Default)]
#[must_use = "a WebSocket is accepted when a rule has it"]
pub struct WebSocket {
    script: Stream,
    answer: Option<Arc<dyn Fn(Frame) -> Stream + Send + Sync>>,
    protocol: Option<String>,
    close: Option<(u16, String)>,
}

/// A frame of a WebSocket.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// use kmock::websocket::{Frame, WebSocket};
///
/// k.on("/echo").websocket(WebSocket::new().answer(|frame| frame.text().to_uppercase()));
/// let close = Frame::Close(Some((1000, "bye".to_owned())));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub enum Frame {
    /// A text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
    /// A ping; the pong to it goes by itself.
    Ping(Bytes),
    /// A pong.
    Pong(Bytes),
    /// The end, with its code and reason.
    Close(Option<(u16, String)>),
}

impl Frame {
    /// The text of a text frame, or an empty one.
    pub fn text(&self) -> &str {
        match self {
            Frame::Text(text) => text,
            _ => "",
        }
    }

    /// The frame as JSON; null where it is none.
    pub fn json(&self) -> serde_json::Value {
        let bytes = match self {
            Frame::Text(text) => text.as_bytes(),
            Frame::Binary(bytes) => bytes,
            _ => &[],
        };
        serde_json::from_slice(bytes).unwrap_or_default()
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Frame::Text(text) => write!(f, "text {text:?}"),
            Frame::Binary(bytes) => write!(f, "binary {bytes:?}"),
            Frame::Ping(bytes) => write!(f, "ping {bytes:?}"),
            Frame::Pong(bytes) => write!(f, "pong {bytes:?}"),
            Frame::Close(Some((code, reason))) => write!(f, "close {code} {reason:?}"),
            Frame::Close(None) => f.write_str("close"),
        }
    }
}

/// A frame that came or went, on which request's socket.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// let echo = k.on("/echo").websocket(kmock::websocket::WebSocket::new().echo());
/// for framed in echo.wait_for_frames(2).await? {
///     println!("{:?}: {:?}", framed.at(), framed.frame());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Framed {
    request: Request,
    at: Duration,
    received: bool,
    frame: Frame,
}

impl Framed {
    /// When it came or went, counted from the start of the server.
    pub fn at(&self) -> Duration {
        self.at
    }

    /// The request that opened the socket.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Whether it came from the client.
    pub fn is_received(&self) -> bool {
        self.received
    }

    /// The frame.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }
}

impl fmt::Debug for Framed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.received { "←" } else { "→" };
        write!(f, "#{} {way} {:?}", self.request.id(), self.frame)
    }
}

impl WebSocket {
    /// A socket that is closed as soon as it is open.
    pub fn new() -> WebSocket {
        WebSocket::default()
    }

    /// Sends the frames of a script.
    pub fn script(mut self, script: impl Into<Stream>) -> WebSocket {
        self.script = script.into();
        self
    }

    /// Answers each text or binary frame that comes.
    pub fn answer<F, I>(mut self, answer: F) -> WebSocket
    where
        F: Fn(Frame) -> I + Send + Sync + 'static,
        I: IntoItem,
    {
        self.answer = Some(Arc::new(move |frame| answer(frame).into_item()));
        self
    }

    /// Sends back each text or binary frame that comes.
    pub fn echo(self) -> WebSocket {
        self.answer(|frame| match frame {
            Frame::Text(text) => Stream::new().text(text),
            Frame::Binary(bytes) => Stream::new().item(bytes),
            _ => Stream::new(),
        })
    }

    /// The subprotocol that is chosen, where the client offers it (RFC 6455, 4.2.2).
    pub fn protocol(mut self, name: impl Into<String>) -> WebSocket {
        self.protocol = Some(name.into());
        self
    }

    /// The code and the reason of the close at the end of the script, instead of 1000.
    pub fn close(mut self, code: u16, reason: impl Into<String>) -> WebSocket {
        self.close = Some((code, reason.into()));
        self
    }
}

impl From<Stream> for WebSocket {
    fn from(script: Stream) -> WebSocket {
        WebSocket::new().script(script)
    }
}

impl IntoReply for WebSocket {
    fn into_reply(self) -> Reply {
        Reply::new().websocket(self)
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebSocket({:?})", self.script)
    }
}

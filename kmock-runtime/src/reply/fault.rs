//! Faults: how an exchange breaks, where, and for which of the requests; true on the wire.

use std::fmt::{self, Write};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};

use crate::{
    reply::{Dice, error_code::ErrorCode},
    rules::Slice,
    wire::Cut,
};

/// How an exchange breaks, and where: before anything is sent, inside the head, or inside the body.
///
/// ```
/// # use kmock_runtime as kmock;
/// use kmock::Fault;
///
/// Fault::reset();               // RST instead of an answer
/// Fault::close().in_head(10);   // FIN after 10 bytes of the status line
/// Fault::truncate(100);         // FIN after 100 bytes of the body, whatever was promised
/// Fault::stall().in_body(5);    // 5 bytes of the body, and then nothing for ever
/// Fault::reset().only(2);       // for the third request of the rule only
/// Fault::close().at_rate(0.1);  // for one request in ten, drawn from the server's seed
/// ```
///
/// On HTTP/1.1 a fault breaks the connection. On HTTP/2 a connection carries many exchanges, and what can be about one of
/// them is: [`reset`](Fault::reset), [`stall`](Fault::stall), [`content_length`](Fault::content_length) and whatever breaks
/// inside a body meet the stream of that request (`RST_STREAM`), and the others go on. [`close`](Fault::close) instead of an
/// answer, [`garbage`](Fault::garbage) and breaks [`in_head`](Fault::in_head) are about the connection, with all that is on it.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a fault happens when a rule or a reply has it"]
pub struct Fault {
    pub(crate) cut: Cut,
    pub(crate) place: FaultPlace,
    /// Which of the rule's requests it meets.
    only: Option<Slice>,
    /// How likely it meets one.
    rate: Option<f64>,
    /// The error code of HTTP/2.
    pub(crate) code: Option<ErrorCode>,
    /// Whether it is a frame of HTTP/2, which HTTP/1 has no word for.
    pub(crate) goaway: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultPlace {
    /// Instead of the answer.
    Start,
    /// After this many bytes of the response, the head included.
    Head(usize),
    /// After this many bytes of the body.
    Body(usize),
    /// The head promises a body of this length, whatever the body is.
    Promise(usize),
    /// After the body, in the middle of a further chunk.
    Chunk,
    /// After this many bytes that the server sends in the handshake.
    Handshake(usize),
    /// When this many bytes of the body of the request have come.
    Upload(usize),
}

impl Fault {
    fn new(cut: Cut) -> Fault {
        Fault {
            cut,
            place: FaultPlace::Start,
            only: None,
            rate: None,
            code: None,
            goaway: false,
        }
    }

    /// The error code of HTTP/2 that the stream is reset with (RFC 9113, 7): `REFUSED_STREAM`, `CANCEL`, …; without it, it is
    /// `INTERNAL_ERROR`. On HTTP/1 there are none.
    ///
    /// # Panics
    /// When there is no code of this name.
    #[track_caller]
    pub fn code(mut self, name: &str) -> Fault {
        self.code = Some(ErrorCode::named(name));
        self
    }

    /// The connection of HTTP/2 is given up: GOAWAY with this code, by which no stream was processed, and then the end. On
    /// HTTP/1 the connection is closed.
    ///
    /// # Panics
    /// When there is no code of this name.
    #[track_caller]
    pub fn goaway(code: &str) -> Fault {
        let code = ErrorCode::named(code);
        Fault {
            code: Some(code),
            goaway: true,
            ..Fault::raw(code.goaway())
        }
    }

    /// The connection is reset (TCP RST).
    pub fn reset() -> Fault {
        Fault::new(Cut::Reset)
    }

    /// The connection is closed (TCP FIN).
    pub fn close() -> Fault {
        Fault::new(Cut::Close)
    }

    /// The connection stays open, and nothing more comes.
    pub fn stall() -> Fault {
        Fault::new(Cut::Stall)
    }

    /// Something that is no HTTP, and then the end.
    pub fn garbage() -> Fault {
        Fault::raw(&b"\x15\x03\x01 this is no HTTP\r\n\r\n\x00\xff"[..])
    }

    /// These bytes instead of an answer, and then the end.
    pub fn raw(bytes: impl Into<Bytes>) -> Fault {
        Fault::new(Cut::Garbage(bytes.into()))
    }

    /// The connection is closed after some bytes of the body, whatever length was promised.
    pub fn truncate(bytes: usize) -> Fault {
        Fault::close().in_body(bytes)
    }

    /// The connection is closed in the middle of a chunk: what was sent before is whole, the last chunk is not.
    pub fn truncated_chunk() -> Fault {
        let mut fault = Fault::raw(&b"20\r\nonly a part of it"[..]);
        fault.place = FaultPlace::Chunk;
        fault
    }

    /// The head promises a body of this length, whatever the body is; the connection is closed after the body.
    pub fn content_length(bytes: usize) -> Fault {
        let mut fault = Fault::close();
        fault.place = FaultPlace::Promise(bytes);
        fault
    }

    /// After this many bytes of the connection from the head of the response on.
    pub fn in_head(mut self, bytes: usize) -> Fault {
        self.place = FaultPlace::Head(bytes);
        self
    }

    /// After this many bytes of the body.
    pub fn in_body(mut self, bytes: usize) -> Fault {
        self.place = FaultPlace::Body(bytes);
        self
    }

    /// When this many bytes of the body of the request have come, without waiting for more: see [`Reply::unread`]. A
    /// [`stall`](Fault::stall) leaves the rest unread, so that the client is held up by the window of HTTP/2 or of TCP.
    ///
    /// [`Reply::unread`]: crate::Reply::unread
    pub fn in_upload(mut self, bytes: usize) -> Fault {
        self.place = FaultPlace::Upload(bytes);
        self
    }

    /// After so many bytes of what the server sends in the handshake of TLS: for rules of connections.
    pub fn in_handshake(mut self, bytes: usize) -> Fault {
        self.place = FaultPlace::Handshake(bytes);
        self
    }

    /// Only for some of the requests that the rule answers, by their number: `.only(2)`, `.only(..3)`.
    pub fn only(mut self, slice: impl Into<Slice>) -> Fault {
        self.only = Some(slice.into());
        self
    }

    /// Only for a part of the requests, drawn from the server's seed: 0.1 is one in ten.
    pub fn at_rate(mut self, rate: f64) -> Fault {
        self.rate = Some(rate);
        self
    }

    /// How many bytes of the body still come.
    pub(crate) fn more_bytes(&self) -> usize {
        match self.place {
            FaultPlace::Body(bytes) => bytes,
            _ => 0,
        }
    }

    pub(crate) fn is_in_upload(&self) -> bool {
        matches!(self.place, FaultPlace::Upload(_))
    }

    /// After how much of the body of the n-th request it happens. What is left to chance is known when the request is whole.
    pub(crate) fn in_upload_of(&self, n: usize) -> Option<usize> {
        match self.place {
            FaultPlace::Upload(bytes)
                if self.rate.is_none() && self.only.is_none_or(|slice| slice.contains(n)) =>
            {
                Some(bytes)
            }
            _ => None,
        }
    }

    /// The same, instead of the answer.
    pub(crate) fn at_start(mut self) -> Fault {
        self.place = FaultPlace::Start;
        self
    }

    /// The same for every request.
    pub(crate) fn certain(mut self) -> Fault {
        self.only = None;
        self.rate = None;
        self
    }

    /// Whether the fault meets the n-th request of the rule.
    pub(crate) fn happens(&self, n: usize, dice: &Dice) -> bool {
        self.only.is_none_or(|slice| slice.contains(n))
            && self.rate.is_none_or(|rate| dice.fraction() < rate)
    }
}

impl fmt::Display for Fault {
    /// As `kmock!` has it: `reset`, `truncate 10`, `close in head 12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.cut {
            Cut::Reset => "reset",
            Cut::Close => "close",
            Cut::Stall => "stall",
            Cut::Garbage(_) if self.goaway => "goaway",
            Cut::Garbage(_) => "garbage",
        };
        if let (FaultPlace::Start, Some(code)) = (self.place, self.code) {
            return write!(f, "{name} {:?}", code.name());
        }
        match (self.place, &self.cut) {
            (FaultPlace::Start, _) => f.write_str(name),
            (FaultPlace::Head(bytes), _) => write!(f, "{name} in head {bytes}"),
            (FaultPlace::Body(bytes), Cut::Close) => write!(f, "truncate {bytes}"),
            (FaultPlace::Body(bytes), _) => write!(f, "{name} in body {bytes}"),
            (FaultPlace::Promise(length), _) => write!(f, "promise {length}"),
            (FaultPlace::Chunk, _) => f.write_str("truncate chunk"),
            (FaultPlace::Upload(bytes), _) => write!(f, "{name} in upload {bytes}"),
            (FaultPlace::Handshake(bytes), _) => write!(f, "{name} in handshake {bytes}"),
        }
    }
}

/// A whole answer as bytes, with a head that promises another length than the body has.
pub(crate) fn promised(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    promise: usize,
) -> Bytes {
    let mut head = format!(
        "HTTP/1.1 {} {}\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default()
    );
    let mut bytes = BytesMut::new();
    // Writing to a text cannot fail.
    let _ = write!(head, "content-length: {promise}\r\n");
    bytes.extend_from_slice(head.as_bytes());
    for (name, value) in headers {
        if name == header::CONTENT_LENGTH || name == header::TRANSFER_ENCODING {
            continue;
        }
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes.freeze()
}

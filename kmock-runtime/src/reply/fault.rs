//! Faults: how an exchange breaks, true on the wire.

use bytes::Bytes;

use crate::wire::Cut;

/// How an exchange breaks, and where: before anything is sent, inside the head, or inside the body.
///
/// ```
/// use kmock_runtime::Fault;
///
/// Fault::reset();               // RST instead of an answer
/// Fault::close().in_head(10);   // FIN after 10 bytes of the status line
/// Fault::truncate(100);         // FIN after 100 bytes of the body, whatever was promised
/// Fault::stall().in_body(5);    // 5 bytes of the body, and then nothing for ever
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a fault happens when a rule or a reply has it"]
pub struct Fault {
    pub(crate) cut: Cut,
    pub(crate) place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// After this many bytes of the response, the head included.
    Head(usize),
    /// After this many bytes of the body.
    Body(usize),
}

impl Fault {
    fn new(cut: Cut) -> Fault {
        Fault {
            cut,
            place: Place::Head(0),
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

    /// After this many bytes of the head.
    pub fn in_head(mut self, bytes: usize) -> Fault {
        self.place = Place::Head(bytes);
        self
    }

    /// After this many bytes of the body.
    pub fn in_body(mut self, bytes: usize) -> Fault {
        self.place = Place::Body(bytes);
        self
    }
}

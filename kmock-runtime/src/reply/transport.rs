//! What a reply says of the way that it takes, beside what it says: which certificate, which version of HTTP, what comes before
//! and after it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::reply::{Fault, Reply, Source, header_name};

/// What few replies have: it is kept apart from what most do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transport {
    /// What a connection is shown in the handshake.
    #[cfg(feature = "tls")]
    pub(crate) presents: crate::tls::Presents,
    /// How many connections there may be at once, and how many there are.
    pub(crate) at_most: Option<(usize, Arc<AtomicUsize>)>,
    /// After how many bytes of the body of the request it answers, if not after all of it.
    pub(crate) unread: Option<usize>,
    /// How fast the body of the request is read, in bytes a second.
    pub(crate) upload: Option<u64>,
    /// What comes after the body.
    pub(crate) trailers: HeaderMap,
    /// How the head is written.
    pub(crate) head: HeadStyle,
}

/// How the head of an answer is written on HTTP/1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeadStyle {
    pub(crate) http10: bool,
    pub(crate) until_eof: bool,
    /// Names of headers as the rule has them, and others with capitals.
    pub(crate) as_written: bool,
}

impl HeadStyle {
    pub(crate) fn is_usual(&self) -> bool {
        *self == HeadStyle::default()
    }
}

impl Transport {
    /// What both say; the other's word counts where only one can.
    pub(super) fn and(mut self, other: Transport) -> Transport {
        #[cfg(feature = "tls")]
        {
            if !other.presents.certificate.is_right() {
                self.presents.certificate = other.presents.certificate;
            }
            self.presents.version = other.presents.version.or(self.presents.version);
        }
        self.at_most = other.at_most.or(self.at_most);
        self.unread = other.unread.or(self.unread);
        self.upload = other.upload.or(self.upload);
        self.trailers.extend(other.trailers);
        self.head = HeadStyle {
            http10: self.head.http10 || other.head.http10,
            until_eof: self.head.until_eof || other.head.until_eof,
            as_written: self.head.as_written || other.head.as_written,
        };
        self
    }

    /// A place among the connections that may be there at once; `None`: there is none left.
    pub(crate) fn place(&self) -> Option<Seat> {
        let Some((most, count)) = &self.at_most else {
            return Some(Seat(None));
        };
        let taken = count.fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| {
            (count < *most).then_some(count + 1)
        });
        taken.ok().map(|_| Seat(Some(Arc::clone(count))))
    }
}

/// A place among so many.
#[derive(Debug)]
pub(crate) struct Seat(Option<Arc<AtomicUsize>>);

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(count) = &self.0 {
            count.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// The way of the answer.
impl Reply {
    /// Whether it may begin before the body of the request has come.
    pub(crate) fn is_early(&self) -> bool {
        let way = self.transport();
        way.is_some_and(|way| way.unread.is_some() || way.upload.is_some())
            || self.converses()
            || self.fault.as_ref().is_some_and(Fault::is_in_upload)
    }

    /// Whether the answer reads the rest of the request.
    pub(crate) fn converses(&self) -> bool {
        let mut bodies = self.bodies.iter();
        bodies.any(|source| matches!(source, Source::Part(part) if part.converses()))
    }

    pub(crate) fn transport(&self) -> Option<&Transport> {
        self.transport.as_deref()
    }

    fn on_its_way(mut self, change: impl FnOnce(&mut Transport)) -> Reply {
        change(self.transport.get_or_insert_default());
        self
    }

    /// Of rules for connections: what is presented in the handshake.
    #[cfg(feature = "tls")]
    pub fn certificate(self, certificate: crate::tls::Certificate) -> Reply {
        self.on_its_way(|way| way.presents.certificate = certificate)
    }

    /// Of rules for connections: the only version of TLS that is spoken, or claimed.
    #[cfg(feature = "tls")]
    pub fn tls_version(self, version: crate::tls::Version) -> Reply {
        self.on_its_way(|way| way.presents.version = Some(version))
    }

    /// Of rules for connections: how many there may be at once. Further ones are closed as soon as they come.
    pub fn at_most(self, connections: usize) -> Reply {
        self.on_its_way(|way| way.at_most = Some((connections, Arc::default())))
    }

    /// Answers without waiting for the body of the request; with `Expect: 100-continue`, instead of the 100. The rule is found by
    /// the head alone: where a rule before it, or itself, asks for the body, all of it is read first. What comes of the body
    /// afterwards is read and thrown away, so that the client sees the answer.
    pub fn unread(self) -> Reply {
        self.unread_after(0)
    }

    /// Answers when so many bytes of the body of the request have come, or all: see [`Reply::unread`]. The request has what came.
    pub fn unread_after(self, bytes: usize) -> Reply {
        self.on_its_way(|way| way.unread = Some(bytes))
    }

    /// Reads the body of the request no faster than this: the client is held up by the window of HTTP/2 or of TCP.
    pub fn slow_upload(self, bytes_per_second: u64) -> Reply {
        self.on_its_way(|way| way.upload = Some(bytes_per_second.max(1)))
    }

    /// A trailer after the body: on HTTP/2, and on HTTP/1.1 in chunks (RFC 9112, 7.1.2).
    ///
    /// # Panics
    /// When the name or the value cannot stand in a header.
    #[track_caller]
    pub fn trailer(self, name: impl AsRef<str>, value: impl ToString) -> Reply {
        let value = value.to_string();
        let Ok(trailer) = HeaderValue::try_from(value.as_str()) else {
            panic!("kmock: {value:?} cannot be the value of a trailer");
        };
        let name = header_name(name.as_ref());
        self.on_its_way(|way| {
            way.trailers.append(name, trailer);
        })
    }

    /// The answer as a server of HTTP/1.0 gives it: without chunks, and the connection ends with it. On HTTP/2 it changes nothing.
    pub fn http10(self) -> Reply {
        self.on_its_way(|way| way.head.http10 = true)
    }

    /// A body without a length or chunks: it ends where the connection does (RFC 9112, 6.3). On HTTP/2 it changes nothing.
    pub fn until_eof(self) -> Reply {
        self.on_its_way(|way| way.head.until_eof = true)
    }

    /// Names of headers on the wire as they were written in this reply, and others as `Content-Type`. HTTP/2 has only small
    /// letters.
    pub fn as_written(self) -> Reply {
        self.on_its_way(|way| way.head.as_written = true)
    }
}

/// Of a name as it was written, what HTTP/1 is to be told; `None` where it is in small letters anyway.
pub(super) fn spelled(name: &str) -> Option<(HeaderName, Box<str>)> {
    let parsed = HeaderName::try_from(name).ok()?;
    (parsed.as_str() != name).then(|| (parsed, name.into()))
}

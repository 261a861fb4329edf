//! The socket under a connection, with a hand on it: faults that are true on the wire.
//!
//! Hyper writes well-formed HTTP. A fault must break that on purpose and at an exact place, so the stream
//! that hyper writes to is wrapped: a reply arms a [`Wire`] with a [`Cut`], and the wrapper carries it out
//! once everything that hyper has written before it is on its way.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker, ready},
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::socket::Socket;

/// How a connection ends before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// An orderly FIN.
    Close,
    /// A TCP RST.
    Reset,
    /// Nothing more is written, and the connection stays open.
    Stall,
    /// These bytes instead of HTTP, then an orderly FIN.
    Garbage(Bytes),
}

/// The hand on one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Whether there is a cut to look for: spares the lock on every write that nobody wants to break.
    armed: AtomicBool,
    /// Whether something of what is written is to be changed: spares the lock as well.
    edited: AtomicBool,
    /// Whether the connection is to end by a reset, when it does.
    aborted: AtomicBool,
    /// How many bytes were written.
    written: AtomicU64,
    state: Mutex<State>,
    /// The beginning of what came since something was written last: of a head that is none, all that there is to see.
    came: Mutex<Vec<u8>>,
    /// Whether something was written since.
    answered: AtomicBool,
}

/// How much of what came is kept.
pub(crate) const CAME: usize = 240;

#[derive(Debug, Default)]
struct State {
    cut: Option<Armed>,
    /// What goes out before whatever is written next.
    injected: BytesMut,
    /// How the next head is to be written.
    spelling: Option<Spelling>,
    /// What stands after the last chunk.
    trailers: Option<Bytes>,
    /// Whoever polls the stalled connection.
    stalled: Option<Waker>,
}

#[derive(Debug)]
struct Armed {
    cut: Cut,
    /// How many more bytes may pass before the cut; `None`: at the next flush, after all that was written.
    after: Option<usize>,
}

/// How a head of HTTP/1 is written, where not as hyper does.
#[derive(Clone, Debug)]
pub(crate) struct Spelling {
    /// Of version 1.1, whatever it says.
    pub(crate) http11: bool,
    /// Names of headers as they are to be; those that are not among them begin with capitals.
    pub(crate) names: Option<Vec<(http::HeaderName, Box<str>)>>,
}

impl Spelling {
    fn apply(&self, head: &[u8]) -> Vec<u8> {
        let mut written = Vec::with_capacity(head.len());
        let mut first = true;
        for line in head.split_inclusive(|byte| *byte == b'\n') {
            if std::mem::take(&mut first) {
                match line.strip_prefix(b"HTTP/1.0") {
                    Some(rest) if self.http11 => {
                        written.extend_from_slice(b"HTTP/1.1");
                        written.extend_from_slice(rest);
                    }
                    _ => written.extend_from_slice(line),
                }
                continue;
            }
            let colon = line.iter().position(|byte| *byte == b':');
            match (&self.names, colon) {
                (Some(names), Some(colon)) => {
                    let name = String::from_utf8_lossy(&line[..colon]);
                    let known = names.iter().find(|(known, _)| known.as_str() == name);
                    let name = known.map_or_else(|| capitals(&name), |(_, name)| name.to_string());
                    written.extend_from_slice(name.as_bytes());
                    written.extend_from_slice(&line[colon..]);
                }
                _ => written.extend_from_slice(line),
            }
        }
        written
    }
}

/// `Content-Type` for `content-type`.
fn capitals(name: &str) -> String {
    let mut start = true;
    name.chars()
        .map(|c| {
            let c = if start { c.to_ascii_uppercase() } else { c };
            start = c == '-';
            c
        })
        .collect()
}

/// Whether a head of HTTP/1 is whole.
fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map(|at| at + 4)
}

/// The last chunk without trailers (RFC 9112, 7.1).
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

impl Wire {
    /// Sends these bytes before whatever is written next: at the next flush at the latest.
    pub(crate) fn inject(&self, bytes: Bytes) {
        self.change(|state| state.injected.extend_from_slice(&bytes));
    }

    /// Writes the next head so.
    pub(crate) fn spell(&self, spelling: Spelling) {
        self.change(|state| state.spelling = Some(spelling));
    }

    /// Puts these lines after the last chunk, which is written next.
    pub(crate) fn add_trailers(&self, lines: Bytes) {
        self.change(|state| state.trailers = Some(lines));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.0.edited.store(true, Ordering::Release);
    }

    fn is_edited(&self) -> bool {
        self.0.edited.load(Ordering::Acquire)
    }

    /// Cuts the connection after `bytes` more bytes of whatever is written next, heads included.
    pub(crate) fn cut_after(&self, bytes: usize, cut: Cut) {
        self.arm(Armed {
            cut,
            after: Some(bytes),
        });
    }

    /// Cuts the connection as soon as all that has been written is on its way.
    pub(crate) fn cut_when_flushed(&self, cut: Cut) {
        self.arm(Armed { cut, after: None });
    }

    fn arm(&self, armed: Armed) {
        self.state().cut = Some(armed);
        self.0.armed.store(true, Ordering::Release);
    }

    /// Takes back what was to happen.
    #[cfg(feature = "tls")]
    pub(crate) fn disarm(&self) {
        self.state().cut = None;
        self.0.armed.store(false, Ordering::Release);
    }

    /// Ends the connection by a reset, as soon as whoever has it lets go of it.
    pub(crate) fn abort(&self) {
        self.0.aborted.store(true, Ordering::Release);
        self.cut_after(0, Cut::Reset);
    }

    /// How many bytes have been written so far.
    pub(crate) fn written(&self) -> u64 {
        self.0.written.load(Ordering::Acquire)
    }

    /// The beginning of what the client sent since something was written to it last.
    pub(crate) fn came(&self) -> Vec<u8> {
        self.came_now().clone()
    }

    fn came_now(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.came.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_armed(&self) -> bool {
        self.0.armed.load(Ordering::Acquire)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket that obeys a [`Wire`].
#[derive(Debug)]
pub(crate) struct WiredStream {
    inner: Socket,
    wire: Wire,
    garbage: Option<Bytes>,
    /// What was taken from the writer, changed, and not written yet.
    pending: BytesMut,
    /// A part of a head that is to be changed.
    head: BytesMut,
}

impl WiredStream {
    pub(crate) fn new(inner: Socket, wire: Wire) -> WiredStream {
        WiredStream {
            inner,
            wire,
            garbage: None,
            pending: BytesMut::new(),
            head: BytesMut::new(),
        }
    }

    /// Makes the end of it a reset.
    #[cfg(feature = "tls")]
    pub(crate) fn abort(&self) {
        self.inner.abort();
    }

    /// How many of `wanted` bytes may pass now; `None`: the cut is due.
    fn allowance(&self, wanted: usize) -> Option<usize> {
        if !self.wire.is_armed() {
            return Some(wanted);
        }
        let state = self.wire.state();
        match &state.cut {
            Some(Armed {
                after: Some(left), ..
            }) => (*left > 0).then(|| wanted.min(*left)),
            _ => Some(wanted),
        }
    }

    fn passed(&self, bytes: usize) {
        self.wire
            .0
            .written
            .fetch_add(bytes as u64, Ordering::Release);
        self.wire.0.answered.store(true, Ordering::Relaxed);
        if !self.wire.is_armed() {
            return;
        }
        let mut state = self.wire.state();
        if let Some(Armed {
            after: Some(left), ..
        }) = &mut state.cut
        {
            *left = left.saturating_sub(bytes);
        }
    }

    /// Carries out the armed cut.
    fn cut(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let cut = {
            let mut state = self.wire.state();
            let cut = state.cut.as_ref().map(|armed| armed.cut.clone());
            if cut == Some(Cut::Stall) {
                state.stalled = Some(cx.waker().clone());
            }
            cut
        };
        match cut {
            Some(Cut::Stall) => Poll::Pending,
            Some(Cut::Reset) => {
                self.inner.abort();
                Poll::Ready(io::ErrorKind::ConnectionReset.into())
            }
            Some(Cut::Garbage(bytes)) => {
                let mut left = self.garbage.take().unwrap_or(bytes);
                while left.has_remaining() {
                    match Pin::new(&mut self.inner).poll_write(cx, &left) {
                        Poll::Ready(Ok(n)) => left.advance(n),
                        Poll::Ready(Err(error)) => return Poll::Ready(error),
                        Poll::Pending => {
                            self.garbage = Some(left);
                            return Poll::Pending;
                        }
                    }
                }
                self.garbage = Some(left);
                self.goodbye(cx)
            }
            Some(Cut::Close) | None => self.goodbye(cx),
        }
    }

    /// Writes as much as may pass.
    fn poll_pass(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let Some(allowed) = self.allowance(buf.len()) else {
            return self.cut(cx).map(Err);
        };
        let written = Pin::new(&mut self.inner).poll_write(cx, &buf[..allowed]);
        if let Poll::Ready(Ok(bytes)) = written {
            self.passed(bytes);
        }
        written
    }

    /// Writes what is to go out before anything else.
    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.pending.is_empty() && self.wire.is_edited() {
            let mut state = self.wire.state();
            if !state.injected.is_empty() {
                self.pending = state.injected.split();
            }
        }
        while !self.pending.is_empty() {
            let mut pending = std::mem::take(&mut self.pending);
            let polled = self.poll_pass(cx, &pending);
            if let Poll::Ready(Ok(bytes)) = polled {
                pending.advance(bytes);
            }
            self.pending = pending;
            ready!(polled)?;
        }
        Poll::Ready(Ok(()))
    }

    /// Takes what is to be changed from the writer; `false`: it may pass as it is.
    fn edit(&mut self, buf: &[u8]) -> bool {
        let mut state = self.wire.state();
        if let Some(spelling) = &state.spelling {
            self.head.extend_from_slice(buf);
            if let Some(end) = head_end(&self.head) {
                let head = self.head.split_to(end);
                self.pending.extend_from_slice(&spelling.apply(&head));
                self.pending.unsplit(self.head.split());
                state.spelling = None;
            }
        } else if let Some(trailers) = state.trailers.as_ref()
            && let Some(before) = buf.strip_suffix(LAST_CHUNK)
        {
            self.pending.extend_from_slice(before);
            self.pending.extend_from_slice(b"0\r\n");
            self.pending.extend_from_slice(trailers);
            self.pending.extend_from_slice(b"\r\n");
            state.trailers = None;
        } else {
            return false;
        }
        let done =
            state.spelling.is_none() && state.trailers.is_none() && state.injected.is_empty();
        self.wire.0.edited.store(!done, Ordering::Release);
        true
    }

    fn is_edited(&self) -> bool {
        !self.pending.is_empty() || self.wire.is_edited()
    }

    /// An orderly end: where there is more to it than a FIN, that is said first.
    fn goodbye(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if self.inner.says_goodbye()
            && let Poll::Pending = Pin::new(&mut self.inner).poll_shutdown(cx)
        {
            return Poll::Pending;
        }
        Poll::Ready(io::ErrorKind::BrokenPipe.into())
    }

    fn due_at_flush(&self) -> bool {
        if !self.wire.is_armed() {
            return false;
        }
        let state = self.wire.state();
        matches!(&state.cut, Some(armed) if armed.after.is_none_or(|left| left == 0))
    }
}

impl Drop for WiredStream {
    fn drop(&mut self) {
        if self.wire.0.aborted.load(Ordering::Acquire) {
            self.inner.abort();
        }
    }
}

/// Up to so many bytes are cheaper to copy than to hand over one by one.
const SMALL: usize = 512;

/// All buffers as one; the room is large enough.
fn gathered<'a>(bufs: &[io::IoSlice<'_>], room: &'a mut [u8; SMALL]) -> &'a [u8] {
    let mut length = 0;
    for buf in bufs {
        room[length..][..buf.len()].copy_from_slice(buf);
        length += buf.len();
    }
    &room[..length]
}

impl AsyncRead for WiredStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        let new = buf.filled().get(before..).unwrap_or_default();
        if !new.is_empty() {
            let mut came = self.wire.came_now();
            if self.wire.0.answered.load(Ordering::Relaxed) {
                self.wire.0.answered.store(false, Ordering::Relaxed);
                came.clear();
            }
            let room = CAME.saturating_sub(came.len()).min(new.len());
            came.extend_from_slice(&new[..room]);
        }
        read
    }
}

impl AsyncWrite for WiredStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_edited() {
            ready!(self.poll_pending(cx))?;
            if self.edit(buf) {
                // It is ours now; the next flush tells what became of it.
                if let Poll::Ready(Err(error)) = self.poll_pending(cx) {
                    return Poll::Ready(Err(error));
                }
                return Poll::Ready(Ok(buf.len()));
            }
        }
        self.poll_pass(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted: usize = bufs.iter().map(|buf| buf.len()).sum();
        if self.is_edited() {
            let all: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
            return self.poll_write(cx, &all);
        }
        match self.allowance(wanted) {
            Some(allowed) if allowed == wanted => {
                let inner = Pin::new(&mut self.inner);
                let written = match wanted {
                    ..=SMALL => inner.poll_write(cx, gathered(bufs, &mut [0; SMALL])),
                    _ => inner.poll_write_vectored(cx, bufs),
                };
                if let Poll::Ready(Ok(bytes)) = written {
                    self.passed(bytes);
                }
                written
            }
            _ => {
                let first = bufs.iter().find(|buf| !buf.is_empty());
                self.poll_write(cx, first.map_or(&[], |buf| buf))
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_edited() {
            ready!(self.poll_pending(cx))?;
        }
        match Pin::new(&mut self.inner).poll_flush(cx) {
            Poll::Ready(Ok(())) if self.due_at_flush() => self.cut(cx).map(Err),
            flushed => flushed,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_edited() {
            ready!(self.poll_pending(cx))?;
        }
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

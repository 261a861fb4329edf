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
    task::{Context, Poll, Waker},
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

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
    /// How many bytes were written.
    written: AtomicU64,
    state: Mutex<State>,
    /// The beginning of what came since something was written last: of a head that is none, all that there is to see.
    came: Mutex<Vec<u8>>,
    /// Whether something was written since.
    answered: AtomicBool,
}

/// How much of what came is kept.
const CAME: usize = 240;

#[derive(Debug, Default)]
struct State {
    cut: Option<Armed>,
    /// Whoever polls the stalled connection.
    stalled: Option<Waker>,
}

#[derive(Debug)]
struct Armed {
    cut: Cut,
    /// How many more bytes may pass before the cut; `None`: at the next flush, after all that was written.
    after: Option<usize>,
}

impl Wire {
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

/// A TCP stream that obeys a [`Wire`].
#[derive(Debug)]
pub(crate) struct WiredStream {
    inner: TcpStream,
    wire: Wire,
    garbage: Option<Bytes>,
}

impl WiredStream {
    pub(crate) fn new(inner: TcpStream, wire: Wire) -> WiredStream {
        WiredStream {
            inner,
            wire,
            garbage: None,
        }
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
                // An abortive close: the kernel answers with RST (RFC 9293, 3.5.3; SO_LINGER of zero).
                let _ =
                    socket2::SockRef::from(&self.inner).set_linger(Some(std::time::Duration::ZERO));
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
                Poll::Ready(io::ErrorKind::BrokenPipe.into())
            }
            Some(Cut::Close) | None => Poll::Ready(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn due_at_flush(&self) -> bool {
        if !self.wire.is_armed() {
            return false;
        }
        let state = self.wire.state();
        matches!(&state.cut, Some(armed) if armed.after.is_none_or(|left| left == 0))
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
            if self.wire.0.answered.swap(false, Ordering::Relaxed) {
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
        let Some(allowed) = self.allowance(buf.len()) else {
            return self.cut(cx).map(Err);
        };
        let written = Pin::new(&mut self.inner).poll_write(cx, &buf[..allowed]);
        if let Poll::Ready(Ok(bytes)) = written {
            self.passed(bytes);
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted: usize = bufs.iter().map(|buf| buf.len()).sum();
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
        match Pin::new(&mut self.inner).poll_flush(cx) {
            Poll::Ready(Ok(())) if self.due_at_flush() => self.cut(cx).map(Err),
            flushed => flushed,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

//! A connection without a socket: what one end writes, the other reads, in the memory of the process.
//!
//! A sweep makes thousands of runs, and in each of them the program under test is a client of this very process: what the
//! kernel would do to carry its bytes takes as long as all the rest. To both ends it is as TCP on the loopback: an end that
//! is closed in order (FIN) gives what it has written and then the end of file; one that goes away with bytes unread, or
//! on purpose, resets the connection (RFC 9293, 3.5.3 and 3.10.4).

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// So many bytes may lie between the ends; then whoever writes waits, as for the buffers of a socket.
const WINDOW: usize = 1 << 20;
/// The room for more than this is given back when it has been read.
const KEPT: usize = 64 << 10;

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct Pipe {
    ends: Arc<Mutex<[End; 2]>>,
    /// Which of the two it is.
    at: usize,
}

/// What an end has got, and what became of it.
#[derive(Debug, Default)]
struct End {
    inbox: Vec<u8>,
    /// So much of it has been read.
    read: usize,
    /// Nothing more comes.
    over: bool,
    /// Nobody hears what is written from here on: the other end is gone.
    unheard: Option<Unheard>,
    /// What is to be told, once.
    error: Option<PipeError>,
    /// It is gone itself.
    gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unheard {
    /// It has closed in order: the first that is written to it is answered by a RST.
    NotKnown,
    Known,
}

/// What goes wrong with a connection.
#[derive(Clone, Copy, Debug)]
enum PipeError {
    Reset,
    BrokenPipe,
    Refused,
}

impl PipeError {
    /// As the system says it: programs look at the kind, people read the words.
    fn error(self) -> io::Error {
        let (kind, number) = match self {
            PipeError::Reset => (io::ErrorKind::ConnectionReset, numbers::RESET),
            PipeError::BrokenPipe => (io::ErrorKind::BrokenPipe, numbers::BROKEN_PIPE),
            PipeError::Refused => (io::ErrorKind::ConnectionRefused, numbers::REFUSED),
        };
        match number {
            0 => kind.into(),
            number => io::Error::from_raw_os_error(number),
        }
    }
}

/// Nobody is at home.
pub(crate) fn refused() -> io::Error {
    PipeError::Refused.error()
}

/// The numbers of errors; zero, where they are not known.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod numbers {
    pub(super) const RESET: i32 = 104;
    pub(super) const BROKEN_PIPE: i32 = 32;
    pub(super) const REFUSED: i32 = 111;
}

#[cfg(target_vendor = "apple")]
mod numbers {
    pub(super) const RESET: i32 = 54;
    pub(super) const BROKEN_PIPE: i32 = 32;
    pub(super) const REFUSED: i32 = 61;
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
mod numbers {
    pub(super) const RESET: i32 = 0;
    pub(super) const BROKEN_PIPE: i32 = 0;
    pub(super) const REFUSED: i32 = 0;
}

impl End {
    fn has_unread(&self) -> bool {
        self.read < self.inbox.len()
    }

    /// A RST came: what has come before it can still be read.
    fn reset(&mut self) {
        self.error = Some(match self.over {
            // After a FIN there is nothing left to read, and writing is what fails.
            true => PipeError::BrokenPipe,
            false => PipeError::Reset,
        });
        self.unheard = Some(Unheard::Known);
        self.over = true;
        self.wake();
    }

    fn wake(&mut self) {
        for waker in [self.reader.take(), self.writer.take()]
            .into_iter()
            .flatten()
        {
            waker.wake();
        }
    }

    fn wait(waiting: &mut Option<Waker>, cx: &Context<'_>) {
        match waiting {
            Some(known) if known.will_wake(cx.waker()) => {}
            _ => *waiting = Some(cx.waker().clone()),
        }
    }
}

impl Pipe {
    /// Both ends of a new connection.
    pub(crate) fn new() -> (Pipe, Pipe) {
        let ends = Arc::default();
        let other = Arc::clone(&ends);
        (Pipe { ends, at: 0 }, Pipe { ends: other, at: 1 })
    }

    fn ends(&self) -> MutexGuard<'_, [End; 2]> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something to this end and the other one.
    fn both<T>(&self, act: impl FnOnce(&mut End, &mut End) -> T) -> T {
        let [first, second] = &mut *self.ends();
        match self.at {
            0 => act(first, second),
            _ => act(second, first),
        }
    }

    /// Resets the connection, now and for good.
    pub(crate) fn abort(&self) {
        self.both(|own, other| {
            own.gone = true;
            if !other.gone {
                other.reset();
            }
        });
    }

    fn poll_put(&self, cx: &Context<'_>, parts: &[&[u8]]) -> Poll<io::Result<usize>> {
        self.both(|own, other| {
            if let Some(error) = own.error.take() {
                return Poll::Ready(Err(error.error()));
            }
            if own.gone || own.unheard == Some(Unheard::Known) || other.over {
                return Poll::Ready(Err(PipeError::BrokenPipe.error()));
            }
            let wanted: usize = parts.iter().map(|part| part.len()).sum();
            if own.unheard == Some(Unheard::NotKnown) {
                // It goes out, and comes back as a RST.
                own.reset();
                return Poll::Ready(Ok(wanted));
            }
            let mut room = WINDOW.saturating_sub(other.inbox.len() - other.read);
            if room == 0 && wanted > 0 {
                End::wait(&mut own.writer, cx);
                return Poll::Pending;
            }
            let mut put = 0;
            for part in parts {
                let part = &part[..part.len().min(room)];
                other.inbox.extend_from_slice(part);
                (put, room) = (put + part.len(), room - part.len());
            }
            if let Some(reader) = other.reader.take() {
                reader.wake();
            }
            Poll::Ready(Ok(put))
        })
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.both(|own, other| {
            if own.gone || other.gone {
                own.gone = true;
                return;
            }
            own.gone = true;
            if own.has_unread() {
                return other.reset();
            }
            other.over = true;
            other.unheard.get_or_insert(Unheard::NotKnown);
            other.wake();
        });
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.both(|own, other| {
            if own.has_unread() {
                let unread = own.inbox.get(own.read..).unwrap_or_default();
                let count = unread.len().min(buf.remaining());
                buf.put_slice(&unread[..count]);
                own.read += count;
                if !own.has_unread() {
                    own.read = 0;
                    own.inbox.clear();
                    own.inbox.shrink_to(KEPT);
                }
                if let Some(writer) = other.writer.take() {
                    writer.wake();
                }
                return Poll::Ready(Ok(()));
            }
            if let Some(error) = own.error.take_if(|error| matches!(error, PipeError::Reset)) {
                return Poll::Ready(Err(error.error()));
            }
            if own.over {
                return Poll::Ready(Ok(()));
            }
            End::wait(&mut own.reader, cx);
            Poll::Pending
        })
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_put(cx, &[buf])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let parts: Vec<&[u8]> = bufs.iter().map(|buf| &**buf).collect();
        self.poll_put(cx, &parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Half of an orderly end: the other end reads on to the end of file, and may write.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.both(|_, other| {
            if !other.over {
                other.over = true;
                if let Some(reader) = other.reader.take() {
                    reader.wake();
                }
            }
            Poll::Ready(Ok(()))
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::socket::Socket;

    async fn sockets() -> (Socket, Socket) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        (
            Socket::tcp(client.expect("a connection")),
            Socket::tcp(accepted.expect("a connection").0),
        )
    }

    fn pipe() -> (Socket, Socket) {
        let (client, server) = Pipe::new();
        (Socket::pipe(client), Socket::pipe(server))
    }

    /// What a client sees when it reads, writes twice and reads again, with the words of the system.
    async fn seen(client: &mut Socket) -> Vec<String> {
        let mut seen = Vec::new();
        for step in ["read", "write", "write", "read", "write"] {
            let outcome = match step {
                "read" => {
                    let mut room = [0; 16];
                    let read = client.read(&mut room).await;
                    read.map(|count| String::from_utf8_lossy(&room[..count]).into_owned())
                }
                _ => client.write(b"more").await.map(|count| count.to_string()),
            };
            seen.push(match outcome {
                Ok(text) => format!("{step}: {text:?}"),
                Err(error) => format!("{step}: {:?}, {error}", error.kind()),
            });
        }
        seen
    }

    /// How a server leaves.
    #[derive(Clone, Copy, Debug)]
    enum Leaves {
        InOrder,
        /// With something unread.
        Rudely,
        ByReset,
    }

    async fn left(
        (mut client, mut server): (Socket, Socket),
        how: Leaves,
        last: &[u8],
    ) -> Vec<String> {
        if let Leaves::Rudely = how {
            client.write_all(b"unread").await.expect("written");
            // Until it has come.
            server.peek().await.expect("read");
            client.write_all(b"unread, too").await.expect("written");
        }
        server.write_all(last).await.expect("written");
        if let Leaves::ByReset = how {
            server.abort();
        }
        drop(server);
        seen(&mut client).await
    }

    #[tokio::test]
    async fn a_client_sees_the_same_end_as_over_a_socket() {
        for how in [Leaves::InOrder, Leaves::Rudely, Leaves::ByReset] {
            for last in [&b""[..], b"bye"] {
                let over_tcp = left(sockets().await, how, last).await;
                let over_pipe = left(pipe(), how, last).await;
                assert_eq!(over_pipe, over_tcp, "{how:?} after {last:?}");
            }
        }
    }

    #[tokio::test]
    async fn half_of_an_end_leaves_the_other_half() {
        for (mut client, mut server) in [sockets().await, pipe()] {
            client.write_all(b"all").await.expect("written");
            client.shutdown().await.expect("shut");
            let mut came = String::new();
            server.read_to_string(&mut came).await.expect("read");
            assert_eq!(came, "all");
            server.write_all(b"thanks").await.expect("written");
            drop(server);
            came.clear();
            client.read_to_string(&mut came).await.expect("read");
            assert_eq!(came, "thanks");
            let late = client.write(b"more").await.expect_err("it was shut");
            assert_eq!(late.kind(), io::ErrorKind::BrokenPipe);
        }
    }

    #[tokio::test]
    async fn what_nobody_reads_holds_up_whoever_writes() {
        let (mut client, mut server) = pipe();
        let all: Vec<u8> = (0..5 * WINDOW).map(|at| at as u8).collect();
        let sent = all.clone();
        let writing = tokio::spawn(async move {
            client.write_all(&sent).await.expect("written");
        });
        tokio::task::yield_now().await;
        assert!(!writing.is_finished());
        let mut came = Vec::new();
        server.read_to_end(&mut came).await.expect("read");
        assert!(came == all, "{} bytes came", came.len());
        writing.await.expect("no panic");
    }
}

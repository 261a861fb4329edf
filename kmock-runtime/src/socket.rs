//! What a connection goes over: TCP, a Unix socket, a tunnel inside of another connection, memory, or TLS over any of
//! them.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, Bytes};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::{pipe::Pipe, wire::Wire};

/// One end of a connection, with what was read ahead of it.
#[derive(Debug)]
pub(crate) struct Socket {
    kind: Kind,
    ahead: Bytes,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
    /// Of a client in this process.
    Pipe(Pipe),
    /// What a client said CONNECT for, and the hand on the connection that it goes through.
    Tunnel(Box<TokioIo<Upgraded>>, Wire),
    #[cfg(feature = "tls")]
    Tls(Box<tokio_rustls::server::TlsStream<crate::wire::WiredStream>>),
}

impl Socket {
    fn new(kind: Kind) -> Socket {
        let ahead = Bytes::new();
        Socket { kind, ahead }
    }

    pub(crate) fn tcp(stream: TcpStream) -> Socket {
        Socket::new(Kind::Tcp(stream))
    }

    #[cfg(unix)]
    pub(crate) fn unix(stream: tokio::net::UnixStream) -> Socket {
        Socket::new(Kind::Unix(stream))
    }

    pub(crate) fn pipe(end: Pipe) -> Socket {
        Socket::new(Kind::Pipe(end))
    }

    pub(crate) fn tunnel(upgraded: Upgraded, through: Wire) -> Socket {
        Socket::new(Kind::Tunnel(Box::new(TokioIo::new(upgraded)), through))
    }

    #[cfg(feature = "tls")]
    pub(crate) fn tls(stream: tokio_rustls::server::TlsStream<crate::wire::WiredStream>) -> Socket {
        Socket::new(Kind::Tls(Box::new(stream)))
    }

    /// Whether it does not leave the machine, whatever it is asked to.
    #[cfg(feature = "tls")]
    pub(crate) fn is_local(&self) -> bool {
        #[cfg(unix)]
        if let Kind::Unix(_) = &self.kind {
            return true;
        }
        false
    }

    /// Whether an orderly end says something of its own before the FIN: `close_notify` (RFC 8446, 6.1).
    pub(crate) fn says_goodbye(&self) -> bool {
        #[cfg(feature = "tls")]
        if let Kind::Tls(_) = &self.kind {
            return true;
        }
        false
    }

    /// The first bytes that come, at least one unless the client ends it; they are read again afterwards.
    pub(crate) async fn peek(&mut self) -> io::Result<Bytes> {
        if self.ahead.is_empty() {
            let mut first = vec![0; 512];
            let count = self.read(&mut first).await?;
            first.truncate(count);
            self.ahead = first.into();
        }
        Ok(self.ahead.clone())
    }

    /// Makes the end of it an abortive one: RST for FIN (RFC 9293, 3.5.3; SO_LINGER of zero).
    pub(crate) fn abort(&self) {
        match &self.kind {
            Kind::Tcp(stream) => {
                let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
            }
            // There is no RST: a peer that goes away at once is what is nearest to it.
            #[cfg(unix)]
            Kind::Unix(stream) => {
                let _ = socket2::SockRef::from(stream).shutdown(std::net::Shutdown::Both);
            }
            Kind::Pipe(end) => end.abort(),
            Kind::Tunnel(_, through) => through.abort(),
            #[cfg(feature = "tls")]
            Kind::Tls(stream) => stream.get_ref().0.abort(),
        }
    }
}

macro_rules! each_kind {
    ($socket:expr, $stream:ident => $do:expr) => {
        match &mut $socket.kind {
            Kind::Tcp($stream) => $do,
            #[cfg(unix)]
            Kind::Unix($stream) => $do,
            Kind::Pipe($stream) => $do,
            Kind::Tunnel($stream, _) => {
                let $stream = &mut **$stream;
                $do
            }
            #[cfg(feature = "tls")]
            Kind::Tls($stream) => {
                let $stream = &mut **$stream;
                $do
            }
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let length = self.ahead.len().min(buf.remaining());
            buf.put_slice(&self.ahead[..length]);
            self.ahead.advance(length);
            return Poll::Ready(Ok(()));
        }
        each_kind!(self, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        each_kind!(self, stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each_kind!(self, stream => Pin::new(stream).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.kind {
            Kind::Tcp(stream) => stream.is_write_vectored(),
            #[cfg(unix)]
            Kind::Unix(stream) => stream.is_write_vectored(),
            Kind::Pipe(stream) => stream.is_write_vectored(),
            Kind::Tunnel(stream, _) => stream.is_write_vectored(),
            #[cfg(feature = "tls")]
            Kind::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each_kind!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each_kind!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

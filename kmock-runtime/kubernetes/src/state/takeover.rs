//! Connections that speak another protocol after the head of an answer: the emulator has no sockets, so whoever has them
//! hands the connection over.

use std::fmt;
use std::future::Future;

use futures::future::{BoxFuture, FutureExt};
use tokio::io::{AsyncRead, AsyncWrite};

/// Something that can be read and written.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection, as whoever takes it over sees it.
pub type Connection = Box<dyn Duplex>;

type Speak = dyn FnOnce(Connection) -> BoxFuture<'static, ()> + Send;

/// What is spoken on a connection after an answer of 101 (RFC 9110, 15.2.2): the body of such an answer.
pub struct Takeover(Box<Speak>);

impl Takeover {
    /// Speaks on the connection until the future ends.
    pub fn new<F, Fut>(speak: F) -> Self
    where
        F: FnOnce(Connection) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self(Box::new(|connection| speak(connection).boxed()))
    }

    /// Speaks on this connection, which has got the head of the answer.
    pub fn run(self, connection: impl Duplex + 'static) -> BoxFuture<'static, ()> {
        (self.0)(Box::new(connection))
    }
}

impl fmt::Debug for Takeover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Takeover(…)")
    }
}

//! The door: the sockets that a server listens on. It may be shut for a while and opened again at the same place.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use socket2::{Domain, Protocol, Type};
use tokio::{net::TcpListener, runtime::Handle};

use crate::{
    error::Error,
    pipe::{self, Pipe},
    socket::Socket,
};

/// Where clients come in. Clones are the same door.
#[derive(Clone, Debug)]
pub(crate) struct Door(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    address: SocketAddr,
    runtime: Handle,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tcp: Tcp,
    #[cfg(unix)]
    unix: Vec<(tokio::net::UnixListener, PathBuf)>,
    /// Who came from this process, without a socket, and how many did so far.
    inside: VecDeque<Came>,
    entered: u16,
    /// Whoever waits at the door.
    waiting: Option<Waker>,
}

#[derive(Debug)]
enum Tcp {
    Listening(TcpListener),
    /// Clients are refused, and nobody else gets the port meanwhile: it is bound, and nobody listens.
    Away(socket2::Socket),
    Closed,
}

/// Somebody has come.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) socket: Socket,
    pub(crate) peer: Option<SocketAddr>,
}

/// How many clients may wait to be let in.
const BACKLOG: i32 = 4096;

/// The ports of clients without a socket: below those that systems hand out, so that nobody else has the same.
const INSIDE: std::ops::Range<u16> = 10_000..30_000;

impl Door {
    pub(crate) fn open(listener: std::net::TcpListener, runtime: Handle) -> Result<Door, Error> {
        let _entered = runtime.enter();
        let listener = TcpListener::from_std(listener).map_err(cannot_listen)?;
        let address = listener.local_addr().map_err(cannot_listen)?;
        let state = State {
            tcp: Tcp::Listening(listener),
            #[cfg(unix)]
            unix: Vec::new(),
            inside: VecDeque::new(),
            entered: 0,
            waiting: None,
        };
        Ok(Door(Arc::new(Inner {
            address,
            runtime: runtime.clone(),
            state: Mutex::new(state),
        })))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next that comes.
    pub(super) async fn next(&self) -> io::Result<Came> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<io::Result<Came>> {
        let mut state = self.state();
        if let Some(came) = state.inside.pop_front() {
            return Poll::Ready(Ok(came));
        }
        if let Tcp::Listening(listener) = &state.tcp
            && let Poll::Ready(accepted) = listener.poll_accept(cx)
        {
            return Poll::Ready(accepted.map(|(stream, peer)| {
                // Under a paused clock a segment held back by Nagle's algorithm lets the clock run away.
                let _ = stream.set_nodelay(true);
                Came {
                    socket: Socket::tcp(stream),
                    peer: Some(peer),
                }
            }));
        }
        #[cfg(unix)]
        for (listener, _) in &state.unix {
            if let Poll::Ready(accepted) = listener.poll_accept(cx) {
                return Poll::Ready(accepted.map(|(stream, _)| Came {
                    socket: Socket::unix(stream),
                    peer: None,
                }));
            }
        }
        state.waiting = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Lets a client of this process in, without a socket.
    ///
    /// # Errors
    /// Where a socket would be refused.
    pub(crate) fn enter(&self) -> io::Result<Pipe> {
        let mut state = self.state();
        if !matches!(state.tcp, Tcp::Listening(_)) {
            return Err(pipe::refused());
        }
        let (inner, outer) = Pipe::new();
        let port = INSIDE.start + state.entered;
        state.entered = (state.entered + 1) % (INSIDE.end - INSIDE.start);
        let ip = match self.0.address.ip() {
            ip if ip.is_loopback() => ip,
            _ => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        state.inside.push_back(Came {
            socket: Socket::pipe(inner),
            peer: Some(SocketAddr::new(ip, port)),
        });
        if let Some(waiting) = state.waiting.take() {
            waiting.wake();
        }
        Ok(outer)
    }

    /// Refuses clients from now on, at the same address; says whether it was open.
    pub(crate) fn shut(&self) -> Result<bool, Error> {
        let mut state = self.state();
        let Tcp::Listening(listener) = &state.tcp else {
            return Ok(false);
        };
        let beside = self.bound_beside(listener);
        hush(listener);
        if let Ok(socket) = beside {
            state.tcp = Tcp::Away(socket);
            return Ok(true);
        }
        // Elsewhere both cannot be there at once: first the one goes, then the other comes, if nobody else is faster.
        state.tcp = Tcp::Closed;
        state.tcp = Tcp::Away(self.bound().map_err(cannot_listen)?);
        Ok(true)
    }

    /// A socket that has the port while the other one still listens there: at no time it is anybody else's.
    #[cfg(target_os = "linux")]
    fn bound_beside(&self, listener: &TcpListener) -> io::Result<socket2::Socket> {
        let socket = self.unbound()?;
        // Only for as long as it takes: otherwise a second server could be started at the same port.
        socket2::SockRef::from(listener).set_reuse_port(true)?;
        socket.set_reuse_port(true)?;
        let bound = socket.bind(&self.0.address.into());
        socket2::SockRef::from(listener).set_reuse_port(false)?;
        socket.set_reuse_port(false)?;
        bound?;
        reserve(&socket)?;
        Ok(socket)
    }

    #[cfg(not(target_os = "linux"))]
    fn bound_beside(&self, _: &TcpListener) -> io::Result<socket2::Socket> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn bound(&self) -> io::Result<socket2::Socket> {
        let socket = self.unbound()?;
        socket.bind(&self.0.address.into())?;
        reserve(&socket)?;
        Ok(socket)
    }

    fn unbound(&self) -> io::Result<socket2::Socket> {
        let kind = Domain::for_address(self.0.address);
        let socket = socket2::Socket::new(kind, Type::STREAM, Some(Protocol::TCP))?;
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        Ok(socket)
    }

    /// Lets clients in again.
    pub(crate) fn open_again(&self) -> Result<(), Error> {
        let mut state = self.state();
        let socket = match std::mem::replace(&mut state.tcp, Tcp::Closed) {
            Tcp::Away(socket) => socket,
            // The port was lost on the way: perhaps it is free now.
            Tcp::Closed => self.bound().map_err(cannot_listen)?,
            open @ Tcp::Listening(_) => {
                state.tcp = open;
                return Ok(());
            }
        };
        let _entered = self.0.runtime.enter();
        #[cfg(unix)]
        socket.set_reuse_address(true).map_err(cannot_listen)?;
        socket.listen(BACKLOG).map_err(cannot_listen)?;
        socket.set_nonblocking(true).map_err(cannot_listen)?;
        state.tcp = Tcp::Listening(TcpListener::from_std(socket.into()).map_err(cannot_listen)?);
        if let Some(waiting) = state.waiting.take() {
            waiting.wake();
        }
        Ok(())
    }

    /// Listens on a Unix socket, too.
    #[cfg(unix)]
    pub(crate) fn also_at(&self, path: &Path) -> Result<(), Error> {
        let doing = || format!("cannot listen on {}", path.display());
        let _entered = self.0.runtime.enter();
        let listener =
            tokio::net::UnixListener::bind(path).map_err(|error| Error::io(doing(), error))?;
        let mut state = self.state();
        state.unix.push((listener, path.to_owned()));
        if let Some(waiting) = state.waiting.take() {
            waiting.wake();
        }
        Ok(())
    }

    /// For good.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        if let Tcp::Listening(listener) = &state.tcp {
            hush(listener);
        }
        state.tcp = Tcp::Closed;
        state.inside.clear();
        #[cfg(unix)]
        for (_, path) in state.unix.drain(..) {
            // Whoever has removed it already did no harm.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Nobody is let in any more. To close the socket is not enough: a child of this process that is just being started has it, too,
/// until it is another program.
fn hush(listener: &TcpListener) {
    // Where sockets that listen cannot be shut down, they are closed.
    let _ = socket2::SockRef::from(listener).shutdown(std::net::Shutdown::Both);
}

/// Nobody may listen at the port of a bound socket, even where such ports are shared with connections that have ended.
fn reserve(socket: &socket2::Socket) -> io::Result<()> {
    if cfg!(unix) {
        socket.set_reuse_address(false)?;
    }
    Ok(())
}

fn cannot_listen(error: io::Error) -> Error {
    Error::io("cannot listen", error)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    // Elsewhere a socket that listens cannot be shut down.
    #[cfg_attr(
        not(target_os = "linux"),
        ignore = "closing the socket is all that can be done"
    )]
    #[test]
    fn a_shut_door_is_shut_whoever_else_has_the_socket() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build();
        let runtime = runtime.expect("a runtime");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        // As a child that is just being started.
        let _held = listener.try_clone().expect("the same socket");
        let door = Door::open(listener, runtime.handle().clone()).expect("a door");
        drop(TcpStream::connect(door.address()).expect("let in"));
        assert!(door.shut().expect("gone"));
        assert!(TcpStream::connect(door.address()).is_err());
        door.open_again().expect("back");
        drop(TcpStream::connect(door.address()).expect("let in"));
        door.close();
        assert!(TcpStream::connect(door.address()).is_err());
        // And the port is free.
        std::net::TcpListener::bind(door.address()).expect("a port");
    }
}

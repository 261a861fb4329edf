//! Below HTTP: where clients come in, which connections are there, and what becomes of them before the first request.

mod criteria;
mod door;
#[cfg(feature = "http2")]
mod http2;
mod mock;
mod rules;

use std::{
    future::Future,
    net::SocketAddr,
    panic::AssertUnwindSafe,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize},
    },
    time::Duration,
};

use futures::FutureExt;
use hyper_util::rt::TokioIo;
use tokio::sync::Notify;

#[cfg(feature = "http2")]
pub use self::http2::Http2;
use self::{door::Came, rules::turn_away};
pub(crate) use self::{
    door::Door,
    rules::{Arrival, Terms, decide},
};
use crate::{
    core::Core,
    request::{Last, Link},
    server::{Connection, serve},
    socket::Socket,
    user_code::panic_text,
    wire::{Wire, WiredStream},
};

/// Takes in whoever comes to the door, for as long as it is polled.
pub(crate) async fn accept(door: Door, core: Arc<Core>) {
    if let Some(backend) = &core.backend {
        backend.begin();
    }
    loop {
        match door.next().await {
            Ok(Came { socket, peer }) => {
                let admitted = admit(Arc::clone(&core), door.address(), socket, peer, None);
                core.connections.spawn(guarded(Arc::clone(&core), admitted));
            }
            // Out of file descriptors, or a connection that was gone before it was accepted: neither is the end.
            Err(error) => {
                tracing::warn!(target: "kmock", "cannot accept: {error}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

/// A panic outside of the answer to a request, which would be a bug, ends its connection and is told.
async fn guarded(core: Arc<Core>, connection: impl Future<Output = ()>) {
    if let Err(panic) = AssertUnwindSafe(connection).catch_unwind().await {
        core.error(format!(
            "a connection is lost: the server panicked, which is a bug of kmock: {}",
            panic_text(&*panic)
        ));
    }
}

/// Serves what comes through a tunnel to the server: as it comes, or opened where it is TLS.
pub(crate) async fn enter(
    outer: Arc<Connection>,
    upgraded: hyper::upgrade::Upgraded,
    authority: &str,
) {
    let socket = Socket::tunnel(upgraded, outer.link.wire.clone());
    let core = Arc::clone(&outer.core);
    admit(
        core,
        outer.address,
        socket,
        outer.link.peer,
        Some(authority),
    )
    .await;
}

/// From a socket to a connection that is served; `through` is what a tunnel was asked for.
async fn admit(
    core: Arc<Core>,
    address: SocketAddr,
    socket: Socket,
    peer: Option<SocketAddr>,
    through: Option<&str>,
) {
    let table = core.book.table();
    let arrival = Arrival {
        peer,
        host: through.map(|authority| host_of(authority).to_owned()),
    };
    #[cfg(feature = "tls")]
    let tls = match through {
        _ if socket.is_local() => None,
        None => core.tls.clone(),
        Some(authority) => match core.tunnels() {
            Ok(tls) => Some(tls),
            Err(error) => return core.error(format!("CONNECT {authority}: {error}")),
        },
    };
    #[cfg(feature = "tls")]
    let in_handshake = tls.is_some() && table.door_asks_host();
    #[cfg(not(feature = "tls"))]
    let in_handshake = false;
    let mut terms = Terms::default();
    if table.has_door() && !in_handshake {
        terms = decide(&core, &table, &arrival).await;
        if let Some((cut, None)) = terms.cut {
            return turn_away(socket, cut).await;
        }
    }
    #[cfg(feature = "tls")]
    let (socket, secured) = match tls {
        None => (socket, None),
        Some(tls) => {
            let asked = crate::tls::Arriving {
                core: &core,
                table: in_handshake.then_some(&*table),
                arrival,
                address,
                tunnel: through.is_some(),
            };
            match crate::tls::admit(&tls, asked, socket, &mut terms).await {
                Some(admitted) => admitted,
                None => return,
            }
        }
    };
    let wire = Wire::default();
    let io = TokioIo::new(WiredStream::new(socket, wire.clone()));
    let link = Link {
        peer,
        wire,
        connection: false,
        own: OnceLock::new(),
        extras: Arc::clone(&core.extras),
        #[cfg(feature = "tls")]
        secured,
    };
    let connection = Connection {
        core,
        address,
        link: Arc::new(link),
        last: Last::default(),
        left: AtomicBool::new(false),
        served: AtomicUsize::new(0),
        over: Notify::new(),
    };
    serve(io, Arc::new(connection)).await;
    // Its place is free from now on.
    drop(terms);
}

fn host_of(authority: &str) -> &str {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    host.trim_matches(['[', ']'])
}

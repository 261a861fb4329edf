//! Who may come in: TLS, or plain HTTP where that is served too; anything else is told what is served here.

use std::{net::SocketAddr, sync::Arc};

use tokio::io::AsyncWriteExt;

use crate::{
    connections::{Arrival, Terms, decide},
    core::Core,
    rules::Table,
    socket::Socket,
    tls::{Opened, Secured, TlsServer},
};

/// The first byte of a TLS connection: a handshake record (RFC 8446, 5.1).
const HANDSHAKE: u8 = 22;

/// Who comes to a port of TLS, or to the end of a tunnel.
pub(crate) struct Arriving<'a> {
    pub(crate) core: &'a Arc<Core>,
    /// The rules, where they are to be asked when the host is known.
    pub(crate) table: Option<&'a Table>,
    pub(crate) arrival: Arrival,
    pub(crate) address: SocketAddr,
    pub(crate) tunnel: bool,
}

/// Opens a connection on these terms, or on those that the rules say in the handshake.
pub(crate) async fn admit(
    tls: &TlsServer,
    arriving: Arriving<'_>,
    mut socket: Socket,
    terms: &mut Terms,
) -> Option<(Socket, Option<Secured>)> {
    let core = arriving.core;
    let first = match socket.peek().await {
        Ok(first) if first.is_empty() => return None,
        Ok(first) => first,
        Err(error) => {
            tracing::debug!(target: "kmock", "a connection ended before it began: {error}");
            return None;
        }
    };
    if first[0] != HANDSHAKE {
        if arriving.tunnel || tls.serves_plain() {
            return Some((socket, None));
        }
        explain(core, arriving.address, socket, &first).await;
        return None;
    }
    let (address, tunnel) = (arriving.address, arriving.tunnel);
    let host = arriving.arrival.host.clone();
    let through = host.clone().filter(|_| tunnel);
    let opened = tls.open(socket, address, host, async |asked| {
        if let Some(table) = arriving.table {
            let arrival = Arrival {
                host: asked,
                ..arriving.arrival
            };
            *terms = decide(core, table, &arrival).await;
        }
        terms
    });
    match opened.await {
        Opened::Secure(socket, secured) => Some((*socket, Some(secured))),
        // That is what was asked for.
        Opened::Failed(why, terms) if terms.is_some_and(|terms| terms.are_said()) => {
            tracing::debug!(target: "kmock", "a TLS connection was not made: {why}");
            None
        }
        Opened::Failed(why, _) => {
            let place = through.map_or(String::new(), |host| format!(" through CONNECT {host}"));
            core.error(format!("a TLS connection{place} was not made: {why}"));
            None
        }
    }
}

/// A plain request to a port that speaks TLS: the client reads why that does not go, and so does the report.
async fn explain(core: &Core, address: SocketAddr, mut socket: Socket, first: &[u8]) {
    let line = first.split(|byte| *byte == b'\r' || *byte == b'\n').next();
    let line: String = String::from_utf8_lossy(line.unwrap_or_default())
        .chars()
        .take(80)
        .collect();
    let message = format!("this server speaks HTTPS: use https://{address}");
    core.error(format!(
        "plain HTTP came to a port of TLS ({line:?}); {message}, or serve both (`Tls::and_plain`)"
    ));
    let body = format!("kmock: {message}\n");
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = socket.write_all(answer.as_bytes()).await;
    let _ = socket.shutdown().await;
}

//! A watch over a WebSocket: a message for each event, text or binary as the events are. What the client sends is ignored.
//!
//! The rules are those of `WatchServer.HandleWS` and of `websocket.Handler` of `golang.org/x/net`: nobody negotiates
//! subprotocols, so that the only one that is offered is agreed to, and a client has to say where it comes from.

use std::pin::pin;

use bytes::Bytes;
use futures::future::{Either, select};
use http::{HeaderMap, Response, StatusCode};

use super::Watcher;
use crate::api::{Body, Reply};
use crate::model::status::ApiError;
use crate::state::cluster::ApiBody;
use crate::wire::websocket::{self, Message, WebSocket, WebSocketReader, WebSocketWriter};

/// The end of a connection that was in order (RFC 6455, 7.4.1).
const NORMAL: u16 = 1000;

/// Accepts the WebSocket, and sends on it what the watch sees.
pub(super) fn serve(headers: &HeaderMap, watcher: Watcher) -> Result<Reply, ApiError> {
    let offered = websocket::offered(headers);
    let origin = headers
        .get("origin")
        .and_then(|origin| origin.to_str().ok());
    let accepted = websocket::accept(headers, offered.first().copied(), |socket| {
        speak(socket, watcher)
    })?;
    let response = if !origin.is_some_and(is_an_origin) {
        refused(StatusCode::FORBIDDEN)
    } else if offered.len() > 1 {
        refused(StatusCode::BAD_REQUEST)
    } else {
        accepted
    };
    Ok(Reply::new(
        response.status().as_u16(),
        Body::Response(response),
    ))
}

/// Whether Go reads it as the address of a request: a path, or with a scheme.
fn is_an_origin(text: &str) -> bool {
    let scheme = |text: &str| {
        let mut letters = text.bytes();
        letters.next().is_some_and(|x| x.is_ascii_alphabetic())
            && letters.all(|x| x.is_ascii_alphanumeric() || b"+-.".contains(&x))
    };
    text.starts_with('/') || text.split_once(':').is_some_and(|(first, _)| scheme(first))
}

/// The answer of a handshake that fails, which has no body.
fn refused(code: StatusCode) -> Response<ApiBody> {
    let mut response = Response::new(ApiBody::Full(Bytes::new()));
    *response.status_mut() = code;
    response
}

async fn speak(socket: WebSocket, mut watcher: Watcher) {
    let WebSocket {
        mut reader,
        mut writer,
    } = socket;
    let binary = watcher.protobuf;
    loop {
        let next = match select(pin!(watcher.line()), pin!(heard(&mut reader))).await {
            Either::Left((line, _)) => Ok(line),
            Either::Right((ping, _)) => Err(ping),
        };
        let line = match next {
            Ok(Some(line)) => line,
            Err(Some(ping)) if writer.pong(&ping).await.is_ok() => continue,
            _ => break,
        };
        if send(&mut writer, binary, &line).await.is_err() {
            return;
        }
    }
    // Whoever is gone does not hear it.
    let _ = writer.close(NORMAL, "").await;
}

/// The next ping; `None`: the client closes, or is gone.
async fn heard(reader: &mut WebSocketReader) -> Option<Bytes> {
    loop {
        match reader.recv().await? {
            Message::Ping(payload) => return Some(payload),
            Message::Close => return None,
            Message::Text(_) | Message::Binary(_) => {}
        }
    }
}

async fn send(writer: &mut WebSocketWriter, binary: bool, line: &[u8]) -> std::io::Result<()> {
    /// What tells the events of a stream apart: their length before each, which messages have of themselves.
    const LENGTH: usize = 4;
    if binary {
        let event = line.get(LENGTH..).unwrap_or_default();
        return writer.send_binary(&[event]).await;
    }
    writer.send_text(&[line]).await
}

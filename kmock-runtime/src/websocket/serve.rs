//! A WebSocket that is served: accepted, played, answered.

use std::{
    collections::VecDeque,
    future::poll_fn,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{SinkExt, StreamExt};
use http::{HeaderValue, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        handshake::derive_accept_key,
        protocol::{CloseFrame, Role, frame::coding::CloseCode},
    },
};

use super::{Frame, Framed, WebSocket};
use crate::{
    reply::Asked,
    stream::{Player, Put},
    user_code::{compute_apart, panic_text},
};

/// A request that cannot be accepted (RFC 6455, 4.2): what it gets, and why.
pub(crate) struct Unaccepted {
    pub(crate) status: StatusCode,
    pub(crate) why: String,
}

impl Unaccepted {
    fn new(status: StatusCode, why: impl Into<String>) -> Unaccepted {
        let why = why.into();
        Unaccepted { status, why }
    }

    /// The head of the answer.
    pub(crate) fn head(&self) -> http::response::Parts {
        let (mut head, ()) = http::Response::new(()).into_parts();
        head.status = self.status;
        let kind = HeaderValue::from_static("text/plain; charset=utf-8");
        head.headers.insert(header::CONTENT_TYPE, kind);
        if self.status == StatusCode::UPGRADE_REQUIRED {
            let version = HeaderValue::from_static("13");
            head.headers.insert(header::SEC_WEBSOCKET_VERSION, version);
        }
        head
    }
}

/// The head that accepts the request; the socket is served beside the connections.
pub(crate) fn accept(
    socket: &WebSocket,
    asked: &Asked,
) -> Result<http::response::Parts, Unaccepted> {
    let bad = |why: String| Unaccepted::new(StatusCode::BAD_REQUEST, why);
    let request = &asked.request;
    // There is one version, and who asks for another is told which (RFC 6455, 4.4).
    if request.header("sec-websocket-key").is_some()
        && request.header("sec-websocket-version").map(str::trim) != Some("13")
    {
        let (mut head, ()) = http::Response::new(()).into_parts();
        head.status = StatusCode::UPGRADE_REQUIRED;
        for (name, value) in [
            (header::CONNECTION, "upgrade"),
            (header::UPGRADE, "websocket"),
            (header::SEC_WEBSOCKET_VERSION, "13"),
        ] {
            head.headers.insert(name, HeaderValue::from_static(value));
        }
        return Ok(head);
    }
    let key = request.header("sec-websocket-key");
    let version = request.header("sec-websocket-version").unwrap_or("13");
    if version.trim() != "13" {
        let why = format!("of the WebSocket protocol there is version 13, and not {version:?}");
        return Err(Unaccepted::new(StatusCode::UPGRADE_REQUIRED, why));
    }
    if let Some(key) = key.filter(|key| !is_key(key)) {
        return Err(bad(format!(
            "sec-websocket-key: {key:?} is not the base64 of 16 bytes (RFC 6455, 4.1)"
        )));
    }
    let (Some(key), Some(upgrade)) = (key, request.take_upgrade()) else {
        let why = "the request asks for no WebSocket (RFC 6455, 4.2.1)";
        return Err(bad(why.to_owned()));
    };
    let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes()));
    let accept = accept.map_err(|error| bad(error.to_string()))?;
    let (mut head, ()) = http::Response::new(()).into_parts();
    head.status = StatusCode::SWITCHING_PROTOCOLS;
    head.headers
        .insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    head.headers
        .insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    head.headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    let offered = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let offered: Vec<&str> = offered
        .into_iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .collect();
    if let Some(protocol) = &socket.protocol
        && offered.contains(&protocol.as_str())
    {
        let protocol = HeaderValue::try_from(protocol);
        let protocol = protocol.map_err(|error| bad(error.to_string()))?;
        head.headers
            .insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    let (socket, asked) = (socket.clone(), asked.clone());
    let core = Arc::clone(&asked.core);
    core.connections.spawn(async move {
        // A client that is gone by now is not the test's concern.
        let Ok(upgraded) = upgrade.await else { return };
        let stream =
            WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        let label = Arc::clone(&asked.label);
        let core = Arc::clone(&asked.core);
        let served = AssertUnwindSafe(serve(stream, socket, asked));
        let served = futures::FutureExt::catch_unwind(served).await;
        match served {
            Ok(Ok(())) => {}
            Ok(Err(why)) => core.error(format!("{label}: the WebSocket broke: {why}")),
            Err(panic) => core.error(format!(
                "{label}: the WebSocket panicked: {}",
                panic_text(&*panic)
            )),
        }
    });
    Ok(head)
}

/// Whether it is the base64 of 16 bytes.
fn is_key(text: &str) -> bool {
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let digits = text.strip_suffix("==").unwrap_or_default().as_bytes();
    // The last digit has two bits of the last byte, and zeros.
    digits.len() == 22
        && digits.iter().all(known)
        && digits.last().is_some_and(|last| b"AQgw".contains(last))
}

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

enum Next {
    Came(Message),
    Put(Put),
    /// The script is over.
    Played(Result<(), String>),
    /// The client is gone.
    Gone,
    /// What came is against the protocol: the code to close with (RFC 6455, 7.4.1), and why.
    Wrong(CloseCode, String),
}

async fn serve(mut socket: Socket, script: WebSocket, asked: Asked) -> Result<(), String> {
    // Answers go out one after another, before what the script goes on with.
    let mut players = VecDeque::from([Player::start(script.script.clone(), asked.clone())]);
    let mut scripted = true;
    loop {
        let next = poll_fn(|cx| poll(&mut socket, &mut players, cx)).await;
        match next {
            Next::Gone => return Ok(()),
            Next::Wrong(code, why) => {
                fail(socket, &asked, code, &why).await;
                return Ok(());
            }
            Next::Came(message) => {
                let Some(frame) = frame_of(&message) else {
                    continue;
                };
                record(&asked, true, frame.clone());
                match (&script.answer, &frame) {
                    (_, Frame::Close(_)) => {
                        // The close that answers it is sent by the next poll.
                        while let Some(Ok(_)) = socket.next().await {}
                        return Ok(());
                    }
                    (Some(answer), Frame::Text(_) | Frame::Binary(_)) => {
                        let answer = Arc::clone(answer);
                        let answer = move |_| answer(frame.clone());
                        let answer = compute_apart(Arc::new(answer), asked.request.clone()).await?;
                        let at = players.len() - usize::from(scripted);
                        players.insert(at, Player::start(answer, asked.clone()));
                    }
                    _ => {}
                }
            }
            Next::Put(put) => {
                let message = match put {
                    Put::Head => continue,
                    Put::Text(text) => {
                        let text = text.strip_suffix(b"\n").unwrap_or(&text);
                        Message::text(String::from_utf8_lossy(text).into_owned())
                    }
                    Put::Bytes(bytes) => Message::binary(bytes),
                    Put::Fault(fault) => {
                        asked.seen.broken_by(&fault);
                        if let Some(wire) = asked.request.wire() {
                            wire.cut_when_flushed(fault.cut);
                        }
                        // Cut by then; only a stall never ends.
                        if socket.flush().await.is_err() {
                            return Ok(());
                        }
                        continue;
                    }
                };
                if let Some(frame) = frame_of(&message) {
                    record(&asked, false, frame);
                }
                if socket.send(message).await.is_err() {
                    return Ok(());
                }
            }
            Next::Played(Err(why)) => return Err(why),
            Next::Played(Ok(())) => {
                players.pop_front();
                scripted = scripted && !players.is_empty();
                if players.is_empty() && script.answer.is_none() {
                    let (code, reason) = script.close.clone().unwrap_or((1000, String::new()));
                    record(&asked, false, Frame::Close(Some((code, reason.clone()))));
                    let close = CloseFrame {
                        code: CloseCode::from(code),
                        reason: reason.into(),
                    };
                    if socket.close(Some(close)).await.is_err() {
                        return Ok(());
                    }
                    while let Some(Ok(message)) = socket.next().await {
                        if let Some(frame) = frame_of(&message) {
                            record(&asked, true, frame);
                        }
                    }
                    return Ok(());
                }
            }
        }
    }
}

fn poll(socket: &mut Socket, players: &mut VecDeque<Player>, cx: &mut Context<'_>) -> Poll<Next> {
    match socket.poll_next_unpin(cx) {
        Poll::Ready(Some(Ok(message))) => return Poll::Ready(Next::Came(message)),
        Poll::Ready(Some(Err(error))) => return Poll::Ready(wrong(&error)),
        Poll::Ready(None) => return Poll::Ready(Next::Gone),
        Poll::Pending => {}
    }
    match players.front_mut().map(|player| player.poll_put(cx)) {
        Some(Poll::Ready(Some(Ok(put)))) => Poll::Ready(Next::Put(put)),
        Some(Poll::Ready(Some(Err(why)))) => Poll::Ready(Next::Played(Err(why))),
        Some(Poll::Ready(None)) => Poll::Ready(Next::Played(Ok(()))),
        Some(Poll::Pending) | None => Poll::Pending,
    }
}

/// What an error of reading means.
fn wrong(error: &tungstenite::Error) -> Next {
    use tungstenite::{Error, error::ProtocolError};
    let code = match error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return Next::Gone,
        Error::Protocol(_) | Error::AttackAttempt => CloseCode::Protocol,
        Error::Utf8(_) => CloseCode::Invalid,
        Error::Capacity(_) => CloseCode::Size,
        _ => return Next::Gone,
    };
    Next::Wrong(code, error.to_string())
}

/// Fails the connection (RFC 6455, 7.1.7): says why, and takes nothing of what else comes.
async fn fail(mut socket: Socket, asked: &Asked, code: CloseCode, why: &str) {
    let number = u16::from(code);
    record(asked, false, Frame::Close(Some((number, String::new()))));
    let label = &asked.label;
    let told = format!("{label}: the WebSocket broke: {why}; it was closed with {number}");
    asked.core.error(told);
    let close = CloseFrame {
        code,
        reason: "".into(),
    };
    // A client that is gone by now has what it wanted.
    let _ = socket.close(Some(close)).await;
    let mut rest = socket.into_inner();
    let _ = rest.shutdown().await;
    // What is on its way is read: else the close would be lost to a reset.
    let mut some = [0; 4096];
    while let Ok(1..) = rest.read(&mut some).await {}
}

fn record(asked: &Asked, received: bool, frame: Frame) {
    asked.rule.record_frame(Framed {
        request: asked.request.clone(),
        at: asked.core.clock.elapsed(),
        received,
        frame,
    });
}

fn frame_of(message: &Message) -> Option<Frame> {
    Some(match message {
        Message::Text(text) => Frame::Text(text.as_str().to_owned()),
        Message::Binary(bytes) => Frame::Binary(bytes.clone()),
        Message::Ping(bytes) => Frame::Ping(bytes.clone()),
        Message::Pong(bytes) => Frame::Pong(bytes.clone()),
        Message::Close(close) => Frame::Close(
            close
                .as_ref()
                .map(|close| (u16::from(close.code), close.reason.as_str().to_owned())),
        ),
        Message::Frame(_) => return None,
    })
}

//! WebSockets (RFC 6455) from the side of the server: accepting one, and its frames.

use std::future::Future;
use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};

use crate::kinds::builtin::base64;
use crate::model::status::ApiError;
use crate::state::cluster::ApiBody;
use crate::state::takeover::{Connection, Takeover};
use crate::text::sha1::sha1;

/// The text that every server adds to a client's key (RFC 6455, 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What a bearer token begins with where it comes as a subprotocol, for want of a header that browsers would let a page set.
pub const BEARER: &str = "base64url.bearer.authorization.k8s.io.";

/// The largest message that is taken.
const LARGEST: usize = 64 << 20;

/// The texts of a header that is a list, over all its lines.
fn listed(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

/// Whether a client asks for another protocol on its connection: `websocket`, `SPDY/3.1`.
pub fn asks_for(headers: &HeaderMap, protocol: &str) -> bool {
    let upgrade =
        listed(headers, header::CONNECTION).any(|one| one.eq_ignore_ascii_case("upgrade"));
    upgrade && listed(headers, header::UPGRADE).any(|one| one.eq_ignore_ascii_case(protocol))
}

/// Whether a client asks for a WebSocket.
pub fn is_asked_for(headers: &HeaderMap) -> bool {
    asks_for(headers, "websocket")
}

/// The subprotocols that a client offers, in its order, without the token that may stand among them.
pub fn offered(headers: &HeaderMap) -> Vec<&str> {
    let all = listed(headers, header::SEC_WEBSOCKET_PROTOCOL);
    all.filter(|one| !one.starts_with(BEARER)).collect()
}

/// The bearer tokens among the subprotocols that a client offers, as they are written there.
pub fn tokens(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    listed(headers, header::SEC_WEBSOCKET_PROTOCOL).filter_map(|one| one.strip_prefix(BEARER))
}

/// What a client must have sent: a key, and the one version that there is. The words are those of `golang.org/x/net`.
fn check_handshake(headers: &HeaderMap) -> Result<&HeaderValue, ApiError> {
    let refused = |why: &str| ApiError::in_plain_text(400, why);
    let key = headers.get(header::SEC_WEBSOCKET_KEY);
    let key = key.ok_or_else(|| refused("mismatch challenge/response"))?;
    let version = headers.get(header::SEC_WEBSOCKET_VERSION);
    if version.is_none_or(|version| version.as_bytes() != b"13") {
        let mut error = refused("missing or bad WebSocket Version");
        error
            .headers
            .push(("sec-websocket-version", "13".to_owned()));
        return Err(error);
    }
    Ok(key)
}

/// Accepts a WebSocket with a subprotocol, and speaks on it.
pub fn accept<F, Fut>(
    headers: &HeaderMap,
    protocol: Option<&str>,
    speak: F,
) -> Result<Response<ApiBody>, ApiError>
where
    F: FnOnce(WebSocket) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let key = check_handshake(headers)?;
    let mut text = key.as_bytes().to_vec();
    text.extend_from_slice(GUID.as_bytes());
    let takeover = Takeover::new(move |connection| speak(WebSocket::new(connection)));
    let mut response = Response::new(ApiBody::Upgrade(takeover));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let head = response.headers_mut();
    head.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    head.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::try_from(base64::encode(&sha1(&text))) {
        head.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(Ok(protocol)) = protocol.map(HeaderValue::try_from) {
        head.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    Ok(response)
}

/// What came on a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A text, as bytes.
    Text(Bytes),
    /// Bytes.
    Binary(Bytes),
    /// A ping, which wants a [pong](WebSocket::pong).
    Ping(Bytes),
    /// The client closes it.
    Close,
}

/// An open WebSocket. Its halves may be used apart.
#[derive(Debug)]
pub struct WebSocket {
    /// What comes.
    pub reader: WebSocketReader,
    /// What goes.
    pub writer: WebSocketWriter,
}

/// The half of a WebSocket that receives.
pub struct WebSocketReader {
    from: ReadHalf<Connection>,
    came: BytesMut,
    /// The frames so far of a message that comes in several.
    begun: Option<(bool, BytesMut)>,
}

/// The half of a WebSocket that sends.
pub struct WebSocketWriter(WriteHalf<Connection>);

impl std::fmt::Debug for WebSocketReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebSocketReader(…)")
    }
}

impl std::fmt::Debug for WebSocketWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebSocketWriter(…)")
    }
}

/// One frame (RFC 6455, 5.2).
struct Frame {
    last: bool,
    opcode: u8,
    payload: BytesMut,
}

impl WebSocket {
    /// On a connection that has got the head of the answer.
    pub fn new(connection: Connection) -> Self {
        let (from, to) = split(connection);
        let reader = WebSocketReader {
            from,
            came: BytesMut::new(),
            begun: None,
        };
        Self {
            reader,
            writer: WebSocketWriter(to),
        }
    }
}

impl WebSocketReader {
    /// The next message; `None`: the client is gone, or speaks no WebSocket. Nothing is lost when this is dropped.
    pub async fn recv(&mut self) -> Option<Message> {
        loop {
            while let Some(frame) = take_frame(&mut self.came).ok()? {
                if let Some(message) = self.message(frame) {
                    return Some(message);
                }
            }
            if self.from.read_buf(&mut self.came).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// The message that a frame makes whole.
    fn message(&mut self, frame: Frame) -> Option<Message> {
        let whole = |text: bool, payload: BytesMut| {
            let payload = payload.freeze();
            Some(if text {
                Message::Text(payload)
            } else {
                Message::Binary(payload)
            })
        };
        match (frame.opcode, frame.last) {
            (1 | 2, true) => whole(frame.opcode == 1, frame.payload),
            (1 | 2, false) => {
                self.begun = Some((frame.opcode == 1, frame.payload));
                None
            }
            (0, last) => {
                let (text, mut payload) = self.begun.take()?;
                payload.extend_from_slice(&frame.payload);
                if last || payload.len() > LARGEST {
                    return whole(text, payload);
                }
                self.begun = Some((text, payload));
                None
            }
            (8, _) => Some(Message::Close),
            (9, _) => Some(Message::Ping(frame.payload.freeze())),
            // Pongs that nobody asked for are no news.
            _ => None,
        }
    }
}

impl WebSocketWriter {
    async fn send(&mut self, opcode: u8, parts: &[&[u8]]) -> io::Result<()> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let mut frame = BytesMut::with_capacity(length + 10);
        frame.put_u8(0x80 | opcode);
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(short @ 0..=125), _) => frame.put_u8(short),
            (_, Ok(medium)) => {
                frame.put_u8(126);
                frame.put_u16(medium);
            }
            _ => {
                frame.put_u8(127);
                frame.put_u64(length as u64);
            }
        }
        for part in parts {
            frame.put_slice(part);
        }
        self.0.write_all(&frame).await?;
        self.0.flush().await
    }

    /// Sends bytes, given in parts.
    pub async fn send_binary(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        self.send(2, parts).await
    }

    /// Sends a text, given in parts.
    pub async fn send_text(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        self.send(1, parts).await
    }

    /// Answers a ping.
    pub async fn pong(&mut self, payload: &[u8]) -> io::Result<()> {
        self.send(10, &[payload]).await
    }

    /// Says that it is over.
    pub async fn close(&mut self, code: u16, reason: &str) -> io::Result<()> {
        self.send(8, &[&code.to_be_bytes(), reason.as_bytes()])
            .await
    }
}

/// Takes a frame off what came; `None`: it is not whole yet. The error: it is none that a client may send.
fn take_frame(came: &mut BytesMut) -> Result<Option<Frame>, ()> {
    let mut head: &[u8] = came;
    if head.len() < 2 {
        return Ok(None);
    }
    let (first, second) = (head.get_u8(), head.get_u8());
    // Frames of clients are masked, and nothing was agreed upon that would use the reserved bits.
    if first & 0x70 != 0 || second & 0x80 == 0 {
        return Err(());
    }
    let length = match second & 0x7f {
        126 if head.len() >= 2 => u64::from(head.get_u16()),
        127 if head.len() >= 8 => head.get_u64(),
        126 | 127 => return Ok(None),
        short => u64::from(short),
    };
    let length = usize::try_from(length).map_err(drop)?;
    if length > LARGEST {
        return Err(());
    }
    if head.len() < 4 + length {
        came.reserve(4 + length - head.len());
        return Ok(None);
    }
    let mask = head.get_u32().to_be_bytes();
    let begin = came.len() - head.len();
    came.advance(begin);
    let mut payload = came.split_to(length);
    for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    Ok(Some(Frame {
        last: first & 0x80 != 0,
        opcode: first & 0x0f,
        payload,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let mut out = vec![first, 0x80 | payload.len() as u8];
        out.extend(mask);
        out.extend(payload.iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b));
        out
    }

    #[tokio::test]
    async fn frames_come_in_any_pieces() {
        let (mut client, server) = tokio::io::duplex(1024);
        let mut socket = WebSocket::new(Box::new(server));
        let mut sent = masked(0x02, b"ab");
        sent.extend(masked(0x89, b"?"));
        sent.extend(masked(0x80, b"cd"));
        sent.extend(masked(0x81, b"text"));
        sent.extend(masked(0x88, &[]));
        let writing = tokio::spawn(async move {
            for byte in sent {
                client.write_all(&[byte]).await.unwrap();
            }
            client
        });
        let mut came = Vec::new();
        while let Some(message) = socket.reader.recv().await {
            let over = message == Message::Close;
            came.push(message);
            if over {
                break;
            }
        }
        assert_eq!(
            came,
            [
                Message::Ping("?".into()),
                Message::Binary("abcd".into()),
                Message::Text("text".into()),
                Message::Close
            ]
        );
        let mut client = writing.await.unwrap();
        socket
            .writer
            .send_binary(&[b"x", &[b'y'; 200]])
            .await
            .unwrap();
        let mut head = [0; 4];
        client.read_exact(&mut head).await.unwrap();
        assert_eq!(head, [0x82, 126, 0, 201]);
    }

    #[tokio::test]
    async fn what_is_not_masked_ends_it() {
        let (mut client, server) = tokio::io::duplex(64);
        client.write_all(&[0x81, 1, b'x']).await.unwrap();
        assert_eq!(WebSocket::new(Box::new(server)).reader.recv().await, None);
    }

    /// The example of RFC 6455, 1.3.
    #[test]
    fn the_key_is_answered() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-version", "13"),
            (
                "sec-websocket-protocol",
                "a, base64url.bearer.authorization.k8s.io.eA, b",
            ),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        assert!(is_asked_for(&headers));
        assert_eq!(offered(&headers), ["a", "b"]);
        assert_eq!(tokens(&headers).collect::<Vec<_>>(), ["eA"]);
        let response = accept(&headers, Some("b"), |_| async {}).unwrap();
        let head = response.headers();
        assert_eq!(head["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(head["sec-websocket-protocol"], "b");
        assert_eq!(response.status(), 101);
    }
}

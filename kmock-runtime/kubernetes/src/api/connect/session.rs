//! Numbered streams over one connection, whose two halves are used apart: the channels of a WebSocket (`channel.k8s.io` and
//! its versions), where each message begins with the number of its channel; or the streams of SPDY that the client opens.

use std::collections::VecDeque;
use std::io;

use bytes::{Buf, Bytes};

use crate::kinds::builtin::base64;
use crate::wire::spdy::{Frame, SpdyReader, SpdyWriter};
use crate::wire::websocket::{Message, WebSocket, WebSocketReader, WebSocketWriter};

/// The number that says that a channel is closed, in version 5.
const CLOSE: u8 = 255;

/// What came on a session.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Came {
    Data(u8, Bytes),
    /// Nothing more comes on a stream.
    End(u8),
    /// The client wants to hear that somebody is there.
    Ping(Bytes),
    Gone,
}

/// What comes.
pub(super) enum Source {
    Channels {
        reader: WebSocketReader,
        base64: bool,
        closes: bool,
    },
    Streams {
        reader: SpdyReader,
        ids: Vec<u32>,
        /// What came while the streams were opened, or came together.
        early: VecDeque<Came>,
    },
}

/// What goes.
pub(super) enum Sink {
    Channels {
        writer: WebSocketWriter,
        base64: bool,
        closes: bool,
    },
    Streams {
        writer: SpdyWriter,
        ids: Vec<u32>,
    },
}

/// The channels of a WebSocket with a subprotocol.
pub(super) fn channels(socket: WebSocket, protocol: &str) -> (Source, Sink) {
    let (base64, closes) = (protocol.contains("base64"), protocol.starts_with("v5."));
    let source = Source::Channels {
        reader: socket.reader,
        base64,
        closes,
    };
    let sink = Sink::Channels {
        writer: socket.writer,
        base64,
        closes,
    };
    (source, sink)
}

/// The streams of SPDY that a client opens, numbered by their `streamtype`: 0 where there is none of a type. Waits for all
/// that are expected; `None`: the client is gone before.
pub(super) async fn streams(
    (mut reader, mut writer): (SpdyReader, SpdyWriter),
    types: &[&str],
    mut expected: usize,
) -> Option<(Source, Sink)> {
    let mut ids = vec![0; types.len()];
    let mut early = VecDeque::new();
    while expected > 0 {
        match reader.recv().await? {
            Frame::Open { id, headers, last } => {
                let of = headers.iter().find(|(name, _)| name == "streamtype");
                let number = of.and_then(|(_, wanted)| types.iter().position(|one| one == wanted));
                let Some((number, place)) =
                    number.and_then(|number| Some((number, ids.get_mut(number)?)))
                else {
                    writer.reset(id, 1).await.ok()?;
                    continue;
                };
                *place = id;
                writer.reply(id).await.ok()?;
                expected -= 1;
                if last {
                    early.push_back(Came::End(number as u8));
                }
            }
            Frame::Ping(number) => writer.pong(number).await.ok()?,
            frame => early.extend(came(&ids, frame)),
        }
    }
    let source = Source::Streams {
        reader,
        ids: ids.clone(),
        early,
    };
    Some((source, Sink::Streams { writer, ids }))
}

/// What a frame of SPDY means for the streams.
fn came(ids: &[u32], frame: Frame) -> Vec<Came> {
    let number = |id: u32| ids.iter().position(|one| *one == id && id != 0);
    match frame {
        Frame::Data { id, data, last } => {
            let Some(number) = number(id).map(|number| number as u8) else {
                return Vec::new();
            };
            let data = (!data.is_empty()).then_some(Came::Data(number, data));
            let end = last.then_some(Came::End(number));
            data.into_iter().chain(end).collect()
        }
        Frame::Reset(id) => number(id)
            .map(|number| Came::End(number as u8))
            .into_iter()
            .collect(),
        Frame::Ping(number) => vec![Came::Ping(Bytes::copy_from_slice(&number.to_be_bytes()))],
        Frame::Open { .. } | Frame::GoAway => Vec::new(),
    }
}

impl Source {
    /// What comes next. Nothing is lost when this is dropped.
    pub(super) async fn recv(&mut self) -> Came {
        match self {
            Source::Channels {
                reader,
                base64,
                closes,
            } => loop {
                let (text, mut message) = match reader.recv().await {
                    None | Some(Message::Close) => return Came::Gone,
                    Some(Message::Ping(payload)) => return Came::Ping(payload),
                    Some(Message::Text(text)) => (true, text),
                    Some(Message::Binary(bytes)) => (false, bytes),
                };
                if message.is_empty() {
                    continue;
                }
                let channel = message.get_u8();
                if *closes && channel == CLOSE {
                    match message.first() {
                        Some(closed) => return Came::End(*closed),
                        None => return Came::Gone,
                    }
                }
                if !(*base64 && text) {
                    return Came::Data(channel, message);
                }
                let decoded = base64::decode(&String::from_utf8_lossy(&message));
                if let Ok(decoded) = decoded {
                    return Came::Data(channel.wrapping_sub(b'0'), decoded.into());
                }
            },
            Source::Streams { reader, ids, early } => loop {
                if let Some(one) = early.pop_front() {
                    return one;
                }
                match reader.recv().await {
                    None => return Came::Gone,
                    Some(frame) => early.extend(came(ids, frame)),
                }
            },
        }
    }

    /// Waits until the client has gone.
    pub(super) async fn gone(&mut self) {
        while self.recv().await != Came::Gone {}
    }
}

impl Sink {
    pub(super) async fn send(&mut self, number: u8, data: &[u8]) -> io::Result<()> {
        match self {
            Sink::Channels {
                writer,
                base64: true,
                ..
            } => {
                let text = base64::encode(data);
                writer.send_text(&[&[b'0' + number], text.as_bytes()]).await
            }
            Sink::Channels { writer, .. } => writer.send_binary(&[&[number], data]).await,
            Sink::Streams { writer, ids } => match ids.get(usize::from(number)) {
                Some(0) | None => Ok(()),
                Some(id) => writer.data(*id, data, false).await,
            },
        }
    }

    /// Says that nothing more is sent on a stream, where the protocol has a word for it.
    pub(super) async fn end(&mut self, number: u8) -> io::Result<()> {
        match self {
            Sink::Channels {
                writer,
                closes: true,
                ..
            } => writer.send_binary(&[&[CLOSE, number]]).await,
            Sink::Channels { .. } => Ok(()),
            Sink::Streams { writer, ids } => match ids.get(usize::from(number)) {
                Some(0) | None => Ok(()),
                Some(id) => writer.data(*id, b"", true).await,
            },
        }
    }

    pub(super) async fn pong(&mut self, payload: &[u8]) -> io::Result<()> {
        match self {
            Sink::Channels { writer, .. } => writer.pong(payload).await,
            Sink::Streams { writer, .. } => {
                let number = payload.try_into().map(u32::from_be_bytes);
                writer.pong(number.unwrap_or_default()).await
            }
        }
    }

    /// Says that it is over.
    pub(super) async fn close(&mut self) -> io::Result<()> {
        match self {
            Sink::Channels { writer, .. } => writer.close(1000, "").await,
            Sink::Streams { writer, ids } => {
                for id in ids.iter().filter(|id| **id != 0) {
                    writer.data(*id, b"", true).await?;
                }
                writer
                    .go_away(ids.iter().copied().max().unwrap_or_default())
                    .await
            }
        }
    }
}

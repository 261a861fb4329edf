//! SPDY/3.1 from the side of the server, as far as `remotecommand` and `portforward` use it: streams that the client opens,
//! their data, pings (draft-mbelshe-httpbis-spdy-00). There is no flow control, as in the library that Kubernetes uses.

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};

use crate::state::takeover::Connection;
use crate::text::inflate::Inflate;

/// What the compression of headers knows from the start (section 2.6.10.1).
const DICTIONARY: &[u8] = include_bytes!("../data/spdy.dict");

/// The bytes before the first piece of the headers: zlib's head, and the checksum of the dictionary.
const ZLIB: usize = 6;

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    /// The client opens a stream.
    Open {
        /// Its number.
        id: u32,
        /// Its headers, with lower-case names.
        headers: Vec<(String, String)>,
        /// The client sends nothing on it.
        last: bool,
    },
    /// Data of a stream.
    Data {
        /// Its number.
        id: u32,
        /// The data.
        data: Bytes,
        /// The client sends nothing more on it.
        last: bool,
    },
    /// The client drops a stream.
    Reset(u32),
    /// The client wants the same number back.
    Ping(u32),
    /// The client opens no more streams.
    GoAway,
}

/// The half that receives.
pub struct SpdyReader {
    from: ReadHalf<Connection>,
    came: BytesMut,
    inflate: Option<Inflate>,
}

/// The half that sends.
pub struct SpdyWriter {
    to: WriteHalf<Connection>,
    begun: bool,
}

impl std::fmt::Debug for SpdyReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SpdyReader(…)")
    }
}

impl std::fmt::Debug for SpdyWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SpdyWriter(…)")
    }
}

/// SPDY on a connection that has got the head of the answer.
pub fn spdy(connection: Connection) -> (SpdyReader, SpdyWriter) {
    let (from, to) = split(connection);
    let reader = SpdyReader {
        from,
        came: BytesMut::new(),
        inflate: None,
    };
    (reader, SpdyWriter { to, begun: false })
}

impl SpdyReader {
    /// What comes next; `None`: the client is gone, or speaks no SPDY. Nothing is lost when this is dropped.
    pub async fn recv(&mut self) -> Option<Frame> {
        loop {
            while let Some((control, flags, payload)) = self.take() {
                if let Some(frame) = self.frame(control, flags, payload).ok()? {
                    return Some(frame);
                }
            }
            if self.from.read_buf(&mut self.came).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// The first word, the flags and the payload of a frame, if it is whole.
    fn take(&mut self) -> Option<(u32, u8, Bytes)> {
        let mut head = self.came.get(..8)?;
        let first = head.get_u32();
        let flags = head.get_u8();
        let length = head.get_uint(3) as usize;
        if self.came.len() < 8 + length {
            self.came.reserve(8 + length - self.came.len());
            return None;
        }
        self.came.advance(8);
        Some((first, flags, self.came.split_to(length).freeze()))
    }

    /// What a frame says; nothing, where nothing follows from it. The error: it is none.
    fn frame(&mut self, first: u32, flags: u8, mut payload: Bytes) -> Result<Option<Frame>, ()> {
        let last = flags & 1 != 0;
        if first >> 31 == 0 {
            return Ok(Some(Frame::Data {
                id: first,
                data: payload,
                last,
            }));
        }
        let short = |least: usize, payload: &Bytes| {
            if payload.len() < least {
                Err(())
            } else {
                Ok(())
            }
        };
        Ok(match first & 0xffff {
            1 => {
                short(10, &payload)?;
                let id = payload.get_u32() & 0x7fff_ffff;
                // The stream that it belongs to, a priority, and a slot for credentials.
                payload.advance(6);
                let headers = self.headers(&payload)?;
                Some(Frame::Open { id, headers, last })
            }
            3 => {
                short(8, &payload)?;
                Some(Frame::Reset(payload.get_u32()))
            }
            6 => {
                short(4, &payload)?;
                Some(Frame::Ping(payload.get_u32()))
            }
            7 => Some(Frame::GoAway),
            // More headers of a stream: nobody sends them, but the compression goes on through them.
            2 | 8 => {
                short(4, &payload)?;
                payload.advance(4);
                self.headers(&payload)?;
                None
            }
            _ => None,
        })
    }

    fn headers(&mut self, block: &[u8]) -> Result<Vec<(String, String)>, ()> {
        let (inflate, block) = match &mut self.inflate {
            Some(inflate) => (inflate, block),
            fresh @ None => {
                let block = block.get(ZLIB..).ok_or(())?;
                (fresh.insert(Inflate::with_dictionary(DICTIONARY)), block)
            }
        };
        let text = inflate.inflate(block).map_err(drop)?;
        let mut rest = text.as_slice();
        let word = |rest: &mut &[u8]| {
            if rest.len() < 4 {
                return Err(());
            }
            Ok(rest.get_u32() as usize)
        };
        let count = word(&mut rest)?;
        let mut headers = Vec::new();
        for _ in 0..count {
            let mut text = || {
                let length = word(&mut rest)?;
                let (text, after) = rest.split_at_checked(length).ok_or(())?;
                rest = after;
                Ok(String::from_utf8_lossy(text).into_owned())
            };
            headers.push((text()?, text()?));
        }
        Ok(headers)
    }
}

impl SpdyWriter {
    async fn send(&mut self, first: u32, flags: u8, payload: &[u8]) -> io::Result<()> {
        let mut frame = BytesMut::with_capacity(8 + payload.len());
        frame.put_u32(first);
        frame.put_u8(flags);
        frame.put_uint(payload.len() as u64, 3);
        frame.put_slice(payload);
        self.to.write_all(&frame).await?;
        self.to.flush().await
    }

    fn control(kind: u32) -> u32 {
        0x8003_0000 | kind
    }

    /// Accepts a stream.
    pub async fn reply(&mut self, id: u32) -> io::Result<()> {
        let mut payload = BytesMut::new();
        payload.put_u32(id);
        if !self.begun {
            self.begun = true;
            // zlib without a dictionary; what is stored as it is needs none.
            payload.put_slice(&[0x78, 0x01]);
        }
        // No headers: a stored block of their count, which is 0, and an empty one, which flushes.
        payload.put_slice(&[0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0]);
        payload.put_slice(&[0, 0, 0, 0xff, 0xff]);
        self.send(Self::control(2), 0, &payload).await
    }

    /// Sends data of a stream, and whether that is all.
    pub async fn data(&mut self, id: u32, data: &[u8], last: bool) -> io::Result<()> {
        // The length of a frame has three bytes.
        let mut parts = data.chunks(1 << 20).peekable();
        if parts.peek().is_none() {
            return self.send(id, u8::from(last), b"").await;
        }
        while let Some(part) = parts.next() {
            let over = last && parts.peek().is_none();
            self.send(id, u8::from(over), part).await?;
        }
        Ok(())
    }

    /// Refuses or drops a stream: 1 `PROTOCOL_ERROR`, 5 `CANCEL`.
    pub async fn reset(&mut self, id: u32, status: u32) -> io::Result<()> {
        let payload = [id.to_be_bytes(), status.to_be_bytes()].concat();
        self.send(Self::control(3), 0, &payload).await
    }

    /// Answers a ping.
    pub async fn pong(&mut self, number: u32) -> io::Result<()> {
        self.send(Self::control(6), 0, &number.to_be_bytes()).await
    }

    /// Says that no more streams are taken after this one.
    pub async fn go_away(&mut self, last: u32) -> io::Result<()> {
        let payload = [last.to_be_bytes(), [0; 4]].concat();
        self.send(Self::control(7), 0, &payload).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Go's library writes for two streams: the headers `streamtype: error` and `streamtype: stdin`, compressed as
    /// one stream by zlib with the dictionary.
    #[tokio::test]
    async fn streams_are_opened_and_carry_data() {
        let (mut client, server) = tokio::io::duplex(4096);
        let (mut reader, mut writer) = spdy(Box::new(server));
        client
            .write_all(include_bytes!("../data/spdy.streams"))
            .await
            .unwrap();
        for (id, kind) in [(1, "error"), (3, "stdin")] {
            let headers = vec![("streamtype".to_owned(), kind.to_owned())];
            let last = false;
            assert_eq!(reader.recv().await, Some(Frame::Open { id, headers, last }));
        }
        let data = Bytes::from("hi");
        assert_eq!(
            reader.recv().await,
            Some(Frame::Data {
                id: 3,
                data,
                last: true
            })
        );
        assert_eq!(reader.recv().await, Some(Frame::Ping(7)));
        writer.data(5, b"ok", true).await.unwrap();
        let mut frame = [0; 10];
        client.read_exact(&mut frame).await.unwrap();
        assert_eq!(&frame, b"\0\0\0\x05\x01\0\0\x02ok");
    }
}

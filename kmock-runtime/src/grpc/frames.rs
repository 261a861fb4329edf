//! Messages on the wire: a byte that says whether it is compressed, four of its length, and the message.

use std::io::{Read, Write};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use http::HeaderMap;

use crate::stream::{IntoItem, Stream};

/// How large a message may become when it is decompressed.
const MOST: u64 = 64 << 20;

/// What messages are compressed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum MessageCoding {
    #[default]
    Identity,
    Gzip,
}

impl MessageCoding {
    /// The one that a call says its messages are in.
    ///
    /// # Errors
    /// One that is not known.
    pub(super) fn of(headers: &HeaderMap) -> Result<MessageCoding, String> {
        match headers.get("grpc-encoding").map(|coding| coding.as_bytes()) {
            None | Some(b"identity") => Ok(MessageCoding::Identity),
            Some(b"gzip") => Ok(MessageCoding::Gzip),
            Some(other) => Err(format!(
                "messages in the coding {:?} are not read: gzip is, and identity",
                String::from_utf8_lossy(other)
            )),
        }
    }

    /// Whether a client reads messages in it.
    pub(super) fn is_read_by(self, headers: &HeaderMap) -> bool {
        let named = headers.get_all("grpc-accept-encoding").into_iter();
        let mut named = named
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','));
        self == MessageCoding::Identity || named.any(|name| name.trim() == "gzip")
    }

    /// A message as it goes out.
    pub(super) fn frame(self, message: &[u8]) -> Bytes {
        let packed = match self {
            MessageCoding::Gzip if !message.is_empty() => gzip(message),
            _ => None,
        };
        let (flag, message) = match &packed {
            Some(packed) => (1, packed.as_slice()),
            None => (0, message),
        };
        let mut frame = BytesMut::with_capacity(5 + message.len());
        frame.put_u8(flag);
        frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
        frame.put_slice(message);
        frame.freeze()
    }

    /// Takes the next message off what has come; `None`: it is not whole yet.
    ///
    /// # Errors
    /// When it cannot be decompressed.
    pub(super) fn next(self, came: &mut impl Buf) -> Result<Option<Bytes>, String> {
        let head = came.chunk();
        let Some((&flag, length)) = head.split_first().filter(|(_, rest)| rest.len() >= 4) else {
            return Ok(None);
        };
        let mut length = &length[..4];
        let length = length.get_u32() as usize;
        if head.len() - 5 < length {
            return Ok(None);
        }
        came.advance(5);
        let message = came.copy_to_bytes(length);
        match (flag, self) {
            (0, _) => Ok(Some(message)),
            (1, MessageCoding::Gzip) => unpack(&message).map(Some),
            (1, MessageCoding::Identity) => {
                Err("a message is compressed, and no grpc-encoding says how".to_owned())
            }
            (flag, _) => Err(format!("a message begins with {flag}, and not with 0 or 1")),
        }
    }

    /// The messages of a whole body; one that is cut short ends it, in words.
    pub(super) fn unframe(self, body: &Bytes) -> Result<Vec<Bytes>, String> {
        let mut rest = body.clone();
        let mut messages = Vec::new();
        while let Some(message) = self.next(&mut rest)? {
            messages.push(message);
        }
        match rest.has_remaining() {
            true => Err("a message is cut short".to_owned()),
            false => Ok(messages),
        }
    }
}

/// `None`: memory does not fail to be written to.
fn gzip(message: &[u8]) -> Option<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(message).ok()?;
    packed.finish().ok()
}

fn unpack(message: &[u8]) -> Result<Bytes, String> {
    let mut out = Vec::new();
    let read = MultiGzDecoder::new(message)
        .take(MOST + 1)
        .read_to_end(&mut out);
    match read {
        Ok(_) if out.len() as u64 > MOST => Err(format!(
            "decompressed, a message has more than {} MiB",
            MOST >> 20
        )),
        Ok(_) => Ok(out.into()),
        Err(error) => Err(format!("a message is no gzip: {error}")),
    }
}

/// A message that is encoded already; it may be of no bytes.
pub(super) struct Encoded(pub(super) Bytes);

impl IntoItem for Encoded {
    fn into_item(self) -> Stream {
        match self.0.is_empty() {
            // Bytes of a script that are none are no output.
            true => Stream::new().json(serde_json::json!({})),
            false => Stream::new().item(self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_framed_one_after_the_other() {
        for coding in [MessageCoding::Identity, MessageCoding::Gzip] {
            let framed = [b"one".as_slice(), b"", b"two"].map(|one| coding.frame(one));
            let body: Bytes = framed.concat().into();
            assert_eq!(coding.unframe(&body).expect("three"), ["one", "", "two"]);
            for wrong in [&body[..4], &body[..7]] {
                coding
                    .unframe(&Bytes::copy_from_slice(wrong))
                    .expect_err("cut short");
            }
        }
    }

    #[test]
    fn what_is_not_compressed_as_it_says_is_told() {
        let packed = MessageCoding::Gzip.frame(b"one");
        assert_eq!(packed[0], 1);
        for (coding, body, told) in [
            (MessageCoding::Identity, packed, "no grpc-encoding"),
            (
                MessageCoding::Gzip,
                Bytes::from_static(b"\x01\0\0\0\x01x"),
                "no gzip",
            ),
            (
                MessageCoding::Gzip,
                Bytes::from_static(b"\x02\0\0\0\0"),
                "begins with 2",
            ),
        ] {
            let why = coding.unframe(&body).expect_err("wrong");
            assert!(why.contains(told), "{why}");
        }
    }
}

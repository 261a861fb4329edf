//! Messages on the wire: a byte that says whether it is compressed, four of its length, and the message.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::stream::{IntoItem, Stream};

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

pub(super) fn frame(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(5 + message.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put_slice(message);
    frame.freeze()
}

/// The messages of a body; one that is compressed or cut short ends it, in words.
pub(super) fn unframe(body: &Bytes) -> Result<Vec<Bytes>, &'static str> {
    let mut rest = body.clone();
    let mut messages = Vec::new();
    while rest.has_remaining() {
        if rest.remaining() < 5 {
            return Err("a message is cut short");
        }
        let compressed = rest.get_u8();
        let length = rest.get_u32() as usize;
        if compressed != 0 {
            return Err("a message is compressed, which is not supported");
        }
        if rest.remaining() < length {
            return Err("a message is cut short");
        }
        messages.push(rest.split_to(length));
    }
    Ok(messages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_framed_one_after_the_other() {
        let body: Bytes = [frame(b"one"), frame(b""), frame(b"two")].concat().into();
        assert_eq!(unframe(&body).expect("three"), ["one", "", "two"]);
        for wrong in [&body[..4], &body[..7], b"\x01\0\0\0\0"] {
            unframe(&Bytes::copy_from_slice(wrong)).expect_err("wrong");
        }
    }
}

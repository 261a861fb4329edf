//! Error codes of HTTP/2 (RFC 9113, section 7).

use bytes::Bytes;
use kmock_notation::HTTP2_ERRORS;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ErrorCode(u8);

impl ErrorCode {
    #[track_caller]
    pub(super) fn named(name: &str) -> ErrorCode {
        match (0..).zip(HTTP2_ERRORS).find(|(_, known)| *known == name) {
            Some((number, _)) => ErrorCode(number),
            None => panic!(
                "kmock: {name:?} is no error code of HTTP/2: {} are",
                HTTP2_ERRORS.join(", ")
            ),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        HTTP2_ERRORS
            .get(usize::from(self.0))
            .copied()
            .unwrap_or_default()
    }

    #[cfg(feature = "http2")]
    pub(crate) fn number(self) -> u32 {
        u32::from(self.0)
    }

    /// A frame of GOAWAY (RFC 9113, 6.8): of eight bytes, on stream 0; the last stream that was processed is none.
    pub(super) fn goaway(self) -> Bytes {
        let mut frame = vec![0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        frame.push(self.0);
        frame.into()
    }
}

//! Rules that do not wait for the body: how it is read before they answer, and what becomes of the rest.

use std::{future::pending, time::Duration};

use http_body_util::BodyExt;
use hyper::body::Incoming;

/// How a body is read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    /// Not further than this.
    pub(crate) stop: Option<usize>,
    /// Bytes a second.
    pub(crate) rate: Option<u64>,
    /// Whether the answer reads the rest.
    pub(crate) converses: bool,
}

impl Pace {
    /// Waits as long as so many bytes take.
    pub(super) async fn keep(self, bytes: usize) {
        if let Some(rate) = self.rate {
            let nanos = (bytes as u64).saturating_mul(1_000_000_000) / rate.max(1);
            tokio::time::sleep(Duration::from_nanos(nanos)).await;
        }
    }
}

/// How much of a body that nobody waits for is read on: closed at once, the connection would be reset, and the client would
/// never see the answer.
const DRAINED: usize = 16 << 20;

/// Reads the rest of a body and throws it away.
pub(super) async fn drain(mut rest: Incoming) {
    let mut read = 0;
    while let Some(Ok(frame)) = rest.frame().await {
        read += frame.data_ref().map_or(0, bytes::Bytes::len);
        if read > DRAINED {
            break;
        }
    }
}

/// Reads no more: the client is held up by the window of HTTP/2, or by that of TCP.
pub(super) async fn hold(rest: Incoming) {
    pending::<()>().await;
    drop(rest);
}

//! Requests on their way in: the head is there, the body is not yet whole. They are written down, and no rule has seen them.

use std::sync::Arc;

use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::{Connection, early::Pace};
use crate::{
    journal::Seen,
    request::{Request, Upload},
};

/// A request that is written down while its body comes. Dropped before that is whole, it broke off: its client is gone.
pub(super) struct Arrival<'a> {
    connection: &'a Connection,
    seen: Option<Seen>,
}

impl Arrival<'_> {
    pub(super) fn begin<'a>(
        connection: &'a Connection,
        request: Request,
        upload: &Arc<Upload>,
    ) -> Arrival<'a> {
        let request = request.coming(Arc::clone(upload));
        Arrival {
            connection,
            seen: Some(connection.core.journal.begin(request)),
        }
    }

    /// The number that it has been written down with.
    pub(super) fn id(&self) -> Option<u64> {
        Some(self.seen.as_ref()?.id())
    }

    /// The request as it is, instead of the one that is begun here.
    pub(super) fn complete(mut self, request: Request) -> (Seen, Option<Request>) {
        self.seen = None;
        self.connection.core.journal.complete(request)
    }
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        if let Some(seen) = &self.seen {
            self.connection.client_went_away(seen);
        }
    }
}

/// Why a body was not read.
pub(super) enum Unread {
    TooLarge,
    Broken(hyper::Error),
}

/// The whole body, or as much of it as is asked for. Of one that is too large, what follows is read on within reason: closed at once, the connection
/// would be reset, and the client would never see why.
pub(super) async fn read(
    body: &mut Incoming,
    limit: usize,
    pace: Pace,
    upload: &Upload,
) -> Result<Bytes, Unread> {
    let mut length = 0_usize;
    while !body.is_end_stream() && pace.stop.is_none_or(|stop| length < stop) {
        let Some(frame) = body.frame().await else {
            break;
        };
        let data = match frame.map_err(Unread::Broken)?.into_data() {
            Ok(data) => data,
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    upload.keep_trailers(trailers);
                }
                continue;
            }
        };
        length = upload.count(data.len());
        pace.keep(data.len()).await;
        if length > limit.saturating_add(16 << 20) {
            break;
        }
        if length <= limit {
            upload.keep(data);
        }
    }
    match length > limit {
        true => Err(Unread::TooLarge),
        false => Ok(upload.take()),
    }
}

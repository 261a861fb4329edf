//! Requests on their way in: the head is there, the body is not yet whole. They are written down, and no rule has seen them.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::{Connection, early::Pace, explained};
use crate::{
    journal::Seen,
    reply::Payload,
    request::{Head, Request, Upgrade, Upload},
};

/// A request that is written down, and what of its body nobody has read.
pub(super) struct Came {
    pub(super) seen: Seen,
    /// The request itself, where less of it was written down.
    pub(super) whole: Option<Request>,
    pub(super) too_large: bool,
    pub(super) unread: Option<Unread>,
}

impl Came {
    /// One that is whole, as the journal has it.
    pub(super) fn whole((seen, whole): (Seen, Option<Request>)) -> Came {
        Came {
            seen,
            whole,
            too_large: false,
            unread: None,
        }
    }
}

/// What of a body nobody has read.
pub(super) enum Unread {
    /// Nobody waits for it.
    Rest(Incoming),
    /// An answer that converses reads it.
    Offered(Arc<Upload>),
}

impl Unread {
    /// What is left of it after the answer.
    pub(super) fn left(self) -> Option<Incoming> {
        match self {
            Unread::Rest(rest) => Some(rest),
            Unread::Offered(upload) => {
                let rest = upload.take_rest()?;
                // Another rule has answered, in the end.
                upload.finish();
                Some(rest)
            }
        }
    }
}

/// Reads the body of a request, as far as it is waited for. The error is the answer to a body that broke off.
pub(super) async fn coming(
    connection: &Connection,
    head: Arc<Head>,
    mut body: Incoming,
    at: Duration,
    upgrade: Option<Upgrade>,
) -> Result<Came, Response<Payload>> {
    let core = &connection.core;
    let upload = Upload::new(Arc::clone(&head), core.options.journal_limit);
    let link = Some(Arc::clone(&connection.link));
    let pace = early(connection, &head, at);
    let begin = || {
        let begun = Request::new(
            core.next_id(),
            at,
            Arc::clone(&head),
            Bytes::new(),
            link.clone(),
            None,
        );
        Arrival::begin(connection, begun, &upload)
    };
    let (read_body, arrival) = {
        let mut reading = pin!(read(&mut body, core.options.body_limit, pace, &upload));
        // Most bodies are there with their heads.
        match poll_fn(|cx| Poll::Ready(reading.as_mut().poll(cx))).await {
            Poll::Ready(Err(broken @ Refused::Broken(_))) => (Err(broken), Some(begin())),
            Poll::Ready(body) => (body, None),
            Poll::Pending => {
                let begun = begin();
                (reading.await, Some(begun))
            }
        }
    };
    let (whole_body, too_large) = match read_body {
        Ok(body) => (body, false),
        Err(Refused::TooLarge) => (Bytes::new(), true),
        Err(Refused::Broken(error)) => {
            // The client is gone, unless it is its chunks that are wrong.
            return Err(explained(
                StatusCode::BAD_REQUEST,
                format!("kmock: the body broke off: {error}\n"),
            ));
        }
    };
    let begun = arrival.as_ref().and_then(Arrival::id);
    let id = begun.unwrap_or_else(|| core.next_id());
    let request =
        Request::new(id, at, head, whole_body, link, upgrade).with_trailers(upload.take_trailers());
    // What nobody waits for, or an answer that converses reads.
    let mut rest = (pace.stop.is_some() && !body.is_end_stream()).then_some(body);
    let (seen, whole) = match (arrival, rest.take_if(|_| pace.converses)) {
        (_, Some(rest)) => {
            upload.leave(rest);
            let request = request.coming(Arc::clone(&upload));
            let seen = core.journal.begin(request);
            return Ok(Came {
                seen,
                whole: None,
                too_large,
                unread: Some(Unread::Offered(upload)),
            });
        }
        (Some(arrival), None) => arrival.complete(request.that_came(upload)),
        (None, None) => core.journal.record(request),
    };
    Ok(Came {
        seen,
        whole,
        too_large,
        unread: rest.map(Unread::Rest),
    })
}

/// How the body is to be read: most rules wait for all of it.
fn early(connection: &Connection, head: &Arc<Head>, at: Duration) -> Pace {
    let table = connection.core.book.table();
    if !table.has_early() {
        return Pace::default();
    }
    let link = Some(Arc::clone(&connection.link));
    let asked = Request::new(0, at, Arc::clone(head), Bytes::new(), link, None);
    table.pace(&asked)
}

/// A request that is written down while its body comes. Dropped before that is whole, it broke off: its client is gone.
struct Arrival<'a> {
    connection: &'a Connection,
    seen: Option<Seen>,
}

impl Arrival<'_> {
    fn begin<'a>(
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
    fn id(&self) -> Option<u64> {
        Some(self.seen.as_ref()?.id())
    }

    /// The request as it is, instead of the one that is begun here.
    fn complete(mut self, request: Request) -> (Seen, Option<Request>) {
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
enum Refused {
    TooLarge,
    Broken(hyper::Error),
}

/// The whole body, or as much of it as is asked for. Of one that is too large, what follows is read on within reason: closed at once, the connection
/// would be reset, and the client would never see why.
async fn read(
    body: &mut Incoming,
    limit: usize,
    pace: Pace,
    upload: &Upload,
) -> Result<Bytes, Refused> {
    let mut length = 0_usize;
    while !body.is_end_stream() && pace.stop.is_none_or(|stop| length < stop) {
        let Some(frame) = body.frame().await else {
            break;
        };
        let data = match frame.map_err(Refused::Broken)?.into_data() {
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
        true => Err(Refused::TooLarge),
        false => Ok(upload.take()),
    }
}

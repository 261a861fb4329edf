//! What goes out: the bodies of answers as they are sent, chunk by chunk, and how they end.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, header};
use http_body::{Frame, SizeHint};

use crate::{
    clock::Clock,
    journal::{Concluded, Seen, seen::tick},
    mock::Core,
    reply::{Answer, Payload},
    request::Request,
};

/// How many chunks of a stream are written down one by one; the others are counted.
const CHUNKS: usize = 1000;

/// The most that is kept of the body of one answer.
const ANSWER: usize = 64 << 10;

/// The body of an answer as it was sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sent {
    /// When the body was begun, counted from the start of the server.
    pub begun: Duration,
    /// Whether it is a stream: its size was not known when it began.
    pub streamed: bool,
    /// The first thousand chunks.
    pub chunks: Vec<Chunk>,
    /// How many chunks there were.
    pub count: usize,
    /// How many bytes there were.
    pub size: usize,
    /// When and how it ended; `None` while it goes on.
    pub end: Option<(Duration, End)>,
    /// The headers, a line each.
    pub(super) headers: Arc<str>,
    pub(super) content_type: Option<String>,
    pub(super) encoding: Option<String>,
    /// What is kept of it.
    pub(super) body: Vec<u8>,
    /// When it ended, in ticks.
    pub(super) ended: u64,
}

/// One chunk of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// When it went out, counted from the start of the server.
    pub at: Duration,
    /// Its size in bytes.
    pub size: usize,
    /// The same in ticks: what came first of what happens at one instant.
    pub(super) tick: u64,
}

/// How a body ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// All of it was sent.
    Complete,
    /// The client went away, the server stopped, or a fault cut it.
    Cut,
    /// It broke: the message.
    Failed(String),
}

/// What is written down so far of what goes out.
#[derive(Default)]
pub(super) enum Trace {
    #[default]
    Nothing,
    /// A body that was there as a whole. Most are: what a report says of them is worked out only for a report.
    Whole {
        /// How many bytes of it are kept.
        most: u32,
        whole: Arc<Whole>,
    },
    Sent(Box<Sent>),
}

/// A body with what says how to read it. Answers that are known beforehand share it.
pub(crate) struct Whole {
    body: Bytes,
    /// The size of the body; of an answer that was made for one request, only what the journal keeps is here.
    size: usize,
    headers: Arc<str>,
    content_type: Option<HeaderValue>,
    encoding: Option<HeaderValue>,
}

impl Whole {
    pub(crate) fn of(headers: &HeaderMap, body: &Bytes) -> Arc<Whole> {
        Whole::cut(headers, body, body.len())
    }

    /// With at most so much of the body: a copy, where that is less, since a slice would keep the whole alive.
    fn cut(headers: &HeaderMap, body: &Bytes, most: usize) -> Arc<Whole> {
        let kept = match body.get(..most) {
            Some(part) if most < body.len() => Bytes::copy_from_slice(part),
            _ => body.clone(),
        };
        Arc::new(Whole {
            size: body.len(),
            body: kept,
            headers: lines(headers),
            content_type: headers.get(header::CONTENT_TYPE).cloned(),
            encoding: headers.get(header::CONTENT_ENCODING).cloned(),
        })
    }
}

/// Headers as they go out, but for the date, which is not worth its room.
fn lines(headers: &HeaderMap) -> Arc<str> {
    let mut text = String::with_capacity(64);
    for (name, value) in headers.iter().filter(|(name, _)| *name != header::DATE) {
        text.push_str(name.as_str());
        text.push_str(": ");
        text.push_str(&String::from_utf8_lossy(value.as_bytes()));
        text.push('\n');
    }
    text.into()
}

impl Trace {
    /// What was sent, where the body began at a time and a tick.
    pub(super) fn sent(&self, begun: Duration, tick: u64) -> Option<Sent> {
        match self {
            Trace::Nothing => None,
            Trace::Sent(sent) => Some(Sent::clone(sent)),
            Trace::Whole { most, whole } => {
                let body = &whole.body;
                let text = |value: &Option<HeaderValue>| {
                    let text = value.as_ref()?.to_str().ok()?;
                    Some(text.to_owned())
                };
                Some(Sent {
                    begun,
                    streamed: false,
                    chunks: vec![Chunk {
                        at: begun,
                        size: whole.size,
                        tick,
                    }],
                    count: 1,
                    size: whole.size,
                    end: Some((begun, End::Complete)),
                    headers: Arc::clone(&whole.headers),
                    content_type: text(&whole.content_type),
                    encoding: text(&whole.encoding),
                    body: body[..body.len().min(*most as usize)].to_vec(),
                    ended: tick,
                })
            }
        }
    }
}

/// The response of an answer; what is sent of it from now on is written down.
pub(crate) fn traced(
    answer: Answer,
    core: &Core,
    seen: &Seen,
    outcome: Concluded,
    now: Duration,
) -> Response<Payload> {
    let Answer {
        response,
        fault,
        whole,
        ..
    } = answer;
    // The body of an answer to HEAD is never sent.
    if seen.method() == Method::HEAD {
        seen.conclude(outcome);
        return response;
    }
    if let Payload::Full(bytes) = response.body()
        && fault.is_none()
        && !bytes.is_empty()
    {
        // Nothing holds up what is there as a whole: it is as good as sent, and not worth a wrapper.
        let most = core.journal.allow(bytes.len().min(ANSWER));
        let trace = Trace::Whole {
            most: u32::try_from(most).unwrap_or(u32::MAX),
            whole: whole.unwrap_or_else(|| Whole::cut(response.headers(), bytes, most)),
        };
        seen.conclude_with(outcome, trace);
        return response;
    }
    let text = |name| {
        let value = response.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let size = response.body().size_hint().exact();
    let ended = response.body().is_end_stream();
    let sent = Sent {
        begun: now,
        streamed: size.is_none() && !ended,
        headers: lines(response.headers()),
        content_type: text(header::CONTENT_TYPE),
        encoding: text(header::CONTENT_ENCODING),
        end: ended.then_some((now, End::Complete)),
        ..Sent::default()
    };
    let request = seen.request().clone();
    seen.conclude_with(outcome, Trace::Sent(Box::new(sent)));
    if ended {
        return response;
    }
    let most = usize::try_from(size.unwrap_or(ANSWER as u64)).unwrap_or(ANSWER);
    let most = core.journal.allow(most.min(ANSWER));
    let clock = core.clock;
    response.map(|inner| {
        Payload::Body(Body::new(Traced {
            inner,
            request,
            clock,
            size,
            sent: 0,
            most,
            ended: false,
        }))
    })
}

/// A body that is written down while it is sent.
struct Traced {
    inner: Payload,
    request: Request,
    clock: Clock,
    /// The size, where it is known from the start.
    size: Option<u64>,
    sent: u64,
    most: usize,
    ended: bool,
}

impl Traced {
    fn end(&mut self, end: End) {
        if !self.ended {
            self.ended = true;
            let at = self.clock.elapsed();
            let tick = tick();
            self.request.record().change_sent(|sent| {
                sent.end = Some((at, end));
                sent.ended = tick;
            });
        }
    }

    fn chunk(&mut self, data: &Bytes) {
        self.sent += data.len() as u64;
        let (at, most, tick) = (self.clock.elapsed(), self.most, tick());
        self.request.record().change_sent(|sent| {
            if sent.chunks.len() < CHUNKS {
                sent.chunks.push(Chunk {
                    at,
                    size: data.len(),
                    tick,
                });
            }
            sent.count += 1;
            sent.size += data.len();
            let room = most.saturating_sub(sent.body.len()).min(data.len());
            sent.body.extend_from_slice(&data[..room]);
        });
    }
}

impl HttpBody for Traced {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref().filter(|data| !data.is_empty()) {
                    self.chunk(data);
                }
                if self.inner.is_end_stream() {
                    self.end(End::Complete);
                }
            }
            Poll::Ready(Some(Err(error))) => {
                let message = error.to_string();
                self.end(End::Failed(message));
            }
            Poll::Ready(None) => self.end(End::Complete),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        let whole = self.size == Some(self.sent);
        self.end(if whole { End::Complete } else { End::Cut });
    }
}

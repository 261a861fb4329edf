//! Writes down what goes out: the bodies of answers as they are sent, chunk by chunk, and how they end.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::{Method, Response, header};
use http_body::{Frame, SizeHint};

use crate::{
    clock::Clock,
    core::Core,
    journal::{
        Chunk, Concluded, End, Seen, Sent, Whole,
        record::tick,
        sent::{Trace, lines},
    },
    reply::{Answer, Payload},
    request::Request,
    user_code::panic_text,
};

/// How many chunks of a stream are written down one by one; the others are counted.
const CHUNKS: usize = 1000;

/// The most that is kept of the body of one answer.
const ANSWER: usize = 64 << 10;

/// The response of an answer; what is sent of it from now on is written down.
pub(crate) fn traced(
    answer: Answer,
    core: &Arc<Core>,
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
    let (clock, core) = (core.clock, Arc::downgrade(core));
    response.map(|inner| {
        Payload::Body(Body::new(Traced {
            inner,
            request,
            core,
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
    core: Weak<Core>,
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

    /// The next frame. Bodies of others, such as those of an `axum::Router`, may panic: the answer breaks off, and it is told.
    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = catch_unwind(AssertUnwindSafe(|| {
            Pin::new(&mut self.inner).poll_frame(cx)
        }));
        polled.unwrap_or_else(|panic| {
            let text = format!("the body of the answer panicked: {}", panic_text(&*panic));
            if let Some(core) = self.core.upgrade() {
                let (method, target) = (self.request.method(), self.request.target());
                core.error(format!("{method} {target}: {text}"));
            }
            // What has panicked is not asked again.
            self.inner = Payload::empty();
            Poll::Ready(Some(Err(axum::Error::new(text))))
        })
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
        let polled = self.next(cx);
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

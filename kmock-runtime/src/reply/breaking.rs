//! Faults on their way: an answer is made to break, on its connection, or in its own stream where the connection carries
//! others (HTTP/2).

use std::{
    fmt,
    future::pending,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use http::{Response, StatusCode, Version, header};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::yield_now,
    time::sleep,
};

use crate::{
    reply::{
        Answer, Fault, Payload,
        error_code::ErrorCode,
        fault::{FaultPlace, promised},
    },
    request::Request,
    wire::{Cut, Wire},
};

/// What happens instead of an answer, while the connection goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Halt {
    Reset(Option<ErrorCode>),
    Stall,
}

impl Halt {
    /// What hyper makes a reset of the stream, or nothing for ever.
    pub(crate) async fn carry_out<T>(self) -> Result<T, Broken> {
        match self {
            Halt::Reset(code) => Err(Broken::with(code)),
            Halt::Stall => pending().await,
        }
    }
}

/// An exchange is broken on purpose.
#[derive(Debug, Default)]
pub(crate) struct Broken {
    /// Hyper resets the stream with the code that it finds here.
    #[cfg(feature = "http2")]
    code: Option<h2::Error>,
}

impl Broken {
    #[cfg_attr(
        not(feature = "http2"),
        expect(unused_variables, reason = "there are no codes in HTTP/1")
    )]
    fn with(code: Option<ErrorCode>) -> Broken {
        Broken {
            #[cfg(feature = "http2")]
            code: code.map(|code| h2::Reason::from(code.number()).into()),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fault that was asked for")
    }
}

impl std::error::Error for Broken {
    #[cfg(feature = "http2")]
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.code.as_ref().map(|code| code as _)
    }
}

/// Who breaks a body: its connection, or its stream on one. Hyper has buffers of its own, and what is in them when a body
/// breaks is lost; so what was sent before is let out first.
pub(crate) struct Breaker {
    wire: Wire,
    /// The error code of HTTP/2.
    pub(crate) code: Option<ErrorCode>,
    /// Whether the connection carries other streams.
    shared: bool,
    /// How much will have passed the wire when all that was given is on its way.
    until: u64,
    letting_out: Option<BoxFuture<'static, ()>>,
}

impl Breaker {
    /// `None`: there is no socket underneath.
    pub(crate) fn of(request: &Request) -> Option<Breaker> {
        let wire = request.wire()?.clone();
        Some(Breaker {
            shared: request.version() == Version::HTTP_2,
            until: wire.written(),
            code: None,
            wire,
            letting_out: None,
        })
    }

    /// So many bytes of the body were given to hyper.
    pub(crate) fn gave(&mut self, bytes: usize) {
        self.until += bytes as u64;
    }

    /// Ready when what was given is on its way, as far as the client takes it.
    pub(crate) fn let_out(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (wire, until) = (&self.wire, self.until);
        let letting_out = self
            .letting_out
            .get_or_insert_with(|| let_out(wire.clone(), until).boxed());
        letting_out.poll_unpin(cx)
    }

    /// Breaks the body: what is polled from it then.
    pub(crate) fn cut(
        &mut self,
        cut: &mut Option<Cut>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match cut {
            Some(Cut::Reset | Cut::Close) if self.shared => {
                ready!(self.let_out(cx));
                *cut = None;
                Poll::Ready(Some(Err(axum::Error::new(Broken::with(self.code)))))
            }
            Some(Cut::Stall) if self.shared => Poll::Pending,
            // Hyper flushes what it has when the body is pending; the flush then carries out the cut.
            _ => {
                if let Some(cut) = cut.take() {
                    self.wire.cut_when_flushed(cut);
                }
                Poll::Pending
            }
        }
    }
}

/// The connection is another task: it gets some turns of the runtime, and on several threads some time.
async fn let_out(wire: Wire, until: u64) {
    const TURNS: usize = 100;
    let one_thread = Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread;
    for turn in 0..TURNS {
        if turn < 2 || one_thread {
            yield_now().await;
        } else {
            sleep(Duration::from_millis(1)).await;
        }
        if turn > 0 && wire.written() >= until {
            return;
        }
    }
}

/// The same answer, made to break.
pub(crate) async fn broken(mut answer: Answer, fault: Fault, request: &Request) -> Answer {
    answer.fault = Some(fault.to_string());
    answer.stalls = fault.cut == Cut::Stall;
    let Some(mut breaker) = Breaker::of(request) else {
        // Without a socket underneath there is nothing to break.
        *answer.response.status_mut() = StatusCode::BAD_GATEWAY;
        return answer;
    };
    breaker.code = fault.code;
    let (wire, shared) = (breaker.wire.clone(), breaker.shared);
    if fault.goaway && !shared {
        wire.cut_after(0, Cut::Close);
        return answer;
    }
    let cut_body = |answer: Answer, left: usize, cut: Cut, body: fn(Payload) -> Body| Answer {
        response: answer.response.map(|payload| {
            let inner = body(payload);
            Payload::Body(Body::new(CutBody {
                measured: inner.size_hint().exact(),
                inner,
                left,
                cut: Some(cut),
                breaker,
            }))
        }),
        ..answer
    };
    match fault.place {
        FaultPlace::Start if shared && fault.cut == Cut::Reset => {
            answer.halt = Some(Halt::Reset(fault.code));
            answer
        }
        FaultPlace::Start if shared && fault.cut == Cut::Stall => {
            answer.halt = Some(Halt::Stall);
            answer
        }
        FaultPlace::Start => {
            wire.cut_after(0, fault.cut);
            answer
        }
        // Where there is no body, hyper asks for none.
        FaultPlace::Body(_) if !shared && answer.response.body().size_hint().exact() == Some(0) => {
            wire.cut_when_flushed(fault.cut);
            answer
        }
        // That is over, or has come.
        FaultPlace::Handshake(_) | FaultPlace::Upload(_) => {
            let (fault, told) = (fault.at_start(), answer.fault.take());
            let broken = Box::pin(broken(answer, fault, request)).await;
            Answer {
                fault: told,
                ..broken
            }
        }
        FaultPlace::Head(bytes) => {
            wire.cut_after(bytes, fault.cut);
            answer
        }
        FaultPlace::Body(left) => cut_body(answer, left, fault.cut, Payload::into_body),
        // Where there are no chunks, it is the body that is cut at its end.
        FaultPlace::Chunk if shared => cut_body(answer, usize::MAX, Cut::Close, Payload::into_body),
        // A stream has no length: hyper sends it in chunks.
        FaultPlace::Chunk => cut_body(answer, usize::MAX, fault.cut, |payload| {
            Body::from_stream(payload.into_body().into_data_stream())
        }),
        FaultPlace::Promise(length) if shared => {
            let headers = answer.response.headers_mut();
            headers.insert(header::CONTENT_LENGTH, length.into());
            answer
        }
        FaultPlace::Promise(length) => {
            let (head, payload) = answer.response.into_parts();
            let body = match payload.collect().await {
                Ok(body) => body.to_bytes(),
                Err(_) => Bytes::new(),
            };
            let bytes = promised(head.status, &head.headers, &body, length);
            wire.cut_after(0, Cut::Garbage(bytes));
            answer.response = Response::from_parts(head, Payload::empty());
            answer
        }
    }
}

/// A body that is cut after some bytes.
struct CutBody {
    inner: Body,
    left: usize,
    cut: Option<Cut>,
    /// How much of the body is to come, where its length is known.
    measured: Option<u64>,
    breaker: Breaker,
}

impl CutBody {
    fn cut_at_end(&mut self) {
        if let Some(cut) = self.cut.take() {
            self.breaker.wire.cut_when_flushed(cut);
        }
    }
}

impl HttpBody for CutBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.left > 0 {
            match Pin::new(&mut self.inner).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(mut data) = frame.into_data() else {
                        return Poll::Ready(Some(Ok(Frame::data(Bytes::new()))));
                    };
                    data.truncate(self.left);
                    self.left -= data.len();
                    self.breaker.gave(data.len());
                    self.measured = self
                        .measured
                        .map(|left| left.saturating_sub(data.len() as u64));
                    // Of a body of known length hyper asks for no more than that, so this is the last time.
                    if self.measured == Some(0) && !self.breaker.shared {
                        self.cut_at_end();
                    }
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                // A body that ends before the cut is cut at its end.
                Poll::Ready(None) => self.left = 0,
                other => return other,
            }
        }
        let this = &mut *self;
        this.breaker.cut(&mut this.cut, cx)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

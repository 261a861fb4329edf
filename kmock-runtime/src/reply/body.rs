//! Bodies on their way: files that deplete, bodies slowed down.

use std::{
    fs::File,
    io,
    path::PathBuf,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, HttpBody};
use bytes::{Buf, Bytes};
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// A file or another source that is read on: each time what is there by then, until there is no more.
pub(crate) struct Reader {
    path: Option<PathBuf>,
    source: Option<Box<dyn io::Read + Send>>,
}

impl Reader {
    pub(crate) fn file(path: PathBuf) -> Reader {
        Reader {
            path: Some(path),
            source: None,
        }
    }

    pub(crate) fn of(source: impl io::Read + Send + 'static) -> Reader {
        Reader {
            path: None,
            source: Some(Box::new(source)),
        }
    }

    /// What has not been read yet; `None` when there is nothing (more).
    pub(crate) fn rest(&mut self) -> Result<Option<Bytes>, String> {
        let name = match &self.path {
            Some(path) => format!("file {}", path.display()),
            None => "a reader".to_owned(),
        };
        let failed = |error: io::Error| format!("{name}: {error}");
        let source = match (&mut self.source, &self.path) {
            (Some(source), _) => source,
            (empty, Some(path)) => empty.insert(Box::new(File::open(path).map_err(failed)?)),
            (None, None) => return Ok(None),
        };
        let mut rest = Vec::new();
        source.read_to_end(&mut rest).map_err(failed)?;
        Ok((!rest.is_empty()).then(|| rest.into()))
    }
}

/// A body that is sent no faster than some bytes a second.
pub(crate) struct SlowBody {
    inner: Body,
    rate: u64,
    ready: Bytes,
    sent: u64,
    started: Option<Instant>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl SlowBody {
    pub(crate) fn new(inner: Body, rate: u64) -> SlowBody {
        SlowBody {
            inner,
            rate,
            ready: Bytes::new(),
            sent: 0,
            started: None,
            pause: None,
        }
    }

    /// When the next byte may go.
    fn due(&mut self) -> Instant {
        let started = *self.started.get_or_insert_with(Instant::now);
        started + Duration::from_secs_f64(self.sent as f64 / self.rate as f64)
    }
}

impl HttpBody for SlowBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        loop {
            if let Some(pause) = &mut self.pause {
                if pause.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                self.pause = None;
            }
            if self.ready.has_remaining() {
                // A tenth of a second's worth at a time: smooth, and cheap to wait for.
                let most = usize::try_from(self.rate.div_ceil(10)).unwrap_or(usize::MAX);
                let most = most.min(self.ready.len());
                let piece = self.ready.split_to(most);
                self.due();
                self.sent += piece.len() as u64;
                let due = self.due();
                self.pause = Some(Box::pin(sleep_until(due)));
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            match Pin::new(&mut self.inner).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.ready = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                other => return other,
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A body that does not tell its size beforehand: hyper sends it in chunks, without a `content-length`.
pub(crate) struct Unmeasured {
    inner: Body,
    over: bool,
}

impl Unmeasured {
    pub(crate) fn new(inner: Body) -> Unmeasured {
        let over = false;
        Unmeasured { inner, over }
    }
}

impl HttpBody for Unmeasured {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        self.over |= matches!(polled, Poll::Ready(None));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.over
    }
}

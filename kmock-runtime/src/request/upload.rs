//! The body of a request that is on its way: how much of it came, for who looks at the request meanwhile.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use hyper::body::Incoming;

use super::{Head, Request};
use crate::journal::Record;

/// A body while it comes. The request that is written down meanwhile, and the one that is whole at last, share it.
pub(crate) struct Upload {
    head: Arc<Head>,
    /// How many bytes have come.
    came: AtomicUsize,
    gathered: Mutex<BodySoFar>,
    /// The most of it that is shown while it comes.
    most: usize,
    /// What is still to come, for an answer that reads it; and whether it has.
    rest: Mutex<Option<Incoming>>,
    finished: AtomicBool,
    /// What becomes of the request, whichever of the two is asked. Most requests are whole at once, and need none here.
    record: OnceLock<Box<Record>>,
}

#[derive(Default)]
struct BodySoFar {
    /// Most bodies are one piece.
    first: Bytes,
    all: BytesMut,
    trailers: Option<HeaderMap>,
}

impl Upload {
    pub(crate) fn new(head: Arc<Head>, most: usize) -> Arc<Upload> {
        Arc::new(Upload {
            head,
            came: AtomicUsize::new(0),
            gathered: Mutex::default(),
            most,
            rest: Mutex::default(),
            finished: AtomicBool::new(false),
            record: OnceLock::new(),
        })
    }

    fn gathered(&self) -> MutexGuard<'_, BodySoFar> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is written down of the request that it is the body of.
    pub(super) fn record(&self) -> &Record {
        self.record.get_or_init(|| Box::new(Record::new()))
    }

    /// How many bytes have come.
    pub(crate) fn came(&self) -> usize {
        self.came.load(Ordering::Relaxed)
    }

    /// More has come, whether it is kept or not; says how much there was in all.
    pub(crate) fn count(&self, bytes: usize) -> usize {
        self.came.fetch_add(bytes, Ordering::Relaxed) + bytes
    }

    /// Keeps what has come.
    pub(crate) fn keep(&self, data: Bytes) {
        let mut gathered = self.gathered();
        if gathered.first.is_empty() && gathered.all.is_empty() {
            gathered.first = data;
            return;
        }
        if gathered.all.is_empty() {
            let first = std::mem::take(&mut gathered.first);
            gathered.all.extend_from_slice(&first);
        }
        gathered.all.extend_from_slice(&data);
    }

    /// Keeps as much of it as is shown.
    #[cfg(feature = "grpc")]
    pub(crate) fn keep_some(&self, data: &[u8]) {
        let mut gathered = self.gathered();
        let room = self.most.saturating_sub(gathered.all.len());
        gathered
            .all
            .extend_from_slice(&data[..data.len().min(room)]);
    }

    /// Leaves the rest to the answer.
    pub(crate) fn leave(&self, rest: Incoming) {
        *self.rest.lock().unwrap_or_else(PoisonError::into_inner) = Some(rest);
    }

    /// The rest, for whoever asks first.
    pub(crate) fn take_rest(&self) -> Option<Incoming> {
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        rest.take()
    }

    /// Nothing more of it is awaited.
    pub(crate) fn finish(&self) {
        self.finished.store(true, Ordering::Release);
    }

    fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }

    /// What came after the body.
    pub(crate) fn keep_trailers(&self, trailers: HeaderMap) {
        self.gathered().trailers = Some(trailers);
    }

    pub(crate) fn take_trailers(&self) -> Option<HeaderMap> {
        self.gathered().trailers.take()
    }

    /// All that was kept, for the request that is whole.
    pub(crate) fn take(&self) -> Bytes {
        let gathered = &mut *self.gathered();
        match gathered.all.is_empty() {
            true => std::mem::take(&mut gathered.first),
            false => std::mem::take(&mut gathered.all).freeze(),
        }
    }

    /// What has come so far, or as much of it as may be shown.
    fn so_far(&self) -> Bytes {
        let gathered = self.gathered();
        let all = match gathered.all.is_empty() {
            true => &gathered.first[..],
            false => &gathered.all[..],
        };
        Bytes::copy_from_slice(&all[..all.len().min(self.most)])
    }
}

impl fmt::Display for Upload {
    /// `4 of 100 bytes`, or `4 bytes` where no length was promised.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let came = self.came();
        let promised = self.head.header(&header::CONTENT_LENGTH);
        match promised.and_then(|length| length.to_str().ok()) {
            Some(length) => write!(f, "{came} of {length} bytes"),
            None => write!(f, "{came} bytes"),
        }
    }
}

impl Request {
    /// This request, whose body is still on its way.
    pub(crate) fn coming(self, upload: Arc<Upload>) -> Request {
        // From now on, not from when somebody looks.
        upload.record();
        self.change(|inner| {
            inner.upload = Some(upload);
            inner.whole = false;
        })
    }

    /// This request, whose body was on its way when the request was written down.
    pub(crate) fn that_came(self, upload: Arc<Upload>) -> Request {
        self.change(|inner| inner.upload = Some(upload))
    }

    /// How its body comes, or came.
    #[cfg(feature = "grpc")]
    pub(crate) fn upload(&self) -> Option<&Arc<Upload>> {
        self.inner.upload.as_ref()
    }

    /// What is to be said of a body that is not whole; `None`: it is.
    pub(crate) fn progress(&self) -> Option<String> {
        match (&self.inner.upload, self.inner.whole) {
            (Some(upload), false) => Some(upload.to_string()),
            _ => None,
        }
    }

    /// The request as it is now; `None`: it is whole, and does not change.
    pub(crate) fn as_of_now(&self) -> Option<Request> {
        let upload = self.inner.upload.as_ref().filter(|_| !self.inner.whole)?;
        let inner = &*self.inner;
        let now = Request::new(
            inner.id,
            self.at(),
            Arc::clone(&inner.head),
            upload.so_far(),
            inner.link.clone(),
            None,
        );
        let now = now.with_captures(self.captures());
        Some(now.change(|inner| {
            inner.size = upload.came();
            inner.upload = Some(Arc::clone(upload));
            inner.whole = upload.is_finished();
        }))
    }
}

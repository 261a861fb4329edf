//! Requests on their way in: the head is there, the body is not yet whole. No rule has seen them, and no journal has them;
//! who asks what is pending hears of them, and of those that break off.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, header};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::early::Pace;
use crate::request::Head;

/// The requests of one server whose bodies are on their way.
#[derive(Debug, Default)]
pub(crate) struct Coming(Mutex<Vec<Arc<Upload>>>);

/// One of them.
pub(crate) struct Upload {
    head: Arc<Head>,
    /// How many bytes of the body have come.
    came: AtomicUsize,
    /// What came after it.
    trailers: Mutex<Option<HeaderMap>>,
}

impl Coming {
    /// In words.
    pub(crate) fn told(&self) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter()
            .map(|upload| format!("{upload:?} sends its body: {} came", upload.progress()))
            .collect()
    }

    pub(super) fn enter(&self, upload: Arc<Upload>) -> Stay<'_> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Arc::clone(&upload));
        Stay(self, upload)
    }
}

/// Ends when the body is whole, or will never be.
pub(super) struct Stay<'a>(&'a Coming, Arc<Upload>);

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        let mut all = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|upload| !Arc::ptr_eq(upload, &self.1));
    }
}

impl Upload {
    pub(super) fn new(head: Arc<Head>) -> Arc<Upload> {
        let came = AtomicUsize::new(0);
        let trailers = Mutex::default();
        Arc::new(Upload {
            head,
            came,
            trailers,
        })
    }

    /// What came after the body, for whoever asks first.
    pub(super) fn trailers(&self) -> Option<HeaderMap> {
        let mut trailers = self.trailers.lock().unwrap_or_else(PoisonError::into_inner);
        trailers.take()
    }

    /// `4 of 100 bytes`, or `4 bytes` where no length was promised.
    pub(super) fn progress(&self) -> String {
        let came = self.came.load(Ordering::Relaxed);
        let promised = self.head.header(&header::CONTENT_LENGTH);
        match promised.and_then(|length| length.to_str().ok()) {
            Some(length) => format!("{came} of {length} bytes"),
            None => format!("{came} bytes"),
        }
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, target): (&Method, _) = self.head.line();
        write!(f, "{method} {target}")
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
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    let mut length = 0_usize;
    while !body.is_end_stream() && pace.stop.is_none_or(|stop| length < stop) {
        let Some(frame) = body.frame().await else {
            break;
        };
        let data = match frame.map_err(Unread::Broken)?.into_data() {
            Ok(data) => data,
            Err(frame) => {
                let mut trailers = upload
                    .trailers
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                *trailers = frame.into_trailers().ok();
                continue;
            }
        };
        length = length.saturating_add(data.len());
        upload.came.store(length, Ordering::Relaxed);
        pace.keep(data.len()).await;
        if length > limit.saturating_add(16 << 20) {
            break;
        }
        if length > limit {
            continue;
        }
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            if all.is_empty() {
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&data);
        }
    }
    match length > limit {
        true => Err(Unread::TooLarge),
        false if all.is_empty() => Ok(first),
        false => Ok(all.freeze()),
    }
}

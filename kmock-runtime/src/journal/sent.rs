//! What goes out, as it is written down.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};

/// The body of an answer as it was sent.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// let report = k.report();
/// let sent = report.entries[0].sent.as_ref().expect("an answer with a body");
/// assert!(sent.streamed && sent.count == 3 && sent.end.is_some());
/// # Ok(())
/// # }
/// ```
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
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// let report = k.report();
/// let sent = report.entries[0].sent.as_ref().expect("an answer with a body");
/// for chunk in &sent.chunks {
///     println!("{} bytes after {:?}", chunk.size, chunk.at - sent.begun);
/// }
/// # Ok(())
/// # }
/// ```
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
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// use kmock::journal::End;
///
/// let report = k.report();
/// let sent = report.entries[0].sent.as_ref().expect("an answer with a body");
/// assert!(matches!(sent.end, Some((_, End::Complete))));
/// # Ok(())
/// # }
/// ```
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
    pub(super) fn cut(headers: &HeaderMap, body: &Bytes, most: usize) -> Arc<Whole> {
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
pub(super) fn lines(headers: &HeaderMap) -> Arc<str> {
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

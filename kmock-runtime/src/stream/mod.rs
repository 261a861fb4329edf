//! Scripted streams: a body that goes out item by item, with pauses, computed items, and live continuations.

mod event;
mod item;
mod live;
mod play;
mod source;

use std::{
    fmt,
    future::Future,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use futures::{StreamExt, future::BoxFuture, stream::BoxStream};
use serde_core::Serialize;

#[cfg(any(feature = "grpc", feature = "websocket"))]
pub(crate) use self::play::Put;
pub use self::{
    event::event,
    item::{Event, IntoItem},
    source::{IntoSource, Items},
};
pub(crate) use self::{
    live::{Live, Lives},
    play::{Player, Prelude},
};
use crate::{
    reply::{Delay, Fault, Gate, Reader, Waiter},
    request::Request,
};

/// A script for a body: bytes, JSON lines, pauses, computed items, and points where it waits to be fed.
///
/// It is played anew for each request, on the runtime's clock. `stream [ … ]` in `kmock!` is this:
///
/// ```
/// # use kmock_runtime as kmock;
/// use std::time::Duration;
/// use kmock::Stream;
///
/// let stream = Stream::new()
///     .item(b"hello")                      // bytes as they are
///     .sleep(Duration::from_secs(1))
///     .item("a JSON line")                 // everything else is JSON, a line each
///     .live();                             // `...`: waits here for `k.feed(…)`
/// # drop(stream);
/// ```
#[derive(Clone, Default)]
#[must_use = "a stream is played when a rule has it"]
pub struct Stream {
    items: Vec<Item>,
}

#[derive(Clone)]
pub(crate) enum Item {
    Bytes(Bytes),
    /// Bytes that are a text: a JSON line, an event.
    Text(Bytes),
    Sleep(Delay),
    Wait(Waiter),
    Call(Arc<dyn Fn(Request) -> Stream + Send + Sync>),
    CallLater(Arc<dyn Fn(Request) -> BoxFuture<'static, Stream> + Send + Sync>),
    Nested(Stream),
    /// Played by the first who gets there, and by nobody else.
    Once(Arc<AtomicBool>, Stream),
    /// What a foreign stream still has; every consumer takes from the same.
    From(Arc<StreamSource>),
    Live,
    Fault(Fault),
    Hold(Gate),
    File(PathBuf),
    /// What a file or reader still has.
    Rest(Arc<Mutex<Reader>>),
    /// The whole stream ends here, whatever comes after.
    Stop,
    /// Something that could not be made an item: the stream breaks here.
    Broken(String),
}

/// A foreign stream that several may take from.
pub(crate) struct StreamSource {
    stream: tokio::sync::Mutex<BoxStream<'static, Stream>>,
    depleted: AtomicBool,
}

impl Stream {
    /// An empty script.
    pub fn new() -> Stream {
        Stream::default()
    }

    /// One more item: bytes as they are; texts, numbers, booleans and JSON values as JSON lines; nested streams.
    pub fn item(self, item: impl IntoItem) -> Stream {
        let more = item.into_item();
        self.extend(more)
    }

    /// A text as it is: neither quoted nor with a line end.
    pub fn text(self, text: impl Into<String>) -> Stream {
        self.with(Item::Text(text.into().into()))
    }

    /// A value as a JSON line.
    pub fn json(self, value: impl Serialize) -> Stream {
        self.extend(item::json_line(value))
    }

    /// A pause, on the runtime's clock; a range of durations is jitter, drawn by the server's seed.
    pub fn sleep(self, pause: impl Into<Delay>) -> Stream {
        self.with(Item::Sleep(pause.into()))
    }

    /// Sends the head of the answer here, if it is not sent yet: until the first bytes it is held back.
    pub fn head(self) -> Stream {
        self.with(Item::Bytes(Bytes::new()))
    }

    /// A file, read anew for each request.
    pub fn file(self, path: impl Into<PathBuf>) -> Stream {
        self.with(Item::File(path.into()))
    }

    /// A file that is read on: each request gets what nobody got before.
    pub fn file_once(self, path: impl Into<PathBuf>) -> Stream {
        self.rest(Reader::file(path.into()))
    }

    /// Any reader, read on: each request gets what nobody got before.
    pub fn reader(self, source: impl std::io::Read + Send + 'static) -> Stream {
        self.rest(Reader::of(source))
    }

    fn rest(self, reader: Reader) -> Stream {
        self.with(Item::Rest(Arc::new(Mutex::new(reader))))
    }

    /// Ends the whole stream here, also from inside of nested parts: with [`once`](Stream::once) around it, each
    /// request gets another part.
    pub fn stop(self) -> Stream {
        self.with(Item::Stop)
    }

    /// Waits for something: the function makes the future for each request.
    pub fn wait<F, Fut>(self, until: F) -> Stream
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future + Send + 'static,
    {
        self.with(Item::Wait(Waiter::new(until)))
    }

    /// An item computed when the stream gets there.
    pub fn call<F, I>(self, make: F) -> Stream
    where
        F: Fn() -> I + Send + Sync + 'static,
        I: IntoItem,
    {
        self.with(Item::Call(Arc::new(move |_| make().into_item())))
    }

    /// An item computed from the request when the stream gets there.
    pub fn call_with<F, I>(self, make: F) -> Stream
    where
        F: Fn(Request) -> I + Send + Sync + 'static,
        I: IntoItem,
    {
        self.with(Item::Call(Arc::new(move |request| {
            make(request).into_item()
        })))
    }

    /// An item computed by an async function when the stream gets there.
    pub fn call_async<F, Fut>(self, make: F) -> Stream
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoItem> + Send + 'static,
    {
        self.with(Item::CallLater(Arc::new(move |request| {
            let made = make(request);
            Box::pin(async move { made.await.into_item() })
        })))
    }

    /// A part of the script that is made when the stream gets there: loops are this.
    pub fn lazy(self, make: impl Fn() -> Stream + Send + Sync + 'static) -> Stream {
        self.with(Item::Call(Arc::new(move |_| make())))
    }

    /// A part that is played once in all, by whoever gets there first.
    pub fn once(self, stream: impl Into<Stream>) -> Stream {
        self.with(Item::Once(Arc::default(), stream.into()))
    }

    /// The items of a foreign stream, an iterator, or a channel's receiver. They are taken once, by whoever is there.
    pub fn from_source<How>(self, source: impl IntoSource<How>) -> Stream {
        self.with(Item::From(Arc::new(StreamSource {
            // It is asked again after its end.
            stream: tokio::sync::Mutex::new(source.into_source().0.fuse().boxed()),
            depleted: AtomicBool::new(false),
        })))
    }

    /// A server-sent event.
    pub fn sse(self, event: Event) -> Stream {
        self.extend(event.into_item())
    }

    /// Waits here to be fed: `...` in `kmock!`. What is fed and ends in another `...` leaves it waiting.
    pub fn live(self) -> Stream {
        self.with(Item::Live)
    }

    /// Breaks the exchange here.
    pub fn fault(self, fault: Fault) -> Stream {
        self.with(Item::Fault(fault))
    }

    /// Waits at a gate.
    pub fn hold(self, gate: &Gate) -> Stream {
        self.with(Item::Hold(gate.clone()))
    }

    fn with(mut self, item: Item) -> Stream {
        self.items.push(item);
        self
    }

    fn extend(mut self, more: Stream) -> Stream {
        self.items.extend(more.items);
        self
    }

    pub(crate) fn nested(stream: Stream) -> Stream {
        Stream::new().with(Item::Nested(stream))
    }

    /// Whether all of it may be used up some day.
    pub(crate) fn may_deplete(&self) -> bool {
        !self.items.is_empty()
            && self.items.iter().all(|item| match item {
                Item::Once(..) | Item::From(_) => true,
                Item::Nested(stream) => stream.may_deplete(),
                _ => false,
            })
    }

    /// Whether everything in the script was for once, and is gone.
    pub(crate) fn is_depleted(&self) -> bool {
        !self.items.is_empty() && self.items.iter().all(Item::is_depleted)
    }

    /// `text/event-stream` when it starts with an event; else nothing can be said of what is mixed.
    pub(crate) fn content_type(&self) -> Option<&'static str> {
        match self.items.first()? {
            Item::Text(bytes) if item::is_event(bytes) => Some("text/event-stream"),
            Item::Nested(stream) => stream.content_type(),
            _ => None,
        }
    }
}

impl Item {
    fn is_depleted(&self) -> bool {
        match self {
            Item::Once(played, _) => played.load(Ordering::Acquire),
            Item::From(source) => source.depleted.load(Ordering::Acquire),
            Item::Nested(stream) => stream.is_depleted(),
            _ => false,
        }
    }
}

impl<I: IntoItem> From<Vec<I>> for Stream {
    fn from(items: Vec<I>) -> Stream {
        items.into_iter().fold(Stream::new(), Stream::item)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.items).finish()
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::Bytes(bytes) | Item::Text(bytes) => fmt::Debug::fmt(bytes, f),
            Item::Sleep(pause) => write!(f, "sleep({pause:?})"),
            Item::Wait(_) => f.write_str("wait(…)"),
            Item::Call(_) | Item::CallLater(_) => f.write_str("|| …"),
            Item::Nested(stream) => fmt::Debug::fmt(stream, f),
            Item::Once(_, stream) => write!(f, "once {stream:?}"),
            Item::From(_) => f.write_str("from(…)"),
            Item::Live => f.write_str("..."),
            Item::Fault(fault) => fmt::Debug::fmt(fault, f),
            Item::Hold(_) => f.write_str("hold(…)"),
            Item::File(path) => write!(f, "file {path:?}"),
            Item::Rest(_) => f.write_str("file once"),
            Item::Stop => f.write_str("stop"),
            Item::Broken(why) => write!(f, "broken({why})"),
        }
    }
}

//! What can be an item of a stream.

use std::{fmt::Write, future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;
use futures::FutureExt;
use serde_core::Serialize;
use serde_json::Value;
use tokio::{
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
};

use crate::{
    reply::Json,
    stream::{Item, Stream},
};

/// Anything that can be an item of a stream: bytes go out as they are, texts and values as JSON lines.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// use kmock::Stream;
///
/// // bytes as they are, a line of JSON, and what a closure makes when the stream gets there
/// let stream = Stream::new().item(b"raw").item("text").call(|| 7);
/// k.on("get /events").stream(stream);
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an item of a kmock stream",
    label = "not an item",
    note = "items are bytes (`b\"…\"`), texts, numbers and `json!(…)` values (sent as JSON lines), `sleep(1s)`, nested `[…]`, `|| …`, and `...`"
)]
pub trait IntoItem {
    /// The item, or several, or none.
    fn into_item(self) -> Stream;
}

pub(crate) fn json_line(value: impl Serialize) -> Stream {
    match serde_json::to_vec(&value) {
        Ok(mut json) => {
            json.push(b'\n');
            Stream::new().with(Item::Text(json.into()))
        }
        Err(error) => Stream::new().with(Item::Broken(format!("cannot be made JSON: {error}"))),
    }
}

macro_rules! json_items {
    ($($kind:ty),*) => { $(
        impl IntoItem for $kind {
            fn into_item(self) -> Stream {
                json_line(self)
            }
        }
    )* };
}
json_items!(
    &str, String, &String, bool, i8, i16, i32, i64, isize, u8, u16, u32, u64, usize, f32, f64,
    Value, &Value
);

macro_rules! raw_items {
    ($($kind:ty),*) => { $(
        impl IntoItem for $kind {
            fn into_item(self) -> Stream {
                Stream::new().with(Item::Bytes(Bytes::from(self)))
            }
        }
    )* };
}
raw_items!(Bytes, Vec<u8>, &'static [u8]);

impl<const N: usize> IntoItem for &'static [u8; N] {
    fn into_item(self) -> Stream {
        Stream::new().with(Item::Bytes(Bytes::from_static(self)))
    }
}

impl<const N: usize> IntoItem for [u8; N] {
    fn into_item(self) -> Stream {
        self.to_vec().into_item()
    }
}

impl<T: Serialize> IntoItem for Json<T> {
    fn into_item(self) -> Stream {
        json_line(self.0)
    }
}

impl IntoItem for Stream {
    fn into_item(self) -> Stream {
        Stream::nested(self)
    }
}

impl IntoItem for () {
    fn into_item(self) -> Stream {
        Stream::new()
    }
}

impl<I: IntoItem> IntoItem for Option<I> {
    fn into_item(self) -> Stream {
        self.map_or_else(Stream::new, I::into_item)
    }
}

impl<I: IntoItem, E: std::fmt::Display> IntoItem for Result<I, E> {
    /// `Err` breaks the stream there, and is recorded in the server's errors.
    fn into_item(self) -> Stream {
        match self {
            Ok(item) => item.into_item(),
            Err(error) => Stream::new().with(Item::Broken(error.to_string())),
        }
    }
}

impl<I: IntoItem + Send + 'static> IntoItem for oneshot::Receiver<I> {
    fn into_item(self) -> Stream {
        once_there(self)
    }
}

impl<I: IntoItem + Send + 'static> IntoItem for JoinHandle<I> {
    fn into_item(self) -> Stream {
        once_there(self)
    }
}

impl<I: IntoItem + 'static> IntoItem for Pin<Box<dyn Future<Output = I> + Send>> {
    fn into_item(self) -> Stream {
        once_there(self)
    }
}

impl IntoItem for Arc<Notify> {
    /// Waits to be notified.
    fn into_item(self) -> Stream {
        Stream::new().wait(move || {
            let notify = Arc::clone(&self);
            async move { notify.notified().await }
        })
    }
}

impl<I: IntoItem + Send + 'static> IntoItem for mpsc::Receiver<I> {
    /// The next value of the channel.
    fn into_item(self) -> Stream {
        let queue = Arc::new(tokio::sync::Mutex::new(self));
        Stream::new().call_async(move |_| {
            let queue = Arc::clone(&queue);
            async move { queue.lock().await.recv().await }
        })
    }
}

/// A future is awaited once; every request gets what it came to.
fn once_there<F>(future: F) -> Stream
where
    F: Future<Output: IntoItem> + Send + 'static,
{
    let shared = future.map(IntoItem::into_item).boxed().shared();
    Stream::new().call_async(move |_| shared.clone())
}

/// A server-sent event (WHATWG HTML, 9.2.6).
///
/// ```
/// # use kmock_runtime as kmock;
/// use kmock::{Event, Stream};
///
/// let stream = Stream::new().sse(Event::new().event("tick").json([1, 2]).id("7"));
/// # drop(stream);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "an event is sent when a stream has it"]
pub struct Event {
    text: String,
}

impl Event {
    /// An event with no fields yet.
    pub fn new() -> Event {
        Event::default()
    }

    /// The event's type.
    pub fn event(self, name: impl AsRef<str>) -> Event {
        self.field("event", name.as_ref())
    }

    /// The data: a text as it is (of several lines, too), any other value as JSON.
    pub fn data(self, data: impl Serialize) -> Event {
        match serde_json::to_value(data) {
            Ok(Value::String(text)) => self.field("data", &text),
            Ok(value) => self.field("data", &value.to_string()),
            Err(error) => self.field("data", &format!("cannot be made JSON: {error}")),
        }
    }

    /// The data as JSON, also where it is a text.
    pub fn json(self, data: impl Serialize) -> Event {
        match serde_json::to_string(&data) {
            Ok(json) => self.field("data", &json),
            Err(error) => self.field("data", &format!("cannot be made JSON: {error}")),
        }
    }

    /// The event's id.
    pub fn id(self, id: impl ToString) -> Event {
        self.field("id", &id.to_string())
    }

    /// After how many milliseconds the client is to reconnect.
    pub fn retry(self, milliseconds: u64) -> Event {
        self.field("retry", &milliseconds.to_string())
    }

    /// A comment, as servers send to keep a connection alive.
    pub fn comment(self, text: impl AsRef<str>) -> Event {
        self.field("", text.as_ref())
    }

    fn field(mut self, name: &str, value: &str) -> Event {
        for line in value.split('\n') {
            // Writing to a text cannot fail.
            let _ = writeln!(self.text, "{name}: {line}");
        }
        self
    }
}

impl IntoItem for Event {
    fn into_item(self) -> Stream {
        let mut text = self.text;
        text.push('\n');
        Stream::new().with(Item::Text(text.into()))
    }
}

pub(crate) fn is_event(bytes: &[u8]) -> bool {
    let starts = [&b"event: "[..], b"data: ", b"id: ", b"retry: ", b": "];
    bytes.ends_with(b"\n\n") && starts.iter().any(|start| bytes.starts_with(start))
}

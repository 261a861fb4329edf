//! Sinks: where a request is also put.

use std::{
    fmt,
    io::Write,
    sync::{Arc, Mutex, PoisonError, mpsc},
};

use tokio::sync::{Notify, mpsc as async_mpsc};

use crate::request::Request;

/// Where requests are also put, besides being answered. Sinks never hold up the answer.
#[derive(Clone)]
pub(crate) struct Sink(Arc<dyn Fn(Request) -> Result<(), String> + Send + Sync>);

impl Sink {
    fn new(put: impl Fn(Request) -> Result<(), String> + Send + Sync + 'static) -> Sink {
        Sink(Arc::new(put))
    }

    pub(crate) fn put(&self, request: Request) -> Result<(), String> {
        (self.0)(request)
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sink")
    }
}

/// Anything that takes requests: a `Vec` behind a lock, a channel, a `Notify`, a writer behind a lock, [`sink_with`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a kmock sink",
    label = "not a sink",
    note = "sinks are `Arc<Mutex<Vec<Request>>>`, senders of std and tokio channels of `Request`, `Arc<Notify>`, `Arc<Mutex<File>>`, or closures `|req| …`"
)]
pub trait IntoSink {
    #[doc(hidden)]
    fn into_sink(self) -> SinkHandle;
}

/// A sink, opaque.
#[derive(Clone, Debug)]
#[doc(hidden)]
pub struct SinkHandle(pub(crate) Sink);

impl From<SinkHandle> for Sink {
    fn from(handle: SinkHandle) -> Sink {
        handle.0
    }
}

/// A function as a sink.
pub fn sink_with(put: impl Fn(Request) + Send + Sync + 'static) -> impl IntoSink {
    SinkHandle(Sink::new(move |request| {
        put(request);
        Ok(())
    }))
}

impl IntoSink for SinkHandle {
    fn into_sink(self) -> SinkHandle {
        self
    }
}

impl<T: From<Request> + Send + 'static> IntoSink for Arc<Mutex<Vec<T>>> {
    fn into_sink(self) -> SinkHandle {
        SinkHandle(Sink::new(move |request| {
            let mut all = self.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(T::from(request));
            Ok(())
        }))
    }
}

impl<T: Clone + IntoSink> IntoSink for &T {
    fn into_sink(self) -> SinkHandle {
        self.clone().into_sink()
    }
}

impl IntoSink for async_mpsc::UnboundedSender<Request> {
    fn into_sink(self) -> SinkHandle {
        SinkHandle(Sink::new(move |request| {
            self.send(request)
                .map_err(|_| "the receiver of a sink is gone".to_owned())
        }))
    }
}

impl IntoSink for async_mpsc::Sender<Request> {
    fn into_sink(self) -> SinkHandle {
        SinkHandle(Sink::new(move |request| {
            self.try_send(request)
                .map_err(|error| format!("the channel of a sink takes no more: {error}"))
        }))
    }
}

impl IntoSink for mpsc::Sender<Request> {
    fn into_sink(self) -> SinkHandle {
        SinkHandle(Sink::new(move |request| {
            self.send(request)
                .map_err(|_| "the receiver of a sink is gone".to_owned())
        }))
    }
}

impl IntoSink for Arc<Notify> {
    fn into_sink(self) -> SinkHandle {
        SinkHandle(Sink::new(move |_| {
            self.notify_one();
            Ok(())
        }))
    }
}

impl IntoSink for Arc<Mutex<std::fs::File>> {
    /// One line a request: method, target, body.
    fn into_sink(self) -> SinkHandle {
        SinkHandle(Sink::new(move |request| {
            let mut file = self.lock().unwrap_or_else(PoisonError::into_inner);
            writeln!(
                file,
                "{} {} {}",
                request.method(),
                request.target(),
                request.text()
            )
            .map_err(|error| format!("the file of a sink: {error}"))
        }))
    }
}

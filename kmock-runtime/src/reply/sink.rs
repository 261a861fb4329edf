//! Sinks: where a request is also put. They never hold up the answer, and never see requests out of order.
//!
//! What takes a request at once (a `Vec`, a channel, a notification) gets it before the answer is made. What may
//! block (files, closures) works on a thread that may, one request after another; the answer gives it a head start
//! of some real milliseconds, so that a test sees what a quick closure did, and then goes out without it.

use std::{
    collections::VecDeque,
    fmt,
    fs::File,
    future::Future,
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use tokio::{
    runtime::Handle,
    sync::{Notify, broadcast, mpsc as async_mpsc, oneshot, watch},
};

use crate::{
    background::{Background, Ticket},
    request::Request,
    user_code::panic_text,
};

/// How long the answer waits for a sink that may block, in real time as far as this process has its turns.
const HEAD_START: Duration = Duration::from_millis(50);

/// What lies between two looks and is longer was the turn of somebody else, and counts as so much.
const TURN: Duration = Duration::from_millis(1);

/// What a sink came to.
type Taken = Result<(), String>;
type Quick = Box<dyn Fn(&Request) -> Option<Taken> + Send + Sync>;

/// Where requests are also put, besides being answered.
#[derive(Clone)]
pub(crate) struct Sink(Arc<Inner>);

struct Inner {
    /// Takes the request if it can without blocking; `None`: it cannot now.
    quick: Quick,
    /// Takes the request however long it lasts.
    slow: Slow,
    queue: Mutex<Queue>,
    /// It once took longer than its head start: nobody waits for it any more.
    known_slow: AtomicBool,
}

enum Slow {
    Blocking(Box<dyn Fn(Request) -> Taken + Send + Sync>),
    Async(Box<dyn Fn(Request) -> futures::future::BoxFuture<'static, Taken> + Send + Sync>),
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Item>,
    working: bool,
}

impl Sink {
    fn new(
        quick: impl Fn(&Request) -> Option<Taken> + Send + Sync + 'static,
        slow: impl Fn(Request) -> Taken + Send + Sync + 'static,
    ) -> Sink {
        Sink::of(quick, Slow::Blocking(Box::new(slow)))
    }

    fn of(quick: impl Fn(&Request) -> Option<Taken> + Send + Sync + 'static, slow: Slow) -> Sink {
        Sink(Arc::new(Inner {
            quick: Box::new(quick),
            slow,
            queue: Mutex::default(),
            known_slow: AtomicBool::new(false),
        }))
    }

    /// Never blocks at all.
    fn instant(put: impl Fn(Request) -> Taken + Send + Sync + 'static) -> Sink {
        let put = Arc::new(put);
        let quick = Arc::clone(&put);
        Sink::new(
            move |request| Some(quick(request.clone())),
            move |request| put(request),
        )
    }

    /// May always block.
    fn blocking(put: impl Fn(Request) -> Taken + Send + Sync + 'static) -> Sink {
        Sink::new(|_| None, put)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a request; what fails is recorded in the server's errors.
    pub(crate) async fn put(&self, request: &Request, background: &Arc<Background>, label: &str) {
        let idle = {
            let queue = self.queue();
            !queue.working && queue.waiting.is_empty()
        };
        if idle {
            let quick = std::panic::AssertUnwindSafe(|| (self.0.quick)(request));
            match std::panic::catch_unwind(quick) {
                Ok(Some(taken)) => return report(background, label, taken),
                Ok(None) => {}
                Err(panic) => {
                    return report(
                        background,
                        label,
                        Err(format!("panicked: {}", panic_text(&*panic))),
                    );
                }
            }
        }
        let ticket = background
            .pending_sinks
            .enter(|| format!("a sink of {label} has not taken {request:?} yet"));
        let number = ticket.number;
        let item = Item {
            request: request.clone(),
            background: Arc::clone(background),
            label: label.into(),
            runtime: Handle::current(),
            _ticket: ticket,
        };
        let begin = {
            let mut queue = self.queue();
            queue.waiting.push_back(item);
            !std::mem::replace(&mut queue.working, true)
        };
        if begin {
            self.work();
        }
        if self.0.known_slow.load(Ordering::Relaxed) {
            return;
        }
        // Real time on purpose: a paused clock stands while a thread works, so no timer would ever end this. On a machine
        // that has many others to serve, the thread of the sink is given the turns that it needs.
        let (mut waited, mut looked) = (Duration::ZERO, Instant::now());
        while background.pending_sinks.has(number) {
            let now = Instant::now();
            waited += now.duration_since(looked).min(TURN);
            looked = now;
            if waited > HEAD_START {
                self.0.known_slow.store(true, Ordering::Relaxed);
                return;
            }
            std::thread::yield_now();
            tokio::task::yield_now().await;
        }
    }

    /// Takes what waits, on the runtime of the server that the first of it is from; several servers may have the sink.
    fn work(&self) {
        let first = {
            let queue = self.queue();
            let first = queue.waiting.front();
            first.map(|item| (item.runtime.clone(), Arc::clone(&item.background)))
        };
        let Some((runtime, background)) = first else {
            self.queue().working = false;
            return;
        };
        let mut worker = Worker {
            sink: self.clone(),
            done: false,
        };
        match &self.0.slow {
            Slow::Blocking(_) => {
                runtime.spawn_blocking(move || {
                    while let Some(item) = worker.next() {
                        let Slow::Blocking(put) = &worker.sink.0.slow else {
                            return;
                        };
                        let request = item.request.clone();
                        let put = std::panic::AssertUnwindSafe(|| put(request));
                        item.taken(std::panic::catch_unwind(put));
                    }
                });
            }
            Slow::Async(_) => {
                let _entered = runtime.enter();
                background.tasks.spawn(async move {
                    use futures::FutureExt;
                    while let Some(item) = worker.next() {
                        let Slow::Async(put) = &worker.sink.0.slow else {
                            return;
                        };
                        let request = item.request.clone();
                        let put = std::panic::AssertUnwindSafe(async { put(request).await });
                        item.taken(put.catch_unwind().await);
                    }
                });
            }
        }
    }
}

/// What a sink is still to take: of which server, and for which rule.
struct Item {
    request: Request,
    background: Arc<Background>,
    label: Arc<str>,
    /// Where the server lives.
    runtime: Handle,
    _ticket: Ticket,
}

impl Item {
    fn taken(self, taken: std::thread::Result<Taken>) {
        let taken = taken.unwrap_or_else(|panic| Err(format!("panicked: {}", panic_text(&*panic))));
        report(&self.background, &self.label, taken);
    }
}

/// Takes what waits until nothing is left. It may end before: its server stops, and then another worker goes on.
struct Worker {
    sink: Sink,
    done: bool,
}

impl Worker {
    fn next(&mut self) -> Option<Item> {
        let mut queue = self.sink.queue();
        let next = queue.waiting.pop_front();
        if next.is_none() {
            queue.working = false;
            self.done = true;
        }
        next
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let (gone, left) = {
            let mut queue = self.sink.queue();
            let all = std::mem::take(&mut queue.waiting);
            let stopped = |item: &Item| item.background.stopped.load(Ordering::Acquire);
            let (gone, left): (Vec<Item>, Vec<Item>) = all.into_iter().partition(stopped);
            queue.waiting = left.into();
            queue.working = !queue.waiting.is_empty();
            (gone, queue.working)
        };
        // Outside of the lock.
        drop(gone);
        if left {
            self.sink.work();
        }
    }
}

fn report(background: &Background, label: &str, taken: Taken) {
    if let Err(why) = taken {
        background.error(format!("{label}: a sink: {why}"));
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sink")
    }
}

/// Anything that takes requests: a `Vec` behind a lock, a channel, a `Notify`, a path, a file, [`sink_with`].
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::{Arc, Mutex};
///
/// let list: Arc<Mutex<Vec<kmock::Request>>> = Arc::default();
/// k.on("post /events").sink(&list).status(202);
/// k.post("/events").await;
/// assert_eq!(list.lock().unwrap().len(), 1);
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a kmock sink",
    label = "not a sink",
    note = "sinks are `Arc<Mutex<Vec<Request>>>`, senders of std and tokio channels of `Request`, `Arc<Notify>`, paths, files, `sink_to(writer)`, or closures `|req| …`"
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

/// A function as a sink. It may block: it runs on a thread of its own.
pub fn sink_with(put: impl Fn(Request) + Send + Sync + 'static) -> impl IntoSink {
    SinkHandle(Sink::blocking(move |request| {
        put(request);
        Ok(())
    }))
}

/// A function that may fail as a sink: its errors are recorded in [`KMock::errors`](crate::KMock::errors).
pub fn try_sink_with<E: fmt::Display>(
    put: impl Fn(Request) -> Result<(), E> + Send + Sync + 'static,
) -> impl IntoSink {
    SinkHandle(Sink::blocking(move |request| {
        put(request).map_err(|error| error.to_string())
    }))
}

/// An async function as a sink; it sees one request after another.
pub fn sink_async<F, Fut>(put: F) -> impl IntoSink
where
    F: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let slow = Slow::Async(Box::new(move |request| {
        let putting = put(request);
        Box::pin(async move {
            putting.await;
            Ok(())
        })
    }));
    SinkHandle(Sink::of(|_| None, slow))
}

/// Any writer as a sink: the bodies of the requests, one after another.
pub fn sink_to(writer: impl Write + Send + 'static) -> impl IntoSink {
    let writer = Mutex::new(writer);
    SinkHandle(Sink::blocking(move |request| {
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        append(&mut *writer, &request)
    }))
}

fn append(writer: &mut impl Write, request: &Request) -> Taken {
    writer
        .write_all(request.body())
        .and_then(|()| writer.flush())
        .map_err(|error| error.to_string())
}

impl IntoSink for SinkHandle {
    fn into_sink(self) -> SinkHandle {
        self
    }
}

impl IntoSink for crate::rules::Transition {
    fn into_sink(self) -> SinkHandle {
        SinkHandle(Sink::instant(move |_| {
            self.go();
            Ok(())
        }))
    }
}

impl<T: From<Request> + Send + 'static> IntoSink for Arc<Mutex<Vec<T>>> {
    fn into_sink(self) -> SinkHandle {
        let list = Arc::clone(&self);
        // Who holds the lock may be waiting for the very answer: it gets the request later, then.
        SinkHandle(Sink::new(
            move |request| match list.try_lock() {
                Ok(mut all) => {
                    all.push(T::from(request.clone()));
                    Some(Ok(()))
                }
                Err(TryLockError::Poisoned(all)) => {
                    all.into_inner().push(T::from(request.clone()));
                    Some(Ok(()))
                }
                Err(TryLockError::WouldBlock) => None,
            },
            move |request| {
                let mut all = self.lock().unwrap_or_else(PoisonError::into_inner);
                all.push(T::from(request));
                Ok(())
            },
        ))
    }
}

impl<T: Clone + IntoSink> IntoSink for &T {
    fn into_sink(self) -> SinkHandle {
        self.clone().into_sink()
    }
}

const GONE: &str = "the receiver is gone";

impl IntoSink for async_mpsc::UnboundedSender<Request> {
    fn into_sink(self) -> SinkHandle {
        SinkHandle(Sink::instant(move |request| {
            self.send(request).map_err(|_| GONE.to_owned())
        }))
    }
}

impl IntoSink for async_mpsc::Sender<Request> {
    /// A full channel gets the request as soon as there is room.
    fn into_sink(self) -> SinkHandle {
        let later = self.clone();
        let quick = move |request: &Request| match self.try_send(request.clone()) {
            Ok(()) => Some(Ok(())),
            Err(async_mpsc::error::TrySendError::Closed(_)) => Some(Err(GONE.to_owned())),
            Err(async_mpsc::error::TrySendError::Full(_)) => None,
        };
        let slow = Slow::Async(Box::new(move |request| {
            let later = later.clone();
            Box::pin(async move { later.send(request).await.map_err(|_| GONE.to_owned()) })
        }));
        SinkHandle(Sink::of(quick, slow))
    }
}

impl IntoSink for mpsc::Sender<Request> {
    fn into_sink(self) -> SinkHandle {
        SinkHandle(Sink::instant(move |request| {
            self.send(request).map_err(|_| GONE.to_owned())
        }))
    }
}

impl IntoSink for mpsc::SyncSender<Request> {
    /// A full channel gets the request as soon as there is room.
    fn into_sink(self) -> SinkHandle {
        let later = self.clone();
        SinkHandle(Sink::new(
            move |request| match self.try_send(request.clone()) {
                Ok(()) => Some(Ok(())),
                Err(mpsc::TrySendError::Disconnected(_)) => Some(Err(GONE.to_owned())),
                Err(mpsc::TrySendError::Full(_)) => None,
            },
            move |request| later.send(request).map_err(|_| GONE.to_owned()),
        ))
    }
}

impl IntoSink for broadcast::Sender<Request> {
    /// Nobody listening is no failure.
    fn into_sink(self) -> SinkHandle {
        SinkHandle(Sink::instant(move |request| {
            let _ = self.send(request);
            Ok(())
        }))
    }
}

impl IntoSink for watch::Sender<Option<Request>> {
    /// Holds the last request.
    fn into_sink(self) -> SinkHandle {
        SinkHandle(Sink::instant(move |request| {
            self.send_replace(Some(request));
            Ok(())
        }))
    }
}

impl IntoSink for oneshot::Sender<Request> {
    /// Gets the first request only.
    fn into_sink(self) -> SinkHandle {
        let sender = Mutex::new(Some(self));
        SinkHandle(Sink::instant(move |request| {
            let sender = sender.lock().unwrap_or_else(PoisonError::into_inner).take();
            match sender {
                Some(sender) => sender.send(request).map_err(|_| GONE.to_owned()),
                None => Ok(()),
            }
        }))
    }
}

impl IntoSink for Arc<Notify> {
    /// Wakes one that waits, or the next that will.
    fn into_sink(self) -> SinkHandle {
        SinkHandle(Sink::instant(move |_| {
            self.notify_one();
            Ok(())
        }))
    }
}

impl IntoSink for Arc<Condvar> {
    /// Wakes all that wait.
    fn into_sink(self) -> SinkHandle {
        SinkHandle(Sink::instant(move |_| {
            self.notify_all();
            Ok(())
        }))
    }
}

impl IntoSink for Arc<AtomicUsize> {
    /// Counts.
    fn into_sink(self) -> SinkHandle {
        SinkHandle(Sink::instant(move |_| {
            self.fetch_add(1, Ordering::AcqRel);
            Ok(())
        }))
    }
}

impl IntoSink for Arc<AtomicBool> {
    /// Becomes true.
    fn into_sink(self) -> SinkHandle {
        SinkHandle(Sink::instant(move |_| {
            self.store(true, Ordering::Release);
            Ok(())
        }))
    }
}

impl IntoSink for PathBuf {
    /// The file holds the body of the last request.
    fn into_sink(self) -> SinkHandle {
        SinkHandle(Sink::blocking(move |request| {
            std::fs::write(&self, request.body())
                .map_err(|error| format!("{}: {error}", self.display()))
        }))
    }
}

impl IntoSink for &Path {
    fn into_sink(self) -> SinkHandle {
        self.to_owned().into_sink()
    }
}

impl IntoSink for File {
    /// The bodies of the requests, one after another.
    fn into_sink(self) -> SinkHandle {
        sink_to(self).into_sink()
    }
}

impl IntoSink for Arc<Mutex<File>> {
    /// The bodies of the requests, one after another.
    fn into_sink(self) -> SinkHandle {
        SinkHandle(Sink::blocking(move |request| {
            let mut file = self.lock().unwrap_or_else(PoisonError::into_inner);
            append(&mut *file, &request)
        }))
    }
}

//! Rules: which requests get which reply, in which order they are asked, and what each has seen.
//!
//! Precedence: priority first (`override` above all numbers, `fallback` below, nested as tuples), then definition.
//! The first rule that takes a request and has something to say answers; spies and rules that step aside let it go
//! on; below the rules is the Kubernetes API. The whole of it: docs/precedence.md.

mod book;
mod index;
mod representation;
mod sequence;
mod state;
mod times;
mod transport;

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    future::Future,
    ops::Add,
    sync::{
        Arc, Mutex, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use serde_core::Serialize;
use tokio::sync::watch;

pub(crate) use self::book::{Book, Table, TableEntry};
use self::sequence::{Ending, Sequence};
pub use self::{
    state::{State, Transition},
    times::{Slice, Times},
};
use crate::{
    criteria::Filter,
    error::Error,
    journal::{Requests, Seen, tell},
    location::Location,
    reply::{Delay, Exchange, Fault, Gate, IntoReply, IntoSink, Reply, Sink},
    request::{Head, Request},
    stream::{Live, Stream},
    waits::{Awaited, Witness},
};

/// One rule: a filter, what to reply, and what has come so far. A cheap handle: clones are the same rule.
///
/// A rule without a reply is a *spy*: it records the requests and lets them go on to the next rule.
/// `k.on(filter)` makes a rule that is mounted; [`Rule::on`] makes one for [`KMock::mount`](crate::KMock::mount).
///
/// ```no_run
/// # async fn example(k: kmock_runtime::KMock) {
/// let hello = k.on("post /hello").status(201).json("hi");
/// k.post("/hello").await;
/// assert_eq!(hello.count(), 1);
/// # }
/// ```
#[derive(Clone)]
pub struct Rule(Arc<Inner>);

struct Inner {
    /// Unique in the process: rules may be mounted on several servers.
    id: u64,
    spec: RwLock<Arc<Spec>>,
    /// How many requests have got a number: those that fit the filter of a rule with a slice.
    reached: Mutex<HashMap<String, usize>>,
    seen: Mutex<Log>,
    came: watch::Sender<()>,
    removed: AtomicBool,
    /// The books that must look again when the rule changes.
    books: Mutex<Vec<Weak<AtomicBool>>>,
    live: Live,
    #[cfg(feature = "websocket")]
    frames: Mutex<Vec<crate::websocket::Framed>>,
    #[cfg(feature = "websocket")]
    framed: watch::Sender<usize>,
    /// The server that the rule was mounted on last, for reports.
    server: Mutex<Option<Weak<dyn Witness>>>,
}

/// The requests of a rule.
#[derive(Default)]
struct Log {
    kept: VecDeque<Seen>,
    /// How many came before those, and were forgotten.
    forgotten: usize,
    /// The first of them all, as long as it is remembered: for who asks what came before what.
    first: Option<Seen>,
}

/// What the user has said of a rule. Immutable: a change makes a new one.
#[derive(Clone)]
pub(crate) struct Spec {
    pub(crate) filter: Filter,
    pub(crate) name: Option<String>,
    pub(crate) location: Location,
    pub(crate) priority: Vec<f64>,
    pub(crate) slice: Option<Slice>,
    pub(crate) expected: Option<(Times, Location)>,
    /// The last answer, or the only one.
    pub(crate) reply: Option<Reply>,
    pub(crate) sequence: Sequence,
    /// The capture by whose values answers and slices are counted.
    pub(crate) per: Option<String>,
    pub(crate) sinks: Vec<Sink>,
    /// The step before this one in a group that comes in order.
    pub(crate) after: Option<Rule>,
    /// The step after it; a rule does not keep the later ones alive.
    pub(crate) next: Option<WeakRule>,
}

/// A rule that others keep alive.
#[derive(Clone)]
pub(crate) struct WeakRule(Weak<Inner>);

impl WeakRule {
    pub(crate) fn upgrade(&self) -> Option<Rule> {
        self.0.upgrade().map(Rule)
    }
}

impl Spec {
    /// Whether what is sent may depend on the dialect of the request.
    pub(crate) fn worded(&self, reply: &Reply) -> bool {
        let failed = reply.status.is_some_and(|status| status.as_u16() >= 400);
        failed && reply.bodies.is_empty() && self.filter.dialect().is_some()
    }
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Rule {
    /// A rule that is not mounted yet: a spy until it gets a reply.
    ///
    /// # Panics
    /// When the criteria contradict each other, so that no request could ever fit; the message points at the caller.
    #[track_caller]
    pub fn on(filter: impl Into<Filter>) -> Rule {
        let filter = filter.into();
        if let Some((one, other)) = filter.contradiction() {
            panic!(
                "kmock: the rule `{filter}` can never answer: no request is `{one}` and `{other}`"
            );
        }
        Rule(Arc::new(Inner {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            spec: RwLock::new(Arc::new(Spec {
                filter,
                name: None,
                location: Location::caller(),
                priority: Vec::new(),
                slice: None,
                expected: None,
                reply: None,
                sequence: Sequence::default(),
                per: None,
                sinks: Vec::new(),
                after: None,
                next: None,
            })),
            reached: Mutex::default(),
            seen: Mutex::default(),
            came: watch::Sender::default(),
            removed: AtomicBool::new(false),
            books: Mutex::default(),
            live: Live::default(),
            #[cfg(feature = "websocket")]
            frames: Mutex::default(),
            #[cfg(feature = "websocket")]
            framed: watch::Sender::new(0),
            server: Mutex::default(),
        }))
    }

    /// A name for reports: `kmock!` takes the doc comment above the rule.
    pub fn named(self, name: impl Into<String>) -> Rule {
        let name = name.into().trim().to_owned();
        self.change(|spec| spec.name = Some(name))
    }

    /// Where reports say that the rule was written, for tools that read rules from elsewhere than Rust.
    pub fn written_at(self, location: Location) -> Rule {
        self.change(|spec| spec.location = location)
    }

    /// Rules with a higher priority are asked first; it is 0 unless said. Equals are asked in the order of definition.
    pub fn priority(self, priority: impl Into<f64>) -> Rule {
        let priority = priority.into();
        self.change(|spec| {
            spec.priority.retain(|level| level.is_infinite());
            spec.priority.push(priority);
        })
    }

    /// Asked before all rules that are not overriding. Nests: an override of an override is asked even before.
    pub fn overriding(self) -> Rule {
        self.change(|spec| spec.priority.insert(0, f64::INFINITY))
    }

    /// Asked after all rules that are no fallback. Nests: there is a fallback of a fallback.
    pub fn falling_back(self) -> Rule {
        self.change(|spec| spec.priority.insert(0, f64::NEG_INFINITY))
    }

    /// Answers only some of the requests that fit the filter, by their number: `.slice(0)`, `.slice(..3)`, `.slice(9..)`.
    ///
    /// All that fit are counted, whoever answers them: three rules of one filter with `.slice(0)`, `.slice(1)` and
    /// `.slice(2..)` answer the first request, the second, and all others. Functions in the filter are asked before any rule
    /// answers.
    pub fn slice(self, slice: impl Into<Slice>) -> Rule {
        let slice = slice.into();
        self.change(|spec| spec.slice = Some(slice))
    }

    /// Counts the requests of each value of a capture for themselves, for slices and for answers one after another.
    ///
    /// ```no_run
    /// # async fn example(k: kmock_runtime::KMock) {
    /// // The third time that somebody asks for a job, this job is done.
    /// let job = k.on("get /jobs/{id}").per("id").text("queued").then().text("running").then().text("done");
    /// # }
    /// ```
    pub fn per(self, capture: impl Into<String>) -> Rule {
        let capture = capture.into();
        self.change(|spec| spec.per = Some(capture))
    }

    /// How many requests must have come when the test ends; checked by `#[kmock::test]` and [`KMock::verify`](crate::KMock::verify).
    #[track_caller]
    pub fn expecting(self, times: impl Into<Times>) -> Rule {
        let (times, location) = (times.into(), Location::caller());
        self.change(|spec| spec.expected = Some((times, location)))
    }

    /// No request may have come when the test ends.
    #[track_caller]
    pub fn never(self) -> Rule {
        self.expecting(0)
    }

    /// Puts each request also somewhere else: a `Vec` behind a lock, a channel, a `Notify`, a writer, a closure.
    /// A sink never holds up the answer, and its failures are collected in [`KMock::errors`](crate::KMock::errors).
    pub fn sink(self, sink: impl IntoSink) -> Rule {
        let sink = sink.into_sink().into();
        self.change(|spec| spec.sinks.push(sink))
    }

    // ---- what to reply ----

    /// Replies with this, and whatever else the rule replies: status, headers and bodies add up.
    pub fn reply(self, reply: impl IntoReply) -> Rule {
        let more = reply.into_reply();
        self.replying(|reply| reply.and(more))
    }

    /// Ends an answer and begins the next one: what follows is the reply to the next request, and the last one stays.
    ///
    /// ```no_run
    /// # async fn example(k: kmock_runtime::KMock) {
    /// let flaky = k.on("get /").status(503).then().status(429).header("retry-after", 1).then().text("at last");
    /// # }
    /// ```
    pub fn then(self) -> Rule {
        self.change(|spec| {
            let reply = spec.reply.replace(Reply::new()).unwrap_or_default();
            spec.sequence.push(reply);
        })
    }

    /// After the last answer the rule steps aside for the next one.
    pub fn then_pass(self) -> Rule {
        self.change(|spec| spec.sequence.end(Ending::Pass))
    }

    /// After the last answer comes the first one again.
    pub fn then_again(self) -> Rule {
        self.change(|spec| spec.sequence.end(Ending::Again))
    }

    /// Replies with what a function makes of the request.
    pub fn reply_with<F, R>(self, make: F) -> Rule
    where
        F: Fn(Request) -> R + Send + Sync + 'static,
        R: IntoReply,
    {
        self.replying(|reply| reply.and(Reply::compute(make)))
    }

    /// Replies with what an async function makes of the request.
    pub fn reply_async<F, Fut>(self, make: F) -> Rule
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoReply> + Send + 'static,
    {
        self.replying(|reply| reply.and(Reply::compute_later(make)))
    }

    /// Replies with a status.
    ///
    /// # Panics
    /// When the number is not between 100 and 999.
    #[track_caller]
    pub fn status(self, status: u16) -> Rule {
        let more = Reply::new().status(status);
        self.replying(|reply| reply.and(more))
    }

    /// Replies with a header.
    ///
    /// # Panics
    /// When the name or the value cannot stand in a header.
    #[track_caller]
    pub fn header(self, name: impl AsRef<str>, value: impl ToString) -> Rule {
        let more = Reply::new().header(name, value);
        self.replying(|reply| reply.and(more))
    }

    /// Replies without a header that would be there otherwise.
    #[track_caller]
    pub fn no_header(self, name: impl AsRef<str>) -> Rule {
        let more = Reply::new().no_header(name);
        self.replying(|reply| reply.and(more))
    }

    /// Replies with a cookie.
    #[track_caller]
    pub fn cookie(self, name: impl AsRef<str>, value: impl ToString) -> Rule {
        let more = Reply::new().cookie(name, value);
        self.replying(|reply| reply.and(more))
    }

    /// Makes the client forget a cookie.
    #[track_caller]
    pub fn no_cookie(self, name: impl AsRef<str>) -> Rule {
        let more = Reply::new().no_cookie(name);
        self.replying(|reply| reply.and(more))
    }

    /// Replies with bytes as they are.
    pub fn body(self, body: impl Into<Bytes>) -> Rule {
        self.replying(|reply| reply.body(body))
    }

    /// Replies with a text as it is.
    pub fn text(self, text: impl Into<String>) -> Rule {
        self.replying(|reply| reply.text(text))
    }

    /// Replies with a value as JSON.
    pub fn json(self, value: impl Serialize) -> Rule {
        self.replying(|reply| reply.json(value))
    }

    /// Replies with a file, read again for each request.
    pub fn file(self, path: impl Into<std::path::PathBuf>) -> Rule {
        self.replying(|reply| reply.file(path))
    }

    /// Replies with what a file has, and later with what was appended to it; where there is nothing (more), the rule
    /// steps aside for the next one.
    pub fn file_once(self, path: impl Into<std::path::PathBuf>) -> Rule {
        self.replying(|reply| reply.file_once(path))
    }

    /// Replies with a scripted stream.
    pub fn stream(self, stream: impl Into<Stream>) -> Rule {
        self.replying(|reply| reply.stream(stream))
    }

    /// Replies with what a reader has, in the manner of [`file_once`](Rule::file_once).
    pub fn reader(self, source: impl std::io::Read + Send + 'static) -> Rule {
        self.replying(|reply| reply.reader(source))
    }

    /// Replies with what another server answers to the same request, and records it: [`Rule::exchanges`].
    ///
    /// # Panics
    /// When this is no URL such as `http://127.0.0.1:8080`.
    #[track_caller]
    pub fn proxy(self, url: impl AsRef<str>) -> Rule {
        let more = Reply::new().proxy(url);
        self.replying(|reply| reply.and(more))
    }

    /// Accepts a WebSocket: frames are sent by a script and recorded in [`Rule::frames`].
    ///
    /// ```no_run
    /// # use kmock_runtime as kmock;
    /// # async fn example(k: kmock_runtime::KMock) -> Result<(), kmock_runtime::Error> {
    /// use kmock::Stream;
    ///
    /// let feed = k.on("/feed").websocket(Stream::new().text("hello").json([1, 2]).live());
    /// // … the client connects, and says something:
    /// let came = feed.wait_for_frames(1).await?;
    /// assert_eq!(came[0].frame().text(), "hi");
    /// feed.feed(Stream::new().text("bye")); // without `...` at its end: the socket is closed after it
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "websocket")]
    pub fn websocket(self, socket: impl Into<crate::websocket::WebSocket>) -> Rule {
        self.replying(|reply| reply.websocket(socket))
    }

    /// The words after the status, where they are not to be the usual ones.
    ///
    /// # Panics
    /// When the text cannot stand in a status line.
    #[track_caller]
    pub fn reason(self, words: impl AsRef<str>) -> Rule {
        let more = Reply::new().reason(words);
        self.replying(|reply| reply.and(more))
    }

    /// Waits before it replies, on the runtime's clock; a range of durations is jitter, drawn by the server's seed.
    pub fn delay(self, delay: impl Into<Delay>) -> Rule {
        self.replying(|reply| reply.delay(delay))
    }

    /// Waits at a gate before it replies.
    pub fn hold(self, gate: &Gate) -> Rule {
        self.replying(|reply| reply.hold(gate))
    }

    /// Breaks the exchange on the wire.
    pub fn fault(self, fault: Fault) -> Rule {
        self.replying(|reply| reply.fault(fault))
    }

    /// Sends the body no faster than this.
    pub fn slow(self, bytes_per_second: u64) -> Rule {
        self.replying(|reply| reply.slow(bytes_per_second))
    }

    pub(crate) fn replying(self, change: impl FnOnce(Reply) -> Reply) -> Rule {
        self.change(|spec| spec.reply = Some(change(spec.reply.take().unwrap_or_default())))
    }

    fn change(self, change: impl FnOnce(&mut Spec)) -> Rule {
        {
            let mut spec = self.0.spec.write().unwrap_or_else(PoisonError::into_inner);
            let mut changed = Spec::clone(&spec);
            change(&mut changed);
            *spec = Arc::new(changed);
        }
        self.touch();
        self
    }

    /// Tells the books to look at the rule again.
    fn touch(&self) {
        let mut books = lock(&self.0.books);
        books.retain(|book| match book.upgrade() {
            Some(dirty) => {
                dirty.store(true, Ordering::Release);
                true
            }
            None => false,
        });
    }

    // ---- the handle ----

    /// How many requests the rule has answered, or seen if it is a spy.
    pub fn count(&self) -> usize {
        let log = lock(&self.0.seen);
        log.forgotten + log.kept.len()
    }

    /// The first of its requests, also where that is forgotten.
    pub(crate) fn first(&self) -> Option<Seen> {
        let log = lock(&self.0.seen);
        log.first.as_ref().or(log.kept.front()).cloned()
    }

    /// The requests that the rule has answered, or seen if it is a spy.
    pub fn requests(&self) -> Requests {
        let all: Vec<Seen> = lock(&self.0.seen).kept.iter().cloned().collect();
        Requests::new(all.into_iter().map(Seen::refreshed).collect())
    }

    /// What was forwarded by [`proxy`](Rule::proxy), and what came back, in order.
    pub fn exchanges(&self) -> Vec<Exchange> {
        let spec = self.spec();
        let last = spec.reply.iter().flat_map(Reply::exchanges);
        spec.sequence.exchanges().chain(last).collect()
    }

    /// The frames that came and went on the WebSockets of this rule, in order.
    #[cfg(feature = "websocket")]
    pub fn frames(&self) -> Vec<crate::websocket::Framed> {
        lock(&self.0.frames).clone()
    }

    /// Whether it knows more of its exchanges than the journal does.
    pub(crate) fn tells(&self) -> bool {
        #[cfg(feature = "websocket")]
        if !lock(&self.0.frames).is_empty() {
            return true;
        }
        !self.exchanges().is_empty()
    }

    /// Waits until this many frames have come from clients on the WebSockets of this rule.
    ///
    /// # Errors
    /// A timeout after 5 seconds, in virtual time after an hour, with a report of what came instead.
    #[cfg(feature = "websocket")]
    #[track_caller]
    pub fn wait_for_frames(
        &self,
        n: usize,
    ) -> impl Future<Output = Result<Vec<crate::websocket::Framed>, Error>> + Send + use<> {
        let (rule, counted) = (self.clone(), self.clone());
        let came = |rule: &Rule| {
            let mut came = rule.frames();
            came.retain(crate::websocket::Framed::is_received);
            came
        };
        let what = move || {
            let count = came(&counted).len();
            format!("frame number {n} of {counted} (there are {count})")
        };
        let awaited = self.awaited(Arc::new(what), None);
        async move {
            let mut changes = rule.0.framed.subscribe();
            let enough = async {
                loop {
                    let came = came(&rule);
                    if came.len() >= n || changes.changed().await.is_err() {
                        return came;
                    }
                }
            };
            awaited.until(enough).await
        }
    }

    #[cfg(feature = "websocket")]
    pub(crate) fn record_frame(&self, frame: crate::websocket::Framed) {
        lock(&self.0.frames).push(frame);
        self.0.framed.send_modify(|framed| *framed += 1);
    }

    /// Takes the rule off all its servers. What it has seen remains.
    pub fn remove(&self) {
        self.0.removed.store(true, Ordering::Release);
        self.touch();
    }

    /// Waits until the rule has answered or seen this many requests.
    ///
    /// # Errors
    /// A timeout after 5 seconds, in virtual time after an hour, with a report of what came instead.
    #[track_caller]
    pub fn wait_for(
        &self,
        n: usize,
    ) -> impl Future<Output = Result<Requests, Error>> + Send + use<> {
        self.waits(n, None)
    }

    /// Waits until the rule has answered or seen this many requests, for so long.
    ///
    /// # Errors
    /// A timeout, with a report of what came instead.
    #[track_caller]
    pub fn wait_for_within(
        &self,
        n: usize,
        within: Duration,
    ) -> impl Future<Output = Result<Requests, Error>> + Send + use<> {
        self.waits(n, Some(within))
    }

    #[track_caller]
    fn waits(
        &self,
        n: usize,
        within: Option<Duration>,
    ) -> impl Future<Output = Result<Requests, Error>> + Send + use<> {
        let (rule, counted) = (self.clone(), self.clone());
        let what = move || {
            let (count, why) = (counted.count(), counted.cannot_come());
            format!("request number {n} of {counted} (there are {count}{why})")
        };
        let awaited = self.awaited(Arc::new(what), within);
        async move {
            let mut changes = rule.0.came.subscribe();
            let reached = async { while rule.count() < n && changes.changed().await.is_ok() {} };
            awaited.until(reached).await?;
            Ok(rule.requests())
        }
    }

    /// Why nothing more can come to the rule, where that is so.
    fn cannot_come(&self) -> &'static str {
        match self.server() {
            _ if self.is_removed() => "; the rule was removed",
            None => "; the rule is on no server",
            Some(server) if server.is_over() => "; its server was shut down",
            Some(_) => "",
        }
    }

    #[track_caller]
    fn awaited(
        &self,
        what: Arc<dyn Fn() -> String + Send + Sync>,
        within: Option<Duration>,
    ) -> Awaited {
        Awaited {
            what,
            location: Location::caller(),
            within,
            witness: self.server(),
        }
    }

    /// Sends something to every stream of this rule that waits at a `...` now; says how many there were.
    #[track_caller]
    pub fn feed(&self, stream: impl Into<Stream>) -> usize {
        let fed = self.0.live.feed(stream.into(), |_| true);
        if let Some(server) = self.server() {
            server.was_fed(fed, Location::caller());
        }
        fed
    }

    /// Waits until this many streams of the rule wait at a `...`.
    ///
    /// # Errors
    /// A timeout after 5 seconds, in virtual time after an hour.
    #[track_caller]
    pub fn waiting(&self, n: usize) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let whose = format!("streams of {self}");
        self.0.live.waiting(n, whose, self.server(), |_| true)
    }

    // ---- for the server ----

    pub(crate) fn spec(&self) -> Arc<Spec> {
        Arc::clone(&self.0.spec.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn live(&self) -> &Live {
        &self.0.live
    }

    pub(crate) fn is_removed(&self) -> bool {
        self.0.removed.load(Ordering::Acquire)
    }

    pub(crate) fn mounted_on(&self, server: Weak<dyn Witness>) {
        *lock(&self.0.server) = Some(server);
    }

    pub(crate) fn server(&self) -> Option<Arc<dyn Witness>> {
        lock(&self.0.server).as_ref()?.upgrade()
    }

    pub(crate) fn watched_by(&self, book: Weak<AtomicBool>) {
        lock(&self.0.books).push(book);
    }

    /// The number of this request among those that fit the filter and have the same value of a capture.
    pub(crate) fn reach(&self, value: &str) -> usize {
        let mut all = lock(&self.0.reached);
        let next = all.entry(value.to_owned()).or_default();
        *next += 1;
        *next - 1
    }

    /// How many requests have fitted the filter.
    pub(crate) fn reached(&self) -> usize {
        lock(&self.0.reached).get("").copied().unwrap_or_default()
    }

    /// The number of this request among those that the rule answers.
    pub(crate) fn answered(&self, seen: &Seen) -> usize {
        let log = lock(&self.0.seen);
        let mut all = log.kept.iter();
        let at = all.rposition(|one| one.id() == seen.id());
        at.map_or(0, |at| log.forgotten + at)
    }

    /// Which of its answers is for this request: its number among those that the rule answers, or among those of them
    /// with the same value of a capture.
    pub(crate) fn turn(&self, seen: &Seen, per: Option<&str>) -> usize {
        let Some(name) = per else {
            return self.answered(seen);
        };
        let log = lock(&self.0.seen);
        let before = log.kept.iter().take_while(|one| one.id() != seen.id());
        before
            .filter(|one| one.path(name) == seen.path(name))
            .count()
    }

    /// `keep`: how many are kept, if not all.
    pub(crate) fn keep_request(&self, seen: Seen, keep: Option<usize>) {
        let gone = {
            let mut log = lock(&self.0.seen);
            if keep.is_some() && log.first.is_none() {
                log.first = Some(seen.clone());
            }
            log.kept.push_back(seen);
            let gone = match keep {
                Some(keep) if log.kept.len() > keep => log.kept.pop_front(),
                _ => None,
            };
            log.forgotten += usize::from(gone.is_some());
            gone
        };
        drop(gone);
        tell(&self.0.came);
    }

    /// Takes back the last record of a request: the rule stepped aside after all.
    pub(crate) fn forget(&self, seen: &Seen) {
        let mut log = lock(&self.0.seen);
        let at = log.kept.iter().rposition(|one| one.id() == seen.id());
        let gone = at.and_then(|at| log.kept.remove(at));
        if log
            .first
            .as_ref()
            .is_some_and(|first| first.id() == seen.id())
        {
            log.first = None;
        }
        drop(log);
        drop(gone);
    }

    pub(crate) fn ordered_after(self, before: &Rule) -> Rule {
        let next = WeakRule(Arc::downgrade(&self.0));
        before.clone().change(|spec| spec.next = Some(next));
        let before = before.clone();
        self.change(|spec| spec.after = Some(before))
    }

    /// Whether it is an earlier step of the group of another one.
    pub(crate) fn comes_before(&self, other: &Rule) -> bool {
        let mut step = other.spec().after.clone();
        while let Some(before) = step {
            if before == *self {
                return true;
            }
            step = before.spec().after.clone();
        }
        false
    }

    /// The later step of its group that a request is for: once a step has answered, its requests may be those of the step
    /// that comes next, or of one that has answered since. So a step may occur twice.
    pub(crate) async fn gone_on_to(&self, request: &Request) -> Option<Rule> {
        let mut later = None;
        let mut step = self.clone();
        while step.count() > 0
            && let Some(next) = step.spec().next.as_ref().and_then(WeakRule::upgrade)
        {
            let fits = next.spec().filter.captures_now(request).await;
            if matches!(fits, Ok(Some(_))) {
                later = Some(next.clone());
            }
            step = next;
        }
        later
    }
}

/// Rules without a server around them: what the benches of matching measure. No part of the API.
#[doc(hidden)]
#[derive(Debug)]
pub struct RuleMatcher(Book);

impl RuleMatcher {
    #[doc(hidden)]
    pub fn new(rules: Rules) -> RuleMatcher {
        let book = Book::default();
        book.add(rules.into_vec());
        RuleMatcher(book)
    }

    /// A request with one header and without a body.
    #[doc(hidden)]
    pub fn request(&self, method: &str, target: &str, header: (&str, &str)) -> Option<Request> {
        let made = http::Request::builder().method(method).uri(target);
        let (head, ()) = made.header(header.0, header.1).body(()).ok()?.into_parts();
        let (at, body) = (Duration::ZERO, Bytes::new());
        Some(Request::new(0, at, Head::of(head), body, None, None))
    }

    /// Whether some rule takes a request.
    #[doc(hidden)]
    pub fn finds(&self, request: &Request) -> bool {
        let table = self.0.table();
        let mut found = table.candidates(request);
        found.any(|entry| entry.spec.filter.captures(request).is_some())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PartialEq for Rule {
    fn eq(&self, other: &Rule) -> bool {
        self.0.id == other.0.id
    }
}

impl Rule {
    /// What it is called where its criteria are listed beside it.
    pub(crate) fn brief(&self) -> String {
        let spec = self.spec();
        match (&spec.name, spec.slice) {
            (Some(name), _) => format!("rule `{name}`"),
            (None, Some(slice)) => format!("rule {} {slice}", spec.filter.brief()),
            (None, None) => format!("rule {}", spec.filter.brief()),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spec = self.spec();
        match &spec.name {
            Some(name) => write!(f, "rule `{name}`"),
            None => match spec.slice {
                Some(slice) => write!(f, "rule {} {slice}", spec.filter),
                None => write!(f, "rule {}", spec.filter),
            },
        }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({} requests)", self.count())
    }
}

/// A set of rules that can be put together before it is mounted: what `kmock! { … }` without a server is.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// use kmock::{Rule, Rules};
///
/// let mut rules = Rules::new();
/// let health = rules.add(Rule::on("get /health").status(204));
/// rules.add(Rule::on("get /version").text("1.0"));
/// k.mount(rules);
/// assert_eq!(health.count(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "rules do nothing until they are mounted: `k.mount(rules)`, or `kmock! { k, … }`"]
pub struct Rules(Vec<Rule>);

impl Rules {
    /// No rules.
    pub fn new() -> Rules {
        Rules::default()
    }

    /// Adds a rule and hands out its handle.
    pub fn add(&mut self, rule: Rule) -> Rule {
        self.0.push(rule.clone());
        rule
    }

    /// Adds rules whose requests must come in this order, checked when the test ends: the first request of each after the
    /// first one of the rule before it.
    ///
    /// A step may occur twice: once the steps before it have answered, a request is for the later of two that it fits.
    pub fn in_order(&mut self, group: Rules) {
        let mut before: Option<Rule> = None;
        for rule in group.0 {
            let rule = match before {
                Some(before) => rule.ordered_after(&before),
                None => rule,
            };
            before = Some(rule.clone());
            self.0.push(rule);
        }
    }

    /// All of them as fallbacks; nests.
    pub fn falling_back(self) -> Rules {
        self.0.into_iter().map(Rule::falling_back).collect()
    }

    /// All of them as overrides; nests.
    pub fn overriding(self) -> Rules {
        self.0.into_iter().map(Rule::overriding).collect()
    }

    /// The rules in the order of definition.
    pub fn iter(&self) -> std::slice::Iter<'_, Rule> {
        self.0.iter()
    }

    pub(crate) fn into_vec(self) -> Vec<Rule> {
        self.0
    }
}

impl Add for Rules {
    type Output = Rules;

    fn add(mut self, other: Rules) -> Rules {
        self.0.extend(other.0);
        self
    }
}

impl Extend<Rule> for Rules {
    fn extend<I: IntoIterator<Item = Rule>>(&mut self, rules: I) {
        self.0.extend(rules);
    }
}

impl FromIterator<Rule> for Rules {
    fn from_iter<I: IntoIterator<Item = Rule>>(rules: I) -> Rules {
        Rules(rules.into_iter().collect())
    }
}

impl IntoIterator for Rules {
    type Item = Rule;
    type IntoIter = std::vec::IntoIter<Rule>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Rules {
    type Item = &'a Rule;
    type IntoIter = std::slice::Iter<'a, Rule>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl From<Rule> for Rules {
    fn from(rule: Rule) -> Rules {
        Rules(vec![rule])
    }
}

//! One request and what became of it; all requests of a server.

use std::{
    collections::VecDeque,
    fmt,
    ops::Deref,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    journal::{Answerer, By, Concluded, Near, Outcome, Sent, lock, record::Written, sent::Trace},
    reply::Fault,
    request::{Captures, Request},
};

/// A request and what became of it. Derefs to the [`Request`].
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// k.on("get /hello").text("hello");
/// k.get("/hello").await;
/// let requests = k.requests();
/// let seen = &requests[0];
/// assert_eq!((seen.target(), seen.status()), ("/hello", Some(200)));
/// println!("{}", seen.outcome().answered_by);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Seen {
    request: Request,
}

impl Seen {
    /// A connection, which rules write down and the journal does not.
    pub(crate) fn of_connection(request: Request) -> Seen {
        Seen { request }
    }

    /// The same request as a rule sees it, with captures.
    pub(crate) fn with_captures(&self, captured: Captures) -> Seen {
        Seen {
            request: self.request.clone().with_captures(captured),
        }
    }

    /// The same as it is now: of a body that is on its way, what came so far.
    pub(crate) fn refreshed(self) -> Seen {
        match self.request.as_of_now() {
            Some(request) => Seen { request },
            None => self,
        }
    }

    /// The request.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// What became of it so far.
    pub fn outcome(&self) -> Outcome {
        self.written().outcome.outcome()
    }

    /// The status of the answer, if there is one already.
    pub fn status(&self) -> Option<u16> {
        self.written().outcome.status
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.request.record().written()
    }

    pub(crate) fn conclude(&self, outcome: Concluded) {
        self.request.record().begin_answer();
        self.written().conclude(outcome);
    }

    /// As [`Seen::conclude`], with what goes out.
    pub(super) fn conclude_with(&self, outcome: Concluded, trace: Trace) {
        self.request.record().begin_answer();
        let mut written = self.written();
        written.conclude(outcome);
        written.trace = trace;
    }

    /// A script breaks the exchange, after its answer has begun.
    pub(crate) fn broken_by(&self, fault: &Fault) {
        self.written().outcome.fault = Some(fault.to_string().into());
    }

    /// Its client did not wait for the answer.
    pub(crate) fn client_went_away(&self, now: Duration) {
        let mut written = self.written();
        written.outcome.gone = true;
        written.outcome.duration = Some(now.saturating_sub(self.at()));
    }

    /// When, in ticks, the request came and its answer began.
    pub(super) fn ticks(&self) -> (u64, u64) {
        self.request.record().ticks()
    }

    /// What went out, or what of it did so far.
    pub(super) fn sent(&self) -> Option<Sent> {
        let written = self.written();
        let begun = self.at() + written.outcome.duration.unwrap_or_default();
        let answered = self.ticks().1;
        written.trace.sent(begun, answered.saturating_add(1))
    }

    /// The nearest rules as they were when the request was refused.
    pub(super) fn near(&self) -> Option<Arc<[Near]>> {
        match &self.written().outcome.by {
            By::NoRule(near) => near.clone(),
            _ => None,
        }
    }
}

impl Deref for Seen {
    type Target = Request;

    fn deref(&self) -> &Request {
        &self.request
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.request)?;
        match self.status() {
            Some(status) => write!(f, " → {status}"),
            None => f.write_str(" → …"),
        }
    }
}

/// Requests in the order in which they came: a slice of [`Seen`].
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// let hello = k.on("post /hello").status(204);
/// // …
/// let names: Vec<_> = hello.requests().iter().map(|seen| seen.json()["name"].clone()).collect();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Requests(Vec<Seen>);

impl Requests {
    pub(crate) fn new(seen: Vec<Seen>) -> Requests {
        Requests(seen)
    }
}

impl Deref for Requests {
    type Target = [Seen];

    fn deref(&self) -> &[Seen] {
        &self.0
    }
}

impl IntoIterator for Requests {
    type Item = Seen;
    type IntoIter = std::vec::IntoIter<Seen>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Requests {
    type Item = &'a Seen;
    type IntoIter = std::slice::Iter<'a, Seen>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

/// How many bytes of bodies the journal keeps in all, as a multiple of what it keeps of one.
const BODIES: usize = 256;

/// What is kept of a body when the journal is full.
const LEAST: usize = 4 << 10;

/// How many of those that are forgotten are kept for a strict test, of each kind.
const LOST: usize = 12;

/// How many refused requests remember the rules that were nearest then; others are explained by the rules of now.
const REMEMBERED: usize = 200;

/// All that one server has seen.
pub(crate) struct Journal {
    seen: Mutex<VecDeque<Seen>>,
    came: watch::Sender<()>,
    /// How many requests are kept, if not all.
    keep: Option<usize>,
    /// How many were forgotten.
    forgotten: AtomicUsize,
    /// Of these, the first that no rule answered.
    lost: Mutex<Vec<Seen>>,
    /// The most that is kept of one body.
    most: usize,
    /// What bodies are kept in all.
    kept: AtomicUsize,
    refused: AtomicUsize,
}

impl Journal {
    /// A journal that keeps this many bytes of each body, and this many requests.
    pub(crate) fn new(most: usize, keep: Option<usize>) -> Journal {
        Journal {
            keep,
            forgotten: AtomicUsize::new(0),
            lost: Mutex::default(),
            seen: Mutex::default(),
            came: watch::Sender::default(),
            most,
            kept: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
        }
    }

    /// Writes a request down. The rules go on with the request itself, whose body is never cut: where the journal keeps
    /// less of it, it comes back beside what is kept.
    pub(crate) fn record(&self, request: Request) -> (Seen, Option<Request>) {
        let (seen, whole) = self.kept(request);
        self.add(seen.clone());
        (seen, whole)
    }

    /// Writes a request down whose body is still on its way.
    pub(crate) fn begin(&self, request: Request) -> Seen {
        let seen = Seen { request };
        self.add(seen.clone());
        seen
    }

    /// The body of a request that was begun is there: as [`Journal::record`], in the place that it has. One that was forgotten
    /// meanwhile stays so.
    pub(crate) fn complete(&self, request: Request) -> (Seen, Option<Request>) {
        let (seen, whole) = self.kept(request);
        let begun = {
            let mut all = lock(&self.seen);
            let mut last = all.iter_mut().rev();
            let place = last.find(|begun| begun.id() == seen.id());
            place.map(|place| std::mem::replace(place, seen.clone()))
        };
        drop(begun);
        tell(&self.came);
        (seen, whole)
    }

    /// As much of a request as is kept, and the request itself where that is less.
    fn kept(&self, request: Request) -> (Seen, Option<Request>) {
        let allowed = self.allow(request.body().len());
        let (request, whole) = match request.cut(allowed) {
            Some(cut) => (cut, Some(request)),
            None => (request, None),
        };
        (Seen { request }, whole)
    }

    fn add(&self, seen: Seen) {
        let gone = {
            let mut all = lock(&self.seen);
            all.push_back(seen);
            match self.keep {
                Some(keep) if all.len() > keep => all.pop_front(),
                _ => None,
            }
        };
        if let Some(gone) = gone {
            self.forgotten.fetch_add(1, Ordering::Relaxed);
            let bytes = gone.body().len();
            // Never below nothing: the count begins anew when all is forgotten.
            let less = |kept: usize| Some(kept.saturating_sub(bytes));
            let _ = self
                .kept
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
            self.lose(gone);
        }
        tell(&self.came);
    }

    /// What no rule answered is remembered for a while longer.
    fn lose(&self, gone: Seen) {
        let by = gone.outcome().answered_by;
        if matches!(by, Answerer::Rule(..) | Answerer::Nobody) {
            return;
        }
        let mut lost = lock(&self.lost);
        let alike = lost.iter().filter(|seen| seen.outcome().answered_by == by);
        if alike.count() < LOST {
            lost.push(gone);
        }
    }

    /// Of the requests that are forgotten, the first that no rule answered.
    pub(super) fn lost(&self) -> Vec<Seen> {
        lock(&self.lost).clone()
    }

    /// How much of a body of this size may be kept.
    pub(super) fn allow(&self, size: usize) -> usize {
        if size == 0 {
            return 0;
        }
        let total = self.most.saturating_mul(BODIES);
        let kept = self.kept.load(Ordering::Relaxed);
        let after = |bytes: usize| kept.saturating_add(bytes);
        let most = if after(size.min(self.most)) <= total {
            self.most
        } else if after(size.min(LEAST)) <= total.saturating_add(total / 8) {
            // At last the beginnings, for a while.
            self.most.min(LEAST)
        } else {
            0
        };
        let allowed = size.min(most);
        self.kept.fetch_add(allowed, Ordering::Relaxed);
        allowed
    }

    /// Whether one more refused request may remember why.
    pub(super) fn may_remember(&self) -> bool {
        self.refused.fetch_add(1, Ordering::Relaxed) < REMEMBERED
    }

    pub(crate) fn all(&self) -> Vec<Seen> {
        let all: Vec<Seen> = lock(&self.seen).iter().cloned().collect();
        all.into_iter().map(Seen::refreshed).collect()
    }

    /// The number of the last request.
    pub(crate) fn last(&self) -> Option<u64> {
        Some(lock(&self.seen).back()?.id())
    }

    /// How many came before those, and were forgotten.
    pub(crate) fn forgotten(&self) -> usize {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// For who waits. Look only after this: of what comes before that, nothing is told.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.came.subscribe()
    }

    /// Forgets what came, but for what is still coming.
    pub(crate) fn clear(&self) {
        // Dropped outside of the lock.
        let gone = {
            let mut all = lock(&self.seen);
            let (coming, gone): (VecDeque<Seen>, VecDeque<Seen>) = all
                .drain(..)
                .partition(|seen| !seen.is_whole() && !seen.outcome().gone);
            *all = coming;
            gone
        };
        drop(gone);
        lock(&self.lost).clear();
        self.kept.store(0, Ordering::Relaxed);
    }
}

/// Wakes who waits for a change of what a lock guards, after the change; where nobody waits, it costs nothing. A waiter that
/// comes in this very moment misses nothing: it subscribes first, looks then, and the lock puts that after the change.
pub(crate) fn tell(changed: &watch::Sender<()>) {
    if changed.receiver_count() > 0 {
        changed.send_replace(());
    }
}

//! One request and what became of it; all requests of a server.

use std::{
    fmt,
    ops::Deref,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio::sync::watch;

use crate::{
    journal::{Near, Outcome, lock, outcome::Concluded, trace::Trace},
    request::{Captures, Request},
};

/// A request and what became of it. Derefs to the [`Request`].
#[derive(Clone)]
pub struct Seen {
    request: Request,
    record: Arc<Record>,
}

/// What is written down of a request while it is answered.
pub(super) struct Record {
    /// Counts what happens at the server: times may be equal, and stand still in tests.
    ticks: Arc<AtomicU64>,
    /// When, in ticks, the request came and its answer began.
    pub(super) asked: u64,
    answered: AtomicU64,
    outcome: Mutex<Concluded>,
    pub(super) trace: Trace,
    /// Of a refused request: the nearest rules as they were then.
    near: OnceLock<Box<[Near]>>,
}

impl Record {
    fn new(ticks: &Arc<AtomicU64>) -> Record {
        Record {
            ticks: Arc::clone(ticks),
            asked: ticks.fetch_add(1, Ordering::Relaxed),
            answered: AtomicU64::new(u64::MAX),
            outcome: Mutex::default(),
            trace: Trace::default(),
            near: OnceLock::new(),
        }
    }

    /// One more thing happens.
    pub(super) fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }
}

impl Seen {
    fn new(request: Request, ticks: &Arc<AtomicU64>) -> Seen {
        Seen {
            request,
            record: Arc::new(Record::new(ticks)),
        }
    }

    /// The same request as a rule sees it, with captures.
    pub(crate) fn with_captures(&self, captured: Captures) -> Seen {
        Seen {
            request: self.request.clone().with_captures(captured),
            record: Arc::clone(&self.record),
        }
    }

    /// The request.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// What became of it so far.
    pub fn outcome(&self) -> Outcome {
        lock(&self.record.outcome).outcome()
    }

    /// The status of the answer, if there is one already.
    pub fn status(&self) -> Option<u16> {
        lock(&self.record.outcome).status
    }

    pub(crate) fn conclude(&self, outcome: Concluded) {
        let tick = self.record.tick();
        self.record.answered.store(tick, Ordering::Relaxed);
        *lock(&self.record.outcome) = outcome;
    }

    pub(super) fn record(&self) -> &Arc<Record> {
        &self.record
    }

    /// The nearest rules as they were when the request was refused.
    pub(super) fn near(&self) -> Option<&[Near]> {
        self.record.near.get().map(Box::as_ref)
    }

    pub(super) fn remember_near(&self, near: Vec<Near>) {
        let _ = self.record.near.set(near.into_boxed_slice());
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

/// How many refused requests remember the rules that were nearest then; others are explained by the rules of now.
const REMEMBERED: usize = 200;

/// All that one server has seen.
pub(crate) struct Journal {
    seen: Mutex<Vec<Seen>>,
    came: watch::Sender<()>,
    /// The most that is kept of one body.
    most: usize,
    /// What bodies are kept in all.
    kept: AtomicUsize,
    refused: AtomicUsize,
    ticks: Arc<AtomicU64>,
}

impl Journal {
    /// A journal that keeps this many bytes of each body.
    pub(crate) fn new(most: usize) -> Journal {
        Journal {
            seen: Mutex::default(),
            came: watch::Sender::default(),
            most,
            kept: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            ticks: Arc::default(),
        }
    }

    /// Writes a request down. The rules go on with the request itself, whose body is never cut.
    pub(crate) fn record(&self, request: &Request) -> Seen {
        let allowed = self.allow(request.body().len());
        let seen = Seen::new(request.cut(allowed), &self.ticks);
        lock(&self.seen).push(seen.clone());
        tell(&self.came);
        seen
    }

    /// How much of a body of this size may be kept.
    pub(super) fn allow(&self, size: usize) -> usize {
        let total = self.most.saturating_mul(BODIES);
        let kept = self.kept.load(Ordering::Relaxed);
        let most = match kept.saturating_add(size.min(self.most)) > total {
            true => self.most.min(LEAST),
            false => self.most,
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
        lock(&self.seen).clone()
    }

    /// For who waits. Look only after this: of what comes before that, nothing is told.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.came.subscribe()
    }

    pub(crate) fn clear(&self) {
        // Dropped outside of the lock.
        let gone = std::mem::take(&mut *lock(&self.seen));
        drop(gone);
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

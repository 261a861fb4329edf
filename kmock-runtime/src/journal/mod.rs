//! What came: the requests that a server has seen, what became of each, and views over them.

mod check;
mod report;

use std::{
    fmt,
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

pub(crate) use self::report::nearest;
pub use self::{
    check::{Check, assert_requests},
    report::{Entry, Failure, Near, Report},
};
use crate::{
    criteria::Filter, error::Error, location::Location, mock::Core, request::Request,
    stream::Stream,
};

/// How long the waiting methods wait, on the runtime's clock, before they report what they waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// A request and what became of it. Derefs to the [`Request`].
#[derive(Clone)]
pub struct Seen {
    request: Request,
    outcome: Arc<Mutex<Outcome>>,
}

/// What became of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The status of the answer; `None` while there is none.
    pub status: Option<u16>,
    /// Who answered.
    pub answered_by: Answerer,
    /// From the arrival to the head of the answer, on the runtime's clock.
    pub duration: Option<Duration>,
    /// How the exchange was broken on purpose.
    pub fault: Option<String>,
}

/// Who answered a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Answerer {
    /// Nobody yet: the request is in flight, or the client went away.
    #[default]
    Nobody,
    /// A rule: its name or filter, and where it was written.
    Rule(String, Location),
    /// The Kubernetes API below the rules.
    Kubernetes,
    /// No rule fitted: a 404 that explains itself.
    NoRule,
}

impl Seen {
    pub(crate) fn new(request: Request) -> Seen {
        Seen {
            request,
            outcome: Arc::default(),
        }
    }

    /// The same request as a rule sees it, with captures.
    pub(crate) fn with_request(&self, request: Request) -> Seen {
        Seen {
            request,
            outcome: Arc::clone(&self.outcome),
        }
    }

    /// The request.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// What became of it so far.
    pub fn outcome(&self) -> Outcome {
        lock(&self.outcome).clone()
    }

    /// The status of the answer, if there is one already.
    pub fn status(&self) -> Option<u16> {
        lock(&self.outcome).status
    }

    pub(crate) fn conclude(&self, outcome: Outcome) {
        *lock(&self.outcome) = outcome;
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

/// All that one server has seen.
#[derive(Default)]
pub(crate) struct Journal {
    seen: Mutex<Vec<Seen>>,
    count: watch::Sender<usize>,
}

impl Journal {
    pub(crate) fn record(&self, request: Request) -> Seen {
        let seen = Seen::new(request);
        let count = {
            let mut all = lock(&self.seen);
            all.push(seen.clone());
            all.len()
        };
        self.count.send_replace(count);
        seen
    }

    pub(crate) fn all(&self) -> Vec<Seen> {
        lock(&self.seen).clone()
    }

    pub(crate) fn changes(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }

    pub(crate) fn clear(&self) {
        lock(&self.seen).clear();
        self.count.send_replace(0);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The requests of a server that fit a filter, those to come included; made by [`KMock::filter`](crate::KMock::filter).
///
/// It counts whatever came, whoever answered. Async criteria cannot be asked afterwards and hold for nothing here.
#[derive(Clone)]
pub struct View {
    core: Arc<Core>,
    filter: Filter,
}

impl View {
    pub(crate) fn new(core: Arc<Core>, filter: Filter) -> View {
        View { core, filter }
    }

    /// The requests so far.
    pub fn requests(&self) -> Requests {
        let mut all = self.core.journal.all();
        all.retain(|seen| self.filter.matches(seen));
        Requests::new(all)
    }

    /// How many requests so far.
    pub fn count(&self) -> usize {
        let all = self.core.journal.all();
        all.iter().filter(|seen| self.filter.matches(seen)).count()
    }

    /// Waits until this many requests have come.
    ///
    /// # Errors
    /// A timeout after 5 seconds of the runtime's clock.
    pub async fn wait_for(&self, n: usize) -> Result<Requests, Error> {
        let mut changes = self.core.journal.changes();
        let enough = async {
            loop {
                let requests = self.requests();
                if requests.len() >= n || changes.changed().await.is_err() {
                    return requests;
                }
            }
        };
        tokio::time::timeout(PATIENCE, enough).await.map_err(|_| {
            Error::timeout(
                format!(
                    "request number {n} of {} (there are {})",
                    self.filter,
                    self.count()
                ),
                PATIENCE,
            )
        })
    }

    /// Sends something to every stream that answers such a request and waits at a `...` now; says how many there were.
    pub fn feed(&self, stream: impl Into<Stream>) -> usize {
        self.core
            .live
            .feed(stream.into(), |request| self.filter.matches(request))
    }

    /// Waits until this many streams that answer such requests wait at a `...`.
    ///
    /// # Errors
    /// A timeout after 5 seconds of the runtime's clock.
    pub async fn waiting(&self, n: usize) -> Result<(), Error> {
        let what = format!("streams of {}", self.filter);
        let fits = |request: &Request| self.filter.matches(request);
        self.core.live.waiting(n, &what, fits).await
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "View({}, {} requests)", self.filter, self.count())
    }
}

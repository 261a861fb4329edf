//! Waiting in tests: how long, and who waits for what. A wait that never comes true is the commonest way in which a test
//! of something asynchronous fails; whoever ends it is to say what was waited for, and where.

use std::{
    any::Any,
    fmt,
    future::Future,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::runtime::{Handle, Id};

use crate::{elsewhere, error::Error, location::Location};

/// How long the waiting methods wait, unless they are told: by a clock that stands still while nothing happens, five seconds
/// are nothing, and an hour costs no time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
pub(crate) const VIRTUAL_PATIENCE: Duration = Duration::from_secs(3600);

/// What somebody waits for, in words that are made when they are asked for.
type What = Arc<dyn Fn() -> String + Send + Sync>;

/// Who waits at the moment, in all tests of the process. Tests are told apart by their runtimes.
static WAITING: Mutex<Vec<Waiting>> = Mutex::new(Vec::new());
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

struct Waiting {
    id: u64,
    runtime: Option<Id>,
    location: Location,
    what: What,
}

fn waiting() -> MutexGuard<'static, Vec<Waiting>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One that waits, as long as this lives.
#[derive(Debug)]
pub(crate) struct Wait(u64);

impl Wait {
    /// `what` completes "waits for".
    pub(crate) fn begin(location: Location, what: What) -> Wait {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let runtime = Handle::try_current().ok().map(|runtime| runtime.id());
        waiting().push(Waiting {
            id,
            runtime,
            location,
            what,
        });
        Wait(id)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        waiting().retain(|one| one.id != self.0);
    }
}

/// Who waits on a runtime, in words.
pub(crate) fn told(runtime: Id) -> Vec<String> {
    let all: Vec<(Location, What)> = waiting()
        .iter()
        .filter(|one| one.runtime == Some(runtime))
        .map(|one| (one.location, Arc::clone(&one.what)))
        .collect();
    // What somebody waits for is asked outside of the lock: it looks at rules and journals.
    all.into_iter()
        .map(|(location, what)| format!("{location} waits for {}", what()))
        .collect()
}

/// A wait for something of a server: what it is, where it was written, for how long.
pub(crate) struct Awaited {
    pub(crate) what: What,
    pub(crate) location: Location,
    /// `None`: as long as a test has patience.
    pub(crate) within: Option<Duration>,
    /// Who says what happened instead.
    pub(crate) witness: Option<Arc<dyn Witness>>,
}

/// A server, as far as those know it who wait for something to happen there.
pub(crate) trait Witness: Any + Send + Sync {
    /// What has happened so far, in words, for an error that shows it.
    fn testimony(&self) -> String;
    /// Whether nothing happens there any more.
    fn is_over(&self) -> bool;
    /// So many streams got what was fed at this place.
    fn was_fed(&self, streams: usize, place: Location);
}

impl Awaited {
    /// Waits; when it takes too long, the error says for what, and what came instead.
    pub(crate) async fn until<T>(self, happens: impl Future<Output = T>) -> Result<T, Error> {
        let _wait = Wait::begin(self.location, Arc::clone(&self.what));
        let late = match patiently(happens, self.within).await {
            Ok(happened) => return Ok(happened),
            Err(late) => late,
        };
        let error = Error::late((self.what)(), late, self.location);
        Err(match &self.witness {
            Some(witness) => error.with_report(witness.testimony()),
            None => error,
        })
    }
}

impl fmt::Debug for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Awaited({}, at {})", (self.what)(), self.location)
    }
}

/// Waits for so long, or as long as a test has patience; `Err` says how long that was.
async fn patiently<T>(
    happens: impl Future<Output = T>,
    within: Option<Duration>,
) -> Result<T, Duration> {
    let mut happens = pin!(happens);
    let first = within.unwrap_or(PATIENCE);
    let began = Instant::now();
    let waiting = {
        let _context = elsewhere::enter();
        tokio::time::timeout(first, happens.as_mut())
    };
    if let Ok(happened) = waiting.await {
        return Ok(happened);
    }
    // The runtime's clock has gone on by the patience; where the real one has not, time is virtual.
    let is_virtual = began.elapsed() < first / 2;
    if within.is_some() || !is_virtual {
        return Err(first);
    }
    match tokio::time::timeout(VIRTUAL_PATIENCE - first, happens).await {
        Ok(happened) => Ok(happened),
        Err(_) => Err(VIRTUAL_PATIENCE),
    }
}

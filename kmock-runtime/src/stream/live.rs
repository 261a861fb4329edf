//! Live streams: who waits at a `...`, and how they are fed without a race.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::{mpsc, watch};

use crate::{
    error::Error,
    location::Location,
    request::Request,
    stream::Stream,
    waits::{Awaited, Witness},
};

/// The streams that wait at a `...`: of one rule, or of a whole server.
#[derive(Clone)]
pub(crate) struct Live(Arc<Registry>);

struct Registry {
    waiters: Mutex<Vec<Waiter>>,
    /// Counts the comings and goings, for those who wait for them.
    changes: watch::Sender<u64>,
}

struct Waiter {
    id: u64,
    request: Request,
    feed: mpsc::UnboundedSender<Stream>,
}

/// Where one stream is known: at its rule and at its server.
pub(crate) type Lives = Arc<[Live]>;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Live {
    /// Sends a script to all that wait and fit; each plays its own copy. Says how many there were.
    pub(crate) fn feed(&self, stream: Stream, fits: impl Fn(&Request) -> bool) -> usize {
        let found = self.select(fits);
        found
            .into_iter()
            .filter(|(_, feed)| feed.send(stream.clone()).is_ok())
            .count()
    }

    /// The user's filter runs outside of the lock.
    fn select(
        &self,
        fits: impl Fn(&Request) -> bool,
    ) -> Vec<(Request, mpsc::UnboundedSender<Stream>)> {
        let all: Vec<_> = {
            let waiters = self
                .0
                .waiters
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            waiters
                .iter()
                .map(|waiter| (waiter.request.clone(), waiter.feed.clone()))
                .collect()
        };
        all.into_iter()
            .filter(|(request, _)| fits(request))
            .collect()
    }

    /// The requests whose streams wait.
    pub(crate) fn requests(&self) -> Vec<Request> {
        let all = self.select(|_| true);
        all.into_iter().map(|(request, _)| request).collect()
    }

    /// Waits until this many wait that fit.
    #[track_caller]
    pub(crate) fn waiting<F>(
        &self,
        n: usize,
        whose: String,
        witness: Option<Arc<dyn Witness>>,
        fits: F,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<F>
    where
        F: Fn(&Request) -> bool + Send + Sync + 'static,
    {
        let (live, fits) = (self.clone(), Arc::new(fits));
        let (asked, fitting) = (self.clone(), Arc::clone(&fits));
        let what = move || {
            let now = asked.select(&*fitting).len();
            format!("{n} waiting {whose} (there are {now})")
        };
        let awaited = Awaited {
            what: Arc::new(what),
            location: Location::caller(),
            within: None,
            witness,
        };
        async move {
            let mut changes = live.0.changes.subscribe();
            let enough =
                async { while live.select(&*fits).len() < n && changes.changed().await.is_ok() {} };
            awaited.until(enough).await
        }
    }

    fn enter(&self, id: u64, request: &Request, feed: &mpsc::UnboundedSender<Stream>) {
        let mut waiters = self
            .0
            .waiters
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        waiters.push(Waiter {
            id,
            request: request.clone(),
            feed: feed.clone(),
        });
        drop(waiters);
        self.0.changes.send_modify(|changes| *changes += 1);
    }

    fn leave(&self, id: u64) {
        let mut waiters = self
            .0
            .waiters
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        waiters.retain(|waiter| waiter.id != id);
        drop(waiters);
        self.0.changes.send_modify(|changes| *changes += 1);
    }
}

/// One stream's stay at a `...`: it is known from its making to its drop, so nothing fed meanwhile is lost.
pub(crate) struct Stay {
    id: u64,
    lives: Lives,
    fed: mpsc::UnboundedReceiver<Stream>,
}

impl Stay {
    pub(crate) fn enter(lives: &Lives, request: &Request) -> Stay {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let (feed, fed) = mpsc::unbounded_channel();
        for live in lives.iter() {
            live.enter(id, request, &feed);
        }
        Stay {
            id,
            lives: Arc::clone(lives),
            fed,
        }
    }

    /// The next script that is fed.
    pub(crate) async fn next(&mut self) -> Option<Stream> {
        self.fed.recv().await
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        for live in self.lives.iter() {
            live.leave(self.id);
        }
    }
}

impl Default for Live {
    fn default() -> Live {
        Live(Arc::new(Registry {
            waiters: Mutex::default(),
            changes: watch::Sender::new(0),
        }))
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiters = self
            .0
            .waiters
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        write!(f, "Live({} waiting)", waiters.len())
    }
}

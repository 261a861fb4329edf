//! Views: the requests that fit a filter, those to come included.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    criteria::Filter,
    error::Error,
    journal::{PATIENCE, Report, Requests},
    mock::Core,
    request::Request,
    stream::Stream,
};

/// The requests of a server that fit a filter, those to come included; made by [`KMock::filter`](crate::KMock::filter).
///
/// It counts whatever came, whoever answered.
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
    /// A timeout after 5 seconds of the runtime's clock, with a report of what came instead.
    pub async fn wait_for(&self, n: usize) -> Result<Requests, Error> {
        self.wait_for_within(n, PATIENCE).await
    }

    /// Waits until this many requests have come, for so long.
    ///
    /// # Errors
    /// A timeout, with a report of what came instead.
    pub async fn wait_for_within(&self, n: usize, within: Duration) -> Result<Requests, Error> {
        let mut changes = self.core.journal.changes();
        let enough = async {
            loop {
                let requests = self.requests();
                if requests.len() >= n || changes.changed().await.is_err() {
                    return requests;
                }
            }
        };
        tokio::time::timeout(within, enough).await.map_err(|_| {
            Error::timeout(
                format!(
                    "request number {n} of {} (there are {})",
                    self.filter,
                    self.count()
                ),
                within,
            )
            .with_report(Some(Report::timeline(&self.core)))
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

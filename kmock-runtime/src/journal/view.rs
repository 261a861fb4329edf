//! Views: the requests that fit a filter, those to come included.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use crate::{
    core::Core, criteria::Filter, error::Error, journal::Requests, location::Location,
    request::Request, stream::Stream, waits::Awaited,
};

/// The requests of a server that fit a filter, those to come included; made by [`KMock::filter`](crate::KMock::filter).
///
/// It counts whatever came, whoever answered.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// let posts = k.filter("post");
/// k.post("/a").await;
/// assert_eq!((posts.count(), posts.requests()[0].target()), (1, "/a"));
/// posts.wait_for(1).await?;
/// # Ok(())
/// # }
/// ```
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
    /// A timeout after 5 seconds, in virtual time after an hour, with a report of what came instead.
    #[track_caller]
    pub fn wait_for(
        &self,
        n: usize,
    ) -> impl Future<Output = Result<Requests, Error>> + Send + use<> {
        self.waits(n, None)
    }

    /// Waits until this many requests have come, for so long.
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
        let (view, counted) = (self.clone(), self.clone());
        let awaited = Awaited {
            what: Arc::new(move || {
                let (filter, count) = (&counted.filter, counted.count());
                format!("request number {n} of {filter} (there are {count})")
            }),
            location: Location::caller(),
            within,
            witness: Some(self.core.clone()),
        };
        async move {
            let mut changes = view.core.journal.changes();
            let enough = async {
                loop {
                    let requests = view.requests();
                    if requests.len() >= n || changes.changed().await.is_err() {
                        return requests;
                    }
                }
            };
            awaited.until(enough).await
        }
    }

    /// Waits until a request of this number or a later one has come, whoever it was for: for who follows a server that forgets.
    #[doc(hidden)]
    pub fn wait_for_number(&self, id: usize) -> impl Future<Output = ()> + Send + use<> {
        let core = Arc::clone(&self.core);
        async move {
            let mut changes = core.journal.changes();
            let came = || core.journal.last().is_some_and(|last| last >= id as u64);
            while !came() && changes.changed().await.is_ok() {}
        }
    }

    /// Sends something to every stream that answers such a request and waits at a `...` now; says how many there were.
    #[track_caller]
    pub fn feed(&self, stream: impl Into<Stream>) -> usize {
        let fits = |request: &Request| self.filter.matches(request);
        let fed = self.core.live.feed(stream.into(), fits);
        self.core.told_of_feed(fed, Location::caller());
        fed
    }

    /// Waits until this many streams that answer such requests wait at a `...`.
    ///
    /// # Errors
    /// A timeout after 5 seconds, in virtual time after an hour.
    #[track_caller]
    pub fn waiting(&self, n: usize) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let (whose, filter) = (format!("streams of {}", self.filter), self.filter.clone());
        let fits = move |request: &Request| filter.matches(request);
        let witness = self.core.clone();
        self.core.live.waiting(n, whose, Some(witness), fits)
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "View({}, {} requests)", self.filter, self.count())
    }
}

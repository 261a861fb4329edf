//! The mock server as the test sees it.

use std::{
    any::Any,
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
};

use crate::{
    backend::Backend,
    core::Core,
    criteria::Filter,
    error::Error,
    journal::{self, Report, Requests, View},
    options::Builder,
    rules::{Rule, Rules},
    server::Server,
    stream::Stream,
};

/// A started mock server. A clone is the same server; the server ends with the last clone, and then checks what its rules
/// expect, where neither `#[kmock::test]` nor [`verify`](KMock::verify) did.
///
/// `#[kmock::test]` makes one and hands it in; elsewhere [`KMock::start`] does. It answers by its rules, and
/// below them it is a Kubernetes API, unless it is [`raw`](Builder::raw).
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example() {
/// use kmock::KMock;
///
/// let k = KMock::start().await;
/// k.on("get /").body("john");
/// assert_eq!(k.get("/").await.text(), "john");
/// # }
/// ```
#[derive(Clone)]
pub struct KMock(Arc<Handle>);

struct Handle {
    core: Arc<Core>,
    address: SocketAddr,
    server: Mutex<Option<Server>>,
    /// Files that were made for other programs, and go with the server.
    #[cfg(feature = "tls")]
    files: Mutex<Vec<std::path::PathBuf>>,
}

impl KMock {
    /// The handle of a server that runs.
    pub(crate) fn of(core: Arc<Core>, server: Server) -> KMock {
        KMock(Arc::new(Handle {
            address: server.door().address(),
            core,
            server: Mutex::new(Some(server)),
            #[cfg(feature = "tls")]
            files: Mutex::default(),
        }))
    }

    /// The options of a server to be started.
    #[track_caller]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where the server listens, e.g. `http://127.0.0.1:40001`, or `https://…` with TLS: without a slash at the end.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme(), self.0.address)
    }

    pub(crate) fn scheme(&self) -> &'static str {
        #[cfg(feature = "tls")]
        if self.0.core.tls.is_some() {
            return "https";
        }
        "http"
    }

    /// The address where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// Mounts a new rule: a spy until it gets a reply.
    #[track_caller]
    pub fn on(&self, filter: impl Into<Filter>) -> Rule {
        let rule = Rule::on(filter);
        self.mount(rule.clone());
        rule
    }

    /// Mounts rules.
    pub fn mount(&self, rules: impl Into<Rules>) {
        let rules = rules.into().into_vec();
        for rule in &rules {
            let server = Arc::downgrade(&self.0.core);
            rule.mounted_on(server);
        }
        self.0.core.book.add(rules);
    }

    /// The rules in the order of definition.
    pub fn rules(&self) -> Rules {
        self.0.core.book.rules().into_iter().collect()
    }

    /// All requests so far.
    pub fn requests(&self) -> Requests {
        Requests::new(self.0.core.journal.all())
    }

    /// The requests that fit a filter, those to come included.
    ///
    /// # Panics
    /// When the filter has an async condition, which cannot be asked of requests that have come.
    #[track_caller]
    pub fn filter(&self, filter: impl Into<Filter>) -> View {
        View::new(Arc::clone(&self.0.core), filter.into().afterwards())
    }

    /// Sends something to every stream that waits at a `...` now; says how many there were.
    #[track_caller]
    pub fn feed(&self, stream: impl Into<Stream>) -> usize {
        let fed = self.0.core.live.feed(stream.into(), |_| true);
        self.0
            .core
            .told_of_feed(fed, crate::location::Location::caller());
        fed
    }

    /// Waits until this many streams wait at a `...`.
    ///
    /// # Errors
    /// A timeout after 5 seconds, in virtual time after an hour.
    #[track_caller]
    pub fn waiting(&self, n: usize) -> impl Future<Output = Result<(), Error>> + Send {
        let core = Arc::clone(&self.0.core);
        let live = core.live.clone();
        live.waiting(n, "streams".to_owned(), Some(core), |_| true)
    }

    /// What went wrong in the test's own code: panics and errors of closures, lost sinks. Strict tests fail on these.
    pub fn errors(&self) -> Vec<String> {
        self.0.core.errors()
    }

    /// The errors from a number on, and the number of the next: for who tells them one by one.
    #[doc(hidden)]
    pub fn errors_from(&self, number: usize) -> (Vec<String>, usize) {
        self.0.core.errors_from(number)
    }

    /// The errors so far, which are expected then: they are the server's no longer, and a strict test is content.
    ///
    /// ```no_run
    /// # async fn example(k: kmock_runtime::KMock) {
    /// k.on("/broken").reply_with(|_| -> u16 { panic!("on purpose") });
    /// k.get("/broken").await;
    /// assert!(k.take_errors()[0].contains("on purpose"));
    /// # }
    /// ```
    pub fn take_errors(&self) -> Vec<String> {
        self.0.core.take_errors()
    }

    /// Checks what the rules expect, and in strict servers also that nothing unexpected came.
    ///
    /// # Errors
    /// The report of all that does not hold.
    pub fn check(&self) -> Result<(), Report> {
        self.0.core.verified.store(true, Ordering::Relaxed);
        let failures = journal::failures(&self.0.core);
        if failures.is_empty() {
            return Ok(());
        }
        Err(Report::of(Some(&self.0.core), failures))
    }

    /// Asserts what the rules expect; `#[kmock::test]` does it after the test's body.
    ///
    /// # Panics
    /// When something does not hold, with the report. The panic points at the caller.
    #[track_caller]
    pub fn verify(&self) {
        if let Err(report) = self.check() {
            self.0.core.told(&report);
            panic!("{}", report.text().for_terminal());
        }
    }

    /// What came so far, as a report without failures.
    pub fn report(&self) -> Report {
        Report::of(Some(&self.0.core), Vec::new())
    }

    /// From now on, nothing but this may be written to the Kubernetes API: any other create, update, patch or delete is let
    /// through, and fails the test in the end, with the requests that it should not have sent. What the test asks itself
    /// (by [`objects`](KMock::objects), by [`request`](KMock::request)) is left alone.
    ///
    /// Leases and events are writes, too: name them where the program has them. With nothing in the list, nothing may be
    /// written at all, as in a test of a dry run. A second call takes the place of the first.
    ///
    /// ```no_run
    /// # async fn example(k: kmock_runtime::KMock) {
    /// k.only_writes(["patch rings/status", "create configmaps", "* leases"]);
    /// # }
    /// ```
    #[track_caller]
    pub fn only_writes<F: Into<Filter>>(&self, allowed: impl IntoIterator<Item = F>) {
        let mut filters = Vec::new();
        for one in allowed {
            filters.push(one.into().afterwards());
        }
        self.0
            .core
            .guard
            .allow(filters, crate::location::Location::caller());
    }

    /// Forgets all requests so far; rules keep what they have counted.
    pub fn forget(&self) {
        self.0.core.journal.clear();
    }

    /// Waits until all sinks have taken what came so far. `#[kmock::test]` does it before its checks.
    pub async fn settled(&self) {
        self.0.core.background.pending_sinks.settled().await;
    }

    /// What is not done yet, in words: requests that wait for an answer, streams that wait to be fed, bodies that are still
    /// on their way, sinks that have not taken what they got.
    pub fn pending(&self) -> Vec<String> {
        self.0.core.pending()
    }

    /// Stops the server at once: connections are cut, rules let go, and what they expect with them. Dropping the last clone does the same.
    pub fn shutdown(&self) {
        let server = self
            .0
            .server
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(server) = server {
            server.stop();
        }
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.0.core
    }

    /// Does something to where clients come in.
    pub(crate) fn at_the_door<T>(
        &self,
        act: impl FnOnce(&Server) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let server = self.0.server.lock().unwrap_or_else(PoisonError::into_inner);
        match &*server {
            Some(server) => act(server),
            None => Err(Error::invalid("the server was shut down")),
        }
    }

    /// A file in the temporary directory that goes with the server.
    #[cfg(feature = "tls")]
    pub(crate) fn temporary(
        &self,
        name: &str,
        contents: &[u8],
    ) -> Result<std::path::PathBuf, Error> {
        let name = format!(
            "kmock-{}-{}-{name}",
            std::process::id(),
            self.0.address.port()
        );
        let path = std::env::temp_dir().join(name);
        let mut files = self.0.files.lock().unwrap_or_else(PoisonError::into_inner);
        if !files.contains(&path) {
            std::fs::write(&path, contents)
                .map_err(|error| Error::io(format!("cannot write {}", path.display()), error))?;
            files.push(path.clone());
        }
        Ok(path)
    }

    /// The backend, if it is of this type.
    #[allow(dead_code, reason = "without an emulator nobody asks")]
    pub(crate) fn backend<B: Backend>(&self) -> Option<&B> {
        let backend: &dyn Any = &**self.0.core.backend.as_ref()?;
        backend.downcast_ref()
    }
}

impl Drop for Handle {
    /// Expectations that nobody has looked at are checked at last: `#[kmock::test]` does it before.
    ///
    /// # Panics
    /// When one does not hold, and nothing panics already.
    fn drop(&mut self) {
        // Rules are gone when the server was shut down.
        let unmet = match self.core.verified.load(Ordering::Relaxed) || std::thread::panicking() {
            true => Vec::new(),
            false => journal::unmet(&self.core),
        };
        let report = (!unmet.is_empty()).then(|| Report::of(Some(&self.core), unmet));
        self.stop();
        if let Some(report) = report {
            panic!("{}", report.text().for_terminal());
        }
    }
}

impl Handle {
    fn stop(&mut self) {
        let server = self
            .server
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = server.take() {
            server.stop();
        }
        #[cfg(feature = "tls")]
        for file in self
            .files
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
        {
            // Whoever has removed it already did no harm.
            let _ = std::fs::remove_file(file);
        }
    }
}

impl AsRef<KMock> for KMock {
    fn as_ref(&self) -> &KMock {
        self
    }
}

impl fmt::Debug for KMock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "KMock({}, {} requests)",
            self.url(),
            self.requests().len()
        )
    }
}

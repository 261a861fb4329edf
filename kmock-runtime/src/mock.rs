//! The mock server as the test sees it.

use std::{
    any::Any,
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use crate::{
    backend::{Backend, Dialect},
    client::{ClientRequest, Dial},
    clock::Clock,
    cluster,
    criteria::Filter,
    error::Error,
    hostnames::Hostnames,
    journal::{self, Failure, Journal, ObjectHistory, Report, Requests, View},
    location::Location,
    reply::Pending,
    rules::{Book, Rule, Rules},
    server::{Coming, Server, Tasks},
    stream::{Live, Stream},
    sweep::{Operators, Script},
};

/// A started mock server. A clone is the same server; the server ends with the last clone, and then checks what its rules
/// expect, where neither `#[kmock::test]` nor [`verify`](KMock::verify) did.
///
/// `#[kmock::test]` makes one and hands it in; elsewhere [`KMock::start`] does. It answers by its rules, and
/// below them it is a Kubernetes API, unless it is [`raw`](Builder::raw).
///
/// ```no_run
/// # async fn example() {
/// use kmock_runtime::KMock;
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

/// What the server's tasks share; it outlives the handles only as long as they run.
pub(crate) struct Core {
    pub(crate) book: Book,
    pub(crate) journal: Journal,
    pub(crate) live: Live,
    pub(crate) clock: Clock,
    pub(crate) options: Builder,
    pub(crate) backend: Option<Arc<dyn Backend>>,
    pub(crate) dialect: Option<&'static dyn Dialect>,
    /// Connections, and what they have turned into.
    pub(crate) connections: Tasks,
    pub(crate) tasks: Tasks,
    pub(crate) pending_sinks: Pending,
    /// The requests whose bodies are still on their way.
    pub(crate) coming: Coming,
    /// Whether it was stopped: what ends from then on is nobody's doing.
    pub(crate) stopped: AtomicBool,
    /// Whether somebody has asked, or will ask, whether what is expected has come.
    pub(crate) verified: AtomicBool,
    /// Where it listens.
    pub(crate) address: OnceLock<SocketAddr>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Arc<crate::tls::Server>>,
    #[cfg(feature = "tls")]
    tunnels: std::sync::OnceLock<Result<Arc<crate::tls::Server>, String>>,
    /// The programs that run beside the test.
    pub(crate) operators: Operators,
    /// Requests without an answer.
    pub(crate) in_flight: AtomicUsize,
    errors: Mutex<Vec<String>>,
    notes: Mutex<Vec<String>>,
    next_id: AtomicU64,
    next_connection: AtomicU64,
    /// The failures that were shown already, with the timeline: nothing is told twice.
    told: Mutex<Option<Vec<Failure>>>,
    told_in_an_error: Mutex<String>,
}

impl Core {
    pub(crate) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn next_connection(&self) -> u64 {
        self.next_connection.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn requests_so_far(&self) -> u64 {
        self.next_id.load(Ordering::Relaxed)
    }

    pub(crate) fn error(&self, message: String) {
        tracing::warn!(target: "kmock", "{message}");
        self.errors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(message);
    }

    /// What opens the TLS in tunnels, and names the authority: also of servers that speak none on their port.
    #[cfg(feature = "tls")]
    pub(crate) fn tunnels(&self) -> Result<Arc<crate::tls::Server>, Error> {
        if let Some(tls) = &self.tls {
            return Ok(Arc::clone(tls));
        }
        let made = self.tunnels.get_or_init(|| {
            crate::tls::Server::new(crate::tls::Tls::new())
                .map(Arc::new)
                .map_err(|error| error.to_string())
        });
        made.clone().map_err(Error::invalid)
    }

    /// What is worth to be told, and nobody's mistake.
    pub(crate) fn note(&self, text: String) {
        tracing::info!(target: "kmock", "{text}");
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push(text);
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.clone()
    }

    pub(crate) fn take_errors(&self) -> Vec<String> {
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *errors)
    }

    pub(crate) fn errors(&self) -> Vec<String> {
        self.errors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Reports.
impl Core {
    pub(crate) fn objects(&self) -> Vec<ObjectHistory> {
        let backend = self.backend.as_ref();
        backend.map(|backend| backend.objects()).unwrap_or_default()
    }

    /// Remembers that a report was shown.
    pub(crate) fn told(&self, report: &Report) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let known = told.get_or_insert_default();
        known.extend(report.failures.iter().cloned());
    }

    /// Remembers the timeline that an error shows: what a test panics with may be that error.
    pub(crate) fn told_in_an_error(&self, timeline: &str) {
        let mut last = self
            .told_in_an_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        timeline.clone_into(&mut last);
    }

    /// Whether a text has the timeline in it that an error showed.
    pub(crate) fn is_told_in(&self, text: &str) -> bool {
        let last = self
            .told_in_an_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        !last.is_empty() && text.contains(last.as_str())
    }

    /// What is not done yet, in words.
    pub(crate) fn pending(&self) -> Vec<String> {
        let unanswered = self
            .journal
            .all()
            .into_iter()
            .filter(|seen| seen.status().is_none() && !seen.outcome().gone)
            .map(|seen| match seen.outcome().answered_by {
                crate::journal::Answerer::Nobody => {
                    format!("{:?} is not answered", seen.request())
                }
                by => format!("{:?} is not answered yet by {by}", seen.request()),
            });
        let live = self
            .live
            .requests()
            .into_iter()
            .map(|request| format!("the stream of {request:?} waits to be fed"));
        let coming = self.coming.told();
        let sinks = self.pending_sinks.told();
        unanswered.chain(live).chain(coming).chain(sinks).collect()
    }

    /// The failures that were shown; `None`: nothing was shown yet, the timeline neither.
    pub(crate) fn was_told(&self) -> Option<Vec<Failure>> {
        self.told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl KMock {
    /// Starts a server on a free port of the loopback, on the runtime of the caller.
    ///
    /// # Panics
    /// When the loopback has no free port, or there is no runtime of tokio. [`Builder::start`] returns an error instead.
    #[track_caller]
    pub fn start() -> impl Future<Output = KMock> + Send {
        let builder = KMock::builder();
        async move {
            let location = builder.location;
            match builder.start().await {
                Ok(server) => server,
                Err(error) => panic!("kmock: {error}   {location}"),
            }
        }
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
            rule.mounted_on(&self.0.core);
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
    pub fn feed(&self, stream: impl Into<Stream>) -> usize {
        self.0.core.live.feed(stream.into(), |_| true)
    }

    /// Waits until this many streams wait at a `...`.
    ///
    /// # Errors
    /// A timeout after 5 seconds, in virtual time after an hour.
    #[track_caller]
    pub fn waiting(&self, n: usize) -> impl Future<Output = Result<(), Error>> + Send {
        self.0.core.live.waiting(n, "streams".to_owned(), |_| true)
    }

    /// What went wrong in the test's own code: panics and errors of closures, lost sinks. Strict tests fail on these.
    pub fn errors(&self) -> Vec<String> {
        self.0.core.errors()
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

    /// Forgets all requests so far; rules keep what they have counted.
    pub fn forget(&self) {
        self.0.core.journal.clear();
    }

    /// Waits until all sinks have taken what came so far. `#[kmock::test]` does it before its checks.
    pub async fn settled(&self) {
        self.0.core.pending_sinks.settled().await;
    }

    /// What is not done yet, in words: requests that wait for an answer, streams that wait to be fed, bodies that are still
    /// on their way, sinks that have not taken what they got.
    pub fn pending(&self) -> Vec<String> {
        self.0.core.pending()
    }

    /// Leads the clients of reqwest to this server for its `hostnames`: give it to `ClientBuilder::dns_resolver`.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let k = kmock_runtime::KMock::builder().hostnames(["example.com"]).start().await?;
    /// let client = reqwest::Client::builder().no_proxy().dns_resolver(k.resolver()).build()?;
    /// client.get("http://example.com/").send().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "reqwest")]
    pub fn resolver(&self) -> Arc<crate::hostnames::Interceptor> {
        Arc::new(crate::hostnames::Interceptor::new(self))
    }

    /// Leads the clients of hyper-util to this server for its `hostnames`: give it to `Client::builder(…).build(…)`.
    ///
    /// It is a `tower::Service` of URLs that connects to this server for its hostnames, and to any other host as usual.
    /// `https://` needs the feature `tls`; the server's authority is trusted where it stands for the host.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_service::Service;
    ///
    /// let k = kmock_runtime::KMock::builder().hostnames(["example.com"]).start().await?;
    /// // What a client does with it: `Client::builder(TokioExecutor::new()).build(k.connector())`.
    /// let connection = k.connector().call("http://example.com/".parse()?).await?;
    /// # drop(connection);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "hyper")]
    pub fn connector(&self) -> crate::hostnames::Interceptor {
        self.intercepting()
    }

    #[cfg(any(feature = "hyper", feature = "kube"))]
    pub(crate) fn intercepting(&self) -> crate::hostnames::Interceptor {
        #[allow(unused_mut, reason = "TLS is a feature")]
        let mut interceptor = crate::hostnames::Interceptor::new(self);
        #[cfg(feature = "tls")]
        {
            interceptor.trust = self.trust().ok();
        }
        interceptor
    }

    /// Leads any client to this server for its `hostnames`: the address of a forward proxy, as in `HTTP_PROXY`.
    ///
    /// Requests for other hosts are forwarded; without `hostnames` the server stands for every host. With the feature `tls`,
    /// tunnels (CONNECT) to its hosts are opened: clients that are to trust it there need `KMock::ca_pem`.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let k = kmock_runtime::KMock::builder().hostnames(["example.com"]).start().await?;
    /// std::process::Command::new("curl")
    ///     .arg("http://example.com/")
    ///     .env("http_proxy", k.proxy_url())
    ///     .spawn()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn proxy_url(&self) -> String {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.0.core.tls
            && tls.serves_plain()
        {
            return format!("http://{}", self.0.address);
        }
        self.url()
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

    // ---- the embedded client ----

    /// A request to this server; `await` it for the response.
    pub fn request(&self, method: &str, target: impl AsRef<str>) -> ClientRequest {
        let target = target.as_ref();
        let redirect = crate::hostnames::Interceptor::new(self);
        ClientRequest::new(self.dial(), method, target).redirected_by(&redirect)
    }

    /// How the embedded client gets here.
    fn dial(&self) -> Dial {
        let dial = Dial::address(self.0.address);
        #[cfg(feature = "tls")]
        if self.0.core.tls.is_some()
            && let Ok(trust) = self.trust()
        {
            return dial.trusting(trust);
        }
        dial
    }

    /// A GET to this server; `await` it for the response.
    pub fn get(&self, target: impl AsRef<str>) -> ClientRequest {
        self.request("GET", target)
    }

    /// A HEAD to this server.
    pub fn head(&self, target: impl AsRef<str>) -> ClientRequest {
        self.request("HEAD", target)
    }

    /// A POST to this server; give it a body with [`ClientRequest::json`] and its kin.
    pub fn post(&self, target: impl AsRef<str>) -> ClientRequest {
        self.request("POST", target)
    }

    /// A PUT to this server.
    pub fn put(&self, target: impl AsRef<str>) -> ClientRequest {
        self.request("PUT", target)
    }

    /// A PATCH to this server.
    pub fn patch(&self, target: impl AsRef<str>) -> ClientRequest {
        self.request("PATCH", target)
    }

    /// A DELETE to this server.
    pub fn delete(&self, target: impl AsRef<str>) -> ClientRequest {
        self.request("DELETE", target)
    }

    /// An OPTIONS to this server.
    pub fn options(&self, target: impl AsRef<str>) -> ClientRequest {
        self.request("OPTIONS", target)
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

/// How many clients may wait to be let in.
const WAITING: i32 = 4096;

/// Which controllers a server has; see [`Builder::controllers`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Controllers {
    /// None: a bare API server.
    #[default]
    None,
    /// Those that clean up.
    Cleaning,
    /// Some parts of a living cluster, by their names.
    #[cfg(feature = "cluster")]
    Some(Vec<String>),
    /// All parts of a living cluster.
    #[cfg(feature = "cluster")]
    All,
}

impl From<bool> for Controllers {
    fn from(cleaning: bool) -> Controllers {
        if cleaning {
            Controllers::Cleaning
        } else {
            Controllers::None
        }
    }
}

#[cfg(feature = "cluster")]
impl<const N: usize> From<[&str; N]> for Controllers {
    fn from(names: [&str; N]) -> Controllers {
        Controllers::Some(names.map(str::to_owned).into())
    }
}

/// The options of a server to be started.
#[derive(Clone, Debug)]
#[must_use = "a server is started by `.start().await`"]
pub struct Builder {
    pub(crate) listen: SocketAddr,
    pub(crate) strict: bool,
    pub(crate) raw: bool,
    pub(crate) limit: Option<usize>,
    pub(crate) body_limit: usize,
    pub(crate) journal_limit: usize,
    pub(crate) seed: u64,
    pub(crate) controllers: Controllers,
    pub(crate) nodes: usize,
    pub(crate) heartbeats: bool,
    pub(crate) authentication: bool,
    pub(crate) rbac: bool,
    pub(crate) every_path: bool,
    pub(crate) keep: Option<usize>,
    pub(crate) history: Option<usize>,
    pub(crate) revision: Option<u64>,
    pub(crate) kubernetes_version: Option<String>,
    pub(crate) hostnames: Hostnames,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<crate::tls::Tls>,
    pub(crate) location: Location,
    /// Whether the clock of the test is virtual.
    pub(crate) paused: bool,
    pub(crate) sweep: Option<Arc<Script>>,
}

impl Default for Builder {
    #[track_caller]
    fn default() -> Builder {
        Builder {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            strict: false,
            raw: false,
            limit: None,
            body_limit: 64 << 20,
            journal_limit: 1 << 20,
            seed: 0,
            controllers: Controllers::default(),
            nodes: 0,
            heartbeats: false,
            authentication: false,
            rbac: false,
            every_path: false,
            keep: None,
            history: None,
            revision: None,
            kubernetes_version: None,
            hostnames: Hostnames::default(),
            #[cfg(feature = "tls")]
            tls: None,
            location: Location::caller(),
            paused: false,
            sweep: None,
        }
    }
}

impl Builder {
    /// Listens on this port of the loopback; 0, the default, is any free one.
    pub fn port(mut self, port: u16) -> Builder {
        self.listen.set_port(port);
        self
    }

    /// Listens on this address: the only way to be reachable from elsewhere than the loopback.
    pub fn listen(mut self, address: SocketAddr) -> Builder {
        self.listen = address;
        self
    }

    /// Unexpected requests and errors of the test's own code fail the test.
    pub fn strict(mut self, strict: bool) -> Builder {
        self.strict = strict;
        self
    }

    /// No Kubernetes API below the rules.
    pub fn raw(mut self, raw: bool) -> Builder {
        self.raw = raw;
        self
    }

    /// How many requests the server answers before it refuses with 429: a guard against endless loops.
    pub fn limit(mut self, requests: usize) -> Builder {
        self.limit = Some(requests);
        self
    }

    /// The largest request body in bytes, 64 MiB unless said; larger ones get a 413.
    pub fn body_limit(mut self, bytes: usize) -> Builder {
        self.body_limit = bytes;
        self
    }

    /// How much of each body the journal keeps, 1 MiB unless said, and 256 times that in all. Rules and closures
    /// always see whole bodies; [`KMock::requests`], views and reports see what is kept.
    pub fn journal_limit(mut self, bytes: usize) -> Builder {
        self.journal_limit = bytes;
        self
    }

    /// How many requests the server remembers: all unless said, which is right for a test. Of a server that runs for days, the
    /// oldest are forgotten, at the server and at its rules; reports say so, and counts stay right.
    pub fn keep(mut self, requests: usize) -> Builder {
        self.keep = Some(requests.max(1));
        self
    }

    /// How many changes of each Kubernetes resource are kept at least, 100,000 unless said: for watches and lists from former
    /// versions, and for the histories of objects. What is older expires as if it was compacted (410).
    pub fn history(mut self, changes: usize) -> Builder {
        self.history = Some(changes);
        self
    }

    /// The resource version at which the Kubernetes API starts, 100 unless said: a server that takes the place of another
    /// goes on from there, so that clients see that theirs are old.
    pub fn revision(mut self, revision: u64) -> Builder {
        self.revision = Some(revision);
        self
    }

    /// What `/version` says, e.g. `v1.31.4`, for clients that go by it. What is emulated stays the same.
    pub fn kubernetes_version(mut self, version: impl Into<String>) -> Builder {
        self.kubernetes_version = Some(version.into());
        self
    }

    /// The seed of everything that looks random: uids, name suffixes, jitter.
    pub fn seed(mut self, seed: u64) -> Builder {
        self.seed = seed;
        self
    }

    /// Hostnames that the server stands for: `example.com`, `example.com:8080`, `*.local`, `~.*\\.local` (a regular
    /// expression), `10.20.30.40`. Clients find it there by `KMock::connector`, `KMock::resolver`, or
    /// [`KMock::proxy_url`].
    ///
    /// # Panics
    /// When one of them is no such thing; the message points at the caller.
    #[track_caller]
    pub fn hostnames<H: AsRef<str>>(mut self, hostnames: impl IntoIterator<Item = H>) -> Builder {
        for hostname in hostnames {
            if let Err(error) = self.hostnames.push(hostname.as_ref()) {
                panic!("kmock: {error}");
            }
        }
        self
    }

    /// Which controllers there are. `true`: those that clean up, as in a real cluster: objects whose owners are gone
    /// (ownerReferences), the contents of deleted namespaces, and with the feature `cluster` claims and volumes that are
    /// deleted and not used. Without them, the Kubernetes API is a bare API server,
    /// in which a deleted namespace stays `Terminating`. With the feature `cluster`, also some parts of a cluster that
    /// lives, by their names: `["deployments", "replicasets"]`; they imply those that clean up.
    pub fn controllers(mut self, controllers: impl Into<Controllers>) -> Builder {
        self.controllers = controllers.into();
        self
    }

    /// The cluster lives: all controllers, a scheduler, and a kubelet for each node that is declared
    /// ([docs/cluster.md](https://github.com/kmock/kmock/blob/main/docs/cluster.md)).
    #[cfg(feature = "cluster")]
    pub fn cluster(self) -> Builder {
        self.controllers(Controllers::All)
    }

    /// The cluster lives, and has so many nodes to begin with: `node-1`, `node-2`…
    #[cfg(feature = "cluster")]
    pub fn nodes(mut self, count: usize) -> Builder {
        if !matches!(self.controllers, Controllers::Some(_)) {
            self.controllers = Controllers::All;
        }
        self.nodes = count;
        self
    }

    /// Nodes renew their Leases all the time, for outside programs that look at them; in virtual time it would keep the
    /// clock running.
    #[cfg(feature = "cluster")]
    pub fn heartbeats(mut self, heartbeats: bool) -> Builder {
        self.heartbeats = heartbeats;
        self
    }

    /// Everybody has to say who they are: without credentials one is `system:anonymous`, and tokens that nobody knows are
    /// 401. Off, whoever does not say who they are is the administrator.
    pub fn authentication(mut self, authentication: bool) -> Builder {
        self.authentication = authentication;
        self
    }

    /// RBAC decides who may what, by the roles and bindings of the Kubernetes API, and everybody has to say who they are.
    /// `KMock::rbac` does the same later, with roles.
    pub fn rbac(mut self, rbac: bool) -> Builder {
        self.rbac = rbac;
        self
    }

    /// The Kubernetes API answers whatever no rule does, on every path, as an API server does; otherwise only on the
    /// paths of an API server, and the rest is a 404 that explains which rule was nearest.
    pub fn every_path(mut self, every: bool) -> Builder {
        self.every_path = every;
        self
    }

    /// Starts the server on the runtime of the caller.
    ///
    /// # Errors
    /// When the address cannot be listened on, or there is no runtime of tokio.
    pub async fn start(self) -> Result<KMock, Error> {
        let Ok(handle) = tokio::runtime::Handle::try_current() else {
            return Err(Error::invalid(
                "an async server needs a runtime of tokio: `#[kmock::test]` and `#[tokio::test]` bring one; \
                 anywhere else, `KMock::builder().start_blocking()` serves on a thread of its own",
            ));
        };
        let listener = self.bind()?;
        self.launch(|core| Server::on_runtime(listener, core, &handle))
    }

    /// Starts the server on a thread of its own, for tests that are not async.
    ///
    /// # Errors
    /// When the address cannot be listened on, or no thread can be started.
    pub fn start_blocking(self) -> Result<KMock, Error> {
        let listener = self.bind()?;
        self.launch(|core| Server::on_thread(listener, core))
    }

    fn bind(&self) -> Result<std::net::TcpListener, Error> {
        let doing = || format!("cannot listen on {}", self.listen);
        self.listener().map_err(|error| Error::io(doing(), error))
    }

    /// As `std` listens, but for more clients that connect at once than its 128: those beyond would be let in only when they
    /// try again, a second later.
    fn listener(&self) -> std::io::Result<std::net::TcpListener> {
        use socket2::{Domain, Protocol, Socket, Type};
        let domain = Domain::for_address(self.listen);
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.bind(&self.listen.into())?;
        socket.listen(WAITING)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    }

    fn launch(
        self,
        serve: impl FnOnce(Arc<Core>) -> Result<Server, Error>,
    ) -> Result<KMock, Error> {
        let backend = cluster::backend(&self);
        // Clients of the test may look for it before the server does.
        #[cfg(feature = "tls")]
        let _provider = crate::tls::provider();
        #[cfg(feature = "tls")]
        let tls = match &self.tls {
            Some(tls) => Some(Arc::new(crate::tls::Server::new(tls.clone())?)),
            None => None,
        };
        let core = Arc::new(Core {
            book: Book::default(),
            journal: Journal::new(self.journal_limit, self.keep),
            live: Live::default(),
            clock: Clock::start(),
            options: self,
            backend,
            dialect: cluster::dialect(),
            connections: Tasks::new(),
            tasks: Tasks::new(),
            pending_sinks: Pending::default(),
            coming: Coming::default(),
            stopped: AtomicBool::new(false),
            verified: AtomicBool::new(false),
            address: OnceLock::new(),
            #[cfg(feature = "tls")]
            tls,
            #[cfg(feature = "tls")]
            tunnels: std::sync::OnceLock::new(),
            operators: Operators::default(),
            in_flight: AtomicUsize::new(0),
            errors: Mutex::default(),
            notes: Mutex::default(),
            next_id: AtomicU64::new(0),
            next_connection: AtomicU64::new(0),
            told: Mutex::default(),
            told_in_an_error: Mutex::default(),
        });
        let server = serve(Arc::clone(&core))?;
        // The first to be told.
        let _ = core.address.set(server.door().address());
        Ok(KMock(Arc::new(Handle {
            core,
            address: server.door().address(),
            server: Mutex::new(Some(server)),
            #[cfg(feature = "tls")]
            files: Mutex::default(),
        })))
    }
}

//! What `#[kmock::test]` runs: a runtime, servers on it, the body, and the checks after it.

use std::{
    any::Any,
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::PathBuf,
    pin::Pin,
    process::ExitCode,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures::{
    FutureExt,
    future::{Either, select},
};

use crate::{
    gatekeeper::Gatekeeper,
    journal::{self, Report},
    location::Location,
    mock::KMock,
    options::Builder,
    sweep::{Script, SweepOptions},
    watchdog::{self, TestKind, Watchdog, Watched},
};

pub use crate::sweep::run_sweep;

/// The options of one test, as the attribute has them.
#[derive(Clone, Debug)]
#[must_use = "options do nothing until a test runs with them"]
pub struct TestOptions {
    name: &'static str,
    location: Location,
    start_paused: bool,
    workers: Option<Option<usize>>,
    strict: bool,
    raw: bool,
    cluster: bool,
    nodes: usize,
    rbac: bool,
    admission: &'static [&'static str],
    limit: Option<usize>,
    port: u16,
    seed: u64,
    hostnames: &'static [&'static str],
    timeout: Option<Duration>,
    report: Option<PathBuf>,
    tls: TlsOption,
    sweep: SweepOptions,
    /// What stands before the rules of the first server in this run of a sweep.
    script: Option<Arc<Script>>,
    /// Failures are told by their panic alone.
    quiet: bool,
}

/// How the servers of a test speak TLS. The options are there without the feature, so that a test can say what it lacks.
#[derive(Clone, Debug, Default)]
enum TlsOption {
    #[default]
    Plain,
    Tls,
    Authority(&'static str),
    #[cfg(feature = "tls")]
    With(crate::tls::Tls),
}

/// How long sinks may take after the body of a test that is not async.
const SETTLING: Duration = Duration::from_secs(30);

impl TestOptions {
    /// The defaults, for a test of this name.
    #[track_caller]
    pub fn new(name: &'static str) -> TestOptions {
        TestOptions {
            name,
            location: Location::caller(),
            start_paused: false,
            workers: None,
            strict: false,
            raw: false,
            cluster: false,
            nodes: 0,
            rbac: false,
            admission: &[],
            limit: None,
            port: 0,
            seed: 0,
            hostnames: &[],
            timeout: None,
            report: None,
            tls: TlsOption::Plain,
            sweep: SweepOptions::new(),
            script: None,
            quiet: false,
        }
    }

    /// How the test is swept, where it is run by [`run_sweep`].
    pub fn sweep(mut self, sweep: SweepOptions) -> TestOptions {
        self.sweep = sweep;
        self
    }

    pub(crate) fn swept(&self) -> &SweepOptions {
        &self.sweep
    }

    pub(crate) fn scripted(mut self, script: Arc<Script>) -> TestOptions {
        self.script = Some(script);
        self
    }

    /// For one of many runs: it says nothing, draws no page, and ends in any case.
    pub(crate) fn quietly(mut self, limit: Duration) -> TestOptions {
        self.quiet = true;
        self.timeout = Some(limit);
        self
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn seed_of_all(&self) -> u64 {
        self.seed
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.start_paused
    }

    pub(crate) fn report_directory(&self) -> Option<PathBuf> {
        self.report.clone().or_else(journal::report_directory)
    }

    /// Virtual time: the clock stands, and jumps to the next timer when nothing else is to be done.
    pub fn start_paused(mut self, paused: bool) -> TestOptions {
        self.start_paused = paused;
        self
    }

    /// A runtime of several threads; `None`: as many as there are cores.
    pub fn multi_thread(mut self, workers: Option<usize>) -> TestOptions {
        self.workers = Some(workers);
        self
    }

    /// Unexpected requests and errors of the test's own code fail the test.
    pub fn strict(mut self, strict: bool) -> TestOptions {
        self.strict = strict;
        self
    }

    /// No Kubernetes API below the rules.
    pub fn raw(mut self, raw: bool) -> TestOptions {
        self.raw = raw;
        self
    }

    /// The cluster lives: controllers, a scheduler, kubelets. It needs the feature `cluster`.
    pub fn cluster(mut self, lives: bool) -> TestOptions {
        self.cluster = lives;
        self
    }

    /// The cluster lives and has so many nodes. It needs the feature `cluster`.
    pub fn nodes(mut self, count: usize) -> TestOptions {
        (self.cluster, self.nodes) = (true, count);
        self
    }

    /// RBAC decides who may what in the Kubernetes API.
    pub fn rbac(mut self, rbac: bool) -> TestOptions {
        self.rbac = rbac;
        self
    }

    /// Admission plugins of the Kubernetes API that run beside those that always do.
    pub fn admission(mut self, plugins: &'static [&'static str]) -> TestOptions {
        self.admission = plugins;
        self
    }

    /// How many requests each server answers before it refuses.
    pub fn limit(mut self, requests: usize) -> TestOptions {
        self.limit = Some(requests);
        self
    }

    /// The port of the server; with several servers, that of the first.
    pub fn port(mut self, port: u16) -> TestOptions {
        self.port = port;
        self
    }

    /// The seed of everything that looks random.
    pub fn seed(mut self, seed: u64) -> TestOptions {
        self.seed = seed;
        self
    }

    /// The hostnames that clients are to find at the server.
    pub fn hostnames(mut self, hostnames: &'static [&'static str]) -> TestOptions {
        self.hostnames = hostnames;
        self
    }

    /// Writes a page about the test into this directory, as the variable `KMOCK_REPORT` does for all tests.
    pub fn report(mut self, directory: impl Into<PathBuf>) -> TestOptions {
        self.report = Some(directory.into());
        self
    }

    /// HTTPS, by the authority of the process.
    pub fn tls(mut self, tls: bool) -> TestOptions {
        self.tls = if tls {
            TlsOption::Tls
        } else {
            TlsOption::Plain
        };
        self
    }

    /// HTTPS, by the authority of a file, with its key in it or beside it.
    pub fn tls_ca(mut self, path: &'static str) -> TestOptions {
        self.tls = TlsOption::Authority(path);
        self
    }

    /// HTTPS as it is said.
    #[cfg(feature = "tls")]
    pub fn tls_with(mut self, tls: crate::tls::Tls) -> TestOptions {
        self.tls = TlsOption::With(tls);
        self
    }

    /// How long the test may last in real time, whatever its clock does: a minute unless said, 30 seconds for tests that
    /// start paused; the variable `KMOCK_TIMEOUT` (seconds, `5m`, `off`) sets it for all that do not say. One that takes
    /// longer fails, and says what it waits for; where nothing else can end it, the process ends (status 101).
    pub fn timeout(mut self, limit: Duration) -> TestOptions {
        self.timeout = Some(limit);
        self
    }

    #[cfg(feature = "tls")]
    fn secured(&self, builder: Builder) -> Builder {
        match &self.tls {
            TlsOption::Plain => builder,
            TlsOption::Tls => builder.tls(),
            TlsOption::Authority(path) => builder.tls_with(crate::tls::Tls::new().ca(*path)),
            TlsOption::With(tls) => builder.tls_with(tls.clone()),
        }
    }

    #[cfg(not(feature = "tls"))]
    fn secured(&self, builder: Builder) -> Builder {
        match &self.tls {
            TlsOption::Plain => builder,
            TlsOption::Tls | TlsOption::Authority(_) => {
                panic!("kmock: the option `tls` needs the feature `tls` of kmock")
            }
        }
    }

    fn server(&self, nth: u64) -> Builder {
        let mut builder = KMock::builder()
            .strict(self.strict)
            .raw(self.raw)
            .rbac(self.rbac)
            .admission(self.admission.iter().copied())
            .hostnames(self.hostnames)
            // Two servers are two clusters: their uids differ.
            .seed(self.seed.wrapping_add(nth));
        if self.cluster {
            #[cfg(feature = "cluster")]
            {
                builder = builder.nodes(self.nodes);
            }
            #[cfg(not(feature = "cluster"))]
            panic!("kmock: `cluster` needs the feature `cluster` of kmock");
        }
        builder.location = self.location;
        builder.paused = self.start_paused;
        if nth == 0 {
            builder.gatekeeper = self
                .script
                .clone()
                .map(|script| script as Arc<dyn Gatekeeper>);
        }
        if let Some(limit) = self.limit {
            builder = builder.limit(limit);
        }
        if nth == 0 {
            builder = builder.port(self.port);
        }
        self.secured(builder)
    }

    fn runtime(&self) -> Result<tokio::runtime::Runtime, String> {
        let mut builder = match self.workers {
            None => tokio::runtime::Builder::new_current_thread(),
            Some(workers) => {
                let mut builder = tokio::runtime::Builder::new_multi_thread();
                if let Some(workers) = workers {
                    builder.worker_threads(workers.max(1));
                }
                builder
            }
        };
        if self.start_paused && self.workers.is_some() {
            return Err(
                "`start_paused` needs the current-thread flavor: the clock of several threads cannot stand"
                    .to_owned(),
            );
        }
        // Room for the events of so many sockets at a time: the usual room is made for thousands.
        builder.enable_all().max_io_events_per_tick(128);
        #[cfg(feature = "test-util")]
        builder.start_paused(self.start_paused);
        #[cfg(not(feature = "test-util"))]
        if self.start_paused {
            return Err("`start_paused` needs the feature `test-util` of kmock".to_owned());
        }
        builder
            .build()
            .map_err(|error| format!("cannot start a runtime: {error}"))
    }
}

/// A test's result, as far as the checks after it need to know.
#[diagnostic::on_unimplemented(
    message = "a test cannot return `{Self}`",
    label = "expected nothing, or a `Result`",
    note = "a test returns `()`, a `Result<(), E>` or an `ExitCode`"
)]
pub trait Outcome {
    /// Whether the test's body was content.
    fn is_success(&self) -> bool;

    /// The error, as the test harness of Rust is going to show it.
    #[doc(hidden)]
    fn error(&self) -> Option<String> {
        None
    }
}

impl Outcome for () {
    fn is_success(&self) -> bool {
        true
    }
}

impl<T: Outcome, E: fmt::Debug> Outcome for Result<T, E> {
    fn is_success(&self) -> bool {
        self.as_ref().is_ok_and(T::is_success)
    }

    fn error(&self) -> Option<String> {
        self.as_ref().err().map(|error| format!("{error:?}"))
    }
}

impl Outcome for ExitCode {
    fn is_success(&self) -> bool {
        *self == ExitCode::SUCCESS
    }
}

impl Outcome for std::convert::Infallible {
    fn is_success(&self) -> bool {
        match *self {}
    }
}

type Called<T> = Pin<Box<dyn Future<Output = T>>>;

/// An async test: a function of up to four servers.
#[diagnostic::on_unimplemented(
    message = "unsupported `#[kmock::test]` signature",
    label = "expected `async fn(k: KMock)`, `async fn()`, or up to four `KMock` arguments",
    note = "tests may return `()` or a `Result`"
)]
pub trait TestFn<Servers> {
    /// What the test returns.
    type Output: Outcome;
    /// How many servers it takes.
    const SERVERS: usize;
    #[doc(hidden)]
    fn call(self, servers: &[KMock]) -> Option<Called<Self::Output>>;
}

/// A test that is not async: a function of up to four servers.
#[diagnostic::on_unimplemented(
    message = "unsupported `#[kmock::test]` signature",
    label = "expected `fn(k: KMock)`, `fn()`, or up to four `KMock` arguments",
    note = "tests may return `()` or a `Result`"
)]
pub trait SyncTestFn<Servers> {
    /// What the test returns.
    type Output: Outcome;
    /// How many servers it takes.
    const SERVERS: usize;
    #[doc(hidden)]
    fn call(self, servers: &[KMock]) -> Option<Self::Output>;
}

macro_rules! test_fns {
    ($($count:literal: $($server:ident)*;)*) => { $(
        impl<F, Fut> TestFn<[(); $count]> for F
        where
            F: FnOnce($(test_fns!(@server $server)),*) -> Fut,
            Fut: Future<Output: Outcome> + 'static,
        {
            type Output = Fut::Output;
            const SERVERS: usize = $count;

            fn call(self, servers: &[KMock]) -> Option<Called<Fut::Output>> {
                let [$($server),*] = servers else { return None };
                Some(Box::pin(self($($server.clone()),*)))
            }
        }

        impl<F, R> SyncTestFn<[(); $count]> for F
        where
            F: FnOnce($(test_fns!(@server $server)),*) -> R,
            R: Outcome,
        {
            type Output = R;
            const SERVERS: usize = $count;

            fn call(self, servers: &[KMock]) -> Option<R> {
                let [$($server),*] = servers else { return None };
                Some(self($($server.clone()),*))
            }
        }
    )* };
    (@server $server:ident) => { KMock };
}
test_fns! {
    0: ;
    1: a;
    2: a b;
    3: a b c;
    4: a b c d;
}

/// Runs an async test: servers on the test's own runtime, the body, the checks, a clean end.
///
/// # Panics
/// When the body does, or when a check after it does not hold.
#[track_caller]
pub fn run_async<Servers, F: TestFn<Servers>>(options: TestOptions, test: F) -> F::Output {
    let runtime = or_panic(options.runtime());
    let mut servers = Vec::new();
    let usual = match options.start_paused {
        true => watchdog::VIRTUAL,
        false => watchdog::REAL,
    };
    let limit = or_panic(watchdog::limit(options.timeout, usual));
    let watched = Watched::on(runtime.handle().id());
    let kind = match options.workers {
        None => TestKind::OneThread,
        Some(_) => TestKind::Threads,
    };
    let mut watchdog = Watchdog::new(options.name, limit, kind, watched.clone());
    let outcome = runtime.block_on(async {
        for nth in 0..F::SERVERS as u64 {
            let server = or_panic(options.server(nth).start().await);
            // It is checked after the body.
            server.core().verified.store(true, Ordering::Relaxed);
            watched.add(&server);
            servers.push(server);
        }
        let body = std::pin::pin!(async {
            // The test may panic already when it is called.
            let called = AssertUnwindSafe(async { test.call(&servers) }).catch_unwind();
            let body = match called.await {
                Ok(Some(body)) => body,
                Ok(None) => unreachable_signature(options.name),
                Err(panic) => return Body::Panicked(panic),
            };
            let outcome = match AssertUnwindSafe(body).catch_unwind().await {
                Ok(outcome) => outcome,
                Err(panic) => return Body::Panicked(panic),
            };
            for server in &servers {
                server.settled().await;
            }
            if let (Some(script), Some(server)) = (&options.script, servers.first()) {
                script.ended(server).await;
            }
            Body::Done(outcome)
        });
        let fires = std::pin::pin!(watchdog.fires());
        match select(body, fires).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => {
                let limit = limit.unwrap_or_default();
                Body::Late(too_long(&options, limit, &watched))
            }
        }
    });
    drop(watchdog);
    let result = {
        // What is asked for the time sees the test's own clock.
        let _entered = runtime.enter();
        finish(&options, &servers, outcome)
    };
    // In this order: nothing of the servers is left when the runtime goes.
    drop(servers);
    // A closure of the test that never returns must not hold its end.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// What became of the body of a test.
enum Body<T> {
    Done(T),
    Panicked(Box<dyn Any + Send>),
    /// The watchdog ended it.
    Late(String),
}

/// Why a test fails that the watchdog ends, with what it was waiting for.
fn too_long(options: &TestOptions, limit: Duration, watched: &Watched) -> String {
    let pending = watched.pending();
    format!(
        "kmock: {} is not done after {limit:?} of real time; pending:\n  {pending}",
        options.name
    )
}

/// Runs a test that is not async: servers on threads of their own, the body, the checks, a clean end.
///
/// # Panics
/// When the body does, or when a check after it does not hold.
#[track_caller]
pub fn run_sync<Servers, F: SyncTestFn<Servers>>(options: TestOptions, test: F) -> F::Output {
    if options.start_paused || options.workers.is_some() {
        panic!("kmock: `start_paused` and `flavor` are options of async tests");
    }
    let limit = or_panic(watchdog::limit(options.timeout, watchdog::REAL));
    let watched = Watched::default();
    let servers: Vec<KMock> = (0..F::SERVERS as u64)
        .map(|nth| or_panic(options.server(nth).start_blocking()))
        .collect();
    for server in &servers {
        server.core().verified.store(true, Ordering::Relaxed);
        watched.add(server);
    }
    let watchdog = Watchdog::new(options.name, limit, TestKind::Sync, watched);
    let outcome = match catch_unwind(AssertUnwindSafe(|| test.call(&servers))) {
        Ok(Some(outcome)) => Body::Done(outcome),
        Ok(None) => unreachable_signature(options.name),
        Err(panic) => Body::Panicked(panic),
    };
    let sinks: Vec<String> = servers
        .iter()
        .map(|server| &server.core().background.pending_sinks)
        .filter(|sinks| !sinks.settled_within(SETTLING))
        .flat_map(|sinks| sinks.told())
        .collect();
    drop(watchdog);
    let outcome = match outcome {
        Body::Done(_) if !sinks.is_empty() => Body::Late(format!(
            "kmock: {} is over, but not done {SETTLING:?} later; pending:\n  {}",
            options.name,
            sinks.join("\n  ")
        )),
        outcome => outcome,
    };
    finish(&options, &servers, outcome)
}

/// The checks after the body. A failure of the body comes first and is not hidden behind those of the checks.
#[track_caller]
fn finish<T: Outcome>(options: &TestOptions, servers: &[KMock], outcome: Body<T>) -> T {
    let ended = match &outcome {
        Body::Done(outcome) if outcome.is_success() => Ended::Well,
        Body::Done(outcome) => Ended::Badly(outcome.error().unwrap_or_default()),
        Body::Panicked(panic) => Ended::Panicked(crate::user_code::panic_text(&**panic)),
        Body::Late(why) => Ended::Late(why.clone()),
    };
    // Whatever goes wrong with a report, the test's own failure is not lost.
    let told = catch_unwind(AssertUnwindSafe(|| tell(options, servers, &ended)));
    for server in servers {
        server.shutdown();
    }
    let told = told.unwrap_or_default();
    let print = |text: String| {
        if !options.quiet {
            eprintln!("{text}");
        }
    };
    match outcome {
        Body::Done(outcome) => {
            if matches!(ended, Ended::Well) {
                if let Some(text) = told {
                    panic!("{text}");
                }
            } else if let Some(text) = told {
                print(text);
            }
            outcome
        }
        Body::Late(why) => match told {
            Some(text) => panic!("{why}\n{text}"),
            None => panic!("{why}"),
        },
        Body::Panicked(panic) => {
            if let Some(text) = told {
                print(text);
            }
            resume_unwind(panic)
        }
    }
}

/// How the body of a test ended.
enum Ended {
    Well,
    /// It returned this error.
    Badly(String),
    Panicked(String),
    /// The watchdog ended it.
    Late(String),
}

impl Ended {
    /// What is shown of it without us.
    fn text(&self) -> &str {
        match self {
            Ended::Well => "",
            Ended::Badly(text) | Ended::Panicked(text) | Ended::Late(text) => text,
        }
    }
}

/// What is to be told after a test, if anything; writes the page, if one is wanted.
fn tell(options: &TestOptions, servers: &[KMock], ended: &Ended) -> Option<String> {
    let directory = options.report_directory().filter(|_| !options.quiet);
    let failed = !matches!(ended, Ended::Well);
    let mut texts = Vec::new();
    let mut pages = Vec::new();
    for (nth, server) in servers.iter().enumerate() {
        let core = server.core();
        let which = match servers.len() {
            1 => String::new(),
            all => format!(" {} of {all}, {}", nth + 1, server.url()),
        };
        let failures = journal::failures(core);
        // What somebody waited for in vain may have been told already, with all that came.
        let told = core
            .was_told()
            .or_else(|| core.is_told_in(ended.text()).then(Vec::new));
        if failures.is_empty() && !failed && directory.is_none() {
            continue;
        }
        let known = told.clone().unwrap_or_default();
        let fresh = failures.into_iter().filter(|one| !known.contains(one));
        let mut report = Report::of(Some(core), fresh.collect());
        let fresh = !report.failures.is_empty();
        // Of a test that fails before it asks anything, there is nothing to tell.
        let something = !report.entries.is_empty()
            || !report.errors.is_empty()
            || !report.notes.is_empty()
            || matches!(ended, Ended::Late(_));
        // What was told with a timeline needs no other.
        if fresh || failed && told.is_none() && something {
            let mut text = report.text().for_terminal().timeline(told.is_none());
            if failed && told.is_none() {
                text = text.title(format!(
                    "kmock: {} failed; this is what its server{which} saw",
                    options.name
                ));
            } else if !which.is_empty() {
                text = text.title(format!("kmock: server{which}"));
            }
            texts.push(text.to_string());
        }
        report.failures.splice(0..0, known);
        pages.push(report);
    }
    if let Some(directory) = directory {
        let note = match ended {
            Ended::Well => None,
            Ended::Badly(_) => Some("the test returned an error"),
            // A report of its own stands below.
            Ended::Panicked(text) if text.starts_with("kmock: ") => None,
            Ended::Panicked(text) | Ended::Late(text) => Some(text.as_str()),
        };
        let reports: Vec<&Report> = pages.iter().collect();
        let place = journal::write_page(&directory, options.name, note, &reports);
        match place {
            Ok(place) if failed || !texts.is_empty() => {
                texts.push(format!("kmock: as a page: {}", place.display()));
            }
            Ok(_) => {}
            Err(error) => eprintln!("kmock: no page in {}: {error}", directory.display()),
        }
    }
    (!texts.is_empty()).then(|| texts.join("\n"))
}

#[track_caller]
fn or_panic<T, E: fmt::Display>(made: Result<T, E>) -> T {
    match made {
        Ok(made) => made,
        Err(error) => panic!("kmock: {error}"),
    }
}

#[track_caller]
fn unreachable_signature(name: &str) -> ! {
    panic!("kmock: {name} did not get the servers that it takes")
}

//! What `#[kmock::test]` runs: a runtime, servers on it, the body, and the checks after it.

use std::{
    any::Any,
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::PathBuf,
    pin::Pin,
    process::ExitCode,
    time::Duration,
};

use futures::{
    FutureExt,
    future::{Either, select},
};

use crate::{
    clock::Watchdog,
    journal::{self, Report},
    location::Location,
    mock::{Builder, KMock},
};

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
    limit: Option<usize>,
    port: u16,
    seed: u64,
    hostnames: &'static [&'static str],
    timeout: Option<Duration>,
    report: Option<PathBuf>,
}

/// How long a test with a paused clock may last in real time, unless it says otherwise: a stuck one ends at last, a busy one
/// on a loaded machine is left alone.
const REAL_TIME: Duration = Duration::from_secs(30);

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
            limit: None,
            port: 0,
            seed: 0,
            hostnames: &[],
            timeout: None,
            report: None,
        }
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

    /// How long the test may last in real time, whatever its clock does; 30 seconds for tests that start paused.
    pub fn timeout(mut self, limit: Duration) -> TestOptions {
        self.timeout = Some(limit);
        self
    }

    fn server(&self, nth: u64) -> Builder {
        let mut builder = KMock::builder()
            .strict(self.strict)
            .raw(self.raw)
            .hostnames(self.hostnames)
            // Two servers are two clusters: their uids differ.
            .seed(self.seed.wrapping_add(nth));
        builder.location = self.location;
        if let Some(limit) = self.limit {
            builder = builder.limit(limit);
        }
        if nth == 0 {
            builder = builder.port(self.port);
        }
        builder
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
        builder.enable_all();
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
}

impl Outcome for () {
    fn is_success(&self) -> bool {
        true
    }
}

impl<T: Outcome, E> Outcome for Result<T, E> {
    fn is_success(&self) -> bool {
        self.as_ref().is_ok_and(T::is_success)
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

type Body<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

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
    fn call(self, servers: &[KMock]) -> Option<Body<'static, Self::Output>>;
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

            fn call(self, servers: &[KMock]) -> Option<Body<'static, Fut::Output>> {
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
    let limit = options
        .timeout
        .or(options.start_paused.then_some(REAL_TIME));
    let mut watchdog = Watchdog::new(options.name, limit);
    let outcome = runtime.block_on(async {
        for nth in 0..F::SERVERS as u64 {
            servers.push(or_panic(options.server(nth).start().await));
        }
        let body = std::pin::pin!(async {
            // The test may panic already when it is called.
            let called = AssertUnwindSafe(async { test.call(&servers) }).catch_unwind();
            let Some(body) = called.await? else {
                return Ok(None);
            };
            let outcome = AssertUnwindSafe(body).catch_unwind().await?;
            for server in &servers {
                server.settled().await;
            }
            Ok(Some(outcome))
        });
        let fires = std::pin::pin!(watchdog.fires());
        match select(body, fires).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Err(too_long(&options, limit, &servers)),
        }
    });
    drop(watchdog);
    let outcome = match outcome {
        Ok(Some(outcome)) => Ok(outcome),
        Ok(None) => unreachable_signature(options.name),
        Err(panic) => Err(panic),
    };
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

/// The panic of a test that the watchdog ends, with what it was waiting for.
fn too_long(
    options: &TestOptions,
    limit: Option<Duration>,
    servers: &[KMock],
) -> Box<dyn Any + Send> {
    let limit = limit.unwrap_or_default();
    let mut pending: Vec<String> = servers.iter().flat_map(KMock::pending).collect();
    if pending.is_empty() {
        pending
            .push("nothing at the server: the test itself waits, or it runs in circles".to_owned());
    }
    let message = format!(
        "kmock: {} is not done after {limit:?} of real time; pending:\n  {}",
        options.name,
        pending.join("\n  ")
    );
    // Panicking for real shows the message in the way of all panics.
    match catch_unwind(|| panic!("{message}")) {
        Ok(never) => never,
        Err(panic) => panic,
    }
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
    if options.timeout.is_some() {
        panic!("kmock: `timeout` is an option of async tests");
    }
    let servers: Vec<KMock> = (0..F::SERVERS as u64)
        .map(|nth| or_panic(options.server(nth).start_blocking()))
        .collect();
    let outcome = catch_unwind(AssertUnwindSafe(|| test.call(&servers)));
    for server in &servers {
        server.core().pending_sinks.settled_within(REAL_TIME);
    }
    let outcome = match outcome {
        Ok(Some(outcome)) => Ok(outcome),
        Ok(None) => unreachable_signature(options.name),
        Err(panic) => Err(panic),
    };
    finish(&options, &servers, outcome)
}

/// The checks after the body. A failure of the body comes first and is not hidden behind those of the checks.
#[track_caller]
fn finish<T: Outcome>(
    options: &TestOptions,
    servers: &[KMock],
    outcome: std::thread::Result<T>,
) -> T {
    let ended = match &outcome {
        Ok(outcome) if outcome.is_success() => Ended::Well,
        Ok(_) => Ended::Badly,
        Err(panic) => Ended::Panicked(crate::reply::panic_text(&**panic)),
    };
    // Whatever goes wrong with a report, the test's own failure is not lost.
    let told = catch_unwind(AssertUnwindSafe(|| tell(options, servers, &ended)));
    for server in servers {
        server.shutdown();
    }
    let told = told.unwrap_or_default();
    match outcome {
        Ok(outcome) => {
            if matches!(ended, Ended::Well) {
                if let Some(text) = told {
                    panic!("{text}");
                }
            } else if let Some(text) = told {
                eprintln!("{text}");
            }
            outcome
        }
        Err(panic) => {
            if let Some(text) = told {
                eprintln!("{text}");
            }
            resume_unwind(panic)
        }
    }
}

/// How the body of a test ended.
enum Ended {
    Well,
    Badly,
    Panicked(String),
}

/// What is to be told after a test, if anything; writes the page, if one is wanted.
fn tell(options: &TestOptions, servers: &[KMock], ended: &Ended) -> Option<String> {
    let directory = options.report.clone().or_else(journal::report_directory);
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
        let told = core.was_told();
        if failures.is_empty() && !failed && directory.is_none() {
            continue;
        }
        let known = told.clone().unwrap_or_default();
        let fresh = failures.into_iter().filter(|one| !known.contains(one));
        let mut report = Report::of(Some(core), fresh.collect());
        let fresh = !report.failures.is_empty();
        // What was told with a timeline needs no other.
        if fresh || failed && told.is_none() && !report.entries.is_empty() {
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
            Ended::Badly => Some("the test returned an error"),
            // A report of its own stands below.
            Ended::Panicked(text) if text.starts_with("kmock: ") => None,
            Ended::Panicked(text) => Some(text.as_str()),
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

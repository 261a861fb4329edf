//! What the tasks of a server share.

use std::{
    any::Any,
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use hyper_util::rt::TokioIo;

#[cfg(feature = "tls")]
use crate::error::Error;
use crate::{
    backend::{Backend, Dialect},
    background::Background,
    clock::Clock,
    extras::Extras,
    guard::Guard,
    journal::{Answerer, Failure, Journal, ObjectHistory, Report},
    location::Location,
    options::Builder,
    programs::Operators,
    reply::Takeover,
    request::Request,
    rules::Book,
    stream::Live,
    tasks::Tasks,
    waits::Witness,
};

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
    pub(crate) extras: Arc<Extras>,
    pub(crate) background: Arc<Background>,
    /// Whether somebody has asked, or will ask, whether what is expected has come.
    pub(crate) verified: AtomicBool,
    /// Where it listens.
    pub(crate) address: OnceLock<SocketAddr>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Arc<crate::tls::TlsServer>>,
    #[cfg(feature = "tls")]
    tunnels: OnceLock<Result<Arc<crate::tls::TlsServer>, String>>,
    /// The programs that run beside the test.
    pub(crate) operators: Operators,
    /// What may be written.
    pub(crate) guard: Guard,
    /// Requests without an answer.
    pub(crate) in_flight: AtomicUsize,
    next_id: AtomicU64,
    next_connection: AtomicU64,
    /// The failures that were shown already, with the timeline: nothing is told twice.
    told: Mutex<Option<Vec<Failure>>>,
    told_in_an_error: Mutex<String>,
}

impl Core {
    pub(crate) fn new(
        options: Builder,
        backend: Option<Arc<dyn Backend>>,
        dialect: Option<&'static dyn Dialect>,
        #[cfg(feature = "tls")] tls: Option<Arc<crate::tls::TlsServer>>,
    ) -> Core {
        Core {
            book: Book::default(),
            journal: Journal::new(options.journal_limit, options.keep),
            live: Live::default(),
            clock: Clock::start(),
            background: Arc::new(Background::new(options.keep)),
            options,
            backend,
            dialect,
            connections: Tasks::new(),
            extras: Arc::default(),
            verified: AtomicBool::new(false),
            address: OnceLock::new(),
            #[cfg(feature = "tls")]
            tls,
            #[cfg(feature = "tls")]
            tunnels: OnceLock::new(),
            operators: Operators::default(),
            guard: Guard::default(),
            in_flight: AtomicUsize::new(0),
            next_id: AtomicU64::new(0),
            next_connection: AtomicU64::new(0),
            told: Mutex::default(),
            told_in_an_error: Mutex::default(),
        }
    }

    /// The server that a rule was mounted on.
    pub(crate) fn behind(witness: Arc<dyn Witness>) -> Option<Arc<Core>> {
        let any: Arc<dyn Any + Send + Sync> = witness;
        any.downcast().ok()
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn next_connection(&self) -> u64 {
        self.next_connection.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn requests_so_far(&self) -> u64 {
        self.next_id.load(Ordering::Relaxed)
    }

    /// What went wrong in the test's own code.
    pub(crate) fn error(&self, message: String) {
        self.background.error(message);
    }

    pub(crate) fn errors(&self) -> Vec<String> {
        self.background.errors()
    }

    pub(crate) fn errors_from(&self, number: usize) -> (Vec<String>, usize) {
        self.background.errors_from(number)
    }

    pub(crate) fn take_errors(&self) -> Vec<String> {
        self.background.take_errors()
    }

    /// What is worth to be told, and nobody's mistake.
    pub(crate) fn note(&self, text: String) {
        self.background.note(text);
    }

    /// A feed that nobody waits for is most likely a mistake of the test.
    pub(crate) fn told_of_feed(&self, fed: usize, place: Location) {
        if fed == 0 {
            self.note(format!(
                "what was fed at {place} reached no stream: none waited at a `...`"
            ));
        }
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        self.background.notes()
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.background.stopped.load(Ordering::Acquire)
    }

    /// What opens the TLS in tunnels, and names the authority: also of servers that speak none on their port.
    #[cfg(feature = "tls")]
    pub(crate) fn tunnels(&self) -> Result<Arc<crate::tls::TlsServer>, Error> {
        if let Some(tls) = &self.tls {
            return Ok(Arc::clone(tls));
        }
        let made = self.tunnels.get_or_init(|| {
            crate::tls::TlsServer::new(crate::tls::Tls::new())
                .map(Arc::new)
                .map_err(|error| error.to_string())
        });
        made.clone().map_err(Error::invalid)
    }
}

/// Reports.
impl Core {
    /// Hands the connection of a request over, as soon as the client knows of it. It ends with the server.
    pub(crate) fn hand_over(&self, request: &Request, takeover: Takeover) {
        if let Some(upgrade) = request.take_upgrade() {
            self.connections.spawn(async move {
                // A client that is gone by now is not the test's concern.
                if let Ok(upgraded) = upgrade.await {
                    takeover(TokioIo::new(upgraded)).await;
                }
            });
        }
    }

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
            .map(|seen| {
                let request = seen.request();
                match (request.progress(), seen.outcome().answered_by) {
                    (Some(progress), _) => format!("{request:?} sends its body: {progress} came"),
                    (None, Answerer::Nobody) => format!("{request:?} is not answered"),
                    (None, by) => format!("{request:?} is not answered yet by {by}"),
                }
            });
        let live = self
            .live
            .requests()
            .into_iter()
            .map(|request| format!("the stream of {request:?} waits to be fed"));
        let sinks = self.background.pending_sinks.told();
        unanswered.chain(live).chain(sinks).collect()
    }

    /// The failures that were shown; `None`: nothing was shown yet, the timeline neither.
    pub(crate) fn was_told(&self) -> Option<Vec<Failure>> {
        self.told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A request that has no answer yet; a watch has one as soon as it is open.
pub(crate) struct Busy(Arc<Core>);

impl Busy {
    pub(crate) fn new(core: &Arc<Core>) -> Busy {
        core.in_flight.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(core))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

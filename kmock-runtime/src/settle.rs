//! Waiting until nothing moves any more.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use crate::{core::Core, journal::Report, location::Location, mock::KMock};

/// How long nothing may move, of virtual time.
const QUIET: Duration = Duration::from_secs(60);
/// The same after a fault of a sweep: longer than operators commonly wait before they look again.
const QUIET_AFTER_FAULT: Duration = Duration::from_secs(11 * 60);
/// The same in real time.
const QUIET_NOW: Duration = Duration::from_millis(300);
/// So many rounds are waited, each as long as it takes to be quiet.
const ROUNDS: usize = 200;
/// So many writes without an end are a loop.
const WRITES: u64 = 20_000;

/// Waits until nothing moves: see [`KMock::settle`].
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// k.settle().await; // until nobody asks for anything any more
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "waiting does nothing until it is awaited"]
pub struct Settle {
    server: KMock,
    location: Location,
}

impl KMock {
    /// Waits until nothing moves: no request is in flight but watches, and nothing changes but leases and events, for a
    /// minute of virtual time (after a fault of a sweep, for eleven minutes); of real time, for 300 ms.
    ///
    /// A cluster that lives (feature `cluster`) knows itself when it rests: when its controllers, its scheduler and its
    /// kubelets have nothing to do and nothing is on its way.
    ///
    /// Requests that only read count where there is no Kubernetes API below the rules.
    ///
    /// # Panics
    /// When it does not come to rest: the panic tells what goes on, and points at the caller.
    #[track_caller]
    pub fn settle(&self) -> Settle {
        Settle {
            server: self.clone(),
            location: Location::caller(),
        }
    }
}

impl IntoFuture for Settle {
    type Output = ();
    type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let core = Arc::clone(self.server.core());
            if let Err(why) = quiet(&core).await {
                let report = Report::of(Some(&core), Vec::new());
                panic!(
                    "kmock: nothing came to rest at {}: {why}\n{}",
                    self.location,
                    report.text().for_terminal()
                );
            }
            if let Some(script) = &core.options.gatekeeper {
                script.settled(&core);
            }
        })
    }
}

/// What moves: changes that count, and requests that are not done.
fn movement(core: &Core) -> (u64, usize) {
    let changes = match &core.backend {
        Some(backend) => backend.changes(),
        None => core.requests_so_far(),
    };
    (changes, core.in_flight.load(Ordering::Relaxed))
}

pub(crate) async fn quiet(core: &Core) -> Result<(), String> {
    let script = core.options.gatekeeper.as_ref();
    if let Some(rest) = core.backend.as_ref().and_then(|backend| backend.rest()) {
        rest.await?;
        // A cluster that lives knows when it rests; a client that a fault met may still come back to it.
        if !script.is_some_and(|script| script.has_met()) {
            return Ok(());
        }
    }
    let window = match core.options.paused {
        true if script.is_some_and(|script| script.has_met()) => QUIET_AFTER_FAULT,
        true => QUIET,
        false => QUIET_NOW,
    };
    let first = movement(core).0;
    for _ in 0..ROUNDS {
        let before = movement(core);
        tokio::time::sleep(window).await;
        let after = movement(core);
        if before == after && after.1 == 0 {
            return Ok(());
        }
        if after.0.saturating_sub(first) > WRITES {
            return Err(format!(
                "{} changes came, and no end of them",
                after.0 - first
            ));
        }
    }
    let (now, waiting) = movement(core);
    Err(match waiting {
        0 => format!(
            "{} changes came, one at least in each of {ROUNDS} rounds of {window:?}",
            now - first
        ),
        waiting => format!(
            "{waiting} requests are still waiting for an answer after {ROUNDS} rounds of {window:?}"
        ),
    })
}

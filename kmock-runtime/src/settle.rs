//! Waiting until nothing moves any more, and seeing that it never will.

use std::{
    collections::HashMap,
    future::{Future, IntoFuture},
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures::future::{Either, select};

use crate::{core::Core, journal::Report, location::Location, mock::KMock};

/// How long nothing may move, of virtual time.
const QUIET: Duration = Duration::from_secs(60);
/// The same after a fault of a sweep, as long as not all is as it was without the fault, and in the end: longer than
/// operators commonly wait before they look again.
const QUIET_AFTER_FAULT: Duration = Duration::from_secs(11 * 60);
/// The same in real time.
const QUIET_NOW: Duration = Duration::from_millis(300);
/// So many rounds are waited in which something moves, each as long as it takes to be quiet.
const ROUNDS: usize = 200;
/// So many writes without an end are a loop.
const WRITES: u64 = 20_000;
/// So many requests to the Kubernetes API within a minute of virtual time, a third of them the same, are a hot loop.
const REQUESTS: u64 = 1_000;

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
    /// minute of virtual time (after a fault of a sweep, for eleven minutes, unless all is as it was without the fault); of
    /// real time, for 300 ms.
    ///
    /// A cluster that lives (feature `cluster`) knows itself when it rests: when its controllers, its scheduler and its
    /// kubelets have nothing to do and nothing is on its way.
    ///
    /// Requests that only read count where there is no Kubernetes API below the rules.
    ///
    /// # Panics
    /// When it does not come to rest: the panic tells what goes on, and points at the caller. A **hot loop** is told as
    /// such, by the request that comes again and again: a thousand requests to the Kubernetes API within a minute of virtual
    /// time, a third of them the same, whether they change anything or not. So it is with a reconciler that is woken by
    /// what it writes itself.
    ///
    /// ```no_run
    /// # async fn example(k: kmock_runtime::KMock) {
    /// k.objects().seed(serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}));
    /// k.settle().await; // the operator under test has done all that it had to do
    /// assert!(k.objects().get("secrets", "default/a").is_some());
    /// # }
    /// ```
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
            if let Err(why) = quiet(&core, Rest::Between).await {
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

/// Where a test waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Between two of its steps.
    Between,
    /// When its body is over: what a fault left behind comes out now or never.
    InTheEnd,
}

/// Comes when nothing moves; the error is what still does.
pub(crate) async fn quiet(core: &Core, rest: Rest) -> Result<(), String> {
    let script = core.options.gatekeeper.as_ref();
    let met = || script.filter(|script| script.has_met());
    if let Some(rest) = core.backend.as_ref().and_then(|backend| backend.rest()) {
        rest.await?;
        // A cluster that lives knows when it rests; a client that a fault met may still come back to it.
        if met().is_none() {
            return Ok(());
        }
    }
    let window = match core.options.paused {
        true => QUIET,
        false => QUIET_NOW,
    };
    let first = movement(core).0;
    let (mut moved, mut still) = (0, Duration::ZERO);
    while moved < ROUNDS {
        let before = movement(core);
        watched(core, window).await?;
        let after = movement(core);
        if before == after && after.1 == 0 {
            still += window;
            let enough = match met() {
                Some(_) if !core.options.paused || still >= QUIET_AFTER_FAULT => true,
                Some(script) => rest == Rest::Between && script.is_as_usual(core),
                None => true,
            };
            if enough {
                return Ok(());
            }
        } else {
            (moved, still) = (moved + 1, Duration::ZERO);
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

/// Lets a window of time go by. A clock that stands does not move while requests come in, so that a loop without a pause
/// would be waited for until the watchdog comes: the requests are counted meanwhile.
async fn watched(core: &Core, window: Duration) -> Result<(), String> {
    let mut came = core.journal.changes();
    let mut end = pin!(tokio::time::sleep(window));
    let (mut from, mut since) = (core.requests_so_far(), core.clock.elapsed());
    loop {
        let over = match select(&mut end, pin!(came.changed())).await {
            Either::Left(_) => true,
            Either::Right((changed, _)) => changed.is_err(),
        };
        let (now, time) = (core.requests_so_far(), core.clock.elapsed());
        let many = now.saturating_sub(from) >= REQUESTS;
        let within = time.saturating_sub(since);
        if many && core.options.paused && within <= QUIET {
            hot_loop(core, from).map_or(Ok(()), Err)?;
        }
        if many || within > QUIET {
            (from, since) = (now, time);
        }
        if over {
            return Ok(());
        }
    }
}

/// The request to the Kubernetes API that came again and again since a number, in words, if there is one.
fn hot_loop(core: &Core, from: u64) -> Option<String> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    for seen in core.journal.all() {
        if seen.id() >= from
            && !seen.request().is_own()
            && let Some((verb, target)) = core.dialect?.words(seen.request())
        {
            *counts.entry(format!("{verb} {target}")).or_default() += 1;
        }
    }
    let (what, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (count * 3 >= REQUESTS).then(|| {
        format!(
            "a hot loop: `{what}` came {count} times within a minute. Is the reconciler woken by what it writes itself, \
             or does it look again without a pause?"
        )
    })
}

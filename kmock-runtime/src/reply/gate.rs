//! Gates: a reply waits until the test lets it go.

use std::{future::Future, sync::Arc};

use tokio::sync::watch;

use crate::{location::Location, waits::Wait};

/// A place where replies wait until the test lets them go: races become deterministic.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock_runtime::KMock) {
/// use kmock::Gate;
///
/// let gate = Gate::new();
/// k.on("/slow").hold(&gate).json("done");
/// // … the client asks …
/// gate.arrived().await; // the request is there, and the reply is held
/// gate.release();
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<State>>);

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// How many have come to the gate in all.
    arrived: u64,
    /// How many have been let through in all.
    passed: u64,
    /// How many more may pass.
    permits: u64,
    open: bool,
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Gate {
        Gate(Arc::new(watch::Sender::new(State::default())))
    }

    /// Waits until something waits at the gate. It gives up only with its test, whose watchdog then names this line.
    #[track_caller]
    pub fn arrived(&self) -> impl Future<Output = ()> + Send + use<> {
        self.arrived_times(1)
    }

    /// Waits until this many wait at the gate.
    #[track_caller]
    pub fn arrived_times(&self, n: u64) -> impl Future<Output = ()> + Send + use<> {
        let (gate, location) = (self.clone(), Location::caller());
        let counted = self.clone();
        let what = move || format!("{n} to arrive at a gate (there are {})", counted.waiting());
        async move {
            let _wait = Wait::begin(location, Arc::new(what));
            let mut state = gate.0.subscribe();
            // The sender lives as long as this gate.
            let _ = state
                .wait_for(|state| state.arrived - state.passed >= n)
                .await;
        }
    }

    /// How many wait at the gate.
    pub fn waiting(&self) -> u64 {
        let state = *self.0.borrow();
        state.arrived - state.passed
    }

    /// Opens the gate: all that wait go on, and so do all that come.
    pub fn release(&self) {
        self.0.send_modify(|state| state.open = true);
    }

    /// Lets one go on: one that waits, or the next that comes.
    pub fn release_one(&self) {
        self.0.send_modify(|state| state.permits += 1);
    }

    /// Closes the gate for those that come.
    pub fn close(&self) {
        self.0.send_modify(|state| {
            state.open = false;
            state.permits = 0;
        });
    }

    /// Waits to be let through.
    pub async fn pass(&self) {
        self.0.send_modify(|state| state.arrived += 1);
        // One that gives up (the client went away) no longer waits.
        let leaving = Leaving(self);
        let mut state = self.0.subscribe();
        loop {
            let through = self.0.send_if_modified(|state| {
                let through = state.open || state.permits > 0;
                if through && !state.open {
                    state.permits -= 1;
                }
                through
            });
            if through || state.changed().await.is_err() {
                break;
            }
        }
        drop(leaving);
    }
}

struct Leaving<'a>(&'a Gate);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|state| state.passed += 1);
    }
}

impl Default for Gate {
    fn default() -> Gate {
        Gate::new()
    }
}

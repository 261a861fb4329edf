//! Time as the tests see it: the runtime's clock, which may be paused.

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    time::Duration,
};

use tokio::{sync::oneshot, time::Instant};

/// The clock of one server: elapsed time follows the runtime, so that paused tests see virtual time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    pub(crate) fn start() -> Clock {
        Clock {
            started: Instant::now(),
        }
    }

    /// The time since the server was started.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Guards a test from the outside, in real time: where a paused clock stands or runs in circles, no timer of the
/// runtime can tell that a test will never end.
#[derive(Debug)]
pub(crate) struct Watchdog {
    fired: Option<oneshot::Receiver<()>>,
    /// Dropped with this, it ends the thread.
    _done: Option<mpsc::Sender<()>>,
}

impl Watchdog {
    /// Without a limit it never fires.
    pub(crate) fn new(name: &'static str, limit: Option<Duration>) -> Watchdog {
        let Some(limit) = limit else {
            return Watchdog {
                fired: None,
                _done: None,
            };
        };
        let (fire, fired) = oneshot::channel();
        let (done, ended) = mpsc::channel::<()>();
        let watching = std::thread::Builder::new()
            .name("kmock-watchdog".to_owned())
            .spawn(move || {
                let late = |within| ended.recv_timeout(within) == Err(RecvTimeoutError::Timeout);
                if !late(limit) {
                    return;
                }
                // The test may be over in this very moment.
                let _ = fire.send(());
                if late(Duration::from_secs(2)) {
                    eprintln!(
                        "kmock: {name} is not done after {limit:?} of real time, and its thread is blocked: \
                         it cannot be stopped from outside"
                    );
                }
            });
        // Without a thread to spare there is no watchdog; the test itself is none the worse.
        Watchdog {
            fired: watching.is_ok().then_some(fired),
            _done: Some(done),
        }
    }

    /// Ends when the limit is over.
    pub(crate) async fn fires(&mut self) {
        if let Some(fired) = &mut self.fired
            && fired.await.is_ok()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}

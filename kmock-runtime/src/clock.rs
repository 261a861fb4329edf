//! Time as the tests see it: the runtime's clock, which may be paused.

use std::time::Duration;

use tokio::time::Instant;

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

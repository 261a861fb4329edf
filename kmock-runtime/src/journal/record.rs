//! What is written down of a request while it is answered.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use super::{
    outcome::Concluded,
    sent::{Sent, Trace},
};

/// Counts what happens, at any server: times may be equal, and stand still in tests. Nobody sees the numbers themselves.
static TICKS: AtomicU64 = AtomicU64::new(0);

/// One more thing happens.
pub(super) fn tick() -> u64 {
    TICKS.fetch_add(1, Ordering::Relaxed)
}

/// An answer begins, and with the next tick a body that is there as a whole.
fn answered() -> u64 {
    TICKS.fetch_add(2, Ordering::Relaxed)
}

/// What is written down of a request while it is answered. It lives inside of the request, and there are as many as
/// there are requests: it is kept small.
pub(crate) struct Record {
    /// When, in ticks, the request came and its answer began.
    asked: u64,
    answered: AtomicU64,
    written: Mutex<Written>,
}

#[derive(Default)]
pub(super) struct Written {
    pub(super) outcome: Concluded,
    pub(super) trace: Trace,
}

impl Written {
    pub(super) fn conclude(&mut self, outcome: Concluded) {
        // The script of a WebSocket may break it before its answer is written down.
        let fault = self.outcome.fault.take();
        self.outcome = outcome;
        if self.outcome.fault.is_none() {
            self.outcome.fault = fault;
        }
    }
}

impl Record {
    pub(crate) fn new() -> Record {
        Record {
            asked: tick(),
            answered: AtomicU64::new(u64::MAX),
            written: Mutex::default(),
        }
    }

    pub(super) fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer begins.
    pub(super) fn begin_answer(&self) {
        self.answered.store(answered(), Ordering::Relaxed);
    }

    /// When, in ticks, the request came and its answer began.
    pub(super) fn ticks(&self) -> (u64, u64) {
        (self.asked, self.answered.load(Ordering::Relaxed))
    }

    /// What goes out is changed while it goes out.
    pub(super) fn change_sent(&self, change: impl FnOnce(&mut Sent)) {
        if let Trace::Sent(sent) = &mut self.written().trace {
            change(sent);
        }
    }
}

//! Every fault at every step: a test runs once without faults, and then again for each fault at each place where one
//! can matter, each time on a fresh server with the same seed.
//!
//! The first run learns the [`place`]s: requests, and events of watches. A [`fault`] at a place is a *trial*. While a
//! trial runs, its `script` stands before the rules of the server and carries the fault out; afterwards, what the
//! cluster has in the end ([`state`]) is held against the first run's. `run` plans the trials and spreads them over the
//! cores, `tell` says what was found.

mod events;
mod fault;
mod operator;
mod page;
mod place;
mod run;
mod script;
mod state;
mod tell;

use std::time::Duration;

pub use self::run::run_sweep;
pub(crate) use self::script::Script;

/// What `#[kmock::test(sweep)]` does; the defaults fit most tests.
///
/// ```
/// # use kmock_runtime as kmock;
/// use kmock::{SweepOptions, harness::TestOptions};
///
/// let options = TestOptions::new("never_leaks").sweep(SweepOptions::new().faults(2).ignoring(&["status.attempts"]));
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until a test runs with them"]
pub struct SweepOptions {
    faults: usize,
    budget: Duration,
    ignored: &'static [&'static str],
    without: &'static [&'static str],
    share: f64,
    enough: usize,
}

impl SweepOptions {
    /// One fault a run, a minute of real time in all.
    pub fn new() -> SweepOptions {
        SweepOptions {
            faults: 1,
            budget: Duration::from_secs(60),
            ignored: &[],
            without: &[],
            share: 1.0,
            enough: 50,
        }
    }

    /// How many faults meet in one run: 1, or 2 for pairs of them, which are many more.
    pub fn faults(mut self, faults: usize) -> SweepOptions {
        self.faults = faults.clamp(1, 2);
        self
    }

    /// How long all runs may take in real time. What was not tried then is told by number.
    pub fn budget(mut self, budget: Duration) -> SweepOptions {
        self.budget = budget;
        self
    }

    /// Fields that may differ in the end, beside times, uids and versions: `status.attempts`, in objects of any kind.
    pub fn ignoring(mut self, fields: &'static [&'static str]) -> SweepOptions {
        self.ignored = fields;
        self
    }

    /// Faults that are not tried, by their words or the first of them: `["stale", "clock jump"]`.
    pub fn without(mut self, faults: &'static [&'static str]) -> SweepOptions {
        self.without = faults;
        self
    }

    /// Tries only a share of the faults, such as `0.1`: by the seed of the test, so that it is the same share each time, and
    /// another one with another seed.
    pub fn share(mut self, share: f64) -> SweepOptions {
        self.share = share.clamp(0.0, 1.0);
        self
    }

    /// Stops when so many faults were found that the test goes wrong after; 50 unless said, more would only say the same.
    pub fn enough(mut self, faults: usize) -> SweepOptions {
        self.enough = faults.max(1);
        self
    }

    /// Whether a fault belongs to the share of a seed.
    fn has_share(&self, seed: u64, fault: &str) -> bool {
        if self.share >= 1.0 {
            return true;
        }
        // FNV-1a: the same everywhere, and a fault keeps its lot when the test grows.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ seed;
        for byte in fault.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        let lot = (hash >> 40) as f64 / (1_u64 << 24) as f64;
        lot < self.share
    }
}

impl Default for SweepOptions {
    fn default() -> SweepOptions {
        SweepOptions::new()
    }
}

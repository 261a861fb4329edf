//! Assertions on counts: what `assert_requests!` calls.

use std::{fmt, sync::Arc};

use crate::{
    core::Core,
    criteria::Filter,
    journal::{Failure, Report, Seen, expect::of_rule, nearest::nearest_requests},
    location::Location,
    mock::KMock,
    rules::{Rule, Times},
};

/// One claim of an `assert_requests!`: how many requests of some kind have come.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// use kmock::{Check, assert_requests};
///
/// // What `assert_requests!(k, total == 2, POST "/hello" >= 1)` writes:
/// assert_requests(vec![
///     Check::total(&k, 2, "total == 2"),
///     Check::filter(&k, "post /hello", 1.., "POST \"/hello\" >= 1"),
/// ]);
/// # Ok(())
/// # }
/// ```
pub struct Check {
    /// The claim as it was written.
    text: String,
    times: Times,
    count: usize,
    of: Of,
    location: Location,
    core: Option<Arc<Core>>,
}

/// What is counted.
enum Of {
    All,
    Filter(Filter),
    Rule(Rule),
}

impl Check {
    /// How many requests came in all.
    #[track_caller]
    pub fn total(server: &KMock, times: impl Into<Times>, text: impl Into<String>) -> Check {
        Check {
            text: text.into(),
            times: times.into(),
            count: server.requests().len(),
            of: Of::All,
            location: Location::caller(),
            core: Some(Arc::clone(server.core())),
        }
    }

    /// How many requests fit a filter.
    ///
    /// # Panics
    /// When the filter has an async condition, which cannot be asked of requests that have come.
    #[track_caller]
    pub fn filter(
        server: &KMock,
        filter: impl Into<Filter>,
        times: impl Into<Times>,
        text: impl Into<String>,
    ) -> Check {
        let filter = filter.into().afterwards();
        let all = server.core().journal.all();
        Check {
            text: text.into(),
            times: times.into(),
            count: fitting(&filter, &all).count(),
            of: Of::Filter(filter),
            location: Location::caller(),
            core: Some(Arc::clone(server.core())),
        }
    }

    /// How many requests a rule answered, or saw as a spy.
    #[track_caller]
    pub fn rule(rule: &Rule, times: impl Into<Times>, text: impl Into<String>) -> Check {
        Check {
            text: text.into(),
            times: times.into(),
            count: rule.count(),
            of: Of::Rule(rule.clone()),
            location: Location::caller(),
            core: rule.server().and_then(Core::behind),
        }
    }

    fn into_failure(self, all: &[Seen]) -> Failure {
        let (times, count) = (self.times, self.count);
        let claim = Failure {
            got: count,
            ..Failure::new(self.text.clone(), times.to_string(), self.location)
        };
        match self.of {
            Of::All => claim,
            Of::Filter(filter) => {
                let came: Vec<u64> = fitting(&filter, all).collect();
                let nearest = match times.may_come(count) {
                    true => nearest_requests(&filter, all, &came),
                    false => Vec::new(),
                };
                Failure {
                    came,
                    nearest,
                    ..claim
                }
            }
            Of::Rule(rule) => Failure {
                location: self.location,
                // What was counted is what is told, whatever came meanwhile.
                got: count,
                ..of_rule(&rule, times, self.text, all)
            },
        }
    }
}

fn fitting<'a>(filter: &'a Filter, all: &'a [Seen]) -> impl Iterator<Item = u64> + 'a {
    all.iter()
        .filter(|seen| filter.matches(seen))
        .map(|seen| seen.id())
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Check({}: {})", self.text, self.count)
    }
}

/// Asserts all of the claims at once; a failure reports every claim that does not hold, and what came instead.
///
/// # Panics
/// When a claim does not hold. The panic points at the caller.
#[track_caller]
pub fn assert_requests(checks: Vec<Check>) {
    if checks.iter().all(|check| check.times.contains(check.count)) {
        return;
    }
    let core = checks.iter().find_map(|check| check.core.clone());
    let all = core
        .as_ref()
        .map(|core| core.journal.all())
        .unwrap_or_default();
    let failures: Vec<Failure> = checks
        .into_iter()
        .filter(|check| !check.times.contains(check.count))
        .map(|check| check.into_failure(&all))
        .collect();
    let report = Report::of(core.as_deref(), failures);
    if let Some(core) = &core {
        core.told(&report);
    }
    panic!("{}", report.text().for_terminal());
}

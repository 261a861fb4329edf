//! Assertions on counts: what `assert_requests!` calls.

use std::{fmt, sync::Arc};

use crate::{
    criteria::Filter,
    journal::{Failure, Report, View},
    location::Location,
    mock::{Core, KMock},
    rules::{Rule, Times},
};

/// One claim of an `assert_requests!`: how many requests of some kind have come.
pub struct Check {
    /// The claim as it was written.
    text: String,
    times: Times,
    count: usize,
    location: Location,
    core: Option<Arc<Core>>,
}

impl Check {
    /// How many requests came in all.
    #[track_caller]
    pub fn total(server: &KMock, times: impl Into<Times>, text: impl Into<String>) -> Check {
        Check {
            text: text.into(),
            times: times.into(),
            count: server.requests().len(),
            location: Location::caller(),
            core: Some(Arc::clone(server.core())),
        }
    }

    /// How many requests fit a filter.
    #[track_caller]
    pub fn filter(
        server: &KMock,
        filter: impl Into<Filter>,
        times: impl Into<Times>,
        text: impl Into<String>,
    ) -> Check {
        Check {
            text: text.into(),
            times: times.into(),
            count: View::new(Arc::clone(server.core()), filter.into()).count(),
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
            location: Location::caller(),
            core: rule.server(),
        }
    }
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
    let core = checks.iter().find_map(|check| check.core.clone());
    let failures: Vec<Failure> = checks
        .into_iter()
        .filter(|check| !check.times.contains(check.count))
        .map(|check| Failure {
            claim: check.text,
            want: check.times.to_string(),
            got: check.count,
            location: check.location,
            detail: None,
        })
        .collect();
    if !failures.is_empty() {
        panic!("{}", Report::of(core.as_deref(), failures));
    }
}

//! The guard of unexpected writes: what may be written to the Kubernetes API, and what was beside that.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{backend::Dialect, criteria::Filter, location::Location, request::Request};

/// So many requests are told by number.
const TOLD: usize = 100;

/// What a server lets be written without a word.
#[derive(Debug, Default)]
pub(crate) struct Guard(Mutex<Option<Allowed>>);

#[derive(Debug)]
struct Allowed {
    filters: Arc<[Filter]>,
    location: Location,
    beside: Vec<u64>,
    count: usize,
}

impl Guard {
    fn state(&self) -> MutexGuard<'_, Option<Allowed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at a request that has come.
    pub(crate) fn see(&self, dialect: Option<&'static dyn Dialect>, request: &Request) {
        let filters = match &*self.state() {
            Some(allowed) => Arc::clone(&allowed.filters),
            None => return,
        };
        let words = dialect.and_then(|dialect| dialect.words(request));
        let writes =
            words.is_some_and(|(verb, _)| !matches!(verb.as_str(), "get" | "list" | "watch"));
        if !writes || request.is_own() {
            return;
        }
        // A filter may hold a closure of the test: it is asked without the lock.
        if filters.iter().any(|filter| filter.matches(request)) {
            return;
        }
        if let Some(allowed) = &mut *self.state() {
            allowed.count += 1;
            if allowed.beside.len() < TOLD {
                allowed.beside.push(request.id());
            }
        }
    }

    /// From now on, nothing but this may be written.
    pub(crate) fn allow(&self, filters: Vec<Filter>, location: Location) {
        *self.state() = Some(Allowed {
            filters: filters.into(),
            location,
            beside: Vec::new(),
            count: 0,
        });
    }

    /// What came and should not have; `None`: nothing did.
    pub(crate) fn found(&self) -> Option<Unexpected> {
        let state = self.state();
        let allowed = state.as_ref().filter(|allowed| allowed.count > 0)?;
        let named: Vec<String> = allowed
            .filters
            .iter()
            .map(|filter| format!("`{filter}`"))
            .collect();
        Some(Unexpected {
            claim: match named.is_empty() {
                true => "nothing is written".to_owned(),
                false => format!("nothing is written but {}", named.join(", ")),
            },
            location: allowed.location,
            requests: allowed.beside.clone(),
            count: allowed.count,
        })
    }
}

/// Writes beside what was allowed.
#[derive(Debug)]
pub(crate) struct Unexpected {
    /// What does not hold, in words.
    pub(crate) claim: String,
    /// Where that was claimed.
    pub(crate) location: Location,
    /// The first of the requests.
    pub(crate) requests: Vec<u64>,
    pub(crate) count: usize,
}

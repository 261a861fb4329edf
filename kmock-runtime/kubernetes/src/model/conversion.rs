//! Conversions that a webhook does.
//!
//! The rules of a kind are synchronous, a webhook is not. So a kind asks here whether a conversion is [known](Conversion::known);
//! one that is not is noted, and whoever runs such a step in a [`round`] has what was noted converted, then runs the step
//! again. All that a step lacks is asked for at once: a list is one review.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

/// So many conversions are remembered for each definition.
const MOST_KNOWN: usize = 20_000;

/// The conversion of one definition, as its spec has it.
pub struct Conversion {
    /// `clientConfig`: whom to ask.
    pub client_config: Value,
    /// `conversionReviewVersions`.
    pub review_versions: Vec<String>,
    /// By the version that is wanted: what came of which object.
    answers: Mutex<HashMap<String, HashMap<Value, Value>>>,
}

impl fmt::Debug for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversion")
            .field("client_config", &self.client_config)
            .finish_non_exhaustive()
    }
}

/// An object that has to be converted, and by whom.
#[derive(Debug, Clone)]
pub struct Question {
    /// Whom to ask.
    pub conversion: Arc<Conversion>,
    /// The object as it is.
    pub object: Value,
    /// The wanted `apiVersion`.
    pub wanted: String,
}

struct Round {
    /// What was known before does not count.
    fresh: bool,
    missing: Vec<Question>,
}

thread_local! {
    static ROUND: RefCell<Option<Round>> = const { RefCell::new(None) };
}

impl Conversion {
    /// Who converts, by the spec of the definition.
    pub fn new(client_config: Value, review_versions: Vec<String>) -> Self {
        Self {
            client_config,
            review_versions,
            answers: Mutex::default(),
        }
    }

    /// The object in another version, if the webhook said so before; if not, it is noted as missing.
    pub fn known(self: &Arc<Self>, object: &Value, wanted: &str) -> Option<Value> {
        let fresh = ROUND.with_borrow(|round| round.as_ref().is_some_and(|round| round.fresh));
        let known = if fresh {
            None
        } else {
            let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers
                .get(wanted)
                .and_then(|known| known.get(object))
                .cloned()
        };
        if known.is_none() {
            ROUND.with_borrow_mut(|round| {
                if let Some(round) = round {
                    round.missing.push(Question {
                        conversion: Arc::clone(self),
                        object: object.clone(),
                        wanted: wanted.to_owned(),
                    });
                }
            });
        }
        known
    }

    /// Remembers what came of objects.
    pub fn learn(&self, wanted: &str, learnt: Vec<(Value, Value)>) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let known = answers.entry(wanted.to_owned()).or_default();
        if known.len() > MOST_KNOWN {
            known.clear();
        }
        known.extend(learnt);
    }
}

/// Runs a step; an error is what it would have to know. With `fresh` everything is asked for, as if nothing was known.
pub fn round<T>(fresh: bool, step: impl FnOnce() -> T) -> Result<T, Vec<Question>> {
    let begun = Round {
        fresh,
        missing: Vec::new(),
    };
    let outer = ROUND.replace(Some(begun));
    let made = step();
    let round = ROUND.replace(outer);
    match round {
        Some(round) if !round.missing.is_empty() => Err(round.missing),
        _ => Ok(made),
    }
}

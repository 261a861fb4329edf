//! What is sent, with nothing left to compute.

use std::sync::Arc;

use http::Response;

use crate::{
    journal::Whole,
    reply::{Payload, breaking::Halt},
};

/// What is sent.
pub(crate) struct Answer {
    pub(crate) response: Response<Payload>,
    /// How the exchange was broken, for the journal.
    pub(crate) fault: Option<String>,
    /// Whether the fault is a stall, for who reads the rest of a request.
    pub(crate) stalls: bool,
    /// What happens instead of it, where a connection goes on without.
    pub(crate) halt: Option<Halt>,
    /// For the journal, too: the body, where the rule keeps it ready.
    pub(crate) whole: Option<Arc<Whole>>,
    /// Whether it gets no date: it has one, or is to have none.
    pub(crate) dated: bool,
}

impl Answer {
    pub(crate) fn new(response: Response<Payload>) -> Answer {
        Answer {
            response,
            fault: None,
            stalls: false,
            halt: None,
            whole: None,
            dated: false,
        }
    }
}

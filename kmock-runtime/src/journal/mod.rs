//! What came: the requests that a server has seen, what became of each, and views over them.
//!
//! The way of the data: [`Seen`] is a request with what became of it, written while the server works (`trace`
//! adds what goes out). From these a [`Report`] is made (`making`): plain data, with the claims that failed, the timeline,
//! the nearest rules (`nearest`) and the history of Kubernetes objects (`objects`). Only then is it rendered:
//! as text for a terminal, as JSON, or as a page.

mod body;
mod check;
mod expect;
mod json;
mod making;
mod near;
mod nearest;
mod objects;
mod outcome;
mod page;
mod record;
mod refusal;
mod report;
mod rows;
mod seen;
mod sent;
mod story;
mod text;
mod trace;
mod view;
mod words;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use self::{
    body::Body,
    check::{Check, assert_requests},
    near::Near,
    objects::{FieldChange, ObjectHistory, ObjectVersion},
    outcome::{Answerer, Outcome},
    report::{Entry, Failure, Message, NearRequest, Report, Shadowed},
    seen::{Requests, Seen},
    sent::{Chunk, End, Sent},
    text::Text,
    view::View,
};
pub(crate) use self::{
    expect::{failures, unmet},
    nearest::Aside,
    outcome::{By, Concluded, RuleName},
    page::{escape, plain_name, report_directory, write_page},
    record::Record,
    refusal::{INTERNAL, refusal, told_to},
    seen::{Journal, tell},
    sent::Whole,
    trace::traced,
};
pub use crate::criteria::{Difference, Finding, Verdict};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

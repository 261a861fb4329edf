//! The date of an answer. Hyper would add it to each; here a rule may leave it out or set its own (RFC 9110, 6.6.1).

use std::{cell::RefCell, time::SystemTime};

use http::HeaderValue;

thread_local! {
    /// The second that was written last: it is the same for many answers.
    static LAST: RefCell<(u64, HeaderValue)> =
        const { RefCell::new((0, HeaderValue::from_static(""))) };
}

/// The second that it is, by the wall clock: dates are for clients and caches, which know no other.
pub(super) fn second() -> u64 {
    second_of(SystemTime::now())
}

fn second_of(now: SystemTime) -> u64 {
    now.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// The time as `Date` has it.
pub(crate) fn now() -> HeaderValue {
    let now = SystemTime::now();
    let second = second_of(now);
    LAST.with_borrow_mut(|(last, text)| {
        if *last != second || text.is_empty() {
            *last = second;
            if let Ok(written) = HeaderValue::try_from(httpdate::fmt_http_date(now)) {
                *text = written;
            }
        }
        text.clone()
    })
}

//! A reader of the event log that waits for more.

use std::sync::{Arc, PoisonError};

use tokio::sync::watch;

use super::Event;
use super::table::SharedLog;

/// So many events are handed out at once at most: a long replay does not hold the log's lock for long.
const BATCH: usize = 256;

/// The state that all subscriptions of a resource see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signal {
    /// The revision of the resource's last change.
    pub revision: u64,
    /// How often subscriptions were dropped.
    pub drops: u64,
    /// How often bookmarks were asked for.
    pub bookmarks: u64,
    /// The revision of the last bookmark that was asked for.
    pub bookmark_at: u64,
    /// Events are held back.
    pub paused: bool,
}

/// What a subscription brings next.
#[derive(Debug)]
pub enum Step {
    /// One or more events, in order.
    Events(Vec<Arc<Event>>),
    /// A bookmark at this revision was asked for; all events before it were handed out.
    Bookmark(u64),
    /// The subscription was dropped.
    Closed,
}

/// Events after a revision, each exactly once.
#[derive(Debug)]
pub struct Subscription {
    log: SharedLog,
    signal: watch::Receiver<Signal>,
    at: usize,
    after: u64,
    drops: u64,
    bookmarks: u64,
}

impl Subscription {
    pub(super) fn new(log: SharedLog, mut signal: watch::Receiver<Signal>, after: u64) -> Self {
        let at = log
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .position(after);
        let now = *signal.borrow_and_update();
        Self {
            log,
            signal,
            at,
            after,
            drops: now.drops,
            bookmarks: now.bookmarks,
        }
    }

    /// The next events, bookmark or end. Cancel-safe.
    pub async fn next(&mut self) -> Step {
        loop {
            let signal = *self.signal.borrow_and_update();
            let dropped = signal.drops != self.drops;
            if !signal.paused {
                // Who is so slow that events were forgotten has to start again.
                let Some(events) = self.take_pending() else {
                    return Step::Closed;
                };
                if !events.is_empty() {
                    return Step::Events(events);
                }
            }
            // What happened before the end is still told: a deleted definition's objects go first.
            if dropped {
                return Step::Closed;
            }
            if !signal.paused && signal.bookmarks != self.bookmarks {
                self.bookmarks = signal.bookmarks;
                return Step::Bookmark(signal.bookmark_at.max(self.after));
            }
            if self.signal.changed().await.is_err() {
                return Step::Closed;
            }
        }
    }

    /// The events that are there already, at most a batch of them; empty if there are none (or if some were forgotten
    /// before they were asked for: then [`Subscription::next`] says so).
    pub fn pending(&mut self) -> Vec<Arc<Event>> {
        self.take_pending().unwrap_or_default()
    }

    fn take_pending(&mut self) -> Option<Vec<Arc<Event>>> {
        let log = self.log.read().unwrap_or_else(PoisonError::into_inner);
        let events = log.from(self.at, BATCH)?;
        drop(log);
        self.at += events.len();
        if let Some(last) = events.last() {
            self.after = last.revision;
        }
        Some(events)
    }

    /// The revision of the last event that was handed out, or where the subscription started.
    pub fn position(&self) -> u64 {
        self.after
    }
}

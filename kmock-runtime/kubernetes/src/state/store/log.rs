//! The events of one resource, newest last; the oldest are forgotten when there are too many.

use std::sync::Arc;

use super::Event;

/// The events that are kept. Positions count from the first event that there ever was.
#[derive(Debug)]
pub(super) struct Log {
    events: Vec<Arc<Event>>,
    forgotten: usize,
    /// The revision of the last event that was forgotten.
    floor: u64,
    most: usize,
}

impl Log {
    /// A log that keeps at least `most` events.
    pub(super) fn new(most: usize) -> Self {
        Self {
            events: Vec::new(),
            forgotten: 0,
            floor: 0,
            most: most.max(1),
        }
    }

    pub(super) fn push(&mut self, event: Arc<Event>) {
        self.events.push(event);
        // Rarely, but many at once: so that forgetting costs nothing per event.
        if self.events.len() >= self.most.saturating_mul(2) {
            let old = self.events.len() - self.most;
            self.floor = self
                .events
                .get(old - 1)
                .map_or(self.floor, |event| event.revision);
            self.events.drain(..old);
            self.forgotten += old;
        }
    }

    /// Nothing before this revision can be told.
    pub(super) fn floor(&self) -> u64 {
        self.floor
    }

    /// The events that are kept.
    pub(super) fn events(&self) -> &[Arc<Event>] {
        &self.events
    }

    /// The events after a revision.
    pub(super) fn after(&self, revision: u64) -> &[Arc<Event>] {
        let at = self
            .events
            .partition_point(|event| event.revision <= revision);
        self.events.get(at..).unwrap_or_default()
    }

    /// The position behind the last event up to a revision.
    pub(super) fn position(&self, revision: u64) -> usize {
        self.forgotten
            + self
                .events
                .partition_point(|event| event.revision <= revision)
    }

    /// At most so many events from a position on; `None` if some were forgotten.
    pub(super) fn from(&self, position: usize, most: usize) -> Option<&[Arc<Event>]> {
        let at = position.checked_sub(self.forgotten)?;
        let end = self.events.len().min(at + most);
        Some(self.events.get(at..end).unwrap_or_default())
    }
}

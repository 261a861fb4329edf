//! The events of one resource, newest last. Old ones rest; the oldest are forgotten when there are too many.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::ahead;
use super::delta::Bases;
use super::rest::Resting;
use super::{Change, Event, Rendered, StoredObject};

/// So many of the newest events are kept as they are, with their values.
const FRESH: usize = 256;

/// The text of a version is made ahead when so many have followed it, for so many at once.
const AHEAD: usize = FRESH / 2;
const BATCH: usize = 32;

/// So many bytes of text the events of one resource may keep; then half of them are forgotten.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// The events that are kept. Positions count from the first event that there ever was.
#[derive(Debug)]
pub(super) struct Log {
    events: Vec<Entry>,
    forgotten: usize,
    /// The revision of the last event that was forgotten.
    floor: u64,
    most: usize,
    /// The bytes of those that rest.
    bytes: usize,
    most_bytes: usize,
    /// What those that come to rest are told by.
    bases: Arc<Mutex<Bases>>,
    /// Those that came to rest lately, as they were.
    gone: Vec<Arc<Event>>,
}

/// An event of the log.
#[derive(Debug)]
pub(super) enum Entry {
    Fresh(Arc<Event>),
    Resting(Box<RestingEvent>),
}

#[derive(Debug)]
pub(super) struct RestingEvent {
    revision: u64,
    change: Change,
    object: Arc<Resting>,
    previous: Option<Arc<Resting>>,
    cause: Option<u64>,
}

impl Entry {
    pub(super) fn revision(&self) -> u64 {
        match self {
            Self::Fresh(event) => event.revision,
            Self::Resting(event) => event.revision,
        }
    }

    pub(super) fn key(&self) -> &str {
        match self {
            Self::Fresh(event) => event.object.key(),
            Self::Resting(event) => &event.object.key,
        }
    }

    pub(super) fn event(&self) -> Arc<Event> {
        self.event_after(None)
    }

    /// The event, where what came of the one before may be awake already.
    fn event_after(&self, known: Option<&Arc<StoredObject>>) -> Arc<Event> {
        match self {
            Self::Fresh(event) => Arc::clone(event),
            Self::Resting(event) => {
                let previous = event.previous.as_ref().map(|previous| {
                    let known = known.filter(|known| known.revision == previous.revision);
                    known.map_or_else(|| StoredObject::woken(previous), Arc::clone)
                });
                Arc::new(Event {
                    revision: event.revision,
                    change: event.change,
                    object: StoredObject::woken(&event.object),
                    previous,
                    cause: event.cause,
                    rendered: Rendered::default(),
                })
            }
        }
    }

    /// The object before the change.
    pub(super) fn previous(&self) -> Option<Arc<StoredObject>> {
        match self {
            Self::Fresh(event) => event.previous.clone(),
            Self::Resting(event) => event.previous.as_ref().map(StoredObject::woken),
        }
    }

    /// Whether there was an object before the change.
    pub(super) fn had_one(&self) -> bool {
        match self {
            Self::Fresh(event) => event.previous.is_some(),
            Self::Resting(event) => event.previous.is_some(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Fresh(_) => 0,
            Self::Resting(event) => event.object.size(),
        }
    }

    /// Lays it to rest: what it was before; `None` if it cannot.
    fn lay(&mut self, bases: &Mutex<Bases>) -> Option<Arc<Event>> {
        let Self::Fresh(event) = self else {
            return None;
        };
        let previous = match &event.previous {
            None => None,
            Some(previous) => Some(previous.resting(bases)?),
        };
        let resting = Self::Resting(Box::new(RestingEvent {
            revision: event.revision,
            change: event.change,
            object: event.object.resting(bases)?,
            previous,
            cause: event.cause,
        }));
        match std::mem::replace(self, resting) {
            Self::Fresh(event) => Some(event),
            Self::Resting(_) => None,
        }
    }
}

impl Log {
    /// A log that keeps at least `most` events.
    pub(super) fn new(most: usize) -> Self {
        Self {
            events: Vec::new(),
            forgotten: 0,
            floor: 0,
            most: most.max(1),
            bytes: 0,
            most_bytes: MOST_BYTES,
            bases: Arc::default(),
            gone: Vec::new(),
        }
    }

    /// Adds an event. Another one may come to rest: then its version, which may still be that of the object, is returned.
    pub(super) fn push(&mut self, event: Arc<Event>) -> Option<Arc<Resting>> {
        self.events.push(Entry::Fresh(event));
        self.lay_ahead();
        let resting = self.lay_one();
        if self.events.len() >= self.most.saturating_mul(2) {
            // Rarely, but many at once: so that forgetting costs nothing per event.
            self.forget(self.events.len() - self.most);
        } else if self.bytes > self.most_bytes {
            let mut left = self.bytes;
            let enough = self.events.iter().take_while(|event| {
                let go_on = left > self.most_bytes / 2;
                left -= event.bytes();
                go_on
            });
            self.forget(enough.count());
        }
        resting
    }

    /// Has the next texts made, so that they are there when their turn comes.
    fn lay_ahead(&mut self) {
        if !self.count().is_multiple_of(BATCH) {
            return;
        }
        let Some(to) = self.events.len().checked_sub(AHEAD) else {
            return;
        };
        let batch = self.events.get(to.saturating_sub(BATCH)..to);
        let events = batch.into_iter().flatten().filter_map(|entry| match entry {
            Entry::Fresh(event) => Some(Arc::clone(event)),
            Entry::Resting(_) => None,
        });
        ahead::lay(
            events.collect(),
            &self.bases,
            std::mem::take(&mut self.gone),
        );
    }

    fn lay_one(&mut self) -> Option<Arc<Resting>> {
        let at = self.events.len().checked_sub(FRESH + 1)?;
        let entry = self.events.get_mut(at)?;
        self.gone.push(entry.lay(&self.bases)?);
        self.bytes += entry.bytes();
        match entry {
            Entry::Resting(event) => Some(Arc::clone(&event.object)),
            Entry::Fresh(_) => None,
        }
    }

    fn forget(&mut self, old: usize) {
        let last = old.checked_sub(1).and_then(|last| self.events.get(last));
        self.floor = last.map_or(self.floor, Entry::revision);
        let gone = self.events.drain(..old);
        self.bytes -= gone.map(|event| event.bytes()).sum::<usize>();
        self.forgotten += old;
    }

    /// Nothing before this revision can be told.
    pub(super) fn floor(&self) -> u64 {
        self.floor
    }

    /// The events that are kept.
    pub(super) fn events(&self) -> &[Entry] {
        &self.events
    }

    /// All that are kept, as they are told: what came of one event and was there before the next is woken, and read, once.
    pub(super) fn told(&self) -> Vec<Arc<Event>> {
        let mut known: HashMap<&str, Arc<StoredObject>> = HashMap::new();
        let told = self.events.iter().map(|entry| {
            let event = entry.event_after(known.get(entry.key()));
            known.insert(entry.key(), Arc::clone(&event.object));
            event
        });
        told.collect()
    }

    /// How many events there ever were.
    pub(super) fn count(&self) -> usize {
        self.forgotten + self.events.len()
    }

    /// The events after a revision.
    pub(super) fn after(&self, revision: u64) -> &[Entry] {
        let at = self
            .events
            .partition_point(|event| event.revision() <= revision);
        self.events.get(at..).unwrap_or_default()
    }

    /// The position behind the last event up to a revision.
    pub(super) fn position(&self, revision: u64) -> usize {
        self.forgotten
            + self
                .events
                .partition_point(|event| event.revision() <= revision)
    }

    /// At most so many events from a position on; `None` if some were forgotten.
    pub(super) fn from(&self, position: usize, most: usize) -> Option<Vec<Arc<Event>>> {
        let at = position.checked_sub(self.forgotten)?;
        let end = self.events.len().min(at + most);
        let events = self.events.get(at..end).unwrap_or_default();
        Some(events.iter().map(Entry::event).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_rests_is_woken_once_for_two_events() {
        let mut log = Log::new(1_000_000);
        let key: Arc<str> = "a".into();
        let mut previous: Option<Arc<StoredObject>> = None;
        for revision in 1..=2_000 {
            let object = StoredObject::new(&key, json!({"n": revision}), revision, 1);
            log.push(Arc::new(Event {
                revision,
                change: Change::Modified,
                object: Arc::clone(&object),
                previous: previous.replace(object),
                cause: None,
                rendered: Rendered::default(),
            }));
        }
        assert!(matches!(log.events().first(), Some(Entry::Resting(_))));
        let told = log.told();
        let both = told.iter().zip(told.iter().skip(1));
        let same = both.filter(|(one, next)| {
            let former = next.previous.as_ref();
            former.is_some_and(|former| Arc::ptr_eq(former, &one.object))
        });
        // But where those that rest meet those that do not.
        assert_eq!(same.count(), 1_998);
    }

    #[test]
    fn too_many_bytes_are_forgotten() {
        let mut log = Log::new(1_000_000);
        log.most_bytes = 100_000;
        let key: Arc<str> = "a".into();
        for revision in 1..=2_000 {
            // No two resemble each other.
            let data = format!("{revision:04}").repeat(250);
            let value = json!({"metadata": {}, "data": data});
            log.push(Arc::new(Event {
                revision,
                change: Change::Added,
                object: StoredObject::new(&key, value, revision, revision),
                previous: None,
                cause: None,
                rendered: Rendered::default(),
            }));
            let bytes: usize = log.events().iter().map(Entry::bytes).sum();
            assert_eq!(bytes, log.bytes);
            assert!(bytes <= 102_000, "{bytes}");
        }
        let resting = 2_000 - FRESH as u64;
        let floor = log.floor();
        assert!((resting - 110..resting - 40).contains(&floor), "{floor}");
        assert_eq!(
            (log.count(), log.events().len()),
            (2_000, 2_000 - log.floor() as usize)
        );
        assert!(log.from(0, 1).is_none());
    }
}

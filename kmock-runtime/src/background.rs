//! What goes on beside the requests of a server, and what that has to say: it outlives none of its tasks.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::watch;

use crate::tasks::Tasks;

/// What goes on beside the requests of a server.
#[derive(Debug)]
pub(crate) struct Background {
    pub(crate) tasks: Tasks,
    pub(crate) pending_sinks: Pending,
    /// Whether the server was stopped: what ends from then on is nobody's doing.
    pub(crate) stopped: AtomicBool,
    errors: Mutex<Said>,
    notes: Mutex<Said>,
    /// So many of each are remembered, the newest.
    most: usize,
}

/// What was said so far, but for what is forgotten.
#[derive(Debug, Default)]
struct Said {
    texts: VecDeque<String>,
    forgotten: usize,
}

impl Said {
    fn add(&mut self, text: String, most: usize) {
        if self.texts.len() >= most {
            self.texts.pop_front();
            self.forgotten += 1;
        }
        self.texts.push_back(text);
    }

    fn all(&self) -> Vec<String> {
        self.texts.iter().cloned().collect()
    }
}

impl Background {
    pub(crate) fn new(most: Option<usize>) -> Background {
        Background {
            most: most.unwrap_or(usize::MAX),
            tasks: Tasks::new(),
            pending_sinks: Pending::default(),
            stopped: AtomicBool::new(false),
            errors: Mutex::default(),
            notes: Mutex::default(),
        }
    }

    /// What went wrong in the test's own code.
    pub(crate) fn error(&self, message: String) {
        tracing::warn!(target: "kmock", "{message}");
        lock(&self.errors).add(message, self.most);
    }

    pub(crate) fn errors(&self) -> Vec<String> {
        lock(&self.errors).all()
    }

    /// Those from a number on, and the number of the next.
    pub(crate) fn errors_from(&self, number: usize) -> (Vec<String>, usize) {
        let errors = lock(&self.errors);
        let known = number.saturating_sub(errors.forgotten);
        let new = errors.texts.iter().skip(known).cloned().collect();
        (new, errors.forgotten + errors.texts.len())
    }

    pub(crate) fn take_errors(&self) -> Vec<String> {
        let mut errors = lock(&self.errors);
        errors.forgotten += errors.texts.len();
        std::mem::take(&mut errors.texts).into()
    }

    /// What is worth to be told, and nobody's mistake.
    pub(crate) fn note(&self, text: String) {
        tracing::info!(target: "kmock", "{text}");
        lock(&self.notes).add(text, self.most);
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        lock(&self.notes).all()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What sinks still have to take, at one server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pending(Arc<Open>);

#[derive(Debug, Default)]
struct Open {
    next: AtomicU64,
    /// What is not taken yet, in words, by its number.
    open: Mutex<BTreeMap<u64, String>>,
    taken: watch::Sender<()>,
}

/// Something that a sink has not taken yet; taken, or given up, when this is dropped.
pub(crate) struct Ticket {
    pub(crate) number: u64,
    pending: Pending,
}

impl Pending {
    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, String>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn enter(&self, what: impl FnOnce() -> String) -> Ticket {
        let number = self.0.next.fetch_add(1, Ordering::AcqRel);
        self.open().insert(number, what());
        Ticket {
            number,
            pending: self.clone(),
        }
    }

    pub(crate) fn has(&self, number: u64) -> bool {
        self.open().contains_key(&number)
    }

    /// What is not taken yet, in words.
    pub(crate) fn told(&self) -> Vec<String> {
        self.open().values().cloned().collect()
    }

    /// Whether all before this number was taken.
    fn is_settled(&self, before: u64) -> bool {
        let open = self.open();
        open.first_key_value()
            .is_none_or(|(first, _)| *first >= before)
    }

    /// Waits until all that have entered so far have left.
    pub(crate) async fn settled(&self) {
        let before = self.0.next.load(Ordering::Acquire);
        let mut taken = self.0.taken.subscribe();
        while !self.is_settled(before) && taken.changed().await.is_ok() {}
    }

    /// The same for who is not async, for so long of real time; whether that was enough.
    pub(crate) fn settled_within(&self, limit: Duration) -> bool {
        let before = self.0.next.load(Ordering::Acquire);
        let until = Instant::now() + limit;
        while !self.is_settled(before) {
            if Instant::now() >= until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.pending.open().remove(&self.number);
        self.pending.0.taken.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_errors_are_kept_and_numbers_go_on() {
        let background = Background::new(Some(3));
        for number in 0..5 {
            background.error(number.to_string());
            background.note(number.to_string());
        }
        assert_eq!(background.errors(), ["2", "3", "4"]);
        assert_eq!(background.notes(), ["2", "3", "4"]);
        assert_eq!(background.errors_from(4), (vec!["4".to_owned()], 5));
        assert_eq!(background.errors_from(0).0.len(), 3);
        assert_eq!(background.take_errors().len(), 3);
        background.error("5".to_owned());
        assert_eq!(background.errors_from(5), (vec!["5".to_owned()], 6));
    }
}

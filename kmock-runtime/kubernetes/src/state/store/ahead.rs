//! Texts of versions that will rest soon, made ahead on a thread of their own, which also takes apart the values of those that
//! rest: writers need not wait for it.
//!
//! What is not ready when it is wanted is made by who wants it: nothing depends on the thread, and what comes is the same.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock};

use super::Event;
use super::delta::Bases;

/// So many batches may wait; what comes beyond them is left to the writers.
const MOST: usize = 16;

struct Batch {
    /// Events whose versions are to be laid.
    next: Vec<Arc<Event>>,
    /// What they are told by.
    bases: Arc<Mutex<Bases>>,
    /// Events that rest: their values are not wanted any more.
    gone: Vec<Arc<Event>>,
}

/// Has the texts of the next versions made, and the values of those that are gone dropped.
pub(super) fn lay(next: Vec<Arc<Event>>, bases: &Arc<Mutex<Bases>>, gone: Vec<Arc<Event>>) {
    // One thread for all clusters of the process, from the first one on that has so many versions.
    static THREAD: OnceLock<Option<SyncSender<Batch>>> = OnceLock::new();
    let batches = THREAD.get_or_init(|| {
        let (batches, come) = sync_channel(MOST);
        let thread = std::thread::Builder::new().name("kmock-rest".to_owned());
        thread.spawn(move || work(&come)).ok().map(|_| batches)
    });
    if let Some(batches) = batches {
        // Whoever finds it full, or the thread gone, has lost nothing.
        let bases = Arc::clone(bases);
        let _ = batches.try_send(Batch { next, bases, gone });
    }
}

fn work(batches: &Receiver<Batch>) {
    for Batch { next, bases, gone } in batches {
        drop(gone);
        for event in next {
            if let Some(previous) = &event.previous {
                previous.resting(&bases);
            }
            event.object.resting(&bases);
        }
    }
}

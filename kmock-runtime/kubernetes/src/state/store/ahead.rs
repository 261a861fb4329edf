//! Texts of versions that will rest soon, made ahead on a thread of their own: writers need not wait for them.
//!
//! What is not ready when it is wanted is made by who wants it: nothing depends on the thread, and what comes is the same.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock};

use super::Event;
use super::delta::Bases;

/// So many batches may wait; what comes beyond them is left to the writers.
const MOST: usize = 16;

/// Events whose versions are to be laid, and what they are told by.
type Batch = (Vec<Arc<Event>>, Arc<Mutex<Bases>>);

/// Has the texts of these versions made.
pub(super) fn lay(events: Vec<Arc<Event>>, bases: &Arc<Mutex<Bases>>) {
    // One thread for all clusters of the process, from the first one on that has so many versions.
    static THREAD: OnceLock<Option<SyncSender<Batch>>> = OnceLock::new();
    let batches = THREAD.get_or_init(|| {
        let (batches, come) = sync_channel(MOST);
        let thread = std::thread::Builder::new().name("kmock-rest".to_owned());
        thread.spawn(move || work(&come)).ok().map(|_| batches)
    });
    if let Some(batches) = batches {
        // Whoever finds it full, or the thread gone, has lost nothing.
        let _ = batches.try_send((events, Arc::clone(bases)));
    }
}

fn work(batches: &Receiver<Batch>) {
    for (events, bases) in batches {
        for event in events {
            if let Some(previous) = &event.previous {
                previous.resting(&bases);
            }
            event.object.resting(&bases);
        }
    }
}

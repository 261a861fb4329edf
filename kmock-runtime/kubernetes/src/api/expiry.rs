//! Events go an hour after they were last written (`--event-ttl`), by the clock of the cluster.
//!
//! No task waits for that hour, which a paused clock would jump over: whoever asks for events finds the old ones gone, and
//! whoever watches them wakes up in time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::model::resource::ResourceKey;
use crate::state::change::Reactor;
use crate::state::cluster::Cluster;
use crate::state::store::{Change, Event, Write};

const TTL: SignedDuration = SignedDuration::from_hours(1);

fn place() -> ResourceKey {
    ResourceKey::new("", "events")
}

/// When which revision of which event was written, oldest first.
#[derive(Debug, Default)]
struct Written(Mutex<VecDeque<(Timestamp, String, u64)>>);

/// Takes note of events that are written.
#[derive(Debug, Clone, Copy)]
pub struct Expiry;

impl Reactor for Expiry {
    fn written(&self, cluster: &Cluster, written: &ResourceKey, event: &Arc<Event>) {
        if &*written.plural != "events"
            || !written.group.is_empty()
            || event.change == Change::Deleted
        {
            return;
        }
        let room = cluster.room::<Written>();
        let mut written = room.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = event.object.key().to_owned();
        written.push_back((cluster.now(), key, event.revision));
    }
}

/// Whether objects of a place expire.
pub fn concerns(place: &ResourceKey) -> bool {
    &*place.plural == "events" && place.group.is_empty()
}

/// Removes the events whose time has come.
pub fn run(cluster: &Cluster) {
    let now = cluster.now();
    let room = cluster.room::<Written>();
    loop {
        let mut written = room.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |(at, ..): &(Timestamp, String, u64)| now.duration_since(*at) >= TTL;
        if !written.front().is_some_and(is_old) {
            return;
        }
        let Some((_, key, revision)) = written.pop_front() else {
            return;
        };
        drop(written);
        // One that was written again has a place further behind.
        if let Some(current) = cluster.store().get(&place(), &key)
            && current.revision == revision
        {
            drop(cluster.commit(&place(), Write::Delete { current }));
        }
    }
}

/// How long it takes until the next event goes.
pub fn next(cluster: &Cluster) -> Option<Duration> {
    let room = cluster.room::<Written>();
    let written = room.0.lock().unwrap_or_else(PoisonError::into_inner);
    let (at, ..) = written.front()?;
    let left = TTL - cluster.now().duration_since(*at);
    Some(Duration::try_from(left).unwrap_or_default())
}

//! What the server does by the clock of the cluster: events go, flow schemas come back.
//!
//! No task waits for it, which a paused clock would jump over: whoever asks finds it done, and whoever watches wakes up in time.

use std::time::Duration;

use super::{expiry, flow};
use crate::model::resource::ResourceKey;
use crate::state::cluster::Cluster;

/// Whether objects of a place come and go by the clock.
pub fn concerns(place: &ResourceKey) -> bool {
    expiry::concerns(place) || flow::concerns(place)
}

/// Does what its time has come for.
pub fn run(cluster: &Cluster) {
    expiry::run(cluster);
    flow::renew(cluster);
}

/// How long it takes until there is something to do at a place.
pub fn next(cluster: &Cluster, place: &ResourceKey) -> Option<Duration> {
    match expiry::concerns(place) {
        true => expiry::next(cluster),
        false => flow::renews_in(cluster).filter(|_| flow::concerns(place)),
    }
}

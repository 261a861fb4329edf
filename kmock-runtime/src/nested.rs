//! Webhooks of this process that ask for what they guard: each of their requests calls them anew, and under a paused clock no
//! timeout ever ends that.
//!
//! What a handler asks with the embedded client is known by the address that it comes from; clients of others have pools and tasks
//! that nobody sees through, and the watchdog ends those.

#![allow(dead_code, reason = "without an emulator there are no webhooks")]

use std::{
    collections::HashMap,
    future::Future,
    net::SocketAddr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// So deep may webhooks be in webhooks.
pub(crate) const DEEPEST: u32 = 16;

tokio::task_local! {
    /// In how many webhooks the task is.
    static DEPTH: u32;
}

/// Where the clients in webhooks talk from just now, and how deep they are.
static PLACES: Mutex<Option<HashMap<SocketAddr, u32>>> = Mutex::new(None);
/// Most tests have none.
static ANY: AtomicBool = AtomicBool::new(false);

fn places() -> MutexGuard<'static, Option<HashMap<SocketAddr, u32>>> {
    PLACES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// In how many webhooks the task is.
pub(crate) fn depth() -> u32 {
    DEPTH.try_with(|depth| *depth).unwrap_or_default()
}

/// Does it so deep.
pub(crate) fn within<F: Future>(depth: u32, what: F) -> impl Future<Output = F::Output> {
    DEPTH.scope(depth, what)
}

/// How deep in webhooks a request was asked that comes from an address.
pub(crate) fn depth_of(peer: Option<SocketAddr>) -> u32 {
    if !ANY.load(Ordering::Relaxed) {
        return 0;
    }
    let places = places();
    let known = places.as_ref().zip(peer);
    known
        .and_then(|(places, peer)| places.get(&peer).copied())
        .unwrap_or_default()
}

/// A connection of a client in a webhook, known as long as this is held.
#[derive(Debug)]
pub(crate) struct NestedConnection(SocketAddr);

impl NestedConnection {
    /// `None`: the task is in no webhook.
    pub(crate) fn new(address: Option<SocketAddr>) -> Option<NestedConnection> {
        let (depth, address) = (depth(), address?);
        if depth == 0 {
            return None;
        }
        ANY.store(true, Ordering::Relaxed);
        places().get_or_insert_default().insert(address, depth);
        Some(NestedConnection(address))
    }
}

impl Drop for NestedConnection {
    fn drop(&mut self) {
        if let Some(places) = places().as_mut() {
            places.remove(&self.0);
        }
    }
}

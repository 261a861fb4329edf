//! Which requests are the test's own: what it asks with the embedded client is no concern of a sweep.

use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Where the embedded clients of this process talk from just now.
static OWN: Mutex<Vec<SocketAddr>> = Mutex::new(Vec::new());

fn own() -> MutexGuard<'static, Vec<SocketAddr>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Known as long as this is held.
#[derive(Debug)]
pub(crate) struct OwnConnection(SocketAddr);

impl OwnConnection {
    pub(crate) fn new(address: SocketAddr) -> OwnConnection {
        own().push(address);
        OwnConnection(address)
    }
}

impl Drop for OwnConnection {
    fn drop(&mut self) {
        own().retain(|known| *known != self.0);
    }
}

/// Whether a request comes from the test's own embedded client.
pub(crate) fn is_own(peer: SocketAddr) -> bool {
    own().contains(&peer)
}

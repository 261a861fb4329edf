//! Requests that servers of this process pass on to each other, or to themselves: nobody else counts them, and a rule that
//! leads to itself would go on until no file is left.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};

use crate::request::Request;

/// So often a request may be passed on.
pub(crate) const MOST: u32 = 16;

/// How often what comes from these addresses was passed on.
static HOPS: Mutex<Option<HashMap<SocketAddr, u32>>> = Mutex::new(None);

/// A connection by which a request is passed on, as long as it is open.
#[derive(Debug)]
pub(crate) struct Hop(Option<SocketAddr>);

impl Hop {
    /// How often a request was passed on before.
    pub(crate) fn count(request: &Request) -> u32 {
        let hops = HOPS.lock().unwrap_or_else(PoisonError::into_inner);
        let peer = request.peer();
        let known = hops
            .as_ref()
            .zip(peer)
            .and_then(|(hops, peer)| hops.get(&peer));
        known.copied().unwrap_or_default()
    }

    /// Passes a request on by the connection that comes from an address.
    pub(crate) fn begin(from: Option<SocketAddr>, request: &Request) -> Hop {
        let count = Hop::count(request) + 1;
        if let Some(from) = from {
            let mut hops = HOPS.lock().unwrap_or_else(PoisonError::into_inner);
            hops.get_or_insert_default().insert(from, count);
        }
        Hop(from)
    }
}

impl Drop for Hop {
    fn drop(&mut self) {
        let mut hops = HOPS.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(hops), Some(from)) = (hops.as_mut(), self.0) {
            hops.remove(&from);
        }
    }
}

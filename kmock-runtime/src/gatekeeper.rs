//! What may stand before the rules of a server: the script of a sweep does, in one run of a test.

use std::{fmt, net::SocketAddr, sync::Arc};

use futures::future::BoxFuture;

use crate::{
    core::Core,
    journal::{By, Seen},
    reply::Answer,
    request::Request,
};

/// Stands before the rules of a server, and lets requests through or not.
pub(crate) trait Gatekeeper: fmt::Debug + Send + Sync {
    /// The way of a request: past it, to the rules and what is below them.
    fn exchange<'a>(
        self: Arc<Self>,
        core: &'a Arc<Core>,
        seen: &'a Seen,
        request: &'a Request,
        address: SocketAddr,
    ) -> BoxFuture<'a, (Answer, By)>;

    /// Whether something was done to a request.
    fn has_met(&self) -> bool;

    /// Nothing moves for now. Whether all is as it was at this place without that: then nothing more is to be waited for.
    fn is_as_usual(&self, core: &Core) -> bool;

    /// Nothing moves any more.
    fn settled(&self, core: &Core);
}

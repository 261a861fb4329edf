//! An answer that somebody else has made, and who has the connection after it.

use axum::body::Body;
use futures::future::BoxFuture;
use http::Response;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;

/// Speaks on a connection after an answer of 101.
pub(crate) type Takeover = Box<dyn FnOnce(TokioIo<Upgraded>) -> BoxFuture<'static, ()> + Send>;

/// What somebody else answers: what is below the rules, or commands in containers.
pub(crate) struct Answered {
    pub(crate) response: Response<Body>,
    /// Who has the connection from then on.
    pub(crate) takeover: Option<Takeover>,
}

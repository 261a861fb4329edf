//! Answers that other rooms make: those of protocols above HTTP.

use std::{any::Any, fmt, sync::Arc, time::Duration};

use axum::body::Body;
use http::{HeaderMap, Response};

use crate::{
    reply::{Asked, Payload},
    request::Request,
};

/// An answer in the words of a protocol.
pub(crate) trait ReplyPart: fmt::Debug + Send + Sync + 'static {
    /// The head and the body; the trailers are those that the rule has beside it.
    fn answer(&self, trailers: HeaderMap, asked: &Asked) -> Response<Body>;

    /// This and what comes after it, as one; `None`: they have nothing to do with one another.
    fn and(&self, later: &dyn Any) -> Option<Arc<dyn ReplyPart>>;

    fn as_any(&self) -> &dyn Any;

    /// Whether it answers while the request is still coming, and reads the rest of it.
    fn converses(&self) -> bool;

    /// How long the client waits for an answer, and what it is told when that is over.
    fn limit(&self, request: &Request) -> Option<(Duration, Response<Payload>)>;
}

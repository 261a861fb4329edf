//! Verbs: one file each, and the way from a request to the right one.

pub mod admission;
pub mod body;
pub mod bootstrap;
pub mod call;
pub mod config;
pub mod create;
pub mod delete;
pub mod deletecollection;
pub mod get;
pub mod managed;
pub mod namespace;
pub mod options;
pub mod patch;
pub mod pods;
pub mod reply;
pub mod route;
pub mod scale;
pub mod scheme;
pub mod strategy;
pub mod token;
pub mod update;
pub mod write;

use bytes::Bytes;
use http::{Method, Request, Response};

pub use bootstrap::bootstrap;
pub use call::Call;
pub use reply::{Body, Reply};

use crate::kubernetes::cluster::{ApiBody, Cluster};
pub(crate) use crate::kubernetes::status::quoted as quote;

/// Answers one request.
pub async fn call(cluster: &Cluster, request: Request<Bytes>) -> Response<ApiBody> {
    let (parts, body) = request.into_parts();
    let answer = route::route(cluster, &parts, body).await;
    let mut response = match answer {
        Ok(reply) => reply::render(cluster, &parts, reply),
        Err(error) => reply::render_error(&parts.headers, &error),
    };
    if parts.method == Method::HEAD {
        *response.body_mut() = ApiBody::Full(Bytes::new());
    }
    response
}

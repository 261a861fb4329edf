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

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response};

pub use bootstrap::bootstrap;
pub use call::Call;
pub use reply::{Body, Reply};

use crate::kubernetes::access::Attributes;
use crate::kubernetes::cluster::{ApiBody, Cluster};
use crate::kubernetes::path::{self, ApiRequest};
use crate::kubernetes::status::ApiError;
pub(crate) use crate::kubernetes::status::quoted as quote;
use crate::kubernetes::user::User;
use crate::kubernetes::{authn, authz};

/// Tells what is asked for and who asks, and whether they may.
fn door(cluster: &Cluster, parts: &Parts) -> Result<(Option<ApiRequest>, Arc<User>), ApiError> {
    let path = path::decoded(&parts.uri);
    if path::lacks_an_object(&path) {
        let asked = parts
            .uri
            .path_and_query()
            .map_or(&*path, |asked| asked.as_str());
        return Err(ApiError::no_request_info(&path, asked));
    }
    let request = ApiRequest::parse(&parts.method, &parts.uri);
    let attributes = match &request {
        Some(request) => Attributes::of_request(request),
        None => Attributes::of_path(parts),
    };
    let user = authn::user(cluster, parts, &attributes)?;
    authz::check(cluster, &user, &attributes)?;
    drop(attributes);
    Ok((request, user))
}

/// Answers one request.
pub async fn call(cluster: &Cluster, request: Request<Bytes>) -> Response<ApiBody> {
    let (parts, body) = request.into_parts();
    let answer = match door(cluster, &parts) {
        Ok((request, user)) => route::route(cluster, &parts, body, request, user).await,
        Err(error) => Err(error),
    };
    let mut response = match answer {
        Ok(reply) => reply::render(cluster, &parts, reply),
        Err(error) => reply::render_error(&parts.headers, &error),
    };
    if parts.method == Method::HEAD {
        *response.body_mut() = ApiBody::Full(Bytes::new());
    }
    response
}

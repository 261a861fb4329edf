//! Verbs: one file each, and the way from a request to the right one.

pub mod addresses;
pub mod admission;
pub mod aggregator;
pub mod authn;
pub mod authz;
pub mod body;
pub mod call;
#[cfg(feature = "compression")]
mod compress;
pub mod config;
pub mod connect;
pub mod convert;
pub mod create;
mod deadline;
pub mod delete;
pub mod delete_options;
pub mod deletecollection;
pub mod discovery;
pub mod endpoints;
pub mod expiry;
pub mod flow;
pub mod get;
pub mod health;
pub mod lifecycle;
pub mod list;
pub mod list_options;
pub mod managed;
pub mod namespace;
pub mod negotiate;
pub mod openapi;
pub mod patch;
pub mod pods;
pub mod reply;
pub mod reviews;
pub mod route;
pub mod scale;
pub mod scheme;
mod storable;
pub mod token;
pub mod update;
pub mod upkeep;
mod warnings;
pub mod watch;
pub(crate) mod webhook_call;
pub mod write;
pub mod write_options;
mod zpages;

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response};

pub use call::Call;
pub use reply::{Body, Reply};

use crate::model::path::{self, ApiRequest};
use crate::model::status::ApiError;
use crate::model::user::User;
use crate::state::access::Attributes;
use crate::state::cluster::{ApiBody, Cluster};

/// Who asked, and whether they were let in: an extension of answers. The administrator that everybody is by default is not
/// told.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Who asked.
    pub user: Arc<User>,
    /// Whether the authorizer refused.
    pub denied: bool,
}

/// What was asked for, and by whom; of a refusal only by whom, as far as that is known.
type Door = Result<(Option<ApiRequest>, Arc<User>), (ApiError, Option<Asked>)>;

/// What was asked for, and by which class of requests it is served: that is known before it is decided who may.
type Classed = (Door, Option<flow::Class>);

/// Tells what is asked for and who asks, and whether they may.
fn door(cluster: &Cluster, parts: &Parts) -> Classed {
    let path = path::decoded(&parts.uri);
    if path::lacks_an_object(&path) {
        let asked = parts
            .uri
            .path_and_query()
            .map_or(&*path, |asked| asked.as_str());
        return (Err((ApiError::no_request_info(&path, asked), None)), None);
    }
    let request = ApiRequest::parse(&parts.method, &parts.uri);
    let attributes = match &request {
        Some(request) => Attributes::of_request(request),
        None => Attributes::of_path(parts),
    };
    let user = match authn::user(cluster, parts, &attributes) {
        Ok(user) => user,
        Err(error) => return (Err((error, None)), None),
    };
    let class = flow::class(cluster, &user, &attributes);
    if let Err(error) = authz::check(cluster, &user, &attributes) {
        let denied = true;
        return (Err((error, Some(Asked { user, denied }))), class);
    }
    drop(attributes);
    (Ok((request, user)), class)
}

/// Answers one request to the kubelets of all nodes.
pub async fn call_kubelets(cluster: &Cluster, request: Request<Bytes>) -> Response<ApiBody> {
    let head = request.method() == Method::HEAD;
    let mut response = connect::at_the_port(cluster, request).await;
    if head {
        *response.body_mut() = ApiBody::Full(Bytes::new());
    }
    response
}

/// Answers one request.
pub async fn call(cluster: &Cluster, request: Request<Bytes>) -> Response<ApiBody> {
    let (parts, body) = request.into_parts();
    let (door, class) = door(cluster, &parts);
    let (answer, asked) = match door {
        Ok((request, user)) => {
            let asked = (!Arc::ptr_eq(&user, &User::admin())).then(|| Asked {
                user: Arc::clone(&user),
                denied: false,
            });
            let answer = route::route(cluster, &parts, body, request, user).await;
            (answer, asked)
        }
        Err((error, asked)) => (Err(error), asked),
    };
    let mut response = match answer {
        Ok(reply) => reply::render(cluster, &parts, reply),
        Err(error) => reply::render_error(&parts.headers, &error),
    };
    if let Some(class) = class {
        class.tell(response.headers_mut());
    }
    if let Some(asked) = asked {
        response.extensions_mut().insert(asked);
    }
    #[cfg(feature = "compression")]
    {
        response = compress::compress(&parts.headers, response);
    }
    if parts.method == Method::HEAD {
        *response.body_mut() = ApiBody::Full(Bytes::new());
    }
    response
}

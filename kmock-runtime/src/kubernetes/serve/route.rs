//! From a request to the verb that answers it.

use bytes::Bytes;
use http::request::Parts;

use super::call::Call;
use super::get;
use super::reply::Reply;
use crate::kubernetes::accept;
use crate::kubernetes::cluster::Cluster;
use crate::kubernetes::endpoints;
use crate::kubernetes::list;
use crate::kubernetes::path::{ApiRequest, Verb};
use crate::kubernetes::status::ApiError;
use crate::kubernetes::watch;

/// Finds the resource and the verb.
pub async fn route(cluster: &Cluster, parts: &Parts, body: Bytes) -> Result<Reply, ApiError> {
    let Some(request) = ApiRequest::parse(&parts.method, &parts.uri) else {
        return endpoints::serve(cluster, parts);
    };
    let Some(served) = cluster
        .registry()
        .find(&request.group, &request.version, &request.resource)
    else {
        return Err(ApiError::page_not_found());
    };
    let call = Call {
        cluster: cluster.clone(),
        request,
        served,
        headers: parts.headers.clone(),
        body,
        now: cluster.now(),
    };
    accept::check(&call)?;
    match call.request.verb {
        Verb::Get => get::get(&call).await,
        Verb::List => list::list(&call).await,
        Verb::Watch => watch::watch(&call).await,
        _ => Err(ApiError::not_implemented("this verb")),
    }
}

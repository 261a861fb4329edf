//! From a request to the verb that answers it.
//!
//! Built-in resources are routes of a table: an unknown path of a known group is 404, a known path with another method
//! 405, both a `Status`. Custom resources are one handler for everything below their group's path: it tells 404 as
//! text, and has its own words for methods.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use http::request::Parts;

use super::call::Call;
use super::convert::{self, Known};
use super::deadline::Deadline;
use super::reply::{self, Body, Reply};
use super::{
    body, connect, create, delete, deletecollection, get, negotiate, patch, pods, scale, token,
    update,
};
use crate::api::aggregator;
use crate::api::endpoints;
use crate::api::list;
use crate::api::upkeep;
use crate::api::watch;
use crate::model::meta;
use crate::model::path::{ApiRequest, Verb};
use crate::model::resource::{Origin, Resource};
use crate::model::status::{ApiError, quoted};
use crate::model::user::User;
use crate::state::cluster::Cluster;
use crate::state::registry::Served;
use crate::wire::accept::Endpoint;

/// Finds the resource and the verb.
pub async fn route(
    cluster: &Cluster,
    parts: &Parts,
    body: Bytes,
    request: Option<ApiRequest>,
    user: Arc<User>,
) -> Result<Reply, ApiError> {
    if let Some(answer) = aggregator::forward(cluster, parts, &body, &user).await {
        return answer;
    }
    let Some(mut request) = request else {
        return endpoints::serve(cluster, parts);
    };
    let registry = cluster.registry();
    let served = registry.find(&request.group, &request.version, &request.resource);
    let Some(served) = served else {
        let known = registry.has_built_in_group(&request.group);
        return Err(if known {
            ApiError::no_such_resource()
        } else {
            ApiError::page_not_found()
        });
    };
    let deprecation = served.resource.deprecation.clone();
    let deprecated = |mut warnings: Vec<String>| {
        if let Some(text) = &deprecation {
            warnings.insert(0, text.clone());
        }
        // The same warning is told once.
        let mut seen = std::collections::HashSet::new();
        warnings.retain(|text| seen.insert(text.clone()));
        warnings
    };
    if served.resource.is_built_in() {
        check_built_in(&served, &request)?;
    } else if let Err(mut error) = check_custom(&served, &mut request) {
        // Their handler warns before it refuses anything but the path.
        if !error.plain {
            error.warnings = deprecated(error.warnings);
        }
        return Err(error);
    }
    if upkeep::concerns(&served.resource.storage) {
        upkeep::run(cluster);
    }
    let call = Call {
        cluster: cluster.clone(),
        request,
        served,
        headers: parts.headers.clone(),
        body,
        sent: parts.extensions.get().cloned(),
        now: cluster.now(),
        user,
    };
    patch::check_route(&call)?;
    let deadline = Deadline::of(&call.request)?;
    // What nobody reads has any form.
    let is_read = !reply::is_unread(&parts.extensions);
    let mut negotiated = Ok(());
    if is_read {
        negotiate::check_route(&call)?;
        negotiated = negotiate::check(&call);
    }
    // All that is to be told of a request besides comes together here, whatever becomes of it.
    let mut warnings = Vec::new();
    let mut outcome = match negotiated.and_then(|()| check_name(&call)) {
        Ok(()) => deadline.keep(answer(&call, &mut warnings)).await,
        Err(error) => Err(error),
    };
    if let Ok(Reply {
        body: Body::Stored(served, object),
        ..
    }) = &outcome
    {
        let prepared =
            convert::prepare(cluster, served, Known::Counts, std::slice::from_ref(object)).await;
        if let Err(error) = prepared {
            outcome = Err(error);
        }
    }
    match outcome {
        Ok(mut reply) => {
            reply.warnings.append(&mut warnings);
            reply.warnings = deprecated(reply.warnings);
            if is_read {
                let endpoint = Some(negotiate::endpoint(&call));
                reply.endpoint = endpoint.filter(|e| *e == Endpoint::Untabled);
            }
            Ok(reply)
        }
        Err(mut error) => {
            error.warnings.append(&mut warnings);
            error.warnings = deprecated(error.warnings);
            Err(error)
        }
    }
}

/// `warnings` is the sink of all that the verbs, the kinds and admission warn of. What writes waits in a box: its states are
/// large, and whoever waits for a request would have to be as large.
async fn answer(call: &Call, warnings: &mut Vec<String>) -> Result<Reply, ApiError> {
    let resource = call.resource();
    let subresource = call.request.subresource();
    if !matches!(call.request.verb, Verb::Get | Verb::List | Verb::Watch) {
        body::check_size(&call.body)?;
    }
    match (resource.kind.as_str(), subresource, call.request.verb) {
        _ if !resource.is_built_in() => {}
        ("Pod", "binding", Verb::Create) => return Box::pin(pods::bind(call, warnings)).await,
        ("Pod", "eviction", Verb::Create) => return Box::pin(pods::evict(call, warnings)).await,
        ("Pod", "log", Verb::Get) => return pods::log(call),
        ("Pod" | "Node" | "Service", "attach" | "exec" | "portforward" | "proxy", _) => {
            return Box::pin(connect::connect(call)).await;
        }
        ("Binding", "", Verb::Create) => {
            return Box::pin(pods::bind_by_body(call, warnings)).await;
        }
        ("ServiceAccount", "token", Verb::Create) => {
            return Box::pin(token::request(call, warnings)).await;
        }
        _ => {}
    }
    match call.request.verb {
        Verb::Get if subresource == "scale" => scale::get(call).await,
        Verb::Get => get::get(call).await,
        Verb::List => list::list(call).await,
        Verb::Watch => watch::watch(call).await,
        Verb::Create => Box::pin(create::create(call, warnings)).await,
        Verb::Update => Box::pin(update::update(call, warnings)).await,
        Verb::Patch => Box::pin(patch::patch(call, warnings)).await,
        Verb::Delete => Box::pin(delete::delete(call, warnings)).await,
        Verb::DeleteCollection => {
            Box::pin(deletecollection::delete_collection(call, warnings)).await
        }
        Verb::Other if call.request.method == Method::HEAD => head(call).await,
        Verb::Other => Err(ApiError::method_not_allowed()),
    }
}

/// Refuses names that no storage key can have.
fn check_name(call: &Call) -> Result<(), ApiError> {
    let name = call.request.name();
    let faults = meta::path_segment_faults(name);
    if faults.is_empty() || !matches!(call.request.verb, Verb::Get | Verb::Delete | Verb::Patch) {
        return Ok(());
    }
    Err(ApiError::bad_request(format!(
        "Name parameter invalid: {}: {}",
        quoted(name),
        faults.join(";")
    )))
}

/// HEAD, which custom resources answer as GET without the body.
async fn head(call: &Call) -> Result<Reply, ApiError> {
    let mut call = call.clone();
    call.request.method = Method::GET;
    let reply = match call.request.name {
        Some(_) => get::get(&call).await,
        None => list::list(&call).await,
    };
    let code = match reply {
        Ok(reply) => reply.code,
        Err(error) => error.code,
    };
    Ok(Reply::new(
        code,
        Body::Raw("application/json", Bytes::new()),
    ))
}

/// The verb that a method means at a kind of path.
fn verb_of(method: &Method, on_collection: bool) -> &'static str {
    match (method, on_collection) {
        (&Method::GET, true) => "list",
        (&Method::GET, false) => "get",
        (&Method::POST, _) => "create",
        (&Method::PUT, false) => "update",
        (&Method::PATCH, false) => "patch",
        (&Method::DELETE, true) => "deletecollection",
        (&Method::DELETE, false) => "delete",
        _ => "",
    }
}

/// Whether a built-in resource has the path, and there the method.
fn check_built_in(served: &Served, request: &ApiRequest) -> Result<(), ApiError> {
    let resource = &*served.resource;
    let verb = verb_of(&request.method, request.name.is_none());
    let allowed = |known: &[String], verb: &str| {
        if known.iter().any(|x| x == verb) {
            Ok(())
        } else {
            Err(ApiError::method_not_allowed())
        }
    };
    if request.namespace.is_some() && !resource.namespaced {
        return Err(ApiError::no_such_resource());
    }
    // A slash in a name, however it is written, is one more segment.
    if request.name().contains('/') {
        return Err(ApiError::no_such_resource());
    }
    let across_namespaces = resource.namespaced && request.namespace.is_none();
    if request.watch_path {
        if !resource.can("watch")
            || (across_namespaces && request.name.is_some())
            || request.subresource.is_some()
        {
            return Err(ApiError::no_such_resource());
        }
        return if request.method == Method::GET {
            Ok(())
        } else {
            Err(ApiError::method_not_allowed())
        };
    }
    if across_namespaces {
        return match &request.name {
            Some(_) => Err(ApiError::no_such_resource()),
            None if !resource.can("list") => Err(ApiError::no_such_resource()),
            None if verb == "list" => Ok(()),
            None => Err(ApiError::method_not_allowed()),
        };
    }
    if let Some(name) = &request.subresource {
        let Some(found) = resource.subresource(name) else {
            return Err(ApiError::no_such_resource());
        };
        if !request.rest.is_empty() && name != "proxy" {
            return Err(ApiError::no_such_resource());
        }
        return allowed(&found.verbs, verb);
    }
    if request.name.is_some() && !has_items(resource) {
        return Err(ApiError::no_such_resource());
    }
    if request.name.is_some() && verb == "create" {
        return Err(ApiError::method_not_allowed());
    }
    allowed(&resource.verbs, verb)
}

fn has_items(resource: &Resource) -> bool {
    ["get", "update", "patch", "delete"]
        .iter()
        .any(|verb| resource.can(verb))
}

/// What the handler of custom resources makes of a request.
fn check_custom(served: &Served, request: &mut ApiRequest) -> Result<(), ApiError> {
    let resource = &*served.resource;
    // An old path watches, whatever the method.
    if request.watch_path {
        request.verb = Verb::Watch;
    }
    let reads_all = matches!(request.verb, Verb::List | Verb::Watch)
        || (request.method == Method::HEAD && request.name.is_none());
    let wrong_scope = match (&request.namespace, resource.namespaced) {
        (Some(_), false) => true,
        (None, true) => !reads_all,
        _ => false,
    };
    if wrong_scope {
        return Err(ApiError::page_not_found());
    }
    let verb = match request.verb {
        Verb::Other => "",
        verb => verb.as_str(),
    };
    let unsupported = || {
        Err(ApiError::method_not_supported(
            &resource.group,
            &resource.plural,
            verb,
        ))
    };
    if request.subresource().is_empty()
        && resource.origin == Origin::Declared
        && !verb.is_empty()
        && !resource.can(verb)
    {
        return unsupported();
    }
    match request.subresource() {
        "" if request.verb == Verb::Other && request.method != Method::HEAD => unsupported(),
        "" => {
            if request.verb == Verb::Create {
                request.name = None;
            }
            Ok(())
        }
        name if resource.subresource(name).is_none() => Err(ApiError::not_found(
            &resource.group,
            &resource.plural,
            request.name(),
        )),
        _ if matches!(request.verb, Verb::Get | Verb::Update | Verb::Patch) => Ok(()),
        _ => unsupported(),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Request;
    use serde_json::{Value, json};

    use crate::state::cluster::{Cluster, ClusterOptions};

    /// The status of the answer, and its warnings.
    async fn send(cluster: &Cluster, method: &str, path: &str, body: &Value) -> (u16, Vec<String>) {
        let media_type = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("/apis/{path}").replace("/apis/core/", "/api/"))
            .header("content-type", media_type)
            .body(Bytes::from(body.to_string()))
            .unwrap();
        let answer = cluster.call(request).await;
        let told = answer.headers().get_all("warning").into_iter();
        let told = told.map(|text| text.to_str().unwrap().to_owned()).collect();
        (answer.status().as_u16(), told)
    }

    #[tokio::test]
    async fn warnings_are_told_once_whatever_becomes_of_the_request() {
        let cluster = Cluster::new(ClusterOptions::default());
        let spec = json!({
            "selector": { "matchLabels": { "app": "web" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{ "name": "web", "image": "web" }] },
            },
        });
        let web = json!({ "metadata": { "name": "web" }, "spec": spec });
        let made = send(
            &cluster,
            "POST",
            "apps/v1/namespaces/default/deployments",
            &web,
        )
        .await;
        assert_eq!(made, (201, Vec::new()));

        let job = |name: &str| {
            let pod = json!({
                "restartPolicy": "Never",
                "containers": [{ "name": "job", "image": "job" }],
            });
            json!({ "metadata": { "name": name }, "spec": { "template": { "spec": pod } } })
        };
        for name in ["one", "two"] {
            let jobs = "batch/v1/namespaces/default/jobs";
            assert_eq!(send(&cluster, "POST", jobs, &job(name)).await.0, 201);
        }

        let foo = "299 - \"unknown field \\\"foo\\\"\"";
        let kept = "299 - \"child pods are preserved by default when jobs are deleted; \
                    set propagationPolicy=Background to remove them or set propagationPolicy=Orphan \
                    to suppress this warning\"";
        let named = json!({ "metadata": { "name": "map" }, "foo": 1 });
        for (method, path, body, code, told) in [
            (
                "POST",
                "core/v1/namespaces/default/configmaps",
                &named,
                201,
                foo,
            ),
            (
                "POST",
                "core/v1/namespaces/default/configmaps",
                &named,
                409,
                foo,
            ),
            (
                "PATCH",
                "core/v1/namespaces/default/configmaps/map",
                &json!({ "foo": 1, "metadata": { "name": "other" } }),
                400,
                foo,
            ),
            (
                "PATCH",
                "apps/v1/namespaces/default/deployments/web/scale",
                &json!({ "foo": 1, "spec": { "replicas": -1 } }),
                422,
                foo,
            ),
            (
                "POST",
                "core/v1/namespaces/default/serviceaccounts/nobody/token",
                &json!({ "foo": 1, "spec": { "audiences": [] } }),
                404,
                foo,
            ),
            (
                "POST",
                "core/v1/namespaces/default/pods/nobody/eviction",
                &json!({ "metadata": { "name": "nobody" }, "foo": 1 }),
                404,
                foo,
            ),
            (
                "DELETE",
                "batch/v1/namespaces/default/jobs",
                &json!({}),
                200,
                kept,
            ),
        ] {
            let done = send(&cluster, method, path, body).await;
            assert_eq!(done, (code, vec![told.to_owned()]), "{method} {path}");
        }
    }
}

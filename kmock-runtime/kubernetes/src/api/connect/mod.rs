//! Connections to what runs in Pods: `exec`, `attach`, `portforward`, and the proxies of Pods, Services and Nodes.

mod command;
mod forward;
mod kubelet;
mod pipes;
mod proxy;
mod session;
mod upgrade;

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Response};
use serde_json::Value;

use self::command::{Joining, Wanted};
pub(super) use self::kubelet::at_the_port;
use super::authz;
use super::call::Call;
use super::reply::{self, Body, Reply};
use crate::model::path::{ApiRequest, Query};
use crate::model::status::ApiError;
use crate::state::access::{Attributes, ResourceAttributes};
use crate::state::cluster::ApiBody;
use crate::state::kubelet::{Kubelet, Process, Streams};
use crate::wire::websocket;

/// Answers a request for one of them.
pub(super) async fn connect(call: &Call) -> Result<Reply, ApiError> {
    let subresource = call.request.subresource();
    if subresource == "proxy" {
        return proxy::proxy(call).await;
    }
    may_create(call)?;
    let pod = call.find(call.request.name())?;
    let container = match subresource {
        "portforward" => String::new(),
        _ => container(
            &pod.value,
            call.request.query.get("container").unwrap_or_default(),
        )?,
    };
    if pod.value["spec"]["nodeName"]
        .as_str()
        .unwrap_or_default()
        .is_empty()
    {
        let why = format!("pod {} does not have a host assigned", call.request.name());
        return Err(ApiError::bad_request(why));
    }
    let kubelet = kubelet(call)?;
    is_upgrade(&call.headers)?;
    let query = &call.request.query;
    if subresource == "portforward" {
        return forward::forward(&call.headers, &kubelet, &pod, query.all("ports"));
    }
    let command = query.all("command").map(str::to_owned).collect();
    let joining = Joining {
        headers: &call.headers,
        wanted: Wanted::of_options(query),
        command: (subresource != "attach").then_some(command),
    };
    command::command(joining, command::within(&*kubelet, pod.key(), &container))
}

/// Where a command is to run, by the path and the query of its request.
#[derive(Debug)]
pub struct CommandPlace {
    /// The namespace of the Pod.
    pub namespace: String,
    /// Its name.
    pub pod: String,
    /// The container; empty: nobody said which.
    pub container: String,
    /// The command; `None`: the process that the container is.
    pub command: Option<Vec<String>>,
}

/// Answers a request for a command in a container (`exec`, `attach`) by what `begin` makes, whatever Pods there are.
pub fn answer_command(
    parts: &Parts,
    begin: impl FnOnce(CommandPlace, Streams) -> Process,
) -> Response<ApiBody> {
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    // A rule may be for any path.
    let request = ApiRequest::parse(&parts.method, &parts.uri);
    let of = |part: fn(&ApiRequest) -> &str| request.as_ref().map(part).unwrap_or_default();
    let is_attached = of(ApiRequest::subresource) == "attach";
    let command = query.all("command").map(str::to_owned).collect();
    let joining = Joining {
        headers: &parts.headers,
        wanted: Wanted::of_options(&query),
        command: (!is_attached).then_some(command),
    };
    let answer = match is_upgrade(&parts.headers) {
        Ok(()) => command::command(joining, |command, streams| {
            let place = CommandPlace {
                namespace: of(ApiRequest::namespace).to_owned(),
                pod: of(ApiRequest::name).to_owned(),
                container: query.get("container").unwrap_or_default().to_owned(),
                command,
            };
            Ok(begin(place, streams))
        }),
        Err(refused) => Err(refused),
    };
    match answer {
        Err(error) => reply::render_error(&parts.headers, &error),
        Ok(Reply { code, body, .. }) => match body {
            Body::Response(response) => response,
            Body::Raw(kind, bytes) => reply::respond(code, kind, bytes, &[], &[]),
            // Commands are answered in no other way.
            _ => reply::respond(code, "", Bytes::new(), &[], &[]),
        },
    }
}

fn is_upgrade(headers: &HeaderMap) -> Result<(), ApiError> {
    if websocket::is_asked_for(headers) || upgrade::wants_spdy(headers) {
        return Ok(());
    }
    Err(ApiError::bad_request("Upgrade request required"))
}

/// Whoever upgrades a GET has to be allowed to create, too (`AuthorizePodWebsocketUpgradeCreatePermission`, on since 1.35).
fn may_create(call: &Call) -> Result<(), ApiError> {
    let request = &call.request;
    let attributes = Attributes::resource(
        "create",
        ResourceAttributes {
            group: request.group.as_str().into(),
            version: request.version.as_str().into(),
            namespace: request.namespace().into(),
            resource: request.resource.as_str().into(),
            subresource: request.subresource().into(),
            name: request.name().into(),
            fields: "".into(),
        },
    );
    authz::check(&call.cluster, &call.user, &attributes)
}

/// Who runs the Pods, if anybody does.
fn kubelet(call: &Call) -> Result<Arc<dyn Kubelet>, ApiError> {
    call.cluster.kubelet().ok_or_else(|| {
        let (resource, subresource) = (&call.resource().plural, call.request.subresource());
        kubelet::nothing_runs(&format!("{resource}/{subresource}"))
    })
}

/// The container that is meant.
fn container(pod: &Value, wanted: &str) -> Result<String, ApiError> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let of = |part: &str| {
        let containers = pod["spec"][part].as_array();
        let names = containers.into_iter().flatten();
        names
            .filter_map(|one| one["name"].as_str())
            .collect::<Vec<_>>()
    };
    let (init, main, ephemeral) = (
        of("initContainers"),
        of("containers"),
        of("ephemeralContainers"),
    );
    let all = [init, main.clone(), ephemeral].concat();
    match (wanted, main.as_slice()) {
        ("", [only]) => Ok((*only).to_owned()),
        ("", _) => Err(ApiError::bad_request(format!(
            "a container name must be specified for pod {name}, choose one of: [{}]",
            all.join(" ")
        ))),
        _ if all.contains(&wanted) => Ok(wanted.to_owned()),
        _ => Err(ApiError::bad_request(format!(
            "container {wanted} is not valid for pod {name}"
        ))),
    }
}

/// A refusal that the kubelet speaks itself: a plain text.
fn plainly(code: u16, text: &str) -> Reply {
    let text = format!("{text}\n");
    Reply::new(code, Body::Raw("text/plain; charset=utf-8", text.into()))
}

//! What only Pods have: binding to a node, eviction, logs.

use futures::StreamExt;
use jiff::Timestamp;
use kmock_apply::ordered::Node;
use serde_json::{Value, json};

use super::admission::{self, Attributes};
use super::body::{self, BodyShape, Target};
use super::call::Call;
use super::reply::{Body, Reply};
use super::write_options::{DeleteOptions, WriteOptions, write_options};
use super::{delete, write};
use crate::kinds::builtin::base64;
use crate::model::meta::{self, rfc3339};
use crate::model::path::Query;
use crate::model::resource::ResourceKey;
use crate::model::selectors::LabelSelector;
use crate::model::status::{ApiError, Cause, Details, quoted};
use crate::state::change::Edit;
use crate::state::cluster::ApiBody;
use crate::state::kubelet::{Kubelet, LogOptions};
use crate::state::store::StoredObject;
use crate::wire::websocket;

static BINDING: BodyShape = BodyShape("core.v1.Binding");
static EVICTION: BodyShape = BodyShape("policy.v1.Eviction");

fn done() -> Reply {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Reply::new(201, Body::Value(status))
}

/// POST to a Pod's `binding`.
pub async fn bind(call: &Call, warnings: &mut Vec<String>) -> Result<Reply, ApiError> {
    let name = call.request.name().to_owned();
    bind_named(call, Some(&name), warnings).await
}

/// POST of a Binding: it names the Pod itself.
pub async fn bind_by_body(call: &Call, warnings: &mut Vec<String>) -> Result<Reply, ApiError> {
    let mut call = call.clone();
    let pods = call.cluster.registry().find("", "v1", "pods");
    call.served = pods.ok_or_else(ApiError::no_such_resource)?;
    bind_named(&call, None, warnings).await
}

async fn bind_named(
    call: &Call,
    name: Option<&str>,
    warnings: &mut Vec<String>,
) -> Result<Reply, ApiError> {
    body::check_media_type(call)?;
    let options = write_options(call, "CreateOptions", None)?;
    let target = Target {
        group: "",
        version: "v1",
        kind: "Binding",
        built_in: true,
        codec: &BINDING,
    };
    let mut binding = body::read(call, target, &options, warnings)?;
    bind_read(call, target, name, &options, &mut binding, warnings).await?;
    Ok(done())
}

async fn bind_read(
    call: &Call,
    target: Target<'_>,
    name: Option<&str>,
    options: &WriteOptions,
    binding: &mut Value,
    warnings: &mut Vec<String>,
) -> Result<(), ApiError> {
    write::ensure_namespace(call, binding)?;
    let sent_name = binding["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let name = name.unwrap_or(&sent_name).to_owned();
    if name.is_empty() {
        return Err(ApiError::bad_request("Name parameter required."));
    }
    if sent_name != name {
        return Err(ApiError::bad_request(
            "name in URL does not match name in Binding object",
        ));
    }
    let asked = Attributes::create_other(call, target, &name, options);
    admission::mutate(&asked, binding, warnings).await?;
    let node = &binding["target"];
    let (kind, node_name) = (
        node["kind"].as_str().unwrap_or_default(),
        node["name"].as_str().unwrap_or_default(),
    );
    let mut faults = Vec::new();
    if !matches!(kind, "" | "Node") {
        let shown = quoted(kind);
        faults.push(format!(
            "target.kind: Unsupported value: {shown}: supported values: \"Node\", \"<empty>\""
        ));
    }
    if node_name.is_empty() {
        faults.push("target.name: Required value".to_owned());
    }
    if !faults.is_empty() {
        let text = if faults.len() == 1 {
            faults.concat()
        } else {
            format!("[{}]", faults.join(", "))
        };
        return Err(ApiError::unreasoned(text));
    }
    admission::validate(&asked, binding, warnings).await?;
    let text = |key: &str| {
        binding["metadata"][key]
            .as_str()
            .filter(|x| !x.is_empty())
            .map(str::to_owned)
    };
    let (uid, version) = (text("uid"), text("resourceVersion"));
    let node_name = node_name.to_owned();
    change(call, &name, options, |current, pod| {
        if let Some(uid) = uid.as_deref().filter(|uid| *uid != current.uid()) {
            return Err(write::uid_conflict(call, &name, uid, current.uid()));
        }
        let found = current.revision.to_string();
        if let Some(version) = version.as_deref().filter(|version| *version != found) {
            return Err(write::version_conflict(call, &name, version, &found));
        }
        let conflict = |why: String| Err(ApiError::conflict("", "pods/binding", &name, why));
        if current.is_terminating() {
            return conflict(format!(
                "pod {name} is being deleted, cannot be assigned to a host"
            ));
        }
        if let Some(node) = pod["spec"]["nodeName"].as_str().filter(|x| !x.is_empty()) {
            return conflict(format!(
                "pod {name} is already assigned to node {}",
                quoted(node)
            ));
        }
        if pod["spec"]["schedulingGates"]
            .as_array()
            .is_some_and(|gates| !gates.is_empty())
        {
            return conflict(format!("pod {name} has non-empty .spec.schedulingGates"));
        }
        pod["spec"]["nodeName"] = node_name.as_str().into();
        if let Some(annotations) = binding["metadata"]["annotations"].as_object() {
            for (key, value) in annotations {
                pod["metadata"]["annotations"][key.as_str()] = value.clone();
            }
        }
        if let Some(labels) = binding["metadata"]["labels"].as_object() {
            for (key, value) in labels {
                pod["metadata"]["labels"][key.as_str()] = value.clone();
            }
        }
        let condition = json!({
            "type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": rfc3339(call.now),
        });
        set_condition(pod, condition);
        Ok(())
    })
}

fn set_condition(object: &mut Value, condition: Value) {
    let status = &mut object["status"];
    if !status["conditions"].is_array() {
        status["conditions"] = json!([]);
    }
    if let Some(conditions) = status["conditions"].as_array_mut() {
        match conditions
            .iter_mut()
            .find(|x| x["type"] == condition["type"])
        {
            Some(found) => *found = condition,
            None => conditions.push(condition),
        }
    }
}

/// Changes a Pod as the server itself does: without the rules of updates, without managers.
fn change(
    call: &Call,
    name: &str,
    options: &WriteOptions,
    mut change: impl FnMut(&StoredObject, &mut Value) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    let place = &call.resource().storage;
    call.cluster.change(place, &call.key(name), |current| {
        let current = current.ok_or_else(|| call.absent(name))?;
        let mut pod = (*current.value).clone();
        change(current, &mut pod)?;
        Ok(if options.dry_run {
            Edit::Keep
        } else {
            Edit::Put(pod)
        })
    })?;
    Ok(())
}

/// POST to a Pod's `eviction`: a DELETE that disruption budgets may refuse.
pub async fn evict(call: &Call, warnings: &mut Vec<String>) -> Result<Reply, ApiError> {
    body::check_media_type(call)?;
    let options = write_options(call, "CreateOptions", None)?;
    // The one subresource that still reads its former version.
    let former = body::parse(call).is_ok_and(|body::Parsed { node, .. }| {
        node.get("apiVersion").and_then(Node::as_str) == Some("policy/v1beta1")
    });
    let target = Target {
        group: "policy",
        version: if former { "v1beta1" } else { "v1" },
        kind: "Eviction",
        built_in: true,
        codec: &EVICTION,
    };
    let mut eviction = body::read(call, target, &options, warnings)?;
    evict_read(call, target, &options, &mut eviction, warnings).await?;
    Ok(done())
}

async fn evict_read(
    call: &Call,
    target: Target<'_>,
    options: &WriteOptions,
    eviction: &mut Value,
    warnings: &mut Vec<String>,
) -> Result<(), ApiError> {
    write::ensure_namespace(call, eviction)?;
    let name = call.request.name();
    let asked = Attributes::create_other(call, target, name, options);
    admission::mutate(&asked, eviction, warnings).await?;
    if eviction["metadata"]["name"].as_str().unwrap_or_default() != name {
        return Err(ApiError::bad_request(
            "name in URL does not match name in Eviction object",
        ));
    }
    let mut delete_options = DeleteOptions::from_value(&eviction["deleteOptions"])?;
    delete_options.dry_run |= options.dry_run;
    let current = call.find(name)?;
    admission::validate(&asked, eviction, warnings).await?;
    let pod = &current.value;
    let phase = pod["status"]["phase"].as_str().unwrap_or_default();
    if !matches!(phase, "Succeeded" | "Failed" | "Pending") && !current.is_terminating() {
        let budgets = budgets_of(call, pod)?;
        match budgets.as_slice() {
            [] => {}
            [budget] => {
                let ready = condition_is_true(pod, "Ready");
                let enough = int(&budget.value, "currentHealthy")
                    >= int(&budget.value, "desiredHealthy")
                    && int(&budget.value, "desiredHealthy") > 0;
                let always_allow =
                    budget.value["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow";
                // A Pod that is not healthy anyway may go if the budget is met without it.
                if ready || !(enough || always_allow) {
                    take_from_budget(call, budget, name, delete_options.dry_run)?;
                }
            }
            _ => {
                return Err(ApiError::unreasoned(
                    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
                ));
            }
        }
    }
    if !delete_options.dry_run {
        let condition = json!({
            "type": "DisruptionTarget", "status": "True", "lastProbeTime": null,
            "lastTransitionTime": rfc3339(call.now), "reason": "EvictionByEvictionAPI",
            "message": "Eviction API: evicting",
        });
        let plain = WriteOptions::default();
        change(call, name, &plain, |_, pod| {
            set_condition(pod, condition.clone());
            Ok(())
        })?;
    }
    let admit = delete::Admit::Not;
    delete::delete_named(call, name, &delete_options, admit, warnings).await?;
    Ok(())
}

fn int(budget: &Value, key: &str) -> i64 {
    budget["status"][key].as_i64().unwrap_or_default()
}

fn condition_is_true(object: &Value, kind: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|x| x["type"] == kind && x["status"] == "True")
}

/// The budgets of the Pod's namespace that select it.
fn budgets_of(call: &Call, pod: &Value) -> Result<Vec<std::sync::Arc<StoredObject>>, ApiError> {
    let place = ResourceKey::new("policy", "poddisruptionbudgets");
    let all = call
        .cluster
        .store()
        .list(&place, &format!("{}/", call.request.namespace()))
        .objects;
    let mut found = Vec::new();
    for budget in all {
        let selector = LabelSelector::from_object(&budget.value["spec"]["selector"])
            .map_err(ApiError::unreasoned)?;
        if selector.is_some_and(|selector| selector.matches_object(pod)) {
            found.push(budget);
        }
    }
    Ok(found)
}

fn too_many(message: &str, retry: bool) -> ApiError {
    let mut error = ApiError::new(
        429,
        "TooManyRequests",
        "Cannot evict pod as it would violate the pod's disruption budget.",
    );
    let cause = Cause {
        reason: "DisruptionBudget".into(),
        message: message.to_owned(),
        field: String::new(),
    };
    let mut details = Details {
        causes: vec![cause],
        ..Details::default()
    };
    if retry {
        details.retry_after_seconds = 10;
        error.headers.push(("Retry-After", "10".into()));
    }
    error.with_details(details)
}

/// Why a budget allows no disruption, as far as its status tells.
fn why_none_allowed(name: &str, budget: &Value) -> String {
    let conditions = budget["status"]["conditions"].as_array();
    let condition = conditions.into_iter().flatten().find(|x| {
        x["type"] == "DisruptionAllowed"
            && x["status"] == "False"
            && x["message"].as_str().is_some_and(|text| !text.is_empty())
    });
    let text = |key: &str| {
        let found = condition.and_then(|condition| condition[key].as_str());
        found.unwrap_or_default()
    };
    let (wanted, healthy) = (int(budget, "desiredHealthy"), int(budget, "currentHealthy"));
    let (reason, message) = (text("reason"), text("message"));
    let none = format!("The disruption budget {name} does not allow evicting pods currently");
    if reason == "SyncFailed" {
        format!("{none} because it failed sync: {message}")
    } else if healthy <= wanted {
        format!(
            "The disruption budget {name} needs {wanted} healthy pods and has {healthy} currently"
        )
    } else if condition.is_some() {
        format!("{none} ({reason}): {message}")
    } else {
        none
    }
}

/// Counts an eviction in a budget, or refuses it.
fn take_from_budget(
    call: &Call,
    budget: &StoredObject,
    pod: &str,
    dry_run: bool,
) -> Result<(), ApiError> {
    let place = ResourceKey::new("policy", "poddisruptionbudgets");
    call.cluster.change(&place, budget.key(), |current| {
        let Some(current) = current else {
            return Ok(Edit::Keep);
        };
        let (name, value) = (current.name(), &current.value);
        let generation = value["metadata"]["generation"].as_i64().unwrap_or_default();
        if int(value, "observedGeneration") < generation {
            let why =
                format!("The disruption budget {name} is still being processed by the server.");
            return Err(too_many(&why, true));
        }
        let allowed = int(value, "disruptionsAllowed");
        if allowed < 0 {
            let why = "pdb disruptions allowed is negative";
            return Err(ApiError::forbidden(
                "policy",
                "poddisruptionbudget",
                name,
                why,
            ));
        }
        if allowed == 0 {
            return Err(too_many(&why_none_allowed(name, value), false));
        }
        let mut value = (**value).clone();
        let now = rfc3339(call.now);
        value["status"]["disruptionsAllowed"] = (allowed - 1).into();
        value["status"]["disruptedPods"][pod] = now.as_str().into();
        if allowed == 1 {
            let condition = json!({
                "type": "DisruptionAllowed", "status": "False", "observedGeneration": generation,
                "lastTransitionTime": now, "reason": "InsufficientPods", "message": "",
            });
            set_condition(&mut value, condition);
        }
        meta::set_text(&mut value, "resourceVersion", "");
        Ok(if dry_run {
            Edit::Keep
        } else {
            Edit::Put(value)
        })
    })?;
    Ok(())
}

/// GET of a Pod's `log`: there is no kubelet, so a Pod on no node has no log yet, and one on a node cannot be asked.
pub fn log(call: &Call) -> Result<Reply, ApiError> {
    let name = call.request.name();
    let pod = call.find(name)?;
    let spec = &pod.value["spec"];
    let containers: Vec<&str> = ["initContainers", "containers", "ephemeralContainers"]
        .iter()
        .flat_map(|key| spec[*key].as_array().into_iter().flatten())
        .filter_map(|container| container["name"].as_str())
        .collect();
    let own: Vec<&str> = spec["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|container| container["name"].as_str())
        .collect();
    let container = match call.request.query.get("container").unwrap_or_default() {
        "" if own.len() > 1 => {
            let list = own.join(" ");
            let why = format!(
                "a container name must be specified for pod {name}, choose one of: [{list}]"
            );
            return Err(ApiError::bad_request(why));
        }
        "" => own.first().copied().unwrap_or_default(),
        wanted if containers.contains(&wanted) => wanted,
        wanted => {
            return Err(ApiError::bad_request(format!(
                "container {wanted} is not valid for pod {name}"
            )));
        }
    };
    // Nothing was ever started: there is no log.
    if spec["nodeName"].as_str().unwrap_or_default().is_empty() {
        return Ok(Reply::new(204, Body::Raw("", bytes::Bytes::new())));
    }
    let Some(kubelet) = call.cluster.kubelet() else {
        return Err(ApiError::not_implemented(
            "the log of a pod on a node (there is no kubelet): answer it by a rule",
        ));
    };
    let query = &call.request.query;
    let options = log_options(query, call.now, container, query.get("tailLines"))?;
    let body = log_of(&*kubelet, &pod, &options).map_err(ApiError::bad_request)?;
    if websocket::is_asked_for(&call.headers) {
        return streamed(call, body);
    }
    let mut response = http::Response::new(body);
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("text/plain"),
    );
    Ok(Reply::new(200, Body::Response(response)))
}

/// A log on a WebSocket, each piece as a message: as bytes, or in base64 where the client asks for that.
///
/// Rules: `NewDefaultReaderProtocols` of `apimachinery/pkg/util/httpstream/wsstream`.
fn streamed(call: &Call, body: ApiBody) -> Result<Reply, ApiError> {
    const PLAIN: &str = "binary.k8s.io";
    const PACKED: &str = "base64.binary.k8s.io";
    let offered = websocket::offered(&call.headers);
    let protocol = offered
        .iter()
        .copied()
        .find(|one| matches!(*one, PLAIN | PACKED));
    if protocol.is_none() && !offered.is_empty() {
        return Err(ApiError::in_plain_text(
            403,
            "websocket protocol not supported",
        ));
    }
    let is_packed = protocol == Some(PACKED);
    let response = websocket::accept(&call.headers, protocol, move |socket| async move {
        let mut writer = socket.writer;
        let mut pieces = match body {
            ApiBody::Full(bytes) => futures::stream::iter([bytes]).boxed(),
            ApiBody::Stream(stream) => stream,
            ApiBody::Upgrade(_) => return,
        };
        while let Some(piece) = pieces.next().await {
            let sent = if is_packed {
                writer.send_text(&[base64::encode(&piece).as_bytes()]).await
            } else {
                writer.send_binary(&[&piece]).await
            };
            // The client may be gone.
            if sent.is_err() {
                return;
            }
        }
        let _ = writer.close(1000, "").await;
    })?;
    Ok(Reply::new(101, Body::Response(response)))
}

/// The log of a container of a Pod; the error is why there is none.
pub fn log_of(
    kubelet: &dyn Kubelet,
    pod: &StoredObject,
    options: &LogOptions,
) -> Result<ApiBody, String> {
    if let Some(body) = kubelet.log(pod.key(), options) {
        return Ok(body);
    }
    let (container, name) = (&options.container, pod.name());
    if options.previous {
        return Err(format!(
            "previous terminated container {container:?} in pod {name:?} not found"
        ));
    }
    let waits = ["initContainerStatuses", "containerStatuses"]
        .iter()
        .flat_map(|part| pod.value["status"][*part].as_array().into_iter().flatten())
        .find(|status| status["name"] == **container)
        .and_then(|status| status["state"]["waiting"]["reason"].as_str())
        .unwrap_or("ContainerCreating");
    Err(format!(
        "container {container:?} in pod {name:?} is waiting to start: {waits}"
    ))
}

/// What a query asks of a log; `tail`: so many of the last lines.
pub fn log_options(
    query: &Query,
    now: Timestamp,
    container: &str,
    tail: Option<&str>,
) -> Result<LogOptions, ApiError> {
    let given = |name: &str| query.get(name).filter(|text| !text.is_empty());
    let parsed = |name: &str, text: Option<&str>| match text {
        None => Ok(None),
        Some(text) => text.parse::<usize>().map(Some).map_err(|_| {
            ApiError::bad_request(format!(
                "Invalid value: {text:?}: {name} must be a number, and not negative"
            ))
        }),
    };
    let number = |name: &str| parsed(name, given(name));
    let flag = |name: &str| matches!(query.get(name), Some("true" | "1"));
    let since = match (number("sinceSeconds")?, given("sinceTime")) {
        (Some(_), Some(_)) => {
            return Err(ApiError::bad_request(
                "at most one of `sinceTime` or `sinceSeconds` may be specified",
            ));
        }
        (Some(seconds), None) => {
            let ago =
                jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX / 2));
            now.checked_sub(ago).ok()
        }
        (None, Some(text)) => Some(text.parse().map_err(|_| {
            ApiError::bad_request(format!("Invalid value: {text:?}: sinceTime must be a time"))
        })?),
        (None, None) => None,
    };
    Ok(LogOptions {
        container: container.to_owned(),
        previous: flag("previous"),
        follow: flag("follow"),
        timestamps: flag("timestamps"),
        since,
        tail: parsed("tailLines", tail.filter(|text| !text.is_empty()))?,
        limit: number("limitBytes")?,
    })
}

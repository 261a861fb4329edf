//! What a kubelet tells of itself: its configuration, its health, its pages for people, and what it is not configured to do.
//!
//! Words: `pkg/kubelet/server/server.go`; values: `pkg/kubelet/apis/config/v1beta1/defaults.go`.

use serde_json::{Value, json};

use super::{Asked, PORT, Place, object, plain, plainly};
use crate::api::reply::Reply;
use crate::api::{health, zpages};
use crate::kinds::builtin::values::CONTAINERS;
use crate::model::status::ApiError;

/// Its health checks, in their order.
pub(super) const CHECKS: [&str; 3] = ["ping", "log", "syncloop"];
const COMPONENT: &str = "kubelet";
/// The folders that its page of status lists.
const FOLDERS: [&str; 5] = ["/configz", "/debug", "/flagz", "/healthz", "/metrics"];

/// `/configz`: the configuration that it behaves by; what it does not have is switched off.
pub(super) fn configuration(asked: &Asked<'_>) -> Reply {
    let mut config = json!({
        "enableServer": true, "address": "0.0.0.0", "port": PORT,
        "authentication": {"anonymous": {"enabled": false}, "webhook": {"enabled": true, "cacheTTL": "2m0s"}},
        "authorization": {"mode": "Webhook"},
        "healthzPort": 0, "clusterDomain": "cluster.local",
        "nodeStatusUpdateFrequency": "10s", "nodeLeaseDurationSeconds": 40,
        "evictionPressureTransitionPeriod": "5m0s", "localStorageCapacityIsolation": true,
        "containerLogMaxSize": "10Mi", "podPidsLimit": -1,
        "crashLoopBackOff": {"maxContainerRestartPeriod": "5m0s"},
        "enableDebuggingHandlers": true, "enableSystemLogHandler": true, "enableSystemLogQuery": false,
        "enableProfilingHandler": false, "enableDebugFlagsHandler": false,
    });
    let own = asked.kubelet.configuration(asked.node);
    for (name, value) in own.as_object().into_iter().flatten() {
        config[name] = value.clone();
    }
    object(json!({ "kubeletconfig": config }))
}

/// `/healthz` and the checks below it.
pub(super) fn healthz(asked: &Asked<'_>, check: Option<&str>) -> Reply {
    health::told(&asked.query, "healthz", &CHECKS, check)
        .unwrap_or_else(|| plainly(404, "404 page not found"))
}

/// `/statusz`.
pub(super) fn statusz(asked: &Asked<'_>) -> Result<Reply, ApiError> {
    zpages::status_of(COMPONENT, asked.cluster, asked.headers, &FOLDERS)
}

/// `/flagz`: the flags that make it what it is.
pub(super) fn flagz(asked: &Asked<'_>) -> Result<Reply, ApiError> {
    let flags = [
        ("anonymous-auth", "false".to_owned()),
        ("authorization-mode", "Webhook".to_owned()),
        ("enable-server", "true".to_owned()),
        ("port", PORT.to_string()),
    ];
    zpages::flags_of(COMPONENT, asked.headers, &flags)
}

/// What its configuration switches off, in its words.
pub(super) fn switched_off(what: &str) -> Reply {
    plainly(405, &format!("{what} endpoint is disabled."))
}

/// `/checkpoint/NAMESPACE/POD/CONTAINER`: what is asked for is looked for, and then nothing here can do it.
pub(super) fn checkpoint(asked: &Asked<'_>, place: &Place<'_>) -> Reply {
    let Some(pod) = asked.pod(place) else {
        return plain(404, "pod does not exist");
    };
    let container = place.container;
    if !has_container(&pod.value, container) {
        return plain(404, &format!("container {container} does not exist"));
    }
    let timeout = asked.query.all("timeout").last();
    if timeout.is_some_and(|timeout| timeout.parse::<i64>().is_err()) {
        return plain(404, "cannot parse value of timeout parameter");
    }
    let running = super::measured::running(&pod.value);
    let why = match running.iter().any(|status| status["name"] == container) {
        true => "rpc error: code = Unimplemented desc = containers of kmock are no processes, of which there are no checkpoints".to_owned(),
        false => format!("container {container} not found"),
    };
    let (namespace, pod) = (place.namespace, place.pod);
    plain(
        500,
        &format!("checkpointing of {namespace}/{pod}/{container} failed ({why})"),
    )
}

/// Whether a container is one of a Pod.
pub(super) fn has_container(pod: &Value, container: &str) -> bool {
    CONTAINERS
        .iter()
        .flat_map(|part| pod["spec"][*part].as_array().into_iter().flatten())
        .any(|one| one["name"] == container)
}

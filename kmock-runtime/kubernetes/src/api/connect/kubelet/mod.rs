//! What a kubelet serves at its port, 10250: its Pods, their logs, commands and connections, and what they use.
//!
//! The API server comes there by the proxy of a Node, and who may do that, may everything; whoever comes by themselves has to be
//! allowed what the path asks for. Paths and words: `pkg/kubelet/server/server.go`; who may what: `…/server/auth.go`.

mod access;
mod measured;
mod node_logs;
mod own_pages;

use std::sync::Arc;

use http::{HeaderMap, Method, Request, Response, header};
use serde_json::{Value, json};

use super::command::{self, Joining, Wanted};
use super::{forward, plainly, upgrade};
use crate::api::call::Call;
use crate::api::reply::{self, Body, Reply};
use crate::api::{health, pods, reply::render_error};
use crate::model::path::{self, Query};
use crate::model::resource::ResourceKey;
use crate::model::status::{ApiError, quoted};
use crate::state::cluster::{ApiBody, Cluster};
use crate::state::kubelet::{Exit, Kubelet};
use crate::state::store::StoredObject;
use crate::wire::{json, websocket};

/// Where kubelets listen.
pub(super) const PORT: u16 = 10250;

const PLAIN: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// A request to a kubelet.
struct Asked<'a> {
    cluster: &'a Cluster,
    kubelet: Arc<dyn Kubelet>,
    /// Whose Pods; `None`: those of all nodes.
    node: Option<&'a str>,
    method: &'a Method,
    path: &'a str,
    query: Query,
    headers: &'a HeaderMap,
}

/// Answers what comes to the port of the kubelets from outside of the cluster: one port stands for all nodes, or for the one that
/// the `Host` names.
pub(in crate::api) async fn at_the_port(
    cluster: &Cluster,
    request: Request<bytes::Bytes>,
) -> Response<ApiBody> {
    let (parts, _) = request.into_parts();
    let path = path::decoded(&parts.uri);
    let node = named_node(cluster, &parts.headers);
    let refused = |error: ApiError| render_error(&parts.headers, &error);
    let Some(kubelet) = cluster.kubelet() else {
        return refused(nothing_runs("the port of a kubelet"));
    };
    let asked = Asked {
        cluster,
        kubelet,
        node: node.as_deref(),
        method: &parts.method,
        path: &path,
        query: Query::parse(parts.uri.query().unwrap_or_default()),
        headers: &parts.headers,
    };
    let answer = match access::check(&asked, &parts) {
        Ok(()) => asked.answer().await,
        Err(refusal) => Ok(refusal),
    };
    match answer {
        Ok(reply) => reply::render(cluster, &parts, reply),
        Err(error) => refused(error),
    }
}

/// Answers what the API server asks for on behalf of somebody: through the proxy of a Node, or of what leads to its port.
pub(super) async fn behind_a_proxy(
    call: &Call,
    kubelet: Arc<dyn Kubelet>,
    node: &str,
) -> Result<Reply, ApiError> {
    let asked = Asked {
        cluster: &call.cluster,
        kubelet,
        node: Some(node),
        method: &call.request.method,
        path: &format!("/{}", call.request.rest.join("/")),
        query: call.request.query.clone(),
        headers: &call.headers,
    };
    asked.answer().await
}

/// The node that has an address.
pub(super) fn node_at(cluster: &Cluster, ip: &str) -> Option<String> {
    let nodes = cluster.store().list(&ResourceKey::new("", "nodes"), "");
    let has = |node: &StoredObject| {
        let addresses = node.value["status"]["addresses"].as_array();
        addresses.is_some_and(|all| all.iter().any(|one| one["address"] == ip))
    };
    let found = nodes.objects.iter().find(|node| has(node));
    found.map(|node| node.name().to_owned())
}

/// The node that a `Host` names by its name or one of its addresses, or the only one that there is.
fn named_node(cluster: &Cluster, headers: &HeaderMap) -> Option<String> {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = host.unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let place = ResourceKey::new("", "nodes");
    if !host.is_empty() && cluster.store().get(&place, host).is_some() {
        return Some(host.to_owned());
    }
    node_at(cluster, host).or_else(
        || match cluster.store().list(&place, "").objects.as_slice() {
            [only] => Some(only.name().to_owned()),
            _ => None,
        },
    )
}

pub(super) fn nothing_runs(what: &str) -> ApiError {
    ApiError::not_implemented(format!(
        "{what} where nothing runs: let the cluster live (`cluster`), or answer it by a rule"
    ))
}

/// What a Pod is asked for by path: `/exec/NAMESPACE/POD[/UID]/CONTAINER`.
struct Place<'a> {
    namespace: &'a str,
    pod: &'a str,
    uid: &'a str,
    container: &'a str,
}

impl Asked<'_> {
    async fn answer(&self) -> Result<Reply, ApiError> {
        let segments: Vec<&str> = self.path.trim_matches('/').split('/').collect();
        let reads = self.method == Method::GET || self.method == Method::HEAD;
        let posts = self.method == Method::POST;
        let (first, rest) = segments.split_first().unwrap_or((&"", &[]));
        let place = match (*first, rest) {
            ("containerLogs" | "checkpoint", [namespace, pod, container])
            | ("exec" | "attach" | "run", [namespace, pod, container]) => {
                Some((namespace, pod, &"", container))
            }
            ("exec" | "attach" | "run", [namespace, pod, uid, container]) => {
                Some((namespace, pod, uid, container))
            }
            ("portForward", [namespace, pod]) => Some((namespace, pod, &"", &"")),
            ("portForward", [namespace, pod, uid]) => Some((namespace, pod, uid, &"")),
            _ => None,
        };
        let place = place.map(|(namespace, pod, uid, container)| Place {
            namespace,
            pod,
            uid,
            container,
        });
        let allowed = match *first {
            "run" | "checkpoint" => posts,
            "exec" | "attach" | "portForward" => posts || self.method == Method::GET,
            "metrics" | "healthz" | "configz" => true,
            // Those which are switched off are so for all.
            "debug" => true,
            "stats" => reads || posts,
            _ => reads,
        };
        match (*first, rest, place) {
            ("pods" | "runningpods" | "stats" | "logs" | "statusz" | "flagz", ..)
            | (_, _, Some(_))
                if !allowed =>
            {
                Ok(plain(405, "405: Method Not Allowed"))
            }
            ("pods", [], _) => Ok(self.pods()),
            ("runningpods", [], _) => Ok(self.running_pods()),
            ("stats", ["summary"], _) => Ok(match self.one_node() {
                Ok(node) => object(measured::summary(self, &node)),
                Err(refused) => refused,
            }),
            ("metrics", [], _) => Ok(metrics(measured::own(self))),
            ("metrics", ["resource"], _) => Ok(metrics(measured::resources(self))),
            ("metrics", ["cadvisor"], _) => Ok(metrics(measured::cadvisor(self))),
            ("metrics", ["probes"], _) => Ok(metrics(measured::probes(self))),
            ("metrics", ["slis"], _) => {
                let checks = own_pages::CHECKS.to_vec();
                Ok(health::outcomes(&[("healthz", checks)]))
            }
            ("healthz", [], _) => Ok(own_pages::healthz(self, None)),
            ("healthz", [check], _) => Ok(own_pages::healthz(self, Some(check))),
            ("configz", [], _) => Ok(own_pages::configuration(self)),
            ("statusz", [], _) => own_pages::statusz(self),
            ("flagz", [], _) => own_pages::flagz(self),
            ("logs", path, _) => Ok(node_logs::answer(self, &path.join("/"))),
            ("debug", ["pprof", ..], _) => Ok(own_pages::switched_off("profiling")),
            ("debug", ["flags", "v"], _) => Ok(own_pages::switched_off("flags")),
            ("checkpoint", _, Some(place)) => Ok(own_pages::checkpoint(self, &place)),
            ("containerLogs", _, Some(place)) => Ok(self.log(&place)),
            ("exec" | "attach", _, Some(place)) => self.command(&place, *first == "attach"),
            ("portForward", _, Some(place)) => self.forward(&place),
            ("run", _, Some(place)) => Ok(self.run(&place).await),
            (
                "containerLogs" | "exec" | "attach" | "portForward" | "run" | "stats"
                | "checkpoint",
                ..,
            ) => Ok(plain(404, "404: Page Not Found")),
            _ => Ok(plainly(404, "404 page not found")),
        }
    }

    /// The node that is asked; where the port stands for several and none is named, this says so.
    fn one_node(&self) -> Result<Arc<StoredObject>, Reply> {
        let nodes = measured::nodes(self);
        if let [only] = nodes.as_slice() {
            return Ok(Arc::clone(only));
        }
        let names: Vec<&str> = nodes.iter().map(|node| node.name()).collect();
        let (path, names) = (self.path, names.join(", "));
        let text = format!(
            "{path} tells of one node, and this port stands for the kubelets of several: name one by the Host of the request \
             ({names}), or ask /api/v1/nodes/NAME/proxy{path}"
        );
        Err(plainly(421, &text))
    }

    /// A Pod, if it is on the node.
    fn pod(&self, place: &Place<'_>) -> Option<Arc<StoredObject>> {
        let key = format!("{}/{}", place.namespace, place.pod);
        let found = self
            .cluster
            .store()
            .get(&ResourceKey::new("", "pods"), &key)?;
        self.has(&found).then_some(found)
    }

    fn has(&self, pod: &StoredObject) -> bool {
        let node = pod.value["spec"]["nodeName"].as_str().unwrap_or_default();
        !node.is_empty() && self.node.is_none_or(|own| own == node)
    }

    /// All Pods of the node.
    fn all(&self) -> Vec<Arc<StoredObject>> {
        let mut all = self
            .cluster
            .store()
            .list(&ResourceKey::new("", "pods"), "")
            .objects;
        all.retain(|pod| self.has(pod));
        all
    }

    fn pods(&self) -> Reply {
        let items = self.all().into_iter().map(|pod| {
            let mut shown = Value::clone(&pod.value);
            if let Some(members) = shown.as_object_mut() {
                members.retain(|name, _| !matches!(name.as_str(), "kind" | "apiVersion"));
            }
            // Where it knows the Pod from, and since when.
            let seen = shown["status"]["startTime"].clone();
            let annotations = &mut shown["metadata"]["annotations"];
            annotations["kubernetes.io/config.source"] = "api".into();
            if seen.is_string() {
                annotations["kubernetes.io/config.seen"] = seen;
            }
            shown
        });
        list(items.collect())
    }

    /// What the container runtime knows of: Pods of which a container runs, by their names.
    fn running_pods(&self) -> Reply {
        let pods = self.all().into_iter();
        let items = pods.filter_map(|pod| {
            let running = measured::running(&pod.value);
            let containers: Vec<Value> = running
                .iter()
                .map(|status| json!({"name": status["name"], "image": status["image"], "resources": {}}))
                .collect();
            (!containers.is_empty()).then(|| {
                json!({
                    "metadata": {"name": pod.name(), "namespace": pod.namespace(), "uid": pod.uid()},
                    "spec": {"containers": containers}, "status": {},
                })
            })
        });
        list(items.collect())
    }

    fn log(&self, place: &Place<'_>) -> Reply {
        let Some(pod) = self.pod(place) else {
            return plain(404, &format!("pod {} does not exist", quoted(place.pod)));
        };
        let container = place.container;
        if !own_pages::has_container(&pod.value, container) {
            let (container, pod) = (quoted(container), quoted(place.pod));
            return plain(
                404,
                &format!("container {container} not found in pod {pod}"),
            );
        }
        // The older name of `tailLines`; `all` is what goes without saying.
        let tail = match self.query.get("tail").filter(|tail| !tail.is_empty()) {
            Some("all") => None,
            Some(tail) => Some(tail),
            None => self.query.get("tailLines"),
        };
        let options = pods::log_options(&self.query, self.cluster.now(), container, tail);
        let Ok(options) = options else {
            return plain(422, "{\"message\": \"Invalid request.\"}");
        };
        match pods::log_of(&*self.kubelet, &pod, &options) {
            Ok(body) => {
                let mut response = Response::new(body);
                let kind = header::HeaderValue::from_static(PLAIN);
                response.headers_mut().insert(header::CONTENT_TYPE, kind);
                Reply::new(200, Body::Response(response))
            }
            Err(why) => plain(400, &why),
        }
    }

    /// The kubelet passes on only what becomes another protocol.
    fn must_upgrade(&self) -> Result<(), Reply> {
        match websocket::is_asked_for(self.headers) || upgrade::wants_spdy(self.headers) {
            true => Ok(()),
            false => Err(plainly(500, "Upgrade request required")),
        }
    }

    fn command(&self, place: &Place<'_>, attach: bool) -> Result<Reply, ApiError> {
        let wanted = Wanted::of_flags(&self.query);
        if wanted.is_nothing() {
            let why = "you must specify at least 1 of stdin, stdout, stderr";
            return Ok(plain(400, why));
        }
        let Some(pod) = self.pod(place) else {
            return Ok(plain(404, "pod does not exist"));
        };
        let command = self.query.all("command").map(str::to_owned).collect();
        let container = place.container;
        if !place.uid.is_empty() && place.uid != pod.uid() {
            let why = format!("container not found ({})", quoted(container));
            return Ok(plainly(500, &why));
        }
        if let Err(refused) = self.must_upgrade() {
            return Ok(refused);
        }
        let joining = Joining {
            headers: self.headers,
            wanted,
            command: (!attach).then_some(command),
        };
        command::command(
            joining,
            command::within(&*self.kubelet, pod.key(), container),
        )
    }

    fn forward(&self, place: &Place<'_>) -> Result<Reply, ApiError> {
        let Some(pod) = self.pod(place) else {
            return Ok(plain(404, "pod does not exist"));
        };
        if !place.uid.is_empty() && place.uid != pod.uid() {
            return Ok(plain(404, "pod not found"));
        }
        if let Err(refused) = self.must_upgrade() {
            return Ok(refused);
        }
        forward::forward(self.headers, &self.kubelet, &pod, self.query.all("port"))
    }

    /// A command whose output is the answer.
    async fn run(&self, place: &Place<'_>) -> Reply {
        let Some(pod) = self.pod(place) else {
            return plain(404, "pod does not exist");
        };
        if !place.uid.is_empty() && place.uid != pod.uid() {
            return plain(
                500,
                &format!("container not found ({})", quoted(place.container)),
            );
        }
        let asked = self.query.get("cmd").unwrap_or_default();
        let command = asked.split(' ').map(str::to_owned).collect();
        let ran = command::run(&*self.kubelet, pod.key(), place.container, command).await;
        match ran {
            Ok((Exit::Code(0), mut out, errors)) => {
                out.extend(errors);
                Reply::new(200, Body::Raw(JSON, out.into()))
            }
            Ok((Exit::Code(code), _, errors)) => {
                let errors = String::from_utf8_lossy(&errors);
                plain(
                    500,
                    &format!("command '{asked}' exited with {code}: {errors}"),
                )
            }
            Ok((Exit::Failed(why), ..)) | Err(why) => plain(500, &why),
        }
    }
}

/// A text as it is.
fn plain(code: u16, text: &str) -> Reply {
    Reply::new(code, Body::Raw(PLAIN, text.to_owned().into()))
}

fn metrics(text: String) -> Reply {
    let kind = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
    Reply::new(200, Body::Raw(kind, text.into()))
}

fn object(value: Value) -> Reply {
    Reply::new(200, Body::Raw(JSON, value.to_string().into()))
}

fn list(items: Vec<Value>) -> Reply {
    let order = json::order_of(&json!({"kind": "Pod", "apiVersion": "v1"}));
    let mut out =
        b"{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{},\"items\":[".to_vec();
    for (nth, item) in items.iter().enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        json::write(&mut out, item, order);
    }
    out.extend_from_slice(b"]}");
    Reply::new(200, Body::Raw(JSON, out.into()))
}

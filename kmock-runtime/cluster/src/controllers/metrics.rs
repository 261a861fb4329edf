//! What a metrics server does: the usage that the test sets, as `metrics.k8s.io` shows it, for `kubectl top`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cache::{Cache, Change};
use crate::controller::Controller;
use crate::emulator::Cluster;
use crate::json::{Json, json};
use crate::kind::Kind;
use crate::object::{self, text};
use crate::plan::{Action, Plan};
use crate::shared::Shared;
use crate::usage;

const GROUP: &str = "/apis/metrics.k8s.io/v1beta1";

/// Keeps an object for each Pod that runs and each node. The API is there as soon as the test has set any usage.
#[derive(Debug)]
pub(crate) struct Metrics {
    shared: Arc<Shared>,
    served: bool,
    /// What was written, by path.
    written: BTreeMap<String, Json>,
}

impl Metrics {
    pub(crate) fn new(shared: &Arc<Shared>) -> Metrics {
        Metrics {
            shared: Arc::clone(shared),
            served: false,
            written: BTreeMap::new(),
        }
    }

    fn is_wanted(&self) -> bool {
        usage::is_known(&self.shared)
    }

    /// All objects that are to be there, by path.
    fn wanted(&self, cache: &Cache) -> BTreeMap<String, Json> {
        let mut all = BTreeMap::new();
        let mut nodes: BTreeMap<&str, BTreeMap<String, i64>> = BTreeMap::new();
        for pod in cache.all(Kind::Pods) {
            if text(&pod["status"]["phase"]) != "Running" {
                continue;
            }
            let mut usage = usage::of_pod(&self.shared, pod);
            usage.retain(|resource, _| is_resource(resource));
            if usage.is_empty() {
                continue;
            }
            let of_node = nodes.entry(object::node_of(pod)).or_default();
            for (resource, amount) in &usage {
                *of_node.entry(resource.clone()).or_default() += amount;
            }
            let containers: Vec<Json> = usage::of_containers(&self.shared, pod)
                .into_iter()
                .map(|(name, mut used)| {
                    used.retain(|resource, _| is_resource(resource));
                    for resource in usage.keys() {
                        used.entry(resource.clone()).or_default();
                    }
                    json!({"name": name, "usage": shown(&used)})
                })
                .collect();
            let (namespace, name) = (object::namespace(pod), object::name(pod));
            let mut metadata = json!({"name": name, "namespace": namespace});
            if let Some(labels) = object::labels(pod) {
                metadata["labels"] = labels.clone().into();
            }
            let metrics = json!({
                "kind": "PodMetrics", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": metadata,
                "timestamp": pod["status"]["startTime"], "window": "15s", "containers": containers,
            });
            all.insert(
                format!("{GROUP}/namespaces/{namespace}/pods/{name}"),
                metrics,
            );
        }
        for node in cache.all(Kind::Nodes) {
            let name = object::name(node);
            let usage = nodes.remove(name).unwrap_or_else(|| {
                ["cpu", "memory"]
                    .map(|resource| (resource.to_owned(), 0))
                    .into()
            });
            let metrics = json!({
                "kind": "NodeMetrics", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {"name": name},
                "timestamp": node["metadata"]["creationTimestamp"], "window": "15s", "usage": shown(&usage),
            });
            all.insert(format!("{GROUP}/nodes/{name}"), metrics);
        }
        all
    }
}

/// Whether a resource is one that a metrics server measures: the test's own metrics are others.
fn is_resource(name: &str) -> bool {
    matches!(name, "cpu" | "memory")
}

/// Amounts as quantities: whole ones where they are.
fn shown(usage: &BTreeMap<String, i64>) -> Json {
    let shown = usage.iter().map(|(resource, milli)| {
        let text = if milli % 1000 == 0 {
            (milli / 1000).to_string()
        } else {
            format!("{milli}m")
        };
        (resource.clone(), Json::from(text))
    });
    shown.collect()
}

impl Controller for Metrics {
    fn name(&self) -> &'static str {
        "metrics"
    }

    fn agent(&self) -> &'static str {
        "metrics-server"
    }

    fn component(&self) -> &'static str {
        "metrics-server"
    }

    fn touched(&mut self, change: &Change, _: &Cache, keys: &mut Vec<String>) {
        if matches!(change.kind, Kind::Pods | Kind::Nodes) && self.served {
            keys.push("*".to_owned());
        }
    }

    fn poll(&mut self, cluster: &Cluster, keys: &mut Vec<String>) {
        if self.served || !self.is_wanted() {
            return;
        }
        self.served = true;
        let resources = cluster.resources();
        let declared = |plural: &str, kind: &str| {
            crate::emulator::Declaration::new(&format!("metrics.k8s.io/v1beta1/{plural}"))
                .kind(kind)
        };
        resources.declare(declared("pods", "PodMetrics"));
        resources.declare(declared("nodes", "NodeMetrics").cluster_scoped());
        keys.push("*".to_owned());
    }

    fn look(&mut self, _: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        if !self.served {
            return plan;
        }
        let wanted = self.wanted(cache);
        for (path, body) in &wanted {
            let (method, path) = match self.written.get(path) {
                Some(known) if known == body => continue,
                Some(_) => ("PATCH", path.clone()),
                None => {
                    let collection = path
                        .rsplit_once('/')
                        .map_or("", |(collection, _)| collection);
                    ("POST", collection.to_owned())
                }
            };
            plan.add(Action::Request {
                method,
                path,
                body: body.clone(),
            });
        }
        for path in self.written.keys() {
            if !wanted.contains_key(path) {
                plan.add(Action::Request {
                    method: "DELETE",
                    path: path.clone(),
                    body: Json::Null,
                });
            }
        }
        self.written = wanted;
        plan
    }
}

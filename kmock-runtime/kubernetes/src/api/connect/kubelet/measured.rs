//! What the containers of a node use, as its statistics and metrics show it. What nobody measures here, such as disks and
//! networks, is left out: it is optional there.

use std::fmt::Write;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Asked;
use crate::kinds::builtin::quantity::Quantity;
use crate::model::meta::rfc3339;
use crate::model::resource::ResourceKey;
use crate::state::store::StoredObject;

/// What a container has used since it started.
struct Used {
    container: String,
    since: Timestamp,
    /// In thousandths of a core.
    cpu: u64,
    /// In bytes.
    memory: u64,
    /// What it has written: its own files, and its log.
    written: [u64; 2],
}

impl Used {
    /// What it has used of the processor up to a time, in core-nanoseconds.
    fn core_nanos(&self, now: Timestamp) -> u64 {
        let ran = now.duration_since(self.since).as_nanos().max(0);
        let used = ran.saturating_mul(i128::from(self.cpu)) / 1000;
        u64::try_from(used).unwrap_or(u64::MAX)
    }
}

/// A Pod of which a container runs, with these.
struct Measured {
    pod: std::sync::Arc<StoredObject>,
    containers: Vec<Used>,
}

impl Measured {
    /// What its containers have written beside volumes, in bytes.
    fn written(&self) -> u64 {
        let all = self.containers.iter().flat_map(|used| used.written);
        all.sum()
    }
}

/// The states of the containers of a Pod.
pub(super) fn statuses(pod: &Value) -> impl Iterator<Item = &Value> {
    [
        "initContainerStatuses",
        "containerStatuses",
        "ephemeralContainerStatuses",
    ]
    .into_iter()
    .flat_map(|part| pod["status"][part].as_array().into_iter().flatten())
}

/// The states of those that run.
pub(super) fn running(pod: &Value) -> Vec<&Value> {
    statuses(pod)
        .filter(|status| status["state"]["running"].is_object())
        .collect()
}

fn measured(asked: &Asked<'_>) -> Vec<Measured> {
    let measured = asked.all().into_iter().map(|pod| {
        let usage = asked.kubelet.usage(&pod.value);
        let containers = running(&pod.value).into_iter().map(|status| {
            let name = status["name"].as_str().unwrap_or_default();
            let started = status["state"]["running"]["startedAt"].as_str();
            let used = usage.iter().find(|used| used.container == name).cloned();
            let used = used.unwrap_or_default();
            Used {
                container: name.to_owned(),
                since: started
                    .and_then(|started| started.parse().ok())
                    .unwrap_or_else(|| asked.cluster.now()),
                cpu: used.cpu,
                memory: used.memory,
                written: [used.files, used.log],
            }
        });
        let containers = containers.collect();
        Measured { pod, containers }
    });
    measured.filter(|one| !one.containers.is_empty()).collect()
}

/// The nodes that are asked for.
pub(super) fn nodes(asked: &Asked<'_>) -> Vec<std::sync::Arc<StoredObject>> {
    let mut nodes = asked
        .cluster
        .store()
        .list(&ResourceKey::new("", "nodes"), "")
        .objects;
    nodes.retain(|node| asked.node.is_none_or(|name| name == node.name()));
    nodes
}

/// So much of a resource a node has.
fn capacity(node: &StoredObject, resource: &str) -> u64 {
    let quantity = Quantity::of(&node.value["status"]["capacity"][resource]);
    let whole = quantity.and_then(|quantity| quantity.value());
    whole
        .and_then(|whole| u64::try_from(whole).ok())
        .unwrap_or_default()
}

/// `/stats/summary`, which tells of one node.
///
/// Shapes: `staging/src/k8s.io/kubelet/pkg/apis/stats/v1alpha1/types.go`.
pub(super) fn summary(asked: &Asked<'_>, node: &StoredObject) -> Value {
    let now = asked.cluster.now();
    let time = rfc3339(now);
    let shown = |cpu: u64, nanos: u64, memory: u64, available: Option<u64>| {
        let mut bytes = json!({"time": time, "usageBytes": memory, "workingSetBytes": memory});
        if let Some(available) = available {
            bytes["availableBytes"] = available.into();
        }
        let nano_cores = cpu.saturating_mul(1_000_000);
        let cpu =
            json!({"time": time, "usageNanoCores": nano_cores, "usageCoreNanoSeconds": nanos});
        (cpu, bytes)
    };
    let measured = measured(asked);
    let disk = |used: u64| json!({"time": time, "usedBytes": used});
    let with_disks = asked.query.get("only_cpu_and_memory") != Some("true");
    let mut in_volumes = 0;
    let pods: Vec<Value> = measured
        .iter()
        .map(|one| {
            let containers: Vec<Value> = one
                .containers
                .iter()
                .map(|used| {
                    let nanos = used.core_nanos(now);
                    let (cpu, memory) = shown(used.cpu, nanos, used.memory, None);
                    let mut shown = json!({"name": used.container, "startTime": rfc3339(used.since), "cpu": cpu, "memory": memory});
                    if with_disks {
                        let [files, log] = used.written;
                        shown["rootfs"] = disk(files);
                        shown["logs"] = disk(log);
                    }
                    shown
                })
                .collect();
            let (cpu, nanos, memory) = sum(&one.containers, now);
            let (cpu, memory) = shown(cpu, nanos, memory, None);
            let mut shown = json!({
                "podRef": {"name": one.pod.name(), "namespace": one.pod.namespace(), "uid": one.pod.uid()},
                "startTime": one.pod.value["status"]["startTime"],
                "containers": containers, "cpu": cpu, "memory": memory,
            });
            if with_disks {
                let volumes = asked.kubelet.volumes(&one.pod.value);
                let own: u64 = volumes.iter().map(|(_, used)| used).sum();
                in_volumes += own;
                shown["volume"] = volumes
                    .iter()
                    .map(|(name, used)| json!({"time": time, "name": name, "usedBytes": used}))
                    .collect();
                shown["ephemeral-storage"] = disk(own + one.written());
            }
            shown
        })
        .collect();
    let (cpu, nanos, memory) = sum(measured.iter().flat_map(|one| &one.containers), now);
    let available = capacity(node, "memory").saturating_sub(memory);
    let (cpu, memory) = shown(cpu, nanos, memory, Some(available));
    let mut own = json!({
        "nodeName": node.name(), "startTime": node.value["metadata"]["creationTimestamp"],
        "cpu": cpu, "memory": memory,
    });
    if with_disks {
        let used = in_volumes + measured.iter().map(Measured::written).sum::<u64>();
        let mut fs = disk(used);
        let capacity = capacity(node, "ephemeral-storage");
        if capacity > 0 {
            fs["capacityBytes"] = capacity.into();
            fs["availableBytes"] = capacity.saturating_sub(used).into();
        }
        own["fs"] = fs;
    }
    json!({"node": own, "pods": pods})
}

/// `/metrics/probes`: how the probes of containers went so far.
pub(super) fn probes(asked: &Asked<'_>) -> String {
    let mut page = Page::default();
    let name = "prober_probe_total";
    page.metric(
        name,
        "counter",
        "[BETA] Cumulative number of a liveness, readiness or startup probe for a container by result.",
    );
    for pod in asked.all() {
        for tried in asked.kubelet.probes(pod.key()) {
            let labels = [
                ("container", tried.container.as_str()),
                ("namespace", pod.namespace()),
                ("pod", pod.name()),
                ("pod_uid", pod.uid()),
                ("probe_type", tried.purpose),
            ];
            for (result, count) in [("failed", tried.failed), ("successful", tried.successful)] {
                let result = [("result", result)];
                let labels: Vec<_> = labels.iter().chain(&result).copied().collect();
                if count > 0 {
                    page.value(name, &labels, whole(count), None);
                }
            }
        }
    }
    page.0
}

/// Thousandths of a core, core-nanoseconds, bytes.
fn sum<'a>(all: impl IntoIterator<Item = &'a Used>, now: Timestamp) -> (u64, u64, u64) {
    all.into_iter()
        .fold((0, 0, 0), |(cpu, nanos, memory), used| {
            (
                cpu + used.cpu,
                nanos + used.core_nanos(now),
                memory + used.memory,
            )
        })
}

/// A page of metrics, as Prometheus reads it.
#[derive(Default)]
struct Page(String);

impl Page {
    /// Begins a metric; `stable` or `alpha` stands in its help.
    fn metric(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: f64, at: Option<Timestamp>) {
        self.0.push_str(name);
        if !labels.is_empty() {
            let labels: Vec<String> = labels
                .iter()
                .map(|(name, value)| {
                    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
                    format!("{name}=\"{value}\"")
                })
                .collect();
            let _ = write!(self.0, "{{{}}}", labels.join(","));
        }
        let _ = write!(self.0, " {}", number(value));
        if let Some(at) = at {
            let _ = write!(self.0, " {}", at.as_millisecond());
        }
        self.0.push('\n');
    }
}

/// A number as Go writes it in its shortest form (`strconv`, `'g'`).
fn number(value: f64) -> String {
    let scientific = format!("{value:e}");
    match scientific.split_once('e') {
        Some((digits, exponent)) => match exponent.parse::<i32>() {
            Ok(exponent) if (-4..6).contains(&exponent) => value.to_string(),
            Ok(exponent) => {
                let sign = if exponent < 0 { '-' } else { '+' };
                format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
            }
            Err(_) => scientific,
        },
        None => scientific,
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "metrics are floating-point numbers"
)]
fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

#[allow(
    clippy::cast_precision_loss,
    reason = "metrics are floating-point numbers"
)]
fn whole(number: u64) -> f64 {
    number as f64
}

/// What stands in the place of the lines that are about a node.
const NO_NODE: &str = "# kmock: this port stands for the kubelets of several nodes: what is about one is told where the Host of the request names it\n";

/// `/metrics/resource`: what a metrics server reads.
pub(super) fn resources(asked: &Asked<'_>) -> String {
    let now = asked.cluster.now();
    let measured = measured(asked);
    let mut page = Page::default();
    let each = || {
        measured.iter().flat_map(|one| {
            one.containers.iter().map(move |used| {
                let labels = [
                    ("container", used.container.as_str()),
                    ("namespace", one.pod.namespace()),
                    ("pod", one.pod.name()),
                ];
                (labels, used)
            })
        })
    };
    let name = "container_cpu_usage_seconds_total";
    page.metric(
        name,
        "counter",
        "[STABLE] Cumulative cpu time consumed by the container in core-seconds",
    );
    for (labels, used) in each() {
        page.value(name, &labels, seconds(used.core_nanos(now)), Some(now));
    }
    let name = "container_memory_working_set_bytes";
    page.metric(
        name,
        "gauge",
        "[STABLE] Current working set of the container in bytes",
    );
    for (labels, used) in each() {
        page.value(name, &labels, whole(used.memory), Some(now));
    }
    let name = "container_start_time_seconds";
    page.metric(
        name,
        "gauge",
        "[STABLE] Start time of the container since unix epoch in seconds",
    );
    for (labels, used) in each() {
        let since = u64::try_from(used.since.as_nanosecond()).unwrap_or_default();
        page.value(name, &labels, seconds(since), None);
    }
    if nodes(asked).len() == 1 {
        let (_, nanos, memory) = sum(measured.iter().flat_map(|one| &one.containers), now);
        let name = "node_cpu_usage_seconds_total";
        page.metric(
            name,
            "counter",
            "[STABLE] Cumulative cpu time consumed by the node in core-seconds",
        );
        page.value(name, &[], seconds(nanos), Some(now));
        let name = "node_memory_working_set_bytes";
        page.metric(
            name,
            "gauge",
            "[STABLE] Current working set of the node in bytes",
        );
        page.value(name, &[], whole(memory), Some(now));
    } else {
        page.0.push_str(NO_NODE);
    }
    let name = "pod_cpu_usage_seconds_total";
    page.metric(
        name,
        "counter",
        "[STABLE] Cumulative cpu time consumed by the pod in core-seconds",
    );
    for one in &measured {
        let labels = [("namespace", one.pod.namespace()), ("pod", one.pod.name())];
        let (_, nanos, _) = sum(&one.containers, now);
        page.value(name, &labels, seconds(nanos), Some(now));
    }
    let name = "pod_memory_working_set_bytes";
    page.metric(
        name,
        "gauge",
        "[STABLE] Current working set of the pod in bytes",
    );
    for one in &measured {
        let labels = [("namespace", one.pod.namespace()), ("pod", one.pod.name())];
        let (_, _, memory) = sum(&one.containers, now);
        page.value(name, &labels, whole(memory), Some(now));
    }
    let name = "resource_scrape_error";
    page.metric(
        name,
        "gauge",
        "[STABLE] 1 if there was an error while getting container metrics, 0 otherwise",
    );
    page.value(name, &[], 0.0, None);
    page.0
}

/// `/metrics/cadvisor`.
pub(super) fn cadvisor(asked: &Asked<'_>) -> String {
    let now = asked.cluster.now();
    let measured = measured(asked);
    let mut page = Page::default();
    for (name, kind, help) in [
        (
            "container_cpu_usage_seconds_total",
            "counter",
            "Cumulative cpu time consumed in seconds.",
        ),
        (
            "container_memory_working_set_bytes",
            "gauge",
            "Current working set in bytes.",
        ),
    ] {
        page.metric(name, kind, help);
        for one in &measured {
            for used in &one.containers {
                let statuses = running(&one.pod.value);
                let status = statuses
                    .iter()
                    .find(|status| status["name"] == *used.container);
                let text = |key: &str| {
                    status
                        .and_then(|status| status[key].as_str())
                        .unwrap_or_default()
                };
                let id = text("containerID");
                let id = id.split_once("://").map_or(id, |(_, id)| id);
                let labels = [
                    ("container", used.container.as_str()),
                    ("id", &format!("/kubepods/pod{}/{id}", one.pod.uid())),
                    ("image", text("image")),
                    ("name", id),
                    ("namespace", one.pod.namespace()),
                    ("pod", one.pod.name()),
                ];
                let value = match kind {
                    "counter" => seconds(used.core_nanos(now)),
                    _ => whole(used.memory),
                };
                page.value(name, &labels, value, Some(now));
            }
        }
    }
    // What is said of a machine is that of one.
    let nodes = nodes(asked);
    let [node] = nodes.as_slice() else {
        page.0.push_str(NO_NODE);
        return page.0;
    };
    for (name, help, resource) in [
        ("machine_cpu_cores", "Number of logical CPU cores.", "cpu"),
        (
            "machine_memory_bytes",
            "Amount of memory installed on the machine.",
            "memory",
        ),
    ] {
        page.metric(name, "gauge", help);
        page.value(name, &[], whole(capacity(node, resource)), None);
    }
    page.0
}

/// `/metrics`: what a kubelet tells of itself.
pub(super) fn own(asked: &Asked<'_>) -> String {
    let measured = measured(asked);
    let mut page = Page::default();
    page.metric(
        "kubelet_node_name",
        "gauge",
        "[ALPHA] The node's name. The count is always 1.",
    );
    for node in nodes(asked) {
        page.value("kubelet_node_name", &[("node", node.name())], 1.0, None);
    }
    let name = "kubelet_running_containers";
    page.metric(
        name,
        "gauge",
        "[ALPHA] Number of containers currently running",
    );
    let count: usize = measured.iter().map(|one| one.containers.len()).sum();
    page.value(
        name,
        &[("container_state", "running")],
        whole(count as u64),
        None,
    );
    let name = "kubelet_running_pods";
    page.metric(
        name,
        "gauge",
        "[ALPHA] Number of pods that have a running pod sandbox",
    );
    page.value(name, &[], whole(measured.len() as u64), None);
    page.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_does() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.25, "0.25"),
            (4.710169, "4.710169"),
            (123_456.0, "123456"),
            (1_234_567.0, "1.234567e+06"),
            (67_108_864.0, "6.7108864e+07"),
            (0.00001, "1e-05"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}

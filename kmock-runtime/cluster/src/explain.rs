//! Why something is not as it should be, in words: from a workload down to the log of a container.

use crate::emulator::Cluster;
use crate::emulator::objects::Objects;
use crate::json::Json;
use crate::kind::Kind;
use crate::object::{self, int, items, text};
use crate::shared::Shared;

/// All that is not as it should be, a line each.
pub(crate) fn unsettled(cluster: &Cluster, shared: &Shared) -> Vec<String> {
    let view = View::of(cluster, shared);
    let mut lines = Vec::new();
    for kind in [
        Kind::Deployments,
        Kind::StatefulSets,
        Kind::DaemonSets,
        Kind::Jobs,
        Kind::Claims,
    ] {
        for object in view.all(kind) {
            if let Some(line) = view.workload(kind, &object) {
                lines.push(line);
            }
        }
    }
    for pod in view.all(Kind::Pods) {
        if object::controller(&pod).is_none()
            && let Some(why) = view.pod(&pod)
        {
            lines.push(format!("Pod {}: {why}", object::key(&pod)));
        }
    }
    if lines.is_empty() {
        return lines;
    }
    if view.all(Kind::Nodes).is_empty() {
        lines.push("there are no nodes: declare one with `k.node(\"worker-1\")`".to_owned());
    }
    lines
}

/// How one object is.
pub(crate) fn object(cluster: &Cluster, shared: &Shared, resource: &str, key: &str) -> String {
    let Some(served) = cluster.registry().named(resource) else {
        return format!("the cluster has no resource {resource:?}");
    };
    let kind = &served.resource.kind;
    let Some(found) = cluster.objects().get(resource, key) else {
        return format!("there is no {kind} {key}");
    };
    let view = View::of(cluster, shared);
    let of = Kind::named(&served.resource.group, kind);
    let line = match of {
        Some(Kind::Pods) => view
            .pod(&found.value().into())
            .map(|why| format!("Pod {key}: {why}")),
        Some(kind) => view.workload(kind, &found.value().into()),
        None => None,
    };
    line.unwrap_or_else(|| format!("{kind} {key} is as it should be"))
}

struct View<'a> {
    objects: Objects,
    shared: &'a Shared,
}

impl View<'_> {
    fn of<'a>(cluster: &Cluster, shared: &'a Shared) -> View<'a> {
        View {
            objects: cluster.objects(),
            shared,
        }
    }

    fn all(&self, kind: Kind) -> Vec<Json> {
        let name = match kind.group() {
            "" => format!("v1/{}", kind.plural()),
            group => format!("{}.{group}", kind.plural()),
        };
        self.objects
            .list(&name, None)
            .iter()
            .map(|object| object.value().into())
            .collect()
    }

    /// The Pods below an object, over the ReplicaSets between.
    fn pods_of(&self, owner: &Json) -> Vec<Json> {
        let mut owners = vec![object::uid(owner).to_owned()];
        for kind in [Kind::ReplicaSets, Kind::Jobs] {
            for between in self.all(kind) {
                if object::is_controlled_by(&between, object::uid(owner)) {
                    owners.push(object::uid(&between).to_owned());
                }
            }
        }
        let mut pods = self.all(Kind::Pods);
        pods.retain(|pod| owners.iter().any(|uid| object::is_controlled_by(pod, uid)));
        pods
    }

    /// Why a workload is not done; `None`: it is.
    fn workload(&self, kind: Kind, workload: &Json) -> Option<String> {
        let (spec, status) = (&workload["spec"], &workload["status"]);
        let head = format!("{kind} {}", object::key(workload));
        let says = |sort: &str| {
            object::condition(workload, sort)
                .map(|condition| text(&condition["message"]).to_owned())
                .filter(|message| !message.is_empty())
        };
        let what = match kind {
            Kind::Deployments | Kind::StatefulSets | Kind::ReplicaSets => {
                let wanted = spec["replicas"].as_i64().unwrap_or(1);
                let available = int(&status["availableReplicas"]);
                let total = int(&status["replicas"]);
                if available >= wanted
                    && total == wanted
                    && int(&status["observedGeneration"]) >= object::generation(workload)
                {
                    return None;
                }
                format!("{available} of {wanted} available")
            }
            Kind::DaemonSets => {
                let (wanted, available) = (
                    int(&status["desiredNumberScheduled"]),
                    int(&status["numberAvailable"]),
                );
                if available >= wanted {
                    return None;
                }
                format!("{available} of {wanted} available")
            }
            Kind::Jobs => {
                if object::holds(workload, "Complete")
                    || object::holds(workload, "Failed")
                    || spec["suspend"] == true
                {
                    return None;
                }
                let wanted = spec["completions"]
                    .as_i64()
                    .or(spec["parallelism"].as_i64())
                    .unwrap_or(1);
                format!(
                    "{} of {wanted} succeeded, {} active, {} failed",
                    int(&status["succeeded"]),
                    int(&status["active"]),
                    int(&status["failed"])
                )
            }
            Kind::Claims => {
                if text(&status["phase"]) == "Bound" {
                    return None;
                }
                let class = text(&spec["storageClassName"]);
                return Some(format!(
                    "{head} is not bound: no volume fits, and nobody provisions the class {class:?}"
                ));
            }
            _ => return None,
        };
        let mut line = format!("{head}: {what}");
        let pods: Vec<String> = self
            .pods_of(workload)
            .iter()
            .filter_map(|pod| {
                self.pod(pod)
                    .map(|why| format!("pod {}: {why}", object::name(pod)))
            })
            .collect();
        let more = pods.len().saturating_sub(3);
        for pod in pods.iter().take(3) {
            line.push_str("; ");
            line.push_str(pod);
        }
        if more > 0 {
            line.push_str(&format!("; and {more} more"));
        }
        if pods.is_empty()
            && let Some(why) = says("ReplicaFailure").or_else(|| says("Progressing"))
        {
            line.push_str("; ");
            line.push_str(&why);
        }
        Some(line)
    }

    /// Why a Pod is not ready (or not done); `None`: it is.
    fn pod(&self, pod: &Json) -> Option<String> {
        if object::phase(pod) == "Succeeded" || (object::is_ready(pod) && !object::is_deleting(pod))
        {
            return None;
        }
        if object::is_deleting(pod) {
            let finalizers: Vec<&str> = items(&pod["metadata"]["finalizers"]).map(text).collect();
            return Some(match finalizers.as_slice() {
                [] => "is being deleted".to_owned(),
                held => format!("is being deleted, held by {}", held.join(", ")),
            });
        }
        if object::node_of(pod).is_empty() {
            let why = object::condition(pod, "PodScheduled")
                .map(|condition| text(&condition["message"]))
                .unwrap_or_default();
            return Some(match why {
                "" => "is not scheduled".to_owned(),
                why => format!("is not scheduled: {why}"),
            });
        }
        if !text(&pod["status"]["reason"]).is_empty() {
            return Some(format!(
                "{} {}: {}",
                object::phase(pod),
                text(&pod["status"]["reason"]),
                text(&pod["status"]["message"])
            ));
        }
        for part in ["initContainerStatuses", "containerStatuses"] {
            for status in items(&pod["status"][part]) {
                let name = text(&status["name"]);
                let waiting = &status["state"]["waiting"];
                let last = &status["lastState"]["terminated"];
                if waiting.is_object() {
                    let mut why = format!("container {name} waits in {}", text(&waiting["reason"]));
                    if text(&waiting["reason"]) != "CrashLoopBackOff"
                        && !text(&waiting["message"]).is_empty()
                    {
                        why.push_str(&format!(": {}", text(&waiting["message"])));
                    }
                    if last.is_object() {
                        why.push_str(&format!(
                            "; its last run ended with {} ({})",
                            last["exitCode"],
                            text(&last["reason"])
                        ));
                    }
                    return Some(self.with_log(pod, name, why));
                }
                let ended = &status["state"]["terminated"];
                if ended.is_object() && int(&ended["exitCode"]) != 0 {
                    return Some(self.with_log(
                        pod,
                        name,
                        format!(
                            "container {name} ended with {} ({})",
                            ended["exitCode"],
                            text(&ended["reason"])
                        ),
                    ));
                }
                if part == "containerStatuses"
                    && status["ready"] != true
                    && status["state"]["running"].is_object()
                {
                    return Some(self.with_log(
                        pod,
                        name,
                        format!("container {name} runs and is not ready"),
                    ));
                }
            }
        }
        Some(format!("is {}", object::phase(pod)))
    }

    /// With the last line of the container's log, if it has written something.
    fn with_log(&self, pod: &Json, name: &str, mut why: String) -> String {
        let key = object::key(pod);
        let last = [false, true].iter().find_map(|previous| {
            let text = self.shared.log_of(&key, name, *previous)?.text();
            text.lines().last().map(str::to_owned)
        });
        if let Some(line) = last {
            why.push_str(&format!("; its log ends: {line}"));
        }
        why
    }
}

//! Pods that are resized in place (`pods/resize`): what they ask for anew is allocated as soon as the node has it, then
//! done, and reported.

use std::time::Duration;

use super::state::{PodRun, Role, Run};
use super::{Kubelets, Look, field_of};
use crate::amounts;
use crate::containers::Resources;
use crate::json::{Json, json};
use crate::kind::Kind;
use crate::object::{self, items, spec_of, text};
use crate::plan::{Note, Plan, Wait};

/// How far the resizing of a Pod is.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Resizing {
    /// The node has no room for it: why, and for which generation of the Pod.
    pub(crate) pending: Option<(String, i64)>,
    /// It was allocated for a generation, and is being done.
    pub(crate) in_progress: Option<i64>,
}

/// The part of what a container asks for that can change.
fn changeable(resources: &Json) -> Json {
    let mut part = json!({});
    for sort in ["limits", "requests"] {
        for name in ["cpu", "memory"] {
            let amount = &resources[sort][name];
            if !amount.is_null() {
                part[sort][name] = amounts::of(name, amount).into();
            }
        }
    }
    part
}

/// The resources of a container; where it has no limit of its own, that of its Pod is its limit.
fn effective(own: &Json, of_pod: &Json) -> Json {
    let mut part = changeable(own);
    for name in ["cpu", "memory"] {
        let limit = &of_pod["limits"][name];
        if part["limits"][name].is_null() && !limit.is_null() {
            part["limits"][name] = amounts::of(name, limit).into();
        }
    }
    part
}

/// Whether a container has to be restarted to get from one to the other, both as [`effective`] says them.
fn restarts(container: &Json, old: &Json, new: &Json) -> bool {
    items(&container["resizePolicy"]).any(|policy| {
        let name = text(&policy["resourceName"]);
        let changes = ["limits", "requests"]
            .into_iter()
            .any(|sort| old[sort][name] != new[sort][name]);
        policy["restartPolicy"] == "RestartContainer" && changes
    })
}

/// What an event says of a Pod's resources.
fn summary(pod: &Json, error: &str) -> String {
    let of = |part: &str| -> Vec<String> {
        items(&pod["spec"][part])
            .map(|container| {
                let resources = match container["resources"].as_object() {
                    Some(resources) => json!(resources).to_string(),
                    None => "{}".to_owned(),
                };
                format!(
                    "{{\"name\":{},\"resources\":{resources}}}",
                    container["name"]
                )
            })
            .collect()
    };
    let mut parts = Vec::new();
    for (part, containers) in [
        ("initContainers", of("initContainers")),
        ("containers", of("containers")),
    ] {
        if !containers.is_empty() {
            parts.push(format!("\"{part}\":[{}]", containers.join(",")));
        }
    }
    parts.push(format!("\"generation\":{}", object::generation(pod)));
    if !error.is_empty() {
        parts.push(format!("\"error\":{}", Json::from(error)));
    }
    format!("{{{}}}", parts.join(","))
}

/// The Pod with what was allocated to it.
fn allocated(pod: &Json, run: &PodRun) -> Json {
    let mut pod = pod.clone();
    if !run.allocated.is_null() {
        pod["spec"]["resources"] = run.allocated.clone();
    }
    for part in ["initContainers", "containers"] {
        for container in pod["spec"][part].as_array_mut().into_iter().flatten() {
            let known = run
                .runs
                .iter()
                .find(|one| container["name"] == one.name.as_str());
            if let Some(known) = known {
                container["resources"] = known.allocated.clone();
            }
        }
    }
    pod
}

fn is_resizable(run: &Run) -> bool {
    matches!(run.role, Role::Main | Role::Sidecar)
}

impl Kubelets {
    /// Goes on with a Pod whose resources are others than those that it has.
    pub(super) fn resize(&mut self, run: &mut PodRun, look: &Look<'_>, plan: &mut Plan) {
        let pod = look.pod;
        let generation = object::generation(pod);
        let tell = |plan: &mut Plan, warning: bool, reason: &str, message: String| {
            let note = Note::normal(Kind::Pods, pod, reason, message);
            plan.tell(Note {
                host: look.host.to_owned(),
                warning,
                ..note
            });
        };
        if run.stop.is_some() {
            return;
        }
        if let Some(of) = run.resizing.in_progress.filter(|_| run.resizing_is_told) {
            self.actuate(run, look, plan);
            run.resizing.in_progress = None;
            let mut done = (**pod).clone();
            done["metadata"]["generation"] = of.into();
            tell(
                plan,
                false,
                "ResizeCompleted",
                format!("Pod resize completed: {}", summary(&done, "")),
            );
        }
        let of_pod = &pod["spec"]["resources"];
        let is_same = changeable(of_pod) == changeable(&run.allocated)
            && run.runs.iter().filter(|one| is_resizable(one)).all(|one| {
                let wanted = &spec_of(pod, &one.name)["resources"];
                changeable(wanted) == changeable(&one.allocated)
            });
        if is_same {
            if run.resizing.pending.take().is_some() {
                self.deferred.remove(&object::key(pod));
            }
            return;
        }
        match self.lacks_room(run, look) {
            None => {
                run.allocated = of_pod.clone();
                for one in run.runs.iter_mut().filter(|one| is_resizable(one)) {
                    one.allocated = spec_of(pod, &one.name)["resources"].clone();
                }
                run.resizing.pending = None;
                run.resizing.in_progress = Some(generation);
                run.resizing_is_told = false;
                self.deferred.remove(&object::key(pod));
                tell(
                    plan,
                    false,
                    "ResizeStarted",
                    format!("Pod resize started: {}", summary(pod, "")),
                );
            }
            Some(why) => {
                let news = run
                    .resizing
                    .pending
                    .as_ref()
                    .is_none_or(|(_, of)| *of != generation);
                self.deferred.insert(object::key(pod));
                if news {
                    tell(
                        plan,
                        true,
                        "ResizeDeferred",
                        format!("Pod resize Deferred: {}", summary(pod, &why)),
                    );
                }
                run.resizing.pending = Some((why, generation));
            }
        }
    }

    /// What was allocated becomes what there is.
    fn actuate(&mut self, run: &mut PodRun, look: &Look<'_>, plan: &mut Plan) {
        let of_pod = std::mem::replace(&mut run.actuated, run.allocated.clone());
        for one in run.runs.iter_mut().filter(|one| is_resizable(one)) {
            let spec = spec_of(look.pod, &one.name);
            let (old, new) = (
                effective(&one.actuated, &of_pod),
                effective(&one.allocated, &run.allocated),
            );
            let has_to_restart = one.is_running() && restarts(spec, &old, &new);
            one.actuated = one.allocated.clone();
            one.live.has(Resources {
                own: one.actuated.clone(),
                of_pod: run.allocated.clone(),
            });
            if !has_to_restart {
                continue;
            }
            plan.tell(Note {
                host: look.host.to_owned(),
                field: field_of(one),
                ..Note::normal(
                    Kind::Pods,
                    look.pod,
                    "Killing",
                    format!("Container {} resize requires restart", one.name),
                )
            });
            self.finish(one, &super::probes::killed(), look.now);
            // It is no failure: it starts again at once.
            one.backoff = Duration::ZERO;
            plan.look_after(Duration::ZERO, Wait::Work);
        }
    }

    /// Why the node has no room for what a Pod asks for now; `None`: it has.
    fn lacks_room(&self, run: &PodRun, look: &Look<'_>) -> Option<String> {
        let node = look.cache.get(Kind::Nodes, look.host)?;
        let capacity = amounts::map(&node["status"]["allocatable"]);
        let wanted = amounts::requests(look.pod);
        let before = amounts::requests(&allocated(look.pod, run));
        let mut used = amounts::Amounts::new();
        for other in look.cache.on_node(look.host) {
            if object::uid(other) == run.uid || object::is_finished(other) {
                continue;
            }
            let asks = match self.pods.get(&object::key(other)) {
                Some(known) => amounts::requests(&allocated(other, known)),
                None => amounts::requests(other),
            };
            for (name, amount) in asks {
                *used.entry(name).or_default() += amount;
            }
        }
        ["cpu", "memory"].into_iter().find_map(|name| {
            let of = |amounts: &amounts::Amounts| amounts.get(name).copied().unwrap_or_default();
            let (wanted, used, capacity) = (of(&wanted), of(&used), of(&capacity));
            let grows = wanted > of(&before);
            (grows && wanted + used > capacity).then(|| {
                format!("Node didn't have enough resource: {name}, requested: {wanted}, used: {used}, capacity: {capacity}")
            })
        })
    }
}

/// The conditions that say how far it is.
pub(super) fn conditions(pod: &Json, run: &PodRun, now: &Json) -> Vec<Json> {
    let condition = |sort: &str, generation: i64| {
        let known = object::condition(pod, sort);
        let since = known.map(|known| known["lastTransitionTime"].clone());
        json!({
            "type": sort, "status": "True", "lastProbeTime": null,
            "lastTransitionTime": since.unwrap_or_else(|| now.clone()), "observedGeneration": generation,
        })
    };
    let mut all = Vec::new();
    if let Some((why, generation)) = &run.resizing.pending {
        let mut pending = condition("PodResizePending", *generation);
        pending["reason"] = "Deferred".into();
        pending["message"] = why.as_str().into();
        all.push(pending);
    }
    if let Some(generation) = run.resizing.in_progress {
        all.push(condition("PodResizeInProgress", generation));
    }
    all
}

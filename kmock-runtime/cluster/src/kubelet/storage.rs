//! Pods that write more than they may: into an `emptyDir` with a `sizeLimit`, or beyond the limits of `ephemeral-storage`.
//!
//! Rules: `localStorageEviction` of `pkg/kubelet/eviction/eviction_manager.go`.

use tokio::time::Instant;

use super::pressure::{self, INTERVAL};
use super::state::{Eviction, PodRun, Role, Run};
use super::{Kubelets, Look, given};
use crate::amounts;
use crate::containers::is_limited;
use crate::json::Json;
use crate::object::{self, items, text};
use crate::plan::{Plan, Wait};
use crate::usage;

const RESOURCE: &str = "ephemeral-storage";

/// What the containers of a Pod have written, in bytes.
struct Written<'a> {
    pod: &'a Json,
    /// Each container with its files and its log.
    containers: Vec<(&'a str, i64)>,
    /// Each `emptyDir`.
    volumes: Vec<(&'a Json, i64)>,
}

impl Written<'_> {
    /// What the Pod is told if it is too much; the first limit that is passed counts.
    fn excess(&self) -> Option<String> {
        for (volume, used) in &self.volumes {
            let shown = &volume["emptyDir"]["sizeLimit"];
            let limit = amounts::of(RESOURCE, shown);
            if limit > 0 && *used > limit {
                let (name, shown) = (text(&volume["name"]), text(shown));
                return Some(format!(
                    "Usage of EmptyDir volume \"{name}\" exceeds the limit \"{shown}\". "
                ));
            }
        }
        let limits = amounts::asked(self.pod, "limits", false);
        if let Some(limit) = limits.get(RESOURCE) {
            let on_disk = |volume: &Json| volume["emptyDir"]["medium"] != "Memory";
            let volumes = self.volumes.iter().filter(|(volume, _)| on_disk(volume));
            let containers = self.containers.iter().map(|(_, used)| used);
            let all: i64 = containers.chain(volumes.map(|(_, used)| used)).sum();
            if all > *limit {
                return Some(format!(
                    "Pod ephemeral local storage usage exceeds the total limit of containers {}. ",
                    amounts::bytes(*limit)
                ));
            }
        }
        for (name, used) in &self.containers {
            let shown = &object::spec_of(self.pod, name)["resources"]["limits"][RESOURCE];
            let limit = amounts::of(RESOURCE, shown);
            if limit > 0 && *used > limit {
                let shown = text(shown);
                return Some(format!(
                    "Container {name} exceeded its local ephemeral storage limit \"{shown}\". "
                ));
            }
        }
        None
    }
}

impl Kubelets {
    /// Looks whether a Pod has written too much, and evicts it when it still has at the next look of its kubelet.
    pub(super) fn watch_storage(&self, run: &mut PodRun, look: &Look<'_>, plan: &mut Plan) {
        let is_active = run.stop.is_none()
            && run.evicted.is_none()
            && run.runs.iter().any(Run::is_running)
            && !pressure::is_critical(look.pod);
        if !is_active || !is_limited(look.pod) {
            return;
        }
        let Some(message) = self.written(run, look).excess() else {
            run.too_large_since = None;
            return;
        };
        let since = *run.too_large_since.get_or_insert(look.instant);
        let rest = (since + INTERVAL).saturating_duration_since(Instant::now());
        plan.look_after(rest, Wait::Work);
        if rest.is_zero() {
            run.evicted = Some(Eviction {
                message,
                is_disruption: false,
                grace: 1,
            });
        }
    }

    fn written<'a>(&self, run: &PodRun, look: &Look<'a>) -> Written<'a> {
        let pod: &'a Json = look.pod;
        let said = usage::of_containers(&self.shared, pod);
        let spec = &pod["spec"];
        let all = items(&spec["initContainers"]).chain(items(&spec["containers"]));
        let containers = all.filter_map(|container| {
            let name = text(&container["name"]);
            let one = run.runs.iter().find(|one| one.name == name)?;
            let said = said.iter().find(|(known, _)| known == name);
            let said = said.and_then(|(_, used)| used.get(RESOURCE)).copied();
            // What is said to be used is so while the container runs; what was written stays until it starts again.
            let said = said.filter(|_| one.is_running() && one.role != Role::Ephemeral);
            let own = one.live.written() + one.log.size();
            Some((name, whole(own).saturating_add(said.unwrap_or(0) / 1000)))
        });
        let volumes = items(&spec["volumes"]).filter(|volume| volume["emptyDir"].is_object());
        let volumes = volumes.map(|volume| {
            let place = format!("{}{}", given::of_pod(&run.uid), text(&volume["name"]));
            (volume, whole(self.shared.volumes.size(&place)))
        });
        Written {
            pod,
            containers: containers.collect(),
            volumes: volumes.collect(),
        }
    }
}

fn whole(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;

    /// The rows of `TestLocalStorageEviction…`: what is limited, what was written, what is told.
    #[test]
    fn the_first_limit_that_is_passed_is_told() {
        let limited = |limit: &str| json!({"name": "c", "resources": {"limits": {"ephemeral-storage": limit}}});
        let volume = |limit: Json, medium: &str| json!({"name": "data", "emptyDir": {"sizeLimit": limit, "medium": medium}});
        let free = json!({"name": "c"});
        for (container, volume, (by_container, by_volume), expected) in [
            (free.clone(), volume("1Mi".into(), ""), (0, 1 << 20), None),
            (
                free.clone(),
                volume("1Mi".into(), ""),
                (0, (1 << 20) + 1),
                Some("Usage of EmptyDir volume \"data\" exceeds the limit \"1Mi\". "),
            ),
            (free.clone(), volume("0".into(), ""), (0, 9), None),
            (free, volume(Json::Null, ""), (9, 9), None),
            (
                limited("2Ki"),
                volume(Json::Null, ""),
                (1024, 1025),
                Some(
                    "Pod ephemeral local storage usage exceeds the total limit of containers 2Ki. ",
                ),
            ),
            (
                limited("2Ki"),
                volume(Json::Null, "Memory"),
                (1024, 1025),
                None,
            ),
        ] {
            let pod = json!({"spec": {"containers": [container], "volumes": [volume]}});
            assert!(is_limited(&pod) || expected.is_none(), "{pod}");
            let written = Written {
                pod: &pod,
                containers: vec![("c", by_container)],
                volumes: vec![(&pod["spec"]["volumes"][0], by_volume)],
            };
            assert_eq!(written.excess().as_deref(), expected, "{pod}");
        }
        // One that is below the sum of all may be above its own.
        let mut other = limited("4Ki");
        other["name"] = "other".into();
        let pod = json!({"spec": {"containers": [limited("1Ki"), other]}});
        let written = Written {
            pod: &pod,
            containers: vec![("c", 1025), ("other", 0)],
            volumes: Vec::new(),
        };
        assert_eq!(
            written.excess().as_deref(),
            Some("Container c exceeded its local ephemeral storage limit \"1Ki\". ")
        );
    }
}

//! Nodes that run out of something: their conditions, and the Pods that are evicted for it, one after the other.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::Kubelets;
use super::admission::Rejection;
use super::state::Eviction;
use crate::amounts;
use crate::cache::Cache;
use crate::containers::is_limited;
use crate::json::{Json, json};
use crate::kind::Kind;
use crate::object::{self, int, items, text};
use crate::plan::{Note, Plan, Wait};
use crate::pressure::{Least, PRESSURES, Pressure};
use crate::scheduler::tolerates;
use crate::usage;

/// So often it is looked whether a Pod has to go.
pub(super) const INTERVAL: Duration = Duration::from_secs(10);
/// For so long a condition is kept after the last time that it was seen.
const TRANSITION: i64 = 5 * 60;
/// So many processes a node has room for.
const MOST_PROCESSES: i64 = 4 << 20;
/// Pods of this priority are never evicted.
const CRITICAL: i64 = 2_000_000_000;

/// Whether a Pod is of those that the system needs: it is never evicted, and let in whatever its node has run out of.
pub(super) fn is_critical(pod: &Json) -> bool {
    let mirror = &pod["metadata"]["annotations"]["kubernetes.io/config.mirror"];
    int(&pod["spec"]["priority"]) >= CRITICAL || !text(mirror).is_empty()
}

/// Why a node that has run out of something does not let a Pod in.
///
/// Rules: `Admit` of `pkg/kubelet/eviction/eviction_manager.go`.
pub(super) fn refused(pod: &Json, node: &Json) -> Option<Rejection> {
    let holding: Vec<&str> = PRESSURES
        .iter()
        .map(|pressure| pressure.condition().0)
        .filter(|sort| object::holds(node, sort))
        .collect();
    if holding.is_empty() || is_critical(pod) {
        return None;
    }
    if holding == ["MemoryPressure"] {
        let taint = json!({"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"});
        if pod["status"]["qosClass"] != "BestEffort" || tolerates(pod, &taint) {
            return None;
        }
    }
    let why = format!("The node had condition: [{}]. ", holding.join(" "));
    Some(("Evicted".to_owned(), why))
}

/// What is remembered of the pressures of one node.
#[derive(Debug, Default)]
pub(crate) struct Pressed {
    /// When each was last seen in what the Pods use.
    seen: BTreeMap<Pressure, Timestamp>,
    /// Since when there is less than what has to be left in the long run.
    low_since: BTreeMap<Pressure, Timestamp>,
    /// When a Pod was last evicted.
    evicted: Option<Timestamp>,
}

/// How much there is of something, and how much is left.
#[derive(Clone, Copy)]
struct Room {
    capacity: i64,
    available: i64,
}

impl Room {
    /// How much there should be left, if less is.
    fn below(self, least: Least) -> Option<Left> {
        let least = least.of(self.capacity);
        let available = self.available;
        (available < least).then_some(Left { least, available })
    }
}

/// How much there should be left, and how much is.
#[derive(Clone, Copy)]
struct Left {
    least: i64,
    available: i64,
}

impl Kubelets {
    /// The Pods of a node of which something runs.
    fn active<'a>(
        &'a self,
        name: &'a str,
        cache: &'a Cache,
    ) -> impl Iterator<Item = &'a Arc<Json>> {
        cache.on_node(name).filter(|pod| {
            let run = self.pods.get(&object::key(pod));
            run.is_some_and(|run| {
                run.stop.is_none()
                    && run.evicted.is_none()
                    && run.runs.iter().any(|one| one.is_running())
            })
        })
    }

    /// What is left of a resource, by what the Pods use; `None`: nothing was said of it.
    fn room(&self, pressure: Pressure, name: &str, node: &Json, cache: &Cache) -> Option<Room> {
        let resource = pressure.resource();
        let capacity = match pressure {
            Pressure::Processes => MOST_PROCESSES,
            _ => amounts::of(resource, &node["status"]["capacity"][resource]),
        };
        let mut used = None;
        for pod in self.active(name, cache) {
            if let Some(amount) = usage::of_pod(&self.shared, pod).get(resource) {
                used = Some(used.unwrap_or(0) + amount / 1000);
            }
        }
        Some(Room {
            capacity,
            available: capacity - used?,
        })
    }

    /// The pressures under which a node is now, and evicts a Pod for the first of them, if it is time.
    pub(super) fn pressures(
        &mut self,
        name: &str,
        node: &Json,
        cache: &Cache,
        plan: &mut Plan,
    ) -> Vec<Pressure> {
        let (declared, thresholds) = {
            let state = self.shared.state();
            let spec = state.nodes.get(name);
            spec.map(|spec| (spec.pressures.clone(), spec.thresholds.clone()))
                .unwrap_or_default()
        };
        let now = cache.now();
        let is_known = usage::is_known(&self.shared);
        if declared.is_empty() && !is_known && !self.pressed.contains_key(name) {
            return Vec::new();
        }
        // What is said to be used may be more than a Pod may use.
        let limited = self
            .active(name, cache)
            .filter(|pod| is_known && is_limited(pod));
        for pod in limited {
            self.shared.touch("kubelets", &object::key(pod));
        }
        let mut urgent = None;
        let mut holding = Vec::new();
        for pressure in PRESSURES {
            let room = self.room(pressure, name, node, cache);
            let below = |least: Option<Least>| room?.below(least?);
            let hard = below(thresholds.hard.get(&pressure).copied());
            let soft = thresholds.soft.get(&pressure).copied();
            let low = below(soft.map(|(least, _)| least));
            let short = hard.or(low);
            let is_declared = declared.contains(&pressure);
            let pressed = self.pressed.entry(name.to_owned()).or_default();
            if short.is_some() {
                pressed.seen.insert(pressure, now);
            }
            let until = pressed
                .seen
                .get(&pressure)
                .map(|seen| object::after(*seen, TRANSITION));
            let lasts = until.is_some_and(|until| until > now);
            if let Some(until) = until.filter(|_| lasts && short.is_none()) {
                plan.look_after(object::until(until, now), Wait::Appointment);
            }
            if is_declared || short.is_some() || lasts {
                holding.push(pressure);
            }
            let mut is_late = false;
            match (low, soft) {
                (Some(_), Some((_, after))) => {
                    let since = *pressed.low_since.entry(pressure).or_insert(now);
                    let rest = after.saturating_sub(object::until(now, since));
                    is_late = rest.is_zero();
                    if !is_late {
                        plan.look_after(rest, Wait::Work);
                    }
                }
                _ => {
                    pressed.low_since.remove(&pressure);
                }
            }
            let is_soft = hard.is_none() && !is_declared;
            if urgent.is_none() && (!is_soft || is_late) {
                urgent = Some((pressure, short, is_soft));
            }
        }
        if let Some(urgent) = urgent {
            self.relieve(name, node, urgent, cache, plan);
        }
        holding
    }

    fn relieve(
        &mut self,
        name: &str,
        node: &Json,
        (pressure, short, is_soft): (Pressure, Option<Left>, bool),
        cache: &Cache,
        plan: &mut Plan,
    ) {
        let now = cache.now();
        // What the test said lasts until it says otherwise; what the Pods use is less with each that goes.
        let wait = if short.is_some() {
            Wait::Work
        } else {
            Wait::Appointment
        };
        let last = self.pressed.get(name).and_then(|pressed| pressed.evicted);
        let next = last
            .map(|last| object::until(now, last))
            .filter(|ago| *ago < INTERVAL);
        if let Some(ago) = next {
            plan.look_after(INTERVAL - ago, wait);
            return;
        }
        let Some(pod) = self.first_to_go(name, pressure, cache) else {
            return;
        };
        let resource = pressure.resource();
        let attempt = format!("Attempting to reclaim {resource}");
        plan.tell(Note {
            host: name.to_owned(),
            ..Note::warning(Kind::Nodes, node, "EvictionThresholdMet", attempt)
        });
        let mut message = format!("The node was low on resource: {resource}. ");
        if let Some(left) = short {
            let (least, available) = (
                amounts::bytes(left.least),
                amounts::bytes(left.available.max(0)),
            );
            message.push_str(&format!(
                "Threshold quantity: {least}, available: {available}. "
            ));
        }
        let of_pod = &pod["spec"]["resources"]["requests"][resource];
        if pressure == Pressure::Memory && !of_pod.is_null() {
            let used = usage::of_pod(&self.shared, &pod)
                .get(resource)
                .map_or(0, |milli| milli / 1000);
            message.push_str(&format!(
                "Pod {} was using {}, request is {}, has larger consumption of {resource}. ",
                object::name(&pod),
                amounts::bytes(used),
                text(of_pod)
            ));
        }
        // Nobody asks for processes.
        let containers = match pressure {
            Pressure::Processes => Vec::new(),
            Pressure::Memory | Pressure::Disk => usage::of_containers(&self.shared, &pod),
        };
        for (container, used) in containers {
            let used = used.get(resource).map_or(0, |milli| milli / 1000);
            let spec =
                items(&pod["spec"]["containers"]).find(|one| one["name"] == container.as_str());
            let asked = spec.map_or(0, |spec| {
                amounts::of(resource, &spec["resources"]["requests"][resource])
            });
            if used > asked {
                let (used, asked) = (amounts::bytes(used), amounts::bytes(asked));
                message.push_str(&format!(
                    "Container {container} was using {used}, request is {asked}, has larger consumption of {resource}. "
                ));
            }
        }
        let key = object::key(&pod);
        if let Some(run) = self.pods.get_mut(&key) {
            run.evicted = Some(Eviction {
                message,
                is_disruption: true,
                // What has come slowly gets what the kubelet allows for it, which is nothing as it comes.
                grace: if is_soft { 0 } else { 1 },
            });
        }
        self.pressed.entry(name.to_owned()).or_default().evicted = Some(now);
        self.shared.touch("kubelets", &key);
        plan.look_after(INTERVAL, wait);
    }

    /// The Pod that goes first: one that uses more than it asked for, then the least important, then the one that is the
    /// most above what it asked for.
    fn first_to_go(&self, name: &str, pressure: Pressure, cache: &Cache) -> Option<Arc<Json>> {
        let resource = pressure.resource();
        let priority = |pod: &Json| int(&pod["spec"]["priority"]);
        self.active(name, cache)
            .filter(|pod| !is_critical(pod))
            .min_by_key(|pod| {
                let used = usage::of_pod(&self.shared, pod)
                    .get(resource)
                    .map_or(0, |milli| milli / 1000);
                let asked = amounts::requests(pod)
                    .get(resource)
                    .copied()
                    .unwrap_or_default();
                let (within, above) = match pressure {
                    Pressure::Processes => (false, used),
                    _ => (used <= asked, used - asked),
                };
                (within, priority(pod), Reverse(above), object::key(pod))
            })
            .cloned()
    }
}

//! Nodes by declaration.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use crate::json::{Json, Members, json};
use crate::pressure::{Least, PRESSURES, Pressure, Thresholds, threshold};
use crate::shared::Shared;

/// What is declared of a node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NodeSpec {
    /// The order of declaration: addresses follow it.
    pub(crate) number: usize,
    pub(crate) capacity: BTreeMap<String, String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) taints: Vec<Json>,
    /// The kubelet says that it is ready.
    pub(crate) ready: bool,
    /// The kubelet is connected: it sees its Pods, and is seen.
    pub(crate) connected: bool,
    pub(crate) unschedulable: bool,
    pub(crate) gone: bool,
    /// What it has run out of.
    pub(crate) pressures: BTreeSet<Pressure>,
    /// Of what how much has to be left.
    pub(crate) thresholds: Thresholds,
}

/// Declared nodes: a handle on what [`Life::node`](crate::Life::node) declared. What it says holds for all of them.
///
/// A node has 4 cpus, 16Gi of memory, 100Gi of disk and room for 110 Pods unless said.
///
/// ```no_run
/// # fn example(life: kmock_cluster::Life) {
/// let workers = life.node("worker-{1..=3}").cpu(8).memory("32Gi").zone("eu-1").label("disk", "ssd");
/// let tainted = life.node("gpu").capacity("nvidia.com/gpu", 2).taint("gpu=yes:NoSchedule");
/// tainted.not_ready();
/// workers.cut_off();
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Node {
    names: Vec<String>,
    shared: Arc<Shared>,
}

impl Node {
    #[track_caller]
    pub(crate) fn declare(shared: &Arc<Shared>, names: &str) -> Node {
        let names = match expand(names) {
            Ok(names) => names,
            Err(error) => panic!("kmock: the nodes {names:?}: {error}"),
        };
        for name in &names {
            let faults = crate::emulator::names::subdomain_faults(name);
            if let Some(fault) = faults.first() {
                panic!("kmock: {name:?} is no name of a node: {fault}");
            }
        }
        {
            let mut state = shared.state();
            for name in &names {
                let number = state.nodes.len();
                let spec = state.nodes.entry(name.clone()).or_insert_with(|| NodeSpec {
                    number,
                    capacity: [
                        ("cpu", "4"),
                        ("memory", "16Gi"),
                        ("ephemeral-storage", "100Gi"),
                        ("pods", "110"),
                    ]
                    .into_iter()
                    .map(|(name, amount)| (name.to_owned(), amount.to_owned()))
                    .collect(),
                    labels: BTreeMap::new(),
                    taints: Vec::new(),
                    ready: true,
                    connected: true,
                    unschedulable: false,
                    gone: false,
                    pressures: BTreeSet::new(),
                    thresholds: Thresholds::default(),
                });
                spec.gone = false;
            }
        }
        let node = Node {
            names,
            shared: Arc::clone(shared),
        };
        node.touch();
        node
    }

    fn touch(&self) {
        for name in &self.names {
            self.shared.touch("kubelets", &format!("node:{name}"));
            self.shared.touch("nodes", name);
        }
    }

    fn change(&self, change: impl Fn(&mut NodeSpec)) {
        {
            let mut state = self.shared.state();
            for name in &self.names {
                if let Some(spec) = state.nodes.get_mut(name) {
                    change(spec);
                }
            }
        }
        self.touch();
    }

    /// The names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How much there is of a resource, as a quantity: `capacity("nvidia.com/gpu", 2)`.
    pub fn capacity(self, resource: &str, amount: impl Display) -> Node {
        let amount = amount.to_string();
        self.change(|spec| {
            spec.capacity.insert(resource.to_owned(), amount.clone());
        });
        self
    }

    /// How many cpus there are: `4`, `"500m"`.
    pub fn cpu(self, amount: impl Display) -> Node {
        self.capacity("cpu", amount)
    }

    /// How much memory there is: `"8Gi"`.
    pub fn memory(self, amount: impl Display) -> Node {
        self.capacity("memory", amount)
    }

    /// For how many Pods there is room.
    pub fn pods(self, count: usize) -> Node {
        self.capacity("pods", count)
    }

    /// A label.
    pub fn label(self, key: &str, value: &str) -> Node {
        self.change(|spec| {
            spec.labels.insert(key.to_owned(), value.to_owned());
        });
        self
    }

    /// The zone: `topology.kubernetes.io/zone`.
    pub fn zone(self, zone: &str) -> Node {
        self.label("topology.kubernetes.io/zone", zone)
    }

    /// A taint as kubectl writes it: `key=value:NoSchedule`, `key:NoExecute`.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn taint(self, taint: &str) -> Node {
        let Some((pair, effect)) = taint.rsplit_once(':') else {
            panic!("kmock: {taint:?} is no taint: they look like `key=value:NoSchedule`");
        };
        assert!(
            matches!(effect, "NoSchedule" | "PreferNoSchedule" | "NoExecute"),
            "kmock: {effect:?} is no effect of a taint: there are NoSchedule, PreferNoSchedule and NoExecute"
        );
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let mut taint = json!({"key": key, "effect": effect});
        if !value.is_empty() {
            taint["value"] = value.into();
        }
        self.change(|spec| {
            if !spec.taints.contains(&taint) {
                spec.taints.push(taint.clone());
            }
        });
        self
    }

    /// The node says that it is not ready: its Pods are evicted when their tolerations are over. As in a real cluster, the nodes of a
    /// zone are given up one every ten seconds, none while most of a small zone is not ready, and none where no node is ready at all.
    pub fn not_ready(&self) {
        self.change(|spec| spec.ready = false);
    }

    /// Pods are evicted at once where less is left, as `--eviction-hard` of a kubelet says it: `memory.available<500Mi`,
    /// `nodefs.available<15%`, `pid.available<1000`. Unless said, it is `memory.available<100Mi` and `nodefs.available<10%`.
    /// What Pods use is said by [`Life::usage`](crate::Life::usage) (`memory`, `ephemeral-storage`, `pids`).
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # fn example(life: kmock_cluster::Life) {
    /// life.node("small")
    ///     .evicts_below("memory.available<200Mi")
    ///     .evicts_softly_below("memory.available<1Gi", Duration::from_secs(90));
    /// # }
    /// ```
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn evicts_below(self, text: &str) -> Node {
        let (pressure, least) = said_threshold(text);
        self.change(|spec| {
            spec.thresholds.hard.insert(pressure, least);
        });
        self
    }

    /// The same where less is left for some time (`--eviction-soft`, `--eviction-soft-grace-period`): the node says so at
    /// once, and evicts Pods only after that.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn evicts_softly_below(self, text: &str, after: Duration) -> Node {
        let (pressure, least) = said_threshold(text);
        self.change(|spec| {
            spec.thresholds.soft.insert(pressure, (least, after));
        });
        self
    }

    /// The node is short of memory until it is [relieved](Node::relieved): it says so, new Pods that asked for none stay
    /// away, and one Pod is evicted every ten seconds: first those that use more than they asked for, by their priority
    /// and by how much it is. What Pods use is said by [`Life::usage`](crate::Life::usage); where that leaves less than
    /// 100Mi of memory, the same happens by itself until there is enough again.
    pub fn memory_pressure(&self) {
        self.pressed(Pressure::Memory);
    }

    /// The same of its disk (`ephemeral-storage`; by itself where less than a tenth is left).
    pub fn disk_pressure(&self) {
        self.pressed(Pressure::Disk);
    }

    /// The same of its processes.
    pub fn pid_pressure(&self) {
        self.pressed(Pressure::Processes);
    }

    fn pressed(&self, pressure: Pressure) {
        self.change(|spec| {
            spec.pressures.insert(pressure);
        });
    }

    /// The node has enough of everything again.
    pub fn relieved(&self) {
        self.change(|spec| spec.pressures.clear());
    }

    /// The node cannot be reached any more: nothing happens on it, and after a while it is `Unknown`.
    pub fn cut_off(&self) {
        self.change(|spec| spec.connected = false);
    }

    /// The node is ready and connected again.
    pub fn back(&self) {
        self.change(|spec| (spec.ready, spec.connected) = (true, true));
        for name in &self.names {
            self.shared.touch("kubelets", &format!("back:{name}"));
        }
    }

    /// Takes the machine away; its Node object is deleted.
    pub fn remove(&self) {
        self.change(|spec| spec.gone = true);
    }
}

/// What kubelets of 1.36 say that they can, in order: those features that the control plane asks nodes for.
const FEATURES: [&str; 4] = [
    "ExtendWebSocketsToKubelet",
    "InPlacePodLevelResourcesVerticalScaling",
    "InPlacePodVerticalScalingInitContainers",
    "RestartAllContainersOnContainerExits",
];

/// The names of `worker-{1..=3}`, `worker-{a,b}`, or a plain one.
pub(crate) fn expand(pattern: &str) -> Result<Vec<String>, String> {
    let Some((before, rest)) = pattern.split_once('{') else {
        return Ok(vec![pattern.to_owned()]);
    };
    let (inner, after) = rest.split_once('}').ok_or("a `{` without its `}`")?;
    let number = |text: &str| {
        text.trim()
            .parse::<usize>()
            .map_err(|_| format!("{text:?} is no number"))
    };
    let parts: Vec<String> = if let Some((first, last)) = inner.split_once("..=") {
        (number(first)?..=number(last)?)
            .map(|number| number.to_string())
            .collect()
    } else if let Some((first, end)) = inner.split_once("..") {
        (number(first)?..number(end)?)
            .map(|number| number.to_string())
            .collect()
    } else {
        inner
            .split(',')
            .map(|part| part.trim().to_owned())
            .collect()
    };
    let mut names = Vec::new();
    for part in parts {
        for rest in expand(after)? {
            names.push(format!("{before}{part}{rest}"));
        }
    }
    if names.is_empty() {
        return Err("there is none in that range".to_owned());
    }
    Ok(names)
}

/// A threshold as the flags of a kubelet have it.
#[track_caller]
fn said_threshold(text: &str) -> (Pressure, Least) {
    match threshold(text) {
        Ok(threshold) => threshold,
        Err(error) => panic!("kmock: {text:?} is no threshold: {error}"),
    }
}

impl NodeSpec {
    /// What its kubelet is configured with, as fields of `KubeletConfiguration`.
    pub(crate) fn configuration(&self) -> serde_json::Value {
        let Thresholds { hard, soft } = &self.thresholds;
        let hard = hard
            .iter()
            .map(|(pressure, least)| (pressure.signal(), least.to_string()));
        let below = soft
            .iter()
            .map(|(pressure, (least, _))| (pressure.signal(), least.to_string()));
        let after = soft
            .iter()
            .map(|(pressure, (_, after))| (pressure.signal(), format!("{}s", after.as_secs())));
        let of = |all: &mut dyn Iterator<Item = (&'static str, String)>| {
            let all = all.map(|(signal, value)| (signal.to_owned(), value.into()));
            serde_json::Value::Object(all.collect())
        };
        let pods = self.capacity.get("pods").and_then(|pods| pods.parse().ok());
        serde_json::json!({
            "evictionHard": of(&mut hard.into_iter()), "evictionSoft": of(&mut below.into_iter()),
            "evictionSoftGracePeriod": of(&mut after.into_iter()), "maxPods": pods.unwrap_or(110i64),
        })
    }

    /// The node's own address.
    pub(crate) fn ip(&self) -> String {
        let number = self.number + 2;
        format!("172.18.{}.{}", number / 256, number % 256)
    }

    /// The network of its Pods.
    pub(crate) fn network(&self) -> String {
        format!("10.244.{}.0/24", self.number % 256)
    }

    /// The Node object as its kubelet registers it.
    pub(crate) fn object(&self, name: &str) -> Json {
        let mut labels = Members::new();
        for (key, value) in [
            ("beta.kubernetes.io/arch", "amd64"),
            ("beta.kubernetes.io/os", "linux"),
            ("kubernetes.io/arch", "amd64"),
            ("kubernetes.io/hostname", name),
            ("kubernetes.io/os", "linux"),
        ] {
            labels.insert(key.to_owned(), value.into());
        }
        for (key, value) in &self.labels {
            labels.insert(key.clone(), value.as_str().into());
        }
        let mut spec = json!({"podCIDR": self.network(), "podCIDRs": [self.network()], "providerID": format!("kmock:///{name}")});
        if !self.taints.is_empty() {
            spec["taints"] = self.taints.clone().into();
        }
        json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": labels, "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"}},
            "spec": spec,
        })
    }

    /// The status that its kubelet reports; times are kept where nothing changed.
    pub(crate) fn status(
        &self,
        name: &str,
        pressures: &[Pressure],
        old: &Json,
        now: &Json,
    ) -> Json {
        let own = self.capacity.iter();
        let own = own.map(|(name, amount)| (name.clone(), amount.as_str().into()));
        // What others say that the node has besides (extended resources) it has, and it can be allocated.
        let mut capacity: Members = old["capacity"].as_object().cloned().unwrap_or_default();
        capacity.extend(own);
        let condition = |sort: &str, holds: bool, reason: &str, message: &str| {
            let status = if holds { "True" } else { "False" };
            let known = old["conditions"]
                .as_array()
                .into_iter()
                .flatten()
                .find(|one| one["type"] == sort);
            let same = known.filter(|known| known["status"] == status);
            json!({
                "type": sort, "status": status, "reason": reason, "message": message,
                "lastHeartbeatTime": same.map_or(now, |known| &known["lastHeartbeatTime"]),
                "lastTransitionTime": same.map_or(now, |known| &known["lastTransitionTime"]),
            })
        };
        let ready = if self.ready {
            condition(
                "Ready",
                true,
                "KubeletReady",
                "kubelet is posting ready status",
            )
        } else {
            condition(
                "Ready",
                false,
                "KubeletNotReady",
                "container runtime network not ready",
            )
        };
        let pressed = PRESSURES.map(|pressure| {
            let (sort, [bad, good]) = pressure.condition();
            let is = pressures.contains(&pressure);
            let (reason, message) = if is { bad } else { good };
            condition(sort, is, reason, message)
        });
        json!({
            "capacity": capacity, "allocatable": capacity,
            "addresses": [{"type": "InternalIP", "address": self.ip()}, {"type": "Hostname", "address": name}],
            "conditions": [
                pressed[0], pressed[1], pressed[2], ready,
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "declaredFeatures": FEATURES,
            "nodeInfo": {
                "machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": "6.12.0", "osImage": "kmock",
                "containerRuntimeVersion": "containerd://2.2.0", "kubeletVersion": "v1.36.3", "kubeProxyVersion": "",
                "operatingSystem": "linux", "architecture": "amd64",
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_several_nodes() {
        let names = |pattern: &str| expand(pattern);
        assert_eq!(names("n"), Ok(vec!["n".into()]));
        assert_eq!(
            names("n-{1..=3}"),
            Ok(vec!["n-1".into(), "n-2".into(), "n-3".into()])
        );
        assert_eq!(
            names("{a,b}-{0..2}"),
            Ok(vec!["a-0".into(), "a-1".into(), "b-0".into(), "b-1".into()])
        );
        assert!(names("n-{1").is_err() && names("n-{x..y}").is_err() && names("n-{3..3}").is_err());
    }
}

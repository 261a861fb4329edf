//! What the scheduler keeps of nodes and Pods: read once when they change.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::tally::{Counted, Tallies};
use crate::amounts::{self, Amounts};
use crate::cache::Change;
use crate::json::{Json, Members};
use crate::object::{self, items, text};

/// A Pod as far as it matters to others.
#[derive(Debug, Clone)]
pub(crate) struct PodInfo {
    pub(crate) key: String,
    pub(crate) namespace: String,
    pub(crate) labels: Members,
    pub(crate) requests: Amounts,
    /// The same, where containers that ask for nothing count as small ones: for scores.
    pub(crate) weight: Amounts,
    pub(crate) priority: i64,
    pub(crate) ports: Vec<(String, String, i64)>,
    pub(crate) deleting: bool,
    pub(crate) object: Arc<Json>,
}

impl PodInfo {
    pub(crate) fn of(pod: &Json) -> PodInfo {
        PodInfo::new(&Arc::new(pod.clone()))
    }

    pub(crate) fn new(pod: &Arc<Json>) -> PodInfo {
        let ports = items(&pod["spec"]["containers"])
            .chain(
                items(&pod["spec"]["initContainers"])
                    .filter(|one| one["restartPolicy"] == "Always"),
            )
            .flat_map(|container| items(&container["ports"]))
            .filter(|port| object::int(&port["hostPort"]) > 0)
            .map(|port| {
                let ip = match text(&port["hostIP"]) {
                    "" => "0.0.0.0",
                    ip => ip,
                };
                let protocol = match text(&port["protocol"]) {
                    "" => "TCP",
                    protocol => protocol,
                };
                (
                    ip.to_owned(),
                    protocol.to_owned(),
                    object::int(&port["hostPort"]),
                )
            })
            .collect();
        PodInfo {
            key: object::key(pod),
            namespace: object::namespace(pod).to_owned(),
            labels: object::labels(pod).cloned().unwrap_or_default(),
            requests: amounts::requests(pod),
            weight: amounts::asked(pod, "requests", true),
            priority: object::int(&pod["spec"]["priority"]),
            ports,
            deleting: object::is_deleting(pod),
            object: Arc::clone(pod),
        }
    }
}

impl PodInfo {
    /// Whether it wants ports of the host that another one has.
    pub(crate) fn wants_ports_of(&self, other: &PodInfo) -> bool {
        other.ports.iter().any(|(ip, protocol, port)| {
            self.ports.iter().any(|(own, own_protocol, own_port)| {
                port == own_port
                    && protocol == own_protocol
                    && (ip == own || ip == "0.0.0.0" || own == "0.0.0.0")
            })
        })
    }
}

/// A node with the Pods that are on it.
#[derive(Debug, Clone)]
pub(crate) struct NodeInfo {
    pub(crate) name: String,
    pub(crate) object: Arc<Json>,
    pub(crate) allocatable: Amounts,
    pub(crate) requested: Amounts,
    pub(crate) weight: Amounts,
    pub(crate) pods: BTreeMap<String, PodInfo>,
}

impl NodeInfo {
    fn add(&mut self, pod: PodInfo) {
        self.remove(&pod.key);
        for (name, amount) in &pod.requests {
            *self.requested.entry(name.clone()).or_default() += amount;
        }
        for (name, amount) in &pod.weight {
            *self.weight.entry(name.clone()).or_default() += amount;
        }
        self.pods.insert(pod.key.clone(), pod);
    }

    fn remove(&mut self, key: &str) -> Option<PodInfo> {
        let pod = self.pods.remove(key)?;
        for (name, amount) in &pod.requests {
            *self.requested.entry(name.clone()).or_default() -= amount;
        }
        for (name, amount) in &pod.weight {
            *self.weight.entry(name.clone()).or_default() -= amount;
        }
        Some(pod)
    }

    pub(crate) fn count(&self) -> i64 {
        self.pods.len() as i64
    }

    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        self.object["metadata"]["labels"][key].as_str()
    }
}

/// All nodes, and where each Pod is.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) nodes: BTreeMap<String, NodeInfo>,
    places: BTreeMap<String, String>,
    /// Pods on nodes that are not known (yet).
    strays: BTreeMap<String, PodInfo>,
    /// Pods that wait for room on a node that is being made for them.
    nominated: BTreeMap<String, (String, PodInfo)>,
    /// How many Pods have rules about other Pods: where there are none, none is asked.
    pub(crate) affine: usize,
    tallies: Tallies,
}

fn is_affine(pod: &Json) -> bool {
    let affinity = &pod["spec"]["affinity"];
    affinity["podAffinity"].is_object() || affinity["podAntiAffinity"].is_object()
}

impl Snapshot {
    /// Takes in a change of a Pod.
    pub(crate) fn pod(&mut self, change: &Change) {
        let key = &*change.key;
        let old = change.old.as_deref();
        let counts = |pod: &Json| !object::node_of(pod).is_empty() && !object::is_finished(pod);
        let was = old.is_some_and(counts);
        let now = change.new.as_ref().filter(|pod| counts(pod));
        if !was && now.is_none() {
            if change.new.is_none() {
                self.nominated.remove(key);
            }
            return;
        }
        // Most changes are of the status: nothing that counts here.
        if let (true, Some(old), Some(new)) = (was, old, now)
            && old["spec"] == new["spec"]
            && old["metadata"]["labels"] == new["metadata"]["labels"]
            && object::is_deleting(old) == object::is_deleting(new)
        {
            return;
        }
        self.nominated.remove(key);
        if let Some(old) = old.filter(|_| was) {
            self.affine -= usize::from(is_affine(old));
            if let Some(node) = self.places.remove(key)
                && let Some(node) = self.nodes.get_mut(&node)
                && let Some(gone) = node.remove(key)
            {
                self.tallies.change(&gone, &node.name, -1);
            }
            self.strays.remove(key);
        }
        if let Some(pod) = now {
            self.affine += usize::from(is_affine(pod));
            let node = object::node_of(pod).to_owned();
            let info = PodInfo::new(pod);
            match self.nodes.get_mut(&node) {
                Some(known) => {
                    self.tallies.change(&info, &node, 1);
                    known.add(info);
                }
                None => {
                    self.strays.insert(key.to_owned(), info);
                }
            }
            self.places.insert(key.to_owned(), node);
        }
    }

    /// Takes in a change of a node.
    pub(crate) fn node(&mut self, change: &Change) {
        let name = &*change.key;
        let Some(object) = &change.new else {
            if let Some(gone) = self.nodes.remove(name) {
                self.tallies.forget(name);
                self.strays.extend(gone.pods);
            }
            return;
        };
        let allocatable = amounts::map(&object["status"]["allocatable"]);
        if let Some(known) = self.nodes.get_mut(name) {
            known.object = Arc::clone(object);
            known.allocatable = allocatable;
            return;
        }
        let mut node = NodeInfo {
            name: name.to_owned(),
            object: Arc::clone(object),
            allocatable,
            requested: Amounts::new(),
            weight: Amounts::new(),
            pods: BTreeMap::new(),
        };
        let here: Vec<String> = self
            .strays
            .keys()
            .filter(|key| self.places.get(*key).is_some_and(|at| at == name))
            .cloned()
            .collect();
        for key in here {
            if let Some(pod) = self.strays.remove(&key) {
                self.tallies.change(&pod, name, 1);
                node.add(pod);
            }
        }
        self.nodes.insert(name.to_owned(), node);
    }

    /// Has the Pods of a namespace that a selector selects counted from now on.
    pub(crate) fn tally(&mut self, namespace: &str, selector: &Json) {
        self.tallies.begin(namespace, selector, &self.nodes);
    }

    /// How many Pods of a namespace a selector selects.
    pub(crate) fn counted(&self, namespace: &str, selector: &Json) -> Counted<'_> {
        self.tallies.counted(namespace, selector)
    }

    /// Keeps the room that is made on a node for a Pod.
    pub(crate) fn nominate(&mut self, key: &str, pod: &Json, node: &str) {
        self.nominated
            .insert(key.to_owned(), (node.to_owned(), PodInfo::of(pod)));
    }

    /// What Pods that were nominated to a node and are as important as this one ask for.
    pub(crate) fn nominated_on<'a>(
        &'a self,
        node: &'a str,
        pod: &'a PodInfo,
    ) -> impl Iterator<Item = &'a PodInfo> {
        self.nominated
            .values()
            .filter(move |(at, other)| {
                at == node && other.priority >= pod.priority && other.key != pod.key
            })
            .map(|(_, other)| other)
    }
}

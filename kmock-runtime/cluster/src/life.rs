//! The handle of a living cluster: what a test declares, holds and waits for.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::task::AbortHandle;

use crate::containers::{Container, Image, Network};
use crate::controller::Controller;
use crate::controllers;
use crate::emulator::Cluster;
use crate::explain;
use crate::kubelet::Kubelets;
use crate::nodes::Node;
use crate::run::{Runner, Settle};
use crate::scheduler::Scheduler;
use crate::shared::{Shared, Signer};
use crate::signing::ToSign;
use crate::stages::{Stage, Stages};

/// Which parts of a cluster live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    names: Option<BTreeSet<String>>,
    /// Nodes write their Leases again and again, and not only when something else happens: for clusters that outside
    /// programs look at. In virtual time it would keep the clock running.
    pub heartbeats: bool,
}

impl Default for Parts {
    fn default() -> Self {
        Self::all()
    }
}

impl Parts {
    /// All that there are.
    pub fn all() -> Parts {
        Parts {
            names: None,
            heartbeats: false,
        }
    }

    /// These only, by the names of [`Parts::known`].
    ///
    /// # Errors
    /// A name that is none.
    pub fn only<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Result<Parts, String> {
        let known = Parts::known();
        let mut wanted = BTreeSet::new();
        for name in names {
            let name = name.as_ref();
            if !known.contains(&name) {
                return Err(format!(
                    "there is no controller {name:?}; there are {}",
                    known.join(", ")
                ));
            }
            wanted.insert(name.to_owned());
        }
        Ok(Parts {
            names: Some(wanted),
            heartbeats: false,
        })
    }

    /// The names of all parts, in the order in which they look at a change.
    pub fn known() -> Vec<&'static str> {
        let shared = Arc::new(Shared::default());
        parts(&shared).iter().map(|part| part.name()).collect()
    }

    fn has(&self, name: &str) -> bool {
        self.names.as_ref().is_none_or(|names| names.contains(name))
    }
}

fn parts(shared: &Arc<Shared>) -> Vec<Box<dyn Controller>> {
    let mut parts = controllers::all(shared);
    parts.push(Box::new(Scheduler::default()));
    parts.push(Box::new(Kubelets::new(shared)));
    parts.push(Box::new(Stages::new(shared)));
    parts
}

/// A cluster that lives. A clone is another handle of the same life; it ends with the last one.
///
/// ```no_run
/// # async fn example(cluster: kmock_kubernetes::Cluster) {
/// use kmock_cluster::{Life, Parts};
///
/// let life = Life::start(&cluster, &Parts::all());
/// life.node("worker-{1..=3}").cpu(4).memory("8Gi");
/// // … create a Deployment …
/// life.settle().await;
/// # }
/// ```
#[derive(Clone)]
pub struct Life(Arc<Inner>);

struct Inner {
    cluster: Cluster,
    shared: Arc<Shared>,
    chosen: Parts,
    task: Mutex<Option<AbortHandle>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task.take() {
            task.abort();
        }
    }
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Life")
            .field("cluster", &self.0.cluster)
            .finish_non_exhaustive()
    }
}

impl Life {
    /// Brings a cluster to life, on the runtime of the caller.
    ///
    /// # Panics
    /// When it is called outside of a tokio runtime.
    pub fn start(cluster: &Cluster, parts: &Parts) -> Life {
        let life = Life::new(cluster, parts);
        life.begin(&tokio::runtime::Handle::current());
        life
    }

    /// A life that has not [begun](Life::begin): things can be declared already.
    pub fn new(cluster: &Cluster, parts: &Parts) -> Life {
        let shared = Arc::new(Shared::new(parts.heartbeats));
        Life(Arc::new(Inner {
            cluster: cluster.clone(),
            shared,
            chosen: parts.clone(),
            task: Mutex::default(),
        }))
    }

    /// Begins to live on a runtime. What lives already goes on.
    pub fn begin(&self, runtime: &tokio::runtime::Handle) {
        let mut task = self.0.task.lock().unwrap_or_else(PoisonError::into_inner);
        if task.is_some() {
            return;
        }
        let (cluster, shared, chosen) = (&self.0.cluster, &self.0.shared, &self.0.chosen);
        let parts = parts(shared)
            .into_iter()
            .filter(|part| chosen.has(part.name()));
        let runner = Runner::new(cluster, Arc::clone(shared), parts.collect());
        *task = Some(runtime.spawn(runner.run()).abort_handle());
        if chosen.has("kubelets") {
            let kubelet: Arc<Shared> = Arc::clone(shared);
            cluster.set_kubelet(Some(kubelet));
        }
    }

    /// Ends the life: nothing moves any more, and the code of containers is let go.
    pub fn end(&self) {
        let task = {
            let mut task = self.0.task.lock().unwrap_or_else(PoisonError::into_inner);
            task.take()
        };
        if let Some(task) = task {
            task.abort();
        }
        self.0.shared.scripts.clear();
        let running = std::mem::take(&mut self.0.shared.state().running);
        drop(running);
        if self.0.chosen.has("kubelets") {
            self.0.cluster.set_kubelet(None);
        }
    }

    /// Declares a node, or several: `worker-{1..=3}`, `worker-{a,b}`. What its methods say takes effect at once.
    ///
    /// # Panics
    /// When a name is none that a node can have.
    #[track_caller]
    pub fn node(&self, names: &str) -> Node {
        Node::declare(&self.0.shared, names)
    }

    /// Says what the containers of some images do; `*` stands for any text, and a name without a tag for any tag.
    pub fn image(&self, pattern: &str) -> Image {
        Image::declare(&self.0.shared, pattern)
    }

    /// Declares images by data, as `kmock serve --images FILE` reads it: a list of objects, each with `image` (a pattern)
    /// and any of `log`, `readyAfter`, `ready: false`, `exit`, `after`, `message`, `runs`, `pullTakes`, `pullFails`,
    /// `ignoresStop`, `outOfMemory`, `serve` (a text for each port), `exec` (an answer for each command: a text, or
    /// `stdout`, `stderr` and `exit`); times are `5s`, `1m30s`, `250ms`.
    ///
    /// # Errors
    /// What is wrong with which entry; then none is declared.
    pub fn declare_images(&self, images: &Value) -> Result<(), String> {
        crate::containers::declare(&self.0.shared, images)
    }

    /// Says what becomes of the objects of a custom kind, as its own operator would do it.
    pub fn stage(&self, resource: &str) -> Stage {
        Stage::declare(&self.0.shared, resource)
    }

    /// Stops a controller, the scheduler or the kubelets, by [their names](Parts::known), until the hold is dropped.
    ///
    /// # Panics
    /// When there is none of the name.
    #[track_caller]
    pub fn hold(&self, name: &str) -> Hold {
        let known = Parts::known();
        assert!(
            known.contains(&name),
            "kmock: there is no controller {name:?} to hold; there are {}",
            known.join(", ")
        );
        self.0.shared.hold(name);
        Hold {
            shared: Arc::clone(&self.0.shared),
            name: name.to_owned(),
        }
    }

    /// Makes volumes for claims of some storage classes, by the name of the class or of its provisioner; `*` stands for
    /// any text. Claims of other classes wait for whoever provisions them.
    pub fn provision(&self, pattern: &str) {
        self.0.shared.state().provisioners.push(pattern.to_owned());
        self.0.shared.touch("persistentvolumes", "*");
    }

    /// Signs what is approved for Kubernetes' own signers (`kubernetes.io/kube-apiserver-client` and the others). Without
    /// it such requests fail by name; servers of kmock with the feature `tls` sign with their authority. It gives a
    /// certificate in PEM, or says why there is none.
    pub fn sign_with(
        &self,
        sign: impl Fn(&ToSign) -> Result<String, String> + Send + Sync + 'static,
    ) {
        let former = self.0.shared.state().sign.replace(Signer(Arc::new(sign)));
        drop(former);
    }

    /// Waits until nothing moves.
    pub fn settle(&self) -> Settle {
        Settle::new(&self.0.cluster, &self.0.shared)
    }

    /// How an object is and what it waits for, down to its Pods and their logs; the resource is named in any usual way.
    pub fn explain(&self, resource: &str, key: &str) -> String {
        explain::object(&self.0.cluster, &self.0.shared, resource, key)
    }

    /// What is not as it should be, a line for each object.
    pub fn unsettled(&self) -> Vec<String> {
        explain::unsettled(&self.0.cluster, &self.0.shared)
    }

    /// What the API refused to the parts of the cluster, the newest last: quotas, webhooks, namespaces that go.
    pub fn refusals(&self) -> Vec<String> {
        self.0.shared.state().refusals.iter().cloned().collect()
    }

    /// What the containers serve.
    pub fn network(&self) -> &Network {
        &self.0.shared.network
    }

    /// The metrics of Pods that autoscalers go by, and `kubectl top` shows: the usage of a resource (`cpu`: `"250m"`) of each Pod whose key
    /// `namespace/name` fits a pattern.
    pub fn usage(&self, pods: &str, resource: &str, amount: &str) {
        let usage = (pods.to_owned(), resource.to_owned(), amount.to_owned());
        {
            let mut state = self.0.shared.state();
            state
                .usage
                .retain(|(known, of, _)| (known, of) != (&usage.0, &usage.1));
            state.usage.push(usage);
        }
        self.0.shared.touch("horizontalpodautoscalers", "*");
        self.0.shared.touch("metrics", "*");
        let nodes: Vec<String> = self.0.shared.state().nodes.keys().cloned().collect();
        for node in nodes {
            self.0.shared.touch("kubelets", &format!("node:{node}"));
        }
    }

    /// A metric that autoscalers go by and no Pod has: an external one by its name (`metric("queue_messages", 30)`), that of
    /// an object as `Kind/name/metric` or by the metric's name alone. Those that each Pod has (`type: Pods`) are set by
    /// [`usage`](Life::usage), as `cpu` and `memory` are.
    pub fn metric(&self, name: &str, amount: impl fmt::Display) {
        let amount = amount.to_string();
        self.0
            .shared
            .state()
            .metrics
            .insert(name.to_owned(), amount);
        self.0.shared.touch("horizontalpodautoscalers", "*");
    }

    /// A container that runs, by `namespace/name` of its Pod: its environment, its files.
    pub fn container(&self, pod: &str, name: &str) -> Option<Container> {
        let running = self.0.shared.running(pod, name)?;
        Some(running.container)
    }

    /// What a container has written: `namespace/name` of the Pod, the container, and whether its former run is meant.
    pub fn log(&self, pod: &str, container: &str, previous: bool) -> Option<String> {
        let log = self.0.shared.log_of(pod, container, previous)?;
        Some(log.text())
    }
}

/// Holds a controller; see [`Life::hold`].
///
/// ```no_run
/// # async fn example(life: kmock_cluster::Life) {
/// let held = life.hold("deployments");
/// // … what is there before any ReplicaSet is made …
/// held.step(); // one object
/// held.release();
/// life.settle().await;
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the controller goes on when this is dropped"]
pub struct Hold {
    shared: Arc<Shared>,
    name: String,
}

impl Hold {
    /// Lets the controller look at one object, once.
    pub fn step(&self) {
        self.shared.step(&self.name);
    }

    /// Lets the controller go on; dropping does the same.
    pub fn release(self) {}
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.shared.release(&self.name);
    }
}

//! What a kubelet remembers of a Pod and its containers.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::given::shown;
use super::hooks::{Hook, Leaving};
use super::probes::Prober;
use super::resize::Resizing;
use crate::containers::{Exit, Live, Log, Ready, Script};
use crate::json::Json;
use crate::kind::Kind;
use crate::object::{items, spec_of, text};

/// Which of a Pod's containers one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Runs to its end before the next one starts.
    Init,
    /// Is started before the next one, and goes on.
    Sidecar,
    /// One of those that the Pod is for.
    Main,
    /// Was added to a running Pod.
    Ephemeral,
}

/// What one container is doing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum State {
    /// It does not run (yet): why, and until when.
    Waiting {
        reason: &'static str,
        message: String,
        until: Option<Instant>,
    },
    /// It runs.
    Running { since: Timestamp },
    /// It has ended.
    Ended(Ended),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) started: Timestamp,
    pub(crate) finished: Timestamp,
    pub(crate) id: String,
}

/// One container of a Pod, over all its runs.
#[derive(Debug)]
pub(crate) struct Run {
    /// `namespace/name` of its Pod.
    pub(crate) pod: Arc<str>,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) state: State,
    pub(crate) last: Option<Ended>,
    pub(crate) restarts: i64,
    /// How long the next restart waits.
    pub(crate) backoff: Duration,
    pub(crate) ready: bool,
    pub(crate) id: String,
    pub(crate) pulled: bool,
    pub(crate) pull_backoff: Duration,
    pub(crate) script: Script,
    pub(crate) ready_at: Option<Instant>,
    pub(crate) ends_at: Option<(Instant, Exit)>,
    pub(crate) live: Arc<Live>,
    pub(crate) log: Arc<Log>,
    pub(crate) task: Option<AbortHandle>,
    pub(crate) number: u64,
    /// Those of the run that is going on.
    pub(crate) probers: Vec<Prober>,
    /// What goes with its start or before its end.
    pub(crate) hook: Option<Hook>,
    /// It is on its way to its end.
    pub(crate) leaving: Option<Leaving>,
    /// What of the node's resources it was allocated, as its spec writes it.
    pub(crate) allocated: Json,
    /// What it has of that.
    pub(crate) actuated: Json,
    /// The restarts come so late that nobody waits for them any more.
    pub(crate) hopeless: bool,
    /// It was taken away to be started anew with all others; its next start is counted already.
    pub(crate) was_removed: bool,
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

impl Run {
    pub(crate) fn new(pod: &Arc<str>, name: &str, role: Role, waits: &'static str) -> Run {
        Run {
            pod: Arc::clone(pod),
            name: name.to_owned(),
            role,
            state: State::Waiting {
                reason: waits,
                message: String::new(),
                until: None,
            },
            last: None,
            restarts: 0,
            backoff: Duration::ZERO,
            ready: false,
            id: String::new(),
            pulled: false,
            pull_backoff: Duration::ZERO,
            script: Script::default(),
            ready_at: None,
            ends_at: None,
            live: Arc::default(),
            log: Arc::default(),
            task: None,
            number: 0,
            hopeless: false,
            was_removed: false,
            probers: Vec::new(),
            hook: None,
            leaving: None,
            allocated: Json::Null,
            actuated: Json::Null,
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    pub(crate) fn ended(&self) -> Option<&Ended> {
        match &self.state {
            State::Ended(ended) => Some(ended),
            _ => None,
        }
    }

    /// Whether it has done what the next container waits for.
    pub(crate) fn lets_others_start(&self) -> bool {
        match self.role {
            Role::Init => self.ended().is_some_and(|ended| ended.code == 0),
            Role::Sidecar => {
                let has_run = self.last.is_some() || self.ended().is_some();
                (has_run && !self.was_removed) || (self.has_started() && !self.is_starting())
            }
            Role::Main | Role::Ephemeral => true,
        }
    }

    pub(crate) fn is_probed(container: &Json) -> bool {
        !container["readinessProbe"].is_null()
    }

    /// Whether it is ready now, by its script and by what its code said.
    pub(crate) fn readiness(&self, probed: bool, now: Instant) -> bool {
        if !self.is_running() || self.is_starting() {
            return false;
        }
        if let Some(probed) = self.probed_ready() {
            return probed;
        }
        if self.script.code.is_some()
            && let Some(said) = self.live.ready()
        {
            return said;
        }
        match self.script.ready {
            Ready::Never => false,
            Ready::After(_) => self.ready_at.is_none_or(|when| when <= now),
            // Code that is asked for its readiness has to say so.
            Ready::AtOnce => !(probed && self.script.code.is_some()),
        }
    }
}

/// One Pod of a kubelet.
#[derive(Debug)]
pub(crate) struct PodRun {
    pub(crate) uid: String,
    pub(crate) ip: String,
    pub(crate) started: Timestamp,
    pub(crate) runs: Vec<Run>,
    pub(crate) stop: Option<Stop>,
    /// The ConfigMaps and Secrets that its volumes show.
    pub(crate) shows: Vec<(Kind, String)>,
    /// What the Pod as a whole was allocated of the node's resources, and what it has of that.
    pub(crate) allocated: Json,
    pub(crate) actuated: Json,
    /// The config that its volumes or containers wait for has been told.
    pub(crate) told_missing: String,
    /// It was reported as admitted: containers may start.
    pub(crate) admitted: bool,
    /// One of its containers has ended so that all are to be restarted, which is reported first.
    pub(crate) is_restarting: bool,
    /// It has to go, since its node has run out of something or it has written too much.
    pub(crate) evicted: Option<Eviction>,
    /// Since when it has written more than it may.
    pub(crate) too_large_since: Option<Instant>,
    pub(crate) resizing: Resizing,
    /// That it is being resized was reported.
    pub(crate) resizing_is_told: bool,
}

/// Why a Pod is evicted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Eviction {
    pub(crate) message: String,
    /// It is no fault of its own, which a condition says.
    pub(crate) is_disruption: bool,
    /// How many seconds it has to end.
    pub(crate) grace: i64,
}

/// Why a Pod is stopped.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stop {
    /// When what does not stop by itself is killed.
    pub(crate) until: Instant,
    /// `Evicted`, `DeadlineExceeded`: the Pod failed; `None`: it is deleted.
    pub(crate) failed: Option<(String, String)>,
    /// All containers were told.
    pub(crate) told: bool,
}

impl PodRun {
    pub(crate) fn new(pod: &Json, ip: String, now: Timestamp) -> PodRun {
        let spec = &pod["spec"];
        let has_init = items(&spec["initContainers"]).next().is_some();
        let count = |list: &str| spec[list].as_array().map_or(0, Vec::len);
        // Most Pods have one container: four would take the room of three that are not there.
        let mut runs = Vec::with_capacity(count("initContainers") + count("containers"));
        let key: Arc<str> = crate::object::key(pod).into();
        for container in items(&spec["initContainers"]) {
            let role = if text(&container["restartPolicy"]) == "Always" {
                Role::Sidecar
            } else {
                Role::Init
            };
            runs.push(Run::new(
                &key,
                text(&container["name"]),
                role,
                "PodInitializing",
            ));
        }
        for container in items(&spec["containers"]) {
            let waits = if has_init {
                "PodInitializing"
            } else {
                "ContainerCreating"
            };
            runs.push(Run::new(&key, text(&container["name"]), Role::Main, waits));
        }
        for one in &mut runs {
            one.allocated = spec_of(pod, &one.name)["resources"].clone();
            one.actuated = one.allocated.clone();
        }
        PodRun {
            uid: text(&pod["metadata"]["uid"]).to_owned(),
            ip,
            started: now,
            runs,
            shows: shown(pod)
                .into_iter()
                .map(|(kind, name)| (kind, format!("{}/{name}", crate::object::namespace(pod))))
                .collect(),
            allocated: spec["resources"].clone(),
            actuated: spec["resources"].clone(),
            stop: None,
            told_missing: String::new(),
            admitted: false,
            is_restarting: false,
            evicted: None,
            too_large_since: None,
            resizing: Resizing::default(),
            resizing_is_told: false,
        }
    }

    /// Ephemeral containers come while the Pod runs.
    pub(crate) fn take_ephemeral(&mut self, pod: &Json) {
        if items(&pod["spec"]["ephemeralContainers"]).next().is_none() {
            return;
        }
        let key: Arc<str> = crate::object::key(pod).into();
        for container in items(&pod["spec"]["ephemeralContainers"]) {
            let name = text(&container["name"]);
            if !self.runs.iter().any(|run| run.name == name) {
                self.runs
                    .push(Run::new(&key, name, Role::Ephemeral, "ContainerCreating"));
            }
        }
    }

    pub(crate) fn of(&self, roles: &[Role]) -> impl Iterator<Item = &Run> {
        self.runs
            .iter()
            .filter(move |run| roles.contains(&run.role))
    }

    /// Whether all init containers have done their work.
    pub(crate) fn is_initialized(&self) -> bool {
        self.of(&[Role::Init, Role::Sidecar])
            .all(Run::lets_others_start)
    }
}

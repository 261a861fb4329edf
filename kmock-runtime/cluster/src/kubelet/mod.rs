//! The kubelets of all nodes: they register the nodes, run the Pods that are put on them, and report.

mod admission;
mod given;
mod hooks;
mod logs;
mod message;
mod pressure;
mod probes;
mod reached;
mod resize;
mod restarts;
mod state;
mod status;
mod storage;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use tokio::time::Instant;

use self::admission::Rejection;
pub(crate) use self::given::Place;
use self::given::{Missing, given};
use self::state::{Ended, Eviction, PodRun, Role, Run, State, Stop};
use crate::cache::{Cache, Change};
use crate::containers::{
    Container, Exit, Logs, Program, Pull, Ready, Resources, Running, panic_text, program,
};
use crate::controller::Controller;
use crate::emulator::{Clock, Cluster};
use crate::json::{Json, json};
use crate::kind::Kind;
use crate::object::{self, items, spec_of, text};
use crate::plan::{Action, Deletion, Note, Plan, Wait};
use crate::pressure::PRESSURES;
use crate::shared::Shared;

/// The first restart comes at once; the next ones wait for this, and then twice as long each time.
const BACKOFF: Duration = Duration::from_secs(10);
/// The longest that a restart waits.
const LONGEST: Duration = Duration::from_secs(300);
/// Config that lacks is looked for again in this time; nobody waits for it, since its coming is seen.
const MISSING: Duration = Duration::from_secs(120);
/// How often a node renews its Lease.
const HEARTBEAT: Duration = Duration::from_secs(10);

pub(crate) struct Kubelets {
    shared: Arc<Shared>,
    /// Who issues the tokens of accounts.
    cluster: Option<Cluster>,
    pods: HashMap<String, PodRun>,
    /// Pods that wait for a ConfigMap or a Secret, by their namespaces.
    lacking: BTreeMap<String, BTreeSet<String>>,
    /// Pods whose volumes show a ConfigMap or a Secret, by what they show.
    shown: BTreeMap<(Kind, String), BTreeSet<String>>,
    /// Those of which something of that has changed.
    stale: BTreeSet<String>,
    /// Pods that wait for room to grow.
    deferred: BTreeSet<String>,
    /// What nodes have run out of.
    pressed: BTreeMap<String, pressure::Pressed>,
    addresses: BTreeSet<u32>,
    numbers: u64,
}

/// All that a look at one Pod needs besides what is remembered of it.
struct Look<'a> {
    pod: &'a Arc<Json>,
    cache: &'a Cache,
    place: &'a Place,
    host: &'a str,
    now: Timestamp,
    instant: Instant,
}

impl Kubelets {
    pub(crate) fn new(shared: &Arc<Shared>) -> Kubelets {
        Kubelets {
            shared: Arc::clone(shared),
            cluster: None,
            pods: HashMap::new(),
            lacking: BTreeMap::new(),
            shown: BTreeMap::new(),
            stale: BTreeSet::new(),
            deferred: BTreeSet::new(),
            pressed: BTreeMap::new(),
            addresses: BTreeSet::new(),
            numbers: 0,
        }
    }

    /// An address that no other Pod has.
    fn address(&mut self, network: usize) -> String {
        let base = (10 << 24) | (244 << 16) | ((network as u32 % 256) << 8);
        // A node has a network of 254 addresses; where there are more Pods than that, they get some of a larger one.
        let found = (base + 2..base + 255)
            .chain((10 << 24) | (128 << 16)..(10 << 24) | (240 << 16))
            .find(|address| !self.addresses.contains(address));
        let address = found.unwrap_or(base);
        self.addresses.insert(address);
        std::net::Ipv4Addr::from(address).to_string()
    }

    fn free(&mut self, address: &str) {
        if let Ok(address) = address.parse::<std::net::Ipv4Addr>() {
            self.addresses.remove(&u32::from(address));
        }
    }

    /// Why a Pod is not let in.
    fn rejected(&self, pod: &Json, host: &str, cache: &Cache) -> Option<Rejection> {
        if let Some(refused) = admission::refused(pod) {
            return Some(refused);
        }
        let node = cache.get(Kind::Nodes, host)?;
        if let Some(refused) = pressure::refused(pod, node) {
            return Some(refused);
        }
        // The scheduler has looked at the others; what no node has, this one has not either.
        if object::holds(pod, "PodScheduled") {
            return admission::never(pod, node);
        }
        let others: Vec<_> = cache
            .on_node(host)
            .filter(|other| self.pods.contains_key(&object::key(other)))
            .filter(|other| !object::is_finished(other))
            .collect();
        admission::rejected(pod, node, &others)
    }

    fn forget(&mut self, key: &str) {
        if let Some(run) = self.pods.remove(key) {
            for one in &run.runs {
                self.shared.network.close(one.number);
                self.shared.ended(key, &one.name);
                one.log.close();
            }
            self.free(&run.ip);
            self.shared.volumes.forget(&given::of_pod(&run.uid));
            self.shared.forget_logs(key);
            for what in &run.shows {
                if let Some(keys) = self.shown.get_mut(what) {
                    keys.remove(key);
                    if keys.is_empty() {
                        self.shown.remove(what);
                    }
                }
            }
        }
        self.deferred.remove(key);
        self.stale.remove(key);
        let (namespace, _) = object::split(key);
        if let Some(keys) = self.lacking.get_mut(namespace) {
            keys.remove(key);
        }
    }

    /// A look at a node: it is registered and reports.
    fn node(&mut self, name: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let spec = self.shared.state().nodes.get(name).cloned();
        let Some(spec) = spec else {
            return plan;
        };
        let known = cache.get(Kind::Nodes, name);
        if spec.gone {
            if let Some(node) = known {
                plan.delete(Kind::Nodes, node);
            }
            return plan;
        }
        if !spec.connected {
            return plan;
        }
        let now = object::time(cache.now());
        let wanted = spec.object(name);
        let Some(node) = known else {
            let mut object = wanted;
            object["status"] = spec.status(name, &[], &Json::Null, &now);
            plan.add(Action::Create {
                kind: Kind::Nodes,
                told: Some(Note {
                    host: name.to_owned(),
                    ..Note::normal(Kind::Nodes, &object, "Starting", "Starting kubelet.")
                }),
                object,
            });
            return plan;
        };
        let mut changed = (**node).clone();
        for (key, value) in wanted["metadata"]["labels"]
            .as_object()
            .into_iter()
            .flatten()
        {
            changed["metadata"]["labels"][key] = value.clone();
        }
        let mut taints: Vec<Json> = items(&changed["spec"]["taints"]).cloned().collect();
        for taint in &spec.taints {
            let same = |one: &Json| one["key"] == taint["key"] && one["effect"] == taint["effect"];
            if !taints.iter().any(same) {
                taints.push(taint.clone());
            }
        }
        if !taints.is_empty() {
            changed["spec"]["taints"] = taints.into();
        }
        if changed != **node {
            plan.add(Action::Update {
                kind: Kind::Nodes,
                object: changed,
            });
            return plan;
        }
        let pressures = self.pressures(name, node, cache, &mut plan);
        let status = spec.status(name, &pressures, &node["status"], &now);
        for pressure in PRESSURES {
            let (sort, [(bad, _), (good, _)]) = pressure.condition();
            let is = pressures.contains(&pressure);
            if is != object::holds(node, sort) {
                let reason = if is { bad } else { good }.replace("Kubelet", "Node");
                let message = format!("Node {name} status is now: {reason}");
                plan.tell(Note {
                    host: name.to_owned(),
                    ..Note::normal(Kind::Nodes, node, &reason, message)
                });
            }
        }
        if node["status"] != status {
            let mut status = status;
            // What others report (volumes, images) stays.
            for (key, value) in node["status"].as_object().into_iter().flatten() {
                if status[key].is_null() {
                    status[key] = value.clone();
                }
            }
            plan.status(Kind::Nodes, node, status);
        }
        self.heartbeat(name, node, cache, &mut plan);
        plan
    }

    /// The Lease of a node, renewed if it is time.
    fn heartbeat(&self, name: &str, node: &Json, cache: &Cache, plan: &mut Plan) {
        let now = cache.now();
        let stamp = crate::emulator::meta::rfc3339_micro(now);
        if cache.get(Kind::Namespaces, "kube-node-lease").is_none() {
            return;
        }
        match cache.find(Kind::Leases, "kube-node-lease", name) {
            None => plan.add(Action::Create {
                kind: Kind::Leases,
                object: json!({
                    "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                    "metadata": {"name": name, "namespace": "kube-node-lease", "ownerReferences": [
                        {"apiVersion": "v1", "kind": "Node", "name": name, "uid": object::uid(node)}]},
                    "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": stamp},
                }),
                told: None,
            }),
            Some(lease) => {
                let renewed = object::moment(&lease["spec"]["renewTime"]).unwrap_or(Timestamp::UNIX_EPOCH);
                if object::until(now, renewed) >= HEARTBEAT {
                    plan.add(Action::Patch {
                        kind: Kind::Leases,
                        key: format!("kube-node-lease/{name}"),
                        subresource: "",
                        patch: json!({"spec": {"renewTime": stamp}}),
                    });
                }
            }
        }
        if self.shared.heartbeats {
            plan.look_after(HEARTBEAT, Wait::Appointment);
        }
    }

    /// A look at a Pod of a node.
    fn pod(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let Some(pod) = cache.get(Kind::Pods, key) else {
            self.forget(key);
            return plan;
        };
        let host = object::node_of(pod).to_owned();
        let node = self
            .shared
            .state()
            .nodes
            .get(&host)
            .map(|spec| (spec.connected && !spec.gone, spec.ip(), spec.number));
        let Some((connected, host_ip, number)) = node else {
            return plan;
        };
        if !connected {
            return plan;
        }
        if self
            .pods
            .get(key)
            .is_some_and(|run| run.uid != object::uid(pod))
        {
            self.forget(key);
        }
        if object::is_finished(pod) && self.pods.get(key).is_none_or(|run| run.stop.is_none()) {
            if object::is_deleting(pod) {
                plan.delete_so(
                    Kind::Pods,
                    pod,
                    Deletion {
                        grace: Some(0),
                        propagation: None,
                    },
                );
            }
            // What has ended needs no address, and keeps its logs.
            if let Some(run) = self.pods.get(key) {
                let ip = run.ip.clone();
                self.free(&ip);
            }
            return plan;
        }
        let mut run = match self.pods.remove(key) {
            Some(run) => run,
            None => {
                if let Some(rejection) = self.rejected(pod, &host, cache) {
                    // Who makes another one at once goes round with time, not without.
                    let since = object::after(object::created(pod), 1);
                    let rest = object::until(since, cache.now());
                    if !rest.is_zero() {
                        plan.look_after(rest, Wait::Work);
                        return plan;
                    }
                    let status = admission::status(pod, &rejection, object::time(cache.now()));
                    plan.status(Kind::Pods, pod, status);
                    plan.tell(Note {
                        host,
                        ..Note::warning(Kind::Pods, pod, &rejection.0, rejection.1)
                    });
                    return plan;
                }
                let ip = if pod["spec"]["hostNetwork"] == true {
                    host_ip.clone()
                } else {
                    self.address(number)
                };
                let run = PodRun::new(pod, ip, cache.now());
                for what in &run.shows {
                    self.shown
                        .entry(what.clone())
                        .or_default()
                        .insert(key.to_owned());
                }
                run
            }
        };
        run.take_ephemeral(pod);
        let place = Place {
            ip: run.ip.clone(),
            host_ip,
            cluster: self.cluster.clone(),
        };
        let look = Look {
            pod,
            cache,
            place: &place,
            host: &host,
            now: cache.now(),
            instant: Instant::now(),
        };
        self.resize(&mut run, &look, &mut plan);
        if self.stale.remove(key) || given::shows_itself(pod) {
            self.renew(&run, &look);
        }
        self.advance(&mut run, &look, &mut plan);
        self.watch_storage(&mut run, &look, &mut plan);
        self.show_groups(&run, &look);
        if run.resizing.in_progress.is_some() && !run.resizing_is_told {
            run.resizing_is_told = true;
            plan.look_after(Duration::ZERO, Wait::Work);
        }
        let status = status::status(pod, &run, &place, look.now);
        plan.status(Kind::Pods, pod, status);
        if run.stop.as_ref().is_some_and(|stop| stop.told)
            && run.runs.iter().all(|one| !one.is_running())
            && object::is_deleting(pod)
        {
            plan.delete_so(
                Kind::Pods,
                pod,
                Deletion {
                    grace: Some(0),
                    propagation: None,
                },
            );
        }
        if !run.admitted {
            run.admitted = true;
            plan.look_after(Duration::ZERO, Wait::Work);
        }
        for one in &run.runs {
            let due = [
                one.ready_at.filter(|_| one.is_running()),
                one.ends_at.as_ref().map(|(when, _)| *when),
                one.live.rests_until().filter(|_| one.is_running()),
                match &one.state {
                    State::Waiting { until, .. } => *until,
                    _ => None,
                },
            ];
            for when in due
                .into_iter()
                .flatten()
                .filter(|when| *when > look.instant)
            {
                let wait = if one.hopeless {
                    Wait::Appointment
                } else {
                    Wait::Work
                };
                plan.look_after(when - look.instant, wait);
            }
        }
        let leaving = run.runs.iter().filter(|one| one.is_running());
        let ends = leaving.filter_map(|one| one.leaving.as_ref().map(|leaving| leaving.until));
        if let Some(until) = ends.max() {
            plan.look_after(until.saturating_duration_since(look.instant), Wait::Work);
        }
        let seconds = pod["spec"]["activeDeadlineSeconds"].as_i64();
        if let Some(seconds) = seconds.filter(|_| run.stop.is_none()) {
            let over = object::after(run.started, seconds);
            plan.look_after(object::until(over, look.now), Wait::Appointment);
        }
        self.pods.insert(key.to_owned(), run);
        plan
    }

    /// Lets the containers of a Pod that see the control groups of their node find that of their Pod.
    fn show_groups(&self, run: &PodRun, look: &Look<'_>) {
        let root = "/sys/fs/cgroup";
        let mut volumes = items(&look.pod["spec"]["volumes"]);
        if !volumes.any(|volume| volume["hostPath"]["path"] == root) {
            return;
        }
        let has = Resources {
            own: status::of_the_whole(look.pod, run).0,
            of_pod: Json::Null,
        };
        for (name, content) in has.controls() {
            let path = format!("sys/fs/cgroup/kubepods/pod{}/{name}", run.uid);
            let volume = format!("node/{}", look.host);
            self.shared.volumes.put(&volume, path, content.into());
        }
    }

    /// Lets the containers of a Pod see what their volumes bring now.
    fn renew(&self, run: &PodRun, look: &Look<'_>) {
        for one in run.runs.iter().filter(|one| one.is_running()) {
            let Some(running) = self.shared.running(&one.pod, &one.name) else {
                continue;
            };
            let before = running.container.brought();
            let spec = spec_of(look.pod, &one.name);
            let now = given::renewed(look.pod, spec, look.place, look.cache, &before);
            if let Some(now) = now.filter(|now| *now != *before) {
                one.live.renew(Arc::new(now));
            }
        }
    }

    /// Goes on with a Pod as far as can be at this moment.
    fn advance(&mut self, run: &mut PodRun, look: &Look<'_>, plan: &mut Plan) {
        self.begin_stop(run, look, plan);
        // What ended by itself is seen first: also while the Pod is being stopped.
        for number in 0..run.runs.len() {
            self.see_end(run, number, look);
        }
        self.go_on_leaving(run, look, plan);
        if run.stop.is_some() {
            self.go_on_stopping(run, look);
            return;
        }
        if !run.admitted {
            return;
        }
        let key = object::key(look.pod);
        if let Some((volume, why)) = given::missing_volume(look.pod, look.cache) {
            self.lacks(
                run,
                &key,
                look,
                plan,
                "",
                |run| {
                    let note = Note::warning(
                        Kind::Pods,
                        look.pod,
                        "FailedMount",
                        format!("MountVolume.SetUp failed for volume \"{volume}\" : {why}"),
                    );
                    run.told_missing.clone_from(&why);
                    note
                },
                &why,
            );
            return;
        }
        if self.restart_all(run, look, plan) {
            return;
        }
        self.forget_removal(run, look);
        // Nothing starts any more when those that the Pod is for have ended.
        let is_over = restarts::is_over(look.pod, run);
        // Init containers go one after the other; so do the others, but for what goes with their starts nobody waits.
        for number in 0..run.runs.len() {
            let Some(one) = run.runs.get(number).filter(|_| !is_over) else {
                break;
            };
            let role = one.role;
            if role == Role::Main && !run.is_initialized() {
                break;
            }
            if role == Role::Ephemeral && !run.is_initialized() {
                continue;
            }
            self.go_on(run, number, look, plan);
            let Some(one) = run.runs.get_mut(number) else {
                break;
            };
            self.go_on_starting(one, look, plan);
            if one.is_running() && !one.is_starting() && !one.probers.is_empty() {
                self.probe(one, look, plan);
            }
            let probed = Run::is_probed(spec_of(look.pod, &one.name));
            one.ready = one.role != Role::Init && one.readiness(probed, look.instant);
            if one.ready {
                one.ready_at = None;
            }
            if one.is_starting()
                || (matches!(role, Role::Init | Role::Sidecar) && !one.lets_others_start())
            {
                break;
            }
        }
        // Sidecars end when those that the Pod is for have ended.
        if restarts::is_over(look.pod, run) {
            let until = look.instant + probes::grace_of(look.pod);
            for one in &mut run.runs {
                let why = format!("Stopping container {}", one.name);
                self.leave(one, why, (until, Exit::of(0)), look, plan);
            }
        }
        self.go_on_leaving(run, look, plan);
    }

    /// Goes on with the probes of a container, and stops one that they give up: it is restarted as its Pod's policy has it.
    fn probe(&mut self, one: &mut Run, look: &Look<'_>, plan: &mut Plan) {
        // What is being stopped is not asked any more.
        if one.leaving.is_some() {
            return;
        }
        let Some(why) = probes::go_on(one, look, &self.shared, plan) else {
            return;
        };
        let until = look.instant + probes::grace(one, look.pod);
        self.leave(one, why, (until, probes::killed()), look, plan);
    }

    /// Tells once that config lacks, and looks for it again.
    #[expect(clippy::too_many_arguments, reason = "the parts of one sentence")]
    fn lacks(
        &mut self,
        run: &mut PodRun,
        key: &str,
        look: &Look<'_>,
        plan: &mut Plan,
        field: &str,
        note: impl FnOnce(&mut PodRun) -> Note,
        why: &str,
    ) {
        self.lacking
            .entry(object::namespace(look.pod).to_owned())
            .or_default()
            .insert(key.to_owned());
        if run.told_missing != why {
            let note = note(run);
            plan.tell(Note {
                host: look.host.to_owned(),
                field: field.to_owned(),
                ..note
            });
        }
        plan.look_after(MISSING, Wait::Appointment);
    }

    /// Begins to stop a Pod that is deleted, evicted or too old.
    fn begin_stop(&mut self, run: &mut PodRun, look: &Look<'_>, plan: &mut Plan) {
        let pod = look.pod;
        let grace = |seconds: i64| {
            look.instant + Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
        };
        if object::is_deleting(pod) {
            let seconds = pod["metadata"]["deletionGracePeriodSeconds"]
                .as_i64()
                .unwrap_or(30);
            let until = grace(seconds);
            match &mut run.stop {
                None => {
                    run.stop = Some(Stop {
                        until,
                        failed: None,
                        told: false,
                    });
                }
                // A shorter period counts.
                Some(stop) if until < stop.until => {
                    stop.until = until;
                    for leaving in run.runs.iter_mut().filter_map(|one| one.leaving.as_mut()) {
                        leaving.until = leaving.until.min(until);
                    }
                }
                Some(_) => {}
            }
        } else if run.stop.is_none()
            && let Some(Eviction {
                message,
                grace: seconds,
                ..
            }) = run.evicted.clone()
        {
            plan.tell(Note {
                host: look.host.to_owned(),
                ..Note::warning(Kind::Pods, pod, "Evicted", message.clone())
            });
            run.stop = Some(Stop {
                until: grace(seconds),
                failed: Some(("Evicted".to_owned(), message)),
                told: false,
            });
        } else if run.stop.is_none()
            && let Some(seconds) = pod["spec"]["activeDeadlineSeconds"].as_i64()
            && object::after(run.started, seconds) <= look.now
        {
            let why = (
                "DeadlineExceeded".to_owned(),
                "Pod was active on the node longer than the specified deadline".to_owned(),
            );
            plan.tell(Note {
                host: look.host.to_owned(),
                ..Note::normal(
                    Kind::Pods,
                    pod,
                    "DeadlineExceeded",
                    "Pod was active on the node longer than the specified deadline",
                )
            });
            let seconds = pod["spec"]["terminationGracePeriodSeconds"]
                .as_i64()
                .unwrap_or(30);
            run.stop = Some(Stop {
                until: grace(seconds),
                failed: Some(why),
                told: false,
            });
        }
        let Some(stop) = run.stop.as_mut().filter(|stop| !stop.told) else {
            return;
        };
        stop.told = true;
        let until = stop.until;
        for one in &mut run.runs {
            if let Some(leaving) = &mut one.leaving {
                leaving.until = leaving.until.min(until);
                continue;
            }
            let why = format!("Stopping container {}", one.name);
            self.leave(one, why, (until, Exit::of(0)), look, plan);
        }
    }

    fn go_on_stopping(&mut self, run: &mut PodRun, look: &Look<'_>) {
        for one in &mut run.runs {
            let is_late = |one: &Run| {
                one.leaving
                    .as_ref()
                    .is_some_and(|leaving| leaving.until <= look.instant)
            };
            if one.is_running() && is_late(one) {
                self.finish(one, &probes::killed(), look.now);
            }
            // What waited for a start waits no more.
            if let State::Waiting { until, .. } = &mut one.state {
                *until = None;
            }
            one.ready = one.is_running() && one.ready;
        }
    }

    /// Sees that a container has ended, by itself or by its script.
    fn see_end(&mut self, run: &mut PodRun, number: usize, look: &Look<'_>) {
        let Some(one) = run.runs.get_mut(number).filter(|one| one.is_running()) else {
            return;
        };
        let said = one.live.ended().map(|code| Exit {
            message: one.live.message(),
            ..Exit::of(code)
        });
        let due = one
            .ends_at
            .as_ref()
            .filter(|(when, _)| *when <= look.instant)
            .map(|(_, exit)| exit.clone());
        if let Some(exit) = said.or(due) {
            self.finish(one, &exit, look.now);
        }
    }

    fn finish(&self, one: &mut Run, exit: &Exit, now: Timestamp) {
        let State::Running { since } = one.state else {
            return;
        };
        if let Some(task) = one.task.take() {
            task.abort();
        }
        let message = match exit.message.as_str() {
            "" => message::left(one, exit.code, &self.shared),
            said => said.to_owned(),
        };
        self.shared.network.close(one.number);
        self.shared.ended(&one.pod, &one.name);
        one.log.close();
        let reason = exit
            .reason
            .unwrap_or(if exit.code == 0 { "Completed" } else { "Error" });
        one.state = State::Ended(Ended {
            code: exit.code,
            reason: reason.to_owned(),
            message,
            started: since,
            finished: now,
            id: one.id.clone(),
        });
        one.ready = false;
        (one.ready_at, one.ends_at) = (None, None);
        (one.hook, one.leaving) = (None, None);
        one.probers.clear();
    }

    /// Goes on with one container: pulls, starts, restarts.
    fn go_on(&mut self, run: &mut PodRun, number: usize, look: &Look<'_>, plan: &mut Plan) {
        // Each step may allow the next one at once.
        for _ in 0..4 {
            let Some(one) = run.runs.get_mut(number) else {
                return;
            };
            match &one.state {
                State::Running { .. } => return,
                State::Ended(ended) => {
                    let again = restarts::restarts(look.pod, one, ended.code);
                    if !again {
                        return;
                    }
                    let ended = ended.clone();
                    let ran = object::until(ended.finished, ended.started);
                    // Who ran for long enough begins anew.
                    if ran >= LONGEST * 2 {
                        one.backoff = Duration::ZERO;
                        one.hopeless = false;
                    }
                    let wait = one.backoff;
                    one.last = Some(ended);
                    one.hopeless = wait >= LONGEST;
                    one.backoff = if wait.is_zero() {
                        BACKOFF
                    } else {
                        (wait * 2).min(LONGEST)
                    };
                    if wait.is_zero() {
                        one.state = State::Waiting {
                            reason: "ContainerCreating",
                            message: String::new(),
                            until: None,
                        };
                        continue;
                    }
                    let pod = look.pod;
                    let of = format!(
                        "pod={}_{}({})",
                        object::name(pod),
                        object::namespace(pod),
                        object::uid(pod)
                    );
                    one.state = State::Waiting {
                        reason: "CrashLoopBackOff",
                        message: format!(
                            "back-off {} restarting failed container={} {of}",
                            short(wait),
                            one.name
                        ),
                        until: Some(look.instant + wait),
                    };
                    plan.tell(Note {
                        host: look.host.to_owned(),
                        field: field_of(one),
                        ..Note::warning(
                            Kind::Pods,
                            pod,
                            "BackOff",
                            format!(
                                "Back-off restarting failed container {} in pod {}_{}({})",
                                one.name,
                                object::name(pod),
                                object::namespace(pod),
                                object::uid(pod)
                            ),
                        )
                    });
                    return;
                }
                State::Waiting {
                    until: Some(until), ..
                } if *until > look.instant => return,
                State::Waiting { .. } => {}
            }
            if !self.pull(one, look, plan) {
                return;
            }
            if !self.start(run, number, look, plan) {
                return;
            }
        }
    }

    /// Brings the image of a container; whether it is there.
    fn pull(&mut self, one: &mut Run, look: &Look<'_>, plan: &mut Plan) -> bool {
        let spec = spec_of(look.pod, &one.name);
        let image = text(&spec["image"]);
        let tell = |plan: &mut Plan, warning: bool, reason: &str, message: String, one: &Run| {
            let note = Note::normal(Kind::Pods, look.pod, reason, message);
            plan.tell(Note {
                host: look.host.to_owned(),
                field: field_of(one),
                warning,
                ..note
            });
        };
        if one.pulled {
            return true;
        }
        let pull = self.shared.scripts.pull(image);
        let pulling = matches!(&one.state, State::Waiting { until: Some(_), .. })
            && one.pull_backoff.is_zero()
            && matches!(pull, Pull::Takes(_));
        match pull {
            Pull::Fails(why) => {
                if one.pull_backoff.is_zero()
                    || matches!(&one.state, State::Waiting { reason, until: Some(until), .. } if *reason == "ImagePullBackOff" && *until <= look.instant)
                {
                    let wait = if one.pull_backoff.is_zero() {
                        BACKOFF
                    } else {
                        (one.pull_backoff * 2).min(LONGEST)
                    };
                    one.pull_backoff = wait;
                    one.hopeless = wait >= LONGEST;
                    tell(
                        plan,
                        false,
                        "Pulling",
                        format!("Pulling image \"{image}\""),
                        one,
                    );
                    tell(
                        plan,
                        true,
                        "Failed",
                        format!("Failed to pull image \"{image}\": {why}"),
                        one,
                    );
                    tell(plan, true, "Failed", "Error: ErrImagePull".to_owned(), one);
                    one.state = State::Waiting {
                        reason: "ErrImagePull",
                        message: why,
                        until: None,
                    };
                    plan.look_after(Duration::ZERO, Wait::Work);
                } else {
                    tell(
                        plan,
                        false,
                        "BackOff",
                        format!("Back-off pulling image \"{image}\""),
                        one,
                    );
                    tell(
                        plan,
                        true,
                        "Failed",
                        "Error: ImagePullBackOff".to_owned(),
                        one,
                    );
                    one.state = State::Waiting {
                        reason: "ImagePullBackOff",
                        message: format!("Back-off pulling image \"{image}\": ErrImagePull: {why}"),
                        until: Some(look.instant + one.pull_backoff),
                    };
                }
                false
            }
            Pull::Takes(time) if !pulling => {
                tell(
                    plan,
                    false,
                    "Pulling",
                    format!("Pulling image \"{image}\""),
                    one,
                );
                one.state = State::Waiting {
                    reason: "ContainerCreating",
                    message: String::new(),
                    until: Some(look.instant + time),
                };
                false
            }
            Pull::Takes(time) => {
                let took = short(time);
                tell(
                    plan,
                    false,
                    "Pulled",
                    format!(
                        "Successfully pulled image \"{image}\" in {took} ({took} including waiting). Image size: 10485760 bytes."
                    ),
                    one,
                );
                one.pulled = true;
                true
            }
            Pull::Quick => {
                tell(
                    plan,
                    false,
                    "Pulled",
                    format!(
                        "Container image \"{image}\" already present on machine and can be accessed by the pod"
                    ),
                    one,
                );
                one.pulled = true;
                one.pull_backoff = Duration::ZERO;
                true
            }
        }
    }

    /// Starts a container; whether it could be created.
    fn start(&mut self, run: &mut PodRun, number: usize, look: &Look<'_>, plan: &mut Plan) -> bool {
        let key = object::key(look.pod);
        let Some(name) = run.runs.get(number).map(|one| one.name.clone()) else {
            return false;
        };
        let spec = spec_of(look.pod, &name);
        let given = match given(look.pod, spec, look.place, look.cache) {
            Ok(given) => given,
            Err(Missing(why)) => {
                if let Some(one) = run.runs.get_mut(number) {
                    one.state = State::Waiting {
                        reason: "CreateContainerConfigError",
                        message: why.clone(),
                        until: None,
                    };
                }
                let field = run.runs.get(number).map(field_of).unwrap_or_default();
                self.lacks(
                    run,
                    &key,
                    look,
                    plan,
                    &field,
                    |run| {
                        run.told_missing.clone_from(&why);
                        Note::warning(Kind::Pods, look.pod, "Failed", format!("Error: {why}"))
                    },
                    &why,
                );
                return false;
            }
        };
        let Some(one) = run.runs.get_mut(number) else {
            return false;
        };
        let image = text(&spec["image"]);
        let was_removed = std::mem::take(&mut one.was_removed);
        if one.last.is_some() {
            one.restarts += i64::from(!was_removed);
            // A restart finds its image.
            plan.tell(Note {
                host: look.host.to_owned(),
                field: field_of(one),
                ..Note::normal(Kind::Pods, look.pod, "Pulled", format!("Container image \"{image}\" already present on machine and can be accessed by the pod"))
            });
        }
        for (reason, message) in [
            ("Created", "Container created"),
            ("Started", "Container started"),
        ] {
            plan.tell(Note {
                host: look.host.to_owned(),
                field: field_of(one),
                ..Note::normal(Kind::Pods, look.pod, reason, message)
            });
        }
        self.numbers += 1;
        one.number = self.numbers;
        let seed = crate::seed::of(&format!(
            "{}/{}/{}",
            object::uid(look.pod),
            one.name,
            one.restarts
        ));
        one.id = format!("containerd://{}", status::hex(seed, 64));
        let declared = self.shared.scripts.take(image);
        let is_declared = declared.is_some();
        one.script = declared.unwrap_or_default();
        one.state = State::Running { since: look.now };
        one.actuated = one.allocated.clone();
        (one.hook, one.leaving) = (None, None);
        // The runtime knows nothing any more of what was taken away.
        let former = (one.last.is_some() && !was_removed).then(|| Arc::clone(&one.log));
        one.log = Arc::default();
        one.live = Arc::default();
        self.shared.keep_log(
            &key,
            &one.name,
            Logs {
                now: Arc::clone(&one.log),
                former,
            },
        );
        let mut is_plain = false;
        let of_image = one.script.program.clone();
        if !is_declared || of_image.is_some() {
            match program(
                &given,
                of_image.as_deref(),
                spec["stdin"] == true,
                spec["tty"] == true,
            ) {
                Program::Plain(code) => {
                    is_plain = true;
                    one.script.code = Some(code);
                }
                Program::Strange(why) => {
                    let told = format!(
                        "kmock: the command of this container is not run, it just runs: {why}; say what it does with image(\"{image}\")\n"
                    );
                    one.log.write(&told, look.now);
                }
                Program::OfImage => {}
            }
        }
        one.probers = probes::probers(spec, one, look.instant);
        if !one.script.log.is_empty() {
            one.log.write(&one.script.log, look.now);
        }
        one.ready_at = match one.script.ready {
            Ready::After(delay) => Some(look.instant + delay),
            _ => None,
        };
        one.ends_at = one
            .script
            .exit
            .clone()
            .map(|exit| (look.instant + one.script.after, exit));
        if one
            .ends_at
            .as_ref()
            .is_some_and(|(when, _)| *when <= look.instant)
        {
            plan.look_after(Duration::ZERO, Wait::Work);
        }
        one.live.has(Resources {
            own: one.actuated.clone(),
            of_pod: run.actuated.clone(),
        });
        let (now, origin) = (look.now, look.instant);
        let clock = Clock::new(move || now.checked_add(origin.elapsed()).unwrap_or(now));
        let container = Container::new(
            look.pod,
            &one.name,
            &run.ip,
            one.number,
            given,
            &one.live,
            &one.log,
            &self.shared,
            clock,
        );
        self.shared.began(
            &key,
            Running {
                container: container.clone(),
                command: one.script.command.clone(),
                is_plain,
                has_code: one.script.code.is_some(),
                log: Arc::clone(&one.log),
            },
        );
        if let Some(code) = one.script.code.clone() {
            let task = tokio::spawn(async move {
                // The closure itself is the test's code, too: it may panic before there is anything to wait for.
                let running =
                    AssertUnwindSafe(async { code(container.clone()).await }).catch_unwind();
                let exit = match running.await {
                    Ok(exit) => exit,
                    Err(panic) => {
                        let why = panic_text(&*panic);
                        container.log(format!("panicked: {why}\n"));
                        134
                    }
                };
                container.end(exit);
            });
            one.task = Some(task.abort_handle());
        }
        self.begin_hook(one, hooks::Moment::Start, None, look, plan);
        true
    }
}

fn field_of(run: &Run) -> String {
    let part = match run.role {
        Role::Init | Role::Sidecar => "initContainers",
        Role::Main => "containers",
        Role::Ephemeral => "ephemeralContainers",
    };
    format!("spec.{part}{{{}}}", run.name)
}

/// A duration as Go writes it: `10s`, `2m40s`.
pub(crate) fn short(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 60, seconds % 60) {
        _ if time.subsec_nanos() > 0 => format!("{time:?}"),
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

impl Controller for Kubelets {
    fn name(&self) -> &'static str {
        "kubelets"
    }

    fn poll(&mut self, cluster: &Cluster, _keys: &mut Vec<String>) {
        self.cluster.get_or_insert_with(|| cluster.clone());
    }

    fn agent(&self) -> &'static str {
        "kubelet"
    }

    fn component(&self) -> &'static str {
        "kubelet"
    }

    fn touched(&mut self, change: &Change, _: &Cache, keys: &mut Vec<String>) {
        match change.kind {
            Kind::Pods if !object::node_of(change.object()).is_empty() => {
                keys.push(change.key.to_string());
                // Others may have room now.
                let others = self.deferred.iter().filter(|key| ***key != *change.key);
                keys.extend(others.cloned());
                if crate::usage::is_known(&self.shared) {
                    keys.push(format!("node:{}", object::node_of(change.object())));
                }
            }
            Kind::ConfigMaps | Kind::Secrets => {
                let (namespace, _) = object::split(&change.key);
                if let Some(waiting) = self.lacking.remove(namespace) {
                    keys.extend(waiting);
                }
                if let Some(readers) = self.shown.get(&(change.kind, change.key.to_string())) {
                    self.stale.extend(readers.iter().cloned());
                    keys.extend(readers.iter().cloned());
                }
            }
            Kind::Nodes => keys.push(format!("node:{}", change.key)),
            _ => {}
        }
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        if let Some(name) = key.strip_prefix("back:") {
            // Whatever happened to its Pods while it was away.
            for pod in cache.on_node(name) {
                self.shared.touch("kubelets", &object::key(pod));
            }
            return Plan::nothing();
        }
        match key.strip_prefix("node:") {
            Some(name) => self.node(name, cache),
            None => self.pod(key, cache),
        }
    }
}

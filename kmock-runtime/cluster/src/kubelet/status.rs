//! The status of a Pod, made of what its containers do.

use jiff::Timestamp;

use super::given::Place;
use super::restarts::restarts;
use super::state::{Ended, Eviction, PodRun, Role, Run, State};
use crate::emulator::builtin;
use crate::json::{Json, Members, json};
use crate::object::{self, items, spec_of, text};

/// The phase of a Pod, as `getPhase` of the kubelet computes it.
pub(crate) fn phase(pod: &Json, run: &PodRun) -> &'static str {
    if let Some(stop) = &run.stop
        && stop.failed.is_some()
    {
        return "Failed";
    }
    let goes_on = |one: &Run, ended: &Ended| restarts(pod, one, ended.code);
    let failed_init = run.of(&[Role::Init]).any(|one| {
        one.ended()
            .is_some_and(|ended| ended.code != 0 && !goes_on(one, ended))
    });
    if failed_init {
        return "Failed";
    }
    // One that waits for its next run has been running.
    let is_new = |one: &Run| !matches!(&one.state, State::Waiting { .. } if one.last.is_some());
    let is_pending = |one: &Run| match one.role {
        Role::Init => is_new(one) && one.ended().is_none(),
        _ => is_new(one) && !one.lets_others_start(),
    };
    if run.of(&[Role::Init, Role::Sidecar]).any(is_pending) {
        return "Pending";
    }
    let (mut waiting, mut running, mut restarting, mut failed) = (0, 0, 0, 0);
    for one in run.of(&[Role::Main]) {
        match (&one.state, &one.last) {
            (State::Running { .. }, _) if !one.is_starting() => running += 1,
            (State::Ended(ended), _) => {
                failed += usize::from(ended.code != 0);
                restarting += usize::from(goes_on(one, ended) && run.stop.is_none());
            }
            (_, Some(_)) => restarting += 1,
            _ => waiting += 1,
        }
    }
    running += run
        .of(&[Role::Sidecar])
        .filter(|one| one.is_running())
        .count();
    match () {
        () if waiting > 0 => "Pending",
        () if running > 0 || restarting > 0 => "Running",
        // All have ended.
        () if failed == 0 => "Succeeded",
        () => "Failed",
    }
}

/// The whole status; what did not change keeps its times.
pub(crate) fn status(pod: &Json, run: &PodRun, place: &Place, now: Timestamp) -> Json {
    let old = &pod["status"];
    let phase = phase(pod, run);
    let mut status = Members::new();
    let generation = object::generation(pod);
    if generation > 0 {
        status.insert("observedGeneration", generation.into());
    }
    status.insert("phase", phase.into());
    if let Some((reason, message)) = run.stop.as_ref().and_then(|stop| stop.failed.as_ref()) {
        status.insert("reason", reason.as_str().into());
        status.insert("message", message.as_str().into());
    }
    status.insert("conditions", conditions(pod, run, phase, now).into());
    status.insert("hostIP", place.host_ip.as_str().into());
    status.insert("hostIPs", json!([{"ip": place.host_ip}]));
    if run.admitted {
        status.insert("podIP", place.ip.as_str().into());
        status.insert("podIPs", json!([{"ip": place.ip}]));
    }
    status.insert("startTime", object::time(run.started));
    let of = |role: &[Role]| -> Vec<Json> {
        run.of(role).map(|one| container_status(pod, one)).collect()
    };
    for (field, roles) in [
        (
            "initContainerStatuses",
            [Role::Init, Role::Sidecar].as_slice(),
        ),
        ("containerStatuses", &[Role::Main]),
        ("ephemeralContainerStatuses", &[Role::Ephemeral]),
    ] {
        let statuses = of(roles);
        if !statuses.is_empty() {
            status.insert(field, statuses.into());
        }
    }
    if run.admitted {
        let (resources, allocated) = of_the_whole(pod, run);
        status.insert("resources", resources);
        if let Some(allocated) = allocated {
            status.insert("allocatedResources", allocated);
        }
    }
    for kept in [
        "qosClass",
        "nominatedNodeName",
        "resize",
        "resourceClaimStatuses",
    ] {
        if !old[kept].is_null() && (kept != "nominatedNodeName") {
            status.insert(kept, old[kept].clone());
        }
    }
    status.into()
}

/// What a Pod as a whole has of its node, and what it was allocated: by its own resources, or by those of its containers.
///
/// Rules: `convertToAPIPodLevelResourcesStatus` of `pkg/kubelet/kubelet_pods.go`, `ResourceConfigForPod` of `pkg/kubelet/cm`.
pub(super) fn of_the_whole(pod: &Json, run: &PodRun) -> (Json, Option<Json>) {
    let own = pod["spec"]["resources"].as_object();
    let asks = |one: &Run| {
        let resources = one.allocated.as_object();
        resources.is_some_and(|resources| !resources.is_empty())
    };
    if own.is_none_or(Members::is_empty) && !run.runs.iter().any(asks) {
        return (json!({}), None);
    }
    let (requests, limits) = sums(pod, run);
    let mut resources = match own {
        Some(_) => run.allocated.clone(),
        None => json!({}),
    };
    for name in ["cpu", "memory"] {
        if let Some(amount) = requests.get(name) {
            resources["requests"][name] = amount.clone();
        }
        // Without a limit of each of its containers a Pod has none.
        let mut all = run.of(&[Role::Init, Role::Sidecar, Role::Main]);
        let is_limited = !run.allocated["limits"][name].is_null()
            || all.all(|one| !one.allocated["limits"][name].is_null());
        if let Some(amount) = limits.get(name).filter(|_| is_limited) {
            resources["limits"][name] = amount.clone();
        }
    }
    // What is being done is not there yet.
    let known = &pod["status"]["resources"];
    if run.resizing.in_progress.is_some() && !known.is_null() {
        resources = known.clone();
    }
    let allocated = (!requests.is_empty()).then(|| requests.into());
    (resources, allocated)
}

/// What the containers of a Pod were allocated, added up: requests and limits.
fn sums(pod: &Json, run: &PodRun) -> (Members, Members) {
    let spec = &pod["spec"];
    let is_whole = run.allocated.is_null() && spec["overhead"].is_null();
    if let ([one], true) = (run.runs.as_slice(), is_whole) {
        let of = |sort: &str| one.allocated[sort].as_object().cloned().unwrap_or_default();
        return (of("requests"), of("limits"));
    }
    let all = |roles: &[Role]| -> Vec<Json> {
        run.of(roles)
            .map(|one| {
                let policy = if one.role == Role::Sidecar {
                    Json::from("Always")
                } else {
                    Json::Null
                };
                json!({"restartPolicy": policy, "resources": one.allocated})
            })
            .collect()
    };
    let small = json!({"spec": {
        "initContainers": all(&[Role::Init, Role::Sidecar]), "containers": all(&[Role::Main]),
        "resources": run.allocated, "overhead": spec["overhead"],
    }});
    let small = serde_json::Value::from(&small);
    let shown = |amounts: builtin::amounts::Amounts| -> Members {
        let shown = amounts.into_iter();
        shown
            .map(|(name, amount)| (name, Json::from(amount.to_string())))
            .collect()
    };
    (
        shown(builtin::amounts::requests_with_overhead(&small)),
        shown(builtin::amounts::of_pod(&small, "limits")),
    )
}

fn names<'a>(runs: impl Iterator<Item = &'a Run>) -> String {
    runs.map(|run| run.name.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

fn conditions(pod: &Json, run: &PodRun, phase: &str, now: Timestamp) -> Vec<Json> {
    let finished = matches!(phase, "Succeeded" | "Failed");
    let over = |reason: &str| (false, reason.to_owned(), String::new());
    let holds = (true, String::new(), String::new());
    let unready = || {
        let all = run.of(&[Role::Main, Role::Sidecar]);
        names(all.filter(|one| !one.ready))
    };
    let incomplete = names(
        run.of(&[Role::Init, Role::Sidecar])
            .filter(|one| !one.lets_others_start()),
    );
    let initialized = match phase {
        "Succeeded" => (true, "PodCompleted".to_owned(), String::new()),
        // What is restarted with all others was initialized before.
        _ if !incomplete.is_empty() && !object::holds(pod, "Initialized") => (
            false,
            "ContainersNotInitialized".to_owned(),
            format!("containers with incomplete status: [{incomplete}]"),
        ),
        _ => holds.clone(),
    };
    let containers = match phase {
        "Succeeded" => over("PodCompleted"),
        "Failed" => over("PodFailed"),
        _ => match unready() {
            names if names.is_empty() => holds.clone(),
            names => (
                false,
                "ContainersNotReady".to_owned(),
                format!("containers with unready status: [{names}]"),
            ),
        },
    };
    let gates: Vec<String> = items(&pod["spec"]["readinessGates"])
        .filter_map(|gate| {
            let sort = text(&gate["conditionType"]);
            match object::condition(pod, sort) {
                None => Some(format!(
                    "corresponding condition of pod readiness gate \"{sort}\" does not exist."
                )),
                Some(condition) if condition["status"] != "True" => Some(format!(
                    "the status of pod readiness gate \"{sort}\" is not \"True\", but {}",
                    text(&condition["status"])
                )),
                Some(_) => None,
            }
        })
        .collect();
    let ready = if containers.0 && !gates.is_empty() {
        (false, "ReadinessGatesNotReady".to_owned(), gates.join(", "))
    } else {
        containers.clone()
    };
    let network = (run.admitted && !finished, String::new(), String::new());
    let own = [
        ("PodReadyToStartContainers", network),
        ("Initialized", initialized),
        ("Ready", ready),
        ("ContainersReady", containers),
        ("PodScheduled", holds),
    ];
    let mut all: Vec<Json> = own
        .iter()
        .map(|(sort, (holds, reason, message))| {
            let status = if *holds { "True" } else { "False" };
            let same = object::condition(pod, sort).filter(|known| known["status"] == status);
            let since = same
                .map(|known| known["lastTransitionTime"].clone())
                .filter(|time| !time.is_null())
                .unwrap_or_else(|| object::time(now));
            let mut condition = json!({"type": sort, "status": status, "lastProbeTime": null, "lastTransitionTime": since});
            let generation = object::generation(pod);
            if generation > 0 {
                condition["observedGeneration"] = generation.into();
            }
            if !reason.is_empty() {
                condition["reason"] = reason.as_str().into();
            }
            if !message.is_empty() {
                condition["message"] = message.as_str().into();
            }
            condition
        })
        .collect();
    if object::may_restart_all(pod) {
        all.push(restarting(pod, run, phase, now));
    }
    all.extend(super::resize::conditions(pod, run, &object::time(now)));
    let disruption = run.evicted.as_ref().filter(|why| why.is_disruption);
    if let Some(Eviction { message, .. }) = disruption {
        let mut disrupted = json!({
            "type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet", "message": message,
            "lastProbeTime": null, "lastTransitionTime": object::time(now),
            "observedGeneration": object::generation(pod),
        });
        if let Some(known) = object::condition(pod, "DisruptionTarget") {
            disrupted["lastTransitionTime"] = known["lastTransitionTime"].clone();
        }
        all.push(disrupted);
    }
    // What others say (readiness gates, DisruptionTarget) stays.
    for other in items(&pod["status"]["conditions"]) {
        let is_own = own.iter().any(|(sort, _)| other["type"] == *sort)
            || text(&other["type"]).starts_with("PodResize")
            || other["type"] == RESTARTING
            || (disruption.is_some() && other["type"] == "DisruptionTarget");
        if !is_own {
            all.push(other.clone());
        }
    }
    all
}

const RESTARTING: &str = "AllContainersRestarting";

/// Whether all containers of a Pod are being restarted.
///
/// Rules: `GenerateAllContainersRestartingCondition` of `pkg/kubelet/status/generate.go`.
fn restarting(pod: &Json, run: &PodRun, phase: &str, now: Timestamp) -> Json {
    let is = run.is_restarting && phase != "Failed";
    let status = if is { "True" } else { "False" };
    let known = object::condition(pod, RESTARTING).filter(|known| known["status"] == status);
    let since = known.map_or_else(
        || object::time(now),
        |known| known["lastTransitionTime"].clone(),
    );
    let mut condition = json!({"type": RESTARTING, "status": status, "lastProbeTime": null, "lastTransitionTime": since});
    if is {
        condition["reason"] = "RestartAllContainersStarted".into();
        condition["message"] = "container exited with restart policy rule".into();
    } else if phase == "Failed" {
        condition["reason"] = "PodFailed".into();
    }
    condition
}

fn ended(ended: &Ended) -> Json {
    let mut terminated = json!({"exitCode": ended.code, "reason": ended.reason, "startedAt": null, "finishedAt": null});
    // Of one that was taken away nothing else is known.
    if !ended.id.is_empty() {
        terminated["startedAt"] = object::time(ended.started);
        terminated["finishedAt"] = object::time(ended.finished);
        terminated["containerID"] = ended.id.as_str().into();
    }
    if !ended.message.is_empty() {
        terminated["message"] = ended.message.as_str().into();
    }
    json!({ "terminated": terminated })
}

fn container_status(pod: &Json, run: &Run) -> Json {
    let spec = spec_of(pod, &run.name);
    let image = text(&spec["image"]);
    let state = match &run.state {
        // What goes with its start is still under way.
        State::Running { .. } if run.is_starting() => {
            let has_init = items(&pod["spec"]["initContainers"]).next().is_some();
            let waits = if has_init && run.role == Role::Main {
                "PodInitializing"
            } else {
                "ContainerCreating"
            };
            json!({"waiting": {"reason": waits}})
        }
        State::Waiting {
            reason, message, ..
        } => {
            let mut waiting = json!({ "reason": reason });
            if !message.is_empty() {
                waiting["message"] = message.as_str().into();
            }
            json!({ "waiting": waiting })
        }
        State::Running { since } => json!({"running": {"startedAt": object::time(*since)}}),
        State::Ended(how) => ended(how),
    };
    let has_run = !run.id.is_empty();
    let mut status = json!({
        "name": run.name,
        "state": state,
        "lastState": run.last.as_ref().map_or_else(|| json!({}), ended),
        "ready": run.ready || (run.role == Role::Init && run.ended().is_some_and(|ended| ended.code == 0)),
        "restartCount": run.restarts,
        "image": if has_run { full_name(image) } else { image.to_owned() },
        "imageID": if has_run { digest(image) } else { String::new() },
        "started": run.has_started() && !run.is_starting(),
    });
    if has_run {
        status["containerID"] = run.id.as_str().into();
        // What has no resources says so, once the runtime knows it.
        status["resources"] = match &run.actuated {
            Json::Null => json!({}),
            resources => resources.clone(),
        };
        if !run.allocated["requests"].is_null() {
            status["allocatedResources"] = run.allocated["requests"].clone();
        }
    }
    let mounts: Vec<Json> = items(&spec["volumeMounts"])
        .map(|mount| {
            let mut seen = json!({"name": mount["name"], "mountPath": mount["mountPath"]});
            if mount["readOnly"] == true {
                seen["readOnly"] = true.into();
                seen["recursiveReadOnly"] = "Disabled".into();
            }
            seen
        })
        .collect();
    if !mounts.is_empty() {
        status["volumeMounts"] = mounts.into();
    }
    status
}

/// The name of an image with its registry and tag, as the runtime shows it.
fn full_name(image: &str) -> String {
    let first = image.split('/').next().unwrap_or_default();
    let has_registry = image.contains('/') && (first.contains(['.', ':']) || first == "localhost");
    let name = match (has_registry, image.contains('/')) {
        (true, _) => image.to_owned(),
        (false, true) => format!("docker.io/{image}"),
        (false, false) => format!("docker.io/library/{image}"),
    };
    let last = name.rsplit('/').next().unwrap_or_default();
    if last.contains([':', '@']) {
        name
    } else {
        format!("{name}:latest")
    }
}

fn digest(image: &str) -> String {
    let full = full_name(image);
    let repository = match full
        .rfind(['@', ':'])
        .filter(|at| full.rfind('/').is_none_or(|slash| *at > slash))
    {
        Some(at) => full.get(..at).unwrap_or_default().to_owned(),
        None => full.clone(),
    };
    format!("{repository}@sha256:{}", hex(crate::seed::of(&full), 64))
}

/// So many hexadecimal digits that follow from a number.
pub(crate) fn hex(seed: u64, count: usize) -> String {
    let mut state = seed;
    let mut out = String::with_capacity(count + 16);
    while out.len() < count {
        let number = crate::seed::next(&mut state);
        let digits = (0..16).rev().map(|at| (number >> (4 * at)) as u32 & 0xf);
        out.extend(digits.filter_map(|digit| char::from_digit(digit, 16)));
    }
    out.truncate(count);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubelet::state::Stop;

    fn pod(policy: &str) -> Json {
        json!({
            "metadata": {"name": "web", "namespace": "shop", "generation": 1},
            "spec": {"restartPolicy": policy, "initContainers": [{"name": "init"}], "containers": [{"name": "a", "image": "web"}, {"name": "b"}]},
        })
    }

    fn exited(code: i32) -> State {
        State::Ended(Ended {
            code,
            reason: String::new(),
            message: String::new(),
            started: Timestamp::UNIX_EPOCH,
            finished: Timestamp::UNIX_EPOCH,
            id: String::new(),
        })
    }

    fn running() -> State {
        State::Running {
            since: Timestamp::UNIX_EPOCH,
        }
    }

    /// The rows of `TestPodPhaseWithRestart…` of the kubelet: a policy, what the containers do, the phase.
    #[test]
    fn phases() {
        let waiting = || State::Waiting {
            reason: "ContainerCreating",
            message: String::new(),
            until: None,
        };
        for (policy, init, a, b, expected) in [
            ("Always", waiting(), waiting(), waiting(), "Pending"),
            ("Always", exited(0), waiting(), running(), "Pending"),
            ("Always", exited(0), running(), running(), "Running"),
            ("Always", exited(0), exited(0), exited(1), "Running"),
            ("Never", exited(0), exited(0), exited(0), "Succeeded"),
            ("Never", exited(0), exited(0), exited(1), "Failed"),
            ("Never", exited(0), exited(1), running(), "Running"),
            ("Never", exited(1), waiting(), waiting(), "Failed"),
            ("OnFailure", exited(0), exited(0), exited(0), "Succeeded"),
            ("OnFailure", exited(0), exited(0), exited(1), "Running"),
            ("OnFailure", exited(1), waiting(), waiting(), "Pending"),
        ] {
            let pod = pod(policy);
            let mut run = PodRun::new(&pod, String::new(), Timestamp::UNIX_EPOCH);
            for (one, state) in run.runs.iter_mut().zip([init, a, b]) {
                one.state = state;
            }
            assert_eq!(
                phase(&pod, &run),
                expected,
                "{policy} {:?}",
                run.runs.iter().map(|one| &one.state).collect::<Vec<_>>()
            );
        }
    }

    /// Containers as a text: whose they are (`s`idecar, `i`nit, `m`ain), their policy (`A`lways, `N`ever, on `F`ailure, `.`), `!` with
    /// the rule that 42 restarts all, and what they do: wait (`w`), wait for another run (`l`, `L` after a failure), run (`r`), a code.
    fn made_of(policy: &str, containers: &str) -> (Json, PodRun) {
        let mut pod = json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": {"restartPolicy": policy}});
        let (mut init, mut main, mut states) = (Vec::new(), Vec::new(), Vec::new());
        for (nth, text) in containers.split(' ').enumerate() {
            let mut container = json!({"name": format!("c{nth}")});
            let (role, rest) = text.split_at(1);
            let (own, state) = rest.split_at(1);
            let own = match (role, own) {
                ("s", _) | (_, "A") => "Always",
                (_, "N") => "Never",
                (_, "F") => "OnFailure",
                _ => "",
            };
            if !own.is_empty() {
                container["restartPolicy"] = own.into();
            }
            if let Some(state) = state.strip_prefix('!') {
                container["restartPolicyRules"] = json!([{"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}]);
                states.push(state);
            } else {
                states.push(state);
            }
            if role == "m" { &mut main } else { &mut init }.push(container);
        }
        pod["spec"]["initContainers"] = init.into();
        pod["spec"]["containers"] = main.into();
        let mut run = PodRun::new(&pod, String::new(), Timestamp::UNIX_EPOCH);
        for (one, state) in run.runs.iter_mut().zip(states) {
            let waits = State::Waiting {
                reason: "PodInitializing",
                message: String::new(),
                until: None,
            };
            let last = |code: i32| match exited(code) {
                State::Ended(ended) => Some(ended),
                _ => None,
            };
            (one.state, one.last) = match state {
                "w" => (waits, None),
                "l" => (waits, last(0)),
                "L" => (waits, last(137)),
                "r" => (running(), None),
                code => (exited(code.parse().expect("a code")), None),
            };
        }
        (pod, run)
    }

    /// Rows of `TestPodPhaseWithRestart…RestartableInitContainers`, `TestPodPhaseWithContainerRestartPolicy` and
    /// `TestPodPhaseWithRestartAllContainers`.
    #[test]
    fn phases_with_sidecars_policies_and_rules() {
        for (policy, containers, expected) in [
            ("Always", "s.w m.w m.w", "Pending"),
            ("Always", "s.r m.w m.w", "Pending"),
            ("Always", "s.0 m.w m.w", "Pending"),
            ("Always", "s.l m.w m.w", "Pending"),
            ("Always", "s.L m.w m.w", "Pending"),
            ("Always", "s.r m.r m.w", "Pending"),
            ("Always", "s.r m.r m.r", "Running"),
            ("Always", "s.0 m.r m.r", "Running"),
            ("Always", "s.l m.r m.r", "Running"),
            ("Never", "s.r m.0 m.0", "Running"),
            ("Never", "s.0 m.0 m.0", "Succeeded"),
            ("Never", "s.1 m.0 m.0", "Succeeded"),
            ("Never", "s.l m.0 m.0", "Succeeded"),
            ("Never", "s.L m.0 m.0", "Succeeded"),
            ("OnFailure", "s.r m.0 m.1", "Running"),
            ("Always", "mN1", "Failed"),
            ("Always", "mF1", "Running"),
            ("Always", "mA1", "Running"),
            ("Never", "mA0 m.1", "Running"),
            ("Always", "mN1 mF0", "Failed"),
            ("Always", "mN0 mF0", "Succeeded"),
            ("Always", "iN1 m.w", "Failed"),
            ("Never", "iF1 m.w", "Pending"),
            ("Never", "mN!42", "Running"),
            ("Never", "mN!1", "Failed"),
            ("Never", "iN!42 m.w", "Pending"),
            ("Never", "s.!42 m.w", "Pending"),
            ("Never", "s.!42 i.w m.w", "Pending"),
            ("Never", "mN!L", "Running"),
            ("Never", "iN!L m.w", "Pending"),
            ("Never", "s.!L m.w", "Pending"),
            ("Never", "i.0 mN!L", "Running"),
            ("Never", "i.1 mN!L", "Failed"),
            ("Never", "iN!0 m.w", "Pending"),
            ("Never", "i.r mN!L", "Pending"),
        ] {
            let (pod, run) = made_of(policy, containers);
            assert_eq!(phase(&pod, &run), expected, "{policy}: {containers}");
        }
    }

    /// Rows of `TestGenerateAllContainersRestartingCondition`.
    #[test]
    fn whether_all_containers_are_being_restarted_is_told() {
        for (containers, is_restarting, expected) in [
            ("m.r", false, None),
            ("mN!r", false, Some(("False", ""))),
            ("mN!42", true, Some(("True", "RestartAllContainersStarted"))),
            ("mN!L", false, Some(("False", ""))),
            ("mN!1", false, Some(("False", "PodFailed"))),
        ] {
            let (pod, mut run) = made_of("Never", containers);
            run.is_restarting = is_restarting;
            let status = status(&pod, &run, &Place::default(), Timestamp::UNIX_EPOCH);
            let object = json!({ "status": status });
            let told = object::condition(&object, RESTARTING);
            let told = told.map(|one| (text(&one["status"]), text(&one["reason"])));
            assert_eq!(told, expected, "{containers}");
        }
    }

    #[test]
    fn conditions_say_which_containers_lack() {
        let pod = pod("Always");
        let mut run = PodRun::new(&pod, "10.244.0.2".into(), Timestamp::UNIX_EPOCH);
        run.admitted = true;
        let place = Place {
            ip: "10.244.0.2".into(),
            host_ip: "172.18.0.2".into(),
            ..Place::default()
        };
        let of =
            |run: &PodRun| json!({ "status": status(&pod, run, &place, Timestamp::UNIX_EPOCH) });
        let first = of(&run);
        let message = |object: &Json, sort: &str| {
            object::condition(object, sort).expect("it is there")["message"].clone()
        };
        assert_eq!(
            message(&first, "Initialized"),
            "containers with incomplete status: [init]"
        );
        assert_eq!(
            message(&first, "Ready"),
            "containers with unready status: [a b]"
        );
        for one in &mut run.runs {
            one.state = if one.role == Role::Init {
                exited(0)
            } else {
                running()
            };
            one.ready = one.role == Role::Main;
        }
        let second = of(&run);
        assert!(object::is_ready(&second) && object::holds(&second, "Initialized"));
        assert_eq!(second["status"]["podIPs"], json!([{"ip": "10.244.0.2"}]));
        run.stop = Some(Stop {
            until: tokio::time::Instant::now(),
            failed: Some(("Evicted".into(), "why".into())),
            told: true,
        });
        let third = of(&run);
        assert_eq!(
            (&third["status"]["phase"], &third["status"]["reason"]),
            (&json!("Failed"), &json!("Evicted"))
        );
        assert_eq!(
            object::condition(&third, "Ready").expect("it is there")["reason"],
            "PodFailed"
        );
    }

    #[test]
    fn names_of_images() {
        assert_eq!(full_name("web"), "docker.io/library/web:latest");
        assert_eq!(full_name("team/web:1"), "docker.io/team/web:1");
        assert_eq!(full_name("host:5000/web"), "host:5000/web:latest");
        assert!(digest("host:5000/web:2").starts_with("host:5000/web@sha256:"));
    }
}

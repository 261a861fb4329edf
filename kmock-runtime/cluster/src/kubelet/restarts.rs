//! Which containers start again: by the rules of the container, by its policy, and by that of its Pod; and all together,
//! where a rule says so.
//!
//! Rules: `ContainerShouldRestart` of `pkg/api/v1/pod/util.go`; `ShouldAllContainersRestart` of `pkg/kubelet/container/helpers.go`
//! and what `SyncPod` of `pkg/kubelet/kuberuntime` does for it.

use std::time::Duration;

use super::state::{Ended, PodRun, Role, Run, State};
use super::{Kubelets, Look, field_of, probes};
use crate::json::Json;
use crate::kind::Kind;
use crate::object::{RESTART_ALL as ALL, items, spec_of, text};
use crate::plan::{Note, Plan, Wait};

/// Why a container waits that was taken away for it, and how its last run is said to have ended.
const TAKEN_AWAY: &str = "RestartingAllContainers";
const WHY: &str = "The container is removed because RestartAllContainers in place";
/// What ends at once over and over goes round with time, not without.
const PAUSE: Duration = Duration::from_secs(1);

/// What the first rule of a container says that fits a code.
pub(super) fn action(container: &Json, code: i32) -> Option<&str> {
    let fits = |rule: &Json| {
        let exits = &rule["exitCodes"];
        let is_listed = items(&exits["values"]).any(|one| one.as_i64() == Some(i64::from(code)));
        match text(&exits["operator"]) {
            "In" => is_listed,
            "NotIn" => !is_listed,
            _ => false,
        }
    };
    let mut rules = items(&container["restartPolicyRules"]);
    Some(text(&rules.find(|rule| fits(rule))?["action"]))
}

/// Whether a container that has ended with a code starts again.
pub(super) fn restarts(pod: &Json, one: &Run, code: i32) -> bool {
    let container = spec_of(pod, &one.name);
    if action(container, code).is_some_and(|action| action == "Restart" || action == ALL) {
        return true;
    }
    let own = text(&container["restartPolicy"]);
    let policy = if own.is_empty() {
        text(&pod["spec"]["restartPolicy"])
    } else {
        own
    };
    match (one.role, policy) {
        (Role::Ephemeral, _) => false,
        (Role::Sidecar, _) => true,
        (_, "Never") => false,
        // What an init container has done it need not do again.
        (Role::Init, _) | (_, "OnFailure") => code != 0,
        _ => true,
    }
}

/// Whether a container has ended so that all are to be restarted.
fn wants_all(pod: &Json, one: &Run) -> bool {
    let ended = one.ended().filter(|_| one.role != Role::Ephemeral);
    ended.is_some_and(|ended| action(spec_of(pod, &one.name), ended.code) == Some(ALL))
}

impl Kubelets {
    /// Restarts all containers of a Pod when a rule of one says so; whether that is under way.
    pub(super) fn restart_all(&self, run: &mut PodRun, look: &Look<'_>, plan: &mut Plan) -> bool {
        if !run.is_restarting {
            run.is_restarting = run.runs.iter().any(|one| wants_all(look.pod, one));
            if run.is_restarting {
                plan.look_after(Duration::ZERO, Wait::Work);
            }
            return run.is_restarting;
        }
        run.is_restarting = false;
        let (first, then): (Vec<_>, Vec<_>) = run
            .runs
            .iter_mut()
            .filter(|one| one.role != Role::Ephemeral)
            .partition(|one| one.role == Role::Main);
        for one in first.into_iter().chain(then) {
            if one.is_running() {
                plan.tell(Note {
                    host: look.host.to_owned(),
                    field: field_of(one),
                    ..Note::normal(Kind::Pods, look.pod, "Killing", "killing")
                });
                self.finish(one, &probes::killed(), look.now);
            }
            (one.hopeless, one.was_removed) = (false, one.last.is_some());
            let until = Some(look.instant + PAUSE);
            let Some(ended) = one.ended() else {
                // What waits for its first start, or for the next one, waits no longer than the others.
                if one.was_removed {
                    one.restarts += 1;
                    one.state = waits(look.pod, one.role, until);
                }
                continue;
            };
            one.last = Some(Ended {
                code: 137,
                reason: TAKEN_AWAY.to_owned(),
                message: WHY.to_owned(),
                id: String::new(),
                ..ended.clone()
            });
            one.was_removed = true;
            one.restarts += 1;
            one.state = State::Waiting {
                reason: TAKEN_AWAY,
                message: WHY.to_owned(),
                until,
            };
        }
        plan.look_after(PAUSE, Wait::Work);
        true
    }

    /// Containers that were taken away wait as others do, once that was reported.
    pub(super) fn forget_removal(&self, run: &mut PodRun, look: &Look<'_>) {
        for one in &mut run.runs {
            if let State::Waiting { reason, until, .. } = &one.state
                && *reason == TAKEN_AWAY
                && until.is_none_or(|until| until <= look.instant)
            {
                one.state = waits(look.pod, one.role, None);
            }
        }
    }
}

/// How a container waits that nothing is wrong with.
fn waits(pod: &Json, role: Role, until: Option<tokio::time::Instant>) -> State {
    let has_init = items(&pod["spec"]["initContainers"]).next().is_some();
    let reason = match (has_init, role) {
        (true, Role::Init | Role::Sidecar | Role::Main) => "PodInitializing",
        _ => "ContainerCreating",
    };
    State::Waiting {
        reason,
        message: String::new(),
        until,
    }
}

/// Whether all that the Pod is for has ended for good.
pub(super) fn is_over(pod: &Json, run: &PodRun) -> bool {
    let is_done = |one: &Run| {
        one.ended()
            .is_some_and(|ended| !restarts(pod, one, ended.code))
    };
    let failed = |one: &Run| is_done(one) && one.ended().is_some_and(|ended| ended.code != 0);
    run.of(&[Role::Init]).any(failed) || run.of(&[Role::Main]).all(is_done)
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;

    /// Rows of `TestContainerShouldRestart`: the policies of the Pod and the container, its rules, a code.
    #[test]
    fn who_restarts() {
        let rule = |operator: &str| json!([{"action": "Restart", "exitCodes": {"operator": operator, "values": [42]}}]);
        for (of_pod, own, rules, code, expected) in [
            ("Always", "", json!(null), 0, true),
            ("Never", "", json!(null), 1, false),
            ("OnFailure", "", json!(null), 0, false),
            ("OnFailure", "", json!(null), 1, true),
            ("Never", "Always", json!(null), 0, true),
            ("Always", "Never", json!(null), 1, false),
            ("Never", "OnFailure", json!(null), 1, true),
            ("Never", "Never", rule("In"), 42, true),
            ("Never", "Never", rule("In"), 1, false),
            ("Always", "Never", rule("NotIn"), 1, true),
            ("Always", "Never", rule("NotIn"), 42, false),
        ] {
            let mut container = json!({"name": "c", "restartPolicyRules": rules});
            if !own.is_empty() {
                container["restartPolicy"] = own.into();
            }
            let pod = json!({"spec": {"restartPolicy": of_pod, "containers": [container]}});
            let run = Run::new(&"shop/web".into(), "c", Role::Main, "ContainerCreating");
            assert_eq!(restarts(&pod, &run, code), expected, "{pod} {code}");
        }
    }
}

//! Hooks of containers (`lifecycle`): one that goes with the start, one that goes before the end.
//!
//! Rules: `pkg/kubelet/kuberuntime/kuberuntime_container.go` (`startContainer`, `killContainer`), `pkg/kubelet/lifecycle/handlers.go`.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use super::probes::{self, Flight, Outcome};
use super::state::{PodRun, Role, Run};
use super::{Kubelets, Look, field_of};
use crate::containers::{Exit, is_known};
use crate::json::Json;
use crate::kind::Kind;
use crate::object::{items, spec_of, text};
use crate::plan::{Note, Plan, Wait};
use crate::shared::Shared;

/// How often a hook that nobody gives up is looked after, and after which time nobody waits for it.
const BEAT: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(300);
/// What a container has at least to end when its hook has used up the time.
const LEAST: Duration = Duration::from_secs(2);

/// What a hook is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// `postStart`: the container counts as started when it is over.
    Start,
    /// `preStop`: the container is told to stop when it is over.
    Stop,
}

/// A hook that is under way.
#[derive(Debug)]
pub(crate) struct Hook {
    pub(crate) moment: Moment,
    begun: Instant,
    flight: Flight,
}

/// A container that is on its way to its end.
#[derive(Debug)]
pub(crate) struct Leaving {
    /// When it is killed.
    pub(crate) until: Instant,
    /// How it ends by itself when it is told to.
    exit: Exit,
    /// It was told.
    told: bool,
}

impl Run {
    /// Whether what goes with its start is still under way.
    pub(crate) fn is_starting(&self) -> bool {
        self.hook
            .as_ref()
            .is_some_and(|hook| hook.moment == Moment::Start)
    }
}

/// Whether a sidecar has to wait for others that end before it: the containers that the Pod is for, and sidecars that
/// were started later.
fn waits_for_others(run: &PodRun, number: usize) -> bool {
    let is_sidecar = run
        .runs
        .get(number)
        .is_some_and(|one| one.role == Role::Sidecar);
    is_sidecar
        && run.runs.iter().enumerate().any(|(nth, one)| {
            let is_before = match one.role {
                Role::Main => true,
                Role::Sidecar => nth > number,
                Role::Init | Role::Ephemeral => false,
            };
            is_before && one.is_running()
        })
}

/// The call of a hook.
fn call(
    action: &Json,
    one: &Run,
    look: &Look<'_>,
    shared: &Arc<Shared>,
) -> BoxFuture<'static, Outcome> {
    let well: BoxFuture<'static, Outcome> = Box::pin(async { Ok(()) });
    if let Some(seconds) = action["sleep"]["seconds"].as_u64() {
        return Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok(())
        });
    }
    if action["exec"].is_object() {
        let command: Vec<String> = items(&action["exec"]["command"])
            .map(|word| text(word).to_owned())
            .collect();
        let Some(running) = shared.running(&one.pod, &one.name) else {
            return well;
        };
        // Of what a program does that nobody said anything about, nothing is known: it does its work.
        let file = |path: &str| running.container.file(path);
        if running.command.is_none() && is_known(&command, &file).is_err() {
            return well;
        }
        return probes::command(shared, &one.pod, &one.name, command, None);
    }
    match probes::request(
        action,
        "httpGet",
        look,
        shared,
        &one.name,
        "kube-lifecycle/1.36",
        None,
    ) {
        Ok(asking) => asking,
        // Nobody said that anything listens there.
        Err(_) if !one.live.has_listened() => well,
        Err(why) => Box::pin(async move { Err(why) }),
    }
}

impl Kubelets {
    /// Begins a hook of a container, if it has it.
    pub(super) fn begin_hook(
        &self,
        one: &mut Run,
        moment: Moment,
        until: Option<Instant>,
        look: &Look<'_>,
        plan: &mut Plan,
    ) {
        let part = match moment {
            Moment::Start => "postStart",
            Moment::Stop => "preStop",
        };
        let action = &spec_of(look.pod, &one.name)["lifecycle"][part];
        if !action.is_object() {
            return;
        }
        let flight = Flight::begin(
            call(action, one, look, &self.shared),
            &self.shared,
            &one.pod,
            until.unwrap_or(look.instant),
        );
        if let Some(until) = until {
            plan.look_after(until.saturating_duration_since(look.instant), Wait::Work);
        }
        one.hook = Some(Hook {
            moment,
            begun: look.instant,
            flight,
        });
    }

    /// Goes on with what goes with the start of a container; one that fails ends it.
    pub(super) fn go_on_starting(&self, one: &mut Run, look: &Look<'_>, plan: &mut Plan) {
        let Some(hook) = one.hook.as_ref().filter(|_| one.is_starting()) else {
            return;
        };
        let Some(outcome) = hook.flight.take() else {
            let is_old = look.instant.duration_since(hook.begun) >= PATIENCE;
            let wait = if is_old {
                Wait::Appointment
            } else {
                Wait::Work
            };
            plan.look_after(BEAT, wait);
            return;
        };
        one.hook = None;
        if outcome.is_ok() {
            return;
        }
        plan.tell(failed(look, one, "PostStart"));
        let until = look.instant + probes::grace(one, look.pod);
        self.leave(
            one,
            "FailedPostStartHook".to_owned(),
            (until, probes::killed()),
            look,
            plan,
        );
    }

    /// Begins the end of a container: its hook, and then the word to stop. `end`: when it is killed at last, and how it ends
    /// if it does not wait for the word.
    pub(super) fn leave(
        &self,
        one: &mut Run,
        why: String,
        (until, exit): (Instant, Exit),
        look: &Look<'_>,
        plan: &mut Plan,
    ) {
        if !one.is_running() || one.leaving.is_some() {
            return;
        }
        plan.tell(Note {
            host: look.host.to_owned(),
            field: field_of(one),
            ..Note::normal(Kind::Pods, look.pod, "Killing", why)
        });
        // A program without a word for it takes no word to stop: a real one is killed in the end, ours at once.
        let running = self.shared.running(&one.pod, &one.name);
        let is_plain = running.is_some_and(|running| running.is_plain);
        let exit = if is_plain { probes::killed() } else { exit };
        one.hook = None;
        one.leaving = Some(Leaving {
            until,
            exit,
            told: false,
        });
        if until > look.instant {
            self.begin_hook(one, Moment::Stop, Some(until), look, plan);
        }
        plan.look_after(Duration::ZERO, Wait::Work);
    }

    /// Goes on with the ends of all containers that are on their way.
    pub(super) fn go_on_leaving(&mut self, run: &mut PodRun, look: &Look<'_>, plan: &mut Plan) {
        // The earlier ones may wait for the later ones.
        for number in (0..run.runs.len()).rev() {
            let waits = waits_for_others(run, number);
            let Some(one) = run.runs.get_mut(number).filter(|one| one.is_running()) else {
                continue;
            };
            let Some(leaving) = one.leaving.as_mut().filter(|leaving| !leaving.told) else {
                continue;
            };
            let is_late = leaving.until <= look.instant;
            if let Some(hook) = &one.hook {
                let outcome = hook.flight.take();
                if outcome.is_none() && !is_late {
                    plan.look_after(leaving.until - look.instant, Wait::Work);
                    continue;
                }
                one.hook = None;
                leaving.until = leaving.until.max(look.instant + LEAST);
                if let Some(Err(_)) = outcome {
                    plan.tell(failed(look, one, "PreStop"));
                }
            }
            let Some(leaving) = one.leaving.as_mut() else {
                continue;
            };
            if waits && !is_late {
                plan.look_after(leaving.until - look.instant, Wait::Work);
                continue;
            }
            leaving.told = true;
            let waits_for_word = if one.script.code.is_some() {
                one.live.stop()
            } else {
                one.script.stubborn
            };
            let end = if waits_for_word {
                (leaving.until, probes::killed())
            } else {
                (look.instant, leaving.exit.clone())
            };
            if one.ends_at.as_ref().is_none_or(|(when, _)| *when > end.0) {
                one.ends_at = Some(end);
            }
            if !waits_for_word {
                self.see_end(run, number, look);
            } else {
                plan.look_after(
                    leaving.until.saturating_duration_since(look.instant),
                    Wait::Work,
                );
            }
        }
    }
}

/// That a hook has failed.
fn failed(look: &Look<'_>, one: &Run, hook: &str) -> Note {
    let (reason, message) = (format!("Failed{hook}Hook"), format!("{hook}Hook failed"));
    Note {
        host: look.host.to_owned(),
        field: field_of(one),
        ..Note::warning(Kind::Pods, look.pod, &reason, message)
    }
}

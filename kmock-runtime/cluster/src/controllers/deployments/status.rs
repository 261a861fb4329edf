//! The status of a Deployment: counts, and how its rollout goes.

use std::time::Duration;

use jiff::Timestamp;

use super::{Work, fenceposts, replicas};
use crate::controllers::conditions;
use crate::json::{Json, json};
use crate::kind::Kind;
use crate::object::{self, int, text};
use crate::plan::Wait;

/// Whether a Deployment says how long it may make no progress.
pub(super) fn has_deadline(deployment: &Json) -> bool {
    deployment["spec"]["progressDeadlineSeconds"]
        .as_i64()
        .is_some_and(|seconds| seconds != i64::from(i32::MAX))
}

fn new(sort: &str, status: &str, reason: &str, message: &str, now: Timestamp) -> Json {
    let mut condition = conditions::new(sort, status, reason, message, now);
    condition["lastUpdateTime"] = object::time(now);
    condition
}

pub(super) fn set(
    conditions: &mut Vec<Json>,
    sort: &str,
    status: &str,
    reason: &str,
    message: &str,
    now: Timestamp,
) {
    conditions::set(conditions, new(sort, status, reason, message, now));
}

impl Work<'_> {
    /// The status without a word on the rollout.
    fn counts(&self) -> Json {
        let sum = |name: &str| {
            self.sets
                .iter()
                .map(|set| int(&set["status"][name]))
                .sum::<i64>()
        };
        let (all, available) = (self.total(), sum("availableReplicas"));
        let mut status = json!({ "observedGeneration": object::generation(self.deployment) });
        let mut count = |name: &str, number: i64| {
            if number > 0 {
                status[name] = number.into();
            }
        };
        count("replicas", sum("replicas"));
        count(
            "updatedReplicas",
            self.new_set()
                .map_or(0, |set| int(&set["status"]["replicas"])),
        );
        count("readyReplicas", sum("readyReplicas"));
        count("availableReplicas", available);
        count("unavailableReplicas", (all - available).max(0));
        status["terminatingReplicas"] = sum("terminatingReplicas").into();
        if !self.deployment["status"]["collisionCount"].is_null() {
            status["collisionCount"] = self.deployment["status"]["collisionCount"].clone();
        }
        let mut all = conditions::of(self.deployment);
        let (_, lacking) = fenceposts(self.deployment);
        let now = self.cache.now();
        if available >= self.wanted() - lacking {
            set(
                &mut all,
                "Available",
                "True",
                "MinimumReplicasAvailable",
                "Deployment has minimum availability.",
                now,
            );
        } else {
            set(
                &mut all,
                "Available",
                "False",
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
                now,
            );
        }
        status["conditions"] = all.into();
        status
    }

    /// Writes the status, without looking at the progress.
    pub(super) fn sync_status(&mut self) {
        let status = self.counts();
        self.plan.status(Kind::Deployments, self.deployment, status);
    }

    /// Writes the status of a rollout, with its progress.
    pub(super) fn sync_rollout(&mut self) {
        let deployment = self.deployment;
        let mut status = self.counts();
        let mut all = status["conditions"].as_array().cloned().unwrap_or_default();
        let now = self.cache.now();
        let deadline = has_deadline(deployment);
        if !deadline {
            conditions::remove(&mut all, "Progressing");
        }
        let known = object::condition(deployment, "Progressing").cloned();
        let known_reason = known
            .as_ref()
            .map(|known| text(&known["reason"]).to_owned())
            .unwrap_or_default();
        let is_over = int(&status["replicas"]) == int(&status["updatedReplicas"])
            && known_reason == "NewReplicaSetAvailable";
        let what = match self.new_set() {
            Some(set) => format!("ReplicaSet \"{}\"", object::name(set)),
            None => format!("Deployment \"{}\"", object::name(deployment)),
        };
        if deadline && !is_over {
            if is_complete(deployment, &status) {
                let message = format!("{what} has successfully progressed.");
                set(
                    &mut all,
                    "Progressing",
                    "True",
                    "NewReplicaSetAvailable",
                    &message,
                    now,
                );
            } else if progresses(deployment, &status) {
                let mut condition = new(
                    "Progressing",
                    "True",
                    "ReplicaSetUpdated",
                    &format!("{what} is progressing."),
                    now,
                );
                if let Some(known) = known.as_ref().filter(|known| known["status"] == "True") {
                    condition["lastTransitionTime"] = known["lastTransitionTime"].clone();
                }
                conditions::remove(&mut all, "Progressing");
                all.push(condition);
            } else if self.is_late() {
                let message = format!("{what} has timed out progressing.");
                set(
                    &mut all,
                    "Progressing",
                    "False",
                    "ProgressDeadlineExceeded",
                    &message,
                    now,
                );
            }
        }
        // A failure of a ReplicaSet is that of its Deployment, the newest first.
        let sets = self
            .new_set()
            .into_iter()
            .chain(self.old().into_iter().filter_map(|at| self.sets.get(at)));
        let failure = sets
            .filter_map(|set| object::condition(set, "ReplicaFailure"))
            .next();
        match failure {
            Some(failure) => {
                let mut failure = failure.clone();
                failure["lastUpdateTime"] = failure["lastTransitionTime"].clone();
                conditions::set(&mut all, failure);
            }
            None => conditions::remove(&mut all, "ReplicaFailure"),
        }
        status["conditions"] = all.into();
        self.wait_for_deadline(&status);
        self.plan.status(Kind::Deployments, deployment, status);
    }

    fn is_late(&self) -> bool {
        let Some(known) = object::condition(self.deployment, "Progressing") else {
            return false;
        };
        let reason = text(&known["reason"]);
        if reason == "NewReplicaSetAvailable" {
            return false;
        }
        if reason == "ProgressDeadlineExceeded" {
            return true;
        }
        self.due(known).is_some_and(|due| due < self.cache.now())
    }

    fn due(&self, progressing: &Json) -> Option<Timestamp> {
        let seconds = self.deployment["spec"]["progressDeadlineSeconds"].as_i64()?;
        Some(object::after(
            object::moment(&progressing["lastUpdateTime"])?,
            seconds,
        ))
    }

    /// Looks again when the deadline is over.
    fn wait_for_deadline(&mut self, status: &Json) {
        let Some(known) = object::condition(self.deployment, "Progressing") else {
            return;
        };
        if !has_deadline(self.deployment)
            || is_complete(self.deployment, status)
            || known["reason"] == "ProgressDeadlineExceeded"
        {
            return;
        }
        if let Some(due) = self.due(known) {
            let wait = object::until(due, self.cache.now()) + Duration::from_secs(1);
            self.plan.look_after(wait, Wait::Appointment);
        }
    }
}

/// Whether all that is wanted is there, and nothing else.
fn is_complete(deployment: &Json, status: &Json) -> bool {
    let wanted = replicas(deployment);
    ["updatedReplicas", "replicas", "availableReplicas"]
        .iter()
        .all(|name| int(&status[*name]) == wanted)
        && int(&status["observedGeneration"]) >= object::generation(deployment)
}

/// Whether there is more than before of what is wanted, or less of what is not.
fn progresses(deployment: &Json, status: &Json) -> bool {
    let old = &deployment["status"];
    let count = |status: &Json, name: &str| int(&status[name]);
    let old_ones = |status: &Json| count(status, "replicas") - count(status, "updatedReplicas");
    count(status, "updatedReplicas") > count(old, "updatedReplicas")
        || old_ones(status) < old_ones(old)
        || count(status, "readyReplicas") > count(old, "readyReplicas")
        || count(status, "availableReplicas") > count(old, "availableReplicas")
}

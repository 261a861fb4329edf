//! What controllers have counted in the status of an object.

use serde_json::Value;

use super::rules::{Faults, not_negative};
use crate::kinds::builtin::values::{at, int};
use crate::model::status::FieldError;

/// The counts in the status of a kind, and what they may be. The order is that in which faults are told.
#[derive(Debug)]
pub(in crate::kinds::builtin) struct Counts {
    /// None of them is negative.
    counts: &'static [&'static str],
    bounds: &'static [Bound],
    /// They never become less.
    growing: &'static [&'static str],
}

/// Some counts are not greater than another.
#[derive(Debug)]
struct Bound {
    counts: &'static [&'static str],
    than: &'static str,
    message: &'static str,
}

const fn within_replicas(counts: &'static [&'static str]) -> Bound {
    Bound {
        counts,
        than: "replicas",
        message: "cannot be greater than status.replicas",
    }
}

const AVAILABLE_ARE_READY: Bound = Bound {
    counts: &["availableReplicas"],
    than: "readyReplicas",
    message: "cannot be greater than readyReplicas",
};

const UNBOUNDED: Counts = Counts {
    counts: &[],
    bounds: &[],
    growing: &[],
};

pub(in crate::kinds::builtin) const DEPLOYMENT: Counts = Counts {
    counts: &[
        "observedGeneration",
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
        "collisionCount",
    ],
    bounds: &[
        within_replicas(&["updatedReplicas", "readyReplicas", "availableReplicas"]),
        AVAILABLE_ARE_READY,
    ],
    growing: &["collisionCount"],
};

/// Of replication controllers, too.
pub(in crate::kinds::builtin) const REPLICA_SET: Counts = Counts {
    counts: &[
        "replicas",
        "fullyLabeledReplicas",
        "readyReplicas",
        "availableReplicas",
        "observedGeneration",
    ],
    bounds: &[
        within_replicas(&["fullyLabeledReplicas", "readyReplicas", "availableReplicas"]),
        AVAILABLE_ARE_READY,
    ],
    ..UNBOUNDED
};

pub(in crate::kinds::builtin) const STATEFUL_SET: Counts = Counts {
    counts: &[
        "replicas",
        "readyReplicas",
        "currentReplicas",
        "updatedReplicas",
        "availableReplicas",
        "observedGeneration",
        "collisionCount",
    ],
    bounds: &[
        within_replicas(&[
            "readyReplicas",
            "currentReplicas",
            "updatedReplicas",
            "availableReplicas",
        ]),
        Bound {
            message: "cannot be greater than status.readyReplicas",
            ..AVAILABLE_ARE_READY
        },
    ],
    ..UNBOUNDED
};

pub(in crate::kinds::builtin) const DAEMON_SET: Counts = Counts {
    counts: &[
        "currentNumberScheduled",
        "numberMisscheduled",
        "desiredNumberScheduled",
        "numberReady",
        "observedGeneration",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "collisionCount",
    ],
    ..UNBOUNDED
};

pub(in crate::kinds::builtin) const JOB: Counts = Counts {
    counts: &["active", "succeeded", "failed", "ready", "terminating"],
    ..UNBOUNDED
};

pub(in crate::kinds::builtin) const HORIZONTAL_POD_AUTOSCALER: Counts = Counts {
    counts: &["currentReplicas", "desiredReplicas"],
    ..UNBOUNDED
};

pub(in crate::kinds::builtin) const POD_DISRUPTION_BUDGET: Counts = Counts {
    counts: &[
        "disruptionsAllowed",
        "currentHealthy",
        "desiredHealthy",
        "expectedPods",
    ],
    ..UNBOUNDED
};

impl Counts {
    pub(super) fn check(&self, faults: &mut Faults, new: &Value, old: &Value) {
        let (status, before) = (at(new, &["status"]), at(old, &["status"]));
        not_negative(faults, status, self.counts, "status");
        let mut refuse = |key: &str, message: &str| {
            let field = format!("status.{key}");
            faults.push(FieldError::invalid(field, at(status, &[key]), message));
        };
        for Bound {
            counts,
            than,
            message,
        } in self.bounds
        {
            for key in *counts {
                if int(status, &[key]) > int(status, &[than]) {
                    refuse(key, message);
                }
            }
        }
        for key in self.growing {
            if int(status, &[key]) < int(before, &[key]) {
                refuse(key, "cannot be decremented");
            }
        }
    }
}

//! Jobs that are over go when their time to live is.

use super::is_finished;
use crate::cache::{Cache, Change};
use crate::controller::Controller;
use crate::json::Json;
use crate::kind::Kind;
use crate::object::{self, items};
use crate::plan::{Deletion, Plan, Wait};

/// `ttlSecondsAfterFinished`.
#[derive(Debug, Default)]
pub(crate) struct TimeToLive;

fn finished_at(job: &Json) -> Option<jiff::Timestamp> {
    items(&job["status"]["conditions"])
        .find(|one| {
            (one["type"] == "Complete" || one["type"] == "Failed") && one["status"] == "True"
        })
        .and_then(|one| object::moment(&one["lastTransitionTime"]))
}

impl Controller for TimeToLive {
    fn name(&self) -> &'static str {
        "ttl-after-finished"
    }

    fn component(&self) -> &'static str {
        "ttl-after-finished-controller"
    }

    fn touched(&mut self, change: &Change, _: &Cache, keys: &mut Vec<String>) {
        if change.kind == Kind::Jobs
            && change.new.is_some()
            && change.object()["spec"]["ttlSecondsAfterFinished"].is_i64()
        {
            keys.push(change.key.to_string());
        }
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let Some(job) = cache
            .get(Kind::Jobs, key)
            .filter(|job| is_finished(job) && !object::is_deleting(job))
        else {
            return plan;
        };
        let (Some(seconds), Some(since)) = (
            job["spec"]["ttlSecondsAfterFinished"].as_i64(),
            finished_at(job),
        ) else {
            return plan;
        };
        let when = object::after(since, seconds);
        if when > cache.now() {
            plan.look_after(object::until(when, cache.now()), Wait::Appointment);
        } else {
            plan.delete_so(
                Kind::Jobs,
                job,
                Deletion {
                    grace: None,
                    propagation: Some("Foreground"),
                },
            );
        }
        plan
    }
}

//! CronJobs: Jobs by a schedule.

mod schedule;

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use self::schedule::Schedule;
use super::{jobs, pods};
use crate::cache::{Cache, Change};
use crate::controller::{Controller, Refusal};
use crate::json::{Json, json};
use crate::kind::Kind;
use crate::object::{self, text};
use crate::plan::{Action, Deletion, Note, Plan, Wait};

#[derive(Debug, Default)]
pub(crate) struct CronJobs;

impl Controller for CronJobs {
    fn name(&self) -> &'static str {
        "cronjobs"
    }

    fn component(&self) -> &'static str {
        "cronjob-controller"
    }

    fn touched(&mut self, change: &Change, _: &Cache, keys: &mut Vec<String>) {
        match change.kind {
            Kind::CronJobs => keys.push(change.key.to_string()),
            Kind::Jobs => pods::owners(change, Kind::CronJobs, keys),
            _ => {}
        }
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let Some(cron) = cache.get(Kind::CronJobs, key) else {
            return plan;
        };
        let mut jobs: Vec<Arc<Json>> = cache
            .controlled(Kind::Jobs, object::uid(cron))
            .cloned()
            .collect();
        jobs.sort_by_key(|job| (object::created(job), object::name(job).to_owned()));
        let mut status = if cron["status"].is_object() {
            cron["status"].clone()
        } else {
            json!({})
        };
        follow(cron, &jobs, &mut status, cache, &mut plan);
        if !object::is_deleting(cron) {
            clean_up(cron, &jobs, &mut plan);
            begin(cron, &jobs, &mut status, cache, &mut plan);
        }
        plan.status(Kind::CronJobs, cron, status);
        plan
    }

    fn refused(&mut self, key: &str, action: &Action, refusal: &Refusal, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        if let (Action::Create { object, .. }, Some(cron)) =
            (action, cache.get(Kind::CronJobs, key))
        {
            // Its own Job was there already, and only the status did not know it.
            let own = cache.find(Kind::Jobs, object::namespace(object), object::name(object));
            if refusal.code == 409
                && own.is_some_and(|job| object::is_controlled_by(job, object::uid(cron)))
            {
                return plan;
            }
            plan.tell(Note::warning(
                Kind::CronJobs,
                cron,
                "FailedCreate",
                format!("Error creating job: {}", refusal.message),
            ));
        }
        plan
    }
}

fn name_of(cron: &Json, when: Timestamp) -> String {
    format!("{}-{}", object::name(cron), when.as_second() / 60)
}

fn active(status: &Json) -> Vec<Json> {
    status["active"].as_array().cloned().unwrap_or_default()
}

fn set_active(status: &mut Json, active: Vec<Json>) {
    object::set(
        status,
        "active",
        if active.is_empty() {
            Json::Null
        } else {
            active.into()
        },
    );
}

/// Takes what became of the Jobs into the status.
fn follow(cron: &Json, all: &[Arc<Json>], status: &mut Json, cache: &Cache, plan: &mut Plan) {
    let mut running = active(status);
    for job in all {
        let finished = jobs::is_finished(job);
        let known = running
            .iter()
            .position(|one| one["uid"] == object::uid(job));
        match (known, finished) {
            (Some(at), true) => {
                running.remove(at);
                let how = if object::holds(job, "Complete") {
                    "Complete"
                } else {
                    "Failed"
                };
                let message = format!("Saw completed job: {}, condition: {how}", object::name(job));
                plan.tell(Note::normal(
                    Kind::CronJobs,
                    cron,
                    "SawCompletedJob",
                    message,
                ));
            }
            (None, false) => {
                // One that this controller made a moment ago has its name by the schedule.
                let own =
                    object::annotation(job, "batch.kubernetes.io/cronjob-scheduled-timestamp");
                if own.is_empty() {
                    let message = format!(
                        "Saw a job that the controller did not create or forgot: {}",
                        object::name(job)
                    );
                    plan.tell(Note::warning(
                        Kind::CronJobs,
                        cron,
                        "UnexpectedJob",
                        message,
                    ));
                } else if !object::is_deleting(job) {
                    running.push(reference(job));
                }
            }
            _ => {}
        }
        let done = object::moment(&job["status"]["completionTime"])
            .filter(|_| object::holds(job, "Complete"));
        if let Some(done) = done
            && object::moment(&status["lastSuccessfulTime"]).is_none_or(|last| done > last)
        {
            status["lastSuccessfulTime"] = job["status"]["completionTime"].clone();
        }
    }
    running.retain(|one| {
        let there = cache
            .find(Kind::Jobs, object::namespace(cron), text(&one["name"]))
            .is_some();
        if !there {
            plan.tell(Note::normal(
                Kind::CronJobs,
                cron,
                "MissingJob",
                format!("Active job went missing: {}", text(&one["name"])),
            ));
        }
        there
    });
    set_active(status, running);
}

fn reference(job: &Json) -> Json {
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "name": object::name(job), "namespace": object::namespace(job),
        "uid": object::uid(job), "resourceVersion": job["metadata"]["resourceVersion"],
    })
}

/// Deletes the oldest Jobs that are over, down to as many as are kept.
fn clean_up(cron: &Json, all: &[Arc<Json>], plan: &mut Plan) {
    for (limit, how) in [
        ("successfulJobsHistoryLimit", "Complete"),
        ("failedJobsHistoryLimit", "Failed"),
    ] {
        let Some(limit) = cron["spec"][limit].as_i64() else {
            continue;
        };
        let over: Vec<&Arc<Json>> = all
            .iter()
            .filter(|job| object::holds(job, how) && !object::is_deleting(job))
            .collect();
        let surplus = (over.len() as i64 - limit).max(0) as usize;
        for job in over.into_iter().take(surplus) {
            delete(cron, job, plan);
        }
    }
}

fn delete(cron: &Json, job: &Json, plan: &mut Plan) {
    plan.delete_so(
        Kind::Jobs,
        job,
        Deletion {
            grace: None,
            propagation: Some("Background"),
        },
    );
    plan.tell(Note::normal(
        Kind::CronJobs,
        cron,
        "SuccessfulDelete",
        format!("Deleted job {}", object::name(job)),
    ));
}

/// Begins a Job if it is time, and looks again when it is next.
fn begin(cron: &Json, all: &[Arc<Json>], status: &mut Json, cache: &Cache, plan: &mut Plan) {
    let spec = &cron["spec"];
    let now = cache.now();
    if spec["suspend"] == true {
        return;
    }
    let zone = match spec["timeZone"].as_str() {
        None => TimeZone::UTC,
        Some(name) => match TimeZone::get(name) {
            Ok(zone) => zone,
            Err(_) => {
                let message = format!("invalid timeZone: {name:?}: unknown time zone {name}");
                plan.tell(Note::warning(
                    Kind::CronJobs,
                    cron,
                    "UnknownTimeZone",
                    message,
                ));
                return;
            }
        },
    };
    let Some(schedule) = Schedule::read(text(&spec["schedule"])) else {
        let message = format!("unparseable schedule: {:?}", text(&spec["schedule"]));
        plan.tell(Note::warning(
            Kind::CronJobs,
            cron,
            "UnparseableSchedule",
            message,
        ));
        return;
    };
    if let Some(next) = schedule.next(now, &zone) {
        plan.look_after(object::until(next, now), Wait::Appointment);
    }
    let deadline = spec["startingDeadlineSeconds"].as_i64();
    let mut earliest =
        object::moment(&status["lastScheduleTime"]).unwrap_or_else(|| object::created(cron));
    if let Some(seconds) = deadline {
        earliest = earliest.max(object::after(now, -seconds));
    }
    let Some((when, missed)) = due(&schedule, earliest, now, &zone) else {
        return;
    };
    if missed > 100 {
        let message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
        plan.tell(Note::warning(
            Kind::CronJobs,
            cron,
            "TooManyMissedTimes",
            message,
        ));
    }
    if deadline.is_some_and(|seconds| object::after(when, seconds) < now) {
        let message = format!(
            "Missed scheduled time to start a job: {}",
            when.strftime("%a, %d %b %Y %H:%M:%S +0000")
        );
        plan.tell(Note::warning(Kind::CronJobs, cron, "MissSchedule", message));
        return;
    }
    let name = name_of(cron, when);
    let mut running = active(status);
    let known = all.iter().any(|job| object::name(job) == name);
    if known
        || running.iter().any(|one| one["name"] == name.as_str())
        || object::moment(&status["lastScheduleTime"]) == Some(when)
    {
        if known {
            status["lastScheduleTime"] = object::time(when);
        }
        return;
    }
    match text(&spec["concurrencyPolicy"]) {
        "Forbid" if !running.is_empty() => {
            let message = "Not starting job because prior execution is running and concurrency policy is Forbid";
            plan.tell(Note::normal(
                Kind::CronJobs,
                cron,
                "JobAlreadyActive",
                message,
            ));
            return;
        }
        "Replace" => {
            for job in all
                .iter()
                .filter(|job| running.iter().any(|one| one["uid"] == object::uid(job)))
            {
                delete(cron, job, plan);
            }
            running.clear();
        }
        _ => {}
    }
    let template = &spec["jobTemplate"];
    let mut metadata = json!({
        "name": name, "namespace": object::namespace(cron),
        "ownerReferences": [object::reference(Kind::CronJobs, cron)],
        "annotations": template["metadata"]["annotations"],
    });
    metadata["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"] =
        stamp(when, &zone).into();
    if !template["metadata"]["labels"].is_null() {
        metadata["labels"] = template["metadata"]["labels"].clone();
    }
    plan.add(Action::Create {
        kind: Kind::Jobs,
        object: json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}),
        told: Some(Note::normal(Kind::CronJobs, cron, "SuccessfulCreate", "Created job {}")),
    });
    status["lastScheduleTime"] = object::time(when);
    set_active(status, running);
}

/// The newest time that is due, and roughly how many have passed with it: as many as there are steps between, each as long as
/// the first (`mostRecentScheduleTime` of the controller). Ten years of minutes are not walked through.
///
/// Nothing is due where the newest is not found from two such steps before now on: so the controller has it, too.
fn due(
    schedule: &Schedule,
    earliest: Timestamp,
    now: Timestamp,
    zone: &TimeZone,
) -> Option<(Timestamp, i64)> {
    let first = schedule
        .next(earliest, zone)
        .filter(|first| *first <= now)?;
    let Some(second) = schedule.next(first, zone).filter(|second| *second <= now) else {
        return Some((first, 1));
    };
    let step = (second.as_second() - first.as_second()).max(1);
    let missed = (now.as_second() - first.as_second()) / step + 1;
    // One step back further, for schedules whose steps are not all alike.
    let mut newest = object::after(first, (missed - 2) * step);
    let mut found = None;
    while let Some(next) = schedule.next(newest, zone).filter(|next| *next <= now) {
        newest = next;
        found = Some(next);
    }
    Some((found?, missed))
}

/// A time in a zone, as RFC 3339 writes it.
fn stamp(when: Timestamp, zone: &TimeZone) -> String {
    let zoned = when.to_zoned(zone.clone());
    if zoned.offset().is_zero() {
        return zoned.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    }
    zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The newest time that is due, how many were missed, and how long it took to find out.
    fn of(schedule: &str, earliest: &str, now: &str) -> (String, i64) {
        let schedule = Schedule::read(schedule).expect("a schedule");
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        let found = due(&schedule, time(earliest), time(now), &TimeZone::UTC);
        found.map_or((String::new(), 0), |(when, missed)| {
            (when.to_string(), missed)
        })
    }

    #[test]
    fn what_was_missed_is_reckoned() {
        for (schedule, earliest, now, when, missed) in [
            (
                "* * * * *",
                "2026-01-01T00:00:00Z",
                "2026-01-01T00:00:59Z",
                "",
                0,
            ),
            (
                "* * * * *",
                "2026-01-01T00:00:00Z",
                "2026-01-01T00:01:00Z",
                "2026-01-01T00:01:00Z",
                1,
            ),
            (
                "* * * * *",
                "2026-01-01T00:00:00Z",
                "2026-01-01T00:02:59Z",
                "2026-01-01T00:02:00Z",
                2,
            ),
            (
                "* * * * *",
                "2026-01-01T00:00:00Z",
                "2036-01-01T00:00:30Z",
                "2036-01-01T00:00:00Z",
                5_258_880,
            ),
            (
                "@every 90s",
                "2026-01-01T00:00:00Z",
                "2036-01-01T00:00:10Z",
                "2036-01-01T00:00:00Z",
                3_505_920,
            ),
            (
                "@hourly",
                "2026-01-01T00:00:00Z",
                "2026-01-05T05:00:00Z",
                "2026-01-05T05:00:00Z",
                101,
            ),
            // From Friday on, with steps of four hours first.
            (
                "30 6-16/4 * * 1-5",
                "2026-01-02T06:00:00Z",
                "2026-01-05T12:00:00Z",
                "2026-01-05T10:30:00Z",
                20,
            ),
            (
                "0 0 31 2 *",
                "2026-01-01T00:00:00Z",
                "2036-01-01T00:00:00Z",
                "",
                0,
            ),
            (
                "0 0 1 1 *",
                "2026-01-01T00:00:00Z",
                "2036-06-01T00:00:00Z",
                "2036-01-01T00:00:00Z",
                10,
            ),
        ] {
            assert_eq!(
                of(schedule, earliest, now),
                (when.to_owned(), missed),
                "{schedule} {now}"
            );
        }
    }
}

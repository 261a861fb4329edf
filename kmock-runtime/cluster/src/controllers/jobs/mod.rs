//! Jobs: Pods that come to an end, counted.
//!
//! Each Pod has a finalizer until it is counted, and is counted in two steps (`uncountedTerminatedPods`), so that
//! none is counted twice or never, whoever deletes Pods meanwhile.

mod indexes;
mod policies;
mod ttl;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use self::policies::Failure;
pub(crate) use self::ttl::TimeToLive;
use super::{conditions, pods};
use crate::cache::{Cache, Change};
use crate::controller::{Controller, Refusal};
use crate::json::{Json, json};
use crate::kind::Kind;
use crate::object::{self, int, items, text};
use crate::plan::{Action, Note, Plan, Wait};

/// The finalizer of Pods that are to be counted.
const TRACKING: &str = "batch.kubernetes.io/job-tracking";
const BURST: i64 = 500;

/// What is remembered of a Job's failures since its last success.
#[derive(Debug, Default, Clone)]
struct Failures {
    seen: HashSet<String>,
    count: i64,
    last: Option<Timestamp>,
}

#[derive(Debug, Default)]
pub(crate) struct Jobs {
    failures: BTreeMap<String, Failures>,
}

/// Whether a Job is over.
pub(crate) fn is_finished(job: &Json) -> bool {
    object::holds(job, "Complete") || object::holds(job, "Failed")
}

fn is_tracked(pod: &Json) -> bool {
    items(&pod["metadata"]["finalizers"]).any(|one| one == TRACKING)
}

fn untrack(plan: &mut Plan, pod: &Json) {
    let left: Vec<Json> = items(&pod["metadata"]["finalizers"])
        .filter(|one| *one != TRACKING)
        .cloned()
        .collect();
    plan.add(Action::Patch {
        kind: Kind::Pods,
        key: object::key(pod),
        subresource: "",
        patch: json!({"metadata": {"uid": object::uid(pod), "finalizers": if left.is_empty() { Json::Null } else { left.into() }}}),
    });
}

impl Controller for Jobs {
    fn name(&self) -> &'static str {
        "jobs"
    }

    fn component(&self) -> &'static str {
        "job-controller"
    }

    fn touched(&mut self, change: &Change, cache: &Cache, keys: &mut Vec<String>) {
        match change.kind {
            Kind::Jobs => keys.push(change.key.to_string()),
            Kind::Pods => {
                pods::owners(change, Kind::Jobs, keys);
                pods::adopters(change, Kind::Jobs, cache, &pods::selects, keys);
                // A Pod that nobody will count any more.
                if let Some(pod) = change.new.as_deref().filter(|pod| is_tracked(pod)) {
                    let job = object::controller(pod).and_then(|owner| {
                        cache
                            .find(Kind::Jobs, object::namespace(pod), text(&owner["name"]))
                            .filter(|job| owner["uid"] == object::uid(job))
                    });
                    if job.is_none() {
                        keys.push(format!("orphan {}", change.key));
                    }
                }
            }
            _ => {}
        }
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        if let Some(key) = key.strip_prefix("orphan ") {
            if let Some(pod) = cache.get(Kind::Pods, key).filter(|pod| is_tracked(pod)) {
                untrack(&mut plan, pod);
            }
            return plan;
        }
        let Some(job) = cache.get(Kind::Jobs, key) else {
            self.failures.remove(key);
            let (namespace, name) = object::split(key);
            for pod in cache
                .within(Kind::Pods, namespace)
                .filter(|pod| is_tracked(pod))
            {
                if object::controller(pod)
                    .is_none_or(|owner| owner["kind"] == "Job" && owner["name"] == name)
                {
                    untrack(&mut plan, pod);
                }
            }
            return plan;
        };
        let managed = text(&job["spec"]["managedBy"]);
        if !matches!(managed, "" | "kubernetes.io/job-controller") {
            return plan;
        }
        if is_finished(job) {
            self.failures.remove(key);
            for pod in cache
                .controlled(Kind::Pods, object::uid(job))
                .filter(|pod| {
                    is_tracked(pod) && (object::is_finished(pod) || object::is_deleting(pod))
                })
            {
                untrack(&mut plan, pod);
            }
            return plan;
        }
        let selects = |pod: &Json| pods::selects(job, pod);
        let mine = pods::claimed(Kind::Jobs, job, &selects, Kind::Pods, cache, &mut plan);
        let known = self.failures.get(key).cloned().unwrap_or_default();
        let mut look = Look::new(job, mine, known, cache, plan);
        look.go();
        self.failures.insert(key.to_owned(), look.failures);
        look.plan
    }

    fn refused(&mut self, key: &str, action: &Action, refusal: &Refusal, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        if let (Action::Create { .. }, Some(job)) = (action, cache.get(Kind::Jobs, key))
            && !refusal.message.contains("because it is being terminated")
        {
            pods::cannot_create(Kind::Jobs, job, &refusal.message, &mut plan);
        }
        plan
    }
}

/// One look at one Job.
struct Look<'a> {
    job: &'a Json,
    pods: Vec<Arc<Json>>,
    cache: &'a Cache,
    plan: Plan,
    failures: Failures,
    /// The status as it will be.
    status: Json,
    conditions: Vec<Json>,
    indexed: bool,
    completions: Option<i64>,
    succeeded: i64,
    failed: i64,
    done: BTreeSet<i64>,
    done_before: BTreeSet<i64>,
    given_up: Option<BTreeSet<i64>>,
    waiting: BTreeMap<i64, Arc<Json>>,
    /// How the Job ends: a condition's type, reason and message.
    end: Option<(&'static str, String, String)>,
}

impl<'a> Look<'a> {
    fn new(
        job: &'a Json,
        pods: Vec<Arc<Json>>,
        failures: Failures,
        cache: &'a Cache,
        plan: Plan,
    ) -> Look<'a> {
        Look {
            status: if job["status"].is_object() {
                job["status"].clone()
            } else {
                json!({})
            },
            conditions: conditions::of(job),
            indexed: job["spec"]["completionMode"] == "Indexed",
            completions: job["spec"]["completions"].as_i64(),
            succeeded: 0,
            failed: 0,
            done: BTreeSet::new(),
            done_before: BTreeSet::new(),
            given_up: None,
            waiting: BTreeMap::new(),
            end: None,
            job,
            pods,
            cache,
            plan,
            failures,
        }
    }

    fn uncounted(&self, what: &str) -> Vec<String> {
        items(&self.job["status"]["uncountedTerminatedPods"][what])
            .map(|uid| text(uid).to_owned())
            .collect()
    }

    fn suspended(&self) -> bool {
        self.job["spec"]["suspend"] == true
    }

    fn active(&self) -> Vec<Arc<Json>> {
        self.pods
            .iter()
            .filter(|pod| object::is_active(pod))
            .cloned()
            .collect()
    }

    fn is_failed(&self, pod: &Json) -> bool {
        policies::is_failed(pod, self.job)
    }

    /// Tracked Pods that ended and are not counted, not even half.
    fn fresh(&self, what: &str, ended: impl Fn(&Json) -> bool) -> Vec<Arc<Json>> {
        let half = self.uncounted(what);
        self.pods
            .iter()
            .filter(|pod| {
                is_tracked(pod) && ended(pod) && !half.iter().any(|uid| uid == object::uid(pod))
            })
            .filter(|pod| {
                !self.indexed || indexes::of(pod, self.completions.unwrap_or_default()).is_some()
            })
            .cloned()
            .collect()
    }

    fn holds(&self, sort: &str) -> Option<&Json> {
        self.conditions
            .iter()
            .find(|one| one["type"] == sort && one["status"] == "True")
    }

    fn go(&mut self) {
        let (job, now) = (self.job, self.cache.now());
        let new_done = self.fresh("succeeded", |pod| object::phase(pod) == "Succeeded");
        let new_failed = {
            let job = self.job;
            self.fresh("failed", |pod| policies::is_failed(pod, job))
        };
        let policy = &job["spec"]["podFailurePolicy"];
        let counting = new_failed
            .iter()
            .filter(|pod| policies::failure(policy, pod) != Failure::Ignored)
            .count() as i64;
        self.succeeded = int(&job["status"]["succeeded"])
            + new_done.len() as i64
            + self.uncounted("succeeded").len() as i64;
        self.failed =
            int(&job["status"]["failed"]) + counting + self.uncounted("failed").len() as i64;
        if self.status["startTime"].is_null() && !self.suspended() {
            self.status["startTime"] = object::time(now);
        }
        self.remember(&new_done, &new_failed);
        self.decide_before_counting();
        if self.indexed {
            self.count_indexes();
        }
        self.decide_deadline_and_limits();
        let mut active = self.active();
        let terminating = self
            .pods
            .iter()
            .filter(|pod| object::is_deleting(pod) && !object::is_finished(pod))
            .count() as i64;
        let mut terminating = terminating;
        let mut ready = active.iter().filter(|pod| object::is_ready(pod)).count() as i64;
        let mut count = active.len() as i64;
        let mut still_deleting = false;
        if self.end.is_some() {
            for pod in &active {
                pods::delete(Kind::Jobs, job, pod, &mut self.plan);
            }
            still_deleting = !active.is_empty();
            terminating += count;
            (count, ready) = (0, 0);
            active.clear();
        } else if !object::is_deleting(job) {
            let change = self.manage(&active, terminating);
            let removed: Vec<_> = change.removed;
            terminating += removed.len() as i64;
            ready -= removed.iter().filter(|pod| object::is_ready(pod)).count() as i64;
            count += change.created - removed.len() as i64;
            let complete = match self.completions {
                None => self.succeeded > 0 && count == 0,
                Some(wanted) => self.succeeded >= wanted && count == 0,
            };
            if complete {
                self.end = Some((
                    "SuccessCriteriaMet",
                    "CompletionsReached".to_owned(),
                    "Reached expected number of succeeded pods".to_owned(),
                ));
            } else {
                self.note_suspension();
            }
        }
        self.set_count("active", count);
        self.status["ready"] = ready.into();
        self.status["terminating"] = terminating.into();
        self.count_and_finish(terminating, still_deleting);
    }

    fn set_count(&mut self, name: &str, number: i64) {
        let value = if number == 0 {
            Json::Null
        } else {
            number.into()
        };
        object::set(&mut self.status, name, value);
    }

    /// Remembers failures since the last success: retries wait by their number.
    fn remember(&mut self, done: &[Arc<Json>], failed: &[Arc<Json>]) {
        let fresh = |pods: &[Arc<Json>], seen: &HashSet<String>| -> Vec<(Timestamp, String)> {
            let mut all: Vec<_> = pods
                .iter()
                .filter(|pod| !seen.contains(object::uid(pod)))
                .map(|pod| (policies::finished(pod), object::uid(pod).to_owned()))
                .collect();
            all.sort();
            all
        };
        let (done, failed) = (
            fresh(done, &self.failures.seen),
            fresh(failed, &self.failures.seen),
        );
        if let Some((last_done, _)) = done.last() {
            let later: Vec<_> = failed.iter().filter(|(when, _)| when > last_done).collect();
            self.failures.count = later.len() as i64;
            self.failures.last = later.last().map(|(when, _)| *when);
        } else if let Some((last, _)) = failed.last() {
            self.failures.count += failed.len() as i64;
            self.failures.last = Some(*last);
        }
        self.failures
            .seen
            .extend(done.into_iter().chain(failed).map(|(_, uid)| uid));
    }

    /// What was decided before, or by the failure policy.
    fn decide_before_counting(&mut self) {
        let said = |condition: &Json| {
            (
                text(&condition["reason"]).to_owned(),
                text(&condition["message"]).to_owned(),
            )
        };
        if let Some((reason, message)) = self.holds("SuccessCriteriaMet").map(said) {
            self.end = Some(("SuccessCriteriaMet", reason, message));
            return;
        }
        if let Some((reason, message)) = self.holds("FailureTarget").map(said) {
            self.end = Some(("Failed", reason, message));
            return;
        }
        let policy = &self.job["spec"]["podFailurePolicy"];
        if policy.is_object() {
            let fails = self
                .pods
                .iter()
                .filter(|pod| self.is_failed(pod))
                .find_map(|pod| match policies::failure(policy, pod) {
                    Failure::FailsJob(why) => Some(why),
                    _ => None,
                });
            if let Some(why) = fails {
                self.end = Some(("FailureTarget", "PodFailurePolicy".to_owned(), why));
            }
        }
    }

    fn fail(&mut self, reason: &str, message: &str) {
        self.end = Some(("FailureTarget", reason.to_owned(), message.to_owned()));
    }

    fn decide_deadline_and_limits(&mut self) {
        if self.end.is_none() {
            let spec = &self.job["spec"];
            let limit = spec["backoffLimit"].as_i64().unwrap_or(6);
            if self.failed > limit || self.restarts_exceed(limit) {
                self.fail(
                    "BackoffLimitExceeded",
                    "Job has reached the specified backoff limit",
                );
            } else if let (Some(seconds), false) =
                (spec["activeDeadlineSeconds"].as_i64(), self.suspended())
            {
                let started =
                    object::moment(&self.status["startTime"]).unwrap_or_else(|| self.cache.now());
                let over = object::after(started, seconds);
                if over <= self.cache.now() {
                    self.fail(
                        "DeadlineExceeded",
                        "Job was active longer than specified deadline",
                    );
                } else {
                    self.plan
                        .look_after(object::until(over, self.cache.now()), Wait::Appointment);
                }
            }
        }
        if !self.indexed {
            return;
        }
        let completions = self.completions.unwrap_or_default();
        if let (None, Some(given_up)) = (&self.end, &self.given_up) {
            let (failed, done) = (given_up.len() as i64, self.done.len() as i64);
            let most = self.job["spec"]["maxFailedIndexes"].as_i64();
            if most.is_some_and(|most| failed > most) {
                self.fail(
                    "MaxFailedIndexesExceeded",
                    "Job has exceeded the specified maximal number of failed indexes",
                );
            } else if failed > 0 && failed + done >= completions {
                self.fail("FailedIndexes", "Job has failed indexes");
            }
        }
        if self.end.is_none()
            && let Some(why) =
                policies::success(&self.job["spec"]["successPolicy"], completions, &self.done)
        {
            self.end = Some(("SuccessCriteriaMet", "SuccessPolicy".to_owned(), why));
        }
    }

    /// With `restartPolicy: OnFailure`, restarts count as failures.
    fn restarts_exceed(&self, limit: i64) -> bool {
        if self.job["spec"]["template"]["spec"]["restartPolicy"] != "OnFailure" {
            return false;
        }
        let restarts: i64 = self
            .pods
            .iter()
            .filter(|pod| matches!(object::phase(pod), "Running" | "Pending"))
            .flat_map(|pod| {
                items(&pod["status"]["containerStatuses"])
                    .chain(items(&pod["status"]["initContainerStatuses"]))
                    .map(|one| int(&one["restartCount"]))
                    .collect::<Vec<_>>()
            })
            .sum();
        if limit == 0 {
            restarts > 0
        } else {
            restarts >= limit
        }
    }

    fn has_limit_per_index(&self) -> bool {
        self.job["spec"]["backoffLimitPerIndex"].is_i64()
    }

    fn index(&self, pod: &Json) -> Option<i64> {
        indexes::of(pod, self.completions.unwrap_or_default())
    }

    fn count_indexes(&mut self) {
        let completions = self.completions.unwrap_or_default();
        self.done_before =
            indexes::read(text(&self.job["status"]["completedIndexes"]), completions);
        self.done = self.done_before.clone();
        let new: Vec<i64> = self
            .pods
            .iter()
            .filter(|pod| object::phase(pod) == "Succeeded" && is_tracked(pod))
            .filter_map(|pod| self.index(pod))
            .collect();
        self.done.extend(new);
        self.succeeded = self.done.len() as i64;
        if !self.has_limit_per_index() {
            return;
        }
        let limit = int(&self.job["spec"]["backoffLimitPerIndex"]);
        let policy = &self.job["spec"]["podFailurePolicy"];
        let mut given_up = indexes::read(text(&self.job["status"]["failedIndexes"]), completions);
        for pod in self
            .pods
            .iter()
            .filter(|pod| is_tracked(pod) && self.is_failed(pod))
        {
            let Some(index) = self.index(pod) else {
                continue;
            };
            let fails = match policies::failure(policy, pod) {
                Failure::FailsIndex => true,
                Failure::Ignored => false,
                _ => failures_of(pod, indexes::FAILURES) >= limit,
            };
            if fails && !self.done.contains(&index) {
                given_up.insert(index);
            }
        }
        // The last failed Pod of an index that is to be tried again waits until its replacement is there.
        let active: BTreeSet<i64> = self
            .active()
            .iter()
            .filter_map(|pod| self.index(pod))
            .collect();
        let failed: Vec<Arc<Json>> = self
            .pods
            .iter()
            .filter(|pod| is_tracked(pod) && self.is_failed(pod))
            .cloned()
            .collect();
        for pod in &failed {
            let Some(index) = self.index(pod) else {
                continue;
            };
            if self.done.contains(&index) || given_up.contains(&index) || active.contains(&index) {
                continue;
            }
            let total = |pod: &Json| {
                failures_of(pod, indexes::FAILURES) + failures_of(pod, indexes::IGNORED)
            };
            let later = self.waiting.get(&index).is_none_or(|known| {
                (total(known), policies::finished(known)) <= (total(pod), policies::finished(pod))
            });
            if later {
                self.waiting.insert(index, Arc::clone(pod));
            }
        }
        self.given_up = Some(given_up);
    }

    /// Says whether the Job is suspended.
    fn note_suspension(&mut self) {
        let now = self.cache.now();
        let known = self
            .conditions
            .iter()
            .find(|one| one["type"] == "Suspended")
            .map(|one| text(&one["status"]).to_owned());
        let suspended = self.suspended();
        let (status, reason, message) = if suspended {
            ("True", "JobSuspended", "Job suspended")
        } else {
            ("False", "JobResumed", "Job resumed")
        };
        match known.as_deref() {
            Some(known) if known == status => return,
            None if !suspended => return,
            _ => {}
        }
        conditions::set(
            &mut self.conditions,
            probed("Suspended", status, reason, message, now),
        );
        let event = if suspended { "Suspended" } else { "Resumed" };
        self.plan
            .tell(Note::normal(Kind::Jobs, self.job, event, message));
        if suspended {
            object::set(&mut self.status, "startTime", Json::Null);
        } else {
            self.status["startTime"] = object::time(now);
        }
    }

    /// Makes Pods that lack, deletes those that are too many.
    fn manage(&mut self, active: &[Arc<Json>], terminating: i64) -> Changed {
        let job = self.job;
        let parallelism = job["spec"]["parallelism"].as_i64().unwrap_or(1);
        let count = active.len() as i64;
        let nothing = Changed::default();
        let wanted = if self.suspended() {
            0
        } else {
            match self.completions {
                None if self.succeeded > 0 => count,
                None => parallelism,
                Some(completions) => (completions - self.succeeded).min(parallelism).max(0),
            }
        };
        let mut removed = self.repeated(active);
        let surplus = (count - wanted).max(0) as usize;
        if removed.len() < surplus {
            let mut left: Vec<&Arc<Json>> = active
                .iter()
                .filter(|pod| {
                    !removed
                        .iter()
                        .any(|gone| object::uid(gone) == object::uid(pod))
                })
                .collect();
            left.sort_by(|a, b| pods::goes_first(a, b, &|_| 0, self.cache.now()));
            let more = surplus - removed.len();
            removed.extend(left.into_iter().take(more).cloned());
        }
        if !removed.is_empty() {
            for pod in &removed {
                // Such Pods are nobody's failure: they are not counted.
                if is_tracked(pod) {
                    untrack(&mut self.plan, pod);
                }
                pods::delete(Kind::Jobs, job, pod, &mut self.plan);
            }
            return Changed {
                created: 0,
                removed,
            };
        }
        let going = if policies::only_failed_are_replaced(job) {
            terminating
        } else {
            0
        };
        let lacking = (wanted - going - count).min(BURST);
        if lacking <= 0 {
            return nothing;
        }
        if !self.has_limit_per_index() {
            let wait = policies::backoff(self.failures.count, self.failures.last, self.cache.now());
            if !wait.is_zero() {
                self.plan.look_after(wait, Wait::Work);
                return nothing;
            }
        }
        let mut created = 0;
        if self.indexed {
            for index in self.pending(active, lacking as usize) {
                let last = self.waiting.get(&index).cloned();
                if let Some(last) = &last {
                    let failures = failures_of(last, indexes::FAILURES)
                        + failures_of(last, indexes::IGNORED)
                        + 1;
                    let wait = policies::backoff(
                        failures,
                        Some(policies::finished(last)),
                        self.cache.now(),
                    );
                    if !wait.is_zero() {
                        self.plan.look_after(wait, Wait::Work);
                        continue;
                    }
                }
                let pod = self.indexed_pod(index, last.as_deref());
                pods::create(Kind::Jobs, job, pod, &mut self.plan);
                created += 1;
            }
        } else {
            for _ in 0..lacking {
                let pod = self.pod(&job["spec"]["template"]);
                pods::create(Kind::Jobs, job, pod, &mut self.plan);
                created += 1;
            }
        }
        Changed {
            created,
            removed: Vec::new(),
        }
    }

    /// Pods of indexes that others have, or that are done.
    fn repeated(&self, active: &[Arc<Json>]) -> Vec<Arc<Json>> {
        if !self.indexed {
            return Vec::new();
        }
        let mut seen = BTreeSet::new();
        active
            .iter()
            .filter(|pod| self.index(pod).is_none_or(|index| !seen.insert(index)))
            .cloned()
            .collect()
    }

    /// The first indexes that have no Pod and need one.
    fn pending(&self, active: &[Arc<Json>], count: usize) -> Vec<i64> {
        let taken: BTreeSet<i64> = active.iter().filter_map(|pod| self.index(pod)).collect();
        (0..self.completions.unwrap_or_default())
            .filter(|index| !taken.contains(index) && !self.done.contains(index))
            .filter(|index| {
                self.given_up
                    .as_ref()
                    .is_none_or(|given_up| !given_up.contains(index))
            })
            .take(count)
            .collect()
    }

    fn pod(&self, template: &Json) -> Json {
        let mut pod = pods::from_template(Kind::Jobs, self.job, template);
        let mut finalizers: Vec<Json> = items(&pod["metadata"]["finalizers"]).cloned().collect();
        if !finalizers.iter().any(|one| one == TRACKING) {
            finalizers.push(TRACKING.into());
        }
        pod["metadata"]["finalizers"] = finalizers.into();
        pod
    }

    fn indexed_pod(&self, index: i64, last: Option<&Json>) -> Json {
        let mut pod = self.pod(&self.job["spec"]["template"]);
        let text_of = index.to_string();
        pod["metadata"]["annotations"][indexes::INDEX] = text_of.as_str().into();
        pod["metadata"]["labels"][indexes::INDEX] = text_of.as_str().into();
        let name = object::name(self.job);
        pod["metadata"]["generateName"] = format!("{name}-{index}-").into();
        if pod["spec"]["hostname"].is_null() {
            pod["spec"]["hostname"] = format!("{name}-{index}").into();
        }
        for part in ["initContainers", "containers"] {
            for container in pod["spec"][part].as_array_mut().into_iter().flatten() {
                let known =
                    items(&container["env"]).any(|one| one["name"] == "JOB_COMPLETION_INDEX");
                if known {
                    continue;
                }
                let mut env: Vec<Json> = items(&container["env"]).cloned().collect();
                env.push(json!({"name": "JOB_COMPLETION_INDEX", "valueFrom": {"fieldRef": {"fieldPath": format!("metadata.labels['{}']", indexes::INDEX)}}}));
                container["env"] = env.into();
            }
        }
        if self.has_limit_per_index() {
            let mut count = last.map_or(0, |last| failures_of(last, indexes::FAILURES));
            let mut ignored = last.map_or(0, |last| failures_of(last, indexes::IGNORED));
            if let Some(last) = last {
                match policies::failure(&self.job["spec"]["podFailurePolicy"], last) {
                    Failure::Ignored => ignored += 1,
                    _ => count += 1,
                }
            }
            pod["metadata"]["annotations"][indexes::FAILURES] = count.to_string().into();
            if ignored > 0 {
                pod["metadata"]["annotations"][indexes::IGNORED] = ignored.to_string().into();
            }
        }
        pod
    }

    /// Counts what has ended, and ends the Job when all is counted.
    fn count_and_finish(&mut self, terminating: i64, still_deleting: bool) {
        let job = self.job;
        let tracked: HashSet<&str> = self
            .pods
            .iter()
            .filter(|pod| is_tracked(pod))
            .map(|pod| object::uid(pod))
            .collect();
        // Pods whose finalizers are gone are counted for good.
        let (mut half_done, mut half_failed) =
            (self.uncounted("succeeded"), self.uncounted("failed"));
        let counted = |half: &mut Vec<String>| {
            let before = half.len();
            half.retain(|uid| tracked.contains(uid.as_str()));
            (before - half.len()) as i64
        };
        let (done, failed) = (counted(&mut half_done), counted(&mut half_failed));
        let mut all_done = int(&job["status"]["succeeded"]) + done;
        let all_failed = int(&job["status"]["failed"]) + failed;
        let policy = &job["spec"]["podFailurePolicy"];
        let ends_badly = self
            .end
            .as_ref()
            .is_some_and(|(sort, ..)| *sort != "SuccessCriteriaMet");
        let mut free = Vec::new();
        for pod in self.pods.iter().filter(|pod| is_tracked(pod)) {
            let is_failed = self.is_failed(pod);
            let waits = self
                .index(pod)
                .and_then(|index| self.waiting.get(&index))
                .is_some_and(|last| object::uid(last) == object::uid(pod));
            let may_go = object::is_deleting(job)
                || self.end.is_some()
                || object::phase(pod) == "Succeeded"
                || (is_failed && !(self.has_limit_per_index() && waits));
            if !may_go {
                continue;
            }
            free.push(Arc::clone(pod));
            let uid = object::uid(pod).to_owned();
            if object::phase(pod) == "Succeeded" && !half_failed.contains(&uid) {
                if !self.indexed && !half_done.contains(&uid) {
                    half_done.push(uid);
                }
            } else if (is_failed || ends_badly)
                && !half_failed.contains(&uid)
                && (!self.indexed || self.index(pod).is_some())
                && policies::failure(policy, pod) != Failure::Ignored
            {
                half_failed.push(uid);
            }
        }
        if self.indexed {
            all_done = self.done.len() as i64;
            let written = indexes::write(&self.done);
            object::set(
                &mut self.status,
                "completedIndexes",
                if written.is_empty() {
                    Json::Null
                } else {
                    written.into()
                },
            );
            if let Some(given_up) = &self.given_up {
                self.status["failedIndexes"] = indexes::write(given_up).into();
            }
        }
        self.set_count("succeeded", all_done);
        self.set_count("failed", all_failed);
        let mut uncounted = json!({});
        for (name, half) in [("succeeded", &half_done), ("failed", &half_failed)] {
            if !half.is_empty() {
                uncounted[name] = json!(half);
            }
        }
        self.status["uncountedTerminatedPods"] = uncounted;
        let now = self.cache.now();
        let Some((sort, reason, message)) = self.end.clone() else {
            self.write(free);
            return;
        };
        // The word that it will end comes first, and the end when nothing is left to be counted.
        let interim = if sort == "Failed" {
            "FailureTarget"
        } else {
            sort
        };
        if self.holds(interim).is_none() {
            self.conditions
                .push(probed(interim, "True", &reason, &message, now));
        }
        let is_over = half_done.is_empty()
            && half_failed.is_empty()
            && free.is_empty()
            && terminating == 0
            && !still_deleting;
        if is_over {
            let last = if interim == "FailureTarget" {
                "Failed"
            } else {
                "Complete"
            };
            self.conditions
                .push(probed(last, "True", &reason, &message, now));
            if last == "Complete" {
                self.status["completionTime"] = object::time(now);
            }
        }
        self.write(free);
        if is_over {
            if interim == "FailureTarget" {
                self.plan
                    .tell(Note::warning(Kind::Jobs, job, &reason, message));
            } else {
                self.plan
                    .tell(Note::normal(Kind::Jobs, job, "Completed", "Job completed"));
            }
        }
    }

    /// Writes the status, then lets go of the Pods that are in it.
    fn write(&mut self, free: Vec<Arc<Json>>) {
        if !self.conditions.is_empty() {
            self.status["conditions"] = self.conditions.clone().into();
        }
        let status = self.status.clone();
        self.plan.status(Kind::Jobs, self.job, status);
        for pod in free {
            untrack(&mut self.plan, &pod);
        }
    }
}

#[derive(Debug, Default)]
struct Changed {
    created: i64,
    removed: Vec<Arc<Json>>,
}

fn failures_of(pod: &Json, annotation: &str) -> i64 {
    object::annotation(pod, annotation)
        .parse()
        .unwrap_or_default()
}

/// A condition of a Job, which has a time of its probe, too.
fn probed(sort: &str, status: &str, reason: &str, message: &str, now: Timestamp) -> Json {
    let mut condition = conditions::new(sort, status, reason, message, now);
    condition["lastProbeTime"] = object::time(now);
    condition
}

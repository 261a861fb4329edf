//! ReplicaSets and ReplicationControllers: so many Pods of a template.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{conditions, pods};
use crate::cache::{Cache, Change};
use crate::controller::{Controller, Refusal};
use crate::json::{Json, json};
use crate::kind::Kind;
use crate::object::{self, int};
use crate::plan::{Action, Plan, Wait};

/// So many Pods are deleted in one go.
const BURST: usize = 500;

/// So many are made at a time: the next ones come when these are on their way, as it goes where all work at once. What was just
/// written is at hand then, for whoever goes on with it.
const BATCH: usize = 64;

/// Both kinds work alike.
#[derive(Debug)]
pub(crate) struct Replicas {
    kind: Kind,
    /// What went wrong when Pods were made, until some are.
    failures: BTreeMap<String, String>,
}

impl Replicas {
    pub(crate) fn sets() -> Replicas {
        Replicas {
            kind: Kind::ReplicaSets,
            failures: BTreeMap::new(),
        }
    }

    pub(crate) fn controllers() -> Replicas {
        Replicas {
            kind: Kind::ReplicationControllers,
            failures: BTreeMap::new(),
        }
    }

    fn selects(&self, owner: &Json, pod: &Json) -> bool {
        if self.kind == Kind::ReplicationControllers {
            let selector = &owner["spec"]["selector"];
            return selector.as_object().is_some_and(|map| !map.is_empty())
                && object::map_selects(selector, object::labels(pod));
        }
        pods::selects(owner, pod)
    }
}

impl Controller for Replicas {
    fn name(&self) -> &'static str {
        self.kind.plural()
    }

    fn component(&self) -> &'static str {
        match self.kind {
            Kind::ReplicationControllers => "replication-controller",
            _ => "replicaset-controller",
        }
    }

    fn sums_up(&self) -> bool {
        true
    }

    fn touched(&mut self, change: &Change, cache: &Cache, keys: &mut Vec<String>) {
        if change.kind == self.kind {
            keys.push(change.key.to_string());
        } else if change.kind == Kind::Pods {
            pods::owners(change, self.kind, keys);
            pods::adopters(
                change,
                self.kind,
                cache,
                &|owner, pod| self.selects(owner, pod),
                keys,
            );
        }
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let Some(owner) = cache.get(self.kind, key) else {
            self.failures.remove(key);
            return plan;
        };
        let selector = pods::selector(owner);
        let selects = |pod: &Json| match self.kind {
            Kind::ReplicationControllers => self.selects(owner, pod),
            _ => selector
                .as_ref()
                .is_some_and(|selector| selector.matches(object::labels(pod))),
        };
        let mine = pods::claimed(self.kind, owner, &selects, Kind::Pods, cache, &mut plan);
        let active: Vec<&Json> = mine
            .iter()
            .map(|pod| &**pod)
            .filter(|pod| object::is_active(pod))
            .collect();
        let wanted = owner["spec"]["replicas"].as_i64().unwrap_or(1);
        let mut failure = self
            .failures
            .get(key)
            .map(|message| ("FailedCreate", message.clone()));
        if !object::is_deleting(owner) {
            let missing = wanted - active.len() as i64;
            if missing > 0 {
                for _ in 0..(missing as usize).min(BATCH) {
                    let pod = pods::from_template(self.kind, owner, &owner["spec"]["template"]);
                    pods::create(self.kind, owner, pod, &mut plan);
                }
            } else {
                self.failures.remove(key);
                failure = None;
                for pod in surplus(owner, &active, (-missing) as usize, cache)
                    .into_iter()
                    .take(BURST)
                {
                    pods::delete(self.kind, owner, pod, &mut plan);
                }
            }
        }
        let terminating = mine
            .iter()
            .filter(|pod| object::is_deleting(pod) && !object::is_finished(pod))
            .count();
        let status = status(
            self.kind,
            owner,
            &active,
            terminating,
            failure,
            cache,
            &mut plan,
        );
        // The status is that of what was seen, but it is written after the Pods: as the real one does.
        plan.status(self.kind, owner, status);
        plan
    }

    fn refused(&mut self, key: &str, action: &Action, refusal: &Refusal, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let (Action::Create { .. }, Some(owner)) = (action, cache.get(self.kind, key)) else {
            return plan;
        };
        // A namespace that goes takes its owner along; nothing is told in it.
        if refusal.message.contains("because it is being terminated") {
            return plan;
        }
        self.failures
            .insert(key.to_owned(), refusal.message.clone());
        pods::cannot_create(self.kind, owner, &refusal.message, &mut plan);
        let mine: Vec<_> = cache
            .controlled(Kind::Pods, object::uid(owner))
            .cloned()
            .collect();
        let active: Vec<&Json> = mine
            .iter()
            .map(|pod| &**pod)
            .filter(|pod| object::is_active(pod))
            .collect();
        let failure = Some(("FailedCreate", refusal.message.clone()));
        let status = status(
            self.kind,
            owner,
            &active,
            mine.len() - active.len(),
            failure,
            cache,
            &mut plan,
        );
        plan.status(self.kind, owner, status);
        plan
    }
}

/// The Pods that go, if there are too many.
fn surplus<'a>(owner: &Json, active: &[&'a Json], count: usize, cache: &Cache) -> Vec<&'a Json> {
    if count == 0 {
        return Vec::new();
    }
    if count >= active.len() {
        return active.to_vec();
    }
    // Nodes are crowded by all the Pods of those that share the owner's own controller.
    let mut crowd: BTreeMap<&str, usize> = BTreeMap::new();
    let family: Vec<String> = match object::controller(owner) {
        Some(parent) => cache
            .controlled(Kind::ReplicaSets, object::text(&parent["uid"]))
            .map(|one| object::uid(one).to_owned())
            .collect(),
        None => vec![object::uid(owner).to_owned()],
    };
    for uid in &family {
        for pod in cache
            .controlled(Kind::Pods, uid)
            .filter(|pod| object::is_active(pod))
        {
            *crowd.entry(object::node_of(pod)).or_default() += 1;
        }
    }
    let related = |pod: &Json| crowd.get(object::node_of(pod)).copied().unwrap_or_default();
    let mut sorted = active.to_vec();
    sorted.sort_by(|a, b| pods::goes_first(a, b, &related, cache.now()));
    sorted.truncate(count);
    sorted
}

/// The status, and when it may change without an event.
fn status(
    kind: Kind,
    owner: &Json,
    active: &[&Json],
    terminating: usize,
    failure: Option<(&str, String)>,
    cache: &Cache,
    plan: &mut Plan,
) -> Json {
    let seconds = int(&owner["spec"]["minReadySeconds"]);
    let labels = owner["spec"]["template"]["metadata"]["labels"].clone();
    let (mut labelled, mut ready, mut available) = (0, 0, 0);
    for pod in active {
        labelled +=
            i64::from(labels.is_null() || object::map_selects(&labels, object::labels(pod)));
        ready += i64::from(object::is_ready(pod));
        match object::is_available(pod, seconds, cache.now()) {
            Ok(()) => available += 1,
            Err(Some(wait)) => plan.look_after(wait + Duration::from_millis(1), Wait::Work),
            Err(None) => {}
        }
    }
    let mut status = json!({ "replicas": active.len() });
    let mut count = |name: &str, number: i64| {
        if number > 0 {
            status[name] = number.into();
        }
    };
    count("fullyLabeledReplicas", labelled);
    count("readyReplicas", ready);
    count("availableReplicas", available);
    if kind == Kind::ReplicaSets {
        status["terminatingReplicas"] = terminating.into();
    }
    status["observedGeneration"] = object::generation(owner).into();
    let mut all = conditions::of(owner);
    match failure {
        Some((reason, message)) => {
            conditions::set(
                &mut all,
                conditions::new("ReplicaFailure", "True", reason, &message, cache.now()),
            );
        }
        None => conditions::remove(&mut all, "ReplicaFailure"),
    }
    if !all.is_empty() {
        status["conditions"] = all.into();
    }
    status
}

#[cfg(test)]
mod tests;

//! Deployments: ReplicaSets of templates, one after the other.

mod rollout;
mod status;

use std::sync::Arc;

use super::pods;
use crate::cache::{Cache, Change};
use crate::controller::{Controller, Refusal};
use crate::hash;
use crate::json::{Json, Members, json};
use crate::kind::Kind;
use crate::object::{self, int, text};
use crate::plan::{Action, Note, Plan};

/// The annotation of the number of a template.
pub(crate) const REVISION: &str = "deployment.kubernetes.io/revision";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MOST: &str = "deployment.kubernetes.io/max-replicas";
const HASH: &str = "pod-template-hash";

#[derive(Debug)]
pub(crate) struct Deployments;

impl Controller for Deployments {
    fn name(&self) -> &'static str {
        "deployments"
    }

    fn component(&self) -> &'static str {
        "deployment-controller"
    }

    fn sums_up(&self) -> bool {
        true
    }

    fn touched(&mut self, change: &Change, cache: &Cache, keys: &mut Vec<String>) {
        match change.kind {
            Kind::Deployments => keys.push(change.key.to_string()),
            Kind::ReplicaSets => {
                pods::owners(change, Kind::Deployments, keys);
                pods::adopters(change, Kind::Deployments, cache, &pods::selects, keys);
            }
            // One that recreates waits until the last old Pod is gone.
            Kind::Pods
                if change.new.is_none()
                    || change.new.as_deref().is_some_and(object::is_finished) =>
            {
                if let Some(owner) = object::controller(change.object())
                    && let Some(set) = cache.find(
                        Kind::ReplicaSets,
                        object::namespace(change.object()),
                        text(&owner["name"]),
                    )
                    && let Some(owner) = object::controller(set)
                {
                    keys.push(format!(
                        "{}/{}",
                        object::namespace(set),
                        text(&owner["name"])
                    ));
                }
            }
            _ => {}
        }
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let Some(deployment) = cache.get(Kind::Deployments, key) else {
            return Plan::nothing();
        };
        look(deployment, cache)
    }

    fn refused(&mut self, key: &str, action: &Action, refusal: &Refusal, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let (
            Some(deployment),
            Action::Create {
                kind: Kind::ReplicaSets,
                object,
                ..
            },
        ) = (cache.get(Kind::Deployments, key), action)
        else {
            return plan;
        };
        let mut changed = (**deployment).clone();
        if refusal.code == 409 && refusal.reason == "AlreadyExists" {
            let set = cache.find(
                Kind::ReplicaSets,
                object::namespace(object),
                object::name(object),
            );
            let collides = set.is_some_and(|set| {
                !object::is_controlled_by(set, object::uid(deployment))
                    || !same_template(&set["spec"]["template"], &deployment["spec"]["template"])
            });
            if collides {
                changed["status"]["collisionCount"] =
                    (int(&deployment["status"]["collisionCount"]) + 1).into();
                plan.add(Action::Status {
                    kind: Kind::Deployments,
                    object: changed,
                });
            }
            return plan;
        }
        if refusal.is_stale() {
            return plan;
        }
        let message = format!(
            "Failed to create new replica set \"{}\": {}",
            object::name(object),
            refusal.message
        );
        plan.tell(Note::warning(
            Kind::Deployments,
            deployment,
            "ReplicaSetCreateError",
            message.clone(),
        ));
        let mut conditions = super::conditions::of(deployment);
        if status::has_deadline(deployment) {
            status::set(
                &mut conditions,
                "Progressing",
                "False",
                "ReplicaSetCreateError",
                &message,
                cache.now(),
            );
            changed["status"]["conditions"] = conditions.into();
            plan.status(Kind::Deployments, deployment, changed["status"].clone());
        }
        plan
    }
}

/// What a look works on: the ReplicaSets as they will be when the plan is carried out.
pub(crate) struct Work<'a> {
    pub(crate) deployment: &'a Json,
    pub(crate) sets: Vec<Json>,
    pub(crate) new: Option<usize>,
    pub(crate) cache: &'a Cache,
    pub(crate) plan: Plan,
}

fn look(deployment: &Json, cache: &Cache) -> Plan {
    let mut plan = Plan::nothing();
    let Some(selector) = object::selector(&deployment["spec"]["selector"]) else {
        return plan;
    };
    if selector.is_empty() {
        plan.tell(Note::warning(
            Kind::Deployments,
            deployment,
            "SelectingAll",
            "This deployment is selecting all pods. A non-empty selector is required.",
        ));
        return plan;
    }
    let mut sets: Vec<Arc<Json>> = pods::claimed_by(
        Kind::Deployments,
        deployment,
        &selector,
        Kind::ReplicaSets,
        cache,
        &mut plan,
    );
    sets.sort_by_key(|set| (object::created(set), object::name(set).to_owned()));
    let new = find_new(deployment, &sets);
    let mut work = Work {
        deployment,
        sets: sets.iter().map(|set| (**set).clone()).collect(),
        new,
        cache,
        plan,
    };
    if object::is_deleting(deployment) {
        work.sync_status();
        return work.plan;
    }
    if let Some(plan) = work.pause() {
        return plan;
    }
    if deployment["spec"]["paused"] == true || work.is_scaling() {
        if work.adopt_revision(false) {
            return work.plan;
        }
        work.scale();
        if deployment["spec"]["paused"] == true {
            work.clean_up();
        }
        work.sync_status();
        return work.plan;
    }
    match text(&deployment["spec"]["strategy"]["type"]) {
        "Recreate" => work.recreate(),
        _ => work.roll(),
    }
    work.plan
}

/// The ReplicaSet of the present template: the oldest of them, should there be several.
fn find_new(deployment: &Json, sets: &[Arc<Json>]) -> Option<usize> {
    sets.iter()
        .position(|set| same_template(&set["spec"]["template"], &deployment["spec"]["template"]))
}

/// Whether two templates are the same but for the hash that ReplicaSets put on theirs.
pub(crate) fn same_template(a: &Json, b: &Json) -> bool {
    if a["spec"] != b["spec"] {
        return false;
    }
    let plain = |template: &Json| {
        let mut metadata = template["metadata"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        if let Some(labels) = metadata.get_mut("labels").and_then(Json::as_object_mut) {
            labels.remove(HASH);
        }
        metadata.retain(|_, value| {
            !value.is_null() && value.as_object().is_none_or(|map| !map.is_empty())
        });
        metadata
    };
    plain(a) == plain(b)
}

/// The number of a ReplicaSet's template.
pub(crate) fn revision(set: &Json) -> i64 {
    object::annotation(set, REVISION)
        .parse()
        .unwrap_or_default()
}

pub(crate) fn replicas(object: &Json) -> i64 {
    object["spec"]["replicas"].as_i64().unwrap_or(1)
}

pub(crate) fn available(set: &Json) -> i64 {
    int(&set["status"]["availableReplicas"])
}

/// How many Pods there may be over those that are wanted, and how many may lack: both are never nothing.
pub(crate) fn fenceposts(deployment: &Json) -> (i64, i64) {
    let rolling = &deployment["spec"]["strategy"]["rollingUpdate"];
    if text(&deployment["spec"]["strategy"]["type"]) == "Recreate" {
        return (0, 0);
    }
    let wanted = replicas(deployment);
    let or_quarter = |value: &Json| {
        if value.is_null() {
            json!("25%")
        } else {
            value.clone()
        }
    };
    let surge = object::share(&or_quarter(&rolling["maxSurge"]), wanted, true);
    let mut lacking = object::share(&or_quarter(&rolling["maxUnavailable"]), wanted, false);
    if surge == 0 && lacking == 0 {
        // Percentages that are rounded to nothing must not stop everything.
        lacking = 1;
    }
    (surge, lacking.min(wanted))
}

impl Work<'_> {
    pub(crate) fn wanted(&self) -> i64 {
        replicas(self.deployment)
    }

    pub(crate) fn new_set(&self) -> Option<&Json> {
        self.new.and_then(|at| self.sets.get(at))
    }

    /// The numbers of the old ReplicaSets, oldest first.
    pub(crate) fn old(&self) -> Vec<usize> {
        (0..self.sets.len())
            .filter(|at| Some(*at) != self.new)
            .collect()
    }

    pub(crate) fn total(&self) -> i64 {
        self.sets.iter().map(replicas).sum()
    }

    /// Says in a condition that the rollout is paused or goes on; then that is all for this look.
    fn pause(&mut self) -> Option<Plan> {
        let deployment = self.deployment;
        if !status::has_deadline(deployment) {
            return None;
        }
        let known = object::condition(deployment, "Progressing");
        let reason = known
            .map(|known| text(&known["reason"]))
            .unwrap_or_default();
        if reason == "ProgressDeadlineExceeded" {
            return None;
        }
        let paused = deployment["spec"]["paused"] == true;
        let (reason, message) = match (paused, reason == "DeploymentPaused") {
            (true, false) => ("DeploymentPaused", "Deployment is paused"),
            (false, true) => ("DeploymentResumed", "Deployment is resumed"),
            _ => return None,
        };
        let mut conditions = super::conditions::of(deployment);
        status::set(
            &mut conditions,
            "Progressing",
            "Unknown",
            reason,
            message,
            self.cache.now(),
        );
        let mut status = deployment["status"].clone();
        status["conditions"] = conditions.into();
        let mut plan = std::mem::take(&mut self.plan);
        plan.status(Kind::Deployments, deployment, status);
        Some(plan)
    }

    /// Whether the number of replicas was changed since the ReplicaSets were scaled.
    fn is_scaling(&self) -> bool {
        self.sets.iter().filter(|set| replicas(set) > 0).any(|set| {
            let desired = object::annotation(set, DESIRED).parse::<i64>();
            desired.is_ok_and(|desired| desired != self.wanted())
        })
    }

    /// Gives the ReplicaSet of the present template its number, or makes one; whether that is all for this look.
    pub(crate) fn adopt_revision(&mut self, create: bool) -> bool {
        let deployment = self.deployment;
        let number = self
            .old()
            .into_iter()
            .filter_map(|at| self.sets.get(at))
            .map(revision)
            .max()
            .unwrap_or_default()
            + 1;
        let number = number.to_string();
        let Some(at) = self.new else {
            if create {
                self.create(&number);
                return true;
            }
            return false;
        };
        let Some(set) = self.sets.get(at) else {
            return false;
        };
        let mut changed = set.clone();
        let differs = annotate(deployment, &mut changed, &number, true)
            || changed["spec"]["minReadySeconds"] != deployment["spec"]["minReadySeconds"];
        if differs {
            let seconds = deployment["spec"]["minReadySeconds"].clone();
            object::set(&mut changed["spec"], "minReadySeconds", seconds);
            if changed != *set {
                self.plan.add(Action::Update {
                    kind: Kind::ReplicaSets,
                    object: changed,
                });
                return true;
            }
        }
        let own = text(&set["metadata"]["annotations"][REVISION]).to_owned();
        let mut status = deployment["status"].clone();
        let lacks_progress = status::has_deadline(deployment)
            && object::condition(deployment, "Progressing").is_none();
        if lacks_progress {
            let mut conditions = super::conditions::of(deployment);
            let message = format!("Found new replica set \"{}\"", object::name(set));
            status::set(
                &mut conditions,
                "Progressing",
                "True",
                "FoundNewReplicaSet",
                &message,
                self.cache.now(),
            );
            status["conditions"] = conditions.into();
        }
        if object::annotation(deployment, REVISION) == own && !lacks_progress {
            return false;
        }
        self.write_revision(&own, status);
        true
    }

    /// Makes the ReplicaSet of the present template.
    fn create(&mut self, number: &str) {
        let deployment = self.deployment;
        let template = &deployment["spec"]["template"];
        let hash = hash::of(template, deployment["status"]["collisionCount"].as_i64());
        let mut template = template.clone();
        template["metadata"]["labels"][HASH] = hash.as_str().into();
        let mut selector = deployment["spec"]["selector"].clone();
        selector["matchLabels"][HASH] = hash.as_str().into();
        let mut set = json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {
                "name": format!("{}-{hash}", object::name(deployment)),
                "namespace": object::namespace(deployment),
                "labels": template["metadata"]["labels"],
                "ownerReferences": [object::reference(Kind::Deployments, deployment)],
            },
            "spec": {"selector": selector, "template": template},
        });
        if !deployment["spec"]["minReadySeconds"].is_null() {
            set["spec"]["minReadySeconds"] = deployment["spec"]["minReadySeconds"].clone();
        }
        let count = self.new_replicas(0);
        set["spec"]["replicas"] = count.into();
        annotate(deployment, &mut set, number, false);
        let name = object::name(&set).to_owned();
        self.plan.add(Action::Create {
            kind: Kind::ReplicaSets,
            object: set,
            told: None,
        });
        if count > 0 {
            self.plan.tell(Note::normal(
                Kind::Deployments,
                deployment,
                "ScalingReplicaSet",
                format!("Scaled up replica set {name} from 0 to {count}"),
            ));
        }
        // The condition and the number go with it.
        let mut status = deployment["status"].clone();
        if status::has_deadline(deployment) {
            let mut conditions = super::conditions::of(deployment);
            let message = format!("Created new replica set \"{name}\"");
            status::set(
                &mut conditions,
                "Progressing",
                "True",
                "NewReplicaSetCreated",
                &message,
                self.cache.now(),
            );
            status["conditions"] = conditions.into();
        }
        self.write_revision(number, status);
    }

    /// Writes the number of the present template together with the status: so it is no new generation.
    fn write_revision(&mut self, number: &str, status: Json) {
        let mut object = self.deployment.clone();
        object["metadata"]["annotations"][REVISION] = number.into();
        object["status"] = status;
        self.plan.add(Action::Status {
            kind: Kind::Deployments,
            object,
        });
    }

    /// How many replicas the new ReplicaSet may have now.
    pub(crate) fn new_replicas(&self, now: i64) -> i64 {
        let wanted = self.wanted();
        if text(&self.deployment["spec"]["strategy"]["type"]) == "Recreate" {
            return wanted;
        }
        let (surge, _) = fenceposts(self.deployment);
        let room = wanted + surge - self.total();
        if room <= 0 {
            return now;
        }
        now + room.min(wanted - now)
    }

    /// Scales a ReplicaSet, and tells it.
    pub(crate) fn scale_to(&mut self, at: usize, count: i64) -> bool {
        let (surge, _) = fenceposts(self.deployment);
        let wanted = self.wanted();
        let Some(set) = self.sets.get_mut(at) else {
            return false;
        };
        let before = replicas(set);
        let annotations = json!({DESIRED: wanted.to_string(), MOST: (wanted + surge).to_string()});
        let noted = object::annotation(set, DESIRED) == wanted.to_string()
            && object::annotation(set, MOST) == (wanted + surge).to_string();
        if before == count && noted {
            return false;
        }
        set["spec"]["replicas"] = count.into();
        for (key, value) in annotations.as_object().into_iter().flatten() {
            set["metadata"]["annotations"][key] = value.clone();
        }
        let (key, name) = (object::key(set), object::name(set).to_owned());
        self.plan.add(Action::Patch {
            kind: Kind::ReplicaSets,
            key,
            subresource: "",
            patch: json!({"spec": {"replicas": count}, "metadata": {"annotations": annotations}}),
        });
        if before != count {
            let way = if before < count { "up" } else { "down" };
            self.plan.tell(Note::normal(
                Kind::Deployments,
                self.deployment,
                "ScalingReplicaSet",
                format!("Scaled {way} replica set {name} from {before} to {count}"),
            ));
        }
        before != count
    }

    /// Deletes old ReplicaSets that are more than the history keeps.
    pub(crate) fn clean_up(&mut self) {
        let Some(limit) = self.deployment["spec"]["revisionHistoryLimit"]
            .as_i64()
            .filter(|limit| *limit < i64::from(i32::MAX))
        else {
            return;
        };
        let mut old: Vec<&Json> = self
            .old()
            .into_iter()
            .filter_map(|at| self.sets.get(at))
            .filter(|set| !object::is_deleting(set))
            .collect();
        let surplus = old.len() as i64 - limit;
        if surplus <= 0 {
            return;
        }
        old.sort_by_key(|set| (revision(set), object::created(set)));
        for set in old.into_iter().take(surplus as usize) {
            let empty = int(&set["status"]["replicas"]) == 0 && replicas(set) == 0;
            if empty && object::generation(set) <= int(&set["status"]["observedGeneration"]) {
                self.plan.delete(Kind::ReplicaSets, set);
            }
        }
    }
}

/// Gives a ReplicaSet the annotations of its Deployment and its number; whether something changed.
fn annotate(deployment: &Json, set: &mut Json, number: &str, exists: bool) -> bool {
    let mut changed = false;
    let mut annotations: Members = set["metadata"]["annotations"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let skipped = [
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        HISTORY,
        DESIRED,
        MOST,
        "deprecated.deployment.rollback.to",
    ];
    for (key, value) in deployment["metadata"]["annotations"]
        .as_object()
        .into_iter()
        .flatten()
    {
        if !skipped.contains(&key.as_str()) && annotations.get(key) != Some(value) {
            annotations.insert(key.clone(), value.clone());
            changed = true;
        }
    }
    let known = annotations
        .get(REVISION)
        .map(|value| text(value).to_owned());
    let as_number = |text: &str| text.parse::<i64>().unwrap_or_default();
    if known.as_deref().map_or(0, as_number) < as_number(number) {
        annotations.insert(REVISION.to_owned(), number.into());
        changed = true;
        // Back to an old template: its former numbers are remembered.
        if let Some(known) = known {
            let history = match annotations.get(HISTORY).map(text).unwrap_or_default() {
                "" => known,
                history => format!("{history},{known}"),
            };
            annotations.insert(HISTORY.to_owned(), history.into());
        }
    }
    if !exists {
        let (surge, _) = fenceposts(deployment);
        let wanted = replicas(deployment);
        annotations.insert(DESIRED.to_owned(), wanted.to_string().into());
        annotations.insert(MOST.to_owned(), (wanted + surge).to_string().into());
        changed = true;
    }
    set["metadata"]["annotations"] = annotations.into();
    changed
}

/// Whether all Pods of the old ReplicaSets have come to an end.
pub(crate) fn old_pods_run(work: &Work<'_>) -> bool {
    work.old()
        .into_iter()
        .filter_map(|at| work.sets.get(at))
        .any(|set| {
            work.cache
                .controlled(Kind::Pods, object::uid(set))
                .any(|pod| !object::is_finished(pod))
        })
}

#[cfg(test)]
mod tests;

//! StatefulSets: Pods with numbers, names and claims of their own.

mod claims;

use std::sync::Arc;
use std::time::Duration;

use super::{pods, revisions};
use crate::cache::{Cache, Change};
use crate::controller::{Controller, Refusal};
use crate::json::{Json, Members, json};
use crate::kind::Kind;
use crate::object::{self, int, items, text};
use crate::plan::{Action, Note, Plan, Wait};

const REVISION: &str = "controller-revision-hash";
const HASH: &str = "controller.kubernetes.io/hash";

#[derive(Debug)]
pub(crate) struct StatefulSets;

impl Controller for StatefulSets {
    fn name(&self) -> &'static str {
        "statefulsets"
    }

    fn component(&self) -> &'static str {
        "statefulset-controller"
    }

    fn touched(&mut self, change: &Change, cache: &Cache, keys: &mut Vec<String>) {
        match change.kind {
            Kind::StatefulSets => keys.push(change.key.to_string()),
            Kind::Pods => {
                pods::owners(change, Kind::StatefulSets, keys);
                pods::adopters(
                    change,
                    Kind::StatefulSets,
                    cache,
                    &|set, pod| pods::selects(set, pod) && ordinal(set, pod).is_some(),
                    keys,
                );
            }
            Kind::ControllerRevisions => pods::owners(change, Kind::StatefulSets, keys),
            // A claim that is gone at last lets its Pod come.
            Kind::Claims if change.new.is_none() => {
                for set in cache.within(Kind::StatefulSets, object::namespace(change.object())) {
                    if claims::is_of(set, change.object()) {
                        keys.push(object::key(set));
                    }
                }
            }
            _ => {}
        }
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let Some(set) = cache.get(Kind::StatefulSets, key) else {
            return plan;
        };
        let Some(selector) = object::selector(&set["spec"]["selector"]) else {
            return plan;
        };
        let selects =
            |pod: &Json| selector.matches(object::labels(pod)) && ordinal(set, pod).is_some();
        let mine = pods::claimed(
            Kind::StatefulSets,
            set,
            &selects,
            Kind::Pods,
            cache,
            &mut plan,
        );
        let all = revisions::of(set, cache);
        if object::is_deleting(set) {
            return plan;
        }
        let Ok(update) = revisions::present(Kind::StatefulSets, set, &all, HASH, &mut plan) else {
            return plan;
        };
        let current = text(&set["status"]["currentRevision"]);
        let current = all
            .iter()
            .find(|revision| object::name(revision) == current)
            .unwrap_or(&update)
            .clone();
        let mut look = Look {
            set,
            current,
            update,
            cache,
            plan,
        };
        let (status, live) = look.go(&mine);
        let Look {
            mut plan,
            current,
            update,
            ..
        } = look;
        plan.status(Kind::StatefulSets, set, status);
        let used = |revision: &Json| {
            let name = object::name(revision);
            [&current, &update]
                .iter()
                .any(|one| object::name(one) == name)
                || live.iter().any(|pod| {
                    object::labels(pod).is_some_and(|labels| {
                        labels.get(REVISION).is_some_and(|label| label == name)
                    })
                })
        };
        revisions::clean_up(set, &all, &used, &mut plan);
        plan
    }

    fn refused(&mut self, key: &str, action: &Action, refusal: &Refusal, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let (Some(set), Action::Create { kind, object, .. }) =
            (cache.get(Kind::StatefulSets, key), action)
        else {
            return plan;
        };
        if refusal.message.contains("because it is being terminated") {
            return plan;
        }
        let (name, of, why) = (object::name(object), object::name(set), &refusal.message);
        match kind {
            Kind::ControllerRevisions if refusal.code == 409 => {
                let mut changed = (**set).clone();
                changed["status"]["collisionCount"] =
                    (int(&set["status"]["collisionCount"]) + 1).into();
                plan.add(Action::Status {
                    kind: Kind::StatefulSets,
                    object: changed,
                });
            }
            Kind::Pods => {
                let message = format!("Create Pod {name} in StatefulSet {of} failed error: {why}");
                plan.tell(Note::warning(
                    Kind::StatefulSets,
                    set,
                    "FailedCreate",
                    message,
                ));
            }
            Kind::Claims => {
                let message =
                    format!("Create Claim {name} for Pod in StatefulSet {of} failed error: {why}");
                plan.tell(Note::warning(
                    Kind::StatefulSets,
                    set,
                    "FailedCreate",
                    message,
                ));
            }
            _ => {}
        }
        plan
    }
}

/// The number of a Pod of a StatefulSet, by its name.
pub(super) fn ordinal(set: &Json, pod: &Json) -> Option<i64> {
    let rest = object::name(pod)
        .strip_prefix(object::name(set))?
        .strip_prefix('-')?;
    if rest.is_empty() || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    rest.parse().ok()
}

fn first(set: &Json) -> i64 {
    int(&set["spec"]["ordinals"]["start"])
}

fn replicas(set: &Json) -> i64 {
    set["spec"]["replicas"].as_i64().unwrap_or(1)
}

fn revision(pod: &Json) -> &str {
    text(&pod["metadata"]["labels"][REVISION])
}

fn is_created(pod: &Json) -> bool {
    !object::phase(pod).is_empty()
}

fn is_running(pod: &Json) -> bool {
    object::phase(pod) == "Running" && object::is_ready(pod)
}

/// A place of the set: a Pod that is there, or one that is to be made.
struct Place {
    number: i64,
    pod: Json,
    exists: bool,
}

struct Look<'a> {
    set: &'a Json,
    current: Arc<Json>,
    update: Arc<Json>,
    cache: &'a Cache,
    plan: Plan,
}

impl Look<'_> {
    fn is_available(&mut self, pod: &Json) -> bool {
        if !is_running(pod) {
            return false;
        }
        match object::is_available(
            pod,
            int(&self.set["spec"]["minReadySeconds"]),
            self.cache.now(),
        ) {
            Ok(()) => true,
            Err(wait) => {
                if let Some(wait) = wait {
                    self.plan
                        .look_after(wait + Duration::from_millis(1), Wait::Work);
                }
                false
            }
        }
    }

    /// Does what is next; the status, and the Pods that are counted in it.
    fn go(&mut self, mine: &[Arc<Json>]) -> (Json, Vec<Json>) {
        let set = self.set;
        let (start, count) = (first(set), replicas(set));
        let mut places: Vec<Place> = Vec::new();
        let mut condemned: Vec<Json> = Vec::new();
        for number in start..start + count {
            let found = mine.iter().find(|pod| ordinal(set, pod) == Some(number));
            places.push(match found {
                Some(pod) => Place {
                    number,
                    pod: (**pod).clone(),
                    exists: true,
                },
                None => Place {
                    number,
                    pod: self.new_pod(number),
                    exists: false,
                },
            });
        }
        for pod in mine {
            if ordinal(set, pod).is_some_and(|number| !(start..start + count).contains(&number)) {
                condemned.push((**pod).clone());
            }
        }
        condemned.sort_by_key(|pod| std::cmp::Reverse(ordinal(set, pod)));
        let ordered = text(&set["spec"]["podManagementPolicy"]) != "Parallel";
        let mut dropped = 0;
        let goes_on = self.fill(&mut places, ordered) && self.shrink(&places, &condemned, ordered);
        if goes_on {
            dropped = self.renew(&places);
        }
        let live: Vec<Json> = places
            .into_iter()
            .filter(|place| place.exists)
            .map(|place| place.pod)
            .chain(condemned)
            .collect();
        let mut status = self.status(&live);
        if dropped > 0 {
            let left = int(&status["currentReplicas"]) - dropped;
            object::set(
                &mut status,
                "currentReplicas",
                if left > 0 { left.into() } else { Json::Null },
            );
        }
        self.complete(&mut status);
        (status, live)
    }

    /// Makes what lacks, in order; whether to go on.
    fn fill(&mut self, places: &mut [Place], ordered: bool) -> bool {
        for place in places.iter_mut() {
            if place.exists && object::is_finished(&place.pod) {
                if !object::is_deleting(&place.pod) {
                    self.delete(&place.pod);
                }
                if ordered {
                    return false;
                }
                continue;
            }
            if !place.exists {
                if claims::are_stale(self.set, place.number, self.cache) {
                    if ordered {
                        return false;
                    }
                    continue;
                }
                claims::create(
                    self.set,
                    &place.pod,
                    place.number,
                    self.cache,
                    &mut self.plan,
                );
                let message = format!(
                    "Create Pod {} in StatefulSet {} successful",
                    object::name(&place.pod),
                    object::name(self.set)
                );
                self.plan.add(Action::Create {
                    kind: Kind::Pods,
                    object: place.pod.clone(),
                    told: Some(Note::normal(
                        Kind::StatefulSets,
                        self.set,
                        "SuccessfulCreate",
                        message,
                    )),
                });
                if ordered {
                    return false;
                }
                continue;
            }
            if object::phase(&place.pod) == "Pending" {
                claims::create(
                    self.set,
                    &place.pod,
                    place.number,
                    self.cache,
                    &mut self.plan,
                );
            }
            if ordered && (object::is_deleting(&place.pod) || !self.is_available(&place.pod)) {
                return false;
            }
            claims::keep_owners(
                self.set,
                &place.pod,
                place.number,
                true,
                self.cache,
                &mut self.plan,
            );
            self.keep_identity(place);
        }
        true
    }

    /// Labels that say who the Pod is come back.
    fn keep_identity(&mut self, place: &Place) {
        let wanted = [
            (
                "statefulset.kubernetes.io/pod-name",
                object::name(&place.pod).to_owned(),
            ),
            ("apps.kubernetes.io/pod-index", place.number.to_string()),
        ];
        let lacks = wanted
            .iter()
            .any(|(key, value)| place.pod["metadata"]["labels"][*key] != value.as_str());
        if lacks {
            let labels: Members = wanted
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.as_str().into()))
                .collect();
            self.plan.add(Action::Patch {
                kind: Kind::Pods,
                key: object::key(&place.pod),
                subresource: "",
                patch: json!({"metadata": {"labels": labels}}),
            });
        }
    }

    /// Deletes what is too much, the last one first; whether to go on.
    fn shrink(&mut self, places: &[Place], condemned: &[Json], ordered: bool) -> bool {
        for pod in condemned {
            let number = ordinal(self.set, pod).unwrap_or_default();
            claims::keep_owners(self.set, pod, number, false, self.cache, &mut self.plan);
        }
        let mut first_bad = None;
        for place in places {
            if !self.is_available(&place.pod) || !place.exists {
                first_bad = Some(object::name(&place.pod).to_owned());
                break;
            }
        }
        if first_bad.is_none() {
            for pod in condemned.iter().rev() {
                if !self.is_available(pod) {
                    first_bad = Some(object::name(pod).to_owned());
                    break;
                }
            }
        }
        for pod in condemned {
            if object::is_deleting(pod) {
                if ordered {
                    return false;
                }
                continue;
            }
            if ordered && !self.is_available(pod) && first_bad.as_deref() != Some(object::name(pod))
            {
                return false;
            }
            self.delete(pod);
            if ordered {
                return false;
            }
        }
        true
    }

    /// Replaces Pods of an old template, the last one first, one at a time; how many were.
    fn renew(&mut self, places: &[Place]) -> i64 {
        if text(&self.set["spec"]["updateStrategy"]["type"]) == "OnDelete" {
            return 0;
        }
        let partition = int(&self.set["spec"]["updateStrategy"]["rollingUpdate"]["partition"]);
        let wanted = object::name(&self.update).to_owned();
        for place in places.iter().skip(partition.max(0) as usize).rev() {
            if revision(&place.pod) != wanted && !object::is_deleting(&place.pod) {
                self.delete(&place.pod);
                return 1;
            }
            if !place.exists || !self.is_available(&place.pod) {
                return 0;
            }
        }
        0
    }

    fn delete(&mut self, pod: &Json) {
        self.plan.delete(Kind::Pods, pod);
        let message = format!(
            "Delete Pod {} in StatefulSet {} successful",
            object::name(pod),
            object::name(self.set)
        );
        self.plan.tell(Note::normal(
            Kind::StatefulSets,
            self.set,
            "SuccessfulDelete",
            message,
        ));
    }

    fn new_pod(&self, number: i64) -> Json {
        let set = self.set;
        let strategy = &set["spec"]["updateStrategy"];
        let rolling = text(&strategy["type"]) != "OnDelete";
        let keeps_old = match strategy["rollingUpdate"]["partition"].as_i64() {
            Some(partition) => number < first(set) + partition,
            None => rolling && number < first(set) + int(&set["status"]["currentReplicas"]),
        };
        let revision = if keeps_old {
            &self.current
        } else {
            &self.update
        };
        let template = revisions::template(revision);
        let mut pod = pods::from_template(Kind::StatefulSets, set, &template);
        let name = format!("{}-{number}", object::name(set));
        pod["metadata"]["name"] = name.as_str().into();
        let labels = &mut pod["metadata"]["labels"];
        labels["statefulset.kubernetes.io/pod-name"] = name.as_str().into();
        labels["apps.kubernetes.io/pod-index"] = number.to_string().into();
        labels[REVISION] = object::name(revision).into();
        pod["spec"]["hostname"] = name.as_str().into();
        if !text(&set["spec"]["serviceName"]).is_empty() {
            pod["spec"]["subdomain"] = set["spec"]["serviceName"].clone();
        }
        let mut volumes = claims::volumes(set, number);
        volumes.extend(
            items(&pod["spec"]["volumes"])
                .filter(|volume| !volumes.iter().any(|own| own["name"] == volume["name"]))
                .cloned()
                .collect::<Vec<_>>(),
        );
        if !volumes.is_empty() {
            pod["spec"]["volumes"] = volumes.into();
        }
        pod
    }

    fn status(&mut self, live: &[Json]) -> Json {
        let set = self.set;
        let (current, update) = (
            object::name(&self.current).to_owned(),
            object::name(&self.update).to_owned(),
        );
        let mut status = json!({
            "observedGeneration": object::generation(set), "currentRevision": current, "updateRevision": update,
            "collisionCount": int(&set["status"]["collisionCount"]),
        });
        let mut counts = [
            ("currentReplicas", 0),
            ("readyReplicas", 0),
            ("updatedReplicas", 0),
        ];
        let (mut all, mut available) = (0, 0);
        for pod in live.iter().filter(|pod| is_created(pod)) {
            all += 1;
            let counted = !object::is_deleting(pod);
            counts[0].1 += i64::from(counted && revision(pod) == current);
            counts[1].1 += i64::from(is_running(pod));
            counts[2].1 += i64::from(counted && revision(pod) == update);
            available += i64::from(self.is_available(pod));
        }
        status["replicas"] = all.into();
        status["availableReplicas"] = available.into();
        for (name, number) in counts {
            if number > 0 {
                status[name] = number.into();
            }
        }
        if !set["status"]["conditions"].is_null() {
            status["conditions"] = set["status"]["conditions"].clone();
        }
        status
    }

    /// An update that is through makes its revision the current one.
    fn complete(&self, status: &mut Json) {
        let wanted = replicas(self.set);
        let rolling = text(&self.set["spec"]["updateStrategy"]["type"]) != "OnDelete";
        let through = ["updatedReplicas", "readyReplicas", "replicas"]
            .iter()
            .all(|name| int(&status[*name]) == wanted);
        if rolling && through {
            status["currentRevision"] = status["updateRevision"].clone();
            let updated = status["updatedReplicas"].clone();
            object::set(status, "currentReplicas", updated);
        }
    }
}

#[cfg(test)]
mod tests;

//! Stages of custom kinds: what their own operators would do, a line each.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_core::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cache::{Cache, Change};
use crate::controller::Controller;
use crate::emulator::Cluster;
use crate::emulator::objects::contains;
use crate::json::Json;
use crate::plan::{Action, Plan, Wait};
use crate::shared::Shared;

/// One stage, as it was declared.
#[derive(Debug)]
pub(crate) struct StageSpec {
    resource: String,
    parts: Mutex<Parts>,
}

#[derive(Debug, Clone, Default)]
struct Parts {
    when: Option<Value>,
    named: Option<String>,
    after: (Duration, Duration),
    status: Option<Value>,
    patch: Option<Value>,
    delete: bool,
}

/// A stage in the life of the objects of a kind: a handle on what [`Life::stage`](crate::Life::stage) declared.
///
/// An object that fits and does not yet look as the stage leaves it is changed after a while. Stages of one kind come
/// one after the other: that of which the pattern holds and whose mark is not there yet is next.
///
/// ```no_run
/// # fn example(life: kmock_cluster::Life) {
/// use std::time::Duration;
/// use serde_json::json;
///
/// life.stage("certificates.cert-manager.io")
///     .after(Duration::from_secs(2))
///     .status(json!({"conditions": [{"type": "Ready", "status": "True"}]}));
/// # }
/// ```
#[derive(Clone)]
pub struct Stage {
    spec: Arc<StageSpec>,
    shared: Arc<Shared>,
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.spec.fmt(f)
    }
}

impl Stage {
    pub(crate) fn declare(shared: &Arc<Shared>, resource: &str) -> Stage {
        let spec = Arc::new(StageSpec {
            resource: resource.to_owned(),
            parts: Mutex::default(),
        });
        shared.state().stages.push(Arc::clone(&spec));
        shared.touch("stages", resource);
        Stage {
            spec,
            shared: Arc::clone(shared),
        }
    }

    fn change(self, change: impl FnOnce(&mut Parts)) -> Stage {
        change(
            &mut self
                .spec
                .parts
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        self.shared.touch("stages", &self.spec.resource);
        self
    }

    /// Only objects that contain this: a partial object.
    pub fn when(self, pattern: impl Serialize) -> Stage {
        let pattern = serde_json::to_value(pattern).unwrap_or_default();
        self.change(|parts| parts.when = Some(pattern))
    }

    /// Only objects whose name fits; `*` stands for any text.
    pub fn named(self, pattern: &str) -> Stage {
        self.change(|parts| parts.named = Some(pattern.to_owned()))
    }

    /// So long after an object fits.
    pub fn after(self, delay: Duration) -> Stage {
        self.change(|parts| parts.after = (delay, delay))
    }

    /// At some time between two, drawn by the seed.
    pub fn between(self, least: Duration, most: Duration) -> Stage {
        self.change(|parts| parts.after = (least, most.max(least)))
    }

    /// What the status becomes, by a merge patch.
    pub fn status(self, status: impl Serialize) -> Stage {
        let status = serde_json::to_value(status).unwrap_or_default();
        self.change(|parts| parts.status = Some(status))
    }

    /// What the object becomes, by a merge patch.
    pub fn patch(self, patch: impl Serialize) -> Stage {
        let patch = serde_json::to_value(patch).unwrap_or_default();
        self.change(|parts| parts.patch = Some(patch))
    }

    /// The object is deleted.
    pub fn delete(self) -> Stage {
        self.change(|parts| parts.delete = true)
    }
}

impl Parts {
    /// What an object that has passed the stage contains.
    fn mark(&self) -> Option<Value> {
        let mut mark = self.patch.clone().unwrap_or_else(|| json!({}));
        if let Some(status) = &self.status {
            mark["status"] = status.clone();
        }
        (self.patch.is_some() || self.status.is_some()).then_some(mark)
    }

    /// Whether the stage is for an object that has not passed it.
    fn is_next(&self, object: &Value) -> bool {
        let named = self.named.as_ref().is_none_or(|pattern| {
            crate::glob::glob(
                pattern,
                object["metadata"]["name"].as_str().unwrap_or_default(),
            )
        });
        let fits = self
            .when
            .as_ref()
            .is_none_or(|pattern| contains(object, pattern));
        let passed = self.mark().is_some_and(|mark| contains(object, &mark));
        named
            && fits
            && !passed
            && !(self.delete && object["metadata"]["deletionTimestamp"].is_string())
    }

    /// How long an object waits.
    fn delay(&self, seed: u64, key: &str) -> Duration {
        let (least, most) = self.after;
        let range = u64::try_from((most - least).as_millis()).unwrap_or(u64::MAX);
        if range == 0 {
            return least;
        }
        least + Duration::from_millis(crate::seed::of(&format!("{seed} {key}")) % (range + 1))
    }
}

/// Carries out the stages.
#[derive(Debug)]
pub(crate) struct Stages {
    shared: Arc<Shared>,
    feeds: BTreeMap<String, Feed>,
    due: BTreeMap<(usize, String), Instant>,
}

#[derive(Debug)]
struct Feed {
    resource: Arc<crate::emulator::resource::Resource>,
    events: crate::emulator::store::Subscription,
    objects: BTreeMap<String, Arc<Value>>,
}

impl Stages {
    pub(crate) fn new(shared: &Arc<Shared>) -> Stages {
        Stages {
            shared: Arc::clone(shared),
            feeds: BTreeMap::new(),
            due: BTreeMap::new(),
        }
    }

    fn specs(&self) -> Vec<Arc<StageSpec>> {
        self.shared.state().stages.clone()
    }
}

impl Controller for Stages {
    fn name(&self) -> &'static str {
        "stages"
    }

    fn agent(&self) -> &'static str {
        "kmock-stages"
    }

    fn component(&self) -> &'static str {
        "kmock-stages"
    }

    fn touched(&mut self, _: &Change, _: &Cache, _: &mut Vec<String>) {}

    fn poll(&mut self, cluster: &Cluster, keys: &mut Vec<String>) {
        for spec in self.specs() {
            let name = &spec.resource;
            if !self.feeds.contains_key(name) {
                // A definition may come later than the stage.
                let Some(served) = cluster.registry().named(name) else {
                    continue;
                };
                let (snapshot, events) = cluster
                    .store()
                    .list_and_subscribe(&served.resource.storage, "");
                let objects = snapshot
                    .objects
                    .iter()
                    .map(|object| (object.key().to_owned(), object.value.shared()))
                    .collect::<BTreeMap<_, _>>();
                keys.extend(objects.keys().map(|key| format!("{name} {key}")));
                self.feeds.insert(
                    name.clone(),
                    Feed {
                        resource: Arc::clone(&served.resource),
                        events,
                        objects,
                    },
                );
            }
        }
        for (name, feed) in &mut self.feeds {
            loop {
                let events = feed.events.pending();
                if events.is_empty() {
                    break;
                }
                for event in events {
                    let key = event.object.key().to_owned();
                    keys.push(format!("{name} {key}"));
                    if event.change == crate::emulator::store::Change::Deleted {
                        feed.objects.remove(&key);
                    } else {
                        feed.objects.insert(key, event.object.value.shared());
                    }
                }
            }
        }
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let Some((name, key)) = key.split_once(' ') else {
            // A stage is new or has changed: all its objects are looked at.
            if let Some(feed) = self.feeds.get(key) {
                for object in feed.objects.keys() {
                    self.shared.touch("stages", &format!("{key} {object}"));
                }
            }
            return plan;
        };
        let Some(feed) = self.feeds.get(name) else {
            return plan;
        };
        let Some(object) = feed.objects.get(key) else {
            self.due.retain(|(_, known), _| known != key);
            return plan;
        };
        for (number, spec) in self
            .specs()
            .iter()
            .enumerate()
            .filter(|(_, spec)| spec.resource == name)
        {
            let parts = spec
                .parts
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            let at = (number, key.to_owned());
            if !parts.is_next(object) {
                self.due.remove(&at);
                continue;
            }
            let now = Instant::now();
            let due = *self
                .due
                .entry(at.clone())
                .or_insert_with(|| now + parts.delay(cache.seed(), key));
            if due > now {
                plan.look_after(due - now, Wait::Work);
                return plan;
            }
            self.due.remove(&at);
            let resource = &feed.resource;
            let (namespace, object_name) = crate::object::split(key);
            let mut path = match resource.group.as_str() {
                "" => format!("/api/{}", resource.version),
                group => format!("/apis/{group}/{}", resource.version),
            };
            if resource.namespaced {
                path.push_str(&format!("/namespaces/{namespace}"));
            }
            path.push_str(&format!("/{}/{object_name}", resource.plural));
            if let Some(patch) = parts.patch {
                plan.add(Action::Request {
                    method: "PATCH",
                    path: path.clone(),
                    body: patch.into(),
                });
            }
            if let Some(status) = parts.status {
                let below = if resource.subresource("status").is_some() {
                    "/status"
                } else {
                    ""
                };
                plan.add(Action::Request {
                    method: "PATCH",
                    path: format!("{path}{below}"),
                    body: json!({ "status": status }).into(),
                });
            }
            if parts.delete {
                plan.add(Action::Request {
                    method: "DELETE",
                    path,
                    body: Json::Null,
                });
            }
            return plan;
        }
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_for_what_fits_and_has_not_passed_it() {
        let parts = Parts {
            when: Some(json!({"spec": {"issuer": "ca"}})),
            named: Some("web-*".into()),
            status: Some(json!({"phase": "Ready"})),
            after: (Duration::from_secs(1), Duration::from_secs(3)),
            ..Parts::default()
        };
        let object = |name: &str, issuer: &str, phase: &str| json!({"metadata": {"name": name}, "spec": {"issuer": issuer}, "status": {"phase": phase}});
        assert!(parts.is_next(&object("web-1", "ca", "")));
        assert!(!parts.is_next(&object("db", "ca", "")));
        assert!(!parts.is_next(&object("web-1", "other", "")));
        assert!(!parts.is_next(&object("web-1", "ca", "Ready")));
        let delays: Vec<_> = ["a", "b", "a"].map(|key| parts.delay(7, key)).into();
        assert!(
            delays
                .iter()
                .all(|delay| (1..=3).contains(&delay.as_secs()))
        );
        assert_eq!(delays[0], delays[2]);
    }
}

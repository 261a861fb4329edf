//! ResourceQuotas: how much of what they limit is used.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::amounts;
use crate::cache::{Cache, Change};
use crate::controller::Controller;
use crate::emulator::Cluster;
use crate::emulator::builtin::quota;
use crate::emulator::resource::ResourceKey;
use crate::emulator::store::Subscription;
use crate::json::{Json, json};
use crate::kind::Kind;
use crate::object::{self, text};
use crate::plan::Plan;

#[derive(Debug, Default)]
pub(crate) struct Quotas {
    cluster: Option<Cluster>,
    /// Kinds that the cache does not have, of which somebody wants the count: followed from the first look on.
    feeds: BTreeMap<ResourceKey, Subscription>,
    /// The quotas that want such counts.
    counting: BTreeSet<String>,
}

impl Quotas {
    /// Counts what objects of kinds use that the cache does not have: `count/widgets.example.com`, devices.
    fn count_others(&mut self, quota: &Json, used: &mut BTreeMap<String, String>) {
        let Some(cluster) = &self.cluster else {
            return;
        };
        let key = object::key(quota);
        self.counting.remove(&key);
        let others: BTreeSet<ResourceKey> = used.keys().filter_map(|name| other(name)).collect();
        for place in others {
            self.counting.insert(key.clone());
            self.feeds.entry(place.clone()).or_insert_with(|| {
                let (_, events) = cluster.store().list_and_subscribe(&place, "");
                events
            });
            let prefix = format!("{}/", object::namespace(quota));
            let there = cluster.store().list(&place, &prefix).objects;
            let objects = there.iter().map(|object| &*object.value);
            let amounts = quota::used(&quota.into(), &place.group, &place.plural, objects);
            let amounts = amounts.into_iter().flatten();
            used.extend(amounts.map(|(name, amount)| (name, amount.to_string())));
        }
    }
}

/// The resource of which objects use what a quota limits by that name, if it is none of those that the cache has.
fn other(name: &str) -> Option<ResourceKey> {
    let resource = match name.strip_suffix(quota::DEVICES) {
        Some(_) => "resourceclaims.resource.k8s.io",
        None => name.strip_prefix("count/")?,
    };
    let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
    let is_known = |kind: &Kind| kind.plural() == plural && kind.group() == group;
    (!Kind::ALL.iter().any(is_known)).then(|| ResourceKey::new(group, plural))
}

impl Controller for Quotas {
    fn name(&self) -> &'static str {
        "resourcequotas"
    }

    fn component(&self) -> &'static str {
        "resourcequota-controller"
    }

    fn touched(&mut self, change: &Change, cache: &Cache, keys: &mut Vec<String>) {
        if change.kind == Kind::Quotas {
            keys.push(change.key.to_string());
        }
        let counts =
            change.kind.namespaced() && !matches!(change.kind, Kind::Events | Kind::Leases);
        let changes = match (&change.old, &change.new) {
            (Some(old), Some(new)) => {
                // Most changes are of a status that does not count.
                change.kind == Kind::Services && old["spec"] != new["spec"]
                    || change.kind == Kind::Pods
                        && (object::is_finished(old) != object::is_finished(new)
                            || old["spec"] != new["spec"]
                            || object::is_deleting(old) != object::is_deleting(new))
                    || change.kind == Kind::Claims
                        && (old["spec"] != new["spec"] || old["status"] != new["status"])
            }
            _ => true,
        };
        if counts && changes && cache.count(Kind::Quotas) > 0 {
            keys.extend(
                cache
                    .within(Kind::Quotas, object::namespace(change.object()))
                    .map(|quota| object::key(quota)),
            );
        }
    }

    fn poll(&mut self, cluster: &Cluster, keys: &mut Vec<String>) {
        self.cluster.get_or_insert_with(|| cluster.clone());
        let mut moved = false;
        for feed in self.feeds.values_mut() {
            while !feed.pending().is_empty() {
                moved = true;
            }
        }
        if moved {
            keys.extend(self.counting.iter().cloned());
        }
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let Some(quota) = cache.get(Kind::Quotas, key) else {
            self.counting.remove(key);
            return plan;
        };
        let hard = quota["spec"]["hard"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        let mut used = usage(quota, cache);
        self.count_others(quota, &mut used);
        let status = json!({ "hard": hard, "used": used });
        if quota["status"]["hard"] != status["hard"]
            || !same(&quota["status"]["used"], &status["used"])
        {
            plan.status(Kind::Quotas, quota, status);
        }
        plan
    }
}

/// Whether two maps have the same amounts, however they are spelled.
fn same(a: &Json, b: &Json) -> bool {
    let read = |value: &Json| -> BTreeMap<String, i64> {
        value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.to_string(), amounts::milli(text(value))))
            .collect()
    };
    a.is_object() && read(a) == read(b)
}

/// How much is used of all that a quota limits, as quantities: what admission charges for each object that is there.
fn usage(quota: &Json, cache: &Cache) -> BTreeMap<String, String> {
    let (namespace, limited) = (object::namespace(quota), Value::from(quota));
    let names = quota["spec"]["hard"].as_object().into_iter().flatten();
    let mut all: BTreeMap<String, String> = names
        .map(|(name, _)| (name.to_string(), "0".to_owned()))
        .collect();
    for kind in Kind::ALL.iter().filter(|kind| kind.namespaced()) {
        let objects = cache.within(*kind, namespace);
        let objects = objects.map(|object| Value::from(&**object));
        let used = quota::used(&limited, kind.group(), kind.plural(), objects);
        all.extend(
            used.into_iter()
                .flatten()
                .map(|(name, amount)| (name, amount.to_string())),
        );
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used() {
        let pod = |name: &str, phase: &str, cpu: &str, memory: &str| {
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop"}, "status": {"phase": phase},
                "spec": {"containers": [{"resources": {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": "2"}}}]}})
        };
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "shop"}, "spec": {"type": "LoadBalancer", "ports": [{}, {}]}});
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c", "namespace": "shop"}, "spec": {"volumeAttributesClassName": "gold", "storageClassName": "fast", "resources": {"requests": {"storage": "3Gi"}}}});
        let cache = Cache::of([
            pod("a", "Running", "500m", "64Mi"),
            pod("b", "Pending", "1", "64Mi"),
            pod("c", "Succeeded", "9", "9Gi"),
            service,
            claim,
        ]);
        let used = |name: &str, scope: Json| {
            let quota = json!({"metadata": {"namespace": "shop"}, "spec": {"hard": {name: "100"}, "scopeSelector": scope}});
            usage(&quota, &cache).remove(name)
        };
        for (name, expected) in [
            ("pods", "2"),
            ("count/pods", "3"),
            ("requests.cpu", "1500m"),
            ("cpu", "1500m"),
            ("limits.cpu", "4"),
            ("requests.memory", "128Mi"),
            ("services", "1"),
            ("services.nodeports", "2"),
            ("services.loadbalancers", "1"),
            ("requests.storage", "3Gi"),
            ("fast.storageclass.storage.k8s.io/requests.storage", "3Gi"),
            (
                "slow.storageclass.storage.k8s.io/persistentvolumeclaims",
                "0",
            ),
            ("count/deployments.apps", "0"),
        ] {
            let used = used(name, Json::Null);
            assert_eq!(used.as_deref(), Some(expected), "{name}");
        }
        // Scopes are those of admission, for claims as for Pods.
        for (operator, expected) in [("In", "1"), ("NotIn", "0")] {
            let scope = json!({"matchExpressions": [{"scopeName": "VolumeAttributesClass", "operator": operator, "values": ["gold"]}]});
            let used = used("persistentvolumeclaims", scope);
            assert_eq!(used.as_deref(), Some(expected), "{operator}");
        }
    }
}

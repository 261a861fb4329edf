//! ResourceQuotas: how much of what they limit is used.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::amounts;
use crate::cache::{Cache, Change};
use crate::controller::Controller;
use crate::emulator::builtin::quantity::Quantity;
use crate::kind::Kind;
use crate::object::{self, items, text};
use crate::plan::Plan;

/// The kinds of which there are counts, by the names that quotas give them.
const COUNTED: [(&str, Kind); 8] = [
    ("pods", Kind::Pods),
    ("services", Kind::Services),
    ("replicationcontrollers", Kind::ReplicationControllers),
    ("resourcequotas", Kind::Quotas),
    ("secrets", Kind::Secrets),
    ("configmaps", Kind::ConfigMaps),
    ("persistentvolumeclaims", Kind::Claims),
    ("services.nodeports", Kind::Services),
];

#[derive(Debug)]
pub(crate) struct Quotas;

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
                    || change.kind == Kind::Claims && old["spec"] != new["spec"]
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

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let Some(quota) = cache.get(Kind::Quotas, key) else {
            return plan;
        };
        let hard = quota["spec"]["hard"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        let mut used = Map::new();
        for name in hard.keys() {
            used.insert(name.clone(), usage(quota, name, cache).into());
        }
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
fn same(a: &Value, b: &Value) -> bool {
    let read = |value: &Value| -> BTreeMap<String, i64> {
        value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), amounts::milli(text(value))))
            .collect()
    };
    a.is_object() && read(a) == read(b)
}

/// How much of one thing is used, as a quantity.
fn usage(quota: &Value, name: &str, cache: &Cache) -> String {
    let namespace = object::namespace(quota);
    if let Some(path) = name.strip_prefix("count/") {
        let (plural, group) = path.split_once('.').unwrap_or((path, ""));
        let kind = Kind::ALL
            .iter()
            .copied()
            .find(|kind| kind.plural() == plural && kind.group() == group && kind.namespaced());
        return kind
            .map_or(0, |kind| cache.within(kind, namespace).count())
            .to_string();
    }
    match name {
        "services.nodeports" => {
            let ports = cache
                .within(Kind::Services, namespace)
                .filter(|service| {
                    matches!(text(&service["spec"]["type"]), "NodePort" | "LoadBalancer")
                })
                .map(|service| {
                    let all = items(&service["spec"]["ports"]);
                    if service["spec"]["allocateLoadBalancerNodePorts"] == false {
                        all.filter(|port| object::int(&port["nodePort"]) > 0)
                            .count()
                    } else {
                        all.count()
                    }
                });
            return ports.sum::<usize>().to_string();
        }
        "services.loadbalancers" => {
            let balanced = cache
                .within(Kind::Services, namespace)
                .filter(|service| text(&service["spec"]["type"]) == "LoadBalancer");
            return balanced.count().to_string();
        }
        _ => {}
    }
    let storage = |class: Option<&str>| {
        let claims = cache.within(Kind::Claims, namespace).filter(|claim| {
            class.is_none_or(|class| text(&claim["spec"]["storageClassName"]) == class)
        });
        claims.cloned().collect::<Vec<_>>()
    };
    let (class, of_class) = match name.split_once(".storageclass.storage.k8s.io/") {
        Some((class, of)) => (Some(class), of),
        None => (None, name),
    };
    match of_class {
        "requests.storage" => {
            let sums = storage(class)
                .into_iter()
                .map(|claim| text(&claim["spec"]["resources"]["requests"]["storage"]).to_owned());
            return sum(sums);
        }
        "persistentvolumeclaims" if class.is_some() => return storage(class).len().to_string(),
        _ => {}
    }
    if name != "pods"
        && let Some((_, kind)) = COUNTED.iter().find(|(known, _)| *known == name)
    {
        return cache.within(*kind, namespace).count().to_string();
    }
    // What is left is of Pods that are not over.
    let pods = cache
        .within(Kind::Pods, namespace)
        .filter(|pod| !object::is_finished(pod) && in_scope(quota, pod));
    if name == "pods" {
        return pods.count().to_string();
    }
    let (part, resource) = match name.split_once('.') {
        Some(("requests", resource)) => ("requests", resource),
        Some(("limits", resource)) => ("limits", resource),
        _ => ("requests", name),
    };
    let total: i64 = pods
        .map(|pod| {
            amounts::asked(pod, part, false)
                .get(resource)
                .copied()
                .unwrap_or_default()
        })
        .sum();
    if resource == "cpu" {
        return if total % 1000 == 0 {
            (total / 1000).to_string()
        } else {
            format!("{total}m")
        };
    }
    binary(total)
}

/// Whether a Pod is in all scopes of a quota.
fn in_scope(quota: &Value, pod: &Value) -> bool {
    let best_effort = || text(&pod["status"]["qosClass"]) == "BestEffort";
    let holds = |scope: &str, operator: &str, values: Vec<&str>| match scope {
        "Terminating" => pod["spec"]["activeDeadlineSeconds"].is_i64(),
        "NotTerminating" => !pod["spec"]["activeDeadlineSeconds"].is_i64(),
        "BestEffort" => best_effort(),
        "NotBestEffort" => !best_effort(),
        "PriorityClass" => {
            let class = text(&pod["spec"]["priorityClassName"]);
            match operator {
                "In" => values.contains(&class),
                "NotIn" => !values.contains(&class),
                "DoesNotExist" => class.is_empty(),
                _ => !class.is_empty(),
            }
        }
        "CrossNamespacePodAffinity" => {
            let affinity = &pod["spec"]["affinity"];
            ["podAffinity", "podAntiAffinity"].iter().any(|sort| {
                affinity[*sort].to_string().contains("\"namespaces\"")
                    || affinity[*sort]
                        .to_string()
                        .contains("\"namespaceSelector\"")
            })
        }
        _ => true,
    };
    items(&quota["spec"]["scopes"]).all(|scope| holds(text(scope), "Exists", Vec::new()))
        && items(&quota["spec"]["scopeSelector"]["matchExpressions"]).all(|one| {
            holds(
                text(&one["scopeName"]),
                text(&one["operator"]),
                items(&one["values"]).map(text).collect(),
            )
        })
}

/// The sum of some quantities, in the notation of the first.
fn sum(texts: impl Iterator<Item = String>) -> String {
    let mut total: Option<Quantity> = None;
    for quantity in texts.filter_map(|text| Quantity::parse(&text).ok()) {
        total = Some(match total {
            Some(total) => total.add(&quantity),
            None => quantity,
        });
    }
    total.map_or_else(|| "0".to_owned(), |total| total.to_string())
}

/// An amount of bytes in the largest unit that it is a multiple of.
fn binary(amount: i64) -> String {
    for (shift, unit) in [(50, "Pi"), (40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")] {
        if amount != 0 && amount % (1 << shift) == 0 {
            return format!("{}{unit}", amount >> shift);
        }
    }
    amount.to_string()
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
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c", "namespace": "shop"}, "spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "3Gi"}}}});
        let quota = json!({"metadata": {"namespace": "shop"}});
        let cache = Cache::of([
            pod("a", "Running", "500m", "64Mi"),
            pod("b", "Pending", "1", "64Mi"),
            pod("c", "Succeeded", "9", "9Gi"),
            service,
            claim,
        ]);
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
            assert_eq!(usage(&quota, name, &cache), expected, "{name}");
        }
    }
}

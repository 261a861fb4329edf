//! The flow schemas and priority levels that each cluster has: mandatory and suggested ones.
//!
//! Facts: `apiserver/pkg/apis/flowcontrol/bootstrap/default.go`.

use serde_json::{Value, json};

use super::dangling;
use crate::text::digest;

/// Name, shares, the percentage that others may borrow; queues, hand size and length of a queue (0: none waits).
const LEVELS: [(&str, u32, u32, [u32; 3]); 8] = [
    ("exempt", 0, 0, [0; 3]),
    ("catch-all", 5, 0, [0; 3]),
    ("system", 30, 33, [64, 6, 50]),
    ("node-high", 40, 25, [64, 6, 50]),
    ("leader-election", 10, 0, [16, 4, 50]),
    ("workload-high", 40, 50, [128, 6, 50]),
    ("workload-low", 100, 90, [128, 6, 50]),
    ("global-default", 20, 50, [128, 6, 50]),
];

/// Name, priority level, precedence, what tells flows apart (`User`, `Namespace`, nothing), subjects.
const SCHEMAS: [(&str, &str, u32, &str, &[&str]); 11] = [
    ("exempt", "exempt", 1, "", &["Group:system:masters"]),
    ("probes", "exempt", 2, "", EVERYBODY),
    (
        "system-leader-election",
        "leader-election",
        100,
        "User",
        &[
            "User:system:kube-controller-manager",
            "User:system:kube-scheduler",
            SYSTEM_ACCOUNTS,
        ],
    ),
    ("system-node-high", "node-high", 400, "User", NODES),
    ("system-nodes", "system", 500, "User", NODES),
    (
        "kube-controller-manager",
        "workload-high",
        800,
        "Namespace",
        &["User:system:kube-controller-manager"],
    ),
    (
        "kube-scheduler",
        "workload-high",
        800,
        "Namespace",
        &["User:system:kube-scheduler"],
    ),
    (
        "kube-system-service-accounts",
        "workload-high",
        900,
        "Namespace",
        &[SYSTEM_ACCOUNTS],
    ),
    (
        "service-accounts",
        "workload-low",
        9000,
        "User",
        &["Group:system:serviceaccounts"],
    ),
    ("global-default", "global-default", 9900, "User", EVERYBODY),
    ("catch-all", "catch-all", 10000, "User", EVERYBODY),
];

const EVERYBODY: &[&str] = &["Group:system:unauthenticated", "Group:system:authenticated"];
const NODES: &[&str] = &["Group:system:nodes"];
/// All accounts of one namespace.
const SYSTEM_ACCOUNTS: &str = "ServiceAccount:kube-system";

/// How many objects a resource has.
pub(crate) fn count(plural: &str) -> u64 {
    match plural {
        super::SCHEMAS => SCHEMAS.len() as u64,
        _ => LEVELS.len() as u64,
    }
}

/// The objects of a resource, by their names.
pub(crate) fn objects(plural: &str, seed: u64, created: &str) -> Vec<(String, Value)> {
    let made = |name: &str, mut value: Value| {
        value["metadata"] = json!({
            "name": name, "uid": uid_of(seed, plural, name), "generation": 1, "creationTimestamp": created,
            "annotations": {"apf.kubernetes.io/autoupdate-spec": "true"},
        });
        (name.to_owned(), value)
    };
    if plural == super::LEVELS {
        return LEVELS
            .iter()
            .map(|level| made(level.0, priority_level(*level)))
            .collect();
    }
    SCHEMAS
        .iter()
        .filter_map(|(name, ..)| {
            let (level, mut value) = schema(name)?;
            value["status"] = json!({"conditions": [dangling(true, level, created)]});
            Some(made(name, value))
        })
        .collect()
}

fn priority_level((name, shares, lent, queues): (&str, u32, u32, [u32; 3])) -> Value {
    let spec = match (name, queues) {
        ("exempt", _) => json!({
            "type": "Exempt", "exempt": {"nominalConcurrencyShares": shares, "lendablePercent": lent},
        }),
        (_, queues) => {
            let [count, hand, length] = queues;
            let response = match count {
                0 => json!({"type": "Reject"}),
                _ => json!({"type": "Queue", "queuing": {
                    "queues": count, "handSize": hand, "queueLengthLimit": length,
                }}),
            };
            json!({"type": "Limited", "limited": {
                "nominalConcurrencyShares": shares, "lendablePercent": lent, "limitResponse": response,
            }})
        }
    };
    json!({"apiVersion": format!("{}/v1", super::GROUP), "kind": "PriorityLevelConfiguration", "spec": spec, "status": {}})
}

/// A flow schema without its metadata, and the name of its priority level.
pub(super) fn schema(name: &str) -> Option<(&'static str, Value)> {
    let (_, level, precedence, distinguisher, subjects) =
        SCHEMAS.iter().find(|(known, ..)| *known == name)?;
    let all = [json!({
        "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"], "clusterScope": true,
    })];
    let leases = |verbs: &[&str]| {
        json!({
            "verbs": verbs, "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "namespaces": ["*"],
        })
    };
    let mut rule =
        json!({"subjects": subjects.iter().filter_map(|one| subject(one)).collect::<Vec<_>>()});
    match name {
        "probes" => {
            let paths = ["/healthz", "/readyz", "/livez"];
            rule["nonResourceRules"] = json!([{"verbs": ["get"], "nonResourceURLs": paths}]);
        }
        "system-leader-election" => {
            rule["resourceRules"] = json!([leases(&["get", "create", "update"])]);
        }
        "system-node-high" => {
            let nodes = json!({
                "verbs": ["*"], "apiGroups": [""], "resources": ["nodes", "nodes/status"], "namespaces": ["*"],
                "clusterScope": true,
            });
            rule["resourceRules"] = json!([nodes, leases(&["*"])]);
        }
        _ => {
            rule["resourceRules"] = json!(all);
            rule["nonResourceRules"] = json!([{"verbs": ["*"], "nonResourceURLs": ["*"]}]);
        }
    }
    let mut spec = json!({
        "priorityLevelConfiguration": {"name": level}, "matchingPrecedence": precedence, "rules": [rule],
    });
    if !distinguisher.is_empty() {
        spec["distinguisherMethod"] = json!({"type": format!("By{distinguisher}")});
    }
    let value =
        json!({"apiVersion": format!("{}/v1", super::GROUP), "kind": "FlowSchema", "spec": spec});
    Some((level, value))
}

fn subject(text: &str) -> Option<Value> {
    let (kind, name) = text.split_once(':')?;
    Some(match kind {
        "User" => json!({"kind": kind, "user": {"name": name}}),
        "Group" => json!({"kind": kind, "group": {"name": name}}),
        _ => json!({"kind": kind, "serviceAccount": {"namespace": name, "name": "*"}}),
    })
}

/// The uid of what is not made in its turn: a version 4 UUID that the seed and the key determine.
pub(crate) fn uid_of(seed: u64, plural: &str, key: &str) -> String {
    let digest = digest::hex(format!("{seed} {plural} {key}").as_bytes()).to_lowercase();
    let part = |range: std::ops::Range<usize>| digest.get(range).unwrap_or_default();
    format!(
        "{}-{}-4{}-8{}-{}",
        part(0..8),
        part(8..12),
        part(12..15),
        part(15..18),
        part(18..30)
    )
}

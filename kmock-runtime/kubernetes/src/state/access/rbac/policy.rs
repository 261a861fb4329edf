//! The roles and bindings that every server has: `data/rbac.tsv`, facts of Kubernetes' bootstrap policy of v1.36.
//!
//! A line that begins with a kind begins an object: `ClusterRole NAME [AGGREGATES-TO [AGGREGATES-FROM]]`,
//! `Role NAMESPACE/NAME`, `ClusterRoleBinding NAME ROLE SUBJECTS`, `RoleBinding NAMESPACE/NAME ROLE SUBJECTS`. A binding
//! without more binds the ServiceAccount of a controller in `kube-system`. The others are rules: `VERBS GROUPS
//! RESOURCES [NAMES]`, or `VERBS - PATHS`.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::GROUP;

const TABLE: &str = include_str!("../../../data/rbac.tsv");
const CONTROLLER: &str = "system:controller:";

/// An object of the policy: the key in its storage, and what it is, without uid and time.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The storage key.
    pub key: String,
    /// The object.
    pub value: Value,
}

/// How many objects there are of a plural.
pub fn count(plural: &str) -> u64 {
    // Each server asks when it starts: the table is read once.
    static COUNTS: LazyLock<HashMap<&str, u64>> = LazyLock::new(|| {
        let mut counts = HashMap::new();
        for line in TABLE.lines() {
            *counts
                .entry(line.split('\t').next().unwrap_or_default())
                .or_default() += 1;
        }
        counts
    });
    COUNTS.get(kind_of(plural)).copied().unwrap_or_default()
}

/// The objects of a plural; `aggregated`: with the rules that cluster roles gather from others, as the controller for
/// that leaves them.
pub fn entries(plural: &str, aggregated: bool) -> Vec<Entry> {
    static BARE: LazyLock<Vec<Entry>> = LazyLock::new(read);
    static AGGREGATED: LazyLock<Vec<Entry>> = LazyLock::new(|| aggregate(read()));
    let all = if aggregated { &AGGREGATED } else { &BARE };
    let kind = kind_of(plural);
    all.iter()
        .filter(|entry| entry.value["kind"] == kind)
        .cloned()
        .collect()
}

fn kind_of(plural: &str) -> &'static str {
    match plural {
        "roles" => "Role",
        "clusterroles" => "ClusterRole",
        "rolebindings" => "RoleBinding",
        _ => "ClusterRoleBinding",
    }
}

fn read() -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    for line in TABLE.lines() {
        let mut words = line.split('\t');
        let mut word = || words.next().unwrap_or_default();
        match word() {
            "" => {
                let rule = rule([word(), word(), word(), word()]);
                if let Some(Value::Array(rules)) = all
                    .last_mut()
                    .and_then(|entry| entry.value.get_mut("rules"))
                {
                    rules.push(rule);
                }
            }
            kind => all.push(entry(kind, [word(), word(), word()])),
        }
    }
    for entry in &mut all {
        // What aggregates has no rules until somebody has aggregated them.
        if entry.value["aggregationRule"].is_object() {
            entry.value["rules"] = Value::Null;
        }
    }
    all
}

/// Gathers what the roles of the policy gather: by one label each, `view` first, which `edit` gathers, and so on.
fn aggregate(mut all: Vec<Entry>) -> Vec<Entry> {
    for name in ["view", "edit", "admin"] {
        let label = format!("{GROUP}/aggregate-to-{name}");
        let mut rules: Vec<Value> = Vec::new();
        let gathered = all
            .iter()
            .filter(|entry| entry.value["metadata"]["labels"][&label] == "true")
            .flat_map(|entry| entry.value["rules"].as_array().into_iter().flatten());
        for rule in gathered {
            if !rules.contains(rule) {
                rules.push(rule.clone());
            }
        }
        if let Some(entry) = all.iter_mut().find(|entry| entry.key == name) {
            entry.value["rules"] = rules.into();
        }
    }
    all
}

fn entry(kind: &str, [key, second, third]: [&str; 3]) -> Entry {
    let (namespace, name) = key.split_once('/').unwrap_or(("", key));
    let mut metadata = json!({
        "name": name,
        "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
        "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
    });
    if !namespace.is_empty() {
        metadata["namespace"] = namespace.into();
    }
    let mut value = json!({"apiVersion": format!("{GROUP}/v1"), "kind": kind});
    let aggregate = |to: &str| format!("{GROUP}/aggregate-to-{to}");
    if kind.ends_with("Binding") {
        let role_kind = match namespace {
            "" => "ClusterRole",
            _ => "Role",
        };
        let role = match second {
            "" => name,
            role => role,
        };
        value["roleRef"] = json!({"apiGroup": GROUP, "kind": role_kind, "name": role});
        let subjects = match second {
            "" => vec![account(
                "kube-system",
                name.strip_prefix(CONTROLLER).unwrap_or(name),
            )],
            _ => third.split(' ').filter_map(subject).collect(),
        };
        if !subjects.is_empty() {
            value["subjects"] = subjects.into();
        }
    } else {
        value["rules"] = json!([]);
        if !second.is_empty() {
            metadata["labels"][aggregate(second)] = "true".into();
        }
        if !third.is_empty() {
            let mut labels = Map::new();
            labels.insert(aggregate(third), "true".into());
            value["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": labels}]});
        }
    }
    value["metadata"] = metadata;
    Entry {
        key: key.to_owned(),
        value,
    }
}

fn account(namespace: &str, name: &str) -> Value {
    json!({"kind": "ServiceAccount", "name": name, "namespace": namespace})
}

fn subject(text: &str) -> Option<Value> {
    let (kind, name) = text.split_once(':')?;
    if kind == "ServiceAccount" {
        let (namespace, name) = name.split_once('/')?;
        return Some(account(namespace, name));
    }
    Some(json!({"apiGroup": GROUP, "kind": kind, "name": name}))
}

fn rule([verbs, groups, resources, names]: [&str; 4]) -> Value {
    let verbs: Vec<&str> = match verbs {
        "read" => vec!["get", "list", "watch"],
        "write" => vec!["create", "delete", "deletecollection", "patch", "update"],
        "all" => vec![
            "create",
            "delete",
            "deletecollection",
            "get",
            "list",
            "patch",
            "update",
            "watch",
        ],
        verbs => verbs.split(',').collect(),
    };
    let list = |text: &str| -> Vec<String> { text.split(',').map(str::to_owned).collect() };
    if groups == "-" {
        return json!({"nonResourceURLs": list(resources), "verbs": verbs});
    }
    let groups: Vec<&str> = groups
        .split(',')
        .map(|group| match group {
            "core" => "",
            group => group,
        })
        .collect();
    let mut rule = json!({"apiGroups": groups, "resources": list(resources), "verbs": verbs});
    if !names.is_empty() {
        rule["resourceNames"] = list(names).into();
    }
    rule
}

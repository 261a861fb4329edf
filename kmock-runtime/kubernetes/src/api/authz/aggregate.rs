//! Cluster roles that gather the rules of others: what the clusterrole-aggregation controller does, at once.

use std::sync::Arc;

use serde_json::Value;

use crate::model::resource::ResourceKey;
use crate::model::selectors::LabelSelector;
use crate::state::access::rbac;
use crate::state::change::Reactor;
use crate::state::cluster::Cluster;
use crate::state::store::{Event, StoredObject, Write};

/// Whether the cluster has the controller: it comes with the others, and with RBAC, which is of little use without.
fn is_on(cluster: &Cluster) -> bool {
    cluster.options().controllers || cluster.access().has_rbac()
}

/// The controller.
#[derive(Debug, Clone, Copy)]
pub struct Aggregation;

impl Reactor for Aggregation {
    fn written(&self, cluster: &Cluster, place: &ResourceKey, _event: &Arc<Event>) {
        if *place.plural == *"clusterroles" && *place.group == *rbac::GROUP && is_on(cluster) {
            run(cluster);
        }
    }
}

/// Brings all aggregated roles up to date.
pub fn run(cluster: &Cluster) {
    let place = ResourceKey::new(rbac::GROUP, "clusterroles");
    let store = cluster.store();
    // What is gathered may be gathered further; a round without a change is the last. Roles that gather each other
    // settle, too: rules are only added, and each once.
    loop {
        let roles = store.list(&place, "").objects;
        let mut changed = false;
        for role in &roles {
            let Some(rules) = gathered(role, &roles) else {
                continue;
            };
            let own = role.value["rules"].as_array();
            if own.map(Vec::as_slice).unwrap_or_default() == rules.as_slice() {
                continue;
            }
            let mut value = (*role.value).clone();
            value["rules"] = rules.into();
            let write = Write::Update {
                current: Arc::clone(role),
                value,
            };
            changed |= cluster.commit(&place, write).is_ok();
        }
        if !changed {
            return;
        }
    }
}

/// The rules that a role gathers; `None` if it gathers none.
fn gathered(role: &StoredObject, all: &[Arc<StoredObject>]) -> Option<Vec<Value>> {
    let selectors = role.value["aggregationRule"].as_object()?;
    let selectors = selectors.get("clusterRoleSelectors");
    let mut rules: Vec<Value> = Vec::new();
    for selector in selectors.and_then(Value::as_array).into_iter().flatten() {
        // What cannot be read selects nothing.
        let Ok(Some(selector)) = LabelSelector::from_object(selector) else {
            continue;
        };
        for other in all.iter().filter(|other| other.key() != role.key()) {
            if !selector.matches_object(&other.value) {
                continue;
            }
            let of_other = other.value["rules"].as_array().into_iter().flatten();
            for rule in of_other {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
    }
    Some(rules)
}

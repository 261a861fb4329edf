//! Lists of resource amounts, and what a pod asks for as a whole.

use std::collections::BTreeMap;

use serde_json::Value;

use super::quantity::Quantity;
use super::values::{is_set, items, members, text};

/// Amounts by the name of the resource.
pub type Amounts = BTreeMap<String, Quantity>;

/// The amounts at a path of an object; what cannot be read is left out.
pub(crate) fn read(value: &Value, path: &[&str]) -> Amounts {
    members(value, path)
        .into_iter()
        .filter_map(|(name, amount)| Some((name.to_owned(), Quantity::of(amount)?)))
        .collect()
}

/// Adds amounts to others.
pub(super) fn add(to: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let sum = to
            .get(name)
            .map_or_else(|| amount.clone(), |own| own.add(amount));
        to.insert(name.clone(), sum);
    }
}

pub(super) fn raise(to: &mut Amounts, least: &Amounts) {
    for (name, amount) in least {
        if to.get(name).is_none_or(|own| own.compare(amount).is_lt()) {
            to.insert(name.clone(), amount.clone());
        }
    }
}

/// Whether the resources of a pod can be told for all of its containers at once.
fn is_pod_level(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || name.starts_with("hugepages-")
}

/// Whether a pod tells them so.
pub(super) fn has_pod_level(pod: &Value) -> bool {
    ["requests", "limits"].iter().any(|what| {
        members(pod, &["spec", "resources", what])
            .iter()
            .any(|(name, _)| is_pod_level(name))
    })
}

/// The `requests` or `limits` of a pod without its overhead: containers run at once, init containers one after the
/// other, but for those that stay.
pub fn of_pod(pod: &Value, what: &str) -> Amounts {
    let mut total = Amounts::new();
    for container in items(pod, &["spec", "containers"]) {
        add(&mut total, &read(container, &["resources", what]));
    }
    let (mut staying, mut starting) = (Amounts::new(), Amounts::new());
    for container in items(pod, &["spec", "initContainers"]) {
        let own = read(container, &["resources", what]);
        let mut now = staying.clone();
        add(&mut now, &own);
        if text(container, &["restartPolicy"]) == "Always" {
            add(&mut total, &own);
            staying.clone_from(&now);
        }
        raise(&mut starting, &now);
    }
    raise(&mut total, &starting);
    if is_set(pod, &["spec", "resources"]) {
        let whole = read(pod, &["spec", "resources", what]);
        total.extend(whole.into_iter().filter(|(name, _)| is_pod_level(name)));
    }
    total
}

/// The requests of a pod with its overhead.
pub fn requests_with_overhead(pod: &Value) -> Amounts {
    let mut all = of_pod(pod, "requests");
    add(&mut all, &read(pod, &["spec", "overhead"]));
    all
}

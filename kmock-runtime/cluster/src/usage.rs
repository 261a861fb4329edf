//! What containers use: as the test set it for Pods, or for images.

use std::collections::BTreeMap;

use crate::amounts;
use crate::glob::glob;
use crate::json::Json;
use crate::object::{self, items, text};
use crate::shared::Shared;

/// Resources and how much of each, in thousandths.
pub(crate) type Used = BTreeMap<String, i64>;

/// What each container of a Pod uses, in the order of its spec. What was set for a Pod is used by its first container: it
/// is the one that works. What was said of an image holds for the resources of which nothing was set for the Pod.
pub(crate) fn of_containers(shared: &Shared, pod: &Json) -> Vec<(String, Used)> {
    let key = object::key(pod);
    let mut whole = Used::new();
    for (pattern, resource, amount) in &shared.state().usage {
        if glob(pattern, &key) {
            whole
                .entry(resource.clone())
                .or_insert_with(|| amounts::milli(amount));
        }
    }
    let mut all: Vec<(String, Used)> = items(&pod["spec"]["containers"])
        .map(|container| {
            let mut used: Used = shared
                .scripts
                .usage(text(&container["image"]))
                .into_iter()
                .map(|(resource, amount)| (resource, amounts::milli(&amount)))
                .collect();
            used.retain(|resource, _| !whole.contains_key(resource));
            (text(&container["name"]).to_owned(), used)
        })
        .collect();
    if let Some((_, first)) = all.first_mut() {
        first.extend(whole);
    }
    all
}

/// What a Pod uses.
pub(crate) fn of_pod(shared: &Shared, pod: &Json) -> Used {
    let mut sum = Used::new();
    for (_, used) in of_containers(shared, pod) {
        for (resource, amount) in used {
            *sum.entry(resource).or_default() += amount;
        }
    }
    sum
}

/// Whether anything was said of usage.
pub(crate) fn is_known(shared: &Shared) -> bool {
    let of_pods = !shared.state().usage.is_empty();
    of_pods || shared.scripts.has_usage()
}

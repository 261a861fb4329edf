//! What of the flow schemas and priority levels that each server has was taken away or changed is put right with the next full
//! minute, by the clock of the cluster.
//!
//! Rules: `pkg/registry/flowcontrol/{rest,ensurer}`. The mandatory ones are always as they were; of the suggested ones the spec is
//! kept as long as their annotation says so, or nobody has touched them where it is missing.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{GROUP, LEVELS, SCHEMAS, defaults};
use crate::kinds::builtin::values::text;
use crate::model::meta;
use crate::model::resource::ResourceKey;
use crate::state::change::Edit;
use crate::state::cluster::Cluster;

const EVERY: i64 = 60;
const UPDATES: &str = "apf.kubernetes.io/autoupdate-spec";
/// Those that there are in any case.
const MANDATORY: [&str; 2] = ["exempt", "catch-all"];

/// When something is put right, if anything is amiss.
#[derive(Debug, Default)]
struct Renewal(Mutex<Option<Timestamp>>);

/// The objects as they should be.
fn wanted(cluster: &Cluster, plural: &str) -> Vec<(String, Value)> {
    let created = meta::rfc3339(cluster.now());
    defaults::objects(plural, cluster.options().seed, &created)
}

/// What becomes of an object.
fn renewed(cluster: &Cluster, wanted: &Value, current: Option<&Value>) -> Edit {
    let Some(current) = current else {
        let mut made = wanted.clone();
        made["metadata"]["uid"] = cluster.next_uid().into();
        return Edit::Put(made);
    };
    let name = text(current, &["metadata", "name"]);
    let kept = match text(current, &["metadata", "annotations", UPDATES]) {
        _ if MANDATORY.contains(&name) => true,
        "" => current["metadata"]["generation"] == 1,
        told => told == "true",
    };
    if !kept || current["spec"] == wanted["spec"] {
        return Edit::Keep;
    }
    let mut value = current.clone();
    let generation = value["metadata"]["generation"].as_i64().unwrap_or_default();
    value["spec"] = wanted["spec"].clone();
    value["metadata"]["generation"] = (generation + 1).into();
    value["metadata"]["annotations"][UPDATES] = "true".into();
    Edit::Put(value)
}

/// Something was written: from now on it is known when something has to be put right.
pub(super) fn note(cluster: &Cluster) {
    let store = cluster.store();
    let amiss = [LEVELS, SCHEMAS].iter().any(|plural| {
        let place = ResourceKey::new(GROUP, *plural);
        wanted(cluster, plural).iter().any(|(key, wanted)| {
            let current = store.get(&place, key);
            let current = current.as_ref().map(|current| &*current.value);
            match current {
                None => true,
                Some(current) => renewed(cluster, wanted, Some(current)) != Edit::Keep,
            }
        })
    });
    let since = cluster.started();
    let passed = cluster.now().duration_since(since).as_secs();
    let due = since.checked_add(SignedDuration::from_secs((passed / EVERY + 1) * EVERY));
    let room = cluster.room::<Renewal>();
    let mut known = room.0.lock().unwrap_or_else(PoisonError::into_inner);
    *known = due.ok().filter(|_| amiss);
}

fn due(cluster: &Cluster) -> Option<Timestamp> {
    let room = cluster.room::<Renewal>();
    *room.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts right what is amiss, when its time has come.
pub(super) fn run(cluster: &Cluster) {
    if due(cluster).is_none_or(|due| cluster.now() < due) {
        return;
    }
    for plural in [LEVELS, SCHEMAS] {
        let place = ResourceKey::new(GROUP, plural);
        for (key, wanted) in wanted(cluster, plural) {
            cluster.set(&place, &key, |current| {
                let current = current.map(|current| &*current.value);
                renewed(cluster, &wanted, current)
            });
        }
    }
}

/// How long it takes until then.
pub(super) fn next(cluster: &Cluster) -> Option<Duration> {
    let left = due(cluster)?.duration_since(cluster.now());
    Some(Duration::try_from(left).unwrap_or_default())
}

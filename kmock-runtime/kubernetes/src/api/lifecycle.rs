//! What a cluster's controllers would do after a write, if [`ClusterOptions::controllers`] asks for them:
//! the garbage collector (owners, `foregroundDeletion`, `orphan`) and the namespace controller.
//!
//! They act at once, as part of the write that they react to, and in a fixed order: a test needs no waiting.
//!
//! [`ClusterOptions::controllers`]: crate::ClusterOptions::controllers

use std::sync::Arc;

use serde_json::Value;

use crate::model::meta;
use crate::model::resource::ResourceKey;
use crate::state::change::Reactor;
use crate::state::cluster::Cluster;
use crate::state::store::{Change, Event, StoredObject, Write};

/// The controllers that clean up.
#[derive(Debug, Clone, Copy)]
pub struct Cleaners;

impl Reactor for Cleaners {
    fn written(&self, cluster: &Cluster, place: &ResourceKey, event: &Arc<Event>) {
        react(cluster, place, event);
    }
}

fn react(cluster: &Cluster, place: &ResourceKey, event: &Arc<Event>) {
    if !cluster.options().controllers {
        return;
    }
    match event.change {
        Change::Deleted => {
            collect_dependents(cluster, event.object.uid());
            // An owner that goes in the foreground may have waited for this one.
            for uid in owners(&event.object)
                .iter()
                .filter_map(|owner| owner["uid"].as_str())
            {
                if let Some((place, owner)) =
                    with_uid(cluster, uid).filter(|(_, owner)| owner.is_terminating())
                {
                    finish(cluster, &place, &owner);
                }
            }
        }
        Change::Added | Change::Modified => {
            if event.object.is_terminating() {
                finish(cluster, place, &event.object);
            } else if !owners(&event.object).is_empty() {
                collect_if_orphaned(cluster, place, &event.object);
            }
        }
    }
    if let Some(namespace) = emptied_namespace(place, event) {
        finalize_namespace(cluster, namespace);
    }
}

fn namespaces() -> ResourceKey {
    ResourceKey::new("", "namespaces")
}

fn owners(object: &StoredObject) -> Vec<&Value> {
    object.metadata()["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten()
        .collect()
}

fn finalizers(object: &StoredObject) -> Vec<&str> {
    object.metadata()["finalizers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// All objects that name an owner.
fn dependents(cluster: &Cluster, uid: &str) -> Vec<(ResourceKey, Arc<StoredObject>)> {
    let store = cluster.store();
    let mut found = Vec::new();
    for place in store.resources() {
        for object in store.list(&place, "").objects {
            if owners(&object).iter().any(|owner| owner["uid"] == uid) {
                found.push((place.clone(), object));
            }
        }
    }
    found
}

fn with_uid(cluster: &Cluster, uid: &str) -> Option<(ResourceKey, Arc<StoredObject>)> {
    let store = cluster.store();
    store.resources().into_iter().find_map(|place| {
        let found = store
            .list(&place, "")
            .objects
            .into_iter()
            .find(|object| object.uid() == uid)?;
        Some((place, found))
    })
}

/// Deletes an object in the background, as the garbage collector does: marked if something holds it, else removed.
fn delete(cluster: &Cluster, place: &ResourceKey, object: &Arc<StoredObject>, foreground: bool) {
    let store = cluster.store();
    let Some(current) = store
        .get(place, object.key())
        .filter(|now| now.uid() == object.uid())
    else {
        return;
    };
    if *place == namespaces() || (current.is_terminating() && !foreground) {
        return;
    }
    let mut names: Vec<String> = finalizers(&current)
        .into_iter()
        .map(str::to_owned)
        .collect();
    if foreground && !names.iter().any(|name| name == "foregroundDeletion") {
        names.push("foregroundDeletion".into());
    }
    let write = if names.is_empty() {
        Write::Delete { current }
    } else {
        let mut value = (*current.value).clone();
        crate::api::delete::mark(&mut value, cluster.now());
        meta::edit(&mut value, |metadata| {
            metadata.insert("finalizers".into(), names.into())
        });
        if value == *current.value {
            return;
        }
        Write::Update { current, value }
    };
    // If somebody was faster, their write is reacted to in its turn.
    let _ = cluster.commit(place, write);
}

/// The dependents of an object that is gone: those without another owner go too, the others lose the reference.
fn collect_dependents(cluster: &Cluster, uid: &str) {
    for (place, object) in dependents(cluster, uid) {
        collect_if_orphaned(cluster, &place, &object);
    }
}

fn collect_if_orphaned(cluster: &Cluster, place: &ResourceKey, object: &Arc<StoredObject>) {
    let (mut live, mut gone) = (Vec::new(), Vec::new());
    for owner in owners(object) {
        let uid = owner["uid"].as_str().unwrap_or_default();
        if with_uid(cluster, uid).is_some() {
            live.push(owner.clone());
        } else {
            gone.push(uid.to_owned());
        }
    }
    if gone.is_empty() {
        return;
    }
    if live.is_empty() {
        delete(cluster, place, object, false);
    } else {
        set_owners(cluster, place, object, live);
    }
}

fn set_owners(
    cluster: &Cluster,
    place: &ResourceKey,
    object: &Arc<StoredObject>,
    left: Vec<Value>,
) {
    let store = cluster.store();
    let Some(current) = store
        .get(place, object.key())
        .filter(|now| now.uid() == object.uid())
    else {
        return;
    };
    let mut value = (*current.value).clone();
    let left = if left.is_empty() {
        Value::Null
    } else {
        left.into()
    };
    meta::edit(&mut value, |metadata| {
        meta::set(metadata, "ownerReferences", left);
    });
    // If somebody was faster, their write is reacted to in its turn.
    let _ = cluster.commit(place, Write::Update { current, value });
}

fn remove_finalizer(
    cluster: &Cluster,
    place: &ResourceKey,
    object: &Arc<StoredObject>,
    name: &str,
) {
    let store = cluster.store();
    let Some(current) = store
        .get(place, object.key())
        .filter(|now| now.uid() == object.uid())
    else {
        return;
    };
    let left: Vec<Value> = finalizers(&current)
        .into_iter()
        .filter(|x| *x != name)
        .map(Value::from)
        .collect();
    let write = if left.is_empty() && *place != namespaces() {
        Write::Delete { current }
    } else {
        let mut value = (*current.value).clone();
        let left = if left.is_empty() {
            Value::Null
        } else {
            left.into()
        };
        meta::edit(&mut value, |metadata| {
            meta::set(metadata, "finalizers", left);
        });
        Write::Update { current, value }
    };
    // If somebody was faster, their write is reacted to in its turn.
    let _ = cluster.commit(place, write);
}

/// Goes on with an object that is being deleted.
fn finish(cluster: &Cluster, place: &ResourceKey, object: &Arc<StoredObject>) {
    let names = finalizers(object);
    if names.contains(&"orphan") {
        for (place, dependent) in dependents(cluster, object.uid()) {
            let left = owners(&dependent)
                .into_iter()
                .filter(|owner| owner["uid"] != object.uid())
                .cloned()
                .collect();
            set_owners(cluster, &place, &dependent, left);
        }
        remove_finalizer(cluster, place, object, "orphan");
    } else if names.contains(&"foregroundDeletion") {
        let uid = object.uid();
        for (place, dependent) in dependents(cluster, uid) {
            delete(cluster, &place, &dependent, true);
        }
        let blocks = |owner: &&Value| owner["uid"] == uid && owner["blockOwnerDeletion"] == true;
        let blocked = dependents(cluster, uid)
            .iter()
            .any(|(_, dependent)| owners(dependent).iter().any(blocks));
        if !blocked {
            remove_finalizer(cluster, place, object, "foregroundDeletion");
        }
    }
    if *place == namespaces() {
        empty_namespace(cluster, object.name());
        finalize_namespace(cluster, object.name());
    }
}

/// Deletes what a namespace holds.
fn empty_namespace(cluster: &Cluster, namespace: &str) {
    for place in cluster.store().resources() {
        for object in cluster
            .store()
            .list(&place, &format!("{namespace}/"))
            .objects
        {
            delete(cluster, &place, &object, false);
        }
    }
}

/// The namespace that may have become empty by a write.
fn emptied_namespace<'a>(place: &ResourceKey, event: &'a Event) -> Option<&'a str> {
    (event.change == Change::Deleted && *place != namespaces())
        .then(|| event.object.namespace())
        .filter(|namespace| !namespace.is_empty())
}

/// Lets a terminating namespace go that holds nothing any more.
fn finalize_namespace(cluster: &Cluster, namespace: &str) {
    let store = cluster.store();
    let Some(current) = store
        .get(&namespaces(), namespace)
        .filter(|now| now.is_terminating())
    else {
        return;
    };
    let prefix = format!("{namespace}/");
    let holds = |place: &ResourceKey| !store.list(place, &prefix).objects.is_empty();
    if store.resources().iter().any(holds) || !finalizers(&current).is_empty() {
        return;
    }
    // If somebody was faster, their write is reacted to in its turn.
    let _ = cluster.commit(&namespaces(), Write::Delete { current });
}

//! What a cluster's controllers would do after a write, if [`ClusterOptions::controllers`] asks for them:
//! the garbage collector (owners, `foregroundDeletion`, `orphan`) and the namespace controller.
//!
//! They act at once, as part of the write that they react to, and in a fixed order: a test needs no waiting.
//!
//! [`ClusterOptions::controllers`]: crate::ClusterOptions::controllers

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::model::meta;
use crate::model::resource::ResourceKey;
use crate::model::status::quoted;
use crate::model::strategy::Grace;
use crate::state::change::Reactor;
use crate::state::cluster::Cluster;
use crate::state::store::{Change, Event, StoredObject, Write};

/// The controllers that clean up.
#[derive(Debug, Clone, Copy)]
pub struct Cleaners;

impl Reactor for Cleaners {
    fn written(&self, cluster: &Cluster, place: &ResourceKey, event: &Arc<Event>) {
        if !cluster.options().controllers {
            return;
        }
        let waits = WAITING.with_borrow_mut(|waiting| match waiting {
            Some(queue) => {
                queue.push_back((cluster.clone(), place.clone(), Arc::clone(event)));
                true
            }
            None => {
                *waiting = Some(VecDeque::new());
                false
            }
        });
        if waits {
            return;
        }
        let _end = End;
        react(cluster, place, event);
        let next = || WAITING.with_borrow_mut(|waiting| waiting.as_mut()?.pop_front());
        while let Some((cluster, place, event)) = next() {
            react(&cluster, &place, &event);
        }
    }
}

/// A write that is to be reacted to.
type Reaction = (Cluster, ResourceKey, Arc<Event>);

thread_local! {
    /// While something is reacted to, what was written by that: it comes one after the other, however much follows from one write.
    static WAITING: RefCell<Option<VecDeque<Reaction>>> = const { RefCell::new(None) };
}

/// The end of all that follows from one write, also of what went wrong.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        WAITING.set(None);
    }
}

fn react(cluster: &Cluster, place: &ResourceKey, event: &Arc<Event>) {
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
                tell_of_strangers(cluster, place, event);
                collect(cluster, place, &event.object);
            }
        }
    }
    if let Some(namespace) = emptied_namespace(place, event) {
        // The last of its Pods is gone: what waited for them goes on.
        if *place == pods() && is_going(cluster, namespace) {
            empty_namespace(cluster, namespace);
        }
        finalize_namespace(cluster, namespace);
    }
}

fn pods() -> ResourceKey {
    ResourceKey::new("", "pods")
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
        let owned = store.owned(&place, uid).into_iter();
        found.extend(owned.map(|object| (place.clone(), object)));
    }
    found
}

fn with_uid(cluster: &Cluster, uid: &str) -> Option<(ResourceKey, Arc<StoredObject>)> {
    let store = cluster.store();
    store.resources().into_iter().find_map(|place| {
        let found = store.with_uid(&place, uid)?;
        Some((place, found))
    })
}

/// Deletes an object in the background, as the garbage collector does: marked if something holds it, else removed.
fn delete(cluster: &Cluster, place: &ResourceKey, object: &Arc<StoredObject>, foreground: bool) {
    let Some(current) = still_there(cluster, place, object) else {
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
    let grace = grace(cluster, place, &current);
    let write = if names.is_empty() && grace == 0 {
        Write::Delete { current }
    } else {
        let mut value = (*current.value).clone();
        match grace {
            0 => crate::api::delete::mark(&mut value, cluster.now()),
            seconds => crate::api::delete::begin(&mut value, cluster.now(), seconds),
        }
        if !names.is_empty() {
            meta::edit(&mut value, |metadata| {
                metadata.insert("finalizers".into(), names.into())
            });
        }
        if value == *current.value {
            return;
        }
        Write::Update { current, value }
    };
    // If somebody was faster, their write is reacted to in its turn.
    let _ = cluster.commit(place, write);
}

/// How long an object has to end, in seconds: a Pod on a node whose kubelet lives. Nobody else would end it.
fn grace(cluster: &Cluster, place: &ResourceKey, object: &StoredObject) -> i64 {
    if object.is_terminating() || *place != ResourceKey::new("", "pods") {
        return 0;
    }
    if cluster.kubelet().is_none() {
        return 0;
    }
    let served = cluster.registry().stored_at(place);
    match served.map(|served| served.strategy.grace(&object.value, None)) {
        Some(Grace::Seconds(seconds)) => seconds,
        _ => 0,
    }
}

/// The dependents of an object that is gone: those without another owner go too, the others lose the reference.
fn collect_dependents(cluster: &Cluster, uid: &str) {
    for (place, object) in dependents(cluster, uid) {
        collect(cluster, &place, &object);
    }
}

/// What an owner reference leads to. All of it counts: version, kind, name, uid, and the namespace of the dependent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// An object that is there.
    Solid,
    /// An object that goes when its dependents are gone.
    Waiting,
    /// Nothing.
    Absent,
    /// Nobody can tell: an unknown kind, or an object of a namespace that shall own one that is in none.
    Unknown,
}

fn owner(cluster: &Cluster, dependent: &StoredObject, reference: &Value) -> Owner {
    let text = |key: &str| reference[key].as_str().unwrap_or_default();
    let (group, version) = meta::split_api_version(text("apiVersion"));
    let Some(served) = cluster.registry().find_kind(group, version, text("kind")) else {
        return Owner::Unknown;
    };
    let namespace = dependent.namespace();
    if served.resource.namespaced && namespace.is_empty() {
        return Owner::Unknown;
    }
    let key = served.resource.key(namespace, text("name"));
    match cluster.store().get(&served.resource.storage, &key) {
        Some(found) if found.uid() == text("uid") => match waits(&found) {
            true => Owner::Waiting,
            false => Owner::Solid,
        },
        _ => Owner::Absent,
    }
}

/// Whether an object is deleted in the foreground: it waits for its dependents.
fn waits(object: &StoredObject) -> bool {
    object.is_terminating() && finalizers(object).contains(&"foregroundDeletion")
}

/// Deletes an object whose owners are all gone or waiting for it; one that has another owner loses the reference.
fn collect(cluster: &Cluster, place: &ResourceKey, object: &Arc<StoredObject>) {
    if object.is_terminating() {
        return;
    }
    let all: Vec<(&Value, Owner)> = owners(object)
        .into_iter()
        .map(|reference| (reference, owner(cluster, object, reference)))
        .collect();
    let has = |wanted: Owner| all.iter().any(|(_, owner)| *owner == wanted);
    // What cannot be resolved is never deleted.
    if has(Owner::Unknown) || !(has(Owner::Absent) || has(Owner::Waiting)) {
        return;
    }
    if has(Owner::Solid) {
        let solid = all.into_iter().filter(|(_, owner)| *owner == Owner::Solid);
        let left = solid.map(|(reference, _)| reference.clone()).collect();
        set_owners(cluster, place, object, left);
        return;
    }
    let of_its_own = dependents(cluster, object.uid());
    let foreground = has(Owner::Waiting) && !of_its_own.is_empty();
    let blocks = all
        .iter()
        .any(|(reference, _)| reference["blockOwnerDeletion"] == true);
    if foreground && blocks && of_its_own.iter().any(|(_, dependent)| waits(dependent)) {
        // Owners in a circle would wait for each other for ever. What follows from this write deletes the object.
        let unblocked = all.into_iter().map(|(reference, _)| {
            let mut reference = reference.clone();
            reference["blockOwnerDeletion"] = false.into();
            reference
        });
        set_owners(cluster, place, object, unblocked.collect());
        return;
    }
    delete(cluster, place, object, foreground);
}

/// Tells of owners that are in another namespace than their dependent: such references lead nowhere.
fn tell_of_strangers(cluster: &Cluster, place: &ResourceKey, event: &Event) {
    let object = &event.object;
    let before = event
        .previous
        .as_ref()
        .map(|before| &before.metadata()["ownerReferences"]);
    if before == Some(&object.metadata()["ownerReferences"]) {
        return;
    }
    for reference in owners(object) {
        let text = |key: &str| reference[key].as_str().unwrap_or_default();
        let (group, version) = meta::split_api_version(text("apiVersion"));
        let served = cluster.registry().find_kind(group, version, text("kind"));
        if !served.is_some_and(|served| served.resource.namespaced) {
            continue;
        }
        let elsewhere = with_uid(cluster, text("uid"))
            .is_some_and(|(_, owner)| owner.namespace() != object.namespace());
        if !elsewhere && !object.namespace().is_empty() {
            continue;
        }
        let message = format!(
            "ownerRef [{}/{}, namespace: {}, name: {}, uid: {}] does not exist in namespace {}",
            text("apiVersion"),
            text("kind"),
            object.namespace(),
            text("name"),
            text("uid"),
            quoted(object.namespace())
        );
        warn(cluster, place, object, "OwnerRefInvalidNamespace", &message);
    }
}

/// Posts an event of the garbage collector.
fn warn(
    cluster: &Cluster,
    place: &ResourceKey,
    object: &StoredObject,
    reason: &str,
    message: &str,
) {
    const COMPONENT: &str = "garbage-collector-controller";
    let namespace = match object.namespace() {
        "" => "default",
        namespace => namespace,
    };
    let kind = cluster
        .registry()
        .stored_at(place)
        .map(|served| served.resource.kind.clone());
    let (name, now) = (
        format!("{}.{:016x}", object.name(), cluster.random()),
        meta::rfc3339(cluster.now()),
    );
    let mut involved = json!({
        "kind": kind.unwrap_or_default(), "apiVersion": object.value["apiVersion"], "name": object.name(),
        "uid": object.uid(),
    });
    if !object.namespace().is_empty() {
        involved["namespace"] = object.namespace().into();
    }
    let value = json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": name, "namespace": namespace, "uid": cluster.next_uid(), "creationTimestamp": now},
        "involvedObject": involved, "reason": reason, "message": message, "type": "Warning",
        "source": {"component": COMPONENT}, "reportingComponent": COMPONENT, "reportingInstance": "",
        "firstTimestamp": now, "lastTimestamp": now, "count": 1, "eventTime": null,
    });
    let key = format!("{namespace}/{name}");
    // Its name is its own: nobody is faster.
    let _ = cluster.commit(
        &ResourceKey::new("", "events"),
        Write::Create { key, value },
    );
}

fn set_owners(
    cluster: &Cluster,
    place: &ResourceKey,
    object: &Arc<StoredObject>,
    left: Vec<Value>,
) {
    let Some(current) = still_there(cluster, place, object) else {
        return;
    };
    let value = with_left(&current, "ownerReferences", left);
    // If somebody was faster, their write is reacted to in its turn.
    let _ = cluster.commit(place, Write::Update { current, value });
}

/// What an object has become since it was looked at; `None`: it is gone, or another of its name.
fn still_there(
    cluster: &Cluster,
    place: &ResourceKey,
    object: &StoredObject,
) -> Option<Arc<StoredObject>> {
    let now = cluster.store().get(place, object.key());
    now.filter(|now| now.uid() == object.uid())
}

/// The object with what is left of a list of its metadata.
fn with_left(object: &StoredObject, list: &str, left: Vec<Value>) -> Value {
    let mut value = (*object.value).clone();
    let left = match left.is_empty() {
        true => Value::Null,
        false => left.into(),
    };
    meta::edit(&mut value, |metadata| meta::set(metadata, list, left));
    value
}

fn remove_finalizer(
    cluster: &Cluster,
    place: &ResourceKey,
    object: &Arc<StoredObject>,
    name: &str,
) {
    let Some(current) = still_there(cluster, place, object) else {
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
        let value = with_left(&current, "finalizers", left);
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
        collect_dependents(cluster, uid);
        let blocked = dependents(cluster, uid).iter().any(|(_, dependent)| {
            owners(dependent).into_iter().any(|reference| {
                reference["uid"] == uid
                    && reference["blockOwnerDeletion"] == true
                    && owner(cluster, dependent, reference) == Owner::Waiting
            })
        });
        if !blocked {
            remove_finalizer(cluster, place, object, "foregroundDeletion");
        }
    }
    if *place == namespaces() {
        empty_namespace(cluster, object.name());
        finalize_namespace(cluster, object.name());
    }
}

/// Whether a namespace is there and goes.
fn is_going(cluster: &Cluster, namespace: &str) -> bool {
    let found = cluster.store().get(&namespaces(), namespace);
    found.is_some_and(|namespace| namespace.is_terminating())
}

/// Deletes what a namespace holds: its Pods first, and what they may still need when none of them is left.
fn empty_namespace(cluster: &Cluster, namespace: &str) {
    let store = cluster.store();
    let prefix = format!("{namespace}/");
    let empty = |place: &ResourceKey| {
        for object in store.list(place, &prefix).objects {
            delete(cluster, place, &object, false);
        }
    };
    let pods = pods();
    empty(&pods);
    if !store.list(&pods, &prefix).objects.is_empty() {
        return;
    }
    for place in store.resources() {
        if place != pods {
            empty(&place);
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
    let mut left = Vec::new();
    for place in store.resources() {
        let objects = store.list(&place, &prefix).objects;
        if !objects.is_empty() {
            left.push((place, objects));
        }
    }
    if !left.is_empty() {
        // While Pods are left, nobody has looked at the rest.
        if left.iter().any(|(place, _)| *place == pods()) {
            left.clear();
        }
        tell_what_is_left(cluster, &current, &left);
        return;
    }
    if !finalizers(&current).is_empty() {
        return;
    }
    // If somebody was faster, their write is reacted to in its turn.
    let _ = cluster.commit(&namespaces(), Write::Delete { current });
}

/// The conditions of a namespace that cannot go yet: what is left in it, and what holds that.
fn tell_what_is_left(
    cluster: &Cluster,
    current: &Arc<StoredObject>,
    left: &[(ResourceKey, Vec<Arc<StoredObject>>)],
) {
    let mut remaining: Vec<String> = left
        .iter()
        .map(|(place, objects)| {
            let count = objects.len();
            format!(
                "{}.{} has {count} resource instances",
                place.plural, place.group
            )
        })
        .collect();
    remaining.sort();
    let mut held: BTreeMap<String, usize> = BTreeMap::new();
    for object in left.iter().flat_map(|(_, objects)| objects) {
        for finalizer in finalizers(object) {
            *held.entry(finalizer.to_owned()).or_default() += 1;
        }
    }
    let held: Vec<String> = held
        .into_iter()
        .map(|(finalizer, count)| format!("{finalizer} in {count} resource instances"))
        .collect();
    let finalizers = match held.is_empty() {
        true => (
            "False",
            "ContentHasNoFinalizers",
            "All content-preserving finalizers finished".to_owned(),
        ),
        false => (
            "True",
            "SomeFinalizersRemain",
            format!(
                "Some content in the namespace has finalizers remaining: {}",
                held.join(", ")
            ),
        ),
    };
    let content = match remaining.is_empty() {
        true => (
            "False",
            "ContentRemoved",
            "All content successfully removed".to_owned(),
        ),
        false => (
            "True",
            "SomeResourcesRemain",
            format!("Some resources are remaining: {}", remaining.join(", ")),
        ),
    };
    let conditions = [
        (
            "NamespaceDeletionDiscoveryFailure",
            (
                "False",
                "ResourcesDiscovered",
                "All resources successfully discovered".to_owned(),
            ),
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            (
                "False",
                "ParsedGroupVersions",
                "All legacy kube types successfully parsed".to_owned(),
            ),
        ),
        (
            "NamespaceDeletionContentFailure",
            (
                "False",
                "ContentDeleted",
                "All content successfully deleted, may be waiting on finalization".to_owned(),
            ),
        ),
        ("NamespaceContentRemaining", content),
        ("NamespaceFinalizersRemaining", finalizers),
    ];
    let now = meta::rfc3339(cluster.now());
    let before = current.value["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let conditions = conditions.into_iter().map(|(kind, (status, reason, message))| {
        let old = before.iter().find(|old| old["type"] == kind && old["status"] == status);
        let since = old.map_or_else(|| now.clone().into(), |old| old["lastTransitionTime"].clone());
        json!({
            "type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since,
        })
    });
    let mut value = (*current.value).clone();
    value["status"]["conditions"] = conditions.collect();
    if value != *current.value {
        // If somebody was faster, their write is reacted to in its turn.
        let _ = cluster.commit(
            &namespaces(),
            Write::Update {
                current: Arc::clone(current),
                value,
            },
        );
    }
}

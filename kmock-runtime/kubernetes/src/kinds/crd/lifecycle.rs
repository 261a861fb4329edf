//! The life of definitions: names, establishment, serving, deletion. What the API server's own controllers do, at once (a
//! deletion after a moment).
//!
//! ```text
//! created/changed ─► names accepted? ─► Established ─► served (registry)     a change of what is served ends watches
//! deleted ─► a moment later: InstanceDeletionInProgress ─► objects deleted ─► finalizer removed ─► gone, names are free
//! ```
//!
//! Rules: `apiextensions-apiserver/pkg/controller/{status,establish,finalizer,apiapproval}`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::custom::Custom;
use super::definition::{self, CLEANUP_FINALIZER, Definition, Names};
use super::shape::{self, DefinitionShape};
use crate::model::resource::ResourceKey;
use crate::model::status::quoted;
use crate::model::view::View;
use crate::state::change::{Edit, Reactor};
use crate::state::cluster::Cluster;
use crate::state::registry::Served;
use crate::state::store::{Change, Event, StoredObject};
use kmock_apply::fields;
use kmock_apply::schema::{Schema, SchemaRef};

/// The group of definitions.
pub(crate) const GROUP: &str = "apiextensions.k8s.io";
/// The resource of definitions.
pub(crate) const PLURAL: &str = "customresourcedefinitions";
/// The version of definitions.
pub(crate) const API_VERSION: &str = "apiextensions.k8s.io/v1";

/// Where they are. Each write of anything is asked whether it is one of them.
static PLACE: LazyLock<ResourceKey> = LazyLock::new(|| ResourceKey::new(GROUP, PLURAL));

/// A time as `metadata` shows it.
pub(crate) fn time(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn find(cluster: &Cluster, name: &str) -> Option<Arc<StoredObject>> {
    cluster.store().get(&PLACE, name)
}

/// Whether a definition is being deleted.
pub(crate) fn is_terminating(cluster: &dyn View, name: &str) -> bool {
    cluster
        .get(&PLACE, name)
        .is_some_and(|crd| crd["metadata"]["deletionTimestamp"].is_string())
}

/// The controllers of definitions.
#[derive(Debug, Clone, Copy)]
pub struct Definitions;

impl Reactor for Definitions {
    fn written(&self, cluster: &Cluster, written: &ResourceKey, event: &Arc<Event>) {
        if *written == *PLACE {
            sync(cluster, event.object.name());
        } else if event.change == Change::Deleted && !written.group.is_empty() {
            // A definition that is being deleted waits for its last object.
            let name = format!("{}.{}", written.plural, written.group);
            if is_terminating(cluster, &name) {
                sync(cluster, &name);
            }
        }
    }
}

thread_local! {
    /// The definitions that the controllers have still to look at, while they are at work: what they write themselves
    /// is looked at in turn, not in the middle of their work.
    static WAITING: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Does what is to be done about a definition that changed or went, and about the others that this concerns.
fn sync(cluster: &Cluster, name: &str) {
    let at_work = WAITING.with_borrow_mut(|waiting| match waiting {
        Some(waiting) => {
            enqueue(waiting, name.to_owned());
            true
        }
        None => {
            *waiting = Some(vec![name.to_owned()]);
            false
        }
    });
    if at_work {
        return;
    }
    // Each change of names lets the others of the group try again; they can only gain names, so this ends.
    while let Some(name) = WAITING.with_borrow_mut(|waiting| waiting.as_mut()?.pop()) {
        let next = look_at(cluster, name);
        WAITING.with_borrow_mut(|waiting| {
            for name in next {
                enqueue(waiting.get_or_insert_default(), name);
            }
        });
    }
    WAITING.set(None);
}

fn enqueue(waiting: &mut Vec<String>, name: String) {
    if !waiting.contains(&name) {
        waiting.push(name);
    }
}

/// Brings one definition up to date; the others that have to be looked at then.
fn look_at(cluster: &Cluster, name: String) -> Vec<String> {
    let Some(crd) = find(cluster, &name) else {
        unserve(cluster, &name);
        return others_of_group(cluster, &name);
    };
    let mut others = Vec::new();
    if accept_names(cluster, &crd) {
        others = others_of_group(cluster, &name);
    }
    establish(cluster, &name);
    approve(cluster, &name);
    if let Some(crd) = find(cluster, &name) {
        serve(cluster, &crd);
        if is_terminating(cluster, &name)
            && is_ripe(cluster, &crd)
            && delete_objects(cluster, &name)
        {
            others.push(name);
        }
    }
    others
}

/// The definitions of its group that a change of one may concern: those that have not the names that they want, or go.
/// All others are as they were, however many there are.
fn others_of_group(cluster: &Cluster, name: &str) -> Vec<String> {
    let group = name
        .split_once('.')
        .map_or("", |(_, group)| group)
        .to_owned();
    let all = cluster.store().list(&PLACE, "").objects;
    all.iter()
        .filter(|crd| crd.value["spec"]["group"] == *group && crd.name() != name)
        .filter(|crd| {
            let wanted = Names::parse(&crd.value["spec"]["names"]);
            let accepted = Names::parse(&crd.value["status"]["acceptedNames"]);
            wanted != accepted || crd.is_terminating()
        })
        .map(|crd| crd.name().to_owned())
        .collect()
}

/// Changes a definition as the API server itself; `false`: nothing changed.
fn change(cluster: &Cluster, name: &str, edit: impl Fn(&mut Value)) -> bool {
    let written = cluster.set(&PLACE, name, |current| {
        let Some(current) = current else {
            return Edit::Keep;
        };
        let mut value = (*current.value).clone();
        edit(&mut value);
        if value == *current.value {
            return Edit::Keep;
        }
        if let Some(schema) =
            Schema::of_kind(GROUP, "v1", "CustomResourceDefinition").map(SchemaRef::from)
        {
            let empty = json!({});
            let write = fields::Write {
                manager: "kube-apiserver",
                version: API_VERSION,
                subresource: "status",
                schema: &schema,
                reset: None,
                empty: &empty,
                now: &time(cluster.now()),
                versions: &|_| None,
                convert: &|_, _, _| (),
            };
            fields::update(Some(&current.value), &mut value, &write);
        }
        let finished = value["metadata"]["deletionTimestamp"].is_string()
            && definition::items(&value["metadata"]["finalizers"]).is_empty();
        match finished {
            true => Edit::Remove,
            false => Edit::Put(value),
        }
    });
    written.is_some()
}

/// Sets a condition; its time only when its status changes.
pub(crate) fn set_condition(
    crd: &mut Value,
    kind: &str,
    holds: bool,
    reason: &str,
    message: &str,
    now: &str,
) {
    let status = if holds { "True" } else { "False" };
    let Some(all) = crd.get_mut("status").and_then(Value::as_object_mut) else {
        return;
    };
    let conditions = all.entry("conditions").or_insert_with(|| json!([]));
    if conditions.is_null() {
        *conditions = json!([]);
    }
    let Some(conditions) = conditions.as_array_mut() else {
        return;
    };
    let known = conditions.iter_mut().find(|one| one["type"] == kind);
    match known.and_then(Value::as_object_mut) {
        Some(known) => {
            if known.get("status") != Some(&status.into()) {
                known.insert("lastTransitionTime".into(), now.into());
            }
            known.insert("status".into(), status.into());
            known.insert("reason".into(), reason.into());
            known.insert("message".into(), message.into());
        }
        None => conditions.push(json!({
            "type": kind, "status": status, "lastTransitionTime": now, "reason": reason, "message": message,
        })),
    }
}

/// Gives a definition the names that nobody else of its group has; `true`: something changed.
fn accept_names(cluster: &Cluster, crd: &StoredObject) -> bool {
    let wanted = Names::parse(&crd.value["spec"]["names"]);
    let accepted = Names::parse(&crd.value["status"]["acceptedNames"]);
    if wanted == accepted {
        return false;
    }
    let (mut resources, mut kinds) = (BTreeSet::new(), BTreeSet::new());
    for other in cluster.store().list(&PLACE, "").objects {
        if other.value["spec"]["group"] != crd.value["spec"]["group"] {
            continue;
        }
        let names = Names::parse(&other.value["status"]["acceptedNames"]);
        resources.extend([names.plural, names.singular]);
        resources.extend(names.short_names);
        kinds.extend([names.kind, names.list_kind]);
    }
    let taken = |name: &str, own: &str, used: &BTreeSet<String>| {
        (name != own && used.contains(name)).then(|| format!("{} is already in use", quoted(name)))
    };
    let mut conflict: Option<(&str, String)> = None;
    let mut next = accepted.clone();
    match taken(&wanted.plural, &accepted.plural, &resources) {
        Some(why) => conflict = Some(("PluralConflict", why)),
        None => next.plural.clone_from(&wanted.plural),
    }
    match taken(&wanted.singular, &accepted.singular, &resources) {
        Some(why) => conflict = Some(("SingularConflict", why)),
        None => next.singular.clone_from(&wanted.singular),
    }
    if wanted.short_names != accepted.short_names {
        let fresh = wanted
            .short_names
            .iter()
            .filter(|name| !accepted.short_names.contains(name));
        let mut faults: Vec<String> = fresh
            .filter_map(|name| taken(name, "", &resources))
            .collect();
        faults.dedup();
        match faults.as_slice() {
            [] => next.short_names.clone_from(&wanted.short_names),
            [one] => conflict = Some(("ShortNamesConflict", one.clone())),
            many => conflict = Some(("ShortNamesConflict", format!("[{}]", many.join(", ")))),
        }
    }
    match taken(&wanted.kind, &accepted.kind, &kinds) {
        Some(why) => conflict = Some(("KindConflict", why)),
        None => next.kind.clone_from(&wanted.kind),
    }
    match taken(&wanted.list_kind, &accepted.list_kind, &kinds) {
        Some(why) => conflict = Some(("ListKindConflict", why)),
        None => next.list_kind.clone_from(&wanted.list_kind),
    }
    next.categories.clone_from(&wanted.categories);
    let now = time(cluster.now());
    change(cluster, crd.name(), |crd| {
        if let Some(status) = crd.get_mut("status").and_then(Value::as_object_mut) {
            status.insert("acceptedNames".into(), next.to_value());
        }
        match &conflict {
            Some((reason, why)) => set_condition(crd, "NamesAccepted", false, reason, why, &now),
            None => set_condition(
                crd,
                "NamesAccepted",
                true,
                "NoConflicts",
                "no conflicts found",
                &now,
            ),
        }
        let established =
            definition::condition(crd, "Established").map(|found| found["status"] == "True");
        match (established, &conflict) {
            (Some(true), _) | (Some(false), Some(_)) => {}
            (None, Some(_)) => set_condition(
                crd,
                "Established",
                false,
                "NotAccepted",
                "not all names are accepted",
                &now,
            ),
            (_, None) => {
                let message = "the initial names have been accepted";
                set_condition(crd, "Established", false, "Installing", message, &now);
            }
        }
    })
}

/// Establishes a definition whose names are accepted.
fn establish(cluster: &Cluster, name: &str) {
    let now = time(cluster.now());
    change(cluster, name, |crd| {
        let holds = |kind: &str| {
            definition::condition(crd, kind).is_some_and(|found| found["status"] == "True")
        };
        if holds("NamesAccepted") && !holds("Established") {
            let message = "the initial names have been accepted";
            set_condition(
                crd,
                "Established",
                true,
                "InitialNamesAccepted",
                message,
                &now,
            );
        }
    });
}

/// Tells whether a definition in a group of the Kubernetes project was approved.
fn approve(cluster: &Cluster, name: &str) {
    let now = time(cluster.now());
    change(cluster, name, |crd| {
        let group = definition::text(&crd["spec"]["group"]);
        if !["k8s.io", "kubernetes.io"]
            .iter()
            .any(|owner| group == *owner || group.ends_with(&format!(".{owner}")))
        {
            return;
        }
        let annotation =
            definition::text(&crd["metadata"]["annotations"]["api-approved.kubernetes.io"]);
        let kind = "KubernetesAPIApprovalPolicyConformant";
        if annotation.starts_with("unapproved") {
            set_condition(
                crd,
                kind,
                false,
                "UnapprovedAnnotation",
                &format!("not approved: {}", quoted(&annotation)),
                &now,
            );
        } else if !annotation.is_empty() {
            set_condition(
                crd,
                kind,
                true,
                "ApprovedAnnotation",
                &format!("approved in {annotation}"),
                &now,
            );
        }
    });
}

/// Serves an established definition as it is now. Watches end when what is served changes.
fn serve(cluster: &Cluster, crd: &StoredObject) {
    let definition = Definition::parse(&crd.value);
    let plural = &definition.names.plural;
    let registry = cluster.registry();
    let mark = mark(&crd.value);
    let before = registry
        .custom_resources()
        .into_iter()
        .find(|one| one.resource.group == definition.group && one.resource.plural == *plural);
    if before
        .as_ref()
        .is_some_and(|before| before.strategy.rules_revision() == mark)
    {
        return;
    }
    let served: Vec<Served> = if definition.established {
        let shape = Arc::new(DefinitionShape::compile(&crd.value, &definition, mark));
        let versions = definition
            .by_priority()
            .into_iter()
            .filter(|version| version.served);
        versions
            .map(|version| {
                let strategy = Custom {
                    shape: Arc::clone(&shape),
                    version: version.name.clone(),
                };
                Served::new(shape::resource(&definition, version), Arc::new(strategy))
            })
            .collect()
    } else {
        Vec::new()
    };
    let nothing = served.is_empty();
    if nothing && before.is_none() {
        return;
    }
    if nothing {
        registry.remove(&definition.group, plural);
    } else {
        registry.put(&definition.group, plural, served);
    }
    if before.is_some() {
        cluster
            .store()
            .drop_subscriptions(Some(&shape::key(&definition)));
    }
}

/// A number that differs whenever objects are served in another way: of the spec and the accepted names.
fn mark(crd: &Value) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    hash(&crd["spec"], &mut hasher);
    hash(&crd["status"]["acceptedNames"], &mut hasher);
    definition::condition(crd, "Established")
        .is_some_and(|found| found["status"] == "True")
        .hash(&mut hasher);
    hasher.finish()
}

fn hash(value: &Value, hasher: &mut impl std::hash::Hasher) {
    use std::hash::Hash;
    match value {
        Value::Null => 0_u8.hash(hasher),
        Value::Bool(flag) => flag.hash(hasher),
        Value::Number(number) => number.to_string().hash(hasher),
        Value::String(text) => text.hash(hasher),
        Value::Array(items) => {
            items.len().hash(hasher);
            items.iter().for_each(|item| hash(item, hasher));
        }
        Value::Object(map) => {
            map.len().hash(hasher);
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            for key in keys {
                key.hash(hasher);
                if let Some(value) = map.get(key) {
                    hash(value, hasher);
                }
            }
        }
    }
}

/// Stops serving what a definition that is gone defined.
fn unserve(cluster: &Cluster, name: &str) {
    let Some((plural, group)) = name.split_once('.') else {
        return;
    };
    cluster.registry().remove(group, plural);
    cluster
        .store()
        .drop_subscriptions(Some(&ResourceKey::new(group, plural)));
}

/// How long a definition is seen terminating before its objects go: whoever deleted it may look, and start to watch.
const TERMINATING: Duration = Duration::from_millis(30);

/// The definitions whose deletion has begun, by their uids; `true`: their time has come.
#[derive(Debug, Default)]
struct Deletions(Mutex<BTreeMap<String, bool>>);

/// Whether the objects of a definition that is being deleted may go now. If not, it is looked at again in a moment.
fn is_ripe(cluster: &Cluster, crd: &StoredObject) -> bool {
    // Without a runtime nobody could come back to it.
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return true;
    };
    let deletions = cluster.room::<Deletions>();
    let mut known = deletions.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(ripe) = known.get(crd.uid()) {
        return *ripe;
    }
    known.insert(crd.uid().to_owned(), false);
    drop(known);
    let deletion = Deletion {
        cluster: cluster.clone(),
        name: crd.name().to_owned(),
        uid: crd.uid().to_owned(),
    };
    runtime.spawn(async move {
        tokio::time::sleep(TERMINATING).await;
        drop(deletion);
    });
    false
}

/// A deletion that goes on when this is dropped, be it that its time has come or that the runtime ends.
struct Deletion {
    cluster: Cluster,
    name: String,
    uid: String,
}

impl Drop for Deletion {
    fn drop(&mut self) {
        let deletions = self.cluster.room::<Deletions>();
        let mut known = deletions.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(std::mem::take(&mut self.uid), true);
        drop(known);
        sync(&self.cluster, &self.name);
    }
}

/// Deletes the objects of a definition that is being deleted; `true`: the definition is gone now.
fn delete_objects(cluster: &Cluster, name: &str) -> bool {
    let Some(crd) = find(cluster, name) else {
        return false;
    };
    if !definition::texts(&crd.value["metadata"]["finalizers"])
        .iter()
        .any(|one| one == CLEANUP_FINALIZER)
    {
        return false;
    }
    let definition = Definition::parse(&crd.value);
    let now = time(cluster.now());
    let progress = "CustomResource deletion is in progress";
    change(cluster, name, |crd| {
        set_condition(
            crd,
            "Terminating",
            true,
            "InstanceDeletionInProgress",
            progress,
            &now,
        );
    });
    let (reason, message) = if definition.established {
        ("InstanceDeletionCompleted", "removed all instances")
    } else {
        ("NeverEstablished", "resource was never established")
    };
    if definition.established {
        let key = shape::key(&definition);
        for object in cluster.store().list(&key, "").objects {
            delete_object(cluster, &key, object.key(), &now);
        }
        if cluster.store().count(&key) > 0 {
            return false;
        }
    }
    change(cluster, name, |crd| {
        set_condition(crd, "Terminating", false, reason, message, &now);
        if let Some(metadata) = crd.get_mut("metadata").and_then(Value::as_object_mut) {
            let rest = definition::texts(metadata.get("finalizers").unwrap_or(&Value::Null));
            let rest: Vec<String> = rest
                .into_iter()
                .filter(|one| one != CLEANUP_FINALIZER)
                .collect();
            metadata.insert("finalizers".into(), rest.into());
        }
    });
    find(cluster, name).is_none()
}

/// Deletes one object, or marks it when finalizers hold it.
fn delete_object(cluster: &Cluster, place: &ResourceKey, key: &str, now: &str) {
    cluster.set(place, key, |object| {
        let Some(object) = object else {
            return Edit::Keep;
        };
        if definition::items(&object.value["metadata"]["finalizers"]).is_empty() {
            return Edit::Remove;
        }
        if object.is_terminating() {
            return Edit::Keep;
        }
        let mut value = (*object.value).clone();
        let generation = value["metadata"]["generation"].as_i64().unwrap_or_default() + 1;
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("deletionTimestamp".into(), now.into());
            metadata.insert("deletionGracePeriodSeconds".into(), 0.into());
            metadata.insert("generation".into(), generation.into());
        }
        Edit::Put(value)
    });
}

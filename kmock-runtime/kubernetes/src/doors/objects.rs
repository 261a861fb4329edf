//! The test's own door to the objects: seeding, reading, history, partial comparison, removal.
//!
//! What comes in here is not a request: no admission, no validation, no finalizers. It is a write all the same, with
//! a version and an event, so that watches see it.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Index;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_core::Serialize;
use serde_core::de::DeserializeOwned;
use serde_json::Value;

use super::waits;
use crate::api::call::Scope;
use crate::api::{expiry, managed};
use crate::model::meta;
use crate::model::user::User;
use crate::state::change::Edit;
use crate::state::cluster::Cluster;
use crate::state::registry::Served;
use crate::state::store::{Change, Event, Step, StoredObject, Write};

/// The objects of a cluster. Cheap to clone.
///
/// Objects are named by a resource and a key: `("pods", "default/web")`, `("nodes", "n1")`. Without a namespace, it is
/// `default`. The resource is named in any usual way, e.g. `deployments`, `deployments.apps`, `apps/v1/deployments`.
///
/// Methods without `try_` panic with an explanation at the caller's line when they cannot do what they are told.
///
/// ```
/// # use kmock_kubernetes::{Cluster, Objects};
/// # let objects = Objects::new(&Cluster::default());
/// use serde_json::json;
///
/// objects.seed(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}}));
/// objects.patch("configmaps", "settings", json!({"data": {"a": "2"}}));
/// let found = objects.list("configmaps", Some("default"));
/// assert!(found.iter().any(|one| one["data"]["a"] == "2"));
/// assert!(objects.delete("configmaps", "settings"));
/// ```
#[derive(Debug, Clone)]
pub struct Objects {
    cluster: Cluster,
}

/// Why an object could not be seeded, found or read.
///
/// ```
/// # use kmock_kubernetes::{Cluster, Objects};
/// # let objects = Objects::new(&Cluster::default());
/// let odd = serde_json::json!({"apiVersion": "v1", "kind": "Puppy", "metadata": {"name": "rex"}});
/// let error = objects.try_seed(odd).unwrap_err();
/// assert!(error.to_string().contains("Puppy"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectError {
    message: String,
}

impl ObjectError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ObjectError {}

/// One version of an object, in the version of its resource by which it was asked for.
///
/// ```
/// # use kmock_kubernetes::{Cluster, Objects};
/// # let objects = Objects::new(&Cluster::default());
/// let seeded = objects.seed(serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "blue"}}));
/// assert_eq!((seeded.name(), seeded.namespace()), ("blue", ""));
/// assert_eq!(seeded["metadata"]["name"], "blue"); // fields by index
/// assert!(!seeded.is_deleted());
/// ```
#[derive(Debug, Clone)]
pub struct Object {
    value: Arc<Value>,
    key: String,
    revision: u64,
    change: Change,
}

impl Objects {
    /// The objects of a cluster.
    pub fn new(cluster: &Cluster) -> Self {
        Self {
            cluster: cluster.clone(),
        }
    }

    pub(super) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    // ── seeding ────────────────────────────────────────────────────────────────────────────────────────────────

    /// Stores an object: anything that serialises to one with `apiVersion`, `kind` and `metadata.name`. What is
    /// missing of its defaults, uid, times and generation is filled in; status and given metadata stay. An object that
    /// is there is replaced. A missing namespace is created.
    ///
    /// # Panics
    /// When it is no object of a known kind.
    #[track_caller]
    pub fn seed(&self, object: impl Serialize) -> Object {
        expect(self.try_seed(object))
    }

    /// The same, without a panic.
    pub fn try_seed(&self, object: impl Serialize) -> Result<Object, ObjectError> {
        let value =
            serde_json::to_value(object).map_err(|error| ObjectError::new(error.to_string()))?;
        let mut seeded = self.try_seed_all(value)?;
        match (seeded.pop(), seeded.is_empty()) {
            (Some(only), true) => Ok(only),
            (None, _) => Err(ObjectError::new("there is no object to seed")),
            (Some(_), false) => Err(ObjectError::new(
                "there are several objects: use `seed_all`",
            )),
        }
    }

    /// Stores several objects: an array, a list (`kind: List`, `PodList`…) or a single one.
    ///
    /// # Panics
    /// When one of them is no object of a known kind.
    #[track_caller]
    pub fn seed_all(&self, objects: impl Serialize) -> Vec<Object> {
        let value =
            serde_json::to_value(objects).map_err(|error| ObjectError::new(error.to_string()));
        expect(value.and_then(|value| self.try_seed_all(value)))
    }

    /// The same, without a panic. Objects before the first bad one are stored.
    pub fn try_seed_all(&self, objects: Value) -> Result<Vec<Object>, ObjectError> {
        let is_list = objects["kind"]
            .as_str()
            .is_some_and(|kind| kind.ends_with("List"))
            && objects["items"].is_array();
        match objects {
            Value::Array(items) => self.seed_each(items, None),
            Value::Object(mut list) if is_list => {
                let kind = list
                    .get("kind")
                    .and_then(Value::as_str)
                    .and_then(|kind| kind.strip_suffix("List"));
                let of = (
                    kind.unwrap_or_default().to_owned(),
                    list.get("apiVersion").cloned().unwrap_or_default(),
                );
                match list.remove("items") {
                    Some(Value::Array(items)) => self.seed_each(items, Some(of)),
                    _ => Ok(Vec::new()),
                }
            }
            object => Ok(vec![self.seed_one(object)?]),
        }
    }

    fn seed_each(
        &self,
        items: Vec<Value>,
        of: Option<(String, Value)>,
    ) -> Result<Vec<Object>, ObjectError> {
        let mut seeded = Vec::with_capacity(items.len());
        for mut item in items {
            // The items of a list of built-in objects do not say what they are.
            if let (Some((kind, api_version)), Some(map)) = (&of, item.as_object_mut())
                && !kind.is_empty()
            {
                map.entry("kind").or_insert_with(|| kind.as_str().into());
                map.entry("apiVersion")
                    .or_insert_with(|| api_version.clone());
            }
            seeded.extend(self.try_seed_all(item)?);
        }
        Ok(seeded)
    }

    /// Stores the objects of a YAML text, one or more documents.
    ///
    /// # Panics
    /// When it is no YAML, or no objects of known kinds.
    #[cfg(feature = "yaml")]
    #[track_caller]
    pub fn seed_yaml(&self, text: &str) -> Vec<Object> {
        expect(self.try_seed_yaml(text))
    }

    /// The same, without a panic.
    #[cfg(feature = "yaml")]
    pub fn try_seed_yaml(&self, text: &str) -> Result<Vec<Object>, ObjectError> {
        let documents = crate::text::yaml::parse_all(text)
            .map_err(|error| ObjectError::new(error.to_string()))?;
        let documents = documents
            .into_iter()
            .filter(|document| !document.is_null())
            .collect();
        self.try_seed_all(Value::Array(documents))
    }

    /// Stores the objects of a file: JSON, or YAML with the feature `yaml`.
    ///
    /// # Panics
    /// When it cannot be read, or has no objects of known kinds.
    #[track_caller]
    pub fn seed_file(&self, path: impl AsRef<Path>) -> Vec<Object> {
        expect(self.try_seed_file(path.as_ref()))
    }

    /// The same, without a panic.
    pub fn try_seed_file(&self, path: &Path) -> Result<Vec<Object>, ObjectError> {
        let explained = |error: String| ObjectError::new(format!("{}: {error}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| explained(error.to_string()))?;
        #[cfg(feature = "yaml")]
        if path.extension().is_none_or(|extension| extension != "json") {
            return self
                .try_seed_yaml(&text)
                .map_err(|error| explained(error.to_string()));
        }
        let value = serde_json::from_str(&text).map_err(|error| explained(error.to_string()))?;
        self.try_seed_all(value)
            .map_err(|error| explained(error.to_string()))
    }

    fn seed_one(&self, value: Value) -> Result<Object, ObjectError> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (kind, api_version) = (text(&value["kind"]), text(&value["apiVersion"]));
        let (group, version) = meta::split_api_version(&api_version);
        let Some(served) = self.cluster.registry().find_kind(group, version, &kind) else {
            return Err(ObjectError::new(format!(
                "no resource has the kind {kind:?} in {api_version:?}: define it by a CustomResourceDefinition, or \
                 declare it (`resources().declare(\"{api_version}/…\")`)"
            )));
        };
        let name = text(&value["metadata"]["name"]);
        if name.is_empty() {
            return Err(ObjectError::new(format!(
                "the {kind} to seed has no metadata.name"
            )));
        }
        let namespace = match text(&value["metadata"]["namespace"]) {
            _ if !served.resource.namespaced => String::new(),
            empty if empty.is_empty() => "default".to_owned(),
            other => other,
        };
        Self::check_conversion(&served)?;
        self.ensure_namespace(&namespace);
        // The test's own hand may do anything.
        let (user, now) = (User::admin(), self.cluster.now());
        let scope = Scope {
            cluster: &self.cluster,
            served: &served,
            namespace: &namespace,
            subresource: "",
            user: &user,
            now,
        };
        let context = scope.context(&name, false);
        let decoded = served
            .strategy
            .read_value(&context, value)
            .map_err(|why| ObjectError::new(format!("{kind} {name:?} cannot be read: {why}")))?;
        let mut object = decoded.object;
        served.strategy.default(&context, &mut object, &[]);
        if let Some(map) = object.as_object_mut() {
            map.insert("kind".into(), kind.into());
            map.insert("apiVersion".into(), api_version.into());
        }
        meta::set_text(&mut object, "namespace", &namespace);
        managed::reread(&scope, &mut object);
        let managed = served.strategy.generation() == crate::model::strategy::Generation::Managed;
        let key = served.resource.key(&namespace, &name);
        let storage = &served.resource.storage;
        let written = self.cluster.set(storage, &key, |current| {
            let mut object = object.clone();
            meta::edit(&mut object, |metadata| {
                let old = current.map_or(&Value::Null, |x| x.metadata());
                let mut fill = |key: &str, value: &dyn Fn() -> Value| {
                    if metadata.get(key).is_none_or(Value::is_null) {
                        let value = if old[key].is_null() {
                            value()
                        } else {
                            old[key].clone()
                        };
                        metadata.insert(key.into(), value);
                    }
                };
                fill("uid", &|| self.cluster.next_uid().into());
                fill("creationTimestamp", &|| meta::rfc3339(now).into());
                if managed {
                    fill("generation", &|| 1.into());
                }
            });
            Edit::Put(served.to_storage(object))
        });
        match (written, self.cluster.store().get(storage, &key)) {
            (Some(event), _) => Ok(Object::of(&served, &event.object, event.change)),
            (None, Some(same)) => Ok(Object::of(&served, &same, Change::Modified)),
            (None, None) => Err(ObjectError::new(format!("{name:?} is gone again"))),
        }
    }

    fn ensure_namespace(&self, namespace: &str) {
        let Some(served) = self.cluster.registry().find("", "v1", "namespaces") else {
            return;
        };
        if namespace.is_empty()
            || self
                .cluster
                .store()
                .get(&served.resource.storage, namespace)
                .is_some()
        {
            return;
        }
        let value = serde_json::json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {
                "name": namespace, "uid": self.cluster.next_uid(),
                "creationTimestamp": meta::rfc3339(self.cluster.now()),
                "labels": {"kubernetes.io/metadata.name": namespace},
            },
            "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
        });
        // If somebody else was faster, it is there as well.
        let _ = self.cluster.commit(
            &served.resource.storage,
            Write::Create {
                key: namespace.into(),
                value,
            },
        );
    }

    // ── reading ────────────────────────────────────────────────────────────────────────────────────────────────

    fn served(&self, resource: &str) -> Result<Served, ObjectError> {
        let registry = self.cluster.registry();
        let served = registry.named(resource).ok_or_else(|| {
            let all = registry.all();
            let names = all.iter().map(|served| served.resource.plural.as_str());
            let near = names.filter(|name| one_off(name, resource)).min();
            let hint = near.map_or_else(String::new, |name| format!(": did you mean {name:?}?"));
            ObjectError::new(format!("the cluster has no resource {resource:?}{hint}"))
        })?;
        Self::check_conversion(&served)?;
        if expiry::concerns(&served.resource.storage) {
            expiry::run(&self.cluster);
        }
        Ok(served)
    }

    /// A webhook is not asked where nothing can be waited for.
    fn check_conversion(served: &Served) -> Result<(), ObjectError> {
        let resource = &served.resource;
        let (asked, stored) = (&resource.version, &resource.storage_version);
        if asked == stored || served.strategy.conversion().is_none() {
            return Ok(());
        }
        Err(ObjectError::new(format!(
            "a webhook converts {}.{} between its versions, and this call cannot wait for it: say the version that is \
             stored, {stored}, instead of {asked}, or ask over the API",
            resource.plural, resource.group
        )))
    }

    fn place(&self, resource: &str, key: &str) -> Result<(Served, String), ObjectError> {
        let served = self.served(resource)?;
        let key = match (served.resource.namespaced, key.contains('/')) {
            (true, false) => format!("default/{key}"),
            _ => key.to_owned(),
        };
        Ok((served, key))
    }

    /// An object as it is now; `None` if there is none.
    ///
    /// # Panics
    /// When there is no such resource.
    #[track_caller]
    pub fn get(&self, resource: &str, key: &str) -> Option<Object> {
        let (served, key) = expect(self.place(resource, key));
        let found = self.cluster.store().get(&served.resource.storage, &key)?;
        Some(Object::of(&served, &found, Change::Modified))
    }

    /// An object as a type.
    ///
    /// # Panics
    /// When there is none, or it is not of the type.
    #[track_caller]
    pub fn read<T: DeserializeOwned>(&self, resource: &str, key: &str) -> T {
        let found = self.get(resource, key);
        let found = found
            .ok_or_else(|| ObjectError::new(format!("there is no object {key:?} of {resource:?}")));
        expect(expect(found).parse())
    }

    /// All objects of a resource in the order of their keys, or those of one namespace.
    ///
    /// # Panics
    /// When there is no such resource.
    #[track_caller]
    pub fn list(&self, resource: &str, namespace: Option<&str>) -> Vec<Object> {
        let served = expect(self.served(resource));
        let prefix = namespace
            .map(|namespace| format!("{namespace}/"))
            .unwrap_or_default();
        let found = self
            .cluster
            .store()
            .list(&served.resource.storage, &prefix)
            .objects;
        found
            .iter()
            .map(|object| Object::of(&served, object, Change::Modified))
            .collect()
    }

    /// All versions that an object ever had, oldest first. A deletion is a version too ([`Object::is_deleted`]), and an
    /// object that was created again goes on. Compaction takes nothing away here.
    ///
    /// # Panics
    /// When there is no such resource.
    #[track_caller]
    pub fn history(&self, resource: &str, key: &str) -> Vec<Object> {
        let (served, key) = expect(self.place(resource, key));
        let events = self.cluster.store().history(&served.resource.storage, &key);
        events
            .iter()
            .map(|event| Object::of_event(&served, event))
            .collect()
    }

    // ── changing ───────────────────────────────────────────────────────────────────────────────────────────────

    /// Changes an object as a merge patch would, status and server-owned metadata included: a controller's or a
    /// kubelet's hand. Returns the new version.
    ///
    /// # Panics
    /// When there is no such object.
    #[track_caller]
    pub fn patch(&self, resource: &str, key: &str, patch: impl Serialize) -> Object {
        let patch =
            serde_json::to_value(patch).map_err(|error| ObjectError::new(error.to_string()));
        expect(patch.and_then(|patch| self.try_patch(resource, key, &patch)))
    }

    /// The same, without a panic.
    pub fn try_patch(
        &self,
        resource: &str,
        key: &str,
        patch: &Value,
    ) -> Result<Object, ObjectError> {
        let (served, key) = self.place(resource, key)?;
        let mut same = None;
        let written = self
            .cluster
            .change(&served.resource.storage, &key, |current| {
                let Some(current) = current else {
                    return Err(ObjectError::new(format!(
                        "there is no object {key:?} of {resource:?}"
                    )));
                };
                same = Some(Arc::clone(current));
                let patched =
                    kmock_apply::patch::merge::apply(&served.shown(&current.value), patch)
                        .map_err(|_| ObjectError::new("the patch is no object"))?;
                let mut value = served.to_storage(patched);
                meta::set_text(&mut value, "resourceVersion", &current.revision.to_string());
                Ok(Edit::Put(value))
            })?;
        match (written, same) {
            (Some(event), _) => Ok(Object::of_event(&served, &event)),
            (None, Some(same)) => Ok(Object::of(&served, &same, Change::Modified)),
            (None, None) => Err(ObjectError::new("nothing was changed")),
        }
    }

    /// Removes an object at once, whatever its finalizers and grace period say. `false`: there was none.
    ///
    /// # Panics
    /// When there is no such resource.
    #[track_caller]
    pub fn delete(&self, resource: &str, key: &str) -> bool {
        let (served, key) = expect(self.place(resource, key));
        let gone = self
            .cluster
            .set(&served.resource.storage, &key, |_| Edit::Remove);
        gone.is_some()
    }

    // ── waiting ────────────────────────────────────────────────────────────────────────────────────────────────

    /// Waits until an object is there and contains `pattern` (see [`Object::contains`]): 30 seconds, in virtual time an
    /// hour; [`Objects::wait_for_within`] sets the time.
    ///
    /// # Panics
    /// When there is no such resource, or the time is over: the message says what was waited for, at which line, and how the
    /// object differs.
    #[track_caller]
    pub fn wait_for<P: Serialize>(
        &self,
        resource: &str,
        key: &str,
        pattern: P,
    ) -> impl Future<Output = Object> + Send + use<P> {
        let pattern = serde_json::to_value(pattern).unwrap_or_default();
        let waiting = self.waits(resource, key, pattern, None);
        async move {
            match waiting.await {
                Ok(object) => object,
                Err(error) => panic!("kmock: {error}"),
            }
        }
    }

    /// The same, for so long.
    ///
    /// # Errors
    /// When the time is over: what was waited for, at which line, and how the object differs.
    ///
    /// # Panics
    /// When there is no such resource.
    #[track_caller]
    pub fn wait_for_within<P: Serialize>(
        &self,
        resource: &str,
        key: &str,
        pattern: P,
        within: Duration,
    ) -> impl Future<Output = Result<Object, ObjectError>> + Send + use<P> {
        let pattern = serde_json::to_value(pattern).unwrap_or_default();
        self.waits(resource, key, pattern, Some(within))
    }

    #[track_caller]
    fn waits(
        &self,
        resource: &str,
        key: &str,
        pattern: Value,
        within: Option<Duration>,
    ) -> impl Future<Output = Result<Object, ObjectError>> + Send + use<> {
        let place = std::panic::Location::caller();
        let (served, key) = expect(self.place(resource, key));
        let (objects, name) = (self.clone(), resource.to_owned());
        let what = {
            let (objects, served) = (self.clone(), served.clone());
            let (name, key, pattern) = (name.clone(), key.clone(), pattern.clone());
            move || objects.told(&name, &served, &key, &pattern)
        };
        async move {
            let holds =
                |object: Option<&Object>| object.is_some_and(|object| object.contains(&pattern));
            let until = objects.until(&served, &key, holds);
            let cluster = &objects.cluster;
            let found = waits::patiently(cluster, place, within, Arc::new(what), until).await;
            match found.map_err(ObjectError::new)? {
                Some(object) => Ok(object),
                None => Err(ObjectError::new(format!("{name} {key} is gone"))),
            }
        }
    }

    /// What is waited for, and how the object differs now.
    fn told(&self, resource: &str, served: &Served, key: &str, pattern: &Value) -> String {
        let storage = &served.resource.storage;
        let line = format!("{resource} {key} with {}", waits::shown(pattern));
        if let Some(found) = self.cluster.store().get(storage, key) {
            let object = Object::of(served, &found, Change::Modified);
            let differences = waits::differences(&object.value, pattern);
            let revision = found.revision;
            return format!(
                "{line}{}\n    as it is now, at {revision}; it had {} versions",
                waits::some(&differences, 4),
                self.cluster.store().history(storage, key).len()
            );
        }
        let all = self.cluster.store().list(storage, "").objects;
        let others: Vec<String> = all.iter().map(|object| object.key().to_owned()).collect();
        let was = match self.cluster.store().history(storage, key).is_empty() {
            true => "it is not there",
            false => "it was there, and is deleted",
        };
        match others.is_empty() {
            true => format!("{line}\n    {was}, and neither is any other"),
            false => format!("{line}\n    {was}; there are:{}", waits::some(&others, 8)),
        }
    }

    /// Waits until an object is gone: 30 seconds, in virtual time an hour.
    ///
    /// # Panics
    /// When there is no such resource, or the time is over.
    #[track_caller]
    pub fn wait_gone(&self, resource: &str, key: &str) -> impl Future<Output = ()> + Send + use<> {
        let place = std::panic::Location::caller();
        let (served, key) = expect(self.place(resource, key));
        let objects = self.clone();
        let what = {
            let (objects, served) = (self.clone(), served.clone());
            let (name, key) = (resource.to_owned(), key.clone());
            move || {
                let line = format!("{name} {key} to be gone");
                let found = objects.cluster.store().get(&served.resource.storage, &key);
                let metadata = found.map(|object| object.value["metadata"].clone());
                match metadata.as_ref().map(|metadata| &metadata["finalizers"]) {
                    Some(Value::Array(finalizers)) => {
                        let names: Vec<&str> =
                            finalizers.iter().filter_map(Value::as_str).collect();
                        format!("{line}\n    it has finalizers: {}", names.join(", "))
                    }
                    Some(_) => format!("{line}\n    nobody has deleted it"),
                    None => line,
                }
            }
        };
        async move {
            let until = objects.until(&served, &key, |object| object.is_none());
            let cluster = &objects.cluster;
            let gone = waits::patiently(cluster, place, None, Arc::new(what), until).await;
            if let Err(error) = gone {
                panic!("kmock: {error}");
            }
        }
    }

    /// Waits until a condition holds for an object (`None`: it is not there); each version is looked at: 30 seconds, in virtual
    /// time an hour.
    ///
    /// # Panics
    /// When there is no such resource, or the time is over: the message shows the object as it is then.
    #[track_caller]
    pub fn wait_until<F>(
        &self,
        resource: &str,
        key: &str,
        condition: F,
    ) -> impl Future<Output = Option<Object>> + use<F>
    where
        F: FnMut(Option<&Object>) -> bool,
    {
        let place = std::panic::Location::caller();
        let (served, key) = expect(self.place(resource, key));
        let objects = self.clone();
        let what = {
            let (objects, served) = (self.clone(), served.clone());
            let (name, key) = (resource.to_owned(), key.clone());
            move || {
                let told = objects.told(&name, &served, &key, &Value::Null);
                let found = objects.cluster.store().get(&served.resource.storage, &key);
                match (found, told.split_once('\n')) {
                    (Some(found), _) => {
                        let object = Object::of(&served, &found, Change::Modified);
                        let mut value = Value::clone(&object.value);
                        if let Some(members) = value.as_object_mut() {
                            members.retain(|name, _| {
                                !["apiVersion", "kind", "metadata"].contains(&name.as_str())
                            });
                        }
                        let (now, at) = (waits::shown(&value), found.revision);
                        format!("a condition of {name} {key}\n    as it is now, at {at}: {now}")
                    }
                    (None, Some((_, rest))) => format!("a condition of {name} {key}\n{rest}"),
                    (None, None) => format!("a condition of {name} {key}"),
                }
            }
        };
        async move {
            let until = objects.until(&served, &key, condition);
            let cluster = &objects.cluster;
            let held = waits::patiently(cluster, place, None, Arc::new(what), until).await;
            match held {
                Ok(object) => object,
                Err(error) => panic!("kmock: {error}"),
            }
        }
    }

    async fn until(
        &self,
        served: &Served,
        key: &str,
        mut condition: impl FnMut(Option<&Object>) -> bool,
    ) -> Option<Object> {
        let storage = &served.resource.storage;
        loop {
            let (snapshot, mut events) = self.cluster.store().list_and_subscribe(storage, "");
            let mut object = snapshot.objects.iter().find(|x| x.key() == key).cloned();
            drop(snapshot);
            loop {
                let shown = object
                    .as_ref()
                    .map(|object| Object::of(served, object, Change::Modified));
                if condition(shown.as_ref()) {
                    return shown;
                }
                match self.next_of(key, &mut events, served, &mut condition).await {
                    Next::Held(object) => return object,
                    Next::Now(now) => object = now,
                    // Watches were dropped: start again.
                    Next::Closed => break,
                }
            }
        }
    }

    async fn next_of(
        &self,
        key: &str,
        events: &mut crate::state::store::Subscription,
        served: &Served,
        condition: &mut impl FnMut(Option<&Object>) -> bool,
    ) -> Next {
        match events.next().await {
            Step::Closed => Next::Closed,
            Step::Bookmark(_) => Next::Now(self.cluster.store().get(&served.resource.storage, key)),
            Step::Events(batch) => {
                let mut last = None;
                for event in batch.iter().filter(|event| event.object.key() == key) {
                    let shown =
                        (event.change != Change::Deleted).then(|| Object::of_event(served, event));
                    if condition(shown.as_ref()) {
                        return Next::Held(shown);
                    }
                    last = Some(event);
                }
                match last {
                    Some(event) if event.change == Change::Deleted => Next::Now(None),
                    Some(event) => Next::Now(Some(Arc::clone(&event.object))),
                    None => Next::Now(self.cluster.store().get(&served.resource.storage, key)),
                }
            }
        }
    }
}

enum Next {
    Held(Option<Object>),
    Now(Option<Arc<StoredObject>>),
    Closed,
}

/// Whether two names differ by one letter: changed, missing, too many, or two swapped.
fn one_off(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let head = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[head..], &b[head..]);
    let rest = |n: usize, m: usize| match (a.get(n..), b.get(m..)) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    };
    let swapped = matches!((a, b), ([a0, a1, ..], [b0, b1, ..]) if a0 == b1 && a1 == b0);
    rest(1, 1) || rest(1, 0) || rest(0, 1) || swapped && rest(2, 2)
}

#[track_caller]
fn expect<T>(result: Result<T, ObjectError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("kmock: {error}"),
    }
}

impl Object {
    fn of(served: &Served, object: &StoredObject, change: Change) -> Self {
        let value = Arc::new(served.shown(&object.value));
        Self {
            value,
            key: object.key().to_owned(),
            revision: object.revision,
            change,
        }
    }

    fn of_event(served: &Served, event: &Event) -> Self {
        Self::of(served, &event.object, event.change)
    }

    /// The object as JSON.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The object as a type.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ObjectError> {
        T::deserialize(&*self.value)
            .map_err(|error| ObjectError::new(format!("{}: {error}", self.key)))
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or_default()
    }

    /// The namespace; empty for cluster-scoped objects.
    pub fn namespace(&self) -> &str {
        self.key
            .split_once('/')
            .map(|(namespace, _)| namespace)
            .unwrap_or_default()
    }

    /// The version of this state: `metadata.resourceVersion` as a number.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether this version is a deletion: the object's last state.
    pub fn is_deleted(&self) -> bool {
        self.change == Change::Deleted
    }

    /// Who owns which fields, a line for each manager: `owned by op: spec.replicas, spec.template…`.
    pub fn owners(&self) -> Vec<String> {
        kmock_apply::fields::owners(&self.value)
    }

    /// Whether the object has everything that `pattern` has: objects need the pattern's keys, lists need an item for
    /// each of the pattern's items, in order; everything else is equal. Also as `object >= pattern`.
    pub fn contains(&self, pattern: &Value) -> bool {
        contains(&self.value, pattern)
    }
}

/// Whether a value has everything that a pattern has.
pub fn contains(value: &Value, pattern: &Value) -> bool {
    match (value, pattern) {
        (Value::Object(value), Value::Object(pattern)) => pattern
            .iter()
            .all(|(key, pattern)| value.get(key).is_some_and(|value| contains(value, pattern))),
        (Value::Array(value), Value::Array(pattern)) => {
            let mut rest = value.iter();
            pattern
                .iter()
                .all(|pattern| rest.any(|value| contains(value, pattern)))
        }
        (value, pattern) => value == pattern,
    }
}

impl Index<&str> for Object {
    type Output = Value;

    fn index(&self, key: &str) -> &Value {
        &self.value[key]
    }
}

impl PartialEq<Value> for Object {
    fn eq(&self, other: &Value) -> bool {
        *self.value == *other
    }
}

impl PartialOrd<Value> for Object {
    /// `object >= pattern`: the object contains the pattern.
    fn partial_cmp(&self, other: &Value) -> Option<Ordering> {
        match (contains(&self.value, other), contains(other, &self.value)) {
            (true, true) => Some(Ordering::Equal),
            (true, false) => Some(Ordering::Greater),
            (false, true) => Some(Ordering::Less),
            (false, false) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn objects() -> Objects {
        Objects::new(&Cluster::default())
    }

    #[test]
    fn seeded_objects_are_real_ones() {
        let objects = objects();
        let seeded = objects.seed(json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]}}},
            "status": {"replicas": 3},
        }));
        assert_eq!((seeded.name(), seeded.namespace()), ("web", "shop"));
        assert!(
            seeded
                >= json!({"spec": {"replicas": 1}, "status": {"replicas": 3}, "metadata": {"generation": 1}})
        );
        assert!(objects.get("namespaces", "shop").is_some());
        assert_eq!(
            objects.get("deploy", "shop/web").map(|x| x.revision()),
            Some(seeded.revision())
        );
        let all = objects.seed_all(json!({"kind": "ConfigMapList", "apiVersion": "v1", "items": [{"metadata": {"name": "a"}}]}));
        assert_eq!(all[0]["kind"], "ConfigMap");
        assert_eq!(objects.list("v1/configmaps", Some("default")).len(), 1);
        assert!(
            objects
                .try_seed(json!({"apiVersion": "x/v1", "kind": "Y", "metadata": {"name": "a"}}))
                .is_err()
        );
    }

    #[test]
    fn history_has_deletions() {
        let objects = objects();
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "finalizers": ["x.io/y"]}});
        objects.seed(&map);
        objects.patch("configmaps", "a", json!({"data": {"k": "v"}}));
        assert!(objects.delete("configmaps", "a") && !objects.delete("configmaps", "a"));
        objects.seed(&map);
        let history = objects.history("configmaps", "a");
        assert_eq!(
            history.iter().map(Object::is_deleted).collect::<Vec<_>>(),
            [false, false, true, false]
        );
        assert!(history[1] >= json!({"data": {"k": "v"}}));
        assert_ne!(history[0]["metadata"]["uid"], history[3]["metadata"]["uid"]);
    }

    #[test]
    fn patterns() {
        let value = json!({"a": [1, 2, 3], "b": {"c": null, "d": 1}});
        assert!(contains(&value, &json!({"a": [1, 3], "b": {"c": null}})));
        assert!(!contains(&value, &json!({"a": [3, 1]})));
        assert!(!contains(&value, &json!({"b": {"e": null}})));
    }

    #[test]
    fn waiting_sees_every_version() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        runtime.expect("a runtime").block_on(async {
            let objects = objects();
            let waiting = tokio::spawn({
                let objects = objects.clone();
                async move {
                    objects
                        .wait_for("configmaps", "a", json!({"data": {"k": "2"}}))
                        .await;
                    objects.wait_gone("configmaps", "a").await;
                }
            });
            tokio::task::yield_now().await;
            objects
                .seed(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}));
            objects.patch("configmaps", "a", json!({"data": {"k": "2"}}));
            objects.patch("configmaps", "a", json!({"data": {"k": "3"}}));
            objects.delete("configmaps", "a");
            waiting.await.expect("no panic");
        });
    }
}

//! What a write does to the managers: who gains fields, who loses them, and whom an apply conflicts with.
//!
//! The rules are those of `structured-merge-diff/merge/update.go` and of the layers that
//! `apimachinery/pkg/util/managedfields` puts around it; the layers are named where they appear.

use std::sync::LazyLock;

use serde_json::Value;

use super::compare::{Comparison, compare};
use super::created::{Untold, created};
use super::element::equal_values;
use super::managers::{Entry, ManagedFields, Manager, Operation, Origin, written};
use super::merge::merge;
use super::prune::prune;
use super::reconcile::reconcile;
use super::set::Set;
use super::typed::{TypedErrors, to_set, validate};
use super::write::{ApplyError, Conflict, Write};
use crate::schema::SchemaRef;

/// At most so many updaters are kept apart.
const MOST_UPDATERS: usize = 10;

/// The manager that owns what was there before anybody was tracked.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// Fields that the server owns: no manager does ("strip meta").
static SERVER_OWNED: LazyLock<Set> = LazyLock::new(|| {
    Set::of_names(&[
        &["apiVersion"],
        &["kind"],
        &["metadata"],
        &["metadata", "name"],
        &["metadata", "namespace"],
        &["metadata", "creationTimestamp"],
        &["metadata", "selfLink"],
        &["metadata", "uid"],
        &["metadata", "clusterName"],
        &["metadata", "generation"],
        &["metadata", "managedFields"],
        &["metadata", "resourceVersion"],
    ])
});

/// Where an object tells its version.
static VERSION: LazyLock<Set> =
    LazyLock::new(|| Set::of_names(&[&["metadata", "resourceVersion"]]));

/// Where an object tells its managers.
static MANAGERS: LazyLock<Set> = LazyLock::new(|| Set::of_names(&[&["metadata", "managedFields"]]));

/// Updates the managers after a write other than apply, in `new` itself.
///
/// ```
/// use kmock_apply::Schema;
/// use kmock_apply::fields::{Write, owners, update};
/// use serde_json::json;
///
/// let schema = Schema::of_kind("", "v1", "ConfigMap").expect("a built-in kind").into();
/// let write = |manager| Write::new(manager, "v1", &schema, "2026-01-01T00:00:00Z");
///
/// let mut created = json!({"metadata": {"name": "c"}, "data": {"a": "1", "b": "1"}});
/// update(None, &mut created, &write("creator"));
/// let mut changed = created.clone();
/// changed["data"]["b"] = json!("2");
/// update(Some(&created), &mut changed, &write("editor"));
/// assert_eq!(owners(&changed), ["owned by creator (update): data.a", "owned by editor (update): data.b"]);
/// ```
///
/// `live` is the object before the write, `None` when it is created. What `new` says about its managers counts
/// only when it is readable and not empty; `[]` and `[{}]` wipe them.
pub fn update(live: Option<&Value>, new: &mut Value, write: &Write<'_>) {
    let said = match take_managed_fields(new) {
        _ if !write.subresource.is_empty() => None,
        Some(said) if is_reset(&said) => Some(ManagedFields::default()),
        said => ManagedFields::decode(said.as_ref())
            .ok()
            .filter(|managed| !managed.is_empty()),
    };
    let managed = match (live, said) {
        (live, Some(said)) if !said.is_empty() => {
            let live = live.unwrap_or(write.empty);
            let tracked = changes(live, new, write)
                .and_then(|own| track(live, new, own, said, write))
                .map(|managed| managed.encode());
            // Nobody is tracked any more, rather than somebody wrongly.
            tracked.unwrap_or_default()
        }
        (Some(_), Some(_)) => None,
        (live, _) => unsaid(
            live.map(|live| (live, managed_fields_of(live))),
            new,
            None,
            write,
        ),
    };
    set_managed_fields(new, managed);
}

/// The managers after a write other than apply that says nothing about them, where objects and their managers are kept
/// apart: what [`update`] would put into `new`.
///
/// ```
/// use kmock_apply::Schema;
/// use kmock_apply::fields::{Write, managers_after};
/// use serde_json::json;
///
/// let schema = Schema::of_kind("", "v1", "ConfigMap").expect("a built-in kind").into();
/// let write = |manager| Write::new(manager, "v1", &schema, "2026-01-01T00:00:00Z");
///
/// let [one, two] = ["1", "2"].map(|a| json!({"metadata": {"name": "c"}, "data": {"a": a}}));
/// let first = managers_after(None, &one, &write("creator"));
/// let next = managers_after(Some((&one, first.as_ref())), &two, &write("editor")).expect("two managers");
/// assert_eq!(next[0]["fieldsV1"], json!({"f:data": {}}));
/// assert_eq!(next[1]["fieldsV1"], json!({"f:data": {"f:a": {}}}));
/// ```
///
/// `live` is the object before the write and its managers, `None` when it is created.
pub fn managers_after(
    live: Option<(&Value, Option<&Value>)>,
    new: &Value,
    write: &Write<'_>,
) -> Option<Value> {
    // They are two versions already, which a write that comes to one never has.
    unsaid(live, new, Some(&VERSION), write)
}

/// The managers after a write that says nothing about them. That fields in `besides` have changed is no change.
fn unsaid(
    live: Option<(&Value, Option<&Value>)>,
    new: &Value,
    besides: Option<&Set>,
    write: &Write<'_>,
) -> Option<Value> {
    let tracked = match live {
        Some((live, Some(told))) => track_live(live, told, new, besides, write),
        // Once nobody is tracked, only an apply begins to track again ("skip non-applied").
        Some((_, None)) => Ok(None),
        None => track_created(new, write),
    };
    // Nobody is tracked any more, rather than somebody wrongly.
    tracked.unwrap_or_default()
}

/// Reads the managers of an object that comes from elsewhere, and writes them as here: under the present schemas, each once.
/// What cannot be read is not kept.
///
/// ```
/// use kmock_apply::Schema;
/// use kmock_apply::fields::{Write, reread};
/// use serde_json::{Value, json};
///
/// let schema = Schema::of_kind("", "v1", "ConfigMap").expect("a built-in kind").into();
/// let mut map = json!({"metadata": {"managedFields": [{"manager": "m", "operation": "?"}]}});
/// reread(&mut map, &Write::new("", "v1", &schema, ""));
/// assert_eq!(map["metadata"]["managedFields"], Value::Null);
/// ```
pub fn reread(object: &mut Value, write: &Write<'_>) {
    let Some(told) = take_managed_fields(object) else {
        return;
    };
    let read = ManagedFields::decode(Some(&told));
    let known = read
        .ok()
        .and_then(|managed| reconciled(object, managed, write).ok());
    let mut managed = known.unwrap_or_default();
    managed.entries.retain(|entry| !entry.fields.is_empty());
    set_managed_fields(object, managed.encode());
}

/// The managers of an object that is there, after a write that says nothing about them.
fn track_live(
    live: &Value,
    told: &Value,
    new: &Value,
    besides: Option<&Set>,
    write: &Write<'_>,
) -> Result<Option<Value>, ApplyError> {
    let own = changes(live, new, write)?.without(besides);
    // With one more there may be too many.
    let are_few = told.as_array().is_none_or(|all| all.len() < MOST_UPDATERS);
    let aside =
        |whose: (&Manager, &str), fields: &Value| are_few && is_apart(whose, fields, &own, write);
    let read = ManagedFields::decode_but(Some(told), aside);
    let (managed, mut left) = read.unwrap_or_default();
    if managed.is_empty() && left.is_empty() {
        return Ok(None);
    }
    let mut managed = track(live, new, own, managed, write)?;
    managed.entries.append(&mut left);
    Ok(managed.encode_from(Some(told)))
}

/// Whether an entry of what is there has nothing to do with a write, whose changes come to `own`: it stays as it is, and need
/// not be read. That is easily told of entries of the same version, whose schema never changes: they were made or read here
/// ([`reread`]) under that schema.
fn is_apart(
    (manager, version): (&Manager, &str),
    fields: &Value,
    own: &Comparison,
    write: &Write<'_>,
) -> bool {
    let Some(fields) = fields.as_object() else {
        return false;
    };
    let is_apart = |(step, below): (&String, &Value)| {
        let is_changed = |name| {
            let mut sets = [&own.added, &own.modified, &own.removed].into_iter();
            sets.any(|set| set.has_field(name) || set.below_field(name).is_some())
        };
        below.is_object()
            && step
                .strip_prefix("f:")
                .is_some_and(|name| !is_changed(name))
    };
    matches!(write.schema, SchemaRef::Builtin(_))
        && version == write.version
        && *manager != write.updater()
        && fields.iter().all(is_apart)
}

/// The managers of a new object of which nobody said any: who creates it.
fn track_created(new: &Value, write: &Write<'_>) -> Result<Option<Value>, ApplyError> {
    let owned = match created(write.schema, write.empty, new, &SERVER_OWNED, write.reset) {
        Ok(owned) => owned,
        // Nobody is told more of it.
        Err(Untold::Invalid) => return Ok(None),
        Err(Untold::Unusual) => {
            let own = changes(write.empty, new, write)?;
            let managed = track(write.empty, new, own, ManagedFields::default(), write)?;
            return Ok(managed.encode());
        }
    };
    if owned.is_empty() {
        return Ok(None);
    }
    let entry = written(
        &write.updater(),
        write.version,
        write.now,
        Value::Object(owned),
    );
    Ok(Some(Value::Array(vec![entry])))
}

/// Merges an applied configuration into `live` (`None` when the object is created by it) and updates the managers.
///
/// The answer is the object with its new managers, before defaults.
pub fn apply(
    live: Option<&Value>,
    config: &Value,
    force: bool,
    write: &Write<'_>,
) -> Result<Value, ApplyError> {
    let live = live.unwrap_or(write.empty);
    let mut managed =
        ManagedFields::decode(managed_fields_of(live)).map_err(ApplyError::Managers)?;
    if managed.is_empty() {
        let first = Write {
            manager: BEFORE_FIRST_APPLY,
            ..*write
        };
        let own = changes(write.empty, live, &first)?;
        managed = track(write.empty, live, own, managed, &first)?;
    }
    let manager = Manager::new(
        write.manager,
        Operation::Apply,
        write.version,
        write.subresource,
    );
    validate(write.schema, config, false).map_err(ApplyError::Config)?;
    let mut managed = reconciled(live, managed, write)?;
    let merged = merge(write.schema, live, config).map_err(ApplyError::Merge)?;
    let last = managed.take(&manager);
    let mut fields = to_set(write.schema, config);
    if let Some(reset) = write.reset {
        fields = fields.recursive_difference(reset);
    }
    let time = last.as_ref().and_then(|last| last.time.clone());
    managed.put(Entry {
        manager: manager.clone(),
        version: write.version.into(),
        time,
        fields,
        origin: Origin::default(),
    });
    let merged = match &last {
        Some(last) => prune(merged, &managed, last, write)?,
        None => merged,
    };
    let own = changes(live, &merged, write)?;
    let (mut managed, _) = settle((live, &merged), own, managed, Some(&manager), force, write)?;
    let changed = !equal_values(live, &merged);
    if let Some(mut entry) = managed.take(&manager) {
        entry.fields = entry.fields.difference(&SERVER_OWNED);
        if changed {
            entry.time = Some(write.now.into());
        }
        if !entry.fields.is_empty() {
            managed.put(entry);
        }
    }
    let mut merged = merged;
    set_managed_fields(&mut merged, managed.encode());
    Ok(merged)
}

/// Tracks an update: the layers "managed fields updater", "strip meta" and "cap managers".
fn track(
    live: &Value,
    new: &Value,
    own: Comparison,
    managed: ManagedFields,
    write: &Write<'_>,
) -> Result<ManagedFields, ApplyError> {
    let managed = reconciled(live, managed, write)?;
    // The writer loses what it changes like everybody else, and gains it back with the present time.
    let (mut managed, mut gained) = settle((live, new), own, managed, None, true, write)?;
    gained.subtract(&SERVER_OWNED);
    if let Some(reset) = write.reset {
        gained.subtract_recursively(reset);
    }
    if !gained.is_empty() {
        let manager = write.updater();
        if let Some(before) = managed.take(&manager) {
            gained.absorb(before.fields);
        }
        managed.put(Entry {
            manager,
            version: write.version.into(),
            time: Some(write.now.into()),
            fields: gained,
            origin: Origin::default(),
        });
    }
    managed.cap_updates(MOST_UPDATERS);
    Ok(managed)
}

/// What a write changes, in its own version. What the objects say about their managers is none of it.
fn changes(live: &Value, new: &Value, write: &Write<'_>) -> Result<Comparison, ApplyError> {
    let mut own = compare(write.schema, live, new)
        .map_err(ApplyError::Live)?
        .without(write.reset);
    own.removed.subtract(&MANAGERS);
    Ok(own)
}

/// Takes from everybody but the writer what the write changed (`own`) and removed; without `force`, what it changed conflicts.
/// What is left, and what was changed.
fn settle(
    (live, new): (&Value, &Value),
    own: Comparison,
    managed: ManagedFields,
    writer: Option<&Manager>,
    force: bool,
    write: &Write<'_>,
) -> Result<(ManagedFields, Set), ApplyError> {
    let mut comparisons = vec![Compared::of(write.version, own)];
    let mut conflicts = Vec::new();
    let mut left = Vec::with_capacity(managed.entries.len());
    for mut entry in managed.entries {
        if writer == Some(&entry.manager) {
            left.push(entry);
            continue;
        }
        let known = comparisons
            .iter()
            .position(|known| known.version == entry.version);
        let place = match known {
            Some(place) => place,
            None => {
                // A version that is gone takes its managers with it.
                let Some(schema) = (write.versions)(&entry.version) else {
                    continue;
                };
                let version = (entry.version.as_str(), &schema);
                let old = write
                    .converted(live, write.version, version)
                    .map_err(|why| failed("to convert old object", why))?;
                let new = write
                    .converted(new, write.version, version)
                    .map_err(|why| failed("to convert new object", why))?;
                let comparison = compare(&schema, &old, &new).map_err(ApplyError::Live)?;
                comparisons.push(Compared::of(&entry.version, comparison));
                comparisons.len() - 1
            }
        };
        let Some(Compared {
            written, removed, ..
        }) = comparisons.get(place)
        else {
            continue;
        };
        if entry.fields.overlaps(written) {
            if !force {
                let conflicting = entry.fields.intersection(written);
                conflicts.push((entry.manager.clone(), conflicting.paths()));
            }
            entry.change(entry.fields.difference(written));
        }
        if entry.fields.overlaps(removed) {
            entry.change(entry.fields.difference(removed));
        }
        left.push(entry);
    }
    if !conflicts.is_empty() {
        conflicts.sort_by_cached_key(|(manager, _)| manager.sort_key());
        let each = conflicts.into_iter().flat_map(|(manager, paths)| {
            paths.into_iter().map(move |path| Conflict {
                manager: manager.clone(),
                path,
            })
        });
        return Err(ApplyError::Conflicts(each.collect()));
    }
    left.retain(|entry| !entry.fields.is_empty());
    Ok((
        ManagedFields { entries: left },
        comparisons.swap_remove(0).written,
    ))
}

/// What a write changed, in the fields of one version.
struct Compared {
    version: String,
    /// Added or modified.
    written: Set,
    removed: Set,
}

impl Compared {
    fn of(version: &str, mut comparison: Comparison) -> Compared {
        Compared {
            version: version.to_owned(),
            removed: std::mem::take(&mut comparison.removed),
            written: comparison.written(),
        }
    }
}

/// Adapts every set to the present schema.
fn reconciled(
    live: &Value,
    mut managed: ManagedFields,
    write: &Write<'_>,
) -> Result<ManagedFields, ApplyError> {
    let mut conforms: Vec<String> = vec![write.version.into()];
    for entry in &mut managed.entries {
        let Some(schema) = write.schema_of(&entry.version) else {
            continue;
        };
        if !conforms.contains(&entry.version) {
            write
                .converted(live, write.version, (&entry.version, &schema))
                .map_err(|why| ApplyError::Version(why.to_string()))?;
            conforms.push(entry.version.clone());
        }
        if let Some(fields) = reconcile(&schema, &entry.fields) {
            entry.change(fields);
        }
    }
    Ok(managed)
}

fn failed(what: &str, why: TypedErrors) -> ApplyError {
    ApplyError::Version(format!("failed {what}: {why}"))
}

/// A list that says that nobody shall be tracked.
fn is_reset(said: &Value) -> bool {
    match said.as_array().map(Vec::as_slice) {
        Some([]) => true,
        Some([Value::Object(only)]) => only
            .values()
            .all(|value| value.is_null() || value.as_str() == Some("")),
        _ => false,
    }
}

fn managed_fields_of(object: &Value) -> Option<&Value> {
    object.get("metadata")?.get("managedFields")
}

fn take_managed_fields(object: &mut Value) -> Option<Value> {
    object
        .get_mut("metadata")?
        .as_object_mut()?
        .remove("managedFields")
        .filter(|said| !said.is_null())
}

fn set_managed_fields(object: &mut Value, managed: Option<Value>) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        match managed {
            Some(managed) => metadata.insert("managedFields".into(), managed),
            None => metadata.remove("managedFields"),
        };
    }
}

/// Whether two objects differ in nothing but their managers.
pub fn same_but_managers(a: &Value, b: &Value) -> bool {
    let without = |object: &Value| {
        let mut object = object.clone();
        set_managed_fields(&mut object, None);
        object
    };
    equal_values(&without(a), &without(b))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::Schema;

    fn config_map() -> SchemaRef {
        Schema::of_kind("", "v1", "ConfigMap")
            .expect("ConfigMap")
            .into()
    }

    fn write<'a>(manager: &'a str, schema: &'a SchemaRef) -> Write<'a> {
        Write::new(manager, "v1", schema, "2026-01-01T00:00:00Z")
    }

    fn config(data: Value) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": data})
    }

    fn fields_of(object: &Value, manager: &str) -> Value {
        let entries = managed_fields_of(object)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        entries
            .filter(|entry| entry["manager"] == manager)
            .map(|entry| entry["fieldsV1"].clone())
            .collect()
    }

    #[test]
    fn an_apply_owns_what_it_mentions_and_gives_up_the_rest() {
        let schema = config_map();
        let first = apply(
            None,
            &config(json!({"a": "1", "b": "1"})),
            false,
            &write("op", &schema),
        )
        .expect("applied");
        assert_eq!(
            fields_of(&first, "op"),
            json!([{"f:data": {"f:a": {}, "f:b": {}}}])
        );
        let second = apply(
            Some(&first),
            &config(json!({"a": "1"})),
            false,
            &write("op", &schema),
        )
        .expect("applied");
        assert_eq!(second["data"], json!({"a": "1"}));
        assert_eq!(fields_of(&second, "op"), json!([{"f:data": {"f:a": {}}}]));
    }

    #[test]
    fn another_value_conflicts_unless_forced() {
        let schema = config_map();
        let live = apply(
            None,
            &config(json!({"a": "1"})),
            false,
            &write("op", &schema),
        )
        .expect("applied");
        let other = config(json!({"a": "2"}));
        let Err(ApplyError::Conflicts(conflicts)) =
            apply(Some(&live), &other, false, &write("two", &schema))
        else {
            panic!("no conflict");
        };
        assert_eq!(
            (conflicts[0].manager.to_string(), conflicts[0].field()),
            ("\"op\"".into(), ".data.a".into())
        );
        let forced = apply(Some(&live), &other, true, &write("two", &schema)).expect("forced");
        assert_eq!(forced["data"], json!({"a": "2"}));
        assert_eq!(
            (fields_of(&forced, "op"), fields_of(&forced, "two")),
            (json!([]), json!([{"f:data": {"f:a": {}}}]))
        );
    }

    #[test]
    fn co_owning_without_a_change_has_no_time() {
        let schema = config_map();
        let live = apply(
            None,
            &config(json!({"a": "1"})),
            false,
            &write("op", &schema),
        )
        .expect("applied");
        let shared = apply(
            Some(&live),
            &config(json!({"a": "1"})),
            false,
            &write("two", &schema),
        )
        .expect("applied");
        let entries = managed_fields_of(&shared)
            .and_then(Value::as_array)
            .expect("entries");
        assert_eq!(entries[0]["manager"], "two");
        assert_eq!((entries[0].get("time"), entries.len()), (None, 2));
    }

    #[test]
    fn updates_own_what_they_change_and_can_wipe_the_managers() {
        let schema = config_map();
        let mut new = config(json!({"a": "1"}));
        update(None, &mut new, &write("conform", &schema));
        assert_eq!(
            fields_of(&new, "conform"),
            json!([{"f:data": {".": {}, "f:a": {}}}])
        );
        let mut next = new.clone();
        next["data"]["a"] = json!("2");
        update(Some(&new), &mut next, &write("two", &schema));
        assert_eq!(fields_of(&next, "conform"), json!([{"f:data": {}}]));
        assert_eq!(fields_of(&next, "two"), json!([{"f:data": {"f:a": {}}}]));
        let mut wiped = next.clone();
        wiped["metadata"]["managedFields"] = json!([{}]);
        wiped["metadata"]["uid"] = json!("u");
        update(Some(&next), &mut wiped, &write("two", &schema));
        assert_eq!(managed_fields_of(&wiped), None);
        let applied = apply(
            Some(&wiped),
            &config(json!({"a": "2"})),
            false,
            &write("op", &schema),
        )
        .expect("applied");
        assert_eq!(
            fields_of(&applied, BEFORE_FIRST_APPLY),
            json!([{"f:data": {".": {}, "f:a": {}}}])
        );
    }

    #[test]
    fn managers_that_a_write_does_not_touch_are_told_as_if_they_were_read() {
        let known = Schema::of_kind("", "v1", "Pod").expect("Pod");
        // Of a schema that may change, all is read.
        let (builtin, shared) = (known.into(), SchemaRef::from(known.clone()));
        let conditions = |n: usize| json!([{"type": "Ready", "status": "False"}, {"type": format!("C{}", n % 3), "status": n.to_string()}]);
        let mut pods = [&builtin, &shared].map(|schema| {
            let mut pod = json!({"metadata": {"name": "p", "resourceVersion": "1"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
            update(None, &mut pod, &write("creator", schema));
            pod
        });
        for n in 1..40 {
            let manager = format!("m{}", n % 13);
            for (pod, schema) in pods.iter_mut().zip([&builtin, &shared]) {
                let former = pod.clone();
                let mut by = write(&manager, schema);
                match n % 4 {
                    0 => pod["metadata"]["labels"][format!("l{n}")] = "x".into(),
                    1 => pod["spec"]["containers"][0]["image"] = n.to_string().into(),
                    2 if n % 8 == 2 => {
                        pod["metadata"]["labels"][format!("l{}", n - 2)] = Value::Null;
                    }
                    2 => pod["metadata"]["annotations"][format!("a{n}")] = "y".into(),
                    _ => {
                        by.subresource = "status";
                        pod["status"]["conditions"] = conditions(n);
                    }
                }
                update(Some(&former), pod, &by);
            }
            let [one, other] = &pods;
            assert_eq!(one, other, "after write {n}");
        }
        let managers = managed_fields_of(&pods[0]).and_then(Value::as_array);
        let names = managers.into_iter().flatten().map(|one| &one["manager"]);
        let names: Vec<_> = names.collect();
        assert!(
            names.iter().any(|name| **name == "ancient-changes") && names.len() <= 10,
            "{names:?}"
        );
    }

    #[test]
    fn an_empty_list_that_nobody_owns_does_not_keep_its_parent() {
        let schema = Schema::of_custom_resource(Some(&json!({
            "type": "object", "properties": {"spec": {"type": "object", "properties": {
                "s": {"type": "string"},
                "lm": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
                    "items": {"type": "object", "properties": {"k": {"type": "string"}}}},
                "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            }}},
        })));
        let schema = SchemaRef::Shared(std::sync::Arc::new(schema));
        let object = |spec: Value| json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": "m"}, "spec": spec});
        let by = |live: Option<&Value>, manager: &str, spec: Value| {
            let write = write(manager, &schema);
            apply(live, &object(spec), false, &write).expect("applied")
        };
        for list in ["lm", "set"] {
            let first = by(None, "op", json!({"s": "1", list: []}));
            assert_eq!(first["spec"], json!({"s": "1", list: []}));
            assert_eq!(by(Some(&first), "op", json!({}))["spec"], Value::Null);
            // Somebody else's empty object goes with it.
            let shared = by(None, "two", json!({}));
            let shared = by(Some(&shared), "op", json!({"s": "1", list: []}));
            let left = by(Some(&shared), "op", json!({}));
            assert_eq!(left["spec"], Value::Null);
            assert_eq!(fields_of(&left, "two"), json!([]));
            // What somebody owns keeps it.
            let owned = by(Some(&first), "two", json!({"s": "1"}));
            let left = by(Some(&owned), "op", json!({}));
            assert_eq!(left["spec"], json!({"s": "1", list: []}));
        }
    }
}

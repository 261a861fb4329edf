//! What a write does to the managers: who gains fields, who loses them, and whom an apply conflicts with.
//!
//! The rules are those of `structured-merge-diff/merge/update.go` and of the layers that
//! `apimachinery/pkg/util/managedfields` puts around it; the layers are named where they appear.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::compare::{Comparison, compare};
use super::created::{Untold, created};
use super::element::{PathElement, equal_values};
use super::managers::{Entry, ManagedFields, Manager, Operation, Origin, written};
use super::merge::merge;
use super::reconcile::reconcile;
use super::remove::remove;
use super::set::Set;
use super::typed::{TypedErrors, to_set, validate};
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

/// Where an object tells its managers.
static MANAGERS: LazyLock<Set> = LazyLock::new(|| Set::of_names(&[&["metadata", "managedFields"]]));

/// A write, as far as the managers are concerned.
#[derive(Clone, Copy)]
pub struct Write<'a> {
    /// Who writes: see [`manager_name`](super::manager_name).
    pub manager: &'a str,
    /// The version written through, e.g. `apps/v1`.
    pub version: &'a str,
    /// The subresource written through; empty for the object itself.
    pub subresource: &'a str,
    /// The schema of that version.
    pub schema: &'a SchemaRef,
    /// Fields that this way of writing does not write, with all below them: `status` on the object itself.
    pub reset: Option<&'a Set>,
    /// The object of the kind in which nothing is set: what a created object is compared with.
    pub empty: &'a Value,
    /// The present time (RFC 3339, in seconds).
    pub now: &'a str,
    /// The schemas of the kind's other versions; `None` for a version that is not served any more.
    pub versions: &'a dyn Fn(&str) -> Option<SchemaRef>,
    /// Changes an object of one version into one of another: versions may differ in their fields.
    pub convert: &'a dyn Fn(&mut Value, &str, &str),
}

/// The object in which nothing is set.
static EMPTY: LazyLock<Value> = LazyLock::new(|| Value::Object(Map::new()));

impl<'a> Write<'a> {
    /// A write to the object itself, of a kind that is served in one version. Everything else is set by field:
    ///
    /// ```
    /// use kmock_apply::Schema;
    /// use kmock_apply::fields::{Set, Write};
    ///
    /// let schema = Schema::of_kind("apps", "v1", "Deployment").expect("a built-in kind").into();
    /// let status = Set::of_names(&[&["status"]]);
    /// let write = Write {
    ///     reset: Some(&status),
    ///     ..Write::new("operator", "apps/v1", &schema, "2026-01-01T00:00:00Z")
    /// };
    /// ```
    pub fn new(manager: &'a str, version: &'a str, schema: &'a SchemaRef, now: &'a str) -> Self {
        Write {
            manager,
            version,
            subresource: "",
            schema,
            reset: None,
            empty: &EMPTY,
            now,
            versions: &|_| None,
            convert: &|_, _, _| (),
        }
    }

    /// The writer, where it does not apply.
    fn updater(&self) -> Manager {
        Manager::new(
            self.manager,
            Operation::Update,
            self.version,
            self.subresource,
        )
    }
}

impl std::fmt::Debug for Write<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Write")
            .field("manager", &self.manager)
            .field("version", &self.version)
            .field("subresource", &self.subresource)
            .finish_non_exhaustive()
    }
}

/// A field that another manager owns with another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Who owns it.
    pub manager: Manager,
    /// The field.
    pub path: Vec<PathElement>,
}

impl Conflict {
    /// The field, as messages show it: `.spec.containers[name="c"].image`.
    pub fn field(&self) -> String {
        self.path.iter().map(ToString::to_string).collect()
    }
}

/// Why an apply failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplyError {
    /// Others own fields with other values.
    Conflicts(Vec<Conflict>),
    /// The managers of the object could not be read.
    Managers(String),
    /// The configuration does not conform to the schema.
    Config(TypedErrors),
    /// The object does not conform to the schema.
    Live(TypedErrors),
    /// The two cannot be merged.
    Merge(TypedErrors),
    /// An object does not conform to the schema of another version, in which a manager names its fields.
    Version(String),
}

impl std::fmt::Display for ApplyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ApplyError::Conflicts(conflicts) => {
                let each = conflicts.iter().map(|conflict| {
                    format!("{} is owned by {}", conflict.field(), conflict.manager)
                });
                write!(f, "conflicts: {}", each.collect::<Vec<_>>().join(", "))
            }
            ApplyError::Managers(why) => write!(f, "the managers cannot be read: {why}"),
            ApplyError::Config(why) => write!(f, "the configuration does not conform: {why}"),
            ApplyError::Live(why) => write!(f, "the object does not conform: {why}"),
            ApplyError::Merge(why) => write!(f, "the configuration cannot be merged: {why}"),
            ApplyError::Version(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ApplyError {}

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
    let of_live = live.and_then(managed_fields_of);
    let said = take_managed_fields(new);
    // `None`: those of what is there.
    let told = if !write.subresource.is_empty() {
        None
    } else if said.as_ref().is_some_and(is_reset) {
        Some(ManagedFields::default())
    } else {
        let told = ManagedFields::decode(said.as_ref());
        told.ok().filter(|managed| !managed.is_empty())
    };
    let tracked = match (live, told) {
        // It may be written in another way than here.
        (Some(live), Some(managed)) if !managed.is_empty() => {
            changes(live, new, write).and_then(|own| {
                let managed = track(live, new, own, managed, write)?;
                Ok(managed.encode())
            })
        }
        (Some(live), None) if of_live.is_some() => changes(live, new, write).and_then(|own| {
            let aside = |whose: (&Manager, &str), fields: &Value| {
                let few = of_live
                    .and_then(Value::as_array)
                    .is_none_or(|all| all.len() <= MOST_UPDATERS);
                few && is_apart(whose, fields, &own, write)
            };
            let read = ManagedFields::decode_but(of_live, aside);
            let (managed, mut left) = read.unwrap_or_default();
            let mut managed = if managed.is_empty() && left.is_empty() {
                return Ok(None);
            } else {
                track(live, new, own, managed, write)?
            };
            managed.entries.append(&mut left);
            Ok(managed.encode_from(of_live))
        }),
        // Once nobody is tracked, only an apply begins to track again ("skip non-applied").
        (Some(_), _) => Ok(None),
        (None, Some(managed)) if !managed.is_empty() => changes(write.empty, new, write)
            .and_then(|own| track(write.empty, new, own, managed, write))
            .map(|managed| managed.encode()),
        (None, _) => track_created(new, write),
    };
    // Nobody is tracked any more, rather than somebody wrongly.
    set_managed_fields(new, tracked.unwrap_or_default());
}

/// Whether an entry of what is there has nothing to do with a write, whose changes come to `own`: it stays as it is, and need
/// not be read. That is easily told of entries of the same version, whose schema never changes.
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
        Err(Untold::Invalid(errors)) => return Err(ApplyError::Live(errors)),
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
                let old = converted(live, write.version, version, write)
                    .map_err(|why| failed("to convert old object", why))?;
                let new = converted(new, write.version, version, write)
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

/// Takes out what the manager applied before, does not apply now, and nobody else owns.
fn prune(
    merged: Value,
    managed: &ManagedFields,
    last: &Entry,
    write: &Write<'_>,
) -> Result<Value, ApplyError> {
    let is_own = |entry: &Entry| entry.version == write.version;
    if is_own(last) && managed.entries.iter().all(is_own) && !has_empty_list(&merged) {
        return Ok(prune_in_place(merged, managed, last, write.schema));
    }
    prune_step_by_step(merged, managed, last, write)
        .map_err(|why| ApplyError::Version(format!("failed to prune fields: {why}")))
}

/// Prunes when all managers name their fields in the version of the write, and no list is there but empty: that is nobody's
/// field, and whether what it stands in stays is found step by step only.
///
/// `structured-merge-diff` removes everything and adds back what is owned and what was never applied; since a set
/// made by an apply has every parent of its members (or gets it named here), subtracting comes to the same.
fn prune_in_place(
    merged: Value,
    managed: &ManagedFields,
    last: &Entry,
    schema: &SchemaRef,
) -> Value {
    // Only what is not applied any more can go, with the parents that are left without anything.
    let given_up = managed.get(&last.manager).map_or_else(
        || last.fields.clone(),
        |own| last.fields.difference(&own.fields),
    );
    if given_up.is_empty() {
        return merged;
    }
    let mut dropped = given_up.with_named_parents(Some(schema));
    for entry in &managed.entries {
        dropped = dropped.difference_named(&entry.fields, Some(schema));
    }
    remove(schema, merged, &dropped)
}

/// Prunes as `structured-merge-diff` does it, step by step: what each manager owns is added back in its own version.
fn prune_step_by_step(
    merged: Value,
    managed: &ManagedFields,
    last: &Entry,
    write: &Write<'_>,
) -> Result<Value, String> {
    let Some(schema) = schema_of(&last.version, write).filter(|_| !last.fields.is_empty()) else {
        return Ok(merged);
    };
    let members =
        |schema: &SchemaRef, value: &Value| to_set(schema, value).with_named_parents(Some(schema));
    let of_last = (last.version.as_str(), &schema);
    let whole = converted(&merged, write.version, of_last, write)
        .map_err(|why| format!("failed to convert merged object to last applied version: {why}"))?;
    let last_fields = last.fields.with_named_parents(Some(&schema));
    let mut pruned = remove(&schema, whole.clone(), &last_fields);
    let mut at = last.version.as_str();
    // The version of the last apply comes first, lest what a conversion needs is missing.
    let mut owned: Vec<(&str, Set)> = vec![(at, Set::new())];
    for entry in &managed.entries {
        match owned.iter_mut().find(|(known, _)| *known == entry.version) {
            Some((_, fields)) => *fields = fields.union(&entry.fields),
            None => owned.push((&entry.version, entry.fields.clone())),
        }
    }
    for (version, owned) in owned {
        let Some(schema) = schema_of(version, write) else {
            continue;
        };
        let here = |object: &Value, from: &str, what: &str| {
            converted(object, from, (version, &schema), write).map_err(|why| {
                format!(
                    "failed add back owned items: failed to convert {what} object at version {version}: {why}"
                )
            })
        };
        let whole = here(&whole, &last.version, "merged")?;
        let kept = members(&schema, &here(&pruned, at, "pruned")?)
            .union(&owned.with_named_parents(Some(&schema)));
        let unowned = members(&schema, &whole).difference(&kept);
        pruned = remove(&schema, whole, &unowned);
        at = version;
    }
    // What the manager never applied stays, whoever owns it.
    let left = converted(&pruned, at, of_last, write).map_err(|why| {
        format!(
            "failed add back dangling items: failed to convert pruned object to last applied version: {why}"
        )
    })?;
    let dropped = members(&schema, &whole)
        .difference(&members(&schema, &left))
        .intersection(&last_fields);
    let pruned = remove(&schema, whole, &dropped);
    converted(&pruned, &last.version, (write.version, write.schema), write)
        .map_err(|why| why.to_string())
}

fn schema_of(version: &str, write: &Write<'_>) -> Option<SchemaRef> {
    if version == write.version {
        Some(write.schema.clone())
    } else {
        (write.versions)(version)
    }
}

fn has_empty_list(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty() || items.iter().any(has_empty_list),
        Value::Object(map) => map.values().any(has_empty_list),
        _ => false,
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
        let Some(schema) = schema_of(&entry.version, write) else {
            continue;
        };
        if !conforms.contains(&entry.version) {
            converted(live, write.version, (&entry.version, &schema), write)
                .map_err(|why| ApplyError::Version(why.to_string()))?;
            conforms.push(entry.version.clone());
        }
        if let Some(fields) = reconcile(&schema, &entry.fields) {
            entry.change(fields);
        }
    }
    Ok(managed)
}

/// The object as another version shows it; it must conform to the schema of that version.
fn converted(
    object: &Value,
    from: &str,
    (to, schema): (&str, &SchemaRef),
    write: &Write<'_>,
) -> Result<Value, TypedErrors> {
    let mut object = object.clone();
    if from != to && object.is_object() {
        (write.convert)(&mut object, from, to);
        if let Some(said) = object.get_mut("apiVersion") {
            *said = to.into();
        }
        validate(schema, &object, true)?;
    }
    Ok(object)
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

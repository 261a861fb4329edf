//! What an apply gives up: fields that the manager applied before, and that nobody owns any more, go.

use serde_json::Value;

use super::managers::{Entry, ManagedFields};
use super::remove::remove;
use super::set::Set;
use super::typed::to_set;
use super::write::{ApplyError, Write};
use crate::schema::SchemaRef;

/// Takes out what the manager applied before, does not apply now, and nobody else owns.
pub(crate) fn prune(
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
    let Some(schema) = write
        .schema_of(&last.version)
        .filter(|_| !last.fields.is_empty())
    else {
        return Ok(merged);
    };
    let members =
        |schema: &SchemaRef, value: &Value| to_set(schema, value).with_named_parents(Some(schema));
    let of_last = (last.version.as_str(), &schema);
    let whole = write
        .converted(&merged, write.version, of_last)
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
        let Some(schema) = write.schema_of(version) else {
            continue;
        };
        let here = |object: &Value, from: &str, what: &str| {
            write.converted(object, from, (version, &schema)).map_err(|why| {
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
    let left = write.converted(&pruned, at, of_last).map_err(|why| {
        format!(
            "failed add back dangling items: failed to convert pruned object to last applied version: {why}"
        )
    })?;
    let dropped = members(&schema, &whole)
        .difference(&members(&schema, &left))
        .intersection(&last_fields);
    let pruned = remove(&schema, whole, &dropped);
    write
        .converted(&pruned, &last.version, (write.version, write.schema))
        .map_err(|why| why.to_string())
}

fn has_empty_list(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty() || items.iter().any(has_empty_list),
        Value::Object(map) => map.values().any(has_empty_list),
        _ => false,
    }
}

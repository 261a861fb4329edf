//! DELETE of one object: preconditions, grace periods, finalizers, propagation.
//!
//! The steps are those of `Store.Delete` in `k8s.io/apiserver/pkg/registry/generic/registry/store.go`.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::admission::{self, Attributes};
use super::call::Call;
use super::reply::{Body, Reply};
use super::write;
use super::write_options::{DeleteOptions, Propagation};
use crate::model::meta;
use crate::model::status::ApiError;
use crate::model::strategy::Grace;
use crate::state::store::{StoredObject, Write};

/// Deletes the object of the path.
pub async fn delete(call: &Call, warnings: &mut Vec<String>) -> Result<Reply, ApiError> {
    let options = DeleteOptions::read(call)?;
    delete_named(call, call.request.name(), &options, Admit::Asked, warnings).await
}

/// The code of a deletion that is under way: clients that ask for it by `orphanDependents` are told 202.
pub fn code_of_pending(options: &DeleteOptions) -> u16 {
    if options.orphan_dependents == Some(false) {
        202
    } else {
        200
    }
}

/// Whether admission has a say in a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admit {
    /// It is asked.
    Asked,
    /// It was asked before, about something else: an eviction.
    Not,
}

impl Admit {
    /// Asks admission about the deletion of an object as it is now.
    pub async fn ask(
        self,
        call: &Call,
        object: &Value,
        options: &DeleteOptions,
        warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        if self == Self::Not {
            return Ok(());
        }
        let asked = Attributes::delete(call, object, options);
        admission::admit(&asked, &mut Value::Null, warnings).await
    }
}

/// Deletes an object.
pub async fn delete_named(
    call: &Call,
    name: &str,
    options: &DeleteOptions,
    admit: Admit,
    warnings: &mut Vec<String>,
) -> Result<Reply, ApiError> {
    if let Some(why) = call.strategy().undeletable(name) {
        let resource = call.resource();
        return Err(ApiError::forbidden(
            &resource.group,
            &resource.plural,
            name,
            why,
        ));
    }
    warnings.extend(call.strategy().delete_warnings(options.has_policy()));
    let is_namespace = call.resource().is_built_in() && call.resource().kind == "Namespace";
    if is_namespace {
        super::namespace::delete(call, name, options, admit, warnings).await
    } else {
        delete_object(call, name, options, admit, warnings).await
    }
}

/// What a deletion does next.
enum Plan {
    /// The object is marked (or stays as it is) and held by something.
    Keep(Value),
    /// The object is changed for the last time, then removed.
    MarkAndRemove(Value),
    /// The object is removed.
    Remove,
    /// The deletion is under way already.
    Pending,
}

/// Deletes an object of any kind but a namespace.
pub async fn delete_object(
    call: &Call,
    name: &str,
    options: &DeleteOptions,
    admit: Admit,
    warnings: &mut Vec<String>,
) -> Result<Reply, ApiError> {
    let storage = &call.resource().storage;
    loop {
        let current = call.find(name)?;
        check_preconditions(call, &current, options)?;
        let object = call.shown(&current.value).await?;
        let plan = plan(call, name, object, options);
        if !matches!(plan, Plan::Pending) {
            let object = call.shown(&current.value).await?;
            admit.ask(call, &object, options, warnings).await?;
        }
        match plan {
            Plan::Pending => {
                return Ok(answer(call, &current, call.shown(&current.value).await?));
            }
            Plan::Keep(object) => {
                let value = call.to_storage(object).await?;
                if let Some(written) = write::swap(call, &current, value, options.dry_run).await? {
                    return Ok(Reply::new(code_of_pending(options), written.body(call)));
                }
            }
            Plan::MarkAndRemove(object) => {
                let value = call.to_storage(object).await?;
                if options.dry_run {
                    return Ok(answer(call, &current, call.shown(&value).await?));
                }
                let marked = Write::Update {
                    current: Arc::clone(&current),
                    value,
                };
                let writes = vec![
                    marked,
                    Write::Delete {
                        current: Arc::clone(&current),
                    },
                ];
                if let Ok(events) = call.cluster.transact(storage, writes) {
                    let last = events.last().map_or(&current, |event| &event.object);
                    return Ok(answer(call, last, call.shown(&last.value).await?));
                }
            }
            Plan::Remove if options.dry_run => {
                return Ok(answer(call, &current, call.shown(&current.value).await?));
            }
            Plan::Remove => {
                if let Ok(event) = call.cluster.commit(storage, Write::Delete { current }) {
                    return Ok(answer(
                        call,
                        &event.object,
                        call.shown(&event.object.value).await?,
                    ));
                }
            }
        }
    }
}

/// The answer of a deletion that went through: the object itself of some kinds, else a `Status`.
fn answer(call: &Call, object: &StoredObject, value: Value) -> Reply {
    if call.strategy().delete_returns_object() {
        return Reply::new(200, Body::Object(call.served.clone(), value));
    }
    let resource = call.resource();
    let mut details = json!({"name": object.name(), "kind": resource.plural, "uid": object.uid()});
    if !resource.group.is_empty() {
        details["group"] = resource.group.as_str().into();
    }
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
    });
    Reply::new(200, Body::Value(status))
}

fn check_preconditions(
    call: &Call,
    current: &StoredObject,
    options: &DeleteOptions,
) -> Result<(), ApiError> {
    let resource = call.resource();
    let conflict = |why: String| {
        Err(ApiError::conflict(
            // As with faults, the type that is stored is meant.
            &resource.storage.group,
            &resource.kind,
            current.name(),
            why,
        ))
    };
    if let Some(uid) = options.uid.as_deref().filter(|uid| *uid != current.uid()) {
        return conflict(format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been deleted \
             and then recreated",
            current.uid()
        ));
    }
    let revision = current.revision.to_string();
    if let Some(version) = options
        .resource_version
        .as_deref()
        .filter(|version| *version != revision)
    {
        return conflict(format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record \
             ({revision}). The object might have been modified"
        ));
    }
    Ok(())
}

fn plan(call: &Call, name: &str, mut object: Value, options: &DeleteOptions) -> Plan {
    let strategy = call.strategy();
    let now = call.now;
    let was_marked = object["metadata"]["deletionTimestamp"].is_string();
    let held = strategy.begin_delete(&call.context(name, options.dry_run), &mut object);
    if held && !was_marked && object["metadata"]["deletionTimestamp"].is_string() {
        return Plan::Keep(object);
    }
    let graceful = match mark_graceful(call, &mut object, options) {
        Graceful::Pending => return Plan::Pending,
        Graceful::No => None,
        Graceful::Marked(seconds) => Some(seconds),
    };
    let finalizers = finalizers(call, &object, options);
    let pending = !finalizers.is_empty() || held;
    let finalizers = if finalizers.is_empty() {
        Value::Null
    } else {
        finalizers.into()
    };
    meta::edit(&mut object, |metadata| {
        meta::set(metadata, "finalizers", finalizers);
    });
    match graceful {
        None if pending => {
            mark(&mut object, now);
            Plan::Keep(object)
        }
        None => Plan::Remove,
        Some(_) if pending => Plan::Keep(object),
        Some(seconds) if seconds > 0 => Plan::Keep(object),
        Some(_) => Plan::MarkAndRemove(object),
    }
}

enum Graceful {
    No,
    Pending,
    Marked(i64),
}

/// Kinds with a grace period (Pods): `rest.BeforeDelete`.
fn mark_graceful(call: &Call, object: &mut Value, options: &DeleteOptions) -> Graceful {
    let requested = options.grace_period_seconds;
    let Grace::Seconds(period) = call.strategy().grace(object, requested) else {
        return Graceful::No;
    };
    let metadata = &object["metadata"];
    if let Some(deleted) = metadata["deletionTimestamp"].as_str() {
        // Without a period left there is nothing to wait for: the deletion goes on as that of any other kind.
        let former = metadata["deletionGracePeriodSeconds"].as_i64();
        let Some(former) = former.filter(|seconds| *seconds != 0) else {
            return Graceful::No;
        };
        // The period can only become shorter.
        let Some(mut shorter) = requested.filter(|seconds| *seconds < former) else {
            return Graceful::Pending;
        };
        let deleted: Timestamp = deleted.parse().unwrap_or(call.now);
        let mut moved = deleted
            .checked_add(SignedDuration::from_secs(shorter - former))
            .unwrap_or(deleted);
        if moved < call.now {
            moved = call.now;
            // The period is over, but whoever works on the deletion still has the last word.
            shorter = shorter.min(1);
        }
        meta::edit(object, |metadata| {
            metadata.insert("deletionTimestamp".into(), meta::rfc3339(moved).into());
            metadata.insert("deletionGracePeriodSeconds".into(), shorter.into());
        });
        return Graceful::Marked(shorter);
    }
    begin(object, call.now, period);
    Graceful::Marked(period)
}

/// Marks an object that has a while to end, in seconds.
pub fn begin(object: &mut Value, now: Timestamp, period: i64) {
    let until = now
        .checked_add(SignedDuration::from_secs(period))
        .unwrap_or(now);
    meta::edit(object, |metadata| {
        metadata.insert("deletionTimestamp".into(), meta::rfc3339(until).into());
        metadata.insert("deletionGracePeriodSeconds".into(), period.into());
        bump_generation(metadata);
    });
}

fn bump_generation(metadata: &mut serde_json::Map<String, Value>) {
    if let Some(generation) = metadata
        .get("generation")
        .and_then(Value::as_i64)
        .filter(|n| *n > 0)
    {
        metadata.insert("generation".into(), (generation + 1).into());
    }
}

/// Marks an object as deleted that something still holds.
pub fn mark(object: &mut Value, now: Timestamp) {
    meta::edit(object, |metadata| {
        if !metadata
            .get("deletionTimestamp")
            .is_some_and(Value::is_string)
        {
            bump_generation(metadata);
            metadata.insert("deletionTimestamp".into(), meta::rfc3339(now).into());
        }
        metadata.insert("deletionGracePeriodSeconds".into(), 0.into());
    });
}

/// The finalizers of an object after the propagation policy had its say.
pub fn finalizers(call: &Call, object: &Value, options: &DeleteOptions) -> Vec<Value> {
    let present: Vec<Value> = object["metadata"]["finalizers"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    if !call.strategy().propagates() {
        return present;
    }
    let has = |name: &str| present.iter().any(|x| x == name);
    let first = |a: &str, b: &str| {
        present
            .iter()
            .find(|x| **x == a || **x == b)
            .is_some_and(|x| *x == a)
    };
    let (orphan, foreground) = match (options.orphan_dependents, options.propagation) {
        (Some(orphan), _) => (orphan, false),
        (None, Some(Propagation::Orphan)) => (true, false),
        (None, Some(Propagation::Foreground)) => (false, true),
        (None, Some(Propagation::Background)) => (false, false),
        // Said before: it stays.
        (None, None) if has("orphan") || has("foregroundDeletion") => (
            first("orphan", "foregroundDeletion"),
            first("foregroundDeletion", "orphan"),
        ),
        (None, None) => (call.strategy().orphans_by_default(), false),
    };
    if orphan == has("orphan") && foreground == has("foregroundDeletion") {
        return present;
    }
    let mut out: Vec<Value> = present
        .into_iter()
        .filter(|x| x != "orphan" && x != "foregroundDeletion")
        .collect();
    out.extend(orphan.then(|| "orphan".into()));
    out.extend(foreground.then(|| "foregroundDeletion".into()));
    out
}

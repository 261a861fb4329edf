//! `managedFields`: what a write tells the field sets about itself.

use serde_json::Value;

use super::body::Target;
use super::call::Scope;
use crate::kinds::builtin::defaults::SHARED_LABELS;
use crate::model::meta::{self, rfc3339, split_api_version};
use kmock_apply::fields::{self, Set, Write};
use kmock_apply::schema::{Schema, SchemaRef};

/// The schema of a kind; of one without a schema, anything goes.
fn schema_of(scope: &Scope<'_>, target: Target<'_>) -> SchemaRef {
    let own = &scope.served.resource;
    let schema = if target.kind == own.kind && target.group == own.group {
        target.codec.schema(own)
    } else {
        Schema::of_kind(target.group, target.version, target.kind).map(SchemaRef::from)
    };
    schema.unwrap_or_else(|| Schema::any().into())
}

/// Calls `f` with what the field sets want to know of a write; `reset` is what [`reset_set`] says.
pub fn with_write<R>(
    scope: &Scope<'_>,
    target: Target<'_>,
    manager: &str,
    reset: Option<Set>,
    f: impl FnOnce(&Write<'_>) -> R,
) -> R {
    let resource = &scope.served.resource;
    let subresource = scope.subresource;
    let schema = schema_of(scope, target);
    let versions = |api_version: &str| {
        let (group, version) = split_api_version(api_version);
        // The same objects may be served in another group (events): its versions are strangers.
        if group != target.group {
            return None;
        }
        let served = scope
            .cluster
            .registry()
            .find(group, version, &resource.plural)?;
        Some(
            served
                .strategy
                .schema(&served.resource)
                .unwrap_or_else(|| Schema::any().into()),
        )
    };
    // Without a webhook the managers of custom objects see them as they are.
    let converts = resource.is_built_in() || target.codec.conversion().is_some();
    let convert = |object: &mut Value, from: &str, to: &str| {
        if converts {
            target.codec.convert(object, from, to);
        }
    };
    f(&Write {
        manager,
        version: &target.api_version(),
        subresource,
        schema: &schema,
        reset: reset.as_ref(),
        empty: target.codec.empty(),
        now: &rfc3339(scope.now),
        versions: &versions,
        convert: &convert,
    })
}

/// The fields that a write cannot set. A custom resource's status is all that can be written through `status`.
pub fn reset_set(scope: &Scope<'_>, target: Target<'_>, object: &Value) -> Option<Set> {
    if target.kind == "Scale" {
        return None;
    }
    if scope.subresource == "status" && !scope.served.resource.is_built_in() {
        let keys: Vec<&str> = object
            .as_object()?
            .keys()
            .map(String::as_str)
            .filter(|key| *key != "status")
            .collect();
        let paths: Vec<[&str; 1]> = keys.iter().map(|key| [*key]).collect();
        let paths: Vec<&[&str]> = paths.iter().map(<[&str; 1]>::as_slice).collect();
        return Some(Set::of_names(&paths));
    }
    let served = scope.served;
    let paths = served
        .strategy
        .reset_fields(&served.resource, scope.subresource);
    (!paths.is_empty()).then(|| Set::of_names(paths))
}

/// Puts right what an object that comes from elsewhere says about its managers.
pub fn reread(scope: &Scope<'_>, object: &mut Value) {
    let target = Target::of(scope.served);
    with_write(scope, target, "", None, |write| {
        fields::reread(object, write);
    });
}

/// Notes in `object` who wrote what: of a create (`live` is `None`) or of any change but an apply.
pub fn update(scope: &Scope<'_>, live: Option<&Value>, object: &mut Value, manager: &str) {
    update_target(scope, Target::of(scope.served), live, object, manager);
}

/// The same for an object of another kind, e.g. a `Scale`.
pub fn update_target(
    scope: &Scope<'_>,
    target: Target<'_>,
    live: Option<&Value>,
    object: &mut Value,
    manager: &str,
) {
    let reset = reset_set(scope, target, object);
    let track = |written: &mut Value| {
        with_write(scope, target, manager, reset, |write| {
            fields::update(live, written, write);
        });
    };
    if is_tidy(object) {
        return track(object);
    }
    let mut written = object.clone();
    // What the defaults note for the create strategy is nobody's field.
    meta::edit(&mut written, |metadata| {
        let labels = metadata.get_mut("labels").and_then(Value::as_object_mut);
        labels.map(|labels| labels.remove(SHARED_LABELS))
    });
    meta::drop_empty(&mut written);
    track(&mut written);
    let managers = written["metadata"]["managedFields"].take();
    meta::edit(object, |metadata| {
        meta::set(metadata, "managedFields", managers);
    });
}

/// Whether the metadata of an object has nothing that is no field: then the object need not be copied.
fn is_tidy(object: &Value) -> bool {
    let metadata = object["metadata"].as_object();
    metadata.is_some_and(|metadata| {
        metadata.values().all(|value| match value {
            Value::Null => false,
            Value::Array(items) => !items.is_empty(),
            Value::Object(map) => !map.is_empty() && !map.contains_key(SHARED_LABELS),
            _ => true,
        })
    })
}

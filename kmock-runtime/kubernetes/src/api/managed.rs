//! `managedFields`: what a write tells the field sets about itself.

use jiff::Timestamp;
use serde_json::Value;

use super::admission;
use super::body::Target;
use super::call::{Call, Scope};
use super::write_options::WriteOptions;
use crate::kinds::builtin::defaults::SHARED_LABELS;
use crate::model::meta::{self, rfc3339, split_api_version};
use crate::state::registry::{Registry, Served};
use crate::state::store::{Former, Managers, StoredObject};
use kmock_apply::fields::{self, Set, Write};
use kmock_apply::gofmt;
use kmock_apply::schema::{Schema, SchemaRef};

/// What the managers need of a [`Scope`].
#[derive(Clone, Copy)]
struct Terms<'a> {
    registry: &'a Registry,
    served: &'a Served,
    subresource: &'a str,
    now: Timestamp,
}

impl<'a> From<&Scope<'a>> for Terms<'a> {
    fn from(scope: &Scope<'a>) -> Self {
        Self {
            registry: scope.cluster.registry(),
            served: scope.served,
            subresource: scope.subresource,
            now: scope.now,
        }
    }
}

/// The schema of a kind; of one without a schema, anything goes.
fn schema_of(terms: Terms<'_>, target: Target<'_>) -> SchemaRef {
    let own = &terms.served.resource;
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
    with_terms(scope.into(), target, manager, reset, f)
}

fn with_terms<R>(
    terms: Terms<'_>,
    target: Target<'_>,
    manager: &str,
    reset: Option<Set>,
    f: impl FnOnce(&Write<'_>) -> R,
) -> R {
    let resource = &terms.served.resource;
    let subresource = terms.subresource;
    let schema = schema_of(terms, target);
    let versions = |api_version: &str| {
        let (group, version) = split_api_version(api_version);
        // The same objects may be served in another group (events): its versions are strangers.
        if group != target.group {
            return None;
        }
        let served = terms.registry.find(group, version, &resource.plural)?;
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
        now: &rfc3339(terms.now),
        versions: &versions,
        convert: &convert,
    })
}

/// The fields that a write cannot set. A custom resource's status is all that can be written through `status`.
pub fn reset_set(scope: &Scope<'_>, target: Target<'_>, object: &Value) -> Option<Set> {
    reset_of(scope.into(), target, object)
}

fn reset_of(terms: Terms<'_>, target: Target<'_>, object: &Value) -> Option<Set> {
    if target.kind == "Scale" {
        return None;
    }
    if terms.subresource == "status" && !terms.served.resource.is_built_in() {
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
    let served = terms.served;
    let paths = served
        .strategy
        .reset_fields(&served.resource, terms.subresource);
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

/// Those of whose status, as the cluster's parts send it, nothing is changed on its way.
const STATUS_STAYS: [&str; 7] = [
    "DaemonSet",
    "Deployment",
    "Job",
    "Node",
    "Pod",
    "ReplicaSet",
    "StatefulSet",
];

/// Whether the managers of an object that one of the cluster's own parts writes may be told when somebody asks for them:
/// nobody sees the object on its way, and what becomes of it there changes no field that has a manager. Managers are told of
/// what is sent; later, only what is stored is there.
pub fn may_wait(call: &Call, options: &WriteOptions) -> bool {
    let kind = call.resource().kind.as_str();
    let stays_as_it_is = match call.request.subresource() {
        "status" => STATUS_STAYS.contains(&kind),
        "" => kind == "Event",
        _ => false,
    };
    call.sent.is_some()
        && !options.dry_run
        && stays_as_it_is
        && call.resource().is_as_stored()
        && admission::is_plain(&call.cluster)
}

/// Notes in an object of a request who wrote what, or takes its managers out if they wait.
pub fn note(call: &Call, options: &WriteOptions, live: Option<&Value>, object: &mut Value) {
    if options.managers_wait {
        meta::edit(object, |metadata| metadata.remove("managedFields"));
    } else {
        update(&call.scope(), live, object, &options.manager);
    }
}

/// What it takes to tell the managers of an object that is about to be stored without them; `None` if it is so large that
/// they had to be told at once, and are in it.
pub fn later(
    call: &Call,
    options: &WriteOptions,
    current: Option<&StoredObject>,
    object: &mut Value,
) -> Option<Managers> {
    /// Far from what the storage takes.
    const SMALL: usize = 512 * 1024;
    let own = gofmt::json_bound(object);
    // Of others, managers have fields already; the writer has at most all of the object's.
    let before = current.map_or(0, |current| current.value.most_of_managers());
    let most = before + 2 * own + 1024;
    let later = Later::of(call, options);
    if own + most <= SMALL {
        return Some(Managers::new(most, move |former, object| {
            later.tell(former, object)
        }));
    }
    later.tell_now(current, object);
    None
}

/// Tells the managers after all, in the object itself.
pub fn tell(call: &Call, options: &WriteOptions, current: &StoredObject, object: &mut Value) {
    Later::of(call, options).tell_now(Some(current), object);
}

/// A write whose managers are told later.
struct Later {
    registry: Registry,
    served: Served,
    subresource: String,
    now: Timestamp,
    manager: String,
}

impl Later {
    fn of(call: &Call, options: &WriteOptions) -> Self {
        Self {
            registry: call.cluster.registry().snapshot(),
            served: call.served.clone(),
            subresource: call.request.subresource().to_owned(),
            now: call.now,
            manager: options.manager.clone(),
        }
    }

    fn tell_now(self, current: Option<&StoredObject>, object: &mut Value) {
        let told = self.tell(current.map(Former::from), object);
        meta::edit(object, |metadata| {
            meta::set(metadata, "managedFields", told.unwrap_or_default());
        });
    }

    fn tell(self, former: Option<Former<'_>>, object: &Value) -> Option<Value> {
        let terms = Terms {
            registry: &self.registry,
            served: &self.served,
            subresource: &self.subresource,
            now: self.now,
        };
        let target = Target::of(&self.served);
        let reset = reset_of(terms, target, object);
        let former = former.map(|former| (former.object, former.managers));
        with_terms(terms, target, &self.manager, reset, |write| {
            fields::managers_after(former, object, write)
        })
    }
}

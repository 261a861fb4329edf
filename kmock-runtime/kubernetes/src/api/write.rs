//! What all writes share: preparing and checking an object, and storing it if nobody was faster.
//!
//! The order of the steps is that of `k8s.io/apiserver/pkg/registry/generic/registry/store.go` and
//! `…/registry/rest/{create,update}.go`: it decides which fault a client is told first.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::admission::{self, Attributes};
use super::authz;
use super::body::Target;
use super::call::Call;
use super::managed;
use super::reply::{Body, Reply};
use super::storable;
use super::write_options::WriteOptions;
use crate::model::meta::{self, MetadataRules};
use crate::model::status::{ApiError, FieldError, quoted};
use crate::model::strategy::{Check, Generation, NameRule};
use crate::state::access::{self, What};
use crate::state::store::{Conflict, Event, Managers, StoredObject, Write};

/// What a write left behind.
#[derive(Debug)]
pub enum Written {
    /// The object is stored.
    Stored(Arc<StoredObject>),
    /// The object as it would be stored, or as it was when it went: in the version of the request.
    Object(Value),
}

impl Written {
    /// What an answer shows of it.
    pub fn body(self, call: &Call) -> Body {
        match self {
            Self::Stored(object) => Body::Stored(call.served.clone(), object),
            Self::Object(value) => Body::Object(call.served.clone(), value),
        }
    }
}

/// A finished write.
#[derive(Debug)]
pub struct Outcome {
    /// The object.
    pub written: Written,
    /// It did not exist before.
    pub created: bool,
}

impl Outcome {
    /// The answer that shows the object.
    pub fn reply(self, call: &Call) -> Reply {
        let code = if self.created { 201 } else { 200 };
        Reply::new(code, self.written.body(call))
    }

    /// The object in the version of the request.
    pub async fn shown(&self, call: &Call) -> Result<Value, ApiError> {
        match &self.written {
            Written::Stored(object) => call.shown(&object.value).await,
            Written::Object(value) => Ok(value.clone()),
        }
    }
}

/// The metadata rules of the call's kind.
pub fn metadata_rules(call: &Call) -> MetadataRules {
    MetadataRules {
        name: call.strategy().name_rule(),
        namespaced: call.resource().namespaced,
        qualified_finalizers: call.resource().is_built_in()
            && call.strategy().qualified_finalizers(),
    }
}

/// The rules of the server's own check, which knows neither the kind's rule of names nor that of finalizers.
fn common_rules(call: &Call) -> MetadataRules {
    MetadataRules {
        name: NameRule::PathSegment,
        namespaced: call.resource().namespaced,
        qualified_finalizers: false,
    }
}

/// 422 of an object, named as it names itself.
pub fn invalid(call: &Call, object: &Value, faults: &[FieldError]) -> ApiError {
    let kind = object["kind"]
        .as_str()
        .filter(|x| !x.is_empty())
        .unwrap_or(&call.resource().kind);
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    // The fault is of the type that is stored: of both groups' events that is the core one. A custom object is what
    // it says that it is.
    let group = if call.resource().is_built_in() {
        &call.resource().storage.group
    } else {
        meta::split_api_version(object["apiVersion"].as_str().unwrap_or_default()).0
    };
    ApiError::invalid(group, kind, name, faults)
}

/// The body's namespace must be the path's; where it says none, it gets it.
pub fn ensure_namespace(call: &Call, object: &mut Value) -> Result<(), ApiError> {
    let expected = if call.resource().namespaced {
        call.request.namespace()
    } else {
        ""
    };
    let sent = object["metadata"]["namespace"].as_str().unwrap_or_default();
    if !call.resource().namespaced || sent.is_empty() {
        meta::set_text(object, "namespace", expected);
        return Ok(());
    }
    if sent == expected {
        return Ok(());
    }
    Err(ApiError::bad_request(
        "the namespace of the provided object does not match the namespace sent on the request",
    ))
}

/// Drops repeated owners, with a warning.
pub fn dedup_owners(object: &mut Value, warnings: &mut Vec<String>) {
    let repeated = meta::dedup_owners(object);
    if !repeated.is_empty() {
        warnings.push(format!(
            ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may \
             reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
            repeated.join(", ")
        ));
    }
}

/// Custom objects are asked for their type only when they are validated.
fn type_faults(call: &Call, object: &Value) -> Vec<FieldError> {
    let expected = [
        ("kind", call.resource().kind.clone()),
        ("apiVersion", call.resource().api_version()),
    ];
    let mut faults = Vec::new();
    for (key, expected) in expected {
        let sent = object[key].as_str().unwrap_or_default();
        if sent != expected {
            faults.push(FieldError::invalid_text(
                key,
                sent,
                format!("must be {expected}"),
            ));
        }
    }
    faults
}

/// Gives an object what the server owns at creation and checks it: `rest.BeforeCreate`.
fn before_create(
    call: &Call,
    object: &mut Value,
    dry_run: bool,
    warnings: &mut Vec<String>,
) -> Result<(), ApiError> {
    let strategy = call.strategy();
    let managed = strategy.generation() == Generation::Managed;
    meta::edit(object, |metadata| {
        for key in [
            "selfLink",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
        ] {
            metadata.remove(key);
        }
        metadata.insert("uid".into(), call.cluster.next_uid().into());
        metadata.insert("creationTimestamp".into(), meta::rfc3339(call.now).into());
        if managed {
            metadata.insert("generation".into(), 1.into());
        }
    });
    let name = object["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let context = call.context(&name, dry_run);
    strategy.prepare_for_create(&context, object);
    let mut faults = type_faults(call, object);
    let metadata = &object["metadata"];
    if faults.is_empty() {
        for check in strategy.checks_on_create() {
            match check {
                Check::Own => faults.extend(strategy.validate(&context, object)),
                Check::Metadata | Check::MetadataUpdate => {
                    faults.extend(meta::validate(metadata, metadata_rules(call)));
                }
            }
        }
    }
    if faults.is_empty() {
        faults = meta::validate(metadata, common_rules(call));
    }
    if !faults.is_empty() {
        return Err(invalid(call, object, &faults));
    }
    warnings.extend(strategy.warnings(&context, object));
    Ok(())
}

/// A name for an object with `generateName` that nobody has, if there is one among so many.
fn generated_name(call: &Call, prefix: &str) -> String {
    const ATTEMPTS: usize = 8;
    let mut name = String::new();
    for _ in 0..ATTEMPTS {
        name = meta::generate_name(call.cluster.random(), prefix);
        let place = &call.resource().storage;
        if call.cluster.store().get(place, &call.key(&name)).is_none() {
            break;
        }
    }
    name
}

/// Creates an object that was read from a body or made by an apply.
pub async fn create(
    call: &Call,
    mut object: Value,
    options: &WriteOptions,
    warnings: &mut Vec<String>,
) -> Result<Outcome, ApiError> {
    let resource = call.resource();
    let text = |key: &str| {
        object["metadata"][key]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let (sent_name, generate_name) = (text("name"), text("generateName"));
    let generates = sent_name.is_empty() && !generate_name.is_empty();
    // Admission comes before a name is made.
    let asked = Attributes::create(call, &sent_name, options);
    admission::mutate(&asked, &mut object, warnings).await?;
    call.strategy().accepts(
        &call.context(asked.shown_name(Some(&object)), options.dry_run),
        &object,
        None,
    )?;
    authz::escalation::check(call, &object, None)?;
    if generates {
        let name = generated_name(call, &generate_name);
        meta::set_text(&mut object, "name", &name);
    }
    // Who may have to try once more keeps the object as it was.
    let once = call.strategy().claims().is_none();
    let mut given = Some(object);
    loop {
        let next = if once { given.take() } else { given.clone() };
        let Some(mut object) = next else {
            return Err(ApiError::internal("the object was stored before"));
        };
        let mut own_warnings = Vec::new();
        before_create(call, &mut object, options.dry_run, &mut own_warnings)?;
        let name = object["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let asked = Attributes::create(call, &name, options);
        admission::validate(&asked, &object, &mut own_warnings).await?;
        let exists = |current: Option<Arc<StoredObject>>| {
            let mut error = if generate_name.is_empty() {
                ApiError::already_exists(&resource.group, &resource.plural, &name)
            } else {
                // The strategy tells this one, by the type that is stored.
                ApiError::generated_name_conflict(&resource.storage.group, &resource.plural, &name)
            };
            if current.is_some_and(|x| x.is_terminating()) {
                error.message.insert_str(0, "object is being deleted: ");
            }
            error
        };
        let key = call.key(&name);
        if !options.dry_run && sets_version(&object) {
            return Err(ApiError::unreasoned(
                "resourceVersion should not be set on objects to be created",
            ));
        }
        let store = call.cluster.store();
        let claimed = call.strategy().claims().map(|_| (object.clone(), None));
        let mut value = call.to_storage(object).await?;
        if options.dry_run {
            if let Some(current) = store.get(&resource.storage, &key) {
                return Err(exists(Some(current)));
            }
            warnings.append(&mut own_warnings);
            return Ok(Outcome {
                written: Written::Object(call.shown(&value).await?),
                created: true,
            });
        }
        let waits = options.managers_wait.then_some(options);
        let managers = checked(call, &name, None, &mut value, waits)?;
        let write = Write::Create { key, value };
        let Some(written) = commit(call, &name, claimed, write, managers) else {
            // Somebody was faster: now it gets something else, or is refused.
            continue;
        };
        let event = written.map_err(|conflict| exists(conflict.current))?;
        warnings.append(&mut own_warnings);
        return Ok(Outcome {
            written: Written::Stored(Arc::clone(&event.object)),
            created: true,
        });
    }
}

/// Refuses what is too large for the storage; what it takes to tell the managers of a value later, if they wait.
fn checked(
    call: &Call,
    name: &str,
    current: Option<&StoredObject>,
    value: &mut Value,
    waits: Option<&WriteOptions>,
) -> Result<Option<Managers>, ApiError> {
    let managers = waits.and_then(|options| managed::later(call, options, current, value));
    // What waits is small.
    if managers.is_none() {
        let revision = current.map(|current| current.revision);
        storable::check(call, || storage_path(call, name), value, revision)?;
    }
    Ok(managers)
}

/// One write after the other allots what can belong to one object only.
#[derive(Debug, Default)]
struct Allotting(Mutex<()>);

/// Stores an object, unless somebody else has, by now, what it claims (`None`).
fn commit(
    call: &Call,
    name: &str,
    claimed: Option<(Value, Option<Value>)>,
    write: Write,
    managers: Option<Managers>,
) -> Option<Result<Arc<Event>, Conflict>> {
    let place = &call.resource().storage;
    let (Some(claims), Some((object, old))) = (call.strategy().claims(), claimed) else {
        return Some(call.cluster.commit_untold(place, write, managers));
    };
    let room = call.cluster.room::<Allotting>();
    let _turn = room.0.lock().unwrap_or_else(PoisonError::into_inner);
    if claims(&call.context(name, false), &object, old.as_ref()) {
        return None;
    }
    Some(call.cluster.commit_untold(place, write, managers))
}

/// A version that is a number other than zero; anything else counts as none on create.
fn sets_version(object: &Value) -> bool {
    object["metadata"]["resourceVersion"]
        .as_str()
        .and_then(|x| x.parse::<u64>().ok())
        .is_some_and(|n| n != 0)
}

/// What admission is shown of an object that is written through a subresource, e.g. a `Scale`.
pub trait Lens: Sync + std::fmt::Debug {
    /// Its kind.
    fn target(&self) -> Target<'_>;
    /// What is shown of an object.
    fn show(&self, object: &Value) -> Value;
    /// Takes over what admission made of it.
    fn put_back(&self, object: &mut Value, shown: Value);
}

/// How an update goes.
#[derive(Debug, Default)]
pub struct Update<'l> {
    /// The object must have this uid (of a PUT's body).
    pub uid: Option<String>,
    /// An absent object is created, whatever the kind says (apply).
    pub force_create: bool,
    /// Never creates (subresources).
    pub never_create: bool,
    /// Admission is shown this instead of the object.
    pub lens: Option<&'l dyn Lens>,
}

fn version_of(object: &Value) -> Result<u64, ApiError> {
    let text = object["metadata"]["resourceVersion"]
        .as_str()
        .unwrap_or_default();
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        let overflow = text.bytes().all(|c| c.is_ascii_digit());
        let why = if overflow {
            "value out of range"
        } else {
            "invalid syntax"
        };
        ApiError::unreasoned(format!(
            "strconv.ParseUint: parsing {}: {why}",
            quoted(text)
        ))
    })
}

/// 409 of a uid that is not the object's.
pub fn uid_conflict(call: &Call, name: &str, wanted: &str, found: &str) -> ApiError {
    precondition_failed(call, name, "UID", wanted, found)
}

/// 409 of a version that is not the object's, where the storage itself checks it.
pub fn version_conflict(call: &Call, name: &str, wanted: &str, found: &str) -> ApiError {
    precondition_failed(call, name, "ResourceVersion", wanted, found)
}

fn precondition_failed(call: &Call, name: &str, what: &str, wanted: &str, found: &str) -> ApiError {
    let resource = call.resource();
    ApiError::conflict(
        &resource.group,
        &resource.plural,
        name,
        format!(
            "StorageError: invalid object, Code: 4, Key: {}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: \
             {what} in precondition: {wanted}, {what} in object meta: {found}",
            storage_path(call, name)
        ),
    )
}

/// Where a real server keeps an object in etcd: some messages tell.
fn storage_path(call: &Call, name: &str) -> String {
    let resource = call.resource();
    let key = call.key(name);
    let place = match (resource.group.as_str(), resource.plural.as_str()) {
        ("apiextensions.k8s.io" | "apiregistration.k8s.io", plural) => {
            format!("{}/{plural}", resource.group)
        }
        ("", "nodes") => "minions".to_owned(),
        ("", "services") => "services/specs".to_owned(),
        ("", "endpoints") => "services/endpoints".to_owned(),
        ("", "replicationcontrollers") => "controllers".to_owned(),
        ("networking.k8s.io", "ingresses") => "ingress".to_owned(),
        (_, plural) if resource.is_built_in() => plural.to_owned(),
        (group, plural) => format!("{group}/{plural}"),
    };
    format!("/registry/{place}/{key}")
}

/// Changes an object. `make` gets it (in the version of the request; `None` if there is none and one may be created)
/// and returns the new one; it is called again if somebody else was faster.
pub async fn update(
    call: &Call,
    name: &str,
    plan: &Update<'_>,
    options: &WriteOptions,
    warnings: &mut Vec<String>,
    mut make: impl FnMut(Option<&Value>, &mut Vec<String>) -> Result<Value, ApiError>,
) -> Result<Outcome, ApiError> {
    loop {
        let mut told = Vec::new();
        let outcome = try_update(call, name, plan, options, &mut told, &mut make).await;
        // What was found before a failure is told with it.
        if let Some(done) = outcome.transpose() {
            warnings.append(&mut told);
            return done;
        }
    }
}

/// One attempt of an [`update`]. `None`: somebody else was faster.
async fn try_update(
    call: &Call,
    name: &str,
    plan: &Update<'_>,
    options: &WriteOptions,
    told: &mut Vec<String>,
    make: &mut impl FnMut(Option<&Value>, &mut Vec<String>) -> Result<Value, ApiError>,
) -> Result<Option<Outcome>, ApiError> {
    let (resource, strategy, store) = (call.resource(), call.strategy(), call.cluster.store());
    let Some(current) = store.get(&resource.storage, &call.key(name)) else {
        let may_create = plan.force_create || strategy.allow_create_on_update();
        if plan.never_create || !may_create {
            return Err(ApiError::not_found(&resource.group, &resource.plural, name));
        }
        if let Some(uid) = &plan.uid {
            return Err(uid_conflict(call, name, uid, ""));
        }
        let mut object = make(None, told)?;
        check_create(call, name)?;
        meta::edit(&mut object, |metadata| metadata.remove("resourceVersion"));
        return match create(call, object, options, told).await {
            Err(error) if error.reason == "AlreadyExists" => Ok(None),
            other => other.map(Some),
        };
    };
    if let Some(uid) = plan.uid.as_ref().filter(|uid| **uid != current.uid()) {
        return Err(uid_conflict(call, name, uid, current.uid()));
    }
    let old = match options.managers_wait {
        true => Cow::Borrowed(current.value.bare()),
        false => call.seen(&current.value).await?,
    };
    let old = &*old;
    let made = call.settled(|| {
        let mut told = Vec::new();
        let object = make(Some(old), &mut told);
        (object, told)
    });
    let (object, mut warnings) = made.await?;
    told.append(&mut warnings);
    let mut object = object?;
    let old_shown = plan.lens.map(|lens| lens.show(old));
    let target = plan.lens.map_or_else(|| Target::own(call), Lens::target);
    let asked = Attributes::update(
        call,
        target,
        name,
        old_shown.as_ref().unwrap_or(old),
        options,
    );
    match plan.lens {
        Some(lens) => {
            let mut shown = lens.show(&object);
            admission::mutate(&asked, &mut shown, told).await?;
            lens.put_back(&mut object, shown);
        }
        None => admission::mutate(&asked, &mut object, told).await?,
    }
    authz::escalation::check(call, &object, Some(old))?;
    match version_of(&object)? {
        0 if strategy.allow_unconditional_update() => {
            meta::set_text(
                &mut object,
                "resourceVersion",
                &current.revision.to_string(),
            );
        }
        0 => {
            let fault = FieldError::invalid(
                "metadata.resourceVersion",
                &0.into(),
                "must be specified for an update",
            );
            return Err(ApiError::invalid(
                &resource.group,
                &resource.plural,
                name,
                &[fault],
            ));
        }
        version if version != current.revision => {
            return Err(ApiError::modified(&resource.group, &resource.plural, name));
        }
        _ => {}
    }
    before_update(call, name, &mut object, old, options.dry_run, told)?;
    match plan.lens {
        Some(lens) => admission::validate(&asked, &lens.show(&object), told).await?,
        None => admission::validate(&asked, &object, told).await?,
    }
    if !options.managers_wait {
        keep_unchanged_times(&mut object, old);
    }
    let value = call.to_storage(object).await?;
    store_update(call, &current, value, options).await
}

/// Who may update need not be allowed to create what is not there.
fn check_create(call: &Call, name: &str) -> Result<(), ApiError> {
    let mut attributes = access::Attributes::of_request(&call.request);
    attributes.verb = "create".into();
    if let What::Resource(resource) = &mut attributes.what {
        resource.name = name.into();
    }
    authz::check(&call.cluster, &call.user, &attributes)
}

/// Stores a new value of an object: nothing if it is the same, a deletion if it waited for its last finalizer only.
/// `None`: somebody else was faster.
pub async fn store_update(
    call: &Call,
    current: &Arc<StoredObject>,
    mut value: Value,
    options: &WriteOptions,
) -> Result<Option<Outcome>, ApiError> {
    if removed_by_update(call, &value, current.value.bare()) {
        meta::set_text(&mut value, "resourceVersion", &current.revision.to_string());
        if options.managers_wait {
            managed::tell(call, options, current, &mut value);
        }
        if !options.dry_run {
            let write = Write::Delete {
                current: Arc::clone(current),
            };
            let storage = &call.resource().storage;
            if call.cluster.commit(storage, write).is_err() {
                return Ok(None);
            }
        }
        return Ok(Some(Outcome {
            written: Written::Object(call.shown(&value).await?),
            created: false,
        }));
    }
    let written = swap_with(call, current, value, options).await?;
    Ok(written.map(|written| Outcome {
        written,
        created: false,
    }))
}

/// Puts a value in the place of what was seen there; the same value is no write. `None`: somebody else was faster.
pub async fn swap(
    call: &Call,
    current: &Arc<StoredObject>,
    value: Value,
    dry_run: bool,
) -> Result<Option<Written>, ApiError> {
    let options = WriteOptions::of_dry_run(dry_run);
    swap_with(call, current, value, &options).await
}

async fn swap_with(
    call: &Call,
    current: &Arc<StoredObject>,
    mut value: Value,
    options: &WriteOptions,
) -> Result<Option<Written>, ApiError> {
    // The storage sets the version itself, and a value that differs only there is the same.
    meta::set_text(&mut value, "resourceVersion", &current.revision.to_string());
    let mut waits = options.managers_wait;
    if waits && same_but_for_managers(&value, current.value.bare()) {
        // Whether it is a write goes by the managers alone: hardly ever.
        managed::tell(call, options, current, &mut value);
        keep_unchanged_times(&mut value, &current.value);
        waits = false;
    }
    if !waits && value == *current.value {
        return Ok(Some(Written::Stored(Arc::clone(current))));
    }
    if options.dry_run {
        return Ok(Some(Written::Object(call.shown(&value).await?)));
    }
    let waits = waits.then_some(options);
    let managers = checked(call, current.name(), Some(current), &mut value, waits)?;
    let claimed = call.strategy().claims().map(|_| {
        let old = call.served.shown(&current.value);
        (call.served.shown(&value), Some(old))
    });
    let write = Write::Update {
        current: Arc::clone(current),
        value,
    };
    match commit(call, current.name(), claimed, write, managers) {
        Some(Ok(event)) => Ok(Some(Written::Stored(Arc::clone(&event.object)))),
        Some(Err(_)) | None => Ok(None),
    }
}

/// Whether an update takes away the last thing that held a terminating object.
fn removed_by_update(call: &Call, new: &Value, old: &Value) -> bool {
    let is_empty = |value: &Value| value.as_array().is_none_or(Vec::is_empty);
    let old_metadata = &old["metadata"];
    let grace_is_over = old_metadata["deletionGracePeriodSeconds"]
        .as_i64()
        .unwrap_or_default()
        == 0;
    let is_namespace = call.resource().is_built_in() && call.resource().kind == "Namespace";
    old_metadata["deletionTimestamp"].is_string()
        && grace_is_over
        && is_empty(&new["metadata"]["finalizers"])
        && (!is_namespace || is_empty(&new["spec"]["finalizers"]))
}

/// Puts right what the server owns of a changed object and checks it: `rest.BeforeUpdate`.
pub fn before_update(
    call: &Call,
    name: &str,
    object: &mut Value,
    old: &Value,
    dry_run: bool,
    warnings: &mut Vec<String>,
) -> Result<(), ApiError> {
    let strategy = call.strategy();
    let old_metadata = &old["metadata"];
    let context = call.context(name, dry_run);
    strategy.accepts(&context, object, Some(old))?;
    meta::edit(object, |metadata| {
        metadata.remove("selfLink");
        meta::set(metadata, "generation", old_metadata["generation"].clone());
    });
    strategy.prepare_for_update(&context, object, old);
    let bumped = strategy.generation() != Generation::Unmanaged
        && call.request.subresource() != "status"
        && strategy.bumps_generation(object, old);
    meta::edit(object, |metadata| {
        if bumped {
            let generation = old_metadata["generation"].as_i64().unwrap_or_default();
            metadata.insert("generation".into(), (generation + 1).into());
        }
        if metadata
            .get("uid")
            .and_then(Value::as_str)
            .is_none_or(str::is_empty)
        {
            meta::set(metadata, "uid", old_metadata["uid"].clone());
        }
        meta::set(
            metadata,
            "creationTimestamp",
            old_metadata["creationTimestamp"].clone(),
        );
        if old_metadata["deletionTimestamp"].is_string() {
            meta::set(
                metadata,
                "deletionTimestamp",
                old_metadata["deletionTimestamp"].clone(),
            );
        }
        if metadata
            .get("deletionGracePeriodSeconds")
            .is_none_or(Value::is_null)
        {
            meta::set(
                metadata,
                "deletionGracePeriodSeconds",
                old_metadata["deletionGracePeriodSeconds"].clone(),
            );
        }
    });
    let faults = type_faults(call, object);
    if !faults.is_empty() {
        return Err(invalid(call, object, &faults));
    }
    let new_metadata = &object["metadata"];
    let rules = metadata_rules(call);
    let mut faults = meta::validate(new_metadata, common_rules(call));
    let of_update = meta::validate_update(new_metadata, old_metadata);
    faults.extend(of_update.iter().cloned());
    let verdict = strategy.validate_update(&context, object, old);
    for check in strategy.checks_on_update(call.request.subresource()) {
        match check {
            Check::Metadata => faults.extend(meta::validate(new_metadata, rules)),
            Check::MetadataUpdate => {
                faults.extend(of_update.iter().cloned());
                if rules.qualified_finalizers {
                    faults.extend(meta::unqualified_finalizers(new_metadata));
                }
            }
            Check::Own => faults.extend(verdict.faults.iter().cloned()),
        }
    }
    warnings.extend(verdict.forgiven);
    if !faults.is_empty() {
        return Err(invalid(call, object, &faults));
    }
    warnings.extend(verdict.warnings);
    Ok(())
}

/// If nothing but the times in managedFields differs, the former times stay: such a write is none.
fn keep_unchanged_times(object: &mut Value, old: &Value) {
    if !same_but_for_times(object, old) {
        return;
    }
    let former = old["metadata"]["managedFields"].clone();
    meta::edit(object, |metadata| {
        meta::set(metadata, "managedFields", former);
    });
}

/// Whether two states of an object differ in nothing but the version and the times of the managers.
fn same_but_for_times(new: &Value, old: &Value) -> bool {
    same_but(new, old, same_managers)
}

/// Whether two states of an object differ in nothing but the version and the managers.
fn same_but_for_managers(new: &Value, old: &Value) -> bool {
    same_but(new, old, |_, _| true)
}

fn same_but(
    new: &Value,
    old: &Value,
    same_managers: impl Fn(Option<&Value>, Option<&Value>) -> bool,
) -> bool {
    let same_metadata = |new: &Value, old: &Value| {
        same_members(new, old, |key, new, old| match key {
            "managedFields" => same_managers(new, old),
            "resourceVersion" => true,
            _ => new == old,
        })
    };
    same_members(new, old, |key, new, old| match key {
        "metadata" => {
            let (new, old) = (new.unwrap_or(&Value::Null), old.unwrap_or(&Value::Null));
            same_metadata(new, old)
        }
        _ => new == old,
    })
}

/// Whether the members of two objects are the same, as `same` says of each name. What comes last, as the status, is what
/// changes most often: it is asked first.
fn same_members(
    new: &Value,
    old: &Value,
    same: impl Fn(&str, Option<&Value>, Option<&Value>) -> bool,
) -> bool {
    let (Some(new), Some(old)) = (new.as_object(), old.as_object()) else {
        return new == old;
    };
    let in_both = |(key, value): (&String, &Value)| same(key, Some(value), old.get(key));
    let gone =
        |(key, value): (&String, &Value)| new.contains_key(key) || same(key, None, Some(value));
    new.iter().rev().all(in_both) && old.iter().all(gone)
}

fn same_managers(new: Option<&Value>, old: Option<&Value>) -> bool {
    fn entries(of: Option<&Value>) -> &[Value] {
        of.and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
    let same = |new: &Value, old: &Value| {
        same_members(new, old, |key, new, old| key == "time" || new == old)
    };
    let (new, old) = (entries(new), entries(old));
    new.len() == old.len() && new.iter().zip(old).all(|(new, old)| same(new, old))
}

//! How a resource behaves: the questions that the verbs ask of each kind.
//!
//! The seam between `api/` and the kinds, in six parts: `builtin/` and `crd/` implement them, [`Neutral`] is a resource
//! without rules of its own. All values are in the served version, unless it is said otherwise. A strategy is never called
//! under the store's lock.

use std::fmt;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use serde_json::Value;

use crate::model::conversion::Conversion;
pub use crate::model::names::NameRule;
use crate::model::resource::Resource;
use crate::model::status::{ApiError, FieldError, quoted};
use crate::model::user::User;
use crate::model::view::View;
use kmock_apply::ordered::Node;
use kmock_apply::schema::SchemaRef;

/// What a strategy may want to know about the request.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The cluster, as far as rules may see it.
    pub cluster: &'a dyn View,
    /// The resource in the version of the request.
    pub resource: &'a Resource,
    /// The namespace; empty for cluster-scoped objects.
    pub namespace: &'a str,
    /// The object's name; empty while it is not generated yet.
    pub name: &'a str,
    /// The subresource that is written; empty for the object itself.
    pub subresource: &'a str,
    /// Who asks.
    pub user: &'a User,
    /// The time of the request.
    pub now: Timestamp,
    /// Nothing will be stored.
    pub dry_run: bool,
}

/// When `metadata.generation` is kept by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// The server does not touch it: ConfigMaps, Leases.
    Unmanaged,
    /// 1 on create, one more with each change that [`Bookkeeping::bumps_generation`] tells.
    Managed,
    /// None on create, one more with each such change: CSIDrivers.
    ManagedFromZero,
}

/// How DELETE of an object answers and proceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grace {
    /// Removed at once.
    None,
    /// Removed after so many seconds: the default period of a kind that supports graceful deletion.
    Seconds(i64),
}

/// The paths of `subresources.scale`, as a CRD writes them: `.spec.replicas`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScalePaths {
    /// `specReplicasPath`.
    pub spec_replicas: String,
    /// `statusReplicasPath`.
    pub status_replicas: String,
    /// `labelSelectorPath`.
    pub label_selector: Option<String>,
}

impl ScalePaths {
    /// How many replicas an object wants, as it says so; null where it does not.
    pub fn wanted<'a>(&self, object: &'a Value) -> &'a Value {
        ScalePaths::at(object, &self.spec_replicas)
    }

    /// How many replicas there are of an object, as it says so; null where it does not.
    pub fn present<'a>(&self, object: &'a Value) -> &'a Value {
        ScalePaths::at(object, &self.status_replicas)
    }

    /// Which Pods an object means, where its kind has a place for that.
    pub fn selector<'a>(&self, object: &'a Value) -> Option<&'a Value> {
        let path = self.label_selector.as_deref()?;
        Some(ScalePaths::at(object, path))
    }

    fn at<'a>(object: &'a Value, path: &str) -> &'a Value {
        ScalePaths::steps(path).fold(object, |value, step| &value[step])
    }

    /// The names that a path goes along.
    pub fn steps(path: &str) -> impl Iterator<Item = &str> {
        path.split('.').filter(|step| !step.is_empty())
    }
}

/// A step of the validation of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The metadata as such: name, labels, annotations, owners, finalizers.
    Metadata,
    /// What may not change in the metadata, and labels, annotations and owners once more.
    MetadataUpdate,
    /// [`Lifecycle::validate_update`].
    Own,
}

/// Whether another object has what this one claims, given what it had before.
pub type Claims = fn(&Context<'_>, &Value, Option<&Value>) -> bool;

/// What a kind says of a changed object.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// What is wrong with it.
    pub faults: Vec<FieldError>,
    /// `Warning` texts of faults that were there before and are forgiven: told even when the update is refused.
    pub forgiven: Vec<String>,
    /// `Warning` texts of an update that is accepted.
    pub warnings: Vec<String>,
}

/// A body as its resource understands it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decoded {
    /// The object.
    pub object: Value,
    /// What `fieldValidation` complains about, in the server's order: `unknown field "spec.x"`.
    pub complaints: Vec<String>,
}

/// A column of a resource's Table; the texts of a CRD's columns live in its strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column<'a> {
    /// Its header.
    pub name: &'a str,
    /// `string`, `integer`, `number`, `boolean`, `date`.
    pub kind: &'a str,
    /// `name` in the column of names.
    pub format: &'a str,
    /// 1 for columns that only wide output shows.
    pub priority: i32,
}

/// The rules of a kind: whatever has all six parts.
pub trait Strategy: Codec + Lifecycle + Bookkeeping + Deletion + Selection + Printing {}

impl<T> Strategy for T where T: Codec + Lifecycle + Bookkeeping + Deletion + Selection + Printing {}

/// The object in which nothing is set.
pub static EMPTY: LazyLock<Value> = LazyLock::new(|| Value::Object(serde_json::Map::new()));

/// How the objects of a kind are read, completed, converted between its versions, and stored.
pub trait Codec: Send + Sync + fmt::Debug {
    /// The schema of the served version; `None` for resources without one: everything is allowed and kept.
    fn schema(&self, _resource: &Resource) -> Option<SchemaRef> {
        None
    }

    /// Reads a body, given as parsed JSON in the order in which it was sent. An error is what
    /// the answer says behind `<Kind> in version "<version>" cannot be handled as a <Kind>: `. Whoever reads fills in the
    /// defaults ([`Codec::default`]).
    fn read(&self, _context: &Context<'_>, body: Node) -> Result<Decoded, String> {
        Ok(Decoded {
            object: body.into_value(),
            complaints: Vec::new(),
        })
    }

    /// The same of an object that came as a value: what it says twice, or in which order, is not known of it.
    fn read_value(&self, context: &Context<'_>, object: Value) -> Result<Decoded, String> {
        self.read(context, Node::from_value(&object))
    }

    /// Reads the result of a strategic merge patch, which the server converts without going through JSON text:
    /// its errors have other words, and unknown fields are sorted. JSON and merge patches go through [`Self::read`].
    fn read_merged(&self, context: &Context<'_>, object: &Value) -> Result<Decoded, String> {
        self.read(context, Node::from_value(object))
    }

    /// The object that the server holds before anything is set: what a created object is compared with to tell
    /// which fields its manager owns.
    fn empty(&self) -> &'static Value {
        &EMPTY
    }

    /// Drops what the storage's encoding does not keep (built-in kinds: empty lists and maps). The last step before
    /// an object is stored, after `managedFields` were computed. Members that are `kept` are as they were stored before.
    fn before_store(&self, _resource: &Resource, _object: &mut Value, _kept: &[&str]) {}

    /// Fills in defaults. Members that are `kept` are as they were stored before.
    fn default(&self, _context: &Context<'_>, _object: &mut Value, _kept: &[&str]) {}

    /// Changes a value between two served versions, both given as `group/version`. The caller sets `apiVersion`.
    fn convert(&self, _object: &mut Value, _from: &str, _to: &str) {}

    /// Who converts between versions, if somebody else does: then [`Codec::convert`] knows only what was asked before
    /// (`api/convert.rs`).
    fn conversion(&self) -> Option<&Arc<Conversion>> {
        None
    }

    /// Changes an object that is about to be shown, e.g. defaults of a CRD that are applied on reading. `true`: changed.
    fn after_read(&self, _object: &mut Value) -> bool {
        false
    }

    /// Differs whenever objects may be shown in another way than before (e.g. a CRD got other defaults): serialised
    /// forms are kept per number. Custom resources tell the revision of their CRD.
    fn rules_revision(&self) -> u64 {
        0
    }

    /// Where the subresource `scale` of a custom resource finds its values.
    fn scale(&self, _resource: &Resource) -> Option<ScalePaths> {
        None
    }
}

/// What a kind does with an object that is created or changed, and what it refuses.
pub trait Lifecycle {
    /// Resets what a client may not set (e.g. `status`), before validation.
    fn prepare_for_create(&self, _context: &Context<'_>, _object: &mut Value) {}

    /// Faults of a new object, beyond its metadata.
    fn validate(&self, _context: &Context<'_>, _object: &Value) -> Vec<FieldError> {
        Vec::new()
    }

    /// What the kind itself checks on create, in its order. The server checks the metadata in a general way when the
    /// kind has found nothing.
    fn checks_on_create(&self) -> &'static [Check] {
        &[Check::Metadata, Check::Own]
    }

    /// Whether an object is taken at all, for another reason than its fields: e.g. 403 while a CRD is terminating.
    fn accepts(
        &self,
        _context: &Context<'_>,
        _object: &Value,
        _old: Option<&Value>,
    ) -> Result<(), ApiError> {
        Ok(())
    }

    /// `Warning` texts of a create.
    fn warnings(&self, _context: &Context<'_>, _object: &Value) -> Vec<String> {
        Vec::new()
    }

    /// Resets what this (sub)resource may not change, before validation. For `status` and other subresources the
    /// implementation decides what is taken over from `new`; [`Context::subresource`] tells which.
    fn prepare_for_update(&self, _context: &Context<'_>, _new: &mut Value, _old: &Value) {}

    /// What the kind says of a changed object, beyond its metadata. Asked once for each update.
    fn validate_update(&self, _context: &Context<'_>, _new: &Value, _old: &Value) -> Verdict {
        Verdict::default()
    }

    /// What the kind itself checks on update, in its order. The server has then checked the metadata already, as
    /// [`Check::Metadata`] and [`Check::MetadataUpdate`] do: kinds that check them again repeat the faults' causes.
    fn checks_on_update(&self, _subresource: &str) -> &'static [Check] {
        &[Check::MetadataUpdate, Check::Own]
    }

    /// PUT of an absent object creates it.
    fn allow_create_on_update(&self) -> bool {
        false
    }

    /// A write without resourceVersion is allowed.
    fn allow_unconditional_update(&self) -> bool {
        true
    }

    /// What of an object can belong to one object only, as a Service's addresses: whether somebody else has it. It is asked once
    /// more in the moment in which the object is stored, one write after the other.
    fn claims(&self) -> Option<Claims> {
        None
    }
}

/// What the server keeps in the metadata of a kind's objects, and who may write what.
pub trait Bookkeeping {
    /// Which names are valid.
    fn name_rule(&self) -> NameRule {
        NameRule::Subdomain
    }

    /// How `generation` is kept.
    fn generation(&self) -> Generation {
        Generation::Unmanaged
    }

    /// Whether the change from `old` to `new` is a new generation. By default: any difference outside of
    /// `metadata` and `status`.
    fn bumps_generation(&self, new: &Value, old: &Value) -> bool {
        differs_beyond(new, old, &["metadata", "status", "apiVersion", "kind"])
    }

    /// Finalizers without a domain are refused unless they are the server's own (`kubernetes`, `orphan`,
    /// `foregroundDeletion`): kinds that use the core group's check of metadata.
    fn qualified_finalizers(&self) -> bool {
        true
    }

    /// The paths that a write (of the object itself: empty subresource) cannot set, so that nobody owns them by it.
    fn reset_fields(
        &self,
        resource: &Resource,
        subresource: &str,
    ) -> &'static [&'static [&'static str]] {
        match subresource {
            "" if resource.subresource("status").is_some() => &[&["status"]],
            "status" => &[&["spec"], &["metadata"]],
            _ => &[],
        }
    }
}

/// How the objects of a kind go.
pub trait Deletion {
    /// Why an object cannot be deleted, whoever asks.
    fn undeletable(&self, _name: &str) -> Option<&'static str> {
        None
    }

    /// DELETE answers with the object instead of a `Status`.
    fn delete_returns_object(&self) -> bool {
        false
    }

    /// How long a deletion takes; `requested` is the client's wish.
    fn grace(&self, _object: &Value, _requested: Option<i64>) -> Grace {
        Grace::None
    }

    /// The finalizer that the kind gets by default when it is deleted without a propagation policy:
    /// `orphan`-by-default is history, so it is background unless the kind says otherwise.
    fn orphans_by_default(&self) -> bool {
        false
    }

    /// `Warning` texts of a DELETE, e.g. of one whose client may not know what becomes of the dependents.
    fn delete_warnings(&self, _policy_given: bool) -> Vec<String> {
        Vec::new()
    }

    /// Whether a propagation policy means anything for the kind: not for Events.
    fn propagates(&self) -> bool {
        true
    }

    /// Changes the object at DELETE, before it is marked or removed (e.g. the CRD's clean-up finalizer, a namespace's
    /// phase). `true` means: the object stays, even without finalizers in its metadata. One that gets its
    /// `deletionTimestamp` here is not marked further.
    fn begin_delete(&self, _context: &Context<'_>, _object: &mut Value) -> bool {
        false
    }
}

/// What field selectors can ask of a kind.
pub trait Selection {
    /// The labels for field selectors, beyond `metadata.name` and `metadata.namespace`.
    fn selectable_fields(&self, _object: &Value) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Faults of a field label that the resource cannot select by; `None` if it can. The text of the 400.
    fn unsupported_field(&self, _resource: &Resource, label: &str) -> Option<String> {
        if matches!(label, "metadata.name" | "metadata.namespace") {
            return None;
        }
        Some(format!(
            "{} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
            quoted(label)
        ))
    }

    /// The name by which [`Selection::selectable_fields`] tells a supported label, e.g. of Pods `spec.host` is
    /// `spec.nodeName`.
    fn canonical_field<'a>(&self, _resource: &Resource, label: &'a str) -> &'a str {
        label
    }
}

/// The tables of a kind.
pub trait Printing {
    /// The columns of the resource's Table, the name first; `None` is the default printer (Name, Created At), whose
    /// empty tables have `rows: null` instead of `[]`.
    fn columns(&self, _resource: &Resource) -> Option<Vec<Column<'_>>> {
        None
    }

    /// The cells of an object, one for each column. The object is in the served version.
    fn cells(&self, _resource: &Resource, _object: &Value, _now: Timestamp) -> Vec<Value> {
        Vec::new()
    }

    /// The `conditions` of an object's row, beside its cells, if it has some.
    fn row_conditions(&self, _resource: &Resource, _object: &Value) -> Option<Value> {
        None
    }
}

/// Whether two objects differ at their top level, not counting some fields.
pub fn differs_beyond(new: &Value, old: &Value, except: &[&str]) -> bool {
    let (Some(new), Some(old)) = (new.as_object(), old.as_object()) else {
        return new != old;
    };
    let counts = |key: &&String| !except.contains(&key.as_str());
    new.keys()
        .filter(counts)
        .any(|key| new.get(key) != old.get(key))
        || old.keys().filter(counts).any(|key| !new.contains_key(key))
}

/// A resource without rules of its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct Neutral;

impl Codec for Neutral {}
impl Lifecycle for Neutral {}
impl Bookkeeping for Neutral {}
impl Deletion for Neutral {}
impl Selection for Neutral {}
impl Printing for Neutral {}

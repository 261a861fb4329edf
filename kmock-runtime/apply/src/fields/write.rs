//! A write as the managers see it, and why an apply fails.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::element::PathElement;
use super::managers::{Manager, Operation};
use super::set::Set;
use super::typed::{TypedErrors, validate};
use crate::schema::SchemaRef;

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
    pub(crate) fn updater(&self) -> Manager {
        Manager::new(
            self.manager,
            Operation::Update,
            self.version,
            self.subresource,
        )
    }

    /// The schema of a version.
    pub(crate) fn schema_of(&self, version: &str) -> Option<SchemaRef> {
        if version == self.version {
            Some(self.schema.clone())
        } else {
            (self.versions)(version)
        }
    }

    /// The object as another version shows it; it must conform to the schema of that version.
    pub(crate) fn converted(
        &self,
        object: &Value,
        from: &str,
        (to, schema): (&str, &SchemaRef),
    ) -> Result<Value, TypedErrors> {
        let mut object = object.clone();
        if from != to && object.is_object() {
            (self.convert)(&mut object, from, to);
            if let Some(said) = object.get_mut("apiVersion") {
                *said = to.into();
            }
            validate(schema, &object, true)?;
        }
        Ok(object)
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

//! The structural schema that built-in types and custom resources share.
//!
//! A [`Schema`] says how a value is made (type, properties, items) and how two values of it merge
//! (list and map types, merge keys). It says nothing about validity: patterns, ranges and CEL are the
//! business of those who validate. Its rules are those by which the API server turns OpenAPI into the types of its
//! structured merge: see `kube-openapi/pkg/schemaconv`.
//!
//! ```text
//! SchemaRef ──► Schema "Deployment"
//!               ├─ spec ──────► (reference) DeploymentSpec       parsed when somebody looks
//!               │                ├─ replicas   integer
//!               │                └─ template ─► (reference) PodTemplateSpec
//!               └─ metadata ──► (reference) ObjectMeta
//! ```
//!
//! A reference keeps what its place of use adds (a default, a patch strategy, a map type) beside the
//! target; every getter looks through it, so that users of this model never meet a reference.

mod definitions;
mod parse;

use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use serde_json::Value;

pub use definitions::Definition;

/// What kind of value a schema describes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Type {
    /// No type given: whatever the value is.
    #[default]
    Any,
    /// An object: declared properties, or a map of one element type.
    Object,
    /// A list.
    Array,
    /// A string.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
}

/// How a list merges (`x-kubernetes-list-type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListType {
    /// Replaced and owned whole.
    Atomic,
    /// Scalars without repetition, each owned by itself.
    Set,
    /// Objects with keys, each owned by itself.
    Map,
}

/// How an object merges (`x-kubernetes-map-type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapType {
    /// Replaced and owned whole.
    Atomic,
    /// Every key is owned by itself.
    Granular,
}

/// What a strategic merge patch does with a field (`x-kubernetes-patch-strategy`, `-patch-merge-key`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatchRules {
    /// Lists are merged item by item instead of being replaced.
    pub merge: bool,
    /// Objects lose the keys that `$retainKeys` does not name.
    pub retain_keys: bool,
    /// Objects are replaced instead of being merged.
    pub replace: bool,
    /// The key that tells the items of a merged list of objects apart.
    pub merge_key: Option<Arc<str>>,
}

/// What an object admits besides its declared properties.
#[derive(Clone, Debug, Default)]
pub(crate) enum Additional {
    /// Nothing was said.
    #[default]
    Unsaid,
    /// `additionalProperties: false`.
    Denied,
    /// `additionalProperties: true`.
    Any,
    /// Values of this schema.
    Of(Box<Schema>),
}

/// How a value is made, and how two values of it merge. See the [module](self).
///
/// ```
/// use kmock_apply::Schema;
/// use kmock_apply::schema::{ListType, Type};
/// use serde_json::json;
///
/// let pod = Schema::of_kind("", "v1", "Pod").expect("a built-in kind");
/// let containers = pod.property("spec").and_then(|spec| spec.property("containers")).expect("containers");
/// assert_eq!((containers.list_type(), containers.map_keys()), (ListType::Map, &["name".into()][..]));
///
/// // That of a custom resource has the metadata that every object has.
/// let own = Schema::of_custom_resource(Some(&json!({
///     "type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
/// })));
/// let size = own.property("spec").and_then(|spec| spec.property("size"));
/// assert_eq!(size.map(Schema::kind), Some(Type::Integer));
/// assert!(own.property("metadata").is_some());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Schema {
    reference: Option<Definition>,
    kind: Type,
    format: Option<Box<str>>,
    properties: Vec<(Arc<str>, Schema)>,
    required: Vec<Box<str>>,
    items: Option<Box<Schema>>,
    additional: Additional,
    default: Option<Value>,
    values: Vec<Value>,
    list_type: Option<ListType>,
    map_keys: Vec<Arc<str>>,
    map_type: Option<MapType>,
    patch: Option<Box<PatchRules>>,
    /// Says `x-kubernetes-preserve-unknown-fields` itself.
    preserve_unknown: bool,
    /// This schema or one above it (not through a reference) preserves unknown fields.
    open: bool,
    int_or_string: bool,
    embedded: bool,
    nullable: bool,
}

static ANY: LazyLock<Schema> = LazyLock::new(Schema::default);
static UNTYPED_ATOMIC: LazyLock<Schema> = LazyLock::new(|| Schema {
    list_type: Some(ListType::Atomic),
    map_type: Some(MapType::Atomic),
    ..Schema::default()
});

static NO_PATCH_RULES: PatchRules = PatchRules {
    merge: false,
    retain_keys: false,
    replace: false,
    merge_key: None,
};

impl Schema {
    /// Anything: lists are atomic, objects granular all the way down.
    pub fn any() -> &'static Schema {
        &ANY
    }

    /// Anything, owned and replaced whole.
    pub fn untyped_atomic() -> &'static Schema {
        &UNTYPED_ATOMIC
    }

    /// A scalar of whatever type.
    pub(crate) fn untyped_scalar() -> Schema {
        Schema {
            int_or_string: true,
            ..Schema::default()
        }
    }

    /// The built-in type of that name, e.g. `io.k8s.api.core.v1.PodSpec`.
    pub fn builtin(name: &str) -> Option<&'static Schema> {
        Definition::named(name).map(Definition::schema)
    }

    /// The built-in type of an object; the core group is `""`.
    pub fn of_kind(group: &str, version: &str, kind: &str) -> Option<&'static Schema> {
        Definition::of_kind(group, version, kind).map(Definition::schema)
    }

    fn target(&self) -> &Schema {
        match self.reference {
            Some(definition) => definition.schema(),
            None => self,
        }
    }

    /// The built-in definition this place refers to.
    pub fn definition(&self) -> Option<Definition> {
        self.reference
    }

    /// The type.
    pub fn kind(&self) -> Type {
        self.target().kind
    }

    /// The format, e.g. `int32`, `byte`, `date-time`.
    pub fn format(&self) -> Option<&str> {
        self.target().format.as_deref()
    }

    /// The declared properties, by name.
    pub fn properties(&self) -> impl ExactSizeIterator<Item = (&str, &Schema)> {
        self.target()
            .properties
            .iter()
            .map(|(name, schema)| (&**name, schema))
    }

    /// A declared property.
    pub fn property(&self, name: &str) -> Option<&Schema> {
        self.named_property(name).map(|(_, schema)| schema)
    }

    /// A declared property with its name, which is shared by all who keep it.
    pub fn named_property(&self, name: &str) -> Option<(&Arc<str>, &Schema)> {
        let properties = &self.target().properties;
        let found = properties
            .binary_search_by(|(known, _)| (**known).cmp(name))
            .ok()?;
        properties.get(found).map(|(name, schema)| (name, schema))
    }

    /// The names that must be present.
    pub fn required(&self) -> impl ExactSizeIterator<Item = &str> {
        self.target().required.iter().map(|name| &**name)
    }

    /// The schema of every key that is not declared, when there may be such keys.
    ///
    /// As the structured merge has it: an object without properties admits everything; one with
    /// properties admits more only below `x-kubernetes-preserve-unknown-fields`.
    pub fn additional(&self) -> Option<&Schema> {
        let target = self.target();
        match &target.additional {
            Additional::Of(schema) => Some(schema),
            Additional::Any => Some(Schema::any()),
            Additional::Denied => None,
            Additional::Unsaid
                if target.map_type == Some(MapType::Atomic) && target.kind == Type::Any =>
            {
                Some(Schema::untyped_atomic())
            }
            Additional::Unsaid if target.open || target.properties.is_empty() => {
                Some(Schema::any())
            }
            Additional::Unsaid => None,
        }
    }

    /// The schema under `additionalProperties`, when one was written there.
    pub fn additional_declared(&self) -> Option<&Schema> {
        match &self.target().additional {
            Additional::Of(schema) => Some(schema),
            _ => None,
        }
    }

    /// The schema of that key: the declared property, or that of additional keys.
    pub fn field(&self, name: &str) -> Option<&Schema> {
        self.property(name).or_else(|| self.additional())
    }

    /// The schema of a list's items.
    pub fn items(&self) -> &Schema {
        self.target()
            .items
            .as_deref()
            .unwrap_or_else(|| Schema::untyped_atomic())
    }

    /// The default at this place: what the place of use says comes before what the type says.
    pub fn default_value(&self) -> Option<&Value> {
        self.default
            .as_ref()
            .or_else(|| self.target().default.as_ref())
    }

    /// The values allowed, when they are listed.
    pub fn values(&self) -> &[Value] {
        &self.target().values
    }

    /// How a list merges; a list is atomic when nothing is said.
    pub fn list_type(&self) -> ListType {
        if let Some(said) = self.list_type.or_else(|| self.target().list_type) {
            return said;
        }
        match self.patch_rules() {
            PatchRules {
                merge: true,
                merge_key: Some(_),
                ..
            } => ListType::Map,
            PatchRules {
                merge: true,
                merge_key: None,
                ..
            } => ListType::Set,
            _ => ListType::Atomic,
        }
    }

    /// The keys that tell the items of a list of type map apart.
    pub fn map_keys(&self) -> &[Arc<str>] {
        let target = self.target();
        let from_patch = if target.list_type.is_none() && self.patch_rules().merge {
            self.patch_rules().merge_key.as_slice()
        } else {
            &[]
        };
        if target.map_keys.is_empty() {
            from_patch
        } else {
            &target.map_keys
        }
    }

    /// How an object merges; an object is granular when nothing is said.
    pub fn map_type(&self) -> MapType {
        self.map_type
            .or_else(|| self.target().map_type)
            .unwrap_or(MapType::Granular)
    }

    /// What a strategic merge patch does here.
    pub fn patch_rules(&self) -> &PatchRules {
        self.patch
            .as_deref()
            .or_else(|| self.target().patch.as_deref())
            .unwrap_or(&NO_PATCH_RULES)
    }

    /// Says `x-kubernetes-preserve-unknown-fields: true` at this very place.
    pub fn preserves_unknown(&self) -> bool {
        self.target().preserve_unknown
    }

    /// Whether `x-kubernetes-preserve-unknown-fields` is said here or above.
    pub fn is_open(&self) -> bool {
        self.target().open
    }

    /// A whole number or a string (`x-kubernetes-int-or-string`), or any other scalar of free type.
    pub fn is_int_or_string(&self) -> bool {
        self.target().int_or_string
    }

    /// A whole object with apiVersion, kind and metadata (`x-kubernetes-embedded-resource`).
    pub fn is_embedded_resource(&self) -> bool {
        self.target().embedded
    }

    /// Null is a value.
    pub fn is_nullable(&self) -> bool {
        self.nullable || self.target().nullable
    }
}

/// A schema to keep: of a built-in type, or shared by the objects of a custom resource.
#[derive(Clone, Debug)]
pub enum SchemaRef {
    /// Lives as long as the program.
    Builtin(&'static Schema),
    /// Lives as long as its definition.
    Shared(Arc<Schema>),
}

impl Deref for SchemaRef {
    type Target = Schema;

    fn deref(&self) -> &Schema {
        match self {
            SchemaRef::Builtin(schema) => schema,
            SchemaRef::Shared(schema) => schema,
        }
    }
}

impl From<&'static Schema> for SchemaRef {
    fn from(schema: &'static Schema) -> Self {
        SchemaRef::Builtin(schema)
    }
}

impl From<Schema> for SchemaRef {
    fn from(schema: Schema) -> Self {
        SchemaRef::Shared(Arc::new(schema))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_looked_through_and_recursion_is_lazy() {
        let pod = Schema::of_kind("", "v1", "Pod").expect("Pod");
        let containers = pod
            .property("spec")
            .and_then(|spec| spec.property("containers"))
            .expect("containers");
        assert_eq!(containers.list_type(), ListType::Map);
        assert_eq!(containers.map_keys(), ["name".into()]);
        assert_eq!(
            containers.items().property("image").map(Schema::kind),
            Some(Type::String)
        );
        let crd =
            Schema::of_kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition").expect("CRD");
        assert!(crd.property("spec").is_some());
        let props = Schema::builtin(
            "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps",
        );
        let not = props.and_then(|props| props.property("not")).expect("not");
        assert!(not.property("not").is_some());
    }

    #[test]
    fn a_place_of_use_adds_to_what_it_refers_to() {
        let deployment =
            Schema::builtin("io.k8s.api.apps.v1.DeploymentSpec").expect("DeploymentSpec");
        let strategy = deployment.property("strategy").expect("strategy");
        assert!(strategy.patch_rules().retain_keys);
        assert!(strategy.property("rollingUpdate").is_some());
        let service = Schema::builtin("io.k8s.api.core.v1.ServiceSpec").expect("ServiceSpec");
        assert_eq!(
            service.property("selector").map(Schema::map_type),
            Some(MapType::Atomic)
        );
        let protocol = service
            .property("ports")
            .and_then(|ports| ports.items().property("protocol"))
            .expect("protocol");
        assert_eq!(protocol.default_value(), Some(&Value::from("TCP")));
    }
}

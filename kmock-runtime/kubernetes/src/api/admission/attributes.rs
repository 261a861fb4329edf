//! What admission may know of a request: `k8s.io/apiserver/pkg/admission.Attributes`.

use serde_json::Value;

use crate::api::body::Target;
use crate::api::call::Call;
use crate::api::write_options::{DeleteOptions, WriteOptions};
use crate::model::resource::{Resource, ResourceKey};
use crate::model::status::ApiError;
use crate::model::strategy::Codec;
use crate::state::cluster::Cluster;
use crate::state::registry::Served;
use crate::state::webhooks::AuditAnnotation;

/// What is done to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It is new.
    Create,
    /// It changes, in whole or through a subresource.
    Update,
    /// It goes.
    Delete,
    /// Somebody talks to it: `exec`, `portforward`, `proxy`.
    #[allow(
        dead_code,
        reason = "nothing of the API connects yet; rules and reviews know it"
    )]
    Connect,
}

impl Operation {
    /// As rules and reviews write it: `CREATE`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

/// The options of a request.
#[derive(Debug, Clone, Copy)]
pub enum Options<'a> {
    /// Of a create or an update.
    Write(&'a WriteOptions),
    /// Of a deletion.
    Delete(&'a DeleteOptions),
    /// What is connected to has none.
    #[allow(dead_code, reason = "nothing of the API connects yet")]
    None,
}

/// A request, as admission sees it. The object itself goes along with it, since it changes on the way.
#[derive(Debug, Clone)]
pub struct Attributes<'a> {
    /// The request.
    pub call: &'a Call,
    /// The group of what is written: of a subresource such as `scale` it is not the resource's.
    pub group: &'a str,
    /// Its version.
    pub version: &'a str,
    /// Its kind.
    pub kind: &'a str,
    codec: &'a dyn Codec,
    /// What is done.
    pub operation: Operation,
    /// The name; empty while it is to be generated, and of a collection.
    pub name: &'a str,
    /// The object before, in the version of the request.
    pub old: Option<&'a Value>,
    /// The options of the request.
    pub options: Options<'a>,
    /// Nothing will be stored.
    pub dry_run: bool,
}

impl<'a> Attributes<'a> {
    /// Of an object of the resource itself that is new.
    pub fn create(call: &'a Call, name: &'a str, options: &'a WriteOptions) -> Self {
        Self::create_other(call, Target::own(call), name, options)
    }

    /// Of what is posted to a subresource: a `Binding`, an `Eviction`.
    pub fn create_other(
        call: &'a Call,
        target: Target<'a>,
        name: &'a str,
        options: &'a WriteOptions,
    ) -> Self {
        Self {
            call,
            group: target.group,
            version: target.version,
            kind: target.kind,
            codec: target.codec,
            operation: Operation::Create,
            name,
            old: None,
            options: Options::Write(options),
            dry_run: options.dry_run,
        }
    }

    /// Of a change of an object, or of what a subresource shows of it.
    pub fn update(
        call: &'a Call,
        target: Target<'a>,
        name: &'a str,
        old: &'a Value,
        options: &'a WriteOptions,
    ) -> Self {
        Self {
            operation: Operation::Update,
            old: Some(old),
            ..Self::create_other(call, target, name, options)
        }
    }

    /// Of a deletion. The objects of a collection go without a name.
    pub fn delete(call: &'a Call, old: &'a Value, options: &'a DeleteOptions) -> Self {
        let target = Target::own(call);
        Self {
            call,
            group: target.group,
            version: target.version,
            kind: target.kind,
            codec: target.codec,
            operation: Operation::Delete,
            name: call.request.name(),
            old: Some(old),
            options: Options::Delete(options),
            dry_run: options.dry_run,
        }
    }

    /// The cluster.
    pub fn cluster(&self) -> &'a Cluster {
        &self.call.cluster
    }

    /// The resource.
    pub fn resource(&self) -> &'a Resource {
        self.call.resource()
    }

    /// The subresource; empty for the object itself.
    pub fn subresource(&self) -> &'a str {
        self.call.request.subresource()
    }

    /// The namespace; that of a Namespace is itself.
    pub fn namespace(&self) -> &str {
        if self.resource().namespaced {
            self.call.request.namespace()
        } else if self.is_core("namespaces") {
            self.name
        } else {
            ""
        }
    }

    /// Whether the resource is a built-in one.
    pub fn is(&self, group: &str, plural: &str) -> bool {
        let resource = self.resource();
        resource.plural == plural && resource.group == group && resource.is_built_in()
    }

    /// Whether the resource is one of the core group.
    pub fn is_core(&self, plural: &str) -> bool {
        self.is("", plural)
    }

    /// The node of a Pod whose spec is changed while it is there.
    pub fn changed_on_node<'o>(&self, object: &'o Value) -> Option<&'o str> {
        let node = object["spec"]["nodeName"].as_str().unwrap_or_default();
        let generation = |object: &Value| object["metadata"]["generation"].clone();
        let is_update = self.operation == Operation::Update && self.is_core("pods");
        let changes =
            is_update && !node.is_empty() && self.old.map(generation) != Some(generation(object));
        changes.then_some(node)
    }

    /// Whether an object of the resource itself is created.
    pub fn creates(&self) -> bool {
        self.operation == Operation::Create && self.subresource().is_empty()
    }

    /// Whether an object of the resource itself is changed.
    pub fn updates(&self) -> bool {
        self.operation == Operation::Update && self.subresource().is_empty()
    }

    /// The options as an object: a `CreateOptions`, `UpdateOptions` or `DeleteOptions`.
    pub fn options(&self) -> Value {
        match (self.options, self.operation) {
            (Options::Write(options), Operation::Create) => options.shown("CreateOptions"),
            (Options::Write(options), _) => options.shown("UpdateOptions"),
            (Options::Delete(options), _) => options.shown(),
            (Options::None, _) => Value::Null,
        }
    }

    /// Who asks, as reviews and expressions see it.
    pub fn user(&self) -> Value {
        self.call.user.to_user_info()
    }

    /// Group, version and kind of what is written, in a version of the resource.
    pub fn kind_in<'r>(&'r self, resource: &'r Resource) -> (&'r str, &'r str, &'r str) {
        if self.is_of_subresource() {
            (self.group, self.version, self.kind)
        } else {
            (&resource.group, &resource.version, &resource.kind)
        }
    }

    /// How what is written is read, in a version of the resource.
    pub fn codec_of<'r>(&'r self, served: &'r Served) -> &'r dyn Codec {
        if self.is_of_subresource() {
            self.codec
        } else {
            &*served.strategy
        }
    }

    /// Whether a kind of the subresource's own is written: a `Scale`, a `Binding`.
    fn is_of_subresource(&self) -> bool {
        self.kind != self.resource().kind || self.group != self.resource().group
    }

    /// Leaves an annotation in the audit log.
    pub fn annotate(&self, key: &str, value: impl Into<String>) {
        let resource = self.resource().qualified();
        let place = match self.namespace() {
            "" => self.name.to_owned(),
            namespace => format!("{namespace}/{}", self.name),
        };
        self.cluster().webhooks().annotate(AuditAnnotation {
            request: format!("{} {resource} {place}", self.operation.as_str()),
            key: key.to_owned(),
            value: value.into(),
        });
    }

    /// The name that refusals call the object by.
    pub fn shown_name<'o>(&'o self, object: Option<&'o Value>) -> &'o str {
        let of = |key: &str| {
            let object = object.or(self.old)?;
            object["metadata"][key].as_str().filter(|x| !x.is_empty())
        };
        if !self.name.is_empty() {
            return self.name;
        }
        of("name")
            .or_else(|| of("generateName"))
            .unwrap_or("Unknown")
    }

    /// 403 `<resource> "<name>" is forbidden: <why>`.
    pub fn forbidden(&self, object: Option<&Value>, why: impl std::fmt::Display) -> ApiError {
        let resource = self.resource();
        let name = self.shown_name(object);
        ApiError::forbidden(&resource.group, &resource.plural, name, why)
    }

    /// All objects of a kind, in the order of their keys; `namespace` limits them.
    pub fn all(&self, group: &str, plural: &str, namespace: &str) -> Vec<std::sync::Arc<Value>> {
        let prefix = match namespace {
            "" => String::new(),
            namespace => format!("{namespace}/"),
        };
        let found = self
            .cluster()
            .store()
            .list(&ResourceKey::new(group, plural), &prefix);
        found
            .objects
            .into_iter()
            .map(|object| object.value.shared())
            .collect()
    }

    /// An object by its key.
    pub fn find(&self, group: &str, plural: &str, key: &str) -> Option<std::sync::Arc<Value>> {
        let found = self
            .cluster()
            .store()
            .get(&ResourceKey::new(group, plural), key)?;
        Some(found.value.shared())
    }

    /// The Namespace that the object is in, or is.
    pub fn namespace_object(&self) -> Option<std::sync::Arc<Value>> {
        match self.namespace() {
            "" => None,
            name => self.find("", "namespaces", name),
        }
    }
}

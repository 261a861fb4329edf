//! Types as OpenAPI components: the built-in definitions, and the schemas of custom resources.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::model::resource::{Resource, ResourceKey};
use crate::state::cluster::Cluster;
use crate::state::store::StoredObject;
use kmock_apply::schema::Definition;

/// Which version of OpenAPI is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    V2,
    V3,
}

/// The components that a document needs: those asked for and all that they refer to.
#[derive(Debug)]
pub(super) struct Components {
    pub(super) flavour: Flavour,
    done: BTreeMap<String, Value>,
    open: Vec<Definition>,
}

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.";

impl Components {
    pub(super) fn new(flavour: Flavour) -> Self {
        Self {
            flavour,
            done: BTreeMap::new(),
            open: Vec::new(),
        }
    }

    /// A reference to a definition, which thereby becomes a component.
    pub(super) fn reference(&mut self, name: &str) -> Value {
        if !self.done.contains_key(name) {
            if let Some(definition) = Definition::named(name) {
                self.done.insert(name.to_owned(), Value::Null);
                self.open.push(definition);
            } else {
                self.done.insert(name.to_owned(), json!({"type": "object"}));
            }
        }
        json!({"$ref": format!("{}{name}", self.prefix())})
    }

    /// A reference to one of the types that all groups share, e.g. `Status`.
    pub(super) fn meta(&mut self, name: &str) -> Value {
        self.reference(&format!("{META}{name}"))
    }

    /// A reference to an object's type.
    pub(super) fn kind(
        &mut self,
        cluster: &Cluster,
        resource: &Resource,
        gvk: (&str, &str, &str),
    ) -> Value {
        if let Some(definition) = Definition::of_kind(gvk.0, gvk.1, gvk.2) {
            return self.reference(definition.name());
        }
        let (group, version, kind) = gvk;
        let name = custom_name(group, version, kind);
        if !self.done.contains_key(&name) {
            let schema = if *kind == resource.list_kind {
                self.custom_list(cluster, resource)
            } else if *kind == resource.kind {
                self.custom(cluster, resource)
            } else {
                json!({"type": "object"})
            };
            self.done.insert(name.clone(), schema);
        }
        json!({"$ref": format!("{}{name}", self.prefix())})
    }

    /// All components, with everything they refer to.
    pub(super) fn finish(mut self) -> Value {
        while let Some(definition) = self.open.pop() {
            let mut schema: Value = serde_json::from_str(definition.json()).unwrap_or_default();
            #[cfg(feature = "descriptions")]
            super::descriptions::describe(definition.name(), &mut schema);
            self.convert(&mut schema);
            if let (Some((group, version, kind)), Some(map)) =
                (definition.group_version_kind(), schema.as_object_mut())
            {
                map.insert(
                    "x-kubernetes-group-version-kind".into(),
                    json!([{"group": group, "version": version, "kind": kind}]),
                );
            }
            self.done.insert(definition.name().to_owned(), schema);
        }
        Value::Object(self.done.into_iter().collect())
    }

    fn prefix(&self) -> &'static str {
        match self.flavour {
            Flavour::V2 => "#/definitions/",
            Flavour::V3 => "#/components/schemas/",
        }
    }

    /// Makes references those of the document. Beside a reference nothing else may stand: OpenAPI v3 has `allOf` for
    /// that, v2 loses all but the description.
    fn convert(&mut self, schema: &mut Value) {
        match schema {
            Value::Object(map) => {
                if let Some(name) = map
                    .get("$ref")
                    .and_then(Value::as_str)
                    .and_then(|name| name.strip_prefix("#/"))
                {
                    let name = name.to_owned();
                    let reference = self.reference(&name);
                    match self.flavour {
                        Flavour::V3 if map.len() > 1 => {
                            map.remove("$ref");
                            map.insert("allOf".into(), json!([reference]));
                        }
                        _ => {
                            let described = map.remove("description");
                            *schema = reference;
                            if let (Some(map), Some(text)) = (schema.as_object_mut(), described) {
                                map.insert("description".into(), text);
                            }
                        }
                    }
                    return;
                }
                if self.flavour == Flavour::V2 {
                    for key in ["nullable", "default", "anyOf", "oneOf", "not"] {
                        map.remove(key);
                    }
                }
                map.values_mut().for_each(|value| self.convert(value));
            }
            Value::Array(items) => items.iter_mut().for_each(|value| self.convert(value)),
            _ => {}
        }
    }

    fn custom(&mut self, cluster: &Cluster, resource: &Resource) -> Value {
        let mut schema = custom_schema(cluster, resource).unwrap_or_else(
            || json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        );
        let mut metadata = self.meta("ObjectMeta");
        if self.flavour == Flavour::V3 {
            metadata = json!({"allOf": [metadata]});
        }
        let properties = schema
            .as_object_mut()
            .map(|map| map.entry("properties").or_insert_with(|| json!({})));
        if let Some(properties) = properties.and_then(Value::as_object_mut) {
            properties.insert("apiVersion".into(), json!({"type": "string"}));
            properties.insert("kind".into(), json!({"type": "string"}));
            properties.insert("metadata".into(), metadata);
        }
        #[cfg(feature = "descriptions")]
        super::descriptions::describe_object(&mut schema);
        stamp(&mut schema, resource, &resource.kind);
        schema
    }

    fn custom_list(&mut self, cluster: &Cluster, resource: &Resource) -> Value {
        let (group, version) = (resource.group.as_str(), resource.version.as_str());
        let item = self.kind(cluster, resource, (group, version, resource.kind.as_str()));
        let mut schema = json!({
            "type": "object", "required": ["items"],
            "properties": {
                "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": self.meta("ListMeta"),
                "items": {"type": "array", "items": item},
            },
        });
        stamp(&mut schema, resource, &resource.list_kind);
        schema
    }
}

fn stamp(schema: &mut Value, resource: &Resource, kind: &str) {
    if let Some(map) = schema.as_object_mut() {
        let stamp = json!([{"group": resource.group, "version": resource.version, "kind": kind}]);
        map.insert("x-kubernetes-group-version-kind".into(), stamp);
    }
}

/// `com.example.v1.Foo` of `example.com`, `v1`, `Foo`.
fn custom_name(group: &str, version: &str, kind: &str) -> String {
    let mut parts: Vec<&str> = group.split('.').rev().collect();
    parts.extend([version, kind]);
    parts.join(".")
}

fn definition(cluster: &Cluster, resource: &Resource) -> Option<std::sync::Arc<StoredObject>> {
    let place = ResourceKey::new("apiextensions.k8s.io", "customresourcedefinitions");
    cluster.store().get(&place, &resource.qualified())
}

/// The revision of the definition of a custom resource; 0 of a declared one.
pub(super) fn definition_revision(cluster: &Cluster, resource: &Resource) -> u64 {
    definition(cluster, resource).map_or(0, |definition| definition.revision)
}

/// The schema of a custom resource, as its definition says it.
pub(in crate::api) fn custom_schema(cluster: &Cluster, resource: &Resource) -> Option<Value> {
    let definition = definition(cluster, resource)?;
    let versions = definition.value["spec"]["versions"].as_array()?;
    let version = versions
        .iter()
        .find(|version| version["name"] == resource.version.as_str())?;
    let schema = version["schema"].get("openAPIV3Schema")?;
    schema.is_object().then(|| schema.clone())
}

/// An object of a schema, for parameters and bodies that have no named type.
pub(super) fn object() -> Value {
    Value::Object(Map::from_iter([("type".to_owned(), Value::from("object"))]))
}

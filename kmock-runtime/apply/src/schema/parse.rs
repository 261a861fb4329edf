//! From OpenAPI v3 JSON to a [`Schema`]: built-in definitions and the schemas of custom resources.
//!
//! The schema of a custom resource gets the metadata, apiVersion and kind that every object has, at
//! its root and in embedded resources, as `apiextensions-apiserver/pkg/controller/openapi/builder` adds them.

use std::sync::Arc;

use serde_json::Value;

use super::{Additional, Definition, ListType, MapType, PatchRules, Schema, Type};

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

impl Schema {
    /// Reads a schema from its OpenAPI v3 JSON. What is not structure is skipped.
    pub fn parse(json: &Value) -> Schema {
        read(json, false)
    }

    /// The schema of a custom resource's objects from its `openAPIV3Schema`.
    ///
    /// Without one every object is free-form, its metadata too.
    pub fn of_custom_resource(json: Option<&Value>) -> Schema {
        let Some(json) = json else {
            return Schema {
                kind: Type::Object,
                ..Schema::default()
            };
        };
        let mut schema = read(json, false);
        add_object_fields(&mut schema);
        add_to_embedded(&mut schema);
        schema
    }

    fn set_property(&mut self, name: &str, schema: Schema) {
        match self
            .properties
            .binary_search_by(|(known, _)| (**known).cmp(name))
        {
            Ok(found) => {
                if let Some(slot) = self.properties.get_mut(found) {
                    slot.1 = schema;
                }
            }
            Err(place) => self.properties.insert(place, (name.into(), schema)),
        }
    }
}

fn add_object_fields(schema: &mut Schema) {
    let string = || Schema {
        kind: Type::String,
        ..Schema::default()
    };
    schema.set_property("apiVersion", string());
    schema.set_property("kind", string());
    schema.set_property(
        "metadata",
        Schema {
            reference: Definition::named(OBJECT_META),
            ..Schema::default()
        },
    );
}

fn add_to_embedded(schema: &mut Schema) {
    for (_, property) in &mut schema.properties {
        add_to_embedded(property);
    }
    if let Some(items) = &mut schema.items {
        add_to_embedded(items);
    }
    if let Additional::Of(additional) = &mut schema.additional {
        add_to_embedded(additional);
    }
    if schema.embedded {
        add_object_fields(schema);
    }
}

fn read(json: &Value, open_above: bool) -> Schema {
    let flag = |name: &str| json.get(name) == Some(&Value::Bool(true));
    let text = |name: &str| json.get(name).and_then(Value::as_str);
    let names = |name: &str| -> Vec<Box<str>> {
        let listed = json.get(name).and_then(Value::as_array);
        listed
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(Box::from)
            .collect()
    };
    let preserve_unknown = flag("x-kubernetes-preserve-unknown-fields");
    let open = open_above || preserve_unknown;
    // IntOrString is published without a type, as the choice of two.
    let format = text("format");
    let int_or_string = flag("x-kubernetes-int-or-string") || format == Some("int-or-string");
    let mut properties: Vec<(Arc<str>, Schema)> = json
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, property)| (name.as_str().into(), read(property, open)))
        .collect();
    properties.sort_by(|(a, _), (b, _)| a.cmp(b));
    Schema {
        reference: reference(json),
        kind: match text("type") {
            Some("object") => Type::Object,
            Some("array") => Type::Array,
            Some("string") => Type::String,
            Some("integer") => Type::Integer,
            Some("number") => Type::Number,
            Some("boolean") => Type::Boolean,
            _ => Type::Any,
        },
        format: format.map(Box::from),
        properties,
        required: names("required"),
        items: json
            .get("items")
            .filter(|items| items.is_object())
            .map(|items| Box::new(read(items, open))),
        additional: match json.get("additionalProperties") {
            Some(Value::Bool(true)) => Additional::Any,
            Some(Value::Bool(false)) => Additional::Denied,
            Some(schema @ Value::Object(_)) => Additional::Of(Box::new(read(schema, open))),
            _ => Additional::Unsaid,
        },
        default: json.get("default").cloned(),
        values: json
            .get("enum")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default(),
        list_type: match text("x-kubernetes-list-type") {
            Some("set") => Some(ListType::Set),
            Some("map") => Some(ListType::Map),
            Some("atomic") => Some(ListType::Atomic),
            _ => None,
        },
        map_keys: names("x-kubernetes-list-map-keys")
            .iter()
            .map(|key| Arc::from(&**key))
            .collect(),
        map_type: match text("x-kubernetes-map-type") {
            Some("atomic") => Some(MapType::Atomic),
            Some("granular") => Some(MapType::Granular),
            _ => None,
        },
        patch: patch_rules(
            text("x-kubernetes-patch-strategy"),
            text("x-kubernetes-patch-merge-key"),
        ),
        preserve_unknown,
        open,
        int_or_string,
        embedded: flag("x-kubernetes-embedded-resource"),
        nullable: flag("nullable"),
    }
}

/// The target of `$ref`, also when it is wrapped in an `allOf` of one, as OpenAPI v3 writes it beside other keys.
fn reference(json: &Value) -> Option<Definition> {
    let direct = json.get("$ref").and_then(Value::as_str);
    let wrapped = || match json
        .get("allOf")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
    {
        Some([only]) => only.get("$ref").and_then(Value::as_str),
        _ => None,
    };
    let target = direct.or_else(wrapped)?;
    Definition::named(target.rsplit('/').next().unwrap_or(target))
}

fn patch_rules(strategy: Option<&str>, merge_key: Option<&str>) -> Option<Box<PatchRules>> {
    if strategy.is_none() && merge_key.is_none() {
        return None;
    }
    let mut rules = PatchRules {
        merge_key: merge_key.map(Arc::from),
        ..PatchRules::default()
    };
    for strategy in strategy.unwrap_or_default().split(',') {
        match strategy {
            "merge" => rules.merge = true,
            "retainKeys" => rules.retain_keys = true,
            "replace" => rules.replace = true,
            _ => {}
        }
    }
    Some(Box::new(rules))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_custom_resource_gets_the_fields_of_every_object() {
        let schema = Schema::of_custom_resource(Some(&json!({
            "type": "object",
            "properties": {
                "spec": {"type": "object", "properties": {"n": {"type": "integer", "default": 1}}},
                "inner": {"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true},
            },
        })));
        assert!(
            schema
                .property("metadata")
                .and_then(|meta| meta.property("finalizers"))
                .is_some()
        );
        assert!(
            schema
                .property("inner")
                .and_then(|inner| inner.property("metadata"))
                .is_some()
        );
        assert!(schema.field("other").is_none());
        let spec = schema.property("spec").expect("spec");
        assert!(spec.field("m").is_none());
        assert_eq!(
            spec.property("n").and_then(Schema::default_value),
            Some(&json!(1))
        );
        assert!(
            schema
                .property("inner")
                .and_then(|inner| inner.field("anything"))
                .is_some()
        );
    }

    #[test]
    fn preserving_unknown_fields_reaches_down() {
        let schema = Schema::parse(&json!({
            "type": "object", "x-kubernetes-preserve-unknown-fields": true,
            "properties": {"spec": {"type": "object", "properties": {"n": {"type": "integer"}}}},
        }));
        let spec = schema.property("spec").expect("spec");
        assert!(spec.field("m").is_some());
        assert!(!spec.preserves_unknown() && spec.is_open());
        assert!(Schema::of_custom_resource(None).field("metadata").is_some());
    }
}

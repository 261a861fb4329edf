//! Versions and schemas as messages print them: the fields of the server's internal Go types.
//!
//! Messages that show a whole list of versions, or a whole root schema, marshal the internal types, which have no
//! JSON names and leave nothing out.

use serde_json::Value;

use super::definition::{Definition, Version};

/// `spec.versions` of the internal type: what all versions share is not in it.
pub(crate) fn versions(definition: &Definition, raw: &Value) -> String {
    if !definition.versions_given {
        return "null".into();
    }
    let shared = definition.shared();
    let all: Vec<String> = definition
        .versions
        .iter()
        .enumerate()
        .map(|(index, version)| {
            let schema = &raw["spec"]["versions"][index]["schema"];
            let parts = [
                ("Name", text(&version.name)),
                ("Served", version.served.to_string()),
                ("Storage", version.storage.to_string()),
                ("Deprecated", version.deprecated.to_string()),
                (
                    "DeprecationWarning",
                    optional(version.deprecation_warning.as_deref()),
                ),
                (
                    "Schema",
                    match (&version.schema, shared.schema) {
                        (None, _) | (_, true) => "null".into(),
                        (Some(None), _) => "{\"OpenAPIV3Schema\":null}".into(),
                        (Some(Some(_)), _) => format!(
                            "{{\"OpenAPIV3Schema\":{}}}",
                            self::schema(&schema["openAPIV3Schema"])
                        ),
                    },
                ),
                (
                    "Subresources",
                    if shared.subresources {
                        "null".into()
                    } else {
                        subresources(version)
                    },
                ),
                (
                    "AdditionalPrinterColumns",
                    if shared.columns {
                        "null".into()
                    } else {
                        columns(version)
                    },
                ),
                (
                    "SelectableFields",
                    if shared.selectable {
                        "null".into()
                    } else {
                        selectable(version)
                    },
                ),
            ];
            object(&parts)
        })
        .collect();
    format!("[{}]", all.join(","))
}

fn text(text: &str) -> String {
    Value::from(text).to_string()
}

fn optional(value: Option<&str>) -> String {
    value.map_or_else(|| "null".into(), text)
}

fn object(parts: &[(&str, String)]) -> String {
    let parts: Vec<String> = parts
        .iter()
        .map(|(key, value)| format!("\"{key}\":{value}"))
        .collect();
    format!("{{{}}}", parts.join(","))
}

fn list(all: Vec<String>) -> String {
    if all.is_empty() {
        "null".into()
    } else {
        format!("[{}]", all.join(","))
    }
}

fn subresources(version: &Version) -> String {
    let Some(all) = &version.subresources else {
        return "null".into();
    };
    let scale = all.scale.as_ref().map_or_else(
        || "null".into(),
        |scale| {
            object(&[
                ("SpecReplicasPath", text(&scale.spec_replicas)),
                ("StatusReplicasPath", text(&scale.status_replicas)),
                (
                    "LabelSelectorPath",
                    optional(scale.label_selector.as_deref()),
                ),
            ])
        },
    );
    object(&[
        (
            "Status",
            if all.status {
                "{}".into()
            } else {
                "null".into()
            },
        ),
        ("Scale", scale),
    ])
}

fn columns(version: &Version) -> String {
    let all = version.columns.iter().map(|column| {
        object(&[
            ("Name", text(&column.name)),
            ("Type", text(&column.kind)),
            ("Format", text(&column.format)),
            ("Description", text(&column.description)),
            ("Priority", column.priority.to_string()),
            ("JSONPath", text(&column.json_path)),
        ])
    });
    list(all.collect())
}

fn selectable(version: &Version) -> String {
    list(
        version
            .selectable
            .iter()
            .map(|path| object(&[("JSONPath", text(path))]))
            .collect(),
    )
}

/// A schema of the internal type.
pub(crate) fn schema(json: &Value) -> String {
    let string = |key: &str| text(json[key].as_str().unwrap_or_default());
    let pointer = |key: &str| json[key].to_string();
    let flag = |key: &str| (json[key] == true).to_string();
    let one = |key: &str| {
        if json[key].is_object() {
            schema(&json[key])
        } else {
            "null".into()
        }
    };
    let each = |key: &str| {
        list(
            json[key]
                .as_array()
                .into_iter()
                .flatten()
                .map(schema)
                .collect(),
        )
    };
    let named = |key: &str| match json[key].as_object() {
        Some(map) if !map.is_empty() => {
            let mut parts: Vec<(&str, String)> = map
                .iter()
                .map(|(name, inner)| (name.as_str(), schema(inner)))
                .collect();
            parts.sort();
            object(&parts)
        }
        _ => "null".into(),
    };
    let plain = |key: &str| match json[key].as_array() {
        Some(all) if !all.is_empty() => json[key].to_string(),
        _ => "null".into(),
    };
    let or_bool = |key: &str| match &json[key] {
        Value::Bool(allows) => format!("{{\"Allows\":{allows},\"Schema\":null}}"),
        inner @ Value::Object(_) => format!("{{\"Allows\":true,\"Schema\":{}}}", schema(inner)),
        _ => "null".into(),
    };
    let items = match &json["items"] {
        Value::Array(all) => format!(
            "{{\"Schema\":null,\"JSONSchemas\":{}}}",
            list(all.iter().map(schema).collect())
        ),
        inner @ Value::Object(_) => {
            format!("{{\"Schema\":{},\"JSONSchemas\":null}}", schema(inner))
        }
        _ => "null".into(),
    };
    let docs = if json["externalDocs"].is_object() {
        let docs = &json["externalDocs"];
        object(&[
            (
                "Description",
                text(docs["description"].as_str().unwrap_or_default()),
            ),
            ("URL", text(docs["url"].as_str().unwrap_or_default())),
        ])
    } else {
        "null".into()
    };
    let rules = json["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|rule| {
            object(&[
                ("Rule", text(rule["rule"].as_str().unwrap_or_default())),
                (
                    "Message",
                    text(rule["message"].as_str().unwrap_or_default()),
                ),
                (
                    "MessageExpression",
                    text(rule["messageExpression"].as_str().unwrap_or_default()),
                ),
                ("Reason", rule["reason"].to_string()),
                (
                    "FieldPath",
                    text(rule["fieldPath"].as_str().unwrap_or_default()),
                ),
                ("OptionalOldSelf", rule["optionalOldSelf"].to_string()),
            ])
        });
    object(&[
        ("ID", string("id")),
        ("Schema", string("$schema")),
        ("Ref", pointer("$ref")),
        ("Description", string("description")),
        ("Type", string("type")),
        ("Nullable", flag("nullable")),
        ("Format", string("format")),
        ("Title", string("title")),
        ("Default", pointer("default")),
        ("Maximum", pointer("maximum")),
        ("ExclusiveMaximum", flag("exclusiveMaximum")),
        ("Minimum", pointer("minimum")),
        ("ExclusiveMinimum", flag("exclusiveMinimum")),
        ("MaxLength", pointer("maxLength")),
        ("MinLength", pointer("minLength")),
        ("Pattern", string("pattern")),
        ("MaxItems", pointer("maxItems")),
        ("MinItems", pointer("minItems")),
        ("UniqueItems", flag("uniqueItems")),
        ("MultipleOf", pointer("multipleOf")),
        ("Enum", plain("enum")),
        ("MaxProperties", pointer("maxProperties")),
        ("MinProperties", pointer("minProperties")),
        ("Required", plain("required")),
        ("Items", items),
        ("AllOf", each("allOf")),
        ("OneOf", each("oneOf")),
        ("AnyOf", each("anyOf")),
        ("Not", one("not")),
        ("Properties", named("properties")),
        ("AdditionalProperties", or_bool("additionalProperties")),
        ("PatternProperties", named("patternProperties")),
        ("Dependencies", pointer("dependencies")),
        ("AdditionalItems", or_bool("additionalItems")),
        ("Definitions", named("definitions")),
        ("ExternalDocs", docs),
        ("Example", pointer("example")),
        (
            "XPreserveUnknownFields",
            pointer("x-kubernetes-preserve-unknown-fields"),
        ),
        ("XEmbeddedResource", flag("x-kubernetes-embedded-resource")),
        ("XIntOrString", flag("x-kubernetes-int-or-string")),
        ("XListMapKeys", plain("x-kubernetes-list-map-keys")),
        ("XListType", pointer("x-kubernetes-list-type")),
        ("XMapType", pointer("x-kubernetes-map-type")),
        ("XValidations", list(rules.collect())),
    ])
}

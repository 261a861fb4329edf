//! `JSONSchemaProps`: the schema language of a CustomResourceDefinition, as it was written.
//!
//! This is the model that definitions are checked on; objects are checked on what
//! [`node`](super::node) compiles from it. Texts that say nothing to a machine (descriptions, titles,
//! examples) are only remembered as present. Fields and their omission follow
//! `apiextensions/v1/types_jsonschema.go`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A schema as it stands in a definition.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Props {
    pub(crate) id: String,
    pub(crate) schema_url: String,
    pub(crate) reference: Option<String>,
    pub(crate) described: bool,
    pub(crate) titled: bool,
    pub(crate) exemplified: bool,
    pub(crate) documented: bool,
    pub(crate) kind: String,
    pub(crate) nullable: bool,
    pub(crate) format: String,
    pub(crate) default: Option<Value>,
    pub(crate) maximum: Option<f64>,
    pub(crate) exclusive_maximum: bool,
    pub(crate) minimum: Option<f64>,
    pub(crate) exclusive_minimum: bool,
    pub(crate) max_length: Option<i64>,
    pub(crate) min_length: Option<i64>,
    pub(crate) pattern: String,
    pub(crate) max_items: Option<i64>,
    pub(crate) min_items: Option<i64>,
    pub(crate) unique_items: bool,
    pub(crate) multiple_of: Option<f64>,
    pub(crate) values: Vec<Value>,
    pub(crate) max_properties: Option<i64>,
    pub(crate) min_properties: Option<i64>,
    pub(crate) required: Vec<String>,
    pub(crate) items: Option<Items>,
    pub(crate) all_of: Vec<Props>,
    pub(crate) one_of: Vec<Props>,
    pub(crate) any_of: Vec<Props>,
    pub(crate) not: Option<Box<Props>>,
    pub(crate) properties: BTreeMap<String, Props>,
    pub(crate) additional_properties: Option<PropsOrBool>,
    pub(crate) additional_items: Option<PropsOrBool>,
    pub(crate) pattern_properties: BTreeMap<String, Props>,
    pub(crate) definitions: BTreeMap<String, Props>,
    pub(crate) has_dependencies: bool,
    pub(crate) preserve_unknown_fields: Option<bool>,
    pub(crate) embedded_resource: bool,
    pub(crate) int_or_string: bool,
    pub(crate) list_map_keys: Vec<String>,
    pub(crate) list_type: Option<String>,
    pub(crate) map_type: Option<String>,
    pub(crate) validations: Vec<ValidationRule>,
}

/// `items`: one schema for all, or (in vain) one for each.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Items {
    One(Box<Props>),
    Each(Vec<Props>),
}

/// `additionalProperties` and `additionalItems`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PropsOrBool {
    Bool(bool),
    Props(Box<Props>),
}

impl PropsOrBool {
    pub(crate) fn props(&self) -> Option<&Props> {
        match self {
            PropsOrBool::Props(props) => Some(props),
            PropsOrBool::Bool(_) => None,
        }
    }

    pub(crate) fn allows(&self) -> bool {
        !matches!(self, PropsOrBool::Bool(false))
    }
}

/// One of `x-kubernetes-validations`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ValidationRule {
    pub(crate) rule: String,
    pub(crate) message: String,
    pub(crate) message_expression: String,
    pub(crate) reason: Option<String>,
    pub(crate) field_path: String,
    pub(crate) optional_old_self: Option<bool>,
}

#[cfg(feature = "cel")]
impl ValidationRule {
    /// As the server prints it in messages: the fields of the internal Go type.
    pub(crate) fn internal_value(&self) -> String {
        format!(
            "{{\"Rule\":{},\"Message\":{},\"MessageExpression\":{},\"Reason\":{},\"FieldPath\":{},\"OptionalOldSelf\":{}}}",
            Value::from(self.rule.as_str()),
            Value::from(self.message.as_str()),
            Value::from(self.message_expression.as_str()),
            Value::from(self.reason.as_deref()),
            Value::from(self.field_path.as_str()),
            Value::from(self.optional_old_self),
        )
    }
}

impl Props {
    /// Reads a schema. Fields of a wrong type are left out: decoding refused them before.
    pub(crate) fn parse(json: &Value) -> Props {
        match json.as_object() {
            Some(map) => read(map),
            None => Props::default(),
        }
    }

    /// The one schema of all items.
    pub(crate) fn item(&self) -> Option<&Props> {
        match &self.items {
            Some(Items::One(item)) => Some(item),
            _ => None,
        }
    }

    /// The schema of all keys that are not declared, if one was given.
    pub(crate) fn additional(&self) -> Option<&Props> {
        self.additional_properties
            .as_ref()
            .and_then(PropsOrBool::props)
    }

    /// Whether unknown fields are kept here.
    pub(crate) fn preserves(&self) -> bool {
        self.preserve_unknown_fields == Some(true)
    }

    /// Visits this schema and all in it, until `found` is content.
    pub(crate) fn any(&self, found: &mut dyn FnMut(&Props) -> bool) -> bool {
        if found(self) {
            return true;
        }
        match &self.items {
            Some(Items::One(item)) if item.any(found) => return true,
            Some(Items::Each(all)) if all.iter().any(|one| one.any(found)) => return true,
            _ => {}
        }
        let junctors = self
            .all_of
            .iter()
            .chain(&self.any_of)
            .chain(&self.one_of)
            .chain(self.not.as_deref());
        let named = self
            .properties
            .values()
            .chain(self.pattern_properties.values())
            .chain(self.definitions.values());
        let loose = self
            .additional()
            .into_iter()
            .chain(self.additional_items.as_ref().and_then(PropsOrBool::props));
        for inner in junctors.chain(named).chain(loose) {
            if inner.any(found) {
                return true;
            }
        }
        false
    }
}

fn read(map: &Map<String, Value>) -> Props {
    let mut out = Props::default();
    for (key, value) in map {
        match key.as_str() {
            "id" => out.id = text(value),
            "$schema" => out.schema_url = text(value),
            "$ref" => out.reference = value.as_str().map(str::to_owned),
            "description" => out.described = value.as_str().is_some_and(|text| !text.is_empty()),
            "title" => out.titled = value.as_str().is_some_and(|text| !text.is_empty()),
            "example" => out.exemplified = !value.is_null(),
            "externalDocs" => out.documented = !value.is_null(),
            "type" => out.kind = text(value),
            "nullable" => out.nullable = flag(value),
            "format" => out.format = text(value),
            "default" => out.default = (!value.is_null()).then(|| value.clone()),
            "maximum" => out.maximum = value.as_f64(),
            "exclusiveMaximum" => out.exclusive_maximum = flag(value),
            "minimum" => out.minimum = value.as_f64(),
            "exclusiveMinimum" => out.exclusive_minimum = flag(value),
            "maxLength" => out.max_length = value.as_i64(),
            "minLength" => out.min_length = value.as_i64(),
            "pattern" => out.pattern = text(value),
            "maxItems" => out.max_items = value.as_i64(),
            "minItems" => out.min_items = value.as_i64(),
            "uniqueItems" => out.unique_items = flag(value),
            "multipleOf" => out.multiple_of = value.as_f64(),
            "enum" => out.values = value.as_array().cloned().unwrap_or_default(),
            "maxProperties" => out.max_properties = value.as_i64(),
            "minProperties" => out.min_properties = value.as_i64(),
            "required" => out.required = texts(value),
            "items" => {
                out.items = match value {
                    Value::Array(all) if all.is_empty() => None,
                    Value::Array(all) => Some(Items::Each(all.iter().map(Props::parse).collect())),
                    Value::Object(one) => Some(Items::One(Box::new(read(one)))),
                    _ => None,
                }
            }
            "allOf" => out.all_of = each(value),
            "oneOf" => out.one_of = each(value),
            "anyOf" => out.any_of = each(value),
            "not" => out.not = value.as_object().map(|map| Box::new(read(map))),
            "properties" => out.properties = named(value),
            "patternProperties" => out.pattern_properties = named(value),
            "definitions" => out.definitions = named(value),
            "dependencies" => out.has_dependencies = value.is_object(),
            "additionalProperties" => out.additional_properties = or_bool(value),
            "additionalItems" => out.additional_items = or_bool(value),
            "x-kubernetes-preserve-unknown-fields" => out.preserve_unknown_fields = value.as_bool(),
            "x-kubernetes-embedded-resource" => out.embedded_resource = flag(value),
            "x-kubernetes-int-or-string" => out.int_or_string = flag(value),
            "x-kubernetes-list-map-keys" => out.list_map_keys = texts(value),
            "x-kubernetes-list-type" => out.list_type = value.as_str().map(str::to_owned),
            "x-kubernetes-map-type" => out.map_type = value.as_str().map(str::to_owned),
            "x-kubernetes-validations" => {
                out.validations = value.as_array().into_iter().flatten().map(rule).collect();
            }
            _ => {}
        }
    }
    out
}

fn rule(json: &Value) -> ValidationRule {
    let get = |name: &str| json.get(name).map(text).unwrap_or_default();
    ValidationRule {
        rule: get("rule"),
        message: get("message"),
        message_expression: get("messageExpression"),
        reason: json
            .get("reason")
            .and_then(Value::as_str)
            .map(str::to_owned),
        field_path: get("fieldPath"),
        optional_old_self: json.get("optionalOldSelf").and_then(Value::as_bool),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn flag(value: &Value) -> bool {
    value.as_bool().unwrap_or_default()
}

fn texts(value: &Value) -> Vec<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn each(value: &Value) -> Vec<Props> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .map(Props::parse)
        .collect()
}

fn named(value: &Value) -> BTreeMap<String, Props> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, schema)| (name.clone(), Props::parse(schema)))
        .collect()
}

fn or_bool(value: &Value) -> Option<PropsOrBool> {
    match value {
        Value::Bool(allows) => Some(PropsOrBool::Bool(*allows)),
        Value::Object(map) => Some(PropsOrBool::Props(Box::new(read(map)))),
        _ => None,
    }
}

/// Rewrites a schema's JSON as the typed server keeps it: empty values and unknown keys are gone.
pub(crate) fn normalise(json: &mut Value) {
    let Some(map) = json.as_object_mut() else {
        return;
    };
    map.retain(|key, value| match key.as_str() {
        "id" | "$schema" | "description" | "type" | "format" | "title" | "pattern" => {
            value.as_str().is_some_and(|text| !text.is_empty())
        }
        "nullable"
        | "exclusiveMaximum"
        | "exclusiveMinimum"
        | "uniqueItems"
        | "x-kubernetes-embedded-resource"
        | "x-kubernetes-int-or-string" => value == &Value::Bool(true),
        "enum"
        | "required"
        | "allOf"
        | "oneOf"
        | "anyOf"
        | "x-kubernetes-list-map-keys"
        | "x-kubernetes-validations" => value.as_array().is_some_and(|all| !all.is_empty()),
        "properties" | "patternProperties" | "definitions" | "dependencies" => {
            value.as_object().is_some_and(|all| !all.is_empty())
        }
        "$ref"
        | "default"
        | "maximum"
        | "minimum"
        | "maxLength"
        | "minLength"
        | "maxItems"
        | "minItems"
        | "multipleOf"
        | "maxProperties"
        | "minProperties"
        | "items"
        | "not"
        | "additionalProperties"
        | "additionalItems"
        | "externalDocs"
        | "example"
        | "x-kubernetes-preserve-unknown-fields"
        | "x-kubernetes-list-type"
        | "x-kubernetes-map-type" => !value.is_null(),
        _ => false,
    });
    for (key, value) in map.iter_mut() {
        match (key.as_str(), value) {
            ("properties" | "patternProperties" | "definitions", Value::Object(all)) => {
                all.values_mut().for_each(normalise);
            }
            ("allOf" | "oneOf" | "anyOf" | "items", Value::Array(all)) => {
                all.iter_mut().for_each(normalise);
            }
            (
                "not" | "items" | "additionalProperties" | "additionalItems",
                inner @ Value::Object(_),
            ) => {
                normalise(inner);
            }
            ("maximum" | "minimum" | "multipleOf", number) => super::numbers::canonicalise(number),
            ("x-kubernetes-validations", Value::Array(rules)) => {
                for rule in rules.iter_mut().filter_map(Value::as_object_mut) {
                    rule.retain(|key, value| match key.as_str() {
                        "rule" => true,
                        "message" | "messageExpression" | "fieldPath" => {
                            value.as_str().is_some_and(|text| !text.is_empty())
                        }
                        "reason" | "optionalOldSelf" => !value.is_null(),
                        _ => false,
                    });
                    rule.entry("rule")
                        .or_insert_with(|| Value::String(String::new()));
                }
            }
            _ => {}
        }
    }
}

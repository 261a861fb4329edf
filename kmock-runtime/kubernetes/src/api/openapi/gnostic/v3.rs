//! OpenAPI v3 documents: the messages of gnostic's `OpenAPIv3.proto`, as far as the documents here use them.

use serde_json::{Map, Value};

use super::{any, entries, extensions, flag, named, text, wrapped};
use crate::wire::protobuf::wire::{put_bytes, put_double, put_number};

/// A document as a message.
pub(in crate::api::openapi) fn document(document: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    text(&mut out, 1, &document["openapi"]);
    let mut info = Vec::new();
    text(&mut info, 1, &document["info"]["title"]);
    text(&mut info, 6, &document["info"]["version"]);
    put_bytes(&mut out, 2, &info);
    let mut paths = Vec::new();
    for (name, item) in entries(&document["paths"]) {
        put_bytes(&mut paths, 1, &named(name, &path_item(item)));
    }
    put_bytes(&mut out, 4, &paths);
    let mut components = Vec::new();
    let mut schemas = Vec::new();
    for (name, schema) in entries(&document["components"]["schemas"]) {
        put_bytes(&mut schemas, 1, &named(name, &schema_or_reference(schema)));
    }
    put_bytes(&mut components, 1, &schemas);
    let mut schemes = Vec::new();
    for (name, scheme) in entries(&document["components"]["securitySchemes"]) {
        let mut inner = Vec::new();
        for (number, key) in [(1, "type"), (2, "description"), (3, "name"), (4, "in")] {
            text(&mut inner, number, &scheme[key]);
        }
        put_bytes(&mut schemes, 1, &named(name, &wrapped(1, &inner)));
    }
    put_bytes(&mut components, 7, &schemes);
    put_bytes(&mut out, 5, &components);
    out
}

fn path_item(item: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, method) in [
        (4, "get"),
        (5, "put"),
        (6, "post"),
        (7, "delete"),
        (10, "patch"),
    ] {
        if item[method].is_object() {
            put_bytes(&mut out, number, &operation(&item[method]));
        }
    }
    out
}

fn operation(operation: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    for tag in operation["tags"].as_array().into_iter().flatten() {
        text(&mut out, 1, tag);
    }
    text(&mut out, 5, &operation["operationId"]);
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let mut inner = Vec::new();
        text(&mut inner, 1, &parameter["name"]);
        text(&mut inner, 2, &parameter["in"]);
        flag(&mut inner, 4, &parameter["required"]);
        put_bytes(&mut inner, 10, &schema_or_reference(&parameter["schema"]));
        put_bytes(&mut out, 6, &wrapped(1, &inner));
    }
    if operation["requestBody"].is_object() {
        let mut body = Vec::new();
        put_bytes(
            &mut body,
            2,
            &media_types(&operation["requestBody"]["content"]),
        );
        flag(&mut body, 3, &operation["requestBody"]["required"]);
        put_bytes(&mut out, 7, &wrapped(1, &body));
    }
    let mut responses = Vec::new();
    for (code, response) in entries(&operation["responses"]) {
        let mut inner = Vec::new();
        text(&mut inner, 1, &response["description"]);
        put_bytes(&mut inner, 3, &media_types(&response["content"]));
        put_bytes(&mut responses, 2, &named(code, &wrapped(1, &inner)));
    }
    put_bytes(&mut out, 8, &responses);
    extensions(&mut out, 13, operation);
    out
}

fn media_types(content: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, media) in entries(content) {
        put_bytes(
            &mut out,
            1,
            &named(name, &wrapped(1, &schema_or_reference(&media["schema"]))),
        );
    }
    out
}

fn schema_or_reference(value: &Value) -> Vec<u8> {
    match value.get("$ref") {
        Some(reference) => {
            let mut inner = Vec::new();
            text(&mut inner, 1, reference);
            wrapped(2, &inner)
        }
        None => wrapped(1, &schema(value)),
    }
}

fn schema(value: &Value) -> Vec<u8> {
    let empty = Map::new();
    let map = value.as_object().unwrap_or(&empty);
    let mut out = Vec::new();
    for (key, value) in map {
        match key.as_str() {
            "nullable" => flag(&mut out, 1, value),
            "title" => text(&mut out, 9, value),
            "exclusiveMaximum" => flag(&mut out, 12, value),
            "exclusiveMinimum" => flag(&mut out, 14, value),
            "pattern" => text(&mut out, 17, value),
            "uniqueItems" => flag(&mut out, 20, value),
            "type" => text(&mut out, 25, value),
            "description" => text(&mut out, 34, value),
            "format" => text(&mut out, 35, value),
            "multipleOf" | "maximum" | "minimum" => {
                let number = match key.as_str() {
                    "multipleOf" => 10,
                    "maximum" => 11,
                    _ => 13,
                };
                put_double(&mut out, number, value.as_f64().unwrap_or_default());
            }
            "maxLength" | "minLength" | "maxItems" | "minItems" | "maxProperties"
            | "minProperties" => {
                let number = match key.as_str() {
                    "maxLength" => 15,
                    "minLength" => 16,
                    "maxItems" => 18,
                    "minItems" => 19,
                    "maxProperties" => 21,
                    _ => 22,
                };
                put_number(&mut out, number, value.as_u64().unwrap_or_default());
            }
            "required" => value
                .as_array()
                .into_iter()
                .flatten()
                .for_each(|name| text(&mut out, 23, name)),
            "enum" => value
                .as_array()
                .into_iter()
                .flatten()
                .for_each(|item| put_bytes(&mut out, 24, &any(item))),
            "allOf" | "oneOf" | "anyOf" => {
                let number = match key.as_str() {
                    "allOf" => 26,
                    "oneOf" => 27,
                    _ => 28,
                };
                for item in value.as_array().into_iter().flatten() {
                    put_bytes(&mut out, number, &schema_or_reference(item));
                }
            }
            "not" => put_bytes(&mut out, 29, &schema(value)),
            "items" => put_bytes(&mut out, 30, &wrapped(1, &schema_or_reference(value))),
            "properties" => {
                let mut inner = Vec::new();
                for (name, property) in entries(value) {
                    put_bytes(&mut inner, 1, &named(name, &schema_or_reference(property)));
                }
                put_bytes(&mut out, 31, &inner);
            }
            "additionalProperties" => {
                let mut inner = Vec::new();
                match value.as_bool() {
                    Some(allowed) => put_number(&mut inner, 2, u64::from(allowed)),
                    None => put_bytes(&mut inner, 1, &schema_or_reference(value)),
                }
                put_bytes(&mut out, 32, &inner);
            }
            // Objects and lists have no place among defaults.
            "default" => {
                let mut inner = Vec::new();
                match value {
                    Value::Number(number) => {
                        put_double(&mut inner, 1, number.as_f64().unwrap_or_default());
                    }
                    Value::Bool(value) => put_number(&mut inner, 2, u64::from(*value)),
                    Value::String(text) => put_bytes(&mut inner, 3, text.as_bytes()),
                    _ => continue,
                }
                put_bytes(&mut out, 33, &inner);
            }
            _ => {}
        }
    }
    extensions(&mut out, 36, value);
    out
}

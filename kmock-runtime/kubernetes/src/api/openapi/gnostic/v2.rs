//! OpenAPI v2 documents: the messages of gnostic's `OpenAPIv2.proto`, as far as the documents here use them.
//!
//! kubectl reads this form when it is to apply a kind that it doesn't know, and before it explains or validates
//! against a server without v3.

use serde_json::Value;

use super::{any, entries, extensions, flag, named, text, texts, wrapped};
use crate::wire::protobuf::wire::{put_bytes, put_double, put_number};

/// A document as a message.
pub(in crate::api::openapi) fn document(document: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    text(&mut out, 1, &document["swagger"]);
    let mut info = Vec::new();
    text(&mut info, 1, &document["info"]["title"]);
    text(&mut info, 2, &document["info"]["version"]);
    put_bytes(&mut out, 2, &info);
    let mut paths = Vec::new();
    for (name, item) in entries(&document["paths"]) {
        put_bytes(&mut paths, 2, &named(name, &path_item(item)));
    }
    put_bytes(&mut out, 8, &paths);
    let mut definitions = Vec::new();
    for (name, definition) in entries(&document["definitions"]) {
        put_bytes(&mut definitions, 1, &named(name, &schema(definition)));
    }
    put_bytes(&mut out, 9, &definitions);
    for requirement in document["security"].as_array().into_iter().flatten() {
        let mut inner = Vec::new();
        for (name, scopes) in entries(requirement) {
            let mut list = Vec::new();
            texts(&mut list, 1, scopes);
            put_bytes(&mut inner, 1, &named(name, &list));
        }
        put_bytes(&mut out, 12, &inner);
    }
    let mut schemes = Vec::new();
    for (name, scheme) in entries(&document["securityDefinitions"]) {
        let mut inner = Vec::new();
        for (number, key) in [(1, "type"), (2, "name"), (3, "in"), (4, "description")] {
            text(&mut inner, number, &scheme[key]);
        }
        put_bytes(&mut schemes, 1, &named(name, &wrapped(2, &inner)));
    }
    put_bytes(&mut out, 13, &schemes);
    out
}

fn path_item(item: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, method) in [
        (2, "get"),
        (3, "put"),
        (4, "post"),
        (5, "delete"),
        (8, "patch"),
    ] {
        if item[method].is_object() {
            put_bytes(&mut out, number, &operation(&item[method]));
        }
    }
    parameters(&mut out, 9, &item["parameters"]);
    out
}

fn operation(operation: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    texts(&mut out, 1, &operation["tags"]);
    text(&mut out, 3, &operation["description"]);
    text(&mut out, 5, &operation["operationId"]);
    texts(&mut out, 6, &operation["produces"]);
    texts(&mut out, 7, &operation["consumes"]);
    parameters(&mut out, 8, &operation["parameters"]);
    let mut responses = Vec::new();
    for (code, response) in entries(&operation["responses"]) {
        let mut inner = Vec::new();
        text(&mut inner, 1, &response["description"]);
        if response["schema"].is_object() {
            put_bytes(&mut inner, 2, &wrapped(1, &schema(&response["schema"])));
        }
        put_bytes(&mut responses, 1, &named(code, &wrapped(1, &inner)));
    }
    put_bytes(&mut out, 9, &responses);
    texts(&mut out, 10, &operation["schemes"]);
    extensions(&mut out, 13, operation);
    out
}

fn parameters(out: &mut Vec<u8>, number: u32, parameters: &Value) {
    for parameter in parameters.as_array().into_iter().flatten() {
        put_bytes(out, number, &wrapped(1, &self::parameter(parameter)));
    }
}

/// A parameter: its message depends on where it stands.
fn parameter(parameter: &Value) -> Vec<u8> {
    let mut inner = Vec::new();
    let place = parameter["in"].as_str().unwrap_or_default();
    if place == "body" {
        text(&mut inner, 1, &parameter["description"]);
        text(&mut inner, 2, &parameter["name"]);
        text(&mut inner, 3, &parameter["in"]);
        flag(&mut inner, 4, &parameter["required"]);
        put_bytes(&mut inner, 5, &schema(&parameter["schema"]));
        return wrapped(1, &inner);
    }
    flag(&mut inner, 1, &parameter["required"]);
    for (number, key) in [(2, "in"), (3, "description"), (4, "name")] {
        text(&mut inner, number, &parameter[key]);
    }
    // In queries and forms, "may be empty" stands before the type.
    let (which, at) = match place {
        "header" => (1, 5),
        "formData" => (2, 6),
        "query" => (3, 6),
        _ => (4, 5),
    };
    text(&mut inner, at, &parameter["type"]);
    text(&mut inner, at + 1, &parameter["format"]);
    // `uniqueItems` is fourteen fields behind the type in each of them.
    flag(&mut inner, at + 14, &parameter["uniqueItems"]);
    wrapped(2, &wrapped(which, &inner))
}

fn schema(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    for (key, value) in entries(value) {
        match key.as_str() {
            "$ref" => text(&mut out, 1, value),
            "format" => text(&mut out, 2, value),
            "title" => text(&mut out, 3, value),
            "description" => text(&mut out, 4, value),
            "default" => put_bytes(&mut out, 5, &any(value)),
            "multipleOf" => put_double(&mut out, 6, value.as_f64().unwrap_or_default()),
            "maximum" => put_double(&mut out, 7, value.as_f64().unwrap_or_default()),
            "exclusiveMaximum" => flag(&mut out, 8, value),
            "minimum" => put_double(&mut out, 9, value.as_f64().unwrap_or_default()),
            "exclusiveMinimum" => flag(&mut out, 10, value),
            "maxLength" => put_number(&mut out, 11, value.as_u64().unwrap_or_default()),
            "minLength" => put_number(&mut out, 12, value.as_u64().unwrap_or_default()),
            "pattern" => text(&mut out, 13, value),
            "maxItems" => put_number(&mut out, 14, value.as_u64().unwrap_or_default()),
            "minItems" => put_number(&mut out, 15, value.as_u64().unwrap_or_default()),
            "uniqueItems" => flag(&mut out, 16, value),
            "maxProperties" => put_number(&mut out, 17, value.as_u64().unwrap_or_default()),
            "minProperties" => put_number(&mut out, 18, value.as_u64().unwrap_or_default()),
            "required" => texts(&mut out, 19, value),
            "enum" => {
                for item in value.as_array().into_iter().flatten() {
                    put_bytes(&mut out, 20, &any(item));
                }
            }
            "additionalProperties" => {
                let mut inner = Vec::new();
                match value.as_bool() {
                    Some(allowed) => put_number(&mut inner, 2, u64::from(allowed)),
                    None => put_bytes(&mut inner, 1, &schema(value)),
                }
                put_bytes(&mut out, 21, &inner);
            }
            "type" => {
                let mut names = Vec::new();
                text(&mut names, 1, value);
                texts(&mut names, 1, value);
                put_bytes(&mut out, 22, &names);
            }
            "items" => put_bytes(&mut out, 23, &wrapped(1, &schema(value))),
            "allOf" => {
                for item in value.as_array().into_iter().flatten() {
                    put_bytes(&mut out, 24, &schema(item));
                }
            }
            "properties" => {
                let mut inner = Vec::new();
                for (name, property) in entries(value) {
                    put_bytes(&mut inner, 1, &named(name, &schema(property)));
                }
                put_bytes(&mut out, 25, &inner);
            }
            _ => {}
        }
    }
    extensions(&mut out, 31, value);
    out
}

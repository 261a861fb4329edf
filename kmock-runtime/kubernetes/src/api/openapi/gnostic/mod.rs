//! OpenAPI documents in Protocol Buffers, in the messages of gnostic: a room for each version of OpenAPI.
//!
//! What has no field of its own (`x-kubernetes-…`) is an extension with its JSON text.

pub(super) mod v2;
pub(super) mod v3;

use serde_json::Value;

use crate::wire::protobuf::wire::{put_bytes, put_number};

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// A list of texts: the field once for each.
fn texts(out: &mut Vec<u8>, number: u32, value: &Value) {
    for item in value.as_array().into_iter().flatten() {
        text(out, number, item);
    }
}

fn text(out: &mut Vec<u8>, number: u32, value: &Value) {
    if let Some(text) = value.as_str() {
        put_bytes(out, number, text.as_bytes());
    }
}

fn flag(out: &mut Vec<u8>, number: u32, value: &Value) {
    if value.as_bool() == Some(true) {
        put_number(out, number, 1);
    }
}

/// A name with a value, as lists of named things have it.
fn named(name: &str, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len() + value.len() + 12);
    put_bytes(&mut out, 1, name.as_bytes());
    put_bytes(&mut out, 2, value);
    out
}

/// A message with one field.
fn wrapped(number: u32, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len() + 6);
    put_bytes(&mut out, number, value);
    out
}

/// Any value: its JSON, which is YAML.
fn any(value: &Value) -> Vec<u8> {
    wrapped(2, value.to_string().as_bytes())
}

fn extensions(out: &mut Vec<u8>, number: u32, map: &Value) {
    for (name, value) in entries(map).filter(|(name, _)| name.starts_with("x-")) {
        put_bytes(out, number, &named(name, &any(value)));
    }
}

//! `PartialObjectMetadata`: objects without their contents, for clients that only watch what exists.

use serde_json::{Value, json};

use crate::kinds::builtin;
use crate::kinds::builtin::gotypes::{Struct, package};
use crate::model::resource::Resource;
use crate::model::status::ApiError;
use crate::wire::accept::MetaVersion;
use crate::wire::json;

/// The metadata of an object, as JSON text.
pub fn partial(object: &Value, version: MetaVersion) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(b"{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"");
    out.extend_from_slice(version.api_version().as_bytes());
    out.extend_from_slice(b"\",\"metadata\":");
    let internal = builtin::internal_metadata(object);
    match internal.as_ref().or_else(|| object.get("metadata")) {
        Some(metadata) => json::write(&mut out, metadata, Struct::named("meta.v1.ObjectMeta")),
        None => out.extend_from_slice(b"{}"),
    }
    out.push(b'}');
    out
}

/// The same as a value.
pub fn partial_value(object: &Value, version: MetaVersion) -> Value {
    let metadata = builtin::internal_metadata(object);
    let metadata = metadata
        .or_else(|| object.get("metadata").cloned())
        .unwrap_or_else(|| json!({}));
    json!({"kind": "PartialObjectMetadata", "apiVersion": version.api_version(), "metadata": metadata})
}

/// 406: a list was asked for as a single object.
pub fn is_a_list(resource: &Resource) -> ApiError {
    let go_type = if resource.is_built_in() {
        format!("*{}.{}", go_package(resource), resource.list_kind)
    } else {
        "*unstructured.UnstructuredList".into()
    };
    let message = format!(
        "you requested PartialObjectMetadata, but the requested object is a list ({go_type})"
    );
    ApiError::new(406, "NotAcceptable", message)
}

/// A single object was asked for as a list: 406 of built-in kinds, and an unexplained 500 of custom ones.
pub fn is_no_list(resource: &Resource, kind: &str) -> ApiError {
    if !resource.is_built_in() {
        return ApiError::unreasoned("content is not a list");
    }
    no_list(go_package(resource), kind)
}

/// 406 of an object of a Go type.
pub fn no_list(package: &str, kind: &str) -> ApiError {
    let message = format!(
        "you requested PartialObjectMetadataList, but the requested object is not a list (*{package}.{kind})"
    );
    ApiError::new(406, "NotAcceptable", message)
}

/// The server's internal package of a kind: the events of both groups live in `core`.
fn go_package(resource: &Resource) -> &str {
    package(&resource.storage.group)
}

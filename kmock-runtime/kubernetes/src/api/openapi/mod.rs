//! The OpenAPI documents: v3 with an index and a document a group version, v2 as a whole.
//!
//! Made from the built-in types' schemas and from the schemas of CustomResourceDefinitions, so that clients which
//! look there (kubectl's apply, diff, explain and validation, code generators) find what the emulator serves.
//! `schemas` turns types into components, `paths` lists the operations.
//!
//! Both are also written in protobuf (`gnostic`), which kubectl and client-go ask for; clients that ask for something
//! else get 406.

#[cfg(feature = "descriptions")]
mod descriptions;
mod gnostic;
pub(crate) mod merge;
mod paths;
mod schemas;

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use bytes::Bytes;
use http::HeaderMap;
use http::request::Parts;
use serde_json::{Map, Value, json};

use self::paths::operations;
#[cfg(feature = "cel")]
pub(super) use self::schemas::custom_schema;
use self::schemas::{Components, Flavour};
use crate::api::{Body, Reply};
use crate::api::{aggregator, discovery};
use crate::model::path::Query;
use crate::model::status::ApiError;
use crate::model::version::VERSION;
use crate::state::cluster::{ApiBody, Cluster};
use crate::state::registry::Served;
use crate::text::digest;
use crate::wire::accept;
use crate::wire::json;

/// What the documents say about themselves.
fn info() -> Value {
    json!({"title": "Kubernetes", "version": VERSION})
}

/// `/openapi/v3`: where the documents are.
pub fn index(cluster: &Cluster, _parts: &Parts) -> Result<Reply, ApiError> {
    let mut paths = Map::new();
    for (place, group, version) in places(cluster) {
        let hash = hash(cluster, group.as_deref(), version.as_deref());
        let url = format!("/openapi/v3/{place}?hash={hash}");
        paths.insert(place, json!({"serverRelativeURL": url}));
    }
    paths.extend(aggregator::documents(cluster));
    let text = json::print(&json!({"paths": paths}), None);
    Ok(Reply::new(
        200,
        Body::Raw("text/plain; charset=utf-8", text.into()),
    ))
}

type Place = (String, Option<String>, Option<String>);

/// The documents there are: the paths below `/openapi/v3/`, with their group and version.
fn places(cluster: &Cluster) -> Vec<Place> {
    let mut places: Vec<Place> = vec![
        ("api".into(), None, None),
        ("apis".into(), None, None),
        ("version".into(), None, None),
    ];
    places.push(("api/v1".into(), Some(String::new()), Some("v1".into())));
    let registered = aggregator::registered(cluster);
    for group in discovery::group_names(cluster) {
        if cluster.registry().has_built_in_group(&group) {
            places.push((format!("apis/{group}"), Some(group.clone()), None));
        }
        for version in discovery::versions(cluster, &group) {
            // Others keep their own documents.
            let of_others =
                |(other, served): &(String, String)| *other == group && *served == version;
            if registered.iter().any(of_others) {
                continue;
            }
            places.push((
                format!("apis/{group}/{version}"),
                Some(group.clone()),
                Some(version),
            ));
        }
    }
    places
}

/// Changes whenever the document does: built-in types never do, custom ones with their definition.
fn hash(cluster: &Cluster, group: Option<&str>, version: Option<&str>) -> String {
    let (group, version) = (group.unwrap_or("-"), version.unwrap_or("-"));
    let mut text = format!("{VERSION} {group} {version}");
    for served in discovery::resources_of(cluster, group, version) {
        if !served.resource.is_built_in() {
            let revision = schemas::definition_revision(cluster, &served.resource);
            text.push_str(&format!(" {}@{revision}", served.resource.plural));
        }
    }
    digest::hex(text.as_bytes())
}

/// `/openapi/v3/<path>`: one document.
pub fn v3(cluster: &Cluster, parts: &Parts, path: &str) -> Result<Reply, ApiError> {
    let Some((_, group, version)) = places(cluster)
        .into_iter()
        .find(|(place, ..)| place == path)
    else {
        return bare(404, None);
    };
    let hash = hash(cluster, group.as_deref(), version.as_deref());
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let cacheable = match query.get("hash") {
        Some(asked) if asked != hash => {
            return bare(301, Some(format!("/openapi/v3/{path}?hash={hash}")));
        }
        asked => asked.is_some(),
    };
    let Some(encoding) = encoding(&parts.headers, Flavour::V3) else {
        return bare(406, None);
    };
    let text = match (&group, &version) {
        (Some(group), Some(version)) => document_v3(cluster, group, version),
        _ => json::print(
            &json!({"openapi": "3.0.0", "info": info(), "paths": {}, "components": {}}),
            None,
        )
        .into(),
    };
    match encoding {
        Encoding::Json => document(parts, &hash, "application/json", text, cacheable),
        Encoding::Protobuf => {
            let value: Value = serde_json::from_slice(&text).map_err(ApiError::internal)?;
            let text = gnostic::v3::document(&value).into();
            document(parts, &hash, PROTOBUF_V3, text, cacheable)
        }
    }
}

/// `/openapi/v2`: all of it in one document.
pub fn v2(cluster: &Cluster, parts: &Parts) -> Result<Reply, ApiError> {
    let Some(encoding) = encoding(&parts.headers, Flavour::V2) else {
        return bare(406, None);
    };
    let places = places(cluster);
    let hashes: String = places
        .iter()
        .map(|(_, g, v)| hash(cluster, g.as_deref(), v.as_deref()))
        .collect();
    let others = aggregator::swagger(cluster);
    let others_hash: String = others.iter().map(|(hash, _)| hash.as_str()).collect();
    let hash = digest::hex(format!("{hashes}{others_hash}").as_bytes());
    let mut text = document_v2(cluster);
    if !others.is_empty() {
        let mut all: Value = serde_json::from_slice(&text).map_err(ApiError::internal)?;
        for (_, document) in &others {
            merge::merge(&mut all, document.clone());
        }
        text = Bytes::from(json::print(&all, None));
    }
    match encoding {
        Encoding::Json => document(parts, &hash, "application/json", text, false),
        Encoding::Protobuf => {
            let make = || {
                let value: Value = serde_json::from_slice(&text).unwrap_or_default();
                Bytes::from(gnostic::v2::document(&value))
            };
            let message = if only_built_in(cluster) && others.is_empty() {
                cached("v2 protobuf".into(), make)
            } else {
                make()
            };
            document(parts, &hash, PROTOBUF_V2, message, false)
        }
    }
}

/// Documents of built-in groups by flavour, group and version: they are the same for every cluster.
fn cached(key: String, make: impl FnOnce() -> Bytes) -> Bytes {
    static CACHE: LazyLock<Mutex<HashMap<String, Bytes>>> = LazyLock::new(Mutex::default);
    let lock = || CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let found = lock().get(&key).cloned();
    found.unwrap_or_else(|| {
        let made = make();
        lock().insert(key, made.clone());
        made
    })
}

fn document_v3(cluster: &Cluster, group: &str, version: &str) -> Bytes {
    let resources = discovery::resources_of(cluster, group, version);
    let built_in = resources.iter().all(|served| served.resource.is_built_in());
    let make = || {
        let mut components = Components::new(Flavour::V3);
        let paths = paths_of(cluster, &mut components, &resources);
        let security = json!({
            "BearerToken": {"type": "apiKey", "in": "header", "name": "authorization",
                "description": "Bearer Token authentication"},
        });
        let document = json!({
            "openapi": "3.0.0", "info": info(), "paths": paths,
            "components": {"schemas": components.finish(), "securitySchemes": security},
        });
        Bytes::from(json::print(&document, None))
    };
    if built_in {
        cached(format!("v3 {group} {version}"), make)
    } else {
        make()
    }
}

/// Whether no resource was declared or defined: such documents are the same for every cluster.
fn only_built_in(cluster: &Cluster) -> bool {
    let resources = cluster.registry().all();
    resources.iter().all(|served| served.resource.is_built_in())
}

fn document_v2(cluster: &Cluster) -> Bytes {
    let resources = cluster.registry().all();
    let make = || {
        let mut components = Components::new(Flavour::V2);
        let paths = paths_of(cluster, &mut components, &resources);
        let document = json!({
            "swagger": "2.0", "info": info(), "paths": paths, "definitions": components.finish(),
            "securityDefinitions": {"BearerToken": {"type": "apiKey", "in": "header", "name": "authorization"}},
            "security": [{"BearerToken": []}],
        });
        Bytes::from(json::print(&document, None))
    };
    if only_built_in(cluster) {
        cached("v2".into(), make)
    } else {
        make()
    }
}

fn paths_of(cluster: &Cluster, components: &mut Components, resources: &[Served]) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for served in resources {
        for operation in operations(&served.resource) {
            let path = operation.path.clone();
            let (method, value) = operation.into_value(cluster, components);
            let item = paths.entry(path).or_insert_with(|| json!({}));
            if let Some(item) = item.as_object_mut() {
                item.insert(method.into(), value);
            }
        }
    }
    Value::Object(paths)
}

/// The encodings of the documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Json,
    Protobuf,
}

const PROTOBUF_V2: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
const PROTOBUF_V3: &str = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf";

/// The first encoding of the header that is served.
fn encoding(headers: &HeaderMap, flavour: Flavour) -> Option<Encoding> {
    let accept = accept::header(headers);
    if accept.is_empty() {
        return Some(Encoding::Json);
    }
    accept.split(',').find_map(
        |part| match part.split(';').next().unwrap_or_default().trim() {
            "application/json" | "application/*" | "*/json" | "*/*" | "*" => Some(Encoding::Json),
            PROTOBUF_V3 | "application/com.github.proto-openapi.spec.v3@v1.0+protobuf"
                if flavour == Flavour::V3 =>
            {
                Some(Encoding::Protobuf)
            }
            PROTOBUF_V2 | "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
                if flavour == Flavour::V2 =>
            {
                Some(Encoding::Protobuf)
            }
            _ => None,
        },
    )
}

/// An answer without a body.
fn bare(code: u16, location: Option<String>) -> Result<Reply, ApiError> {
    let mut response = http::Response::builder().status(code);
    if let Some(location) = location {
        response = response.header("location", location);
    }
    let response = response
        .body(ApiBody::Full(Bytes::new()))
        .map_err(ApiError::internal)?;
    Ok(Reply::new(code, Body::Response(response)))
}

fn document(
    parts: &Parts,
    hash: &str,
    content_type: &'static str,
    text: Bytes,
    cacheable: bool,
) -> Result<Reply, ApiError> {
    let etag = format!("\"{hash}\"");
    let headers = &parts.headers;
    let known = headers
        .get(http::header::IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let mut response = http::Response::builder()
        .status(if known { 304 } else { 200 })
        .header("etag", etag)
        .header("vary", "Accept-Encoding, Accept")
        .header(
            "cache-control",
            if cacheable {
                "public, immutable"
            } else {
                "no-cache, private"
            },
        );
    if !known {
        response = response.header("content-type", content_type);
    }
    let body = if known { Bytes::new() } else { text };
    let response = response
        .body(ApiBody::Full(body))
        .map_err(ApiError::internal)?;
    Ok(Reply::new(200, Body::Response(response)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing_references(
        value: &Value,
        prefix: &str,
        known: &Map<String, Value>,
        missing: &mut Vec<String>,
    ) {
        match value {
            Value::Object(map) => {
                if let Some(name) = map.get("$ref").and_then(Value::as_str)
                    && !known.contains_key(name.strip_prefix(prefix).unwrap_or("?"))
                {
                    missing.push(name.to_owned());
                }
                map.values()
                    .for_each(|value| missing_references(value, prefix, known, missing));
            }
            Value::Array(items) => items
                .iter()
                .for_each(|value| missing_references(value, prefix, known, missing)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_has_its_component() {
        let cluster = Cluster::default();
        let mut documents = vec![("#/definitions/", "definitions", document_v2(&cluster))];
        for (_, group, version) in places(&cluster) {
            if let (Some(group), Some(version)) = (group, version) {
                documents.push((
                    "#/components/schemas/",
                    "components",
                    document_v3(&cluster, &group, &version),
                ));
            }
        }
        for (prefix, key, text) in documents {
            let document: Value = serde_json::from_slice(&text).expect("JSON");
            let known = if key == "components" {
                &document[key]["schemas"]
            } else {
                &document[key]
            };
            let mut missing = Vec::new();
            missing_references(
                &document,
                prefix,
                known.as_object().expect("schemas"),
                &mut missing,
            );
            assert_eq!(missing, Vec::<String>::new());
        }
    }

    #[test]
    fn operations_tell_their_kind_and_parameters() {
        let document: Value =
            serde_json::from_slice(&document_v3(&Cluster::default(), "", "v1")).expect("JSON");
        let patch = &document["paths"]["/api/v1/namespaces/{namespace}/configmaps/{name}"]["patch"];
        assert_eq!(
            patch["x-kubernetes-group-version-kind"]["kind"],
            "ConfigMap"
        );
        let names: Vec<&Value> = patch["parameters"]
            .as_array()
            .expect("some")
            .iter()
            .map(|p| &p["name"])
            .collect();
        assert!(names.contains(&&json!("fieldValidation")) && names.contains(&&json!("force")));
        let pods = &document["paths"]["/api/v1/pods"]["get"];
        assert_eq!(pods["operationId"], "listCoreV1PodForAllNamespaces");
    }
}

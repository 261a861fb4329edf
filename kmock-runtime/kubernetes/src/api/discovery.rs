//! Discovery: which groups, versions and resources there are, in the legacy form (a document a group and version)
//! and in the aggregated one (everything in two documents).
//!
//! Built-in resources come as a real v1.36 server lists them; custom ones are appended, their versions in the order
//! of kube-aware priority.

use bytes::Bytes;
use http::HeaderMap;
use http::request::Parts;
use serde_json::{Map, Value, json};

use crate::api::aggregator;
use crate::api::{Body, Reply};
use crate::kinds;
use crate::kinds::builtin::base64;
use crate::kinds::builtin::gotypes::Struct;
use crate::model::resource::Resource;
use crate::model::status::ApiError;
use crate::state::cluster::{ApiBody, Cluster};
use crate::state::registry::Served;
use crate::text::digest;
use crate::wire::accept::{self, AcceptedAs, Endpoint};
use crate::wire::json;
use crate::wire::render;

const AGGREGATED: &str = "g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// `/api`
pub fn core(parts: &Parts) -> Result<Reply, ApiError> {
    only_get(parts)?;
    let accept = accept::header(&parts.headers);
    accept::check_router(accept, false)?;
    if let Ok(accepted) = accept::negotiate(accept, Endpoint::Discovery) {
        return aggregated(
            &parts.headers,
            accepted,
            kinds::CORE_DISCOVERY.trim_end().as_bytes().to_vec(),
        );
    }
    let document = json!({
        "kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address(&parts.headers)}],
    });
    plain(
        &parts.headers,
        json::print(&document, Struct::named("meta.v1.APIVersions")),
    )
}

/// `/apis`
pub fn groups(cluster: &Cluster, parts: &Parts) -> Result<Reply, ApiError> {
    let accept = accept::header(&parts.headers);
    if let Ok(accepted) = accept::negotiate(accept, Endpoint::Discovery) {
        return aggregated(&parts.headers, accepted, aggregated_groups(cluster));
    }
    let groups: Vec<Value> = group_names(cluster)
        .iter()
        .filter_map(|name| api_group(cluster, name))
        .collect();
    let document = json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups});
    plain(&parts.headers, json::print_object(&document))
}

/// `/apis/<group>`
pub fn group(cluster: &Cluster, parts: &Parts, name: &str) -> Result<Reply, ApiError> {
    let mut document = api_group(cluster, name).ok_or_else(ApiError::page_not_found)?;
    document["kind"] = "APIGroup".into();
    document["apiVersion"] = "v1".into();
    plain(&parts.headers, json::print_object(&document))
}

/// `/api/<version>` (the group is empty) and `/apis/<group>/<version>`
pub fn version(
    cluster: &Cluster,
    parts: &Parts,
    group: &str,
    version: &str,
) -> Result<Reply, ApiError> {
    let registry = cluster.registry();
    let built_in = registry.has_built_in_version(group, version);
    let resources = resources_of(cluster, group, version);
    if resources.is_empty() {
        let known = group.is_empty() || registry.has_built_in_group(group);
        return Err(if known {
            ApiError::no_such_resource()
        } else {
            ApiError::page_not_found()
        });
    }
    if built_in {
        only_get(parts)?;
        accept::check_router(accept::header(&parts.headers), false)?;
    }
    let list: Vec<Value> = resources
        .iter()
        .flat_map(|served| api_resources(&served.resource))
        .collect();
    let group_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    let mut document =
        json!({"kind": "APIResourceList", "groupVersion": group_version, "resources": list});
    if !group.is_empty() {
        document["apiVersion"] = "v1".into();
    }
    plain(
        &parts.headers,
        json::print(&document, Struct::named("meta.v1.APIResourceList")),
    )
}

/// 405 for anything but a GET, where the server has a router.
pub fn only_get(parts: &Parts) -> Result<(), ApiError> {
    if parts.method == http::Method::GET {
        Ok(())
    } else {
        Err(ApiError::method_not_allowed())
    }
}

fn plain(headers: &HeaderMap, text: Vec<u8>) -> Result<Reply, ApiError> {
    let accepted = accept::negotiate(accept::header(headers), Endpoint::Plain)?;
    let (content_type, bytes) = render::encode(accepted, text)?;
    Ok(Reply::new(200, Body::Raw(content_type, bytes)))
}

/// The aggregated form: with an ETag, and 304 for clients that know it.
fn aggregated(
    headers: &HeaderMap,
    accepted: accept::Accepted,
    text: Vec<u8>,
) -> Result<Reply, ApiError> {
    debug_assert_eq!(accepted.target, Some(AcceptedAs::AggregatedDiscovery));
    let (content_type, bytes) = render::encode(accepted, text)?;
    let etag = format!("\"{}\"", digest::hex(&bytes));
    let known = headers
        .get(http::header::IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let response = http::Response::builder()
        .status(if known { 304 } else { 200 })
        .header("cache-control", "public")
        .header("vary", "Accept")
        .header("etag", etag);
    let (response, body) = if known {
        (response, Bytes::new())
    } else {
        (
            response.header("content-type", format!("{content_type};{AGGREGATED}")),
            bytes,
        )
    };
    let response = response
        .body(ApiBody::Full(body))
        .map_err(ApiError::internal)?;
    Ok(Reply::new(200, Body::Response(response)))
}

/// What the client called the server.
fn address(headers: &HeaderMap) -> &str {
    headers
        .get(http::header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("127.0.0.1:443")
}

/// The groups besides the core one: built-in ones in the server's order, then custom ones by name.
pub fn group_names(cluster: &Cluster) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut add = |name: &str| {
        if !name.is_empty() && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    };
    cluster
        .registry()
        .built_ins()
        .iter()
        .for_each(|served| add(&served.resource.group));
    cluster
        .registry()
        .custom_resources()
        .iter()
        .for_each(|served| add(&served.resource.group));
    aggregator::registered(cluster)
        .iter()
        .for_each(|(group, _)| add(group));
    names
}

/// The versions of a group, preferred first.
pub fn versions(cluster: &Cluster, group: &str) -> Vec<String> {
    let mut versions: Vec<String> = Vec::new();
    let of_group = |served: &&Served| served.resource.group == group;
    for served in cluster.registry().built_ins().iter().filter(of_group) {
        if !versions.contains(&served.resource.version) {
            versions.push(served.resource.version.clone());
        }
    }
    let mut custom: Vec<String> = Vec::new();
    for served in cluster
        .registry()
        .custom_resources()
        .iter()
        .filter(of_group)
    {
        let version = &served.resource.version;
        if !versions.contains(version) && !custom.contains(version) {
            custom.push(version.clone());
        }
    }
    for (of, version) in aggregator::registered(cluster) {
        if of == group && !versions.contains(&version) && !custom.contains(&version) {
            custom.push(version);
        }
    }
    custom.sort_by_cached_key(|version| priority(version));
    versions.extend(custom);
    versions
}

/// The resources of one version of a group, in the order of discovery.
pub fn resources_of(cluster: &Cluster, group: &str, version: &str) -> Vec<Served> {
    let all = cluster.registry().all().into_iter();
    all.filter(|served| served.resource.group == group && served.resource.version == version)
        .collect()
}

/// Kube-aware order: stable versions before beta before alpha, higher numbers first, other names last by name.
fn priority(version: &str) -> (u8, std::cmp::Reverse<(u64, u64)>, String) {
    let parse = || {
        let rest = version.strip_prefix('v')?;
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (major, rest) = rest.split_at(end);
        let major: u64 = major.parse().ok().filter(|_| !major.starts_with('0'))?;
        let number = |text: &str| text.parse().ok().filter(|_| !text.starts_with('0'));
        match (rest.strip_prefix("beta"), rest.strip_prefix("alpha")) {
            (Some(minor), _) => Some((1, major, number(minor)?)),
            (_, Some(minor)) => Some((2, major, number(minor)?)),
            _ => rest.is_empty().then_some((0, major, 0)),
        }
    };
    match parse() {
        Some((stability, major, minor)) => {
            (stability, std::cmp::Reverse((major, minor)), String::new())
        }
        None => (3, std::cmp::Reverse((0, 0)), version.to_owned()),
    }
}

fn api_group(cluster: &Cluster, name: &str) -> Option<Value> {
    let versions = versions(cluster, name);
    let entry =
        |version: &String| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let preferred = entry(versions.first()?);
    let versions: Vec<Value> = versions.iter().map(entry).collect();
    Some(json!({"name": name, "versions": versions, "preferredVersion": preferred}))
}

/// The entries of a resource and its subresources in an `APIResourceList`.
fn api_resources(resource: &Resource) -> Vec<Value> {
    let mut entry = json!({
        "name": resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced,
        "kind": resource.kind, "verbs": resource.verbs,
    });
    if !resource.short_names.is_empty() {
        entry["shortNames"] = resource.short_names.as_slice().into();
    }
    if !resource.categories.is_empty() {
        entry["categories"] = resource.categories.as_slice().into();
    }
    if let Some(hash) = storage_hash(resource) {
        entry["storageVersionHash"] = hash.into();
    }
    let mut entries = vec![entry];
    for sub in &resource.subresources {
        let mut entry = json!({
            "name": format!("{}/{}", resource.plural, sub.name), "singularName": "",
            "namespaced": resource.namespaced, "kind": sub.kind, "verbs": sub.verbs,
        });
        if (sub.group.as_str(), sub.version.as_str())
            != (resource.group.as_str(), resource.version.as_str())
        {
            entry["group"] = sub.group.as_str().into();
            entry["version"] = sub.version.as_str().into();
        }
        entries.push(entry);
    }
    entries
}

/// Tells whether two versions are stored alike: a digest of what is stored. Resources that store nothing, or whose
/// storage version is not served, have none.
fn storage_hash(resource: &Resource) -> Option<String> {
    if !resource.can("watch") || resource.storage_version.is_empty() {
        return None;
    }
    let version = match resource.storage.plural.as_ref() {
        // Still stored as v1beta1 by a real server; nothing else shows it.
        "customresourcedefinitions"
        | "mutatingadmissionpolicies"
        | "mutatingadmissionpolicybindings"
            if resource.is_built_in() =>
        {
            "v1beta1"
        }
        _ => &resource.storage_version,
    };
    let text = format!("{}/{version}/{}", resource.storage.group, resource.kind);
    let digest = digest::sha256(text.as_bytes());
    Some(base64::encode(digest.get(..8)?))
}

/// `/apis` aggregated: the built-in document with the custom groups behind it.
fn aggregated_groups(cluster: &Cluster) -> Vec<u8> {
    let custom = cluster.registry().custom_resources();
    let elsewhere = aggregator::registered(cluster);
    let document = kinds::GROUPS_DISCOVERY.trim_end();
    if custom.is_empty() && elsewhere.is_empty() {
        return document.as_bytes().to_vec();
    }
    let mut document: Value = serde_json::from_str(document).unwrap_or_default();
    let Some(items) = document["items"].as_array_mut() else {
        return Vec::new();
    };
    for group in group_names(cluster) {
        let of_group: Vec<&Served> = custom
            .iter()
            .filter(|served| served.resource.group == group)
            .collect();
        let is_elsewhere = |version: &str| {
            let mut all = elsewhere.iter();
            all.any(|(of, v)| *of == group && v == version)
        };
        if of_group.is_empty() && !elsewhere.iter().any(|(of, _)| *of == group) {
            continue;
        }
        let mut entries = Vec::new();
        for version in versions(cluster, &group) {
            let of_version = of_group
                .iter()
                .filter(|served| served.resource.version == version);
            let resources: Vec<Value> = of_version
                .map(|served| aggregated_resource(&served.resource))
                .collect();
            if is_elsewhere(&version) {
                entries.push(aggregator::aggregated(cluster, &group, &version));
            } else if !resources.is_empty() {
                entries.push(
                    json!({"version": version, "resources": resources, "freshness": "Current"}),
                );
            }
        }
        let present = items
            .iter_mut()
            .find(|item| item["metadata"]["name"] == group.as_str());
        match present.and_then(|item| item["versions"].as_array_mut()) {
            Some(versions) => versions.extend(entries),
            None => items.push(json!({"metadata": {"name": group}, "versions": entries})),
        }
    }
    json::print(&document, None)
}

fn aggregated_resource(resource: &Resource) -> Value {
    let kind = |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
    let mut out = Map::new();
    out.insert("resource".into(), resource.plural.as_str().into());
    out.insert(
        "responseKind".into(),
        kind(&resource.group, &resource.version, &resource.kind),
    );
    out.insert(
        "scope".into(),
        if resource.namespaced {
            "Namespaced"
        } else {
            "Cluster"
        }
        .into(),
    );
    out.insert("singularResource".into(), resource.singular.as_str().into());
    out.insert("verbs".into(), resource.verbs.as_slice().into());
    if !resource.short_names.is_empty() {
        out.insert("shortNames".into(), resource.short_names.as_slice().into());
    }
    if !resource.categories.is_empty() {
        out.insert("categories".into(), resource.categories.as_slice().into());
    }
    if !resource.subresources.is_empty() {
        let subresources = resource.subresources.iter().map(|sub| {
            json!({"subresource": sub.name, "responseKind": kind(&sub.group, &sub.version, &sub.kind), "verbs": sub.verbs})
        });
        out.insert("subresources".into(), subresources.collect());
    }
    Value::Object(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_in_order_of_priority() {
        let mut versions = [
            "foo1", "v1beta1", "v2alpha1", "v10", "v1", "v1beta2", "v01", "v2",
        ];
        versions.sort_by_cached_key(|version| priority(version));
        assert_eq!(
            versions,
            [
                "v10", "v2", "v1", "v1beta2", "v1beta1", "v2alpha1", "foo1", "v01"
            ]
        );
    }

    #[test]
    fn storage_hashes_are_the_servers() {
        let registry = Cluster::default();
        let hash = |group: &str, version: &str, plural: &str| {
            let served = registry
                .registry()
                .find(group, version, plural)
                .expect("known");
            storage_hash(&served.resource)
        };
        assert_eq!(
            hash("", "v1", "configmaps").as_deref(),
            Some("qFsyl6wFWjQ=")
        );
        assert_eq!(
            hash("events.k8s.io", "v1", "events").as_deref(),
            Some("r2yiGXH7wu8=")
        );
        assert_eq!(
            hash("autoscaling", "v1", "horizontalpodautoscalers").as_deref(),
            Some("qwQve8ut294=")
        );
        assert_eq!(
            hash("apiextensions.k8s.io", "v1", "customresourcedefinitions").as_deref(),
            Some("jfWCUB31mvA=")
        );
        assert_eq!(hash("", "v1", "bindings"), None);
    }
}

//! Aggregated discovery documents (`APIGroupDiscoveryList`), read.

use serde_json::Value;

use crate::model::resource::{Origin, Resource, ResourceKey, Subresource};

/// Reads an aggregated discovery document (`APIGroupDiscoveryList`).
pub fn from_aggregated_discovery(document: &Value, origin: Origin) -> Vec<Resource> {
    let mut out = Vec::new();
    for group in items(&document["items"]) {
        let group_name = text(&group["metadata"]["name"]);
        let versions = items(&group["versions"]);
        // The first version is the preferred one: the best guess at what is stored.
        let storage_version = versions
            .first()
            .map(|v| text(&v["version"]))
            .unwrap_or_default();
        for version in versions {
            for entry in items(&version["resources"]) {
                let kind = text(&entry["responseKind"]["kind"]);
                let plural = text(&entry["resource"]);
                let api_version = text(&version["version"]);
                let subresources = items(&entry["subresources"]).iter().map(|sub| {
                    let answer = &sub["responseKind"];
                    let or = |key: &str, default: &str| match text(&answer[key]) {
                        empty if empty.is_empty() => default.to_owned(),
                        other => other,
                    };
                    let own_kind = answer["version"].as_str().is_none_or(str::is_empty);
                    Subresource {
                        name: text(&sub["subresource"]),
                        group: if own_kind {
                            group_name.clone()
                        } else {
                            text(&answer["group"])
                        },
                        version: or("version", &api_version),
                        kind: or("kind", &kind),
                        verbs: texts(&sub["verbs"]),
                    }
                });
                out.push(Resource {
                    group: group_name.clone(),
                    version: api_version.clone(),
                    singular: text(&entry["singularResource"]),
                    list_kind: format!("{kind}List"),
                    namespaced: entry["scope"] == "Namespaced",
                    verbs: texts(&entry["verbs"]),
                    short_names: texts(&entry["shortNames"]),
                    categories: texts(&entry["categories"]),
                    subresources: subresources.collect(),
                    storage_version: storage_version.clone(),
                    storage: ResourceKey::new(group_name.as_str(), plural.as_str()),
                    origin,
                    deprecation: None,
                    plural,
                    kind,
                });
            }
        }
    }
    out
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    items(value).iter().map(text).collect()
}

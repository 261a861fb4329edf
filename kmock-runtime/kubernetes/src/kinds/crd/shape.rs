//! A definition compiled for its objects: made once for each change of the spec, shared by all versions.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::columns::{self, PrinterColumn, Selectable};
use super::definition::{Definition, Scale, Version};
use super::node::Node;
use super::pattern::Patterns;
use super::priority;
use crate::model::conversion::Conversion;
use crate::model::resource::{Origin, Resource, ResourceKey, Subresource};
use kmock_apply::schema::{Schema, SchemaRef};

/// The verbs of custom resources, as discovery prints them.
const VERBS: [&str; 8] = [
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "create",
    "update",
    "watch",
];
const SUBRESOURCE_VERBS: [&str; 3] = ["get", "patch", "update"];

/// One version of a custom resource.
#[derive(Debug)]
pub(crate) struct VersionShape {
    pub(crate) node: Node,
    pub(crate) schema: SchemaRef,
    pub(crate) has_status: bool,
    pub(crate) scale: Option<Scale>,
    pub(crate) columns: Vec<PrinterColumn>,
    pub(crate) selectable: Vec<Selectable>,
    #[cfg(feature = "cel")]
    pub(crate) rules: Option<super::cel::Validator>,
}

/// A custom resource: all its versions.
#[derive(Debug)]
pub(crate) struct DefinitionShape {
    /// The name of the definition.
    pub(crate) definition: String,
    pub(crate) group: String,
    pub(crate) kind: String,
    pub(crate) storage: String,
    /// The revision of the definition that this was made from.
    pub(crate) revision: u64,
    pub(crate) versions: BTreeMap<String, VersionShape>,
    /// The webhook that converts between the versions.
    pub(crate) conversion: Option<Arc<Conversion>>,
}

impl DefinitionShape {
    /// Compiles a definition.
    pub(crate) fn compile(crd: &Value, definition: &Definition, revision: u64) -> DefinitionShape {
        let mut patterns = Patterns::default();
        let mut versions = BTreeMap::new();
        for (index, version) in definition.versions.iter().enumerate() {
            let raw = &crd["spec"]["versions"][index]["schema"]["openAPIV3Schema"];
            let node = version
                .props()
                .map(|props| Node::compile(props, &mut patterns))
                .unwrap_or_default();
            let shape = VersionShape {
                schema: SchemaRef::Shared(Arc::new(Schema::of_custom_resource(
                    raw.is_object().then_some(raw),
                ))),
                has_status: version.has_status(),
                scale: version.scale().cloned(),
                columns: columns::columns(version),
                selectable: columns::selectable(version),
                #[cfg(feature = "cel")]
                rules: version
                    .props()
                    .and_then(|props| super::cel::Validator::new(props, true)),
                node,
            };
            versions.insert(version.name.clone(), shape);
        }
        DefinitionShape {
            definition: definition.name.clone(),
            group: definition.group.clone(),
            kind: definition.names.kind.clone(),
            storage: definition
                .storage()
                .map(|version| version.name.clone())
                .unwrap_or_default(),
            revision,
            conversion: conversion(definition).map(Arc::new),
            versions,
        }
    }
}

/// Who converts, where there is something to convert.
fn conversion(definition: &Definition) -> Option<Conversion> {
    let conversion = definition.conversion.as_ref()?;
    if conversion.strategy != "Webhook" || definition.versions.len() < 2 {
        return None;
    }
    let config = conversion.client_config.clone()?;
    Some(Conversion::new(config, conversion.review_versions.clone()))
}

/// Where objects of a definition are stored.
pub(crate) fn key(definition: &Definition) -> ResourceKey {
    ResourceKey::new(definition.group.as_str(), definition.names.plural.as_str())
}

/// What discovery tells about one version.
pub(crate) fn resource(definition: &Definition, version: &Version) -> Resource {
    let names = &definition.accepted;
    let api_version = format!("{}/{}", definition.group, version.name);
    let mut subresources = Vec::new();
    let verbs = || {
        SUBRESOURCE_VERBS
            .iter()
            .map(|verb| (*verb).to_owned())
            .collect::<Vec<_>>()
    };
    if version.has_status() {
        subresources.push(Subresource {
            name: "status".into(),
            group: definition.group.clone(),
            version: version.name.clone(),
            kind: names.kind.clone(),
            verbs: verbs(),
        });
    }
    if version.scale().is_some() {
        subresources.push(Subresource {
            name: "scale".into(),
            group: "autoscaling".into(),
            version: "v1".into(),
            kind: "Scale".into(),
            verbs: verbs(),
        });
    }
    let deprecation = version.deprecated.then(|| {
        version.deprecation_warning.clone().unwrap_or_else(|| {
            let newer = definition.by_priority().into_iter().find(|other| {
                other.served
                    && !other.deprecated
                    && priority::compare(&other.name, &version.name).is_lt()
            });
            let instead = newer.map_or_else(String::new, |newer| {
                format!("; use {}/{} {}", definition.group, newer.name, names.kind)
            });
            format!("{api_version} {} is deprecated{instead}", names.kind)
        })
    });
    Resource {
        group: definition.group.clone(),
        version: version.name.clone(),
        plural: names.plural.clone(),
        singular: names.singular.clone(),
        kind: names.kind.clone(),
        list_kind: names.list_kind.clone(),
        namespaced: definition.namespaced(),
        verbs: VERBS.iter().map(|verb| (*verb).to_owned()).collect(),
        short_names: names.short_names.clone(),
        categories: names.categories.clone(),
        subresources,
        storage_version: definition
            .storage()
            .map(|version| version.name.clone())
            .unwrap_or_default(),
        storage: key(definition),
        origin: Origin::Custom,
        deprecation,
    }
}

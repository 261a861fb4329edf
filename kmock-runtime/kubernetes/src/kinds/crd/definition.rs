//! A CustomResourceDefinition read from its JSON.
//!
//! The fields are those of `apiextensions/v1`. Validation follows the server's internal type, where what all
//! versions have in common stands once above them: hence `spec.validation…` in messages ([`Shared`]).

use serde_json::{Map, Value, json};

use super::props::Props;

/// The finalizer that keeps a definition until its objects are gone.
pub(crate) const CLEANUP_FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Names of a resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Names {
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) short_names: Vec<String>,
    pub(crate) kind: String,
    pub(crate) list_kind: String,
    pub(crate) categories: Vec<String>,
}

impl Names {
    pub(crate) fn parse(json: &Value) -> Names {
        Names {
            plural: text(&json["plural"]),
            singular: text(&json["singular"]),
            short_names: texts(&json["shortNames"]),
            kind: text(&json["kind"]),
            list_kind: text(&json["listKind"]),
            categories: texts(&json["categories"]),
        }
    }

    pub(crate) fn to_value(&self) -> Value {
        let mut out = json!({"plural": self.plural, "kind": self.kind});
        for (key, value) in [("singular", &self.singular), ("listKind", &self.list_kind)] {
            if !value.is_empty() {
                out[key] = value.as_str().into();
            }
        }
        for (key, values) in [
            ("shortNames", &self.short_names),
            ("categories", &self.categories),
        ] {
            if !values.is_empty() {
                out[key] = values.clone().into();
            }
        }
        out
    }
}

/// `subresources.scale`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scale {
    pub(crate) spec_replicas: String,
    pub(crate) status_replicas: String,
    pub(crate) label_selector: Option<String>,
}

/// `subresources`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Subresources {
    pub(crate) status: bool,
    pub(crate) scale: Option<Scale>,
}

/// One of `additionalPrinterColumns`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ColumnDefinition {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) format: String,
    pub(crate) description: String,
    pub(crate) priority: i64,
    pub(crate) json_path: String,
}

/// One of `versions`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Version {
    pub(crate) name: String,
    pub(crate) served: bool,
    pub(crate) storage: bool,
    pub(crate) deprecated: bool,
    pub(crate) deprecation_warning: Option<String>,
    /// `schema`, and in it `openAPIV3Schema`: either may be absent.
    pub(crate) schema: Option<Option<Props>>,
    pub(crate) subresources: Option<Subresources>,
    pub(crate) columns: Vec<ColumnDefinition>,
    pub(crate) selectable: Vec<String>,
}

impl Version {
    pub(crate) fn props(&self) -> Option<&Props> {
        self.schema.as_ref().and_then(Option::as_ref)
    }

    pub(crate) fn has_status(&self) -> bool {
        self.subresources.as_ref().is_some_and(|all| all.status)
    }

    pub(crate) fn scale(&self) -> Option<&Scale> {
        self.subresources
            .as_ref()
            .and_then(|all| all.scale.as_ref())
    }
}

/// `conversion`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ConversionSpec {
    pub(crate) strategy: String,
    pub(crate) client_config: Option<Value>,
    pub(crate) review_versions: Vec<String>,
}

/// The spec of a definition, and what of its status counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) scope: String,
    pub(crate) names: Names,
    pub(crate) versions: Vec<Version>,
    /// `versions` was given, if only as an empty list.
    pub(crate) versions_given: bool,
    pub(crate) conversion: Option<ConversionSpec>,
    pub(crate) preserve_unknown_fields: bool,
    pub(crate) approval: Option<String>,
    pub(crate) accepted: Names,
    pub(crate) stored_versions: Vec<String>,
    pub(crate) established: bool,
    pub(crate) terminating: bool,
}

/// What all versions have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared {
    pub(crate) schema: bool,
    pub(crate) subresources: bool,
    pub(crate) columns: bool,
    pub(crate) selectable: bool,
}

impl Definition {
    /// Reads a definition.
    pub(crate) fn parse(json: &Value) -> Definition {
        let (spec, status) = (&json["spec"], &json["status"]);
        let conversion = &spec["conversion"];
        Definition {
            name: text(&json["metadata"]["name"]),
            group: text(&spec["group"]),
            scope: text(&spec["scope"]),
            names: Names::parse(&spec["names"]),
            versions: items(&spec["versions"]).iter().map(version).collect(),
            versions_given: spec["versions"].is_array(),
            conversion: conversion.is_object().then(|| ConversionSpec {
                strategy: text(&conversion["strategy"]),
                client_config: Some(conversion["webhook"]["clientConfig"].clone())
                    .filter(Value::is_object),
                review_versions: texts(&conversion["webhook"]["conversionReviewVersions"]),
            }),
            preserve_unknown_fields: spec["preserveUnknownFields"] == true,
            approval: json["metadata"]["annotations"]["api-approved.kubernetes.io"]
                .as_str()
                .map(str::to_owned),
            accepted: Names::parse(&status["acceptedNames"]),
            stored_versions: texts(&status["storedVersions"]),
            established: condition(json, "Established")
                .is_some_and(|found| found["status"] == "True"),
            terminating: json["metadata"]["deletionTimestamp"].is_string(),
        }
    }

    pub(crate) fn namespaced(&self) -> bool {
        self.scope == "Namespaced"
    }

    /// The version in which objects are stored.
    pub(crate) fn storage(&self) -> Option<&Version> {
        self.versions.iter().find(|version| version.storage)
    }

    /// What stands once above the versions in the server's internal type.
    pub(crate) fn shared(&self) -> Shared {
        let Some((first, rest)) = self.versions.split_first() else {
            return Shared {
                schema: false,
                subresources: false,
                columns: false,
                selectable: false,
            };
        };
        Shared {
            schema: rest.iter().all(|one| one.schema == first.schema),
            subresources: rest
                .iter()
                .all(|one| one.subresources == first.subresources),
            columns: rest.iter().all(|one| one.columns == first.columns),
            selectable: rest.iter().all(|one| one.selectable == first.selectable),
        }
    }

    /// Versions in the order of preference: stable before beta before alpha, newer before older.
    pub(crate) fn by_priority(&self) -> Vec<&Version> {
        let mut versions: Vec<&Version> = self.versions.iter().collect();
        versions.sort_by(|a, b| super::priority::compare(&a.name, &b.name));
        versions
    }
}

fn version(json: &Value) -> Version {
    let schema = &json["schema"];
    let subresources = &json["subresources"];
    Version {
        name: text(&json["name"]),
        served: json["served"] == true,
        storage: json["storage"] == true,
        deprecated: json["deprecated"] == true,
        deprecation_warning: json["deprecationWarning"].as_str().map(str::to_owned),
        schema: schema.is_object().then(|| {
            let props = &schema["openAPIV3Schema"];
            props.is_object().then(|| Props::parse(props))
        }),
        subresources: subresources.is_object().then(|| {
            let scale = &subresources["scale"];
            Subresources {
                status: subresources["status"].is_object(),
                scale: scale.is_object().then(|| Scale {
                    spec_replicas: text(&scale["specReplicasPath"]),
                    status_replicas: text(&scale["statusReplicasPath"]),
                    label_selector: scale["labelSelectorPath"].as_str().map(str::to_owned),
                }),
            }
        }),
        columns: items(&json["additionalPrinterColumns"])
            .iter()
            .map(|column| ColumnDefinition {
                name: text(&column["name"]),
                kind: text(&column["type"]),
                format: text(&column["format"]),
                description: text(&column["description"]),
                priority: column["priority"].as_i64().unwrap_or_default(),
                json_path: text(&column["jsonPath"]),
            })
            .collect(),
        selectable: items(&json["selectableFields"])
            .iter()
            .map(|one| text(&one["jsonPath"]))
            .collect(),
    }
}

/// A condition of a definition's status.
pub(crate) fn condition<'a>(crd: &'a Value, kind: &str) -> Option<&'a Value> {
    items(&crd["status"]["conditions"])
        .iter()
        .find(|one| one["type"] == kind)
}

/// Fills in what the server fills in: names, conversion, the stored version.
pub(crate) fn default(crd: &mut Value) {
    let Some(spec) = crd.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    let names = spec
        .entry("names")
        .or_insert_with(|| Value::Object(Map::new()));
    let kind = text(&names["kind"]);
    if let Some(names) = names.as_object_mut() {
        let absent = |names: &Map<String, Value>, key: &str| {
            names
                .get(key)
                .and_then(Value::as_str)
                .is_none_or(str::is_empty)
        };
        if absent(names, "singular") && !kind.is_empty() {
            names.insert("singular".into(), kind.to_lowercase().into());
        }
        if absent(names, "listKind") && !kind.is_empty() {
            names.insert("listKind".into(), format!("{kind}List").into());
        }
    }
    if spec.get("conversion").is_none_or(Value::is_null) {
        spec.insert("conversion".into(), json!({"strategy": "None"}));
    }
    if spec["conversion"]["webhook"]["clientConfig"]["service"].is_object() {
        let service = &mut spec["conversion"]["webhook"]["clientConfig"]["service"];
        if service["port"].is_null() {
            service["port"] = 443.into();
        }
    }
    let storage = storage_version(crd);
    if let (Some(storage), Some(status)) = (
        storage,
        crd.get_mut("status").and_then(Value::as_object_mut),
    ) && items(status.get("storedVersions").unwrap_or(&Value::Null)).is_empty()
    {
        status.insert("storedVersions".into(), json!([storage]));
    }
}

/// The name of the (first) version marked as storage.
pub(crate) fn storage_version(crd: &Value) -> Option<String> {
    items(&crd["spec"]["versions"])
        .iter()
        .find(|version| version["storage"] == true)
        .map(|version| text(&version["name"]))
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(crate) fn texts(value: &Value) -> Vec<String> {
    items(value)
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

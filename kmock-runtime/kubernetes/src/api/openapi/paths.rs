//! The operations of a resource: which methods its paths have, what they take and what they answer.

use serde_json::{Value, json};

use super::schemas::{Components, Flavour, object};
use crate::model::resource::Resource;
use crate::state::cluster::Cluster;
use crate::wire::accept::{MEDIA_TYPES, STREAM_TYPES};

/// One method of one path.
#[derive(Debug)]
pub(super) struct Operation<'a> {
    resource: &'a Resource,
    pub(super) path: String,
    verb: &'static str,
    id: String,
    /// What it is about: the object's kind, or that of the subresource.
    kind: (String, String, String),
    namespaced: bool,
    named: bool,
}

const PATCH_TYPES: [&str; 5] = [
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
    "application/apply-patch+cbor",
];

/// The operations of a resource and its subresources.
pub(super) fn operations(resource: &Resource) -> Vec<Operation<'_>> {
    let base = if resource.group.is_empty() {
        format!("/api/{}", resource.version)
    } else {
        format!("/apis/{}/{}", resource.group, resource.version)
    };
    let collection = match resource.namespaced {
        true => format!("{base}/namespaces/{{namespace}}/{}", resource.plural),
        false => format!("{base}/{}", resource.plural),
    };
    let item = format!("{collection}/{{name}}");
    let own = (
        resource.group.clone(),
        resource.version.clone(),
        resource.kind.clone(),
    );
    let scope = if resource.namespaced {
        "Namespaced"
    } else {
        ""
    };
    let stem = format!("{}{}", camel(&resource.group), capital(&resource.version));
    let kind = &resource.kind;
    let operation = |path: &str, verb, id: String, kind: &(String, String, String)| Operation {
        resource,
        path: path.to_owned(),
        verb,
        id,
        kind: kind.clone(),
        namespaced: path.contains("{namespace}"),
        named: path.contains("{name}"),
    };
    let mut all = Vec::new();
    for verb in &resource.verbs {
        let (path, name, id) = match verb.as_str() {
            "list" => (&collection, "list", format!("list{stem}{scope}{kind}")),
            "create" => (&collection, "post", format!("create{stem}{scope}{kind}")),
            "deletecollection" => (
                &collection,
                "deletecollection",
                format!("delete{stem}Collection{scope}{kind}"),
            ),
            "get" => (&item, "get", format!("read{stem}{scope}{kind}")),
            "update" => (&item, "put", format!("replace{stem}{scope}{kind}")),
            "patch" => (&item, "patch", format!("patch{stem}{scope}{kind}")),
            "delete" => (&item, "delete", format!("delete{stem}{scope}{kind}")),
            _ => continue,
        };
        all.push(operation(path, name, id, &own));
    }
    if resource.namespaced && resource.can("list") {
        let path = format!("{base}/{}", resource.plural);
        all.push(operation(
            &path,
            "list",
            format!("list{stem}{kind}ForAllNamespaces"),
            &own,
        ));
    }
    for sub in &resource.subresources {
        let path = format!("{item}/{}", sub.name);
        let answer = (sub.group.clone(), sub.version.clone(), sub.kind.clone());
        for verb in &sub.verbs {
            let (name, action) = match verb.as_str() {
                "get" => ("get", "read"),
                "update" => ("put", "replace"),
                "patch" => ("patch", "patch"),
                "create" => ("post", "create"),
                "delete" => ("delete", "delete"),
                _ => continue,
            };
            all.push(operation(
                &path,
                name,
                format!("{action}{stem}{scope}{kind}{}", capital(&sub.name)),
                &answer,
            ));
        }
    }
    all
}

impl Operation<'_> {
    /// The HTTP method and the operation as a document has it.
    pub(super) fn into_value(
        self,
        cluster: &Cluster,
        components: &mut Components,
    ) -> (&'static str, Value) {
        let resource = self.resource;
        let method = match self.verb {
            "list" => "get",
            "deletecollection" => "delete",
            other => other,
        };
        let (group, version, kind) = (
            self.kind.0.as_str(),
            self.kind.1.as_str(),
            self.kind.2.as_str(),
        );
        let answer = match self.verb {
            "list" => components.kind(
                cluster,
                resource,
                (group, version, resource.list_kind.as_str()),
            ),
            "delete" | "deletecollection" => components.meta("Status"),
            _ => components.kind(cluster, resource, (group, version, kind)),
        };
        let body = match self.verb {
            "post" | "put" => Some(components.kind(cluster, resource, (group, version, kind))),
            "patch" => Some(components.meta("Patch")),
            "delete" | "deletecollection" => Some(components.meta("DeleteOptions")),
            _ => None,
        };
        let action = match self.verb {
            "deletecollection" | "list" | "post" | "put" | "patch" | "delete" | "get" => self.verb,
            other => other,
        };
        let mut value = json!({
            "tags": [tag(&resource.group, &resource.version)],
            "operationId": self.id,
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind},
        });
        let streams = self.verb == "list";
        let media: Vec<&str> = MEDIA_TYPES
            .into_iter()
            .chain(STREAM_TYPES.into_iter().filter(|_| streams))
            .collect();
        let codes: &[&str] = match self.verb {
            "post" => &["200", "201", "202"],
            "put" | "patch" => &["200", "201"],
            "delete" => &["200", "202"],
            _ => &["200"],
        };
        let patch_types = &PATCH_TYPES[..];
        match components.flavour {
            Flavour::V3 => {
                let content = |types: &[&str], schema: &Value| -> Value {
                    types
                        .iter()
                        .map(|kind| ((*kind).to_owned(), json!({"schema": schema})))
                        .collect()
                };
                value["parameters"] = self.parameters(Flavour::V3).into();
                value["responses"] = codes
                    .iter()
                    .map(|code| {
                        (
                            (*code).to_owned(),
                            json!({"description": text(code), "content": content(&media, &answer)}),
                        )
                    })
                    .collect();
                if let Some(body) = body {
                    let types = if self.verb == "patch" {
                        patch_types
                    } else {
                        &["*/*"][..]
                    };
                    value["requestBody"] = json!({"content": content(types, &body)});
                    if matches!(self.verb, "post" | "put" | "patch") {
                        value["requestBody"]["required"] = true.into();
                    }
                }
            }
            Flavour::V2 => {
                let mut parameters = self.parameters(Flavour::V2);
                if let Some(body) = body {
                    let required = matches!(self.verb, "post" | "put" | "patch");
                    let mut parameter = json!({"name": "body", "in": "body", "schema": body});
                    if required {
                        parameter["required"] = true.into();
                    }
                    parameters.push(parameter);
                }
                value["parameters"] = parameters.into();
                value["consumes"] = if self.verb == "patch" {
                    patch_types.into()
                } else {
                    ["*/*"].as_slice().into()
                };
                value["produces"] = media.into();
                value["schemes"] = ["https"].as_slice().into();
                value["responses"] = codes
                    .iter()
                    .map(|code| {
                        (
                            (*code).to_owned(),
                            json!({"description": text(code), "schema": answer}),
                        )
                    })
                    .collect();
            }
        }
        (method, value)
    }

    fn parameters(&self, flavour: Flavour) -> Vec<Value> {
        let parameter = |name: &str, place: &str, kind: &str| {
            let mut value = json!({"name": name, "in": place, "uniqueItems": true});
            match flavour {
                Flavour::V3 => {
                    value = json!({"name": name, "in": place, "schema": object()});
                    value["schema"]["type"] = kind.into();
                    value["schema"]["uniqueItems"] = true.into();
                }
                Flavour::V2 => value["type"] = kind.into(),
            }
            if place == "path" {
                value["required"] = true.into();
            }
            value
        };
        let mut all = Vec::new();
        if self.named {
            all.push(parameter("name", "path", "string"));
        }
        if self.namespaced {
            all.push(parameter("namespace", "path", "string"));
        }
        all.push(parameter("pretty", "query", "string"));
        let names: &[(&str, &str)] = match self.verb {
            "post" | "put" => &[
                ("dryRun", "string"),
                ("fieldManager", "string"),
                ("fieldValidation", "string"),
            ],
            "patch" => &[
                ("dryRun", "string"),
                ("fieldManager", "string"),
                ("fieldValidation", "string"),
                ("force", "boolean"),
            ],
            "delete" => &[
                ("dryRun", "string"),
                ("gracePeriodSeconds", "integer"),
                (
                    "ignoreStoreReadErrorWithClusterBreakingPotential",
                    "boolean",
                ),
                ("orphanDependents", "boolean"),
                ("propagationPolicy", "string"),
            ],
            "list" | "deletecollection" => &[
                ("allowWatchBookmarks", "boolean"),
                ("continue", "string"),
                ("fieldSelector", "string"),
                ("labelSelector", "string"),
                ("limit", "integer"),
                ("resourceVersion", "string"),
                ("resourceVersionMatch", "string"),
                ("sendInitialEvents", "boolean"),
                ("timeoutSeconds", "integer"),
                ("watch", "boolean"),
            ],
            _ => &[],
        };
        all.extend(
            names
                .iter()
                .map(|(name, kind)| parameter(name, "query", kind)),
        );
        all
    }
}

fn text(code: &str) -> &'static str {
    match code {
        "201" => "Created",
        "202" => "Accepted",
        _ => "OK",
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|c| c.to_ascii_uppercase())
        .into_iter()
        .chain(chars)
        .collect()
}

/// `RbacAuthorization` of `rbac.authorization.k8s.io`.
fn camel(group: &str) -> String {
    if group.is_empty() {
        return "Core".into();
    }
    group
        .strip_suffix(".k8s.io")
        .unwrap_or(group)
        .split(['.', '-'])
        .map(capital)
        .collect()
}

fn tag(group: &str, version: &str) -> String {
    let camel = camel(group);
    let mut chars = camel.chars();
    let lower: String = chars
        .next()
        .map(|c| c.to_ascii_lowercase())
        .into_iter()
        .chain(chars)
        .collect();
    format!("{lower}_{version}")
}

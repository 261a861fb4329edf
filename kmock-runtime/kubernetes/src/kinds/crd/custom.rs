//! Custom objects: what `api/` asks about them.
//!
//! Rules: `apiextensions-apiserver/pkg/registry/customresource` (strategies) and `pkg/apiserver` (how bodies and
//! stored objects are read). Between versions a webhook converts, or only `apiVersion` changes; each version prunes what
//! it does not know.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::columns;
use super::correlate::Pair;
use super::numbers;
use super::shape::{DefinitionShape, VersionShape};
use super::{defaulting, embedded, lifecycle, lists, prune, validate};
use crate::kinds::builtin::{decode, gotypes::Struct};
use crate::model::conversion::Conversion;
use crate::model::resource::Resource;
use crate::model::status::{ApiError, FieldError, go_type, quoted};
use crate::model::strategy::{
    Bookkeeping, Codec, Column, Context, Decoded, Deletion, Generation, Lifecycle, Printing,
    ScalePaths, Selection, Verdict, differs_beyond,
};
use kmock_apply::ordered::Node as Body;
use kmock_apply::schema::SchemaRef;

/// The rules of one version of a custom resource.
#[derive(Debug)]
pub(crate) struct Custom {
    pub(crate) shape: Arc<DefinitionShape>,
    pub(crate) version: String,
}

impl Custom {
    fn rules(&self) -> Option<&VersionShape> {
        self.shape.versions.get(&self.version)
    }

    /// Reads metadata as the typed struct that the server reads it into; gives unknown fields.
    fn read_metadata(object: &mut Value) -> Result<Vec<String>, String> {
        let (Some(root), Some(metadata)) = (
            Struct::named("meta.v1.ObjectMeta"),
            object.get_mut("metadata"),
        ) else {
            return Ok(Vec::new());
        };
        let decoded = decode::decode(root, Body::from_value(metadata))?;
        *metadata = decoded.object;
        decode::stored(root, metadata, &[]);
        if let Some(map) = metadata.as_object_mut() {
            map.retain(|_, value| !value.is_null());
        }
        let unknown = |complaint: &String| {
            Some(format!(
                "metadata.{}",
                complaint
                    .strip_prefix("unknown field \"")?
                    .strip_suffix('"')?
            ))
        };
        Ok(decoded.complaints.iter().filter_map(unknown).collect())
    }

    /// Defaults, prunes and reads embedded objects in a version; gives unknown fields.
    fn shape_up(rules: &VersionShape, object: &mut Value) -> Result<Vec<String>, String> {
        defaulting::default(object, &rules.node);
        let mut unknown = Self::read_metadata(object)?;
        unknown.extend(prune::prune(object, &rules.node));
        defaulting::drop_nulls(object, Some(&rules.node));
        unknown.extend(embedded::coerce(object, &rules.node)?);
        Ok(unknown)
    }

    /// From the version in which an object was stored to this one.
    fn as_served(&self, object: &mut Value) -> bool {
        let before = object.clone();
        let stored = version_of(object).to_owned();
        match self.shape.versions.get(&stored) {
            Some(rules) => {
                defaulting::default(object, &rules.node);
                prune::prune(object, &rules.node);
                defaulting::drop_nulls(object, Some(&rules.node));
            }
            None => drop(prune::prune(object, &super::node::Node::default())),
        }
        if stored != self.version {
            self.as_version(object, &self.version);
        }
        *object != before
    }

    /// Converts to a version, and prunes what it does not know.
    fn as_version(&self, object: &mut Value, version: &str) {
        // There is nothing to be converted of an object that has a type and nothing else.
        let is_empty = object.as_object().is_some_and(|map| map.len() <= 2);
        if let Some(conversion) = self.shape.conversion.as_ref().filter(|_| !is_empty) {
            let wanted = format!("{}/{version}", self.shape.group);
            if let Some(converted) = conversion.known(object, &wanted) {
                *object = converted;
            }
        }
        if let Some(rules) = self.shape.versions.get(version) {
            prune::prune(object, &rules.node);
            defaulting::drop_nulls(object, Some(&rules.node));
        }
        if let Some(map) = object.as_object_mut() {
            map.insert(
                "apiVersion".into(),
                format!("{}/{version}", self.shape.group).into(),
            );
        }
    }

    fn type_faults(&self, object: &Value) -> Vec<FieldError> {
        let kind = object["kind"].as_str().unwrap_or_default();
        if kind == self.shape.kind {
            return Vec::new();
        }
        vec![FieldError::invalid_text(
            "kind",
            kind,
            format!("must be {}", self.shape.kind),
        )]
    }

    /// Replicas and selector at the paths of the scale subresource.
    fn scale_faults(
        rules: &VersionShape,
        object: &Value,
        spec: bool,
        status: bool,
    ) -> Vec<FieldError> {
        let Some(scale) = &rules.scale else {
            return Vec::new();
        };
        let mut faults = Vec::new();
        let mut replicas = |path: &str| {
            let found = columns::nested(object, path);
            match found {
                None => {}
                Some(Value::Number(number)) if number.is_i64() => {
                    let replicas = number.as_i64().unwrap_or_default();
                    if replicas < 0 {
                        faults.push(FieldError::invalid(
                            path,
                            &replicas.into(),
                            "should be a non-negative integer",
                        ));
                    } else if replicas > i64::from(i32::MAX) {
                        let why = format!("should be less than or equal to {}", i32::MAX);
                        faults.push(FieldError::invalid(path, &replicas.into(), why));
                    }
                }
                Some(other) => {
                    let why = format!(
                        "{path} accessor error: {} is of the type {}, expected int64",
                        go_shown(other),
                        go_type(other)
                    );
                    faults.push(FieldError::invalid(path, &0.into(), why));
                }
            }
        };
        if spec {
            replicas(&scale.spec_replicas);
        }
        if status {
            replicas(&scale.status_replicas);
            if let Some(path) = scale
                .label_selector
                .as_deref()
                .filter(|path| !path.is_empty())
                && let Some(other) =
                    columns::nested(object, path).filter(|found| !found.is_string())
            {
                let why = format!(
                    "{path} accessor error: {} is of the type {}, expected string",
                    go_shown(other),
                    go_type(other)
                );
                faults.push(FieldError::invalid_text(path, "", why));
            }
        }
        faults
    }

    #[cfg(feature = "cel")]
    fn rule_faults(
        rules: &VersionShape,
        new: &Value,
        old: Option<&Value>,
        faults: &mut Vec<FieldError>,
    ) -> Vec<String> {
        const BLOCKING: [&str; 5] = [
            "FieldValueNotSupported",
            "FieldValueRequired",
            "FieldValueTooLong",
            "FieldValueTooMany",
            "FieldValueTypeInvalid",
        ];
        let Some(validator) = &rules.rules else {
            return Vec::new();
        };
        if faults.iter().any(|fault| BLOCKING.contains(&fault.reason)) {
            let why = "some validation rules were not checked because the object was invalid; correct the existing \
                       errors to complete validation";
            faults.push(FieldError::invalid("<nil>", &Value::Null, why));
            return Vec::new();
        }
        let outcome = validator.validate(&rules.node, new, old);
        faults.extend(outcome.faults);
        outcome.warnings
    }

    #[cfg(not(feature = "cel"))]
    fn rule_faults(
        _: &VersionShape,
        _: &Value,
        _: Option<&Value>,
        _: &mut Vec<FieldError>,
    ) -> Vec<String> {
        Vec::new()
    }

    /// Faults of an update, and the rules that fail as they did before (warnings).
    fn update_faults(
        &self,
        subresource: &str,
        new: &Value,
        old: &Value,
    ) -> (Vec<FieldError>, Vec<String>) {
        let Some(rules) = self.rules() else {
            return Default::default();
        };
        let mut faults = self.type_faults(new);
        let pair = Pair {
            new,
            old,
            node: &rules.node,
        };
        if subresource == "status" {
            if faults.is_empty() {
                if let (Some(status), Some(node)) =
                    (new.get("status"), rules.node.properties.get("status"))
                {
                    faults.extend(validate::validate(
                        node,
                        status,
                        pair.key("status"),
                        Some("status"),
                    ));
                }
                faults.extend(Self::scale_faults(rules, new, false, true));
            }
        } else {
            if faults.is_empty() {
                faults.extend(validate::validate(&rules.node, new, Some(pair), None));
                faults.extend(Self::scale_faults(rules, new, true, true));
            }
            faults.extend(embedded::validate(&rules.node, new));
        }
        if lists::validate(&rules.node, old).is_empty() {
            faults.extend(lists::validate(&rules.node, new));
        }
        let warnings = Self::rule_faults(rules, new, Some(old), &mut faults);
        (faults, warnings)
    }
}

/// The version in an object's `apiVersion`.
fn version_of(object: &Value) -> &str {
    object["apiVersion"]
        .as_str()
        .and_then(|text| text.rsplit('/').next())
        .unwrap_or_default()
}

fn go_shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".into(),
        other => other.to_string(),
    }
}

/// `Warning` texts of finalizers that are new.
fn finalizer_warnings(new: &Value, old: Option<&Value>) -> Vec<String> {
    let of = |object: &Value| -> Vec<String> {
        let all = object["metadata"]["finalizers"]
            .as_array()
            .into_iter()
            .flatten();
        all.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let known = old.map(of).unwrap_or_default();
    let mut added: Vec<String> = of(new)
        .into_iter()
        .filter(|name| !known.contains(name))
        .collect();
    added.sort();
    added.dedup();
    let mut warnings = Vec::new();
    for name in added {
        let head = format!("metadata.finalizers: {}: ", quoted(&name));
        warnings.extend(
            crate::model::meta::qualified_name_faults(&name)
                .into_iter()
                .map(|why| format!("{head}{why}")),
        );
        if name.contains('/')
            || matches!(
                name.as_str(),
                "orphan" | "foregroundDeletion" | "kubernetes"
            )
        {
            continue;
        }
        let path = if name.contains('.') {
            " including a path (/)"
        } else {
            ""
        };
        warnings.push(format!(
            "{head}prefer a domain-qualified finalizer name{path} to avoid accidental conflicts with other finalizer writers"
        ));
    }
    warnings
}

impl Codec for Custom {
    fn schema(&self, resource: &Resource) -> Option<SchemaRef> {
        self.shape
            .versions
            .get(&resource.version)
            .map(|rules| rules.schema.clone())
    }

    fn read(&self, _context: &Context<'_>, body: Body) -> Result<Decoded, String> {
        if let Some(number) = numbers::beyond_doubles(&body) {
            return Err(format!(
                "json: cannot unmarshal number {number} into Go value of type float64"
            ));
        }
        let mut complaints = Vec::new();
        kmock_apply::patch::json::repeated_fields(&body, "", "", &mut complaints);
        let mut object = body.into_value();
        let unknown = match self.rules() {
            Some(rules) if object["kind"] == self.shape.kind.as_str() => {
                Self::shape_up(rules, &mut object)?
            }
            _ => Self::read_metadata(&mut object)?,
        };
        complaints.extend(
            unknown
                .into_iter()
                .map(|path| format!("unknown field {}", quoted(&path))),
        );
        Ok(Decoded { object, complaints })
    }

    fn default(&self, _context: &Context<'_>, object: &mut Value, _kept: &[&str]) {
        if let Some(rules) = self.rules() {
            defaulting::default(object, &rules.node);
        }
    }

    fn scale(&self, _resource: &Resource) -> Option<ScalePaths> {
        let scale = self.rules()?.scale.as_ref()?;
        Some(ScalePaths {
            spec_replicas: scale.spec_replicas.clone(),
            status_replicas: scale.status_replicas.clone(),
            label_selector: scale.label_selector.clone(),
        })
    }

    fn before_store(&self, _resource: &Resource, object: &mut Value, _kept: &[&str]) {
        if version_of(object) != self.shape.storage {
            self.as_version(object, &self.shape.storage);
        }
        numbers::canonicalise(object);
    }

    fn convert(&self, object: &mut Value, _from: &str, to: &str) {
        match to.rsplit('/').next() {
            Some(version) if version != self.version => self.as_version(object, version),
            _ => drop(self.as_served(object)),
        }
    }

    fn conversion(&self) -> Option<&Arc<Conversion>> {
        self.shape.conversion.as_ref()
    }

    fn after_read(&self, object: &mut Value) -> bool {
        // Other versions are read by `convert`; only what is stored gets the defaults of its schema.
        self.version == self.shape.storage && self.as_served(object)
    }

    fn rules_revision(&self) -> u64 {
        self.shape.revision
    }
}

impl Lifecycle for Custom {
    fn prepare_for_create(&self, _context: &Context<'_>, object: &mut Value) {
        if let (Some(true), Some(map)) = (
            self.rules().map(|rules| rules.has_status),
            object.as_object_mut(),
        ) {
            map.remove("status");
        }
    }

    fn validate(&self, _context: &Context<'_>, object: &Value) -> Vec<FieldError> {
        let Some(rules) = self.rules() else {
            return Vec::new();
        };
        let mut faults = self.type_faults(object);
        if faults.is_empty() {
            faults.extend(validate::validate(&rules.node, object, None, None));
            faults.extend(Self::scale_faults(rules, object, true, true));
        }
        faults.extend(embedded::validate(&rules.node, object));
        faults.extend(lists::validate(&rules.node, object));
        Self::rule_faults(rules, object, None, &mut faults);
        faults
    }

    fn accepts(
        &self,
        context: &Context<'_>,
        _object: &Value,
        old: Option<&Value>,
    ) -> Result<(), ApiError> {
        if old.is_none() && lifecycle::is_terminating(context.cluster, &self.shape.definition) {
            let why = "create not allowed while custom resource definition is terminating";
            let resource = context.resource;
            return Err(ApiError::forbidden(
                &resource.group,
                &resource.plural,
                context.name,
                why,
            ));
        }
        Ok(())
    }

    fn warnings(&self, _context: &Context<'_>, object: &Value) -> Vec<String> {
        finalizer_warnings(object, None)
    }

    fn prepare_for_update(&self, context: &Context<'_>, new: &mut Value, old: &Value) {
        let Some(rules) = self.rules().filter(|rules| rules.has_status) else {
            return;
        };
        if context.subresource == "status" {
            let status = new.get("status").cloned();
            let managed = new["metadata"].get("managedFields").cloned();
            *new = old.clone();
            set(new, "status", status);
            if let Some(metadata) = new.get_mut("metadata") {
                set(metadata, "managedFields", managed);
            }
        } else {
            debug_assert!(rules.has_status);
            set(new, "status", old.get("status").cloned());
        }
    }

    fn validate_update(&self, context: &Context<'_>, new: &Value, old: &Value) -> Verdict {
        let (faults, forgiven) = self.update_faults(context.subresource, new, old);
        let warnings = match context.subresource {
            "status" => Vec::new(),
            _ => finalizer_warnings(new, Some(old)),
        };
        Verdict {
            faults,
            forgiven,
            warnings,
        }
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }
}

impl Bookkeeping for Custom {
    fn qualified_finalizers(&self) -> bool {
        false
    }

    fn generation(&self) -> Generation {
        Generation::Managed
    }

    fn bumps_generation(&self, new: &Value, old: &Value) -> bool {
        let has_status = self.rules().is_some_and(|rules| rules.has_status);
        let except: &[&str] = if has_status {
            &["metadata", "status"]
        } else {
            &["metadata"]
        };
        differs_beyond(new, old, except)
    }
}

impl Deletion for Custom {}

impl Selection for Custom {
    fn unsupported_field(&self, resource: &Resource, label: &str) -> Option<String> {
        let fields = self
            .rules()
            .map(|rules| rules.selectable.as_slice())
            .unwrap_or_default();
        let known = label == "metadata.name"
            || label == "metadata.namespace" && resource.namespaced
            || fields.iter().any(|field| field.label == label);
        (!known).then(|| format!("field label not supported: {label}"))
    }

    fn selectable_fields(&self, object: &Value) -> Vec<(String, String)> {
        let fields = self
            .rules()
            .map(|rules| rules.selectable.as_slice())
            .unwrap_or_default();
        fields
            .iter()
            .map(|field| (field.label.clone(), field.value(object)))
            .collect()
    }
}

impl Printing for Custom {
    fn columns(&self, _resource: &Resource) -> Option<Vec<Column<'_>>> {
        let name = Column {
            name: "Name",
            kind: "string",
            format: "name",
            priority: 0,
        };
        let columns = self
            .rules()
            .map(|rules| rules.columns.as_slice())
            .unwrap_or_default();
        let own = columns.iter().map(|column| Column {
            name: &column.name,
            kind: &column.kind,
            format: &column.format,
            priority: column.priority as i32,
        });
        Some(std::iter::once(name).chain(own).collect())
    }

    fn cells(&self, _resource: &Resource, object: &Value, now: Timestamp) -> Vec<Value> {
        let columns = self
            .rules()
            .map(|rules| rules.columns.as_slice())
            .unwrap_or_default();
        let name = object["metadata"]["name"].clone();
        std::iter::once(name)
            .chain(columns.iter().map(|column| column.cell(object, now)))
            .collect()
    }
}

fn set(object: &mut Value, key: &str, value: Option<Value>) {
    let Some(map) = object.as_object_mut() else {
        return;
    };
    match value {
        Some(value) => map.insert(key.to_owned(), value),
        None => map.remove(key),
    };
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Request;
    use serde_json::{Value, json};

    use super::validate::RUNS;
    use crate::state::cluster::{Cluster, ClusterOptions};

    const WIDGETS: &str = "/apis/example.com/v1/namespaces/default/widgets";

    /// The status of the answer, and how often an object was checked against its schema.
    async fn send(
        cluster: &Cluster,
        method: &str,
        uri: &str,
        kind: &str,
        body: Value,
    ) -> (u16, usize) {
        let before = RUNS.get();
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("content-type", kind)
            .body(Bytes::from(body.to_string()))
            .unwrap();
        let answer = cluster.call(request).await;
        (answer.status().as_u16(), RUNS.get() - before)
    }

    #[tokio::test]
    async fn each_write_of_a_custom_object_is_validated_once() {
        const JSON: &str = "application/json";
        const MERGE: &str = "application/merge-patch+json";
        const APPLY: &str = "application/apply-patch+yaml";
        let cluster = Cluster::new(ClusterOptions::default());
        let crd = json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": { "name": "widgets.example.com" },
            "spec": {
                "group": "example.com",
                "names": { "plural": "widgets", "kind": "Widget" },
                "scope": "Namespaced",
                "versions": [{
                    "name": "v1",
                    "served": true,
                    "storage": true,
                    "schema": { "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": { "size": { "type": "integer", "maximum": 9 } },
                            },
                            "status": {
                                "type": "object",
                                "properties": { "ready": { "type": "integer" } },
                            },
                        },
                    } },
                    "subresources": {
                        "status": {},
                        "scale": {
                            "specReplicasPath": ".spec.size",
                            "statusReplicasPath": ".status.ready",
                        },
                    },
                }],
            },
        });
        let crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        assert_eq!(send(&cluster, "POST", crds, JSON, crd).await.0, 201);

        let widget = |size: u64| {
            json!({
                "apiVersion": "example.com/v1",
                "kind": "Widget",
                "metadata": { "name": "w" },
                "spec": { "size": size },
            })
        };
        let one = &format!("{WIDGETS}/w");
        let (status, scale) = (&format!("{one}/status"), &format!("{one}/scale"));
        let forced = &format!("{one}?fieldManager=me&force=true");
        let dry = &format!("{one}?dryRun=All");
        for (method, uri, kind, body, code) in [
            ("POST", WIDGETS, JSON, widget(1), 201),
            ("PATCH", one, MERGE, json!({ "spec": { "size": 2 } }), 200),
            ("PATCH", one, MERGE, json!({ "spec": { "size": 10 } }), 422),
            ("PATCH", dry, MERGE, json!({ "spec": { "size": 3 } }), 200),
            ("PATCH", forced, APPLY, widget(4), 200),
            (
                "PATCH",
                one,
                "application/json-patch+json",
                json!([{ "op": "replace", "path": "/spec/size", "value": 5 }]),
                200,
            ),
            (
                "PATCH",
                status,
                MERGE,
                json!({ "status": { "ready": 1 } }),
                200,
            ),
            (
                "PATCH",
                scale,
                MERGE,
                json!({ "spec": { "replicas": 6 } }),
                200,
            ),
        ] {
            let text = body.to_string();
            let done = send(&cluster, method, uri, kind, body).await;
            assert_eq!(done, (code, 1), "{method} {uri} {text}");
        }
        let mut newer = widget(7);
        newer["metadata"]["resourceVersion"] = version(&cluster).into();
        assert_eq!(send(&cluster, "PUT", one, JSON, newer).await, (200, 1));
    }

    fn version(cluster: &Cluster) -> String {
        let found = cluster.objects().get("widgets", "default/w").unwrap();
        found["metadata"]["resourceVersion"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

//! What is wrong with a definition: names, versions, schemas, columns, paths.
//!
//! Order and words: `apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go`. What all versions have
//! in common is named once, without a version.

use std::collections::HashSet;

use serde_json::Value;

use super::definition::{ColumnDefinition, Definition, Names, Scale, Subresources, Version};
use super::formats::TextFormat;
use super::pattern::Patterns;
use super::props::Props;
use super::{field_path, internal, schema_check, webhook};
use crate::model::meta::{label_1035_faults, subdomain_faults};
use crate::model::status::FieldError;

const COLUMN_TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
const COLUMN_FORMATS: &str = "byte,date,date-time,double,float,int32,int64,password";
const MOST_SELECTABLE_FIELDS: usize = 8;

/// Faults of a new definition, beyond its metadata.
pub(crate) fn validate(crd: &Value) -> Vec<FieldError> {
    let definition = Definition::parse(crd);
    let mut faults = Vec::new();
    let wanted = format!("{}.{}", definition.names.plural, definition.group);
    if !definition.name.is_empty() && definition.name != wanted {
        let why = "must be spec.names.plural+\".\"+spec.group";
        faults.push(FieldError::invalid_text(
            "metadata.name",
            &definition.name,
            why,
        ));
    }
    Check {
        crd,
        definition: &definition,
        old: None,
        faults: &mut faults,
        patterns: Patterns::default(),
    }
    .spec();
    status(&definition, &mut faults);
    approval(&definition, None, &mut faults);
    preserve_unknown_fields(&definition, None, &mut faults);
    faults
}

/// Faults of a changed definition, beyond its metadata.
pub(crate) fn validate_update(crd: &Value, old: &Value) -> Vec<FieldError> {
    let (definition, old) = (Definition::parse(crd), Definition::parse(old));
    let mut faults = Vec::new();
    Check {
        crd,
        definition: &definition,
        old: Some(&old),
        faults: &mut faults,
        patterns: Patterns::default(),
    }
    .spec();
    let immutable = [
        (old.established, "spec.scope", &definition.scope, &old.scope),
        (
            old.established,
            "spec.names.kind",
            &definition.names.kind,
            &old.names.kind,
        ),
        (true, "spec.group", &definition.group, &old.group),
        (
            true,
            "spec.names.plural",
            &definition.names.plural,
            &old.names.plural,
        ),
    ];
    for (_, path, new, _) in immutable
        .into_iter()
        .filter(|(held, _, new, old)| *held && new != old)
    {
        faults.push(FieldError::invalid_text(path, new, "field is immutable"));
    }
    status(&definition, &mut faults);
    approval(&definition, Some(&old), &mut faults);
    preserve_unknown_fields(&definition, Some(&old), &mut faults);
    faults
}

/// Faults of a changed status.
pub(crate) fn validate_status(crd: &Value) -> Vec<FieldError> {
    let mut faults = Vec::new();
    names(
        &Definition::parse(crd).accepted,
        "status.acceptedNames",
        &mut faults,
    );
    faults
}

/// `Warning` texts: formats that are not checked, sets of what is not scalar.
pub(crate) fn warnings(crd: &Value, old: Option<&Value>) -> Vec<String> {
    let told: HashSet<String> = old
        .map(|old| concerns(&Definition::parse(old)).into_iter().collect())
        .unwrap_or_default();
    concerns(&Definition::parse(crd))
        .into_iter()
        .filter(|text| !told.contains(text))
        .collect()
}

fn concerns(definition: &Definition) -> Vec<String> {
    let (mut formats, mut sets) = (Vec::new(), Vec::new());
    let shared = definition.shared().schema;
    for version in definition
        .versions
        .iter()
        .take(if shared { 1 } else { usize::MAX })
    {
        let Some(props) = version.props() else {
            continue;
        };
        props.any(&mut |one| {
            if !one.format.is_empty() && !is_known_format(one) {
                formats.push(format!("unrecognized format \"{}\"", one.format));
            }
            if let (Some("set"), Some(item)) = (one.list_type.as_deref(), one.item())
                && match item.kind.as_str() {
                    "object" => item.map_type.as_deref() != Some("atomic"),
                    "array" => item.list_type.as_deref().is_some_and(|kind| kind != "atomic"),
                    _ => false,
                } {
                    sets.push(format!(
                        "x-kubernetes-list-type: set for items of type \"{}\" is not supported by server-side apply or CEL validation rules",
                        item.kind
                    ));
                }
            false
        });
    }
    sets.sort();
    sets.dedup();
    formats.extend(sets);
    formats
}

fn is_known_format(props: &Props) -> bool {
    match props.kind.as_str() {
        "" | "string" => TextFormat::named(&props.format).is_some(),
        "integer" => matches!(props.format.as_str(), "int32" | "int64"),
        "number" => matches!(props.format.as_str(), "float" | "double"),
        _ => false,
    }
}

struct Check<'a> {
    crd: &'a Value,
    definition: &'a Definition,
    old: Option<&'a Definition>,
    faults: &'a mut Vec<FieldError>,
    patterns: Patterns,
}

impl Check<'_> {
    fn required(&mut self, path: impl Into<String>, why: &str) {
        self.faults.push(FieldError::required(path, why));
    }

    fn invalid(&mut self, path: impl Into<String>, value: &str, why: &str) {
        self.faults.push(FieldError::invalid_text(path, value, why));
    }

    fn spec(&mut self) {
        let definition = self.definition;
        let shared = definition.shared();
        self.group_and_scope();
        for (index, version) in definition.versions.iter().enumerate() {
            if version.props().is_none() {
                self.required(format!("spec.versions[{index}].schema.openAPIV3Schema"), "");
            }
        }
        let mut seen = HashSet::new();
        let mut unique = true;
        for (index, version) in definition.versions.iter().enumerate() {
            unique &= seen.insert(version.name.as_str());
            let path = format!("spec.versions[{index}]");
            let wrong = label_1035_faults(&version.name);
            if !wrong.is_empty() {
                self.invalid(format!("{path}.name"), &version.name, &wrong.join(","));
            }
            self.deprecation(version, &path);
            if !shared.schema {
                self.schema(
                    version,
                    index,
                    version.has_status(),
                    &format!("{path}.schema"),
                );
            }
            if !shared.subresources {
                self.subresources(
                    version.subresources.as_ref(),
                    &format!("{path}.subresources"),
                );
            }
            if !shared.columns {
                self.columns(&version.columns, &path);
            }
            if !shared.selectable {
                self.selectable(version, &path);
            }
        }
        let show = |why: &str, crd: &Value| {
            let text = format!(
                "Invalid value: {}: {why}",
                internal::versions(definition, crd)
            );
            FieldError::new("FieldValueInvalid", "spec.versions", text)
        };
        if !unique {
            self.faults
                .push(show("must contain unique version names", self.crd));
        }
        if definition
            .versions
            .iter()
            .filter(|version| version.storage)
            .count()
            != 1
        {
            self.faults.push(show(
                "must have exactly one version marked as storage version",
                self.crd,
            ));
        }
        if let Some(first) = definition
            .versions
            .first()
            .filter(|first| !first.name.is_empty())
        {
            let wrong = label_1035_faults(&first.name);
            if !wrong.is_empty() {
                self.invalid("spec.version", &first.name, &wrong.join(","));
            }
        }
        for (key, name) in [
            ("plural", &definition.names.plural),
            ("singular", &definition.names.singular),
            ("kind", &definition.names.kind),
            ("listKind", &definition.names.list_kind),
        ] {
            if name.is_empty() {
                self.required(format!("spec.names.{key}"), "");
            }
        }
        names(&definition.names, "spec.names", self.faults);
        if let Some(first) = definition.versions.first() {
            if shared.schema {
                let status = definition.versions.iter().any(Version::has_status);
                self.schema(first, 0, status, "spec.validation");
            }
            if shared.subresources {
                self.subresources(first.subresources.as_ref(), "spec.subresources");
            }
            if shared.columns {
                self.columns(&first.columns, "spec");
            }
            if shared.selectable {
                self.selectable(first, "spec");
            }
        }
        self.conversion();
    }

    fn group_and_scope(&mut self) {
        let definition = self.definition;
        let wrong = subdomain_faults(&definition.group);
        if definition.group.is_empty() {
            self.required("spec.group", "");
        } else if !wrong.is_empty() {
            self.invalid("spec.group", &definition.group, &wrong.join(","));
        } else if !definition.group.contains('.') {
            self.invalid(
                "spec.group",
                &definition.group,
                "should be a domain with at least one dot",
            );
        }
        match definition.scope.as_str() {
            "" => self.required("spec.scope", ""),
            "Cluster" | "Namespaced" => {}
            other => {
                self.faults.push(FieldError::not_supported(
                    "spec.scope",
                    &other.into(),
                    &["Cluster", "Namespaced"],
                ));
            }
        }
    }

    fn deprecation(&mut self, version: &Version, path: &str) {
        let Some(text) = version.deprecation_warning.as_deref() else {
            return;
        };
        let path = format!("{path}.deprecationWarning");
        if !version.deprecated {
            self.invalid(path, text, "can only be set for deprecated versions");
            return;
        }
        if text.len() > 256 {
            self.invalid(path.clone(), text, "must be <= 256 characters long");
        }
        if text.is_empty() {
            self.invalid(path.clone(), text, "must not be an empty string");
        }
        // Of the white space, only the plain space is printable.
        if let Some((at, _)) = text
            .char_indices()
            .find(|(_, c)| c.is_control() || (c.is_whitespace() && *c != ' '))
        {
            let why = format!(
                "must only contain printable UTF-8 characters; non-printable character found at index {at}"
            );
            self.invalid(path, text, &why);
        }
    }

    fn schema(&mut self, version: &Version, index: usize, status_enabled: bool, path: &str) {
        let Some(props) = version.props() else { return };
        let raw = &self.crd["spec"]["versions"][index]["schema"]["openAPIV3Schema"];
        let unchanged = self.old.is_some_and(|old| {
            old.versions
                .iter()
                .any(|old| old.name == version.name && old.props() == Some(props))
        });
        let path = format!("{path}.openAPIV3Schema");
        let wrong = schema_check::check(
            props,
            raw,
            &path,
            status_enabled,
            unchanged,
            &mut self.patterns,
        );
        self.faults.extend(wrong);
    }

    fn subresources(&mut self, subresources: Option<&Subresources>, path: &str) {
        let Some(scale) = subresources.and_then(|all| all.scale.as_ref()) else {
            return;
        };
        let Scale {
            spec_replicas,
            status_replicas,
            label_selector,
        } = scale;
        for (key, value, root) in [
            ("specReplicasPath", spec_replicas, ".spec."),
            ("statusReplicasPath", status_replicas, ".status."),
        ] {
            let path = format!("{path}.scale.{key}");
            if value.is_empty() {
                self.required(path, "");
            } else if !value.starts_with('.') {
                self.invalid(path, value, "must be a simple json path starting with .");
            } else if !value.starts_with(root) {
                let root = root.trim_end_matches('.');
                self.invalid(path, value, &format!("should be a json path under {root}"));
            }
        }
        if let Some(value) = label_selector.as_deref().filter(|value| !value.is_empty()) {
            let path = format!("{path}.scale.labelSelectorPath");
            if !value.starts_with('.') {
                self.invalid(path, value, "must be a simple json path starting with .");
            } else if !value.starts_with(".spec.") && !value.starts_with(".status.") {
                self.invalid(
                    path,
                    value,
                    "should be a json path under either .spec or .status",
                );
            }
        }
    }

    fn columns(&mut self, columns: &[ColumnDefinition], path: &str) {
        for (index, column) in columns.iter().enumerate() {
            let path = format!("{path}.additionalPrinterColumns[{index}]");
            if column.name.is_empty() {
                self.required(format!("{path}.name"), "");
            }
            let why = format!("must be one of {}", COLUMN_TYPES.join(","));
            if column.kind.is_empty() {
                self.required(format!("{path}.type"), &why);
            } else if !COLUMN_TYPES.contains(&column.kind.as_str()) {
                self.invalid(format!("{path}.type"), &column.kind, &why);
            }
            if !column.format.is_empty()
                && !COLUMN_FORMATS
                    .split(',')
                    .any(|known| known == column.format)
            {
                self.invalid(
                    format!("{path}.format"),
                    &column.format,
                    &format!("must be one of {COLUMN_FORMATS}"),
                );
            }
            if column.json_path.is_empty() {
                self.required(format!("{path}.JSONPath"), "");
            } else if !column.json_path.starts_with('.') {
                self.invalid(
                    format!("{path}.JSONPath"),
                    &column.json_path,
                    "must be a simple json path starting with .",
                );
            }
        }
    }

    fn selectable(&mut self, version: &Version, path: &str) {
        if version.selectable.is_empty() {
            return;
        }
        let path = format!("{path}.selectableFields");
        let Some(props) = version.props() else {
            let why = if path == "spec.selectableFields" {
                "may only be set when validations.schema is included"
            } else {
                "may only be set when `version.schema.openAPIV3Schema` is not included"
            };
            return self.invalid(path, "", why);
        };
        let mut seen = HashSet::new();
        for (index, field) in version.selectable.iter().enumerate() {
            let path = format!("{path}[{index}].jsonPath");
            if field.is_empty() {
                self.required(path, "");
                continue;
            }
            match field_path::follow(field, props, false) {
                Err(error) => self.invalid(path, field, &format!("is an invalid path: {error}")),
                Ok(found) => {
                    if found.names.first().is_some_and(|name| name == "metadata") {
                        self.invalid(path.clone(), field, "must not point to fields in metadata");
                    }
                    if !matches!(found.props.kind.as_str(), "string" | "boolean" | "integer") {
                        let why = "must point to a field of type string, boolean or integer. Enum string fields and \
                                   strings with formats are allowed.";
                        self.invalid(path.clone(), field, why);
                    }
                    if !seen.insert(found.shown) {
                        self.faults
                            .push(FieldError::duplicate(path, &field.as_str().into()));
                    }
                }
            }
        }
        let before = self
            .old
            .and_then(|old| old.versions.iter().find(|old| old.name == version.name));
        let kept = before.is_some_and(|old| old.selectable == version.selectable);
        if seen.len() > MOST_SELECTABLE_FIELDS && !kept {
            self.faults.push(FieldError::too_many(
                path,
                seen.len(),
                MOST_SELECTABLE_FIELDS,
            ));
        }
    }

    fn conversion(&mut self) {
        let Some(conversion) = &self.definition.conversion else {
            return;
        };
        match conversion.strategy.as_str() {
            "" => self.required("spec.conversion.strategy", ""),
            "None" | "Webhook" => {}
            other => {
                let fault = FieldError::not_supported(
                    "spec.conversion.strategy",
                    &other.into(),
                    &["None", "Webhook"],
                );
                self.faults.push(fault);
            }
        }
        let client = "spec.conversion.webhookClientConfig";
        let versions = "spec.conversion.conversionReviewVersions";
        if conversion.strategy != "Webhook" {
            let why = "should not be set when strategy is not set to Webhook";
            if conversion.client_config.is_some() {
                self.faults.push(FieldError::forbidden(client, why));
            }
            if !conversion.review_versions.is_empty() {
                self.faults.push(FieldError::forbidden(versions, why));
            }
            return;
        }
        match &conversion.client_config {
            None => self.required(client, "required when strategy is set to Webhook"),
            Some(config) => {
                let (url, service) = (config["url"].as_str(), config["service"].is_object());
                match url {
                    None if service => {
                        let path = format!("{client}.service");
                        let wrong = webhook::service(&path, &config["service"]);
                        self.faults.extend(wrong);
                    }
                    Some(url) if !service => {
                        let wrong = webhook::url(&format!("{client}.url"), url);
                        self.faults.extend(wrong);
                    }
                    _ => self.required(client, "exactly one of url or service is required"),
                }
            }
        }
        if conversion.review_versions.is_empty() {
            return self.required(versions, "");
        }
        let mut seen = HashSet::new();
        for (index, version) in conversion.review_versions.iter().enumerate() {
            if !seen.insert(version.as_str()) {
                self.invalid(format!("{versions}[{index}]"), version, "duplicate version");
                continue;
            }
            for why in label_1035_faults(version) {
                self.invalid(format!("{versions}[{index}]"), version, &why);
            }
        }
        if !seen.contains("v1") && !seen.contains("v1beta1") {
            let value = Value::from(conversion.review_versions.clone());
            self.faults.push(FieldError::invalid(
                versions,
                &value,
                "must include at least one of v1, v1beta1",
            ));
        }
    }
}

fn names(names: &Names, path: &str, faults: &mut Vec<FieldError>) {
    let mut check = |key: String, name: &str, mixed: bool| {
        if name.is_empty() {
            return;
        }
        let wrong = if mixed {
            label_1035_faults(&name.to_lowercase())
        } else {
            label_1035_faults(name)
        };
        if !wrong.is_empty() {
            let prefix = if mixed {
                "may have mixed case, but should otherwise match: "
            } else {
                ""
            };
            faults.push(FieldError::invalid_text(
                format!("{path}.{key}"),
                name,
                format!("{prefix}{}", wrong.join(",")),
            ));
        }
    };
    check("plural".into(), &names.plural, false);
    check("singular".into(), &names.singular, false);
    check("kind".into(), &names.kind, true);
    check("listKind".into(), &names.list_kind, true);
    let each = |key: &str, all: &[String], faults: &mut Vec<FieldError>| {
        for (index, name) in all.iter().enumerate() {
            let wrong = label_1035_faults(name);
            if !wrong.is_empty() {
                faults.push(FieldError::invalid_text(
                    format!("{path}.{key}[{index}]"),
                    name,
                    wrong.join(","),
                ));
            }
        }
    };
    each("shortNames", &names.short_names, faults);
    if !names.kind.is_empty() && names.kind == names.list_kind {
        let why = "kind and listKind may not be the same";
        faults.push(FieldError::invalid_text(
            format!("{path}.listKind"),
            &names.list_kind,
            why,
        ));
    }
    each("categories", &names.categories, faults);
}

fn status(definition: &Definition, faults: &mut Vec<FieldError>) {
    names(&definition.accepted, "status.acceptedNames", faults);
    let path = "status.storedVersions";
    let stored = &definition.stored_versions;
    if stored.is_empty() {
        faults.push(FieldError::invalid(
            path,
            &Value::Null,
            "must have at least one stored version",
        ));
        return;
    }
    for version in definition
        .versions
        .iter()
        .filter(|version| version.storage && !stored.contains(&version.name))
    {
        let why = format!("must have the storage version {}", version.name);
        faults.push(FieldError::invalid(path, &stored.clone().into(), why));
    }
    for (index, name) in stored.iter().enumerate() {
        if !definition
            .versions
            .iter()
            .any(|version| version.name == *name)
        {
            let why = format!(
                "missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions \
                 until a storage migration ensures no data remains persisted in {name} and removes {name} from \
                 status.storedVersions"
            );
            faults.push(FieldError::invalid_text(
                format!("{path}[{index}]"),
                name,
                why,
            ));
        }
    }
}

#[derive(PartialEq)]
enum Approval {
    Missing,
    Bypassed,
    Approved,
    Invalid,
}

fn approval_of(definition: &Definition) -> Approval {
    match definition.approval.as_deref() {
        None | Some("") => Approval::Missing,
        Some(text) if text.starts_with("unapproved") => Approval::Bypassed,
        Some(text) if TextFormat::Uri.accepts(text) && text.contains("://") => Approval::Approved,
        Some(_) => Approval::Invalid,
    }
}

fn approval(definition: &Definition, old: Option<&Definition>, faults: &mut Vec<FieldError>) {
    let group = definition.group.as_str();
    if !["k8s.io", "kubernetes.io"]
        .iter()
        .any(|owner| group == *owner || group.ends_with(&format!(".{owner}")))
    {
        return;
    }
    let state = approval_of(definition);
    if old.is_some_and(|old| approval_of(old) == state) {
        return;
    }
    let path = "metadata.annotations[api-approved.kubernetes.io]";
    let head = "protected groups must have approval annotation \"api-approved.kubernetes.io\"";
    let see = "see https://github.com/kubernetes/enhancements/pull/1111";
    match state {
        Approval::Missing => faults.push(FieldError::required(path, format!("{head}, {see}"))),
        Approval::Invalid => faults.push(FieldError::invalid_text(
            path,
            definition.approval.as_deref().unwrap_or_default(),
            format!("{head} with either a URL or a reason starting with \"unapproved\", {see}"),
        )),
        Approval::Bypassed | Approval::Approved => {}
    }
}

fn preserve_unknown_fields(
    definition: &Definition,
    old: Option<&Definition>,
    faults: &mut Vec<FieldError>,
) {
    if definition.preserve_unknown_fields && !old.is_some_and(|old| old.preserve_unknown_fields) {
        let why = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        faults.push(FieldError::invalid(
            "spec.preserveUnknownFields",
            &true.into(),
            why,
        ));
    }
}

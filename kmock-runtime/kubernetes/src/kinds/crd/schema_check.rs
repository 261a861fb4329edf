//! What is wrong with the schema of a definition.
//!
//! First whether it is structural and its defaults hold, then keyword by keyword, then the rules (CEL) if the rest
//! is right. Order and words: `validateCustomResourceDefinitionValidation` of
//! `apiextensions-apiserver/pkg/apis/apiextensions/validation`.

use std::collections::HashSet;

use serde_json::Value;

use super::pattern::Patterns;
use super::props::{Items, Props, PropsOrBool};
use super::{default_check, field_path, internal, structural};
use crate::model::status::FieldError;

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
const REASONS: [&str; 4] = [
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueInvalid",
    "FieldValueRequired",
];

/// Checks a root schema found at `path` (`…openAPIV3Schema`); `raw` is its JSON.
///
/// `unchanged`: the schema was accepted before, so that the cost of its rules is not held against it.
pub(crate) fn check(
    props: &Props,
    raw: &Value,
    path: &str,
    status_enabled: bool,
    unchanged: bool,
    patterns: &mut Patterns,
) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if status_enabled {
        faults.extend(status_root(props, raw, path));
    }
    if props.nullable {
        faults.push(FieldError::forbidden(
            format!("{path}.nullable"),
            "nullable cannot be true at the root",
        ));
    }
    let mut rules_may_run = false;
    let not_structural = structural::unsupported(props);
    if not_structural.is_none() {
        let wrong = structural::validate(props, path, patterns);
        if wrong.is_empty() {
            let wrong = default_check::check(props, path, patterns);
            rules_may_run = wrong.is_empty();
            faults.extend(wrong);
        } else {
            faults.extend(wrong);
        }
    }
    let mut walk = Walk {
        faults: Vec::new(),
        rules: Rules::new(unchanged),
    };
    let place = Place {
        root: true,
        cel: rules_may_run.then_some(Some(1)),
        ..Place::default()
    };
    walk.schema(props, path, &place);
    faults.extend(walk.faults);
    let total = walk.rules.finish(path);
    if let Some(why) = not_structural.filter(|_| faults.is_empty() && walk.rules.faults.is_empty())
    {
        faults.push(FieldError::invalid_text(path, "", why));
    }
    faults.extend(walk.rules.faults);
    faults.extend(total);
    faults
}

/// With the status subresource, the root may hold only what stays true when status is checked alone.
fn status_root(props: &Props, raw: &Value, path: &str) -> Option<FieldError> {
    if !props.kind.is_empty() && props.kind != "object" {
        let why = "only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled";
        return Some(FieldError::invalid_text(
            format!("{path}.type"),
            &props.kind,
            why,
        ));
    }
    let forbidden = !props.id.is_empty()
        || !props.schema_url.is_empty()
        || props.reference.is_some()
        || props.nullable
        || props.default.is_some()
        || !props.values.is_empty()
        || props.max_properties.is_some()
        || props.min_properties.is_some()
        || !props.all_of.is_empty()
        || !props.one_of.is_empty()
        || !props.any_of.is_empty()
        || props.not.is_some()
        || props.additional_properties.is_some()
        || !props.pattern_properties.is_empty()
        || props.has_dependencies
        || props.additional_items.is_some()
        || !props.definitions.is_empty()
        || props.embedded_resource
        || props.int_or_string
        || !props.list_map_keys.is_empty()
        || props.list_type.is_some()
        || props.map_type.is_some();
    forbidden.then(|| {
        FieldError::new(
            "FieldValueInvalid",
            path,
            format!(
                "Invalid value: {}: only [Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum \
                 MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties \
                 ExternalDocs Example XPreserveUnknownFields XValidations] fields are allowed at the root of the schema \
                 if the status subresource is enabled",
                internal::schema(raw)
            ),
        )
    })
}

/// Where in the schema the walk is.
#[derive(Clone, Debug, Default)]
struct Place {
    root: bool,
    /// Why defaults are forbidden here.
    no_defaults: Option<String>,
    inside_meta: bool,
    /// The place above that keeps old and new values from being matched.
    uncorrelated: Option<String>,
    /// Rules are checked here; how often a value may occur, if that is limited.
    cel: Option<Option<u64>>,
}

impl Place {
    fn inner(&self) -> Place {
        Place {
            root: false,
            ..self.clone()
        }
    }

    /// In a junctor: rules are not looked at.
    fn junctor(&self) -> Place {
        Place {
            root: false,
            cel: None,
            ..self.clone()
        }
    }

    fn uncorrelated(mut self, path: &str) -> Place {
        self.uncorrelated.get_or_insert_with(|| path.to_owned());
        self
    }

    /// For children of `props`.
    fn times(mut self, props: &Props) -> Place {
        let factor = match props.kind.as_str() {
            "object" if props.additional_properties.is_some() => props.max_properties,
            "array" => props.max_items,
            _ => Some(1),
        };
        self.cel = self.cel.map(|cardinality| {
            Some(cardinality?.saturating_mul(u64::try_from(factor?.max(0)).unwrap_or_default()))
        });
        self
    }
}

struct Walk {
    faults: Vec<FieldError>,
    rules: Rules,
}

impl Walk {
    fn forbidden(&mut self, path: String, why: &str) {
        self.faults.push(FieldError::forbidden(path, why));
    }

    fn required(&mut self, path: String, why: &str) {
        self.faults.push(FieldError::required(path, why));
    }

    fn invalid(&mut self, path: String, value: &str, why: &str) {
        self.faults.push(FieldError::invalid_text(path, value, why));
    }

    fn schema(&mut self, props: &Props, path: &str, place: &Place) {
        let before = self.faults.len();
        self.keywords(props, path, place);
        if props.unique_items {
            let why =
                "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
            self.forbidden(format!("{path}.uniqueItems"), why);
        }
        self.children(props, path, place);
        if props.preserve_unknown_fields == Some(false) {
            let place = format!("{path}.x-kubernetes-preserve-unknown-fields");
            self.faults.push(FieldError::invalid(
                place,
                &false.into(),
                "must be true or undefined",
            ));
        }
        self.merge_types(props, path);
        self.list_keys(props, path);
        if props.validations.is_empty() {
            return;
        }
        self.rule_texts(props, path);
        if self.faults.len() == before
            && let Some(cardinality) = place.cel
        {
            let root = place.root || props.embedded_resource;
            self.rules.check(
                props,
                path,
                root,
                cardinality,
                place.uncorrelated.as_deref(),
            );
        }
    }

    fn keywords(&mut self, props: &Props, path: &str, place: &Place) {
        if !props.kind.is_empty() && !TYPES.contains(&props.kind.as_str()) {
            let value = Value::from(props.kind.as_str());
            self.faults.push(FieldError::not_supported(
                format!("{path}.type"),
                &value,
                &TYPES,
            ));
        }
        if let (Some(_), Some(why)) = (&props.default, &place.no_defaults) {
            self.forbidden(format!("{path}.default"), &format!("must not be set {why}"));
        }
        let unsupported = [
            (!props.id.is_empty(), "id"),
            (props.additional_items.is_some(), "additionalItems"),
            (!props.pattern_properties.is_empty(), "patternProperties"),
            (!props.definitions.is_empty(), "definitions"),
            (props.has_dependencies, "dependencies"),
            (props.reference.is_some(), "$ref"),
        ];
        for (_, key) in unsupported.into_iter().filter(|(set, _)| *set) {
            self.forbidden(format!("{path}.{key}"), &format!("{key} is not supported"));
        }
        if props.kind == "null" {
            let why = "type cannot be set to null, use nullable as an alternative";
            self.forbidden(format!("{path}.type"), why);
        }
        if matches!(&props.items, Some(Items::Each(all)) if !all.is_empty()) {
            self.forbidden(
                format!("{path}.items"),
                "items must be a schema object and not an array",
            );
        }
        if place.inside_meta && props.embedded_resource {
            let why = "must not be used inside of resource meta";
            self.forbidden(format!("{path}.x-kubernetes-embedded-resource"), why);
        }
    }

    fn children(&mut self, props: &Props, path: &str, place: &Place) {
        if let Some(additional) = &props.additional_properties {
            if !props.properties.is_empty() && additional != &PropsOrBool::Bool(true) {
                let why = "additionalProperties and properties are mutual exclusive";
                self.forbidden(format!("{path}.additionalProperties"), why);
            }
            if let PropsOrBool::Props(schema) = additional {
                let mut inner = place.inner().times(props);
                if place.inside_meta {
                    inner.no_defaults =
                        Some("inside additionalProperties applying to object metadata".into());
                }
                self.schema(schema, &format!("{path}.additionalProperties"), &inner);
            }
        }
        for (key, property) in &props.properties {
            let mut inner = place.inner().times(props);
            if !matches!(
                props.map_type.as_deref(),
                None | Some("granular" | "atomic")
            ) {
                inner = inner.uncorrelated(path);
            }
            if (place.root || props.embedded_resource)
                && matches!(key.as_str(), "metadata" | "kind" | "apiVersion")
            {
                inner.inside_meta = true;
                if place.root {
                    inner.no_defaults = Some(format!("in top-level {key}"));
                }
            }
            self.schema(property, &format!("{path}.properties[{key}]"), &inner);
        }
        if let Some(not) = &props.not {
            self.schema(not, &format!("{path}.not"), &place.junctor());
        }
        for (name, all) in [
            ("allOf", &props.all_of),
            ("oneOf", &props.one_of),
            ("anyOf", &props.any_of),
        ] {
            for (index, one) in all.iter().enumerate() {
                self.schema(one, &format!("{path}.{name}[{index}]"), &place.junctor());
            }
        }
        for (key, definition) in &props.definitions {
            self.schema(
                definition,
                &format!("{path}.definitions[{key}]"),
                &place.junctor(),
            );
        }
        let mut inner = place.inner().times(props);
        if props.list_type.as_deref() != Some("map") {
            inner = inner.uncorrelated(path);
        }
        match &props.items {
            Some(Items::One(item)) => self.schema(item, &format!("{path}.items"), &inner),
            Some(Items::Each(all)) => {
                for (index, item) in all.iter().enumerate() {
                    self.schema(item, &format!("{path}.items[{index}]"), &inner);
                }
            }
            None => {}
        }
    }

    fn merge_types(&mut self, props: &Props, path: &str) {
        for (key, said, kind) in [
            ("x-kubernetes-map-type", &props.map_type, "object"),
            ("x-kubernetes-list-type", &props.list_type, "array"),
        ] {
            let Some(said) = said else { continue };
            if props.kind != kind {
                let why = format!("must be {kind} if {key} is specified");
                if props.kind.is_empty() {
                    self.required(format!("{path}.type"), &why);
                } else {
                    self.invalid(format!("{path}.type"), &props.kind, &why);
                }
            } else if key == "x-kubernetes-list-type" && said == "set" {
                self.set_items(props, path);
            }
            let allowed: &[&str] = if kind == "object" {
                &["atomic", "granular"]
            } else {
                &["atomic", "set", "map"]
            };
            if !allowed.contains(&said.as_str()) {
                self.faults.push(FieldError::not_supported(
                    format!("{path}.{key}"),
                    &said.as_str().into(),
                    allowed,
                ));
            }
        }
    }

    fn set_items(&mut self, props: &Props, path: &str) {
        let Some(item) = props.item() else { return };
        let why = "must be atomic as item of a list with x-kubernetes-list-type=set";
        let listed = Value::from(item.list_type.as_deref());
        match item.kind.as_str() {
            "array"
                if item
                    .list_type
                    .as_deref()
                    .is_some_and(|said| said != "atomic") =>
            {
                self.faults.push(FieldError::invalid(
                    format!("{path}.items.x-kubernetes-list-type"),
                    &listed,
                    why,
                ));
            }
            "object" if item.map_type.as_deref() != Some("atomic") => {
                self.faults.push(FieldError::invalid(
                    format!("{path}.items.x-kubernetes-map-type"),
                    &listed,
                    why,
                ));
            }
            _ => {}
        }
    }

    fn list_keys(&mut self, props: &Props, path: &str) {
        let list_type = props.list_type.as_deref();
        let keys_path = format!("{path}.x-kubernetes-list-map-keys");
        if !props.list_map_keys.is_empty() {
            let why = "must be map if x-kubernetes-list-map-keys is non-empty";
            match list_type {
                None => self.required(format!("{path}.x-kubernetes-list-type"), why),
                Some("map") => {}
                Some(other) => self.invalid(format!("{path}.x-kubernetes-list-type"), other, why),
            }
        }
        if list_type == Some("map") {
            if props.list_map_keys.is_empty() {
                self.required(
                    keys_path.clone(),
                    "must not be empty if x-kubernetes-list-type is map",
                );
            }
            match (&props.items, props.item()) {
                (None, _) => {
                    self.required(
                        format!("{path}.items"),
                        "must have a schema if x-kubernetes-list-type is map",
                    );
                }
                (Some(_), None) => {
                    let why = "must only have a single schema if x-kubernetes-list-type is map";
                    self.faults
                        .push(FieldError::invalid_omitted(format!("{path}.items"), why));
                }
                (Some(_), Some(item)) if item.kind != "object" => {
                    let why = "must be object if parent array's x-kubernetes-list-type is map";
                    self.invalid(format!("{path}.items.type"), &item.kind, why);
                }
                (Some(_), Some(item)) => {
                    let all = Value::from(props.list_map_keys.clone());
                    let mut seen = HashSet::new();
                    for key in &props.list_map_keys {
                        match item.properties.get(key) {
                            None => {
                                let why = "entries must all be names of item properties";
                                self.faults
                                    .push(FieldError::invalid(keys_path.clone(), &all, why));
                            }
                            Some(property)
                                if matches!(property.kind.as_str(), "array" | "object") =>
                            {
                                let why = "must be a scalar type if parent array's x-kubernetes-list-type is map";
                                self.invalid(
                                    format!("{path}.items.properties[{key}].type"),
                                    &item.kind,
                                    why,
                                );
                            }
                            Some(_) => {}
                        }
                        if !seen.insert(key) {
                            self.faults.push(FieldError::invalid(
                                keys_path.clone(),
                                &all,
                                "must not contain duplicate entries",
                            ));
                        }
                    }
                }
            }
        }
        let (Some(item), Some(list_type @ ("set" | "map"))) = (props.item(), list_type) else {
            return;
        };
        if item.nullable {
            let why = format!("cannot be nullable when x-kubernetes-list-type is {list_type}");
            self.forbidden(format!("{path}.items.nullable"), &why);
        }
        if list_type != "map" {
            return;
        }
        for key in &props.list_map_keys {
            let Some(property) = item.properties.get(key) else {
                continue;
            };
            let place = format!("{path}.items.properties[{key}]");
            if !item.required.contains(key) && property.default.is_none() {
                let why = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
                self.required(format!("{place}.default"), why);
            }
            if property.nullable {
                let why =
                    "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
                self.forbidden(format!("{place}.nullable"), why);
            }
        }
    }

    fn rule_texts(&mut self, props: &Props, path: &str) {
        let breaks = |text: &str| text.contains(['\n', '\r']);
        for (index, rule) in props.validations.iter().enumerate() {
            let place = format!("{path}.x-kubernetes-validations[{index}]");
            let (text, message) = (rule.rule.trim(), rule.message.trim());
            if text.is_empty() {
                self.required(format!("{place}.rule"), "rule is not specified");
            } else if !rule.message.is_empty() && message.is_empty() {
                self.invalid(
                    format!("{place}.message"),
                    &rule.message,
                    "must be non-empty if specified",
                );
            } else if breaks(message) {
                self.invalid(
                    format!("{place}.message"),
                    &rule.message,
                    "must not contain line breaks",
                );
            } else if breaks(text) && message.is_empty() {
                self.required(
                    format!("{place}.message"),
                    "message must be specified if rule contains line breaks",
                );
            }
            if !rule.message_expression.is_empty() && rule.message_expression.trim().is_empty() {
                self.required(
                    format!("{place}.messageExpression"),
                    "messageExpression must be non-empty if specified",
                );
            }
            if let Some(reason) = rule
                .reason
                .as_deref()
                .filter(|reason| !REASONS.contains(reason))
            {
                self.faults.push(FieldError::not_supported(
                    format!("{place}.reason"),
                    &reason.into(),
                    &REASONS,
                ));
            }
            if rule.field_path.is_empty() {
                continue;
            }
            let place = format!("{place}.fieldPath");
            if rule.field_path.trim().is_empty() {
                self.invalid(
                    place.clone(),
                    &rule.field_path,
                    "must be non-empty if specified",
                );
            }
            if breaks(&rule.field_path) {
                self.invalid(
                    place.clone(),
                    &rule.field_path,
                    "must not contain line breaks",
                );
            }
            if structural::unsupported(props).is_none()
                && field_path::follow(&rule.field_path, props, true).is_err()
            {
                self.invalid(place, &rule.field_path, "must be a valid path");
            }
        }
    }
}

/// The rules of a schema (CEL): compiled, typed, and weighed.
#[cfg_attr(
    not(feature = "cel"),
    allow(dead_code, reason = "rules are refused as a whole without the feature")
)]
struct Rules {
    unchanged: bool,
    faults: Vec<FieldError>,
    total: u64,
    expensive: Vec<(u64, String)>,
}

#[cfg(not(feature = "cel"))]
impl Rules {
    fn new(unchanged: bool) -> Rules {
        Rules {
            unchanged,
            faults: Vec::new(),
            total: 0,
            expensive: Vec::new(),
        }
    }

    /// Definitions with rules are refused before: see `strategy`.
    fn check(&mut self, _: &Props, _: &str, _: bool, _: Option<u64>, _: Option<&str>) {}

    fn finish(&mut self, _: &str) -> Vec<FieldError> {
        Vec::new()
    }
}

#[cfg(feature = "cel")]
mod weighed {
    use super::super::cel;
    use super::{FieldError, Props, Rules};

    /// The largest cost of one expression.
    const LIMIT: u64 = 10_000_000;
    /// The largest cost of all expressions of a schema.
    const TOTAL_LIMIT: u64 = 100_000_000;

    impl Rules {
        pub(super) fn new(unchanged: bool) -> Rules {
            Rules {
                unchanged,
                faults: Vec::new(),
                total: 0,
                expensive: Vec::new(),
            }
        }

        pub(super) fn check(
            &mut self,
            props: &Props,
            path: &str,
            root: bool,
            cardinality: Option<u64>,
            uncorrelated: Option<&str>,
        ) {
            let Some(all) = cel::compile(props, root) else {
                let why = "Internal error: internal error: failed to construct type information for \
                           x-kubernetes-validations rules: unable to convert structural schema to CEL declarations";
                let place = format!("{path}.x-kubernetes-validations");
                self.faults
                    .push(FieldError::new("InternalError", place, why));
                return;
            };
            for (index, (rule, compiled)) in props.validations.iter().zip(all).enumerate() {
                let place = format!("{path}.x-kubernetes-validations[{index}]");
                let cost = compiled
                    .cost
                    .saturating_mul(cardinality.unwrap_or(compiled.cardinality));
                self.weigh(cost, "estimated rule cost", format!("{place}.rule"));
                let wrong = |field: &str, detail: &str| {
                    let text = format!("Invalid value: {}: {detail}", rule.internal_value());
                    FieldError::new("FieldValueInvalid", format!("{place}.{field}"), text)
                };
                if let Some(error) = &compiled.error {
                    self.faults.push(wrong("rule", error));
                }
                match &compiled.message {
                    Some(Err(error)) => self.faults.push(wrong("messageExpression", error)),
                    Some(Ok(message)) => {
                        let cost = message.cost;
                        self.weigh(
                            cost,
                            "estimated messageExpression cost",
                            format!("{place}.messageExpression"),
                        );
                    }
                    None => {}
                }
                if compiled.uses_old_self {
                    if let Some(above) = uncorrelated {
                        let why = format!(
                            "oldSelf cannot be used on the uncorrelatable portion of the schema within {above}"
                        );
                        self.faults.push(FieldError::invalid_text(
                            format!("{place}.rule"),
                            &rule.rule,
                            why,
                        ));
                    }
                } else if let Some(optional) = rule.optional_old_self {
                    let why = "may not be set if oldSelf is not used in rule";
                    self.faults.push(FieldError::invalid(
                        format!("{place}.optionalOldSelf"),
                        &optional.into(),
                        why,
                    ));
                }
            }
        }

        fn weigh(&mut self, cost: u64, name: &str, path: String) {
            if !self.unchanged && cost > LIMIT {
                self.faults.push(FieldError::forbidden(
                    path.clone(),
                    exceeded(name, cost, LIMIT),
                ));
            }
            self.total = self.total.saturating_add(cost);
            if cost >= TOTAL_LIMIT / 100 {
                self.expensive.push((cost, path));
                self.expensive.sort_by_key(|b| std::cmp::Reverse(b.0));
                self.expensive.truncate(4);
            }
        }

        pub(super) fn finish(&mut self, path: &str) -> Vec<FieldError> {
            if self.total <= TOTAL_LIMIT {
                return Vec::new();
            }
            let why = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
            let mut faults: Vec<FieldError> = self
                .expensive
                .iter()
                .map(|(_, path)| FieldError::forbidden(path.clone(), why))
                .collect();
            let name =
                "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
            faults.push(FieldError::forbidden(
                path,
                exceeded(name, self.total, TOTAL_LIMIT),
            ));
            faults
        }
    }

    fn exceeded(name: &str, cost: u64, limit: u64) -> String {
        let times = cost as f64 / limit as f64;
        let factor = if times > 100.0 {
            "more than 100x".to_owned()
        } else if times < 1.5 {
            format!("{times:.6}x")
        } else {
            format!("{times:.1}x")
        };
        format!(
            "{name} exceeds budget by factor of {factor} (try simplifying the rule, or adding maxItems, maxProperties, \
             and maxLength where arrays, maps, and strings are declared)"
        )
    }
}

//! Structural schemas: what a schema must say outside of its junctors.
//!
//! Rules: `apiextensions-apiserver/pkg/apiserver/schema/validation.go`. Faults come sorted by their text.

use super::pattern::Patterns;
use super::props::{Items, Props, PropsOrBool};
use crate::model::status::FieldError;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// Why a schema cannot be read as a structural one at all; other checks name the same with a path.
pub(crate) fn unsupported(props: &Props) -> Option<String> {
    let mut found = None;
    props.any(&mut |one| {
        let key = if !one.id.is_empty() {
            "id"
        } else if !one.schema_url.is_empty() {
            "schema"
        } else if one.reference.as_ref().is_some_and(|text| !text.is_empty()) {
            "$ref"
        } else if !one.pattern_properties.is_empty() {
            "patternProperties"
        } else if one.has_dependencies {
            "dependencies"
        } else if one.additional_items.is_some() {
            "additionalItems"
        } else if !one.definitions.is_empty() {
            "definitions"
        } else if matches!(one.items, Some(Items::Each(_))) {
            found = Some("OpenAPIV3Schema 'items' must be a schema, but is an array".to_owned());
            return true;
        } else if one.preserve_unknown_fields == Some(false) {
            found = Some(
                "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined"
                    .to_owned(),
            );
            return true;
        } else {
            return false;
        };
        found = Some(format!("OpenAPIV3Schema '{key}' is not supported"));
        true
    });
    found
}

/// What keeps a schema from being structural.
pub(crate) fn validate(props: &Props, path: &str, patterns: &mut Patterns) -> Vec<FieldError> {
    let mut check = Check {
        faults: Vec::new(),
        patterns,
    };
    check.structure(props, Level::Root, path);
    check.completeness(props, Some(props), path, path);
    let mut faults = check.faults;
    faults.sort_by_cached_key(ToString::to_string);
    faults
}

struct Check<'a> {
    faults: Vec<FieldError>,
    patterns: &'a mut Patterns,
}

impl Check<'_> {
    fn required(&mut self, path: String, why: &str) {
        self.faults.push(FieldError::required(path, why));
    }

    fn forbidden(&mut self, path: String, why: &str) {
        self.faults.push(FieldError::forbidden(path, why));
    }

    fn invalid(&mut self, path: String, value: &str, why: &str) {
        self.faults.push(FieldError::invalid_text(path, value, why));
    }

    fn structure(&mut self, props: &Props, level: Level, path: &str) {
        if props.kind == "array" && props.items.is_none() {
            self.required(format!("{path}.items"), "must be specified");
        }
        if let Some(item) = props.item() {
            self.structure(item, Level::Item, &format!("{path}.items"));
        }
        for (key, property) in &props.properties {
            self.structure(property, Level::Field, &format!("{path}.properties[{key}]"));
        }
        if let Some(additional) = &props.additional_properties {
            if level == Level::Root {
                self.forbidden(
                    format!("{path}.additionalProperties"),
                    "must not be used at the root",
                );
            }
            if let PropsOrBool::Props(additional) = additional {
                self.structure(
                    additional,
                    Level::Field,
                    &format!("{path}.additionalProperties"),
                );
            }
        }
        self.extensions(props, path);
        let skip_any_of = is_int_or_string(&props.any_of);
        let skip_all_of = props
            .all_of
            .first()
            .is_some_and(|first| is_int_or_string(&first.any_of));
        self.junctors(props, skip_any_of, skip_all_of, path);
        self.types(props, level, path);
        let whole_object = level == Level::Root || props.embedded_resource;
        for key in ["kind", "apiVersion"] {
            if let Some(property) = props
                .properties
                .get(key)
                .filter(|property| whole_object && property.kind != "string")
            {
                self.invalid(
                    format!("{path}.properties[{key}].type"),
                    &property.kind,
                    "must be string",
                );
            }
        }
        if let Some(metadata) = props.properties.get("metadata") {
            let path = format!("{path}.properties[metadata]");
            if whole_object && metadata.kind != "object" {
                self.invalid(format!("{path}.type"), &metadata.kind, "must be object");
            }
            if level == Level::Root && !names_only(metadata) {
                self.forbidden(
                    path,
                    "must not specify anything other than name and generateName, but metadata is implicitly specified",
                );
            }
        }
        if props.embedded_resource && !props.preserves() && props.properties.is_empty() {
            self.required(
                format!("{path}.properties"),
                "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
            );
        }
    }

    fn extensions(&mut self, props: &Props, path: &str) {
        let why = "must be false if x-kubernetes-int-or-string is true";
        for (key, set) in [
            ("x-kubernetes-preserve-unknown-fields", props.preserves()),
            ("x-kubernetes-embedded-resource", props.embedded_resource),
        ] {
            if props.int_or_string && set {
                self.faults.push(FieldError::invalid(
                    format!("{path}.{key}"),
                    &true.into(),
                    why,
                ));
            }
        }
    }

    fn types(&mut self, props: &Props, level: Level, path: &str) {
        let place = format!("{path}.type");
        if props.embedded_resource && props.kind != "object" {
            let why = "must be object if x-kubernetes-embedded-resource is true";
            if props.kind.is_empty() {
                self.required(place.clone(), why);
            } else {
                self.invalid(place.clone(), &props.kind, why);
            }
        } else if props.kind.is_empty() && !props.int_or_string && !props.preserves() {
            self.required(
                place.clone(),
                match level {
                    Level::Root => "must not be empty at the root",
                    Level::Item => "must not be empty for specified array items",
                    Level::Field => "must not be empty for specified object fields",
                },
            );
        }
        if props.embedded_resource && props.additional_properties.is_some() {
            let why = "must not be used if x-kubernetes-embedded-resource is set";
            self.forbidden(format!("{path}.additionalProperties"), why);
        }
        if level == Level::Root && !props.kind.is_empty() && props.kind != "object" {
            self.invalid(place, &props.kind, "must be object at the root");
        }
    }

    fn junctors(&mut self, props: &Props, skip_any_of: bool, skip_all_of_any_of: bool, path: &str) {
        if !skip_any_of {
            for (index, one) in props.any_of.iter().enumerate() {
                self.nested(one, false, &format!("{path}.anyOf[{index}]"));
            }
        }
        for (index, one) in props.all_of.iter().enumerate() {
            self.nested(
                one,
                skip_all_of_any_of && index == 0,
                &format!("{path}.allOf[{index}]"),
            );
        }
        for (index, one) in props.one_of.iter().enumerate() {
            self.nested(one, false, &format!("{path}.oneOf[{index}]"));
        }
        if let Some(not) = &props.not {
            self.nested(not, false, &format!("{path}.not"));
        }
        if !props.pattern.is_empty()
            && let Err(error) = self.patterns.get(&props.pattern)
        {
            let why = format!("must be a valid regular expression, but isn't: {error}");
            self.invalid(format!("{path}.pattern"), &props.pattern, &why);
        }
    }

    /// A schema inside of a junctor: it may only say what holds for values, not how they are made.
    fn nested(&mut self, props: &Props, skip_any_of: bool, path: &str) {
        self.junctors(props, skip_any_of, false, path);
        if let Some(item) = props.item() {
            self.nested(item, false, &format!("{path}.items"));
        }
        for (key, property) in &props.properties {
            self.nested(property, false, &format!("{path}.properties[{key}]"));
        }
        let rules: [(bool, &str, &str); 14] = [
            (
                !props.kind.is_empty(),
                "type",
                "must be empty to be structural",
            ),
            (
                props
                    .additional_properties
                    .as_ref()
                    .is_some_and(PropsOrBool::allows),
                "additionalProperties",
                "must be undefined to be structural",
            ),
            (
                props.default.is_some(),
                "default",
                "must be undefined to be structural",
            ),
            (props.titled, "title", "must be empty to be structural"),
            (
                props.described,
                "description",
                "must be empty to be structural",
            ),
            (props.nullable, "nullable", "must be false to be structural"),
            (
                props.preserves(),
                "x-kubernetes-preserve-unknown-fields",
                "must be false to be structural",
            ),
            (
                props.embedded_resource,
                "x-kubernetes-embedded-resource",
                "must be false to be structural",
            ),
            (
                props.int_or_string,
                "x-kubernetes-int-or-string",
                "must be false to be structural",
            ),
            (
                !props.list_map_keys.is_empty(),
                "x-kubernetes-list-map-keys",
                "must be empty to be structural",
            ),
            (
                props.list_type.is_some(),
                "x-kubernetes-list-type",
                "must be undefined to be structural",
            ),
            (
                props.map_type.is_some(),
                "x-kubernetes-map-type",
                "must be undefined to be structural",
            ),
            (
                !props.validations.is_empty(),
                "x-kubernetes-validations",
                "must be empty to be structural",
            ),
            (
                props.properties.contains_key("metadata"),
                "properties[metadata]",
                "must not be specified in a nested context",
            ),
        ];
        for (wrong, key, why) in rules {
            if wrong {
                self.forbidden(format!("{path}.{key}"), why);
            }
        }
    }

    /// Everything that a junctor of `said` speaks of must be declared in `declared`.
    fn completeness(&mut self, said: &Props, declared: Option<&Props>, place: &str, from: &str) {
        if let Some(not) = &said.not {
            self.nested_completeness(not, declared, place, &format!("{from}.not"));
        }
        for (name, all) in [
            ("allOf", &said.all_of),
            ("anyOf", &said.any_of),
            ("oneOf", &said.one_of),
        ] {
            for (index, one) in all.iter().enumerate() {
                self.nested_completeness(one, declared, place, &format!("{from}.{name}[{index}]"));
            }
        }
    }

    fn nested_completeness(
        &mut self,
        said: &Props,
        declared: Option<&Props>,
        place: &str,
        from: &str,
    ) {
        let Some(declared) = declared else {
            self.required(
                place.to_owned(),
                &format!("because it is defined in {from}"),
            );
            return;
        };
        self.completeness(said, Some(declared), place, from);
        if let Some(item) = said.item() {
            self.nested_completeness(
                item,
                declared.item(),
                &format!("{place}.items"),
                &format!("{from}.items"),
            );
        }
        for (key, property) in &said.properties {
            let (place, from) = (
                format!("{place}.properties[{key}]"),
                format!("{from}.properties[{key}]"),
            );
            self.nested_completeness(property, declared.properties.get(key), &place, &from);
        }
    }
}

/// `anyOf: [{type: integer}, {type: string}]`.
fn is_int_or_string(any_of: &[Props]) -> bool {
    let only = |props: &Props, kind: &str| {
        *props
            == Props {
                kind: kind.to_owned(),
                ..Props::default()
            }
    };
    matches!(any_of, [first, second] if only(first, "integer") && only(second, "string"))
}

/// Whether a schema of the root's metadata restricts names and nothing else.
fn names_only(metadata: &Props) -> bool {
    let only_names = metadata
        .properties
        .keys()
        .all(|key| matches!(key.as_str(), "name" | "generateName"));
    let mut rest = metadata.clone();
    if only_names {
        rest.properties.clear();
    }
    rest.kind.clear();
    rest.default = None;
    rest.documented = false;
    rest.exemplified = false;
    rest == Props::default()
}

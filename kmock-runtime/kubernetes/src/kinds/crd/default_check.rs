//! Defaults of a schema must be values of it, and have no unknown fields.
//!
//! Rules: `apiextensions-apiserver/pkg/apiserver/schema/defaulting/validation.go`.

use serde_json::{Value, json};

use super::node::{Node, NodeKind};
use super::pattern::Patterns;
use super::props::Props;
use super::{embedded, prune, validate};
use crate::model::status::FieldError;

/// Faults of all defaults in a root schema.
pub(crate) fn check(props: &Props, path: &str, patterns: &mut Patterns) -> Vec<FieldError> {
    let mut walk = Walk {
        patterns,
        faults: Vec::new(),
    };
    walk.schema(props, path, &mut Vec::new(), true, false);
    walk.faults
}

/// A step from the whole object to a place in its metadata.
enum Step<'a> {
    Key(&'a str),
    Index,
}

struct Walk<'p> {
    patterns: &'p mut Patterns,
    faults: Vec<FieldError>,
}

impl Walk<'_> {
    /// `steps` lead here from the whole object, `whole` says that this is one, `meta` that this is in its metadata.
    fn schema<'a>(
        &mut self,
        props: &'a Props,
        path: &str,
        steps: &mut Vec<Step<'a>>,
        whole: bool,
        meta: bool,
    ) {
        let (whole, meta) = (
            whole || props.embedded_resource,
            meta && !props.embedded_resource,
        );
        if let Some(default) = &props.default {
            let path = format!("{path}.default");
            let mut node = Node::compile(props, self.patterns);
            if whole {
                (node.embedded, node.has_embedded) = (true, true);
            }
            // Of what is an integer or a text, the type is only looked at from the outside.
            if node.kind == NodeKind::IntOrString {
                node.kind = NodeKind::Any;
            }
            if meta {
                self.in_metadata(&node, props, default, &path, steps);
            } else {
                self.elsewhere(&node, props, default, &path);
            }
        }
        let mut inside = Vec::new();
        let steps = if whole { &mut inside } else { steps };
        // Defaults below additionalProperties are not looked at.
        if let Some(item) = props.item() {
            steps.push(Step::Index);
            self.schema(item, &format!("{path}.items"), steps, false, meta);
            steps.pop();
        }
        for (key, property) in &props.properties {
            let meta =
                meta || (whole && matches!(key.as_str(), "metadata" | "apiVersion" | "kind"));
            steps.push(Step::Key(key));
            self.schema(
                property,
                &format!("{path}.properties[{key}]"),
                steps,
                false,
                meta,
            );
            steps.pop();
        }
    }

    /// In metadata the default must make a valid object of what is around it.
    fn in_metadata(
        &mut self,
        node: &Node,
        props: &Props,
        default: &Value,
        path: &str,
        steps: &[Step<'_>],
    ) {
        let mut object = default.clone();
        for step in steps.iter().rev() {
            object = match step {
                Step::Key(key) => json!({*key: object}),
                Step::Index => json!([object]),
            };
        }
        if let Some(map) = object.as_object_mut() {
            map.entry("apiVersion")
                .or_insert_with(|| "validation/v1".into());
            map.entry("kind").or_insert_with(|| "Validation".into());
        }
        let whole = Node {
            embedded: true,
            has_embedded: true,
            ..Node::default()
        };
        let wrong = match embedded::coerce_value(&mut object, &whole) {
            Err(error) => Some(error),
            Ok(()) => match embedded::validate_value(&whole, &object, "").as_slice() {
                [] => None,
                [one] => Some(one.to_string()),
                many => Some(format!(
                    "[{}]",
                    many.iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .join(", ")
                )),
            },
        };
        match wrong {
            Some(error) => {
                let why = format!("must result in valid metadata: {error}");
                self.faults.push(FieldError::invalid(path, default, why));
            }
            None => self.faults.extend(values(node, default, path, props)),
        }
    }

    fn elsewhere(&mut self, node: &Node, props: &Props, default: &Value, path: &str) {
        let mut pruned = default.clone();
        prune::prune_value(&mut pruned, node);
        if pruned != *default {
            self.faults.push(FieldError::invalid(
                path,
                default,
                "must not have unknown fields",
            ));
        }
        let mut read = default.clone();
        match embedded::coerce_value(&mut read, node) {
            Err(error) => {
                let (inner, why) = error.split_once(": ").unwrap_or(("", &error));
                let place = format!("{path}.{inner}");
                self.faults
                    .push(FieldError::new("FieldValueInvalid", place, why.to_owned()));
            }
            Ok(()) => {
                let wrong = embedded::validate_value(node, &read, path);
                self.faults.extend(if wrong.is_empty() {
                    values(node, &read, path, props)
                } else {
                    wrong
                });
            }
        }
    }
}

fn values(node: &Node, default: &Value, path: &str, _props: &Props) -> Vec<FieldError> {
    let wrong = validate::validate(node, default, None, Some(path));
    #[cfg(feature = "cel")]
    if wrong.is_empty() && node.has_rules {
        return super::cel::validate_default(node, default, path, _props);
    }
    wrong
}

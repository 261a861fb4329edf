//! Defaults of a schema must be values of it, and have no unknown fields.
//!
//! Rules: `apiextensions-apiserver/pkg/apiserver/schema/defaulting/validation.go`.

use super::node::Node;
use super::pattern::Patterns;
use super::props::Props;
use super::{embedded, prune, validate};
use crate::kubernetes::status::FieldError;

/// Faults of all defaults in a root schema.
pub(crate) fn check(props: &Props, path: &str, patterns: &mut Patterns) -> Vec<FieldError> {
    let mut faults = Vec::new();
    walk(props, path, patterns, &mut faults);
    faults
}

fn walk(props: &Props, path: &str, patterns: &mut Patterns, faults: &mut Vec<FieldError>) {
    if let Some(default) = &props.default {
        let path = format!("{path}.default");
        let node = Node::compile(props, patterns);
        let mut pruned = default.clone();
        prune::prune_value(&mut pruned, &node);
        if pruned != *default {
            faults.push(FieldError::invalid(path.clone(), default, "must not have unknown fields"));
        }
        let mut read = default.clone();
        match embedded::coerce_value(&mut read, &node) {
            Err(error) => faults.push(FieldError::new("FieldValueInvalid", path, error)),
            Ok(()) => {
                let mut wrong = embedded::validate_value(&node, &read, &path);
                if wrong.is_empty() {
                    wrong = validate::validate(&node, &read, None, Some(&path));
                }
                #[cfg(feature = "cel")]
                if wrong.is_empty() && node.has_rules {
                    wrong = super::cel::validate_default(&node, &read, &path);
                }
                faults.extend(wrong);
            }
        }
    }
    // Defaults below additionalProperties are not looked at.
    if let Some(item) = props.item() {
        walk(item, &format!("{path}.items"), patterns, faults);
    }
    for (key, property) in &props.properties {
        walk(property, &format!("{path}.properties[{key}]"), patterns, faults);
    }
}

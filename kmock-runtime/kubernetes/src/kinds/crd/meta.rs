//! Metadata of embedded objects: the rules of all metadata, at another place.

use serde_json::Value;

use crate::model::meta::{self, MetadataRules};
use crate::model::status::FieldError;
use crate::model::strategy::NameRule;

/// Faults of the metadata of an embedded object; a name is not required, and need only be a path segment.
pub(crate) fn validate(metadata: &Value, path: &str, faults: &mut Vec<FieldError>) {
    let mut named = metadata.clone();
    if let Some(map) = named.as_object_mut()
        && map
            .get("name")
            .and_then(Value::as_str)
            .is_none_or(str::is_empty)
    {
        map.insert("name".into(), "fakename".into());
    }
    let rules = MetadataRules {
        name: NameRule::PathSegment,
        namespaced: metadata["namespace"]
            .as_str()
            .is_some_and(|text| !text.is_empty()),
        qualified_finalizers: false,
    };
    for mut fault in meta::validate(&named, rules) {
        if let Some(rest) = fault.field.strip_prefix("metadata") {
            fault.field = format!("{path}{rest}");
        }
        faults.push(fault);
    }
}

//! Rules of metadata that embedded objects and finalizers need.

use serde_json::Value;

use crate::kubernetes::status::FieldError;

/// Faults of labels and annotations.
pub(crate) fn validate(_metadata: &Value, _path: &str, _faults: &mut Vec<FieldError>) {}

/// What is wrong with a `prefix/name`.
pub(crate) fn qualified_name_faults(_name: &str) -> Vec<String> {
    Vec::new()
}

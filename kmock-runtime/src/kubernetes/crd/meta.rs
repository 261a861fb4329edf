//! Metadata of embedded objects beyond their names: labels and annotations.

use serde_json::Value;

use crate::kubernetes::status::FieldError;

/// Faults of labels and annotations.
pub(crate) fn validate(_metadata: &Value, _path: &str, _faults: &mut Vec<FieldError>) {}

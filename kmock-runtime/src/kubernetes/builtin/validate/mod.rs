//! Validation of the built-in kinds.

use serde_json::Value;

use crate::kubernetes::serve::strategy::Context;
use crate::kubernetes::status::FieldError;

/// Faults of a new object.
pub(super) fn create(_name: &str, _context: &Context<'_>, _object: &Value) -> Vec<FieldError> {
    Vec::new()
}

/// Faults of a changed object.
pub(super) fn update(
    _name: &str,
    _context: &Context<'_>,
    _new: &Value,
    _old: &Value,
) -> Vec<FieldError> {
    Vec::new()
}

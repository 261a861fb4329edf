//! What a plugin of the chain does.

use serde_json::Value;

use super::Attributes;
use crate::model::status::ApiError;

/// A plugin that needs nobody else's answer.
pub(super) trait Plugin: Sync {
    /// Fills in what is missing, or refuses. Of deletions the object is null.
    fn admit(
        &self,
        _asked: &Attributes<'_>,
        _object: &mut Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        Ok(())
    }

    /// Refuses an object that is valid otherwise. Of deletions the object is null.
    fn validate(
        &self,
        _asked: &Attributes<'_>,
        _object: &Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        Ok(())
    }
}

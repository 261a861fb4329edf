//! StorageObjectInUseProtection: volumes, claims and attribute classes stay while they are used.

use serde_json::{Value, json};

use super::{Attributes, Plugin};
use crate::kinds::builtin::values::section;
use crate::model::status::ApiError;

pub(super) struct StorageObjectInUseProtection;

impl Plugin for StorageObjectInUseProtection {
    fn admit(
        &self,
        asked: &Attributes<'_>,
        object: &mut Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        if !asked.creates() {
            return Ok(());
        }
        let resource = asked.resource();
        let finalizer = match (resource.group.as_str(), resource.plural.as_str()) {
            ("", "persistentvolumes") => "kubernetes.io/pv-protection",
            ("", "persistentvolumeclaims") => "kubernetes.io/pvc-protection",
            ("storage.k8s.io", "volumeattributesclasses") => "kubernetes.io/vac-protection",
            _ => return Ok(()),
        };
        let finalizers = section(object, "metadata")
            .entry("finalizers")
            .or_insert_with(|| json!([]));
        if let Value::Array(list) = finalizers
            && !list.iter().any(|known| known == finalizer)
        {
            list.push(finalizer.into());
        }
        Ok(())
    }
}

//! PersistentVolumeClaimResize: a claim grows only if the class of its volume can.
//!
//! Rules: `plugin/pkg/admission/storage/persistentvolume/resize`.

use serde_json::Value;

use super::{Attributes, Plugin};
use crate::kinds::builtin::quantity::Quantity;
use crate::kinds::builtin::values::{is_set, text, truth};
use crate::model::status::ApiError;

pub(super) struct PersistentVolumeClaimResize;

impl Plugin for PersistentVolumeClaimResize {
    fn validate(
        &self,
        asked: &Attributes<'_>,
        object: &Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        if !asked.updates() || !asked.is_core("persistentvolumeclaims") {
            return Ok(());
        }
        let old = asked.old.unwrap_or(&Value::Null);
        let size = |claim: &Value| {
            let text = text(claim, &["spec", "resources", "requests", "storage"]);
            Quantity::parse(text).ok()
        };
        let grows = match (size(object), size(old)) {
            (Some(new), Some(old)) => new.compare(&old).is_gt(),
            _ => false,
        };
        if !grows {
            return Ok(());
        }
        if text(old, &["status", "phase"]) != "Bound" {
            let why = "Only bound persistent volume claims can be expanded";
            return Err(asked.forbidden(Some(object), why));
        }
        let class = class_of(object);
        let found = asked.find("storage.k8s.io", "storageclasses", class);
        let allowed = !class.is_empty()
            && class == class_of(old)
            && found.is_some_and(|found| truth(&found, &["allowVolumeExpansion"]));
        if allowed {
            return Ok(());
        }
        let why = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must \
                   support resize";
        Err(asked.forbidden(Some(object), why))
    }
}

fn class_of(claim: &Value) -> &str {
    let annotation = [
        "metadata",
        "annotations",
        "volume.beta.kubernetes.io/storage-class",
    ];
    if is_set(claim, &annotation) {
        text(claim, &annotation)
    } else {
        text(claim, &["spec", "storageClassName"])
    }
}

//! DefaultStorageClass and DefaultIngressClass: who names no class gets the one that is marked as the default.
//!
//! Rules: `plugin/pkg/admission/storage/storageclass/setdefault`, `plugin/pkg/admission/network/defaultingressclass`.

use serde_json::Value;

use super::{Attributes, Plugin};
use crate::kinds::builtin::values::{is_set, section, text};
use crate::model::status::ApiError;

pub(super) struct DefaultStorageClass;

impl Plugin for DefaultStorageClass {
    fn admit(
        &self,
        asked: &Attributes<'_>,
        object: &mut Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        const MARKS: [&str; 2] = [
            "storageclass.kubernetes.io/is-default-class",
            "storageclass.beta.kubernetes.io/is-default-class",
        ];
        const OLD_FIELD: &str = "volume.beta.kubernetes.io/storage-class";
        if asked.creates()
            && asked.is_core("persistentvolumeclaims")
            && !is_set(object, &["metadata", "annotations", OLD_FIELD])
        {
            let classes = asked.all("storage.k8s.io", "storageclasses", "");
            fill(object, &classes, &MARKS, "storageClassName");
        }
        Ok(())
    }
}

pub(super) struct DefaultIngressClass;

impl Plugin for DefaultIngressClass {
    fn admit(
        &self,
        asked: &Attributes<'_>,
        object: &mut Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        const MARKS: [&str; 1] = ["ingressclass.kubernetes.io/is-default-class"];
        const OLD_FIELD: &str = "kubernetes.io/ingress.class";
        if asked.creates()
            && asked.is("networking.k8s.io", "ingresses")
            && !is_set(object, &["metadata", "annotations", OLD_FIELD])
        {
            let classes = asked.all("networking.k8s.io", "ingressclasses", "");
            fill(object, &classes, &MARKS, "ingressClassName");
        }
        Ok(())
    }
}

/// Sets the class that is marked; of several the newest, then the first by name.
fn fill(object: &mut Value, classes: &[std::sync::Arc<Value>], marks: &[&str], field: &str) {
    if is_set(object, &["spec", field]) {
        return;
    }
    let is_marked = |class: &&std::sync::Arc<Value>| {
        marks
            .iter()
            .any(|mark| text(class, &["metadata", "annotations", mark]) == "true")
    };
    let of = |class: &Value, key: &str| text(class, &["metadata", key]).to_owned();
    let newest = classes.iter().filter(is_marked).min_by(|a, b| {
        of(b, "creationTimestamp")
            .cmp(&of(a, "creationTimestamp"))
            .then_with(|| of(a, "name").cmp(&of(b, "name")))
    });
    if let Some(class) = newest {
        let name = of(class, "name");
        section(object, "spec").insert(field.into(), name.into());
    }
}

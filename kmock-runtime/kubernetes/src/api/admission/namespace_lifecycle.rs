//! NamespaceLifecycle: nothing new in namespaces that are not there or are going.
//!
//! Rules: `apiserver/pkg/admission/plugin/namespace/lifecycle`.

use serde_json::Value;

use super::{Attributes, Operation, Plugin};
use crate::model::status::{ApiError, Cause};

/// These cannot be deleted.
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

pub(super) struct NamespaceLifecycle;

impl Plugin for NamespaceLifecycle {
    fn admit(
        &self,
        asked: &Attributes<'_>,
        object: &mut Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        if asked.is_core("namespaces") {
            if asked.operation == Operation::Delete && IMMORTAL.contains(&asked.name) {
                return Err(asked.forbidden(None, "this namespace may not be deleted"));
            }
            return Ok(());
        }
        // Reviews of access do not tell whether a namespace is there.
        let is_review = asked.is("authorization.k8s.io", "localsubjectaccessreviews");
        if !asked.resource().namespaced || asked.operation == Operation::Delete || is_review {
            return Ok(());
        }
        let namespace = asked.namespace();
        let Some(found) = asked.find("", "namespaces", namespace) else {
            return Err(ApiError::not_found("", "namespaces", namespace));
        };
        let is_going = found["metadata"]["deletionTimestamp"].is_string()
            || found["status"]["phase"] == "Terminating";
        if !is_going || asked.operation != Operation::Create {
            return Ok(());
        }
        let why = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        let mut error = asked.forbidden(Some(object), why);
        if let Some(details) = &mut error.details {
            details.causes.push(Cause {
                reason: "NamespaceTerminating".into(),
                message: format!("namespace {namespace} is being terminated"),
                field: "metadata.namespace".into(),
            });
        }
        Err(error)
    }
}

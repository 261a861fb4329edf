//! What admission plugins do before an object is created: the life cycle of namespaces, then the kind's own.

use serde_json::Value;

use super::call::Call;
use crate::kubernetes::resource::ResourceKey;
use crate::kubernetes::status::{ApiError, Cause};

/// Lets an object be created, or refuses it.
pub fn create(call: &Call, name: &str, object: &mut Value, dry_run: bool) -> Result<(), ApiError> {
    namespace_accepts(call, name)?;
    call.strategy()
        .admit_create(&call.context(name, dry_run), object)
}

/// The namespace of new content must exist and live.
pub fn namespace_accepts(call: &Call, name: &str) -> Result<(), ApiError> {
    if !call.resource().namespaced {
        return Ok(());
    }
    let resource = call.resource();
    let namespace = call.request.namespace();
    let Some(found) = call
        .cluster
        .store()
        .get(&ResourceKey::new("", "namespaces"), namespace)
    else {
        return Err(ApiError::not_found("", "namespaces", namespace));
    };
    if !found.is_terminating() && found.value["status"]["phase"] != "Terminating" {
        return Ok(());
    }
    let why = format!(
        "unable to create new content in namespace {namespace} because it is being terminated"
    );
    let mut error = ApiError::forbidden(&resource.group, &resource.plural, name, why);
    if let Some(details) = &mut error.details {
        details.causes.push(Cause {
            reason: "NamespaceTerminating".into(),
            message: format!("namespace {namespace} is being terminated"),
            field: "metadata.namespace".into(),
        });
    }
    Err(error)
}

//! Namespaces go in two steps: DELETE makes one `Terminating`, an empty list at `/finalize` lets it go.

use serde_json::Value;

use super::call::Call;
use super::delete;
use super::delete::Admit;
use super::reply::{Body, Reply};
use super::write;
use super::write_options::DeleteOptions;
use crate::model::meta;
use crate::model::status::ApiError;

/// Deletes a namespace.
pub async fn delete(
    call: &Call,
    name: &str,
    options: &DeleteOptions,
    admit: Admit,
    warnings: &mut Vec<String>,
) -> Result<Reply, ApiError> {
    loop {
        let current = call.find(name)?;
        if let Some(uid) = options.uid.as_deref().filter(|uid| *uid != current.uid()) {
            let found = current.uid();
            let why = format!(
                "Precondition failed: UID in precondition: {uid}, UID in object meta: {found}"
            );
            return Err(ApiError::conflict("", "namespaces", name, why));
        }
        let revision = current.revision.to_string();
        if let Some(version) = options
            .resource_version
            .as_deref()
            .filter(|version| *version != revision)
        {
            let why = format!(
                "Precondition failed: ResourceVersion in precondition: {version}, ResourceVersion in object meta: {revision}"
            );
            return Err(ApiError::conflict("", "namespaces", name, why));
        }
        // What is not gone with its answer was only accepted, for clients that say so in the old way.
        let code = delete::code_of_pending(options);
        let mut object = call.served.shown(&current.value);
        if current.is_terminating() {
            if object["spec"]["finalizers"]
                .as_array()
                .is_some_and(|x| !x.is_empty())
            {
                return Ok(Reply::new(code, Body::Stored(call.served.clone(), current)));
            }
            return delete::delete_object(call, name, options, admit, warnings).await;
        }
        admit.ask(call, &object, options, warnings).await?;
        let finalizers = delete::finalizers(call, &object, options);
        let finalizers = if finalizers.is_empty() {
            Value::Null
        } else {
            finalizers.into()
        };
        meta::edit(&mut object, |metadata| {
            metadata.insert("deletionTimestamp".into(), meta::rfc3339(call.now).into());
            meta::set(metadata, "finalizers", finalizers);
        });
        object["status"]["phase"] = "Terminating".into();
        let value = call.served.to_storage(object);
        if let Some(written) = write::swap(call, &current, value, options.dry_run).await? {
            return Ok(Reply::new(code, written.body(call)));
        }
    }
}

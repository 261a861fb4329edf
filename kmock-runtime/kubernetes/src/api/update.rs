//! PUT of an object or of a subresource that has the object's shape.

use serde_json::Value;

use super::call::Call;
use super::reply::Reply;
use super::write_options::{WriteOptions, write_options};
use super::{body, managed, scale, write};
use crate::model::status::ApiError;

/// Replaces the object with the body.
pub async fn update(call: &Call, warnings: &mut Vec<String>) -> Result<Reply, ApiError> {
    let name = call.request.name();
    if name.is_empty() {
        return Err(ApiError::bad_request("name must be provided"));
    }
    if call.request.subresource() == "scale" {
        return scale::update(call, warnings).await;
    }
    body::check_media_type(call)?;
    let mut options = write_options(call, "UpdateOptions", None)?;
    options.managers_wait = managed::may_wait(call, &options);
    let object = read(call, name, &options, warnings)?;
    let uid = object["metadata"]["uid"]
        .as_str()
        .filter(|uid| !uid.is_empty())
        .map(str::to_owned);
    let mut first = Some(object);
    let plan = write::Update {
        uid,
        never_create: !call.request.subresource().is_empty(),
        ..Default::default()
    };
    let done = write::update(call, name, &plan, &options, warnings, |live, _| {
        // Who was not the first reads it once more: a copy for everybody else would cost more.
        let first = first
            .take()
            .map_or_else(|| read(call, name, &options, &mut Vec::new()), Ok);
        let mut object = first?;
        if let Some(sent) = &call.sent {
            sent.complete(call, live, &mut object)?;
        }
        managed::note(call, &options, live, &mut object);
        Ok(object)
    })
    .await?;
    Ok(done.reply(call))
}

fn read(
    call: &Call,
    name: &str,
    options: &WriteOptions,
    warnings: &mut Vec<String>,
) -> Result<Value, ApiError> {
    let mut object = body::read(call, body::Target::own(call), options, warnings)?;
    write::ensure_namespace(call, &mut object)?;
    body::check_name(&object, name)?;
    write::dedup_owners(&mut object, warnings);
    Ok(object)
}

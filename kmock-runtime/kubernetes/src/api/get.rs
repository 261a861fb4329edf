//! GET of one object.

use super::call::Call;
use super::convert::{self, Known};
use super::reply::{Body, Reply};
use crate::api::list;
use crate::model::status::ApiError;

/// Answers with the object as it is now, once the version that was asked for is reached.
pub async fn get(call: &Call) -> Result<Reply, ApiError> {
    let version = call.request.query.get("resourceVersion");
    list::wait_to_get(&call.cluster, version.unwrap_or_default()).await?;
    let object = call.find(call.request.name())?;
    convert::prepare(
        &call.cluster,
        &call.served,
        Known::Not,
        std::slice::from_ref(&object),
    )
    .await?;
    Ok(Reply::new(200, Body::Stored(call.served.clone(), object)))
}

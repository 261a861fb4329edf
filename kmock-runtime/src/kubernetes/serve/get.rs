//! GET of one object.

use super::call::Call;
use super::reply::{Body, Reply};
use crate::kubernetes::status::ApiError;

/// Answers with the object as it is now.
pub fn get(call: &Call) -> Result<Reply, ApiError> {
    let object = call.find(call.request.name())?;
    Ok(Reply::new(200, Body::Stored(call.served.clone(), object)))
}

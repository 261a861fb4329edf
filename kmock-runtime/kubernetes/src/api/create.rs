//! POST of a new object.

use super::admission::{self, Attributes};
use super::call::Call;
use super::reply::{Body, Reply};
use super::write_options::write_options;
use super::{body, managed, write};
use crate::api::reviews;
use crate::model::status::ApiError;

/// Creates the object of the body.
pub async fn create(call: &Call, warnings: &mut Vec<String>) -> Result<Reply, ApiError> {
    body::check_media_type(call)?;
    let mut options = write_options(call, "CreateOptions", None)?;
    options.managers_wait = managed::may_wait(call, &options);
    let mut object = body::read(call, body::Target::own(call), &options, warnings)?;
    write::ensure_namespace(call, &mut object)?;
    write::dedup_owners(&mut object, warnings);
    wipe_system_fields(&mut object);
    managed::note(call, &options, None, &mut object);
    if reviews::covers(call.resource()) {
        // Reviews are answered, not stored.
        let asked = Attributes::create(call, "", &options);
        admission::admit(&asked, &mut object, warnings).await?;
        reviews::answer(call, &mut object)?;
        return Ok(Reply::new(201, Body::Object(call.served.clone(), object)));
    }
    let made = write::create(call, object, &options, warnings).await?;
    Ok(made.reply(call))
}

/// What a client says about the server's own fields does not even count as its fields.
fn wipe_system_fields(object: &mut serde_json::Value) {
    crate::model::meta::edit(object, |metadata| {
        for key in [
            "creationTimestamp",
            "uid",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
        ] {
            metadata.remove(key);
        }
    });
}

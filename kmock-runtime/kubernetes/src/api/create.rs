//! POST of a new object.

use super::admission::{self, Attributes};
use super::call::Call;
use super::reply::{Body, Reply};
use super::write_options::write_options;
use super::{body, managed, write};
use crate::api::reviews;
use crate::model::status::ApiError;

/// Creates the object of the body.
pub async fn create(call: &Call) -> Result<Reply, ApiError> {
    body::check_media_type(call)?;
    let options = write_options(call, "CreateOptions", None)?;
    let mut warnings = Vec::new();
    let mut object = body::read(call, body::Target::own(call), &options, &mut warnings)?;
    let answer = async {
        write::ensure_namespace(call, &mut object)?;
        write::wipe(&mut object);
        write::dedup_owners(&mut object, &mut warnings);
        wipe_system_fields(&mut object);
        managed::update(&call.scope(), None, &mut object, &options.manager);
        if reviews::covers(call.resource()) {
            let asked = Attributes::create(call, "", &options);
            admission::admit(&asked, &mut object, &mut warnings).await?;
            reviews::answer(call, &mut object)?;
            return Ok(None);
        }
        let made = write::create(call, &object, &options, &mut warnings).await;
        made.map(Some)
    }
    .await;
    match answer {
        Ok(Some(outcome)) => Ok(outcome.reply(call, warnings)),
        // Reviews are answered, not stored.
        Ok(None) => {
            let body = Body::Object(call.served.clone(), object);
            Ok(Reply::new(201, body).with_warnings(warnings))
        }
        Err(error) => Err(error.with_warnings(warnings)),
    }
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

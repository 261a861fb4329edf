//! DELETE of a collection.

use super::call::Call;
use super::convert::{self, Known};
use super::delete;
use super::reply::Reply;
use super::write_options::DeleteOptions;
use crate::api::list;
use crate::api::list_options::ListOptions;
use crate::model::status::ApiError;

/// Deletes what the selectors select; the answer lists the objects as they were.
pub async fn delete_collection(call: &Call, warnings: &mut Vec<String>) -> Result<Reply, ApiError> {
    let selection = ListOptions::read(&call.request, &call.served)?;
    let options = DeleteOptions::read(call)?;
    let (head, objects) = list::select(
        &call.cluster,
        &call.served,
        call.request.namespace(),
        &selection,
    )
    .await?;
    convert::prepare(&call.cluster, &call.served, Known::Counts, &objects).await?;
    warnings.extend(call.strategy().delete_warnings(options.has_policy()));
    for object in &objects {
        let asked = delete::Admit::Asked;
        match delete::delete_named(call, object.name(), &options, asked, warnings).await {
            Ok(_) => {}
            // Somebody else deleted it: just as well.
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    list::answer(call, &head, &objects)
}

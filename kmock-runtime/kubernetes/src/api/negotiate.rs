//! What a client accepts of a resource, checked before anything is done.

use super::call::Call;
use crate::model::path::Verb;
use crate::model::status::ApiError;
use crate::wire::accept::{
    Endpoint, MEDIA_TYPES, check_produces, check_router, endpoint_of, negotiate,
};

/// The kind of endpoint that a request for a resource meets.
pub fn endpoint(call: &Call) -> Endpoint {
    let resource = call.resource();
    let untabled = resource.is_built_in()
        && match call.request.subresource() {
            "" => resource.kind == "Binding" || resource.kind.ends_with("Review"),
            subresource => !matches!(subresource, "status" | "scale"),
        };
    if untabled {
        Endpoint::Untabled
    } else {
        endpoint_of(resource)
    }
}

/// The router's check of a request for a resource; custom ones have no such router.
pub fn check_route(call: &Call) -> Result<(), ApiError> {
    let accept = call.header("accept");
    if !call.resource().is_built_in() || is_connection(call) {
        return Ok(());
    }
    if call.request.subresource() == "log" {
        let produced: Vec<&str> = ["text/plain"].into_iter().chain(MEDIA_TYPES).collect();
        return check_produces(accept, &produced);
    }
    let streams = matches!(call.request.verb, Verb::List | Verb::Watch);
    check_router(accept, streams)
}

/// Refuses a request for a resource whose answer the client would not accept, before anything is done.
pub fn check(call: &Call) -> Result<(), ApiError> {
    if is_connection(call) {
        return Ok(());
    }
    negotiate(call.header("accept"), endpoint(call)).map(drop)
}

/// What a connection carries is not negotiated.
fn is_connection(call: &Call) -> bool {
    call.resource().is_built_in()
        && matches!(
            call.request.subresource(),
            "attach" | "exec" | "portforward" | "proxy"
        )
}

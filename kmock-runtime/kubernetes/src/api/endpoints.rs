//! Everything that is not a request for a resource: discovery, OpenAPI, health checks, the version.

use http::request::Parts;

use crate::api::Reply;
use crate::api::deadline::Deadline;
use crate::api::discovery;
use crate::api::health;
use crate::api::openapi;
use crate::api::zpages;
use crate::model::path;
use crate::model::status::ApiError;
use crate::state::cluster::Cluster;

/// Answers a request whose path names no resource.
pub fn serve(cluster: &Cluster, parts: &Parts) -> Result<Reply, ApiError> {
    Deadline::check(parts.uri.query().unwrap_or_default())?;
    let path = path::decoded(&parts.uri);
    let trimmed = path.strip_prefix('/').unwrap_or(&path);
    // Discovery does not mind a slash at the end; the other endpoints do.
    let lenient = trimmed.strip_suffix('/').unwrap_or(trimmed);
    let segments: Vec<&str> = lenient.split('/').collect();
    match segments.as_slice() {
        ["api"] => discovery::core(parts),
        ["api", version] => discovery::version(cluster, parts, "", version),
        ["apis"] => discovery::groups(cluster, parts),
        ["apis", group] => discovery::group(cluster, parts, group),
        ["apis", group, version] => discovery::version(cluster, parts, group, version),
        ["openapi", "v2"] if trimmed == lenient => openapi::v2(cluster, parts),
        ["openapi", "v3"] if trimmed == lenient => openapi::index(cluster, parts),
        ["openapi", "v3", ..] => openapi::v3(
            cluster,
            parts,
            trimmed.strip_prefix("openapi/v3/").unwrap_or_default(),
        ),
        ["version"] => health::version(cluster, parts),
        [""] => health::index(cluster),
        ["index.html"] if trimmed == lenient => health::index(cluster),
        ["metrics"] if trimmed == lenient => health::metrics(cluster),
        ["metrics", "slis"] if trimmed == lenient => health::indicators(),
        [endpoint @ ("healthz" | "livez" | "readyz")] if trimmed == lenient => {
            health::check(parts, endpoint, None)
        }
        [endpoint @ ("healthz" | "livez" | "readyz"), ..] if trimmed == lenient => {
            let name = trimmed.split_once('/').map(|(_, name)| name);
            health::check(parts, endpoint, name)
        }
        ["statusz"] if trimmed == lenient => zpages::statusz(cluster, parts),
        ["flagz"] if trimmed == lenient => zpages::flagz(cluster, parts),
        [".well-known", "openid-configuration"] => health::openid_configuration(cluster),
        ["openid", "v1", "jwks"] => health::key_set(cluster, parts),
        // Below the roots of the router 404 is a Status.
        ["api" | "version", ..] => Err(ApiError::no_such_resource()),
        ["apis", group, ..] if cluster.registry().has_built_in_group(group) => {
            Err(ApiError::no_such_resource())
        }
        _ => Err(ApiError::page_not_found()),
    }
}

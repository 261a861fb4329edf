//! The endpoints beside the API: health checks, the version, metrics, and the index of paths.

use bytes::Bytes;
use http::request::Parts;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::discovery;
use super::json;
use super::path::Query;
use super::serve::{Body, Reply};
use super::status::ApiError;

/// The checks that `/readyz` names; an emulator has little that could fail.
const CHECKS: [&str; 5] = ["ping", "log", "etcd", "informer-sync", "shutdown"];

/// `/healthz`, `/livez`, `/readyz` and the single checks below them.
pub fn check(parts: &Parts, endpoint: &str, single: Option<&str>) -> Result<Reply, ApiError> {
    let known: &[&str] = match endpoint {
        "readyz" => &CHECKS,
        _ => &["ping", "log", "etcd"],
    };
    let text = match single {
        Some(name) if known.contains(&name) => "ok".to_owned(),
        Some(_) => return Err(ApiError::page_not_found()),
        None => {
            let query = Query::parse(parts.uri.query().unwrap_or_default());
            if query.has("verbose") {
                let excluded: Vec<&str> = query.all("exclude").collect();
                let line = |name: &&str| {
                    let note = if excluded.contains(name) {
                        "excluded: ok"
                    } else {
                        "ok"
                    };
                    format!("[+]{name} {note}\n")
                };
                let lines: String = known.iter().map(line).collect();
                format!("{lines}{endpoint} check passed\n")
            } else {
                "ok".to_owned()
            }
        }
    };
    Ok(Reply {
        headers: vec![
            ("cache-control", "no-cache, private".into()),
            ("x-content-type-options", "nosniff".into()),
        ],
        ..Reply::new(200, Body::Raw("text/plain; charset=utf-8", text.into()))
    })
}

/// `/version`: the server whose answers are emulated.
pub fn version(parts: &Parts) -> Result<Reply, ApiError> {
    discovery::only_get(parts)?;
    let version = json!({
        "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35", "gitVersion": "v1.36.3", "gitCommit": "kmock", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "kmock", "platform": "linux/amd64",
    });
    let text = json::indent(&json::print(&version, None));
    Ok(Reply::new(200, Body::Raw("application/json", text.into())))
}

/// `/metrics`: how many objects there are.
pub fn metrics(cluster: &Cluster) -> Result<Reply, ApiError> {
    let store = cluster.store();
    let mut text = String::from(
        "# HELP apiserver_storage_objects [STABLE] Number of stored objects at the time of last check split by kind.\n\
         # TYPE apiserver_storage_objects gauge\n",
    );
    for resource in store.resources() {
        text.push_str(&format!(
            "apiserver_storage_objects{{resource=\"{resource}\"}} {}\n",
            store.count(&resource)
        ));
    }
    Ok(Reply::new(
        200,
        Body::Raw("text/plain; version=0.0.4; charset=utf-8", text.into()),
    ))
}

/// `/`: the paths that are served.
pub fn index(cluster: &Cluster) -> Result<Reply, ApiError> {
    let mut paths: Vec<String> = ["/api", "/api/v1", "/apis", "/apis/"]
        .map(String::from)
        .to_vec();
    for group in discovery::group_names(cluster) {
        paths.push(format!("/apis/{group}"));
        paths.extend(
            discovery::versions(cluster, &group)
                .iter()
                .map(|version| format!("/apis/{group}/{version}")),
        );
    }
    for (endpoint, checks) in [("healthz", 3), ("livez", 3), ("readyz", CHECKS.len())] {
        paths.push(format!("/{endpoint}"));
        paths.extend(
            CHECKS
                .iter()
                .take(checks)
                .map(|name| format!("/{endpoint}/{name}")),
        );
    }
    paths.extend(
        [
            "/metrics",
            "/openapi/v2",
            "/openapi/v3",
            "/openapi/v3/",
            "/version",
        ]
        .map(String::from),
    );
    paths.sort();
    let paths: Vec<Value> = paths.into_iter().map(Value::from).collect();
    let text = json::indent(&json::print(&json!({"paths": paths}), None));
    Ok(Reply::new(
        200,
        Body::Raw("application/json", Bytes::from(text)),
    ))
}

//! `/statusz` and `/flagz`: what the server says about itself, as text for people or as an object of `config.k8s.io`.
//!
//! The text is there without an `Accept` header; an object has to be asked for by kind
//! (`application/json;as=Statusz;v=v1beta1;g=config.k8s.io`).

use std::collections::BTreeSet;

use http::HeaderMap;
use http::request::Parts;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::api::{Body, Reply, discovery, health};
use crate::kinds::builtin::times;
use crate::model::status::ApiError;
use crate::model::version;
use crate::state::cluster::Cluster;
use crate::wire::accept::{self, Format, Page};
use crate::wire::{json, render};

const COMPONENT: &str = "apiserver";
const PLAIN: &str = "text/plain; charset=utf-8";

/// Folders of paths that debug nothing.
const NOT_TOLD: [&str; 5] = ["apis", "api", "openid", "openapi", ".well-known"];

/// `/statusz`: since when the server runs, its version, and the other endpoints for debugging.
pub(super) fn statusz(cluster: &Cluster, parts: &Parts) -> Result<Reply, ApiError> {
    discovery::only_get(parts)?;
    let folders: BTreeSet<String> = health::paths(cluster)
        .iter()
        .filter_map(|path| path.split('/').nth(1))
        .filter(|folder| !folder.is_empty() && !NOT_TOLD.contains(folder))
        .map(|folder| format!("/{folder}"))
        .collect();
    let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
    status_of(COMPONENT, cluster, &parts.headers, &folders)
}

/// `/statusz` of a component that serves some folders.
pub(super) fn status_of(
    component: &str,
    cluster: &Cluster,
    headers: &HeaderMap,
    folders: &[&str],
) -> Result<Reply, ApiError> {
    let (started, now) = (cluster.started(), cluster.now());
    let up = now.duration_since(started).as_secs().max(0);
    answer(component, headers, "Statusz", |version| {
        match version {
        None => format!(
            "\nStarted: {}\nUp: {} hr {:02} min {:02} sec\nGo version: {}\nBinary version: {}\nEmulation version: {}\nPaths: {}\n",
            unix_date(started),
            up / 3600,
            up / 60 % 60,
            up % 60,
            "none",
            version::VERSION.trim_start_matches('v'),
            version::minor(),
            folders.join(" "),
        )
        .into(),
        Some(_) => json!({
            "startTime": times::seconds(started), "uptimeSeconds": up, "goVersion": "none",
            "binaryVersion": version::VERSION.trim_start_matches('v'),
            "emulationVersion": version::minor(), "paths": folders,
        }),
    }
    })
}

/// `/flagz`: the options that the cluster was made with, by the names of the server's flags where it has them.
pub(super) fn flagz(cluster: &Cluster, parts: &Parts) -> Result<Reply, ApiError> {
    discovery::only_get(parts)?;
    let options = cluster.options();
    let flags = [
        ("authorization-mode", "AlwaysAllow".to_owned()),
        ("kmock-controllers", options.controllers.to_string()),
        ("kmock-history", options.history.to_string()),
        ("kmock-seed", options.seed.to_string()),
        ("service-cluster-ip-range", "10.0.0.0/24".to_owned()),
    ];
    flags_of(COMPONENT, &parts.headers, &flags)
}

/// `/flagz` of a component with some flags.
pub(super) fn flags_of(
    component: &str,
    headers: &HeaderMap,
    flags: &[(&str, String)],
) -> Result<Reply, ApiError> {
    answer(component, headers, "Flagz", |version| match version {
        None => flags
            .iter()
            .map(|(name, value)| format!("{name}: {value}\n"))
            .collect::<String>()
            .into(),
        Some(_) => {
            let flags: Map<String, Value> = flags
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.as_str().into()))
                .collect();
            json!({"flags": flags})
        }
    })
}

/// Puts a page together: `content` makes the text, or the members of the object of a version.
fn answer(
    component: &str,
    headers: &HeaderMap,
    kind: &str,
    content: impl FnOnce(Option<&str>) -> Value,
) -> Result<Reply, ApiError> {
    let page = kind.to_lowercase();
    match accept::negotiate_page(accept::header(headers), kind)? {
        Page::Text => {
            let body = content(None);
            let text = format!(
                "\n{component} {page}\nWarning: This endpoint is not meant to be machine parseable, has no formatting \
                 compatibility guarantees and is for debugging purposes only.\n{}",
                body.as_str().unwrap_or_default()
            );
            Ok(Reply::new(200, Body::Raw(PLAIN, text.into())))
        }
        Page::Object { version, accepted } => {
            let mut object = json!({
                "kind": kind, "apiVersion": format!("config.k8s.io/{version}"),
                "metadata": {"name": component},
            });
            if let (Some(object), Value::Object(members)) =
                (object.as_object_mut(), content(Some(version)))
            {
                object.extend(members);
            }
            debug_assert!(
                accepted.format != Format::Protobuf,
                "pages have no protobuf form"
            );
            let (content_type, bytes) = render::encode(accepted, json::print(&object, None))?;
            let mut reply = Reply::new(200, Body::Raw(content_type, bytes));
            if version == "v1alpha1" {
                reply.warnings.push(format!(
                    "This version of the {page} endpoint is deprecated. Please use a newer version."
                ));
            }
            Ok(reply)
        }
    }
}

/// The date as `date` prints it: `Mon Jan  2 15:04:05 UTC 2006`.
fn unix_date(moment: Timestamp) -> String {
    moment.strftime("%a %b %e %H:%M:%S UTC %Y").to_string()
}

//! What the tests that talk to a cluster without a socket share.
#![allow(dead_code, reason = "each test takes what it needs")]

use bytes::Bytes;
use http::Request;
use kmock_kubernetes::{ApiBody, Cluster};
use serde_json::Value;

/// Asks `METHOD /path`; patches are merge patches. The code and the body, or null where it is no JSON.
pub(crate) async fn call(cluster: &Cluster, line: &str, body: Value) -> (u16, Value) {
    let (method, path) = line.split_once(' ').expect("a method and a path");
    let body = if body.is_null() {
        Bytes::new()
    } else {
        Bytes::from(body.to_string())
    };
    let media_type = if method == "PATCH" {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", media_type)
        .body(body);
    let response = cluster.call(request.expect("a request")).await;
    let code = response.status().as_u16();
    let ApiBody::Full(bytes) = response.into_body() else {
        panic!("a stream")
    };
    (code, serde_json::from_slice(&bytes).unwrap_or_default())
}

/// Runs a test on a clock that stands still.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.expect("a runtime").block_on(test)
}

/// Gets a path in a form.
pub(crate) async fn call_as(cluster: &Cluster, path: &str, accept: &str) -> Value {
    let request = Request::get(path).header("accept", accept);
    let response = cluster
        .call(request.body(Bytes::new()).expect("a request"))
        .await;
    let ApiBody::Full(bytes) = response.into_body() else {
        panic!("a stream")
    };
    serde_json::from_slice(&bytes).unwrap_or_default()
}

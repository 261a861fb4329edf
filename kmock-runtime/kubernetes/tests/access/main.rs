//! Who asks, and may they: credentials, impersonation, tokens.

mod accounts;
mod authentication;
mod authorization;
mod nodes;
mod rules;
mod signers;

use bytes::Bytes;
use http::Request;
use kmock_kubernetes::{ApiBody, Clock, Cluster, ClusterOptions};
use serde_json::Value;

/// A cluster whose time stands still.
fn cluster(options: ClusterOptions) -> Cluster {
    let now = "2026-01-02T03:04:05Z".parse().expect("a time");
    Cluster::new(ClusterOptions {
        clock: Some(Clock::new(move || now)),
        ..options
    })
}

/// A request with headers and, unless it is null, a JSON body; the code and the JSON of the answer.
fn ask(
    cluster: &Cluster,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Value,
) -> (u16, Value) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = match body {
        Value::Null => request.body(Bytes::new()),
        body => {
            let kind = match method {
                "PATCH" => "application/merge-patch+json",
                _ => "application/json",
            };
            request
                .header("content-type", kind)
                .body(body.to_string().into())
        }
    };
    answer(cluster, request.expect("a request"))
}

fn answer(cluster: &Cluster, request: Request<Bytes>) -> (u16, Value) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let response = runtime.expect("a runtime").block_on(cluster.call(request));
    let code = response.status().as_u16();
    let ApiBody::Full(body) = response.into_body() else {
        panic!("a stream");
    };
    let text = String::from_utf8_lossy(&body);
    let value = serde_json::from_str(&text).unwrap_or_else(|_| text.into_owned().into());
    (code, value)
}

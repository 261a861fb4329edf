//! One POST to a webhook, and what the server says when it fails.
//!
//! The words are those of `client-go/rest` and of Go's `net/http`.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use serde_json::Value;

use crate::kinds::builtin::base64;
use crate::model::status::quoted;
use crate::state::cluster::Cluster;
use crate::state::webhooks::WebhookCall;

/// The URL and the trusted certificates of a `clientConfig`, and the begin of the URL, by which it is known.
pub(crate) fn place_of(config: &Value) -> (String, Vec<u8>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let ca = base64::decode(&text(&config["caBundle"])).unwrap_or_default();
    let service = &config["service"];
    if !service.is_object() {
        return (text(&config["url"]), ca);
    }
    let port = service["port"].as_i64().unwrap_or(443);
    let path = text(&service["path"]);
    let slash = if path.is_empty() || path.starts_with('/') {
        ""
    } else {
        "/"
    };
    let (name, namespace) = (text(&service["name"]), text(&service["namespace"]));
    (
        format!("https://{name}.{namespace}.svc:{port}{slash}{path}"),
        ca,
    )
}

/// So much of an answer that is no object is told.
const LONGEST_TEXT: usize = 2048;

/// Sends a review and gives the answer's JSON; an error is why there is none.
pub(crate) async fn post(
    cluster: &Cluster,
    url: &str,
    ca_bundle: &[u8],
    body: Bytes,
    timeout: Duration,
) -> Result<Value, String> {
    let mark = match url.split_once("://") {
        _ if url.contains('?') => "&",
        // Without a path it is the root.
        Some((_, rest)) if !rest.contains('/') => "/?",
        _ => "?",
    };
    let url = format!("{url}{mark}timeout={}s", timeout.as_secs());
    let failed = |why: &str| format!("Post {}: {why}", quoted(&url));
    let Some(caller) = cluster.webhooks().caller(&url) else {
        return Err(failed(
            "nobody answers for it: this cluster has no sockets; give the place a handler (`webhooks().route(…)`)",
        ));
    };
    let call = caller.call(WebhookCall {
        url: url.clone(),
        ca_bundle: ca_bundle.to_vec(),
        body,
    });
    let answer = match tokio::time::timeout(timeout, call).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(why)) => return Err(failed(&why)),
        Err(_) => return Err(failed("context deadline exceeded")),
    };
    read(&answer)
}

fn content_type(answer: &Response<Bytes>) -> &str {
    let header = answer.headers().get(http::header::CONTENT_TYPE);
    header.and_then(|x| x.to_str().ok()).unwrap_or_default()
}

fn read(answer: &Response<Bytes>) -> Result<Value, String> {
    let code = answer.status().as_u16();
    let kind = content_type(answer);
    let media_type = kind.split(';').next().unwrap_or_default().trim();
    let is_object = matches!(media_type, "" | "application/json");
    if !(200..=206).contains(&code) {
        if is_object
            && let Ok(status) = serde_json::from_slice::<Value>(answer.body())
            && status["status"] == "Failure"
            && let Some(message) = status["message"].as_str()
        {
            return Err(message.to_owned());
        }
        return Err(refused(code, &message(answer)));
    }
    if !is_object {
        return Err(format!("serializer for {kind} doesn't exist"));
    }
    let kind = if kind.is_empty() {
        "application/json"
    } else {
        kind
    };
    if answer.body().is_empty() {
        return Err(format!(
            "0-length response with status code: {code} and content type: {kind}"
        ));
    }
    serde_json::from_slice(answer.body())
        .map_err(|error| format!("couldn't get version/kind; json parse error: {error}"))
}

/// What an answer that is text says; of others nothing is told.
fn message(answer: &Response<Bytes>) -> String {
    let kind = content_type(answer);
    if !kind.is_empty() && !kind.starts_with("text/") {
        return "unknown".into();
    }
    let body = answer.body();
    let shown = body.get(..LONGEST_TEXT).unwrap_or(body);
    String::from_utf8_lossy(shown).trim().to_owned()
}

/// What a client makes of a code.
fn refused(code: u16, message: &str) -> String {
    let text = match code {
        400 => "the server rejected our request for an unknown reason",
        401 => "the server has asked for the client to provide credentials",
        403 | 415 => message,
        404 => "the server could not find the requested resource",
        405 => "the server does not allow this method on the requested resource",
        406 if matches!(message, "" | "unknown") => {
            "the server was unable to respond with a content type that the client supports"
        }
        406 => message,
        409 => "the server reported a conflict",
        422 => "the server rejected our request due to an error in our request",
        429 => "the server has received too many requests and has asked us to try again later",
        503 => "the server is currently unable to handle the request",
        504 => {
            "the server was unable to return a response in the time allotted, but may still be processing the request"
        }
        500.. => {
            return format!(
                "an error on the server ({}) has prevented the request from succeeding",
                quoted(message)
            );
        }
        _ => {
            return format!(
                "the server responded with the status code {code} but did not return more information"
            );
        }
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(code: u16, kind: &str, body: &'static str) -> Result<Value, String> {
        let mut response = Response::builder().status(code);
        if !kind.is_empty() {
            response = response.header("content-type", kind);
        }
        read(
            &response
                .body(Bytes::from_static(body.as_bytes()))
                .expect("a response"),
        )
    }

    #[test]
    fn services_have_urls_too() {
        let service = json!({"service": {"name": "hook", "namespace": "ns", "path": "validate", "port": 8443}});
        assert_eq!(place_of(&service).0, "https://hook.ns.svc:8443/validate");
        assert_eq!(
            place_of(&json!({"url": "https://a.b/c"})).0,
            "https://a.b/c"
        );
    }

    #[test]
    fn failures_have_the_words_of_the_server_s_client() {
        let told = |code, kind, body| answer(code, kind, body).expect_err("a failure");
        assert_eq!(
            told(500, "text/plain", "boom\n"),
            "an error on the server (\"boom\") has prevented the request from succeeding"
        );
        assert_eq!(
            told(500, "application/octet-stream", "boom"),
            "an error on the server (\"unknown\") has prevented the request from succeeding"
        );
        assert_eq!(
            told(404, "", ""),
            "the server could not find the requested resource"
        );
        assert_eq!(
            told(200, "text/plain", "ok"),
            "serializer for text/plain doesn't exist"
        );
        assert_eq!(
            told(200, "", ""),
            "0-length response with status code: 200 and content type: application/json"
        );
        let status = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","message":"not me"}"#;
        assert_eq!(told(503, "application/json", status), "not me");
        assert!(answer(200, "application/json; charset=utf-8", "{}").is_ok());
    }
}

//! One POST to a webhook, and what the server says when it fails.
//!
//! The words are those of `client-go/rest` and of Go's `net/http`.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use serde_json::Value;

use crate::kinds::builtin::base64;
use crate::model::status::quoted;
use crate::state::cluster::Cluster;
use crate::state::webhooks::{WebhookCall, host_of_place};

/// Where a webhook is, and how long it may take.
#[derive(Debug)]
pub(crate) struct WebhookTarget {
    /// With the time in its query.
    url: String,
    /// By which it is known who answers for it.
    host: String,
    ca_bundle: Vec<u8>,
    timeout: Duration,
    in_flight: AtomicUsize,
}

/// So many calls of one webhook there are at once: as many as a server has writes in flight
/// (`--max-mutating-requests-inflight`). A webhook that asks for what it guards comes to its end there, whatever its client.
const MOST: usize = 200;

/// A call that has no answer yet.
struct InFlight<'a>(&'a AtomicUsize);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl WebhookTarget {
    /// That of a `clientConfig`.
    pub(crate) fn of(config: &Value, timeout: Duration) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let ca_bundle = base64::decode(&text(&config["caBundle"])).unwrap_or_default();
        let service = &config["service"];
        let mut url = if service.is_object() {
            let port = service["port"].as_i64().unwrap_or(443);
            let path = text(&service["path"]);
            let slash = if path.is_empty() || path.starts_with('/') {
                ""
            } else {
                "/"
            };
            let (name, namespace) = (text(&service["name"]), text(&service["namespace"]));
            format!("https://{name}.{namespace}.svc:{port}{slash}{path}")
        } else {
            text(&config["url"])
        };
        let mark = match url.split_once("://") {
            _ if url.contains('?') => "&",
            // Without a path it is the root.
            Some((_, rest)) if !rest.contains('/') => "/?",
            _ => "?",
        };
        let time = format!("{mark}timeout={}s", timeout.as_secs());
        url.push_str(&time);
        Self {
            host: host_of_place(&url),
            url,
            ca_bundle,
            timeout,
            in_flight: AtomicUsize::new(0),
        }
    }

    /// Sends a review and gives the answer's JSON; an error is why there is none.
    pub(crate) async fn post(&self, cluster: &Cluster, body: Bytes) -> Result<Value, String> {
        let failed = |why: &str| format!("Post {}: {why}", quoted(&self.url));
        let Some(caller) = cluster.webhooks().caller(&self.host) else {
            return Err(failed(
                "nobody answers for it: this cluster has no sockets; give the place a handler (`webhooks().route(…)`)",
            ));
        };
        let others = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let _in_flight = InFlight(&self.in_flight);
        if others >= MOST {
            return Err(failed(&format!(
                "context deadline exceeded (kmock: {others} calls of this webhook have no answer yet; does it ask for what it \
                 guards?)"
            )));
        }
        let mut call = caller.call(WebhookCall {
            url: self.url.clone(),
            ca_bundle: self.ca_bundle.clone(),
            body,
        });
        // Most handlers of this process answer at once: those need no clock.
        let first = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await;
        let answer = match first {
            Poll::Ready(answer) => Ok(answer),
            Poll::Pending => tokio::time::timeout(self.timeout, call).await,
        };
        match answer {
            Ok(Ok(answer)) => read(&answer),
            Ok(Err(why)) => Err(failed(&why)),
            Err(_) => Err(failed("context deadline exceeded")),
        }
    }
}

/// So much of an answer that is no object is told.
const LONGEST_TEXT: usize = 2048;

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
        let asked = |config: &Value| WebhookTarget::of(config, Duration::from_secs(10)).url;
        assert_eq!(
            asked(&service),
            "https://hook.ns.svc:8443/validate?timeout=10s"
        );
        for (url, whole) in [
            ("https://a.b/c", "https://a.b/c?timeout=10s"),
            ("https://a.b", "https://a.b/?timeout=10s"),
            ("https://a.b/c?d=e", "https://a.b/c?d=e&timeout=10s"),
        ] {
            assert_eq!(asked(&json!({ "url": url })), whole);
        }
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

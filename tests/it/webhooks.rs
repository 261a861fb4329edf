//! Webhooks of the emulated cluster: handlers in this process, functions, and addresses.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::{Router, routing::post};
use kmock::KMock;
use serde_json::{Value, json};

/// A file with a configuration of one webhook for ConfigMaps.
fn configuration(name: &str, kind: &str) -> PathBuf {
    let text = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": name},
        "webhooks": [{
            "name": "w.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": {"service": {"namespace": "operators", "name": name, "path": "/check"}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE"]}],
        }],
    });
    let file = std::env::temp_dir().join(format!("kmock-{}-{name}.json", std::process::id()));
    std::fs::write(&file, text.to_string()).expect("written");
    file
}

fn review(request: &Value, response: &Value) -> Value {
    let mut response = response.clone();
    response["uid"] = request["request"]["uid"].clone();
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
}

async fn create(k: &KMock, name: &str) -> (u16, Value) {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"x": "1"}});
    let request = k.post("/api/v1/namespaces/default/configmaps").json(&map);
    let response = request.await;
    (response.status(), response.json())
}

#[kmock::test]
async fn the_router_that_ships_answers_reviews_in_process(k: KMock) {
    let router = Router::new().route(
        "/check",
        post(|body: String| async move {
            let asked: Value = serde_json::from_str(&body).expect("JSON");
            let bad = asked["request"]["name"] == "bad";
            let verdict = json!({"allowed": !bad, "status": {"message": "no bad"}});
            let kind = [("content-type", "application/json")];
            (kind, review(&asked, &verdict).to_string())
        }),
    );
    k.webhook(
        configuration("router", "ValidatingWebhookConfiguration"),
        router,
    );
    assert_eq!(create(&k, "good").await.0, 201);
    let (code, answer) = create(&k, "bad").await;
    assert_eq!(code, 400);
    assert_eq!(
        answer["message"],
        "admission webhook \"w.example.com\" denied the request: no bad"
    );
}

#[kmock::test]
async fn a_function_of_the_review_is_enough(k: KMock) {
    let file = configuration("function", "MutatingWebhookConfiguration");
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    k.webhook_fn(file, move |asked: Value| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            assert_ne!(asked["request"]["name"], "panic", "boom");
            // [{"op":"add","path":"/data/y","value":"2"}]
            let patch = "W3sib3AiOiJhZGQiLCJwYXRoIjoiL2RhdGEveSIsInZhbHVlIjoiMiJ9XQ==";
            review(
                &asked,
                &json!({"allowed": true, "patchType": "JSONPatch", "patch": patch}),
            )
        }
    });
    let (code, made) = create(&k, "a").await;
    assert_eq!((code, &made["data"]), (201, &json!({"x": "1", "y": "2"})));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    // A handler that panics fails its own request, nothing else.
    let (code, answer) = create(&k, "panic").await;
    let message = answer["message"].as_str().expect("a message");
    assert_eq!(code, 500);
    assert!(
        message.contains("failed calling webhook \"w.example.com\"")
            && message.contains("the handler panicked")
    );
    assert_eq!(create(&k, "b").await.0, 201);
}

#[kmock::test]
async fn a_webhook_outside_has_an_address(k: KMock, hook: KMock) {
    hook.on("POST /check").reply_with(|request| {
        let asked = request.json().clone();
        review(&asked, &json!({"allowed": false}))
    });
    k.objects()
        .seed_file(configuration("outside", "ValidatingWebhookConfiguration"));
    let (code, answer) = create(&k, "a").await;
    let message = answer["message"].as_str().expect("a message");
    assert_eq!(code, 500);
    assert!(
        message.contains("no endpoints available for service \"outside\""),
        "{message}"
    );
    k.webhook_at("operators/outside", hook.address());
    let (code, answer) = create(&k, "a").await;
    assert_eq!(code, 400);
    assert_eq!(
        answer["message"],
        "admission webhook \"w.example.com\" denied the request without explanation"
    );
}

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

/// As the configuration above, with a `caBundle`, and a place.
fn trusting(name: &str, config: Value, ca: &str) -> Value {
    let file = configuration(name, "ValidatingWebhookConfiguration");
    let text = std::fs::read_to_string(file).expect("written");
    let mut object: Value = serde_json::from_str(&text).expect("JSON");
    let place = &mut object["webhooks"][0]["clientConfig"];
    *place = config;
    place["caBundle"] = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, ca).into();
    object
}

#[kmock::test(tls)]
async fn webhooks_are_called_over_tls_and_trusted_by_the_bundle(k: KMock, hook: KMock) {
    hook.on("POST /check").reply_with(|request| {
        let asked = request.json().clone();
        review(&asked, &json!({"allowed": false}))
    });
    let denied = "admission webhook \"w.example.com\" denied the request without explanation";
    let service =
        json!({"service": {"namespace": "operators", "name": "secure", "path": "/check"}});
    k.objects()
        .seed(trusting("secure", service.clone(), &hook.ca_pem()));
    k.secure_webhook_at("operators/secure", hook.address());
    assert_eq!(create(&k, "a").await.1["message"], denied);
    // By a URL it needs no address.
    let url = json!({"url": format!("{}/check", hook.url())});
    k.objects().seed(trusting("secure", url, &hook.ca_pem()));
    assert_eq!(create(&k, "a").await.1["message"], denied);
    // Another authority is not trusted.
    let other = kmock::tls::Authority::new().expect("an authority");
    k.objects().seed(trusting("secure", service, other.pem()));
    let (code, answer) = create(&k, "a").await;
    assert_eq!(code, 500);
    assert_eq!(
        answer["message"],
        "Internal error occurred: failed calling webhook \"w.example.com\": failed to call webhook: Post \
         \"https://secure.operators.svc:443/check?timeout=10s\": tls: failed to verify certificate: x509: certificate \
         signed by unknown authority"
    );
}

#[kmock::test]
async fn a_definition_brings_its_conversion_webhook(k: KMock) {
    let version = |name: &str, storage: bool| {
        json!({"name": name, "served": true, "storage": storage, "schema": {"openAPIV3Schema": {
            "type": "object", "x-kubernetes-preserve-unknown-fields": true}}})
    };
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "links.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": "links", "kind": "Link"},
            "versions": [version("v1", true), version("v2", false)],
            "conversion": {"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"],
                "clientConfig": {"service": {"namespace": "operators", "name": "convert"}}}},
        },
    });
    let file = std::env::temp_dir().join(format!("kmock-{}-links.json", std::process::id()));
    std::fs::write(&file, definition.to_string()).expect("written");
    k.webhook_fn(file, |review: Value| async move {
        let mut objects = review["request"]["objects"].clone();
        for object in objects.as_array_mut().into_iter().flatten() {
            object["apiVersion"] = review["request"]["desiredAPIVersion"].clone();
            object["converted"] = true.into();
        }
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview", "response": {
            "uid": review["request"]["uid"], "result": {"status": "Success"}, "convertedObjects": objects}})
    });
    k.objects()
        .seed(json!({"apiVersion": "example.com/v1", "kind": "Link", "metadata": {"name": "a"}}));
    let link = k
        .get("/apis/example.com/v2/namespaces/default/links/a")
        .await;
    assert_eq!(link.json()["converted"], true, "{}", link.json());
}

#[kmock::test]
async fn a_router_serves_a_group_behind_the_aggregator(k: KMock) {
    k.objects().seed(json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1beta1.metrics.k8s.io"},
        "spec": {"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
            "service": {"namespace": "kube-system", "name": "metrics-server", "port": 443}},
    }));
    let path = "/apis/metrics.k8s.io/v1beta1/nodes";
    assert_eq!(k.get(path).await.status(), 503);
    let router = Router::new().route(
        path,
        axum::routing::get(|headers: axum::http::HeaderMap| async move {
            let user = headers["x-remote-user"].to_str().expect("text").to_owned();
            json!({"kind": "NodeMetricsList", "items": [{"user": user}]}).to_string()
        }),
    );
    k.extension_server("kube-system/metrics-server", router);
    let list = k.get(path).await;
    assert_eq!(list.json()["items"][0]["user"], "kubernetes-admin");
    let service = k.objects().get("apiservices", "v1beta1.metrics.k8s.io");
    let service = service.expect("an APIService");
    assert_eq!(service["status"]["conditions"][0]["reason"], "Passed");
}

//! The tests of docs/admission.md, word by word, and what they share.

use std::path::PathBuf;

use base64::{Engine, prelude::BASE64_STANDARD};
use kmock::KMock;
use serde_json::{Value, json};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// An object in a file, as it ships.
fn file(object: &Value) -> PathBuf {
    let name = object["metadata"]["name"].as_str().expect("a name");
    let kind = object["kind"].as_str().expect("a kind");
    let path = std::env::temp_dir().join(format!(
        "kmock-{}-admission-{kind}-{name}.json",
        std::process::id()
    ));
    std::fs::write(&path, object.to_string()).expect("written");
    path
}

/// A configuration of one webhook for new ConfigMaps; `more` is about the webhook.
fn webhook(kind: &str, name: &str, more: Value) -> PathBuf {
    let mut hook = json!({
        "name": "check.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": {"namespace": "operators", "name": name}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE"]}],
    });
    for (key, value) in more.as_object().expect("an object") {
        hook[key] = value.clone();
    }
    file(&json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": format!("{kind}WebhookConfiguration"),
        "metadata": {"name": name}, "webhooks": [hook],
    }))
}

/// The answer to a review.
fn answer(review: &Value, response: Value) -> Value {
    let mut response = response;
    response["uid"] = review["request"]["uid"].clone();
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
}

fn map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

/// A policy for Deployments and its binding.
fn policy(name: &str, spec: Value, binding: Value) -> Value {
    let mut spec = spec;
    spec["matchConstraints"] = json!({"resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"],
        "resources": ["deployments"], "operations": ["CREATE", "UPDATE"]}]});
    let mut bound = binding;
    bound["policyName"] = name.into();
    let api = "admissionregistration.k8s.io/v1";
    json!([
        {"apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": spec},
        {"apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name}, "spec": bound},
    ])
}

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

fn deployment(replicas: u32) -> Value {
    let labels = json!({"app": "web"});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "web:1"}]}}},
    })
}

#[kmock::test]
async fn the_router_that_ships_refuses_what_is_bad(k: KMock) {
    let router = axum::Router::new().route(
        "/",
        axum::routing::post(async |review: String| {
            let review: Value = serde_json::from_str(&review).expect("a review");
            let is_bad = !review["request"]["object"]["data"]["bad"].is_null();
            let verdict = json!({"allowed": !is_bad, "status": {"message": "no bad"}});
            let json = [("content-type", "application/json")];
            (json, answer(&review, verdict).to_string())
        }),
    );
    k.webhook(webhook("Validating", "router", json!({})), router);
    let refused = k.post(MAPS).json(&map("a", json!({"bad": "1"}))).await;
    assert_eq!(
        refused.json()["message"],
        "admission webhook \"check.example.com\" denied the request: no bad"
    );
}

#[kmock::test]
async fn a_function_fills_in_what_is_missing(k: KMock) {
    let configuration = webhook("Mutating", "function", json!({}));
    k.webhook_fn(configuration, async |review: Value| {
        let patch = json!([{"op": "add", "path": "/data/added", "value": "yes"}]).to_string();
        answer(&review, json!({"allowed": true, "patchType": "JSONPatch", "patch": BASE64_STANDARD.encode(patch)}))
    });
    let made = k.post(MAPS).json(&map("a", json!({"own": "1"}))).await;
    assert_eq!(made.json()["data"], json!({"own": "1", "added": "yes"}));
}

#[kmock::test]
async fn a_webhook_that_is_down_fails_the_request_or_does_not_matter(k: KMock) {
    k.objects().seed_file(webhook(
        "Validating",
        "down",
        json!({"failurePolicy": "Fail"}),
    ));
    let failed = k.post(MAPS).json(&map("a", json!({}))).await;
    assert_eq!(failed.status(), 500);
    let message = failed.json()["message"].to_string();
    assert!(
        message.contains("failed calling webhook \\\"check.example.com\\\""),
        "{message}"
    );
    k.objects().seed_file(webhook(
        "Validating",
        "down",
        json!({"failurePolicy": "Ignore"}),
    ));
    assert_eq!(k.post(MAPS).json(&map("a", json!({}))).await.status(), 201);
}

#[kmock::test(start_paused)]
async fn a_slow_webhook_costs_no_time(k: KMock) {
    let configuration = webhook("Validating", "slow", json!({"timeoutSeconds": 5}));
    k.webhook_fn(configuration, async |review: Value| {
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        answer(&review, json!({"allowed": true}))
    });
    let started = tokio::time::Instant::now();
    let failed = k.post(MAPS).json(&map("a", json!({}))).await;
    assert!(
        failed.text().contains("context deadline exceeded"),
        "{}",
        failed.text()
    );
    assert_eq!(started.elapsed().as_secs(), 5);
}

#[kmock::test]
async fn a_dry_run_does_not_reach_webhooks_with_side_effects(k: KMock) {
    let configuration = webhook(
        "Validating",
        "effects",
        json!({"sideEffects": "NoneOnDryRun"}),
    );
    k.webhook_fn(configuration, async |review: Value| {
        answer(
            &review,
            json!({"allowed": review["request"]["dryRun"] == true}),
        )
    });
    let dry = k
        .post(MAPS)
        .query("dryRun", "All")
        .json(&map("a", json!({})))
        .await;
    assert_eq!(dry.status(), 201);
    assert_eq!(k.post(MAPS).json(&map("a", json!({}))).await.status(), 400);
}

#[kmock::test]
async fn warnings_reach_the_client(k: KMock) {
    k.webhook_fn(
        webhook("Validating", "warns", json!({})),
        async |review: Value| {
            answer(
                &review,
                json!({"allowed": true, "warnings": ["data is a lot"]}),
            )
        },
    );
    let made = k.post(MAPS).json(&map("a", json!({}))).await;
    assert_eq!(made.header("warning"), Some("299 - \"data is a lot\""));
}

#[kmock::test]
async fn a_policy_refuses_in_its_own_words(k: KMock) {
    let rule = json!({"expression": "object.spec.replicas <= 5", "messageExpression": "'not ' + string(object.spec.replicas)"});
    let bound = json!({"validationActions": ["Deny"]});
    k.objects()
        .seed_all(policy("few", json!({"validations": [rule]}), bound));
    assert_eq!(k.post(DEPLOYMENTS).json(&deployment(5)).await.status(), 201);
    let refused = k
        .put("/apis/apps/v1/namespaces/default/deployments/web")
        .json(&deployment(9))
        .await;
    assert_eq!(refused.status(), 422);
    assert!(
        refused
            .text()
            .contains("'few' with binding 'few' denied request: not 9"),
        "{}",
        refused.text()
    );
}

#[kmock::test]
async fn a_policy_has_parameters(k: KMock) {
    k.objects().seed(map("limits", json!({"most": "3"})));
    let rule = json!({"expression": "object.spec.replicas <= int(params.data.most)"});
    let spec =
        json!({"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}, "validations": [rule]});
    let params =
        json!({"name": "limits", "namespace": "default", "parameterNotFoundAction": "Deny"});
    k.objects().seed_all(policy(
        "limited",
        spec,
        json!({"validationActions": ["Deny"], "paramRef": params}),
    ));
    assert_eq!(k.post(DEPLOYMENTS).json(&deployment(4)).await.status(), 422);
    k.objects()
        .patch("configmaps", "limits", json!({"data": {"most": "4"}}));
    assert_eq!(k.post(DEPLOYMENTS).json(&deployment(4)).await.status(), 201);
}

#[kmock::test]
async fn a_definition_is_converted_by_its_webhook(k: KMock) {
    k.webhook_fn(links(), async |review: Value| {
        let mut objects = review["request"]["objects"].clone();
        for link in objects.as_array_mut().expect("objects") {
            link["apiVersion"] = review["request"]["desiredAPIVersion"].clone();
            link["spec"] = json!({"host": link["spec"]["address"]});
        }
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview", "response": {
            "uid": review["request"]["uid"], "result": {"status": "Success"}, "convertedObjects": objects}})
    });
    let link = json!({"apiVersion": "example.com/v1", "kind": "Link", "metadata": {"name": "a"}, "spec": {"address": "x"}});
    k.objects().seed(link);
    let links = k.get("/apis/example.com/v2/links").await;
    assert_eq!(links.json()["items"][0]["spec"], json!({"host": "x"}));
}

#[kmock::test]
async fn a_restricted_namespace_lets_no_root_in(k: KMock) {
    let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
    k.objects().patch(
        "namespaces",
        "default",
        json!({"metadata": {"labels": labels}}),
    );
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "web:1"}]}});
    let refused = k.post("/api/v1/namespaces/default/pods").json(&pod).await;
    assert_eq!(refused.status(), 403);
    assert!(
        refused
            .text()
            .contains("violates PodSecurity \\\"restricted:latest\\\""),
        "{}",
        refused.text()
    );
}

/// The definition of a kind with two versions.
fn links() -> PathBuf {
    let version = |name: &str, storage: bool| {
        json!({"name": name, "served": true, "storage": storage, "schema": {"openAPIV3Schema": {
            "type": "object", "x-kubernetes-preserve-unknown-fields": true}}})
    };
    file(&json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "links.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": "links", "kind": "Link"},
            "versions": [version("v1", true), version("v2", false)],
            "conversion": {"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"],
                "clientConfig": {"service": {"namespace": "operators", "name": "convert"}}}},
        },
    }))
}

//! Figures of the gate: what RBAC costs a read, and what a webhook in process costs a write, as ratios of the same without.
//!
//! `cargo bench -p kmock-kubernetes --bench gate`; in process, without sockets. The two sides take short turns, and of all turns
//! the median counts, so that a busy machine favours neither.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use kmock_kubernetes::{Cluster, ClusterOptions, User, WebhookCall, WebhookCaller};
use serde_json::{Value, json};

const TURNS: usize = 60;
const PER_TURN: usize = 200;
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// Lets everything in, as a handler does that looks at the object; and counts the nanoseconds that it takes for itself.
#[derive(Debug, Default)]
struct Allows(AtomicU64);

impl WebhookCaller for Allows {
    fn call(&self, call: WebhookCall) -> BoxFuture<'static, Result<Response<Bytes>, String>> {
        let start = Instant::now();
        let review: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        let allowed = review["request"]["object"]["data"]["bad"].is_null();
        let answer = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "response": {"uid": review["request"]["uid"], "allowed": allowed}});
        let answer = answer.to_string();
        drop(review);
        let took = u64::try_from(start.elapsed().as_nanos()).unwrap_or_default();
        self.0.fetch_add(took, Ordering::Relaxed);
        Box::pin(async move { Ok(Response::new(answer.into())) })
    }
}

fn cluster(rbac: bool) -> Cluster {
    let cluster = Cluster::new(ClusterOptions {
        rbac,
        ..ClusterOptions::default()
    });
    let user = User::new("jane").group("system:authenticated");
    cluster.access().put_token("jane", user);
    cluster.objects().seed(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "jane", "namespace": "default"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "jane"}],
    }));
    for i in 0..100 {
        cluster
            .objects()
            .seed(json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": format!("m{i}")}, "data": {"key": "value"}}));
    }
    cluster
}

async fn ask(cluster: &Cluster, method: &str, path: &str, body: Bytes) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", "Bearer jane")
        .header("content-type", "application/json")
        .body(body);
    let response = cluster.call(request.expect("a request")).await;
    assert!(response.status().is_success(), "{}", response.status());
}

async fn turn(cluster: &Cluster, method: &str, path: &str, bodies: &[Bytes]) -> Duration {
    let start = Instant::now();
    for i in 0..PER_TURN {
        let body = bodies.get(i).cloned().unwrap_or_default();
        ask(cluster, method, path, body).await;
    }
    start.elapsed()
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6 / PER_TURN as f64
}

async fn reads(what: &str, path: &str) {
    let (open, ruled) = (cluster(false), cluster(true));
    let (mut without, mut with, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let (a, b) = (
            micros(turn(&open, "GET", path, &[]).await),
            micros(turn(&ruled, "GET", path, &[]).await),
        );
        without.push(a);
        with.push(b);
        ratios.push(b / a);
    }
    println!(
        "{what}: {:.2} µs, with RBAC {:.2} µs: {:.2} times",
        median(without),
        median(with),
        median(ratios)
    );
}

async fn webhooks() {
    let mut added = Vec::new();
    let (mut plain, mut own) = (Vec::new(), Vec::new());
    for turn_number in 0..TURNS {
        let bodies = |side: &str| -> Vec<Bytes> {
            let body = |i| {
                json!({"apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": {"name": format!("{side}{turn_number}-{i}")}, "data": {"key": "value"}})
            };
            (0..PER_TURN).map(|i| body(i).to_string().into()).collect()
        };
        let (open, hooked) = (Cluster::default(), Cluster::default());
        let handler = Arc::new(Allows::default());
        hooked
            .webhooks()
            .route("operators/hook", Arc::clone(&handler) as _);
        hooked.objects().seed(json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "hook"}, "webhooks": [{
                "name": "hook.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
                "clientConfig": {"service": {"namespace": "operators", "name": "hook"}},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"]}],
            }],
        }));
        let a = micros(turn(&open, "POST", MAPS, &bodies("a")).await);
        let b = micros(turn(&hooked, "POST", MAPS, &bodies("b")).await);
        plain.push(a);
        added.push(b - a);
        own.push(handler.0.load(Ordering::Relaxed) as f64 / 1e3 / PER_TURN as f64);
    }
    println!(
        "POST: {:.1} µs; a validating webhook in process adds {:.1} µs, of which its handler takes {:.1} µs to read the review and answer",
        median(plain),
        median(added),
        median(own)
    );
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.expect("a runtime").block_on(async {
        reads("GET of an object", &format!("{MAPS}/m7")).await;
        reads("LIST of 100", MAPS).await;
        webhooks().await;
    });
}

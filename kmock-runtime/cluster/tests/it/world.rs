//! What all tests of a living cluster share.

use bytes::Bytes;
use http::Request;
use kmock_cluster::{Life, Parts};
use kmock_kubernetes::{ApiBody, Cluster, ClusterOptions};
use serde_json::{Value, json};

/// A living cluster.
pub(crate) struct World {
    pub(crate) cluster: Cluster,
    pub(crate) life: Life,
}

/// Runs a test of a living cluster with some nodes in virtual time.
pub(crate) fn live<F: Future>(nodes: usize, test: impl FnOnce(World) -> F) -> F::Output {
    live_parts(nodes, &Parts::all(), test)
}

/// The same with some parts only.
pub(crate) fn live_parts<F: Future>(
    nodes: usize,
    parts: &Parts,
    test: impl FnOnce(World) -> F,
) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.expect("a runtime").block_on(async {
        let cluster = Cluster::new(ClusterOptions {
            controllers: true,
            ..ClusterOptions::default()
        });
        let life = Life::start(&cluster, parts);
        if nodes > 0 {
            life.node(&format!("n{{1..={nodes}}}"));
            life.settle().await;
        }
        test(World { cluster, life }).await
    })
}

impl World {
    /// Asks `METHOD /path`; patches are merge patches. The code and the body.
    pub(crate) async fn call(&self, line: &str, body: Value) -> (u16, Value) {
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
        let response = self.cluster.call(request.expect("a request")).await;
        let code = response.status().as_u16();
        let ApiBody::Full(bytes) = response.into_body() else {
            panic!("a stream")
        };
        (code, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// The same for what has to go well.
    pub(crate) async fn ask(&self, line: &str, body: Value) -> Value {
        let (code, answer) = self.call(line, body).await;
        assert!(code < 300, "{line}: {code} {answer}");
        answer
    }

    pub(crate) fn get(&self, resource: &str, key: &str) -> Value {
        let found = self.cluster.objects().get(resource, key);
        found
            .unwrap_or_else(|| panic!("there is no {resource} {key}"))
            .value()
            .clone()
    }

    pub(crate) fn list(&self, resource: &str) -> Vec<Value> {
        self.cluster
            .objects()
            .list(resource, None)
            .iter()
            .map(|object| object.value().clone())
            .collect()
    }

    /// The events so far: `Reason message`, in order.
    pub(crate) fn events(&self, kind: &str) -> Vec<String> {
        let mut events = self.list("v1/events");
        events.retain(|event| event["involvedObject"]["kind"] == kind);
        events.sort_by_key(|event| {
            event["metadata"]["resourceVersion"]
                .as_str()
                .unwrap_or_default()
                .parse::<u64>()
                .unwrap_or_default()
        });
        events
            .iter()
            .map(|event| format!("{} {}", text(&event["reason"]), text(&event["message"])))
            .collect()
    }

    pub(crate) async fn settle(&self) {
        self.life.settle().await;
    }
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// `status reason` of a condition.
pub(crate) fn condition(object: &Value, sort: &str) -> String {
    let all = object["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten();
    let found = all.into_iter().find(|one| one["type"] == sort);
    found
        .map(|one| {
            format!("{} {}", text(&one["status"]), text(&one["reason"]))
                .trim()
                .to_owned()
        })
        .unwrap_or_default()
}

pub(crate) fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}]}})
}

pub(crate) fn deployment(replicas: i64, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template(image)},
    })
}

pub(crate) fn pod(name: &str, image: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": image}]}})
}

pub(crate) const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
pub(crate) const PODS: &str = "/api/v1/namespaces/default/pods";

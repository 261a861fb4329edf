//! How quick a living cluster is, and how much room it takes: the four figures of docs/performance.md.
//!
//! `cargo run --release -p kmock-cluster --example figures [deployment|pods|idle|memory] [PODS]`

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use kmock_cluster::{Life, Parts};
use kmock_kubernetes::{Cluster, ClusterOptions};
use serde_json::{Value, json};

/// A living cluster with nodes for so many Pods.
async fn cluster(nodes: usize, pods: usize) -> (Cluster, Life) {
    let cluster = Cluster::new(ClusterOptions {
        controllers: true,
        ..ClusterOptions::default()
    });
    let life = Life::start(&cluster, &Parts::all());
    let names = format!("n{{1..={nodes}}}");
    life.node(&names).pods(pods).cpu(1000).memory("1000Gi");
    life.settle().await;
    (cluster, life)
}

async fn ask(cluster: &Cluster, method: &str, path: &str, body: Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(Bytes::from(body.to_string()));
    let response = cluster.call(request.expect("a request")).await;
    assert!(response.status().is_success(), "{}", response.status());
}

async fn deploy(cluster: &Cluster, name: &str, replicas: usize) {
    let labels = json!({"app": name});
    let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "web"}]}});
    let body = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    });
    let path = "/apis/apps/v1/namespaces/default/deployments";
    ask(cluster, "POST", path, body).await;
}

fn available(cluster: &Cluster, name: &str) -> u64 {
    let found = cluster.objects().get("deployments", name);
    let found = found.expect("it is there");
    found.value()["status"]["availableReplicas"]
        .as_u64()
        .unwrap_or_default()
}

/// A number of `/proc/self`, by what comes before it.
fn of_process(file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/self/{file}")).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The CPU that was used so far, in ticks of ten milliseconds.
fn ticks() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = text.rsplit(") ").next().unwrap_or_default();
    let words: Vec<u64> = after
        .split_whitespace()
        .map(|word| word.parse().unwrap_or_default())
        .collect();
    words.iter().skip(11).take(2).sum()
}

fn run<F: Future>(paused: bool, test: F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(paused)
        .build();
    runtime.expect("a runtime").block_on(test);
}

fn main() {
    let only = std::env::args().nth(1);
    let pods = std::env::args().nth(2);
    let pods: Option<usize> = pods.and_then(|pods| pods.parse().ok());
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    if wanted("deployment") {
        run(true, async {
            let (cluster, life) = cluster(3, 1000).await;
            let mut times = Vec::new();
            for number in 0..50 {
                let name = format!("web-{number}");
                let begun = Instant::now();
                deploy(&cluster, &name, 3).await;
                life.settle().await;
                times.push(begun.elapsed());
                assert_eq!(available(&cluster, &name), 3);
            }
            times.sort_unstable();
            println!(
                "a Deployment of 3 to Available, virtual time: median {:?}, first decile {:?} (goal 5 ms)",
                times[times.len() / 2],
                times[times.len() / 10]
            );
        });
    }
    if wanted("pods") {
        let pods = pods.unwrap_or(1000);
        run(true, async {
            let (cluster, life) = cluster(10, 110.max(pods / 10)).await;
            let begun = Instant::now();
            deploy(&cluster, "web", pods).await;
            life.settle().await;
            println!(
                "{pods} Pods scheduled and ready: {:?} (goal for 1,000: 1 s)",
                begun.elapsed()
            );
            assert_eq!(available(&cluster, "web"), pods as u64);
        });
    }
    if wanted("idle") {
        run(false, async {
            let (cluster, life) = cluster(3, 110).await;
            deploy(&cluster, "web", 100).await;
            life.settle().await;
            let before = ticks();
            tokio::time::sleep(Duration::from_secs(10)).await;
            println!(
                "an idle cluster of 100 Pods, 10 s: {} ms of CPU (goal 0)",
                (ticks() - before) * 10
            );
        });
    }
    if wanted("memory") {
        let pods = pods.unwrap_or(10_000);
        run(true, async {
            let before = of_process("status", "VmRSS:").unwrap_or_default();
            let (cluster, life) = cluster(100, 110.max(pods / 100)).await;
            let begun = Instant::now();
            for number in 0..10 {
                deploy(&cluster, &format!("web-{number}"), pods / 10).await;
            }
            life.settle().await;
            let now = of_process("status", "VmRSS:").unwrap_or_default();
            let most = of_process("status", "VmHWM:").unwrap_or_default();
            println!(
                "{pods} Pods: {} MB (at most {} MB) after {:?} (goal for 10,000: 300 MB)",
                (now - before) / 1024,
                most / 1024,
                begun.elapsed()
            );
            assert_eq!(cluster.objects().list("pods", None).len(), pods / 10 * 10);
        });
    }
}

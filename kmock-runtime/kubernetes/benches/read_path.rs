//! Figures of the read path: lists of 1,000 and 50,000 objects, a change to 1,000 watchers, memory per object.
//!
//! `cargo bench -p kmock-kubernetes --bench read_path`; in process, without sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use http::Request;
use kmock_kubernetes::internals::model::resource::ResourceKey;
use kmock_kubernetes::internals::state::store::Write;
use kmock_kubernetes::{ApiBody, Cluster};
use serde_json::json;
use tokio::sync::Notify;

fn config_maps() -> ResourceKey {
    ResourceKey::new("", "configmaps")
}

fn config_map(i: usize) -> (String, serde_json::Value) {
    let name = format!("object-{i:06}");
    let value = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": name, "namespace": "bench", "uid": format!("00000000-0000-4000-8000-{i:012}"),
            "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"app": "bench", "shard": (i % 16).to_string()},
            "managedFields": [{"manager": "bench", "operation": "Update", "apiVersion": "v1",
                "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1",
                "fieldsV1": {"f:data": {".": {}, "f:key": {}}, "f:metadata": {"f:labels": {".": {}, "f:app": {}}}}}],
        },
        "data": {"key": "value ".repeat(20)},
    });
    (format!("bench/{name}"), value)
}

fn fill(cluster: &Cluster, objects: usize) {
    for i in 0..objects {
        let (key, value) = config_map(i);
        cluster
            .store()
            .commit(&config_maps(), Write::Create { key, value })
            .expect("a free key");
    }
}

async fn get(cluster: &Cluster, uri: &str) -> ApiBody {
    let request = Request::get(uri).body(Bytes::new()).expect("a request");
    cluster.call(request).await.into_body()
}

async fn size(cluster: &Cluster, uri: &str) -> usize {
    match get(cluster, uri).await {
        ApiBody::Full(bytes) => bytes.len(),
        ApiBody::Stream(_) | ApiBody::Upgrade(_) => 0,
    }
}

fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .unwrap_or(0usize)
        * 4096
}

async fn lists(objects: usize) {
    let before = resident();
    let cluster = Cluster::default();
    fill(&cluster, objects);
    let stored = resident();
    let uri = "/api/v1/namespaces/bench/configmaps";
    let start = Instant::now();
    let bytes = size(&cluster, uri).await;
    let cold = start.elapsed();
    let rounds = 20;
    let start = Instant::now();
    for _ in 0..rounds {
        size(&cluster, uri).await;
    }
    let warm = start.elapsed() / rounds;
    let start = Instant::now();
    let page = size(&cluster, &format!("{uri}?limit=500")).await;
    let paged = start.elapsed();
    let start = Instant::now();
    size(&cluster, &format!("{uri}?labelSelector=shard%3D3")).await;
    let selected = start.elapsed();
    #[expect(clippy::cast_precision_loss, reason = "figures for humans")]
    let rate = bytes as f64 / warm.as_secs_f64() / 1e9;
    println!(
        "list of {objects}: {bytes} bytes; first {cold:?}, then {warm:?} ({rate:.2} GB/s); page of 500 ({page} bytes) \
         {paged:?}; by label {selected:?}"
    );
    println!(
        "  memory: {} bytes an object stored, {} more once listed",
        stored.saturating_sub(before) / objects,
        resident().saturating_sub(stored) / objects
    );
}

async fn watches(watchers: usize, changes: usize) {
    let cluster = Cluster::default();
    let seen = Arc::new(AtomicUsize::new(0));
    let all = Arc::new(Notify::new());
    for _ in 0..watchers {
        let ApiBody::Stream(mut lines) = get(&cluster, "/api/v1/configmaps?watch=true").await
        else {
            return;
        };
        let (seen, all) = (Arc::clone(&seen), Arc::clone(&all));
        tokio::spawn(async move {
            while lines.next().await.is_some() {
                if (seen.fetch_add(1, Ordering::Relaxed) + 1) % watchers == 0 {
                    all.notify_one();
                }
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut slowest = Duration::ZERO;
    let start = Instant::now();
    for i in 0..changes {
        let one = Instant::now();
        let (key, value) = config_map(i);
        cluster
            .store()
            .commit(&config_maps(), Write::Create { key, value })
            .expect("a free key");
        all.notified().await;
        slowest = slowest.max(one.elapsed());
    }
    let each = start.elapsed() / u32::try_from(changes).unwrap_or(1);
    println!(
        "{changes} changes to {watchers} watchers: {each:?} a change, {slowest:?} the slowest"
    );
    let start = Instant::now();
    let target = seen.load(Ordering::Relaxed) + watchers * changes;
    for i in changes..changes * 2 {
        let (key, value) = config_map(i);
        cluster
            .store()
            .commit(&config_maps(), Write::Create { key, value })
            .expect("a free key");
    }
    while seen.load(Ordering::Relaxed) < target {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    println!(
        "  in one burst: {:?} a change",
        start.elapsed() / u32::try_from(changes).unwrap_or(1)
    );
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let start = Instant::now();
        let first = Cluster::default();
        println!("first cluster of the process: {:?}", start.elapsed());
        let start = Instant::now();
        let second = Cluster::default();
        println!("second cluster: {:?}", start.elapsed());
        drop((first, second));
        lists(1_000).await;
        lists(50_000).await;
        watches(1_000, 1_000).await;
    });
}

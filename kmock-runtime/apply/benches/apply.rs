//! How long server-side apply takes: `cargo bench -p kmock-apply`.
//!
//! The object is a Deployment with 200 fields of its applier beside those of another manager. Measured is the
//! whole merge: conformance of the configuration, comparison, pruning, conflicts, and the new `managedFields`.

use std::time::{Duration, Instant};

use kmock_apply::fields::{Write, apply, to_set, update};
use kmock_apply::schema::{Schema, SchemaRef};
use serde_json::{Value, json};

/// What an apply on an object of 200 fields may take.
const LIMIT: Duration = Duration::from_micros(300);

fn config(containers: usize, image: &str) -> Value {
    let containers: Vec<Value> = (0..containers)
        .map(|c| {
            json!({
                "name": format!("c{c}"), "image": format!("{image}:{c}"),
                "env": (0..10).map(|e| json!({"name": format!("E{e}"), "value": "v"})).collect::<Vec<_>>(),
                "ports": [{"containerPort": 80 + c, "name": "http"}],
                "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}},
            })
        })
        .collect();
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n", "labels": {"app": "d", "tier": "web"}},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "d"}}, "template": {
            "metadata": {"labels": {"app": "d"}}, "spec": {"containers": containers}}},
    })
}

fn main() {
    let schema: SchemaRef = Schema::of_kind("apps", "v1", "Deployment")
        .expect("Deployment")
        .into();
    let write = |manager| Write::new(manager, "apps/v1", &schema, "2026-01-01T00:00:00Z");
    let (first, second, fewer) = (config(5, "a"), config(5, "b"), config(4, "b"));
    let fields = to_set(&schema, &first).len();
    let mut live = apply(None, &first, false, &write("op")).expect("applied");
    let before = live.clone();
    live["spec"]["revisionHistoryLimit"] = 10.into();
    live["metadata"]["uid"] = "u".into();
    update(Some(&before), &mut live, &write("other"));
    let mut slowest = Duration::ZERO;
    for (what, config) in [
        ("the same", &first),
        ("five images changed", &second),
        ("a container dropped", &fewer),
    ] {
        let mut times: Vec<Duration> = (0..500)
            .map(|_| {
                let start = Instant::now();
                let applied = apply(Some(&live), config, false, &write("op")).expect("applied");
                let took = start.elapsed();
                drop(applied);
                took
            })
            .collect();
        times.sort();
        let median = times[times.len() / 2];
        slowest = slowest.max(median);
        println!(
            "apply of {fields} fields, {what}: {median:?} (median of {}, best {:?})",
            times.len(),
            times[0]
        );
    }
    assert!(
        slowest <= LIMIT,
        "apply took {slowest:?}, the limit is {LIMIT:?}"
    );
}

//! How long custom resources take: `cargo bench -p kmock-runtime --bench crd`.
//!
//! Measured is the whole way of a request in the process: reading JSON, pruning, defaulting, validation, storage, and
//! the answer. A definition of a megabyte is checked, compiled, and established before the call returns.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use kmock_runtime::kubernetes::{Cluster, ClusterOptions};
use serde_json::{Map, Value, json};

/// What an object of 100 fields may take.
const OBJECT: Duration = Duration::from_micros(100);
/// What a definition of a megabyte may take.
const DEFINITION: Duration = Duration::from_millis(100);

fn crd(plural: &str, kind: &str, properties: &Map<String, Value>) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.bench.example")},
        "spec": {
            "group": "bench.example", "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.to_lowercase(), "kind": kind},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object",
                "properties": {"spec": {"type": "object", "properties": properties}},
            }}}],
        },
    })
}

/// Fields of every sort that validation looks at.
fn field(at: usize) -> (Value, Value) {
    match at % 5 {
        0 => (
            json!({"type": "string", "minLength": 1, "maxLength": 63}),
            json!("text"),
        ),
        1 => (
            json!({"type": "integer", "format": "int32", "minimum": 0, "maximum": 1000}),
            json!(7),
        ),
        2 => (
            json!({"type": "string", "enum": ["Always", "Never", "Sometimes"]}),
            json!("Never"),
        ),
        3 => (
            json!({"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}),
            json!("a-name-1"),
        ),
        _ => (
            json!({"type": "object", "required": ["x"], "properties": {"x": {"x-kubernetes-int-or-string": true}}}),
            json!({"x": "10%"}),
        ),
    }
}

/// Properties whose text is of about a megabyte.
fn large() -> Map<String, Value> {
    let leaf = |at: usize| {
        json!({"type": "string", "maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
            "description": format!("Field {at} of many, with a text as long as those that generators copy from Go.")})
    };
    (0..100)
        .map(|at| {
            let properties: Map<_, _> = (0..50).map(|n| (format!("field{n}"), leaf(n))).collect();
            let group =
                json!({"type": "object", "description": "A group.", "properties": properties});
            (format!("group{at}"), group)
        })
        .collect()
}

fn main() {
    let cluster = Cluster::new(ClusterOptions::default());
    let (schemas, values): (Map<_, _>, Map<_, _>) = (0..84)
        .map(|at| {
            let (schema, value) = field(at);
            let name = format!("field{at}");
            ((name.clone(), schema), (name, value))
        })
        .unzip();
    cluster
        .define(&crd("smalls", "Small", &schemas))
        .expect("a valid definition");
    let body = json!({
        "apiVersion": "bench.example/v1", "kind": "Small",
        "metadata": {"name": "one", "labels": {"app": "bench"}}, "spec": values,
    });
    let body = Bytes::from(body.to_string());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let rounds = 2000;
    let uri = "/apis/bench.example/v1/namespaces/default/smalls?dryRun=All&fieldValidation=Strict";
    let post = || {
        let request = Request::post(uri)
            .header("content-type", "application/json")
            .body(body.clone())
            .expect("a request");
        let response = runtime.block_on(cluster.call(request));
        assert_eq!(response.status(), 201);
    };
    for _ in 0..100 {
        post();
    }
    let start = Instant::now();
    for _ in 0..rounds {
        post();
    }
    let object = start.elapsed() / rounds;
    println!("create an object of 100 fields: {object:?} (of {OBJECT:?})");

    let definition = crd("larges", "Large", &large());
    let size = definition.to_string().len();
    let start = Instant::now();
    cluster.define(&definition).expect("a valid definition");
    let loaded = start.elapsed();
    println!("load a definition of {size} bytes: {loaded:?} (of {DEFINITION:?})");

    if let Ok(home) = std::env::var("CRDS") {
        directory(&home);
    }
    assert!(object < OBJECT, "objects are too slow");
    assert!(loaded < DEFINITION, "definitions are too slow");
}

/// Loads all definitions of a directory, `CRDS=dir`: `*.json`, one each.
fn directory(home: &str) {
    let mut paths: Vec<_> = std::fs::read_dir(home)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("a file");
        let crd: Value = serde_json::from_str(&text).expect("JSON");
        let start = Instant::now();
        let outcome = Cluster::new(ClusterOptions::default()).define(&crd);
        let (took, size) = (start.elapsed(), text.len());
        match outcome {
            Ok(_) => println!("{}: {size} bytes, {took:?}", path.display()),
            Err(error) => println!("{}: {error:?}", path.display()),
        }
    }
}

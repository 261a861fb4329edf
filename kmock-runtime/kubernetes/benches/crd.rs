//! How long custom resources take: `cargo bench -p kmock-kubernetes --bench crd`.
//!
//! Measured is the whole way of a request in the process, with a schema and without one: the difference is what
//! unknown fields, defaults, and validation take. A definition of a megabyte is checked, compiled, and established before the call returns.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use kmock_kubernetes::{Cluster, ClusterOptions};
use serde_json::{Map, Value, json};

/// What the schema of an object of 100 fields may cost: unknown fields, defaults, and validation.
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
    let mut free = crd("frees", "Free", &Map::new());
    free["spec"]["versions"][0]["schema"]["openAPIV3Schema"] =
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    cluster.define(&free).expect("a valid definition");
    let checked = create(&cluster, "smalls", "Small", &values);
    let unchecked = create(&cluster, "frees", "Free", &values);
    let object = checked.saturating_sub(unchecked);
    println!("create an object of 100 fields: {checked:?}, without a schema {unchecked:?}");
    println!("what its schema costs: {object:?} (of {OBJECT:?})");

    let definition = crd("larges", "Large", &large());
    let size = definition.to_string().len();
    let load = |_| {
        let start = Instant::now();
        let cluster = Cluster::new(ClusterOptions::default());
        cluster.define(&definition).expect("a valid definition");
        start.elapsed()
    };
    let loaded = (0..5).map(load).min().unwrap_or_default();
    println!("load a definition of {size} bytes: {loaded:?} (of {DEFINITION:?})");

    if let Ok(home) = std::env::var("CRDS") {
        directory(&home);
    }
    assert!(object < OBJECT, "objects are too slow");
    assert!(loaded < DEFINITION, "definitions are too slow");
}

/// How long a dry run of a creation takes, from bytes to bytes.
fn create(cluster: &Cluster, plural: &str, kind: &str, spec: &Map<String, Value>) -> Duration {
    let body = json!({
        "apiVersion": "bench.example/v1", "kind": kind,
        "metadata": {"name": "one", "labels": {"app": "bench"}}, "spec": spec,
    });
    let body = Bytes::from(body.to_string());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let uri = format!(
        "/apis/bench.example/v1/namespaces/default/{plural}?dryRun=All&fieldValidation=Strict"
    );
    let post = || {
        let request = Request::post(&uri)
            .header("content-type", "application/json")
            .body(body.clone())
            .expect("a request");
        let response = runtime.block_on(cluster.call(request));
        assert_eq!(response.status(), 201);
    };
    // The quietest of some batches: other work on the machine is not meant.
    let rounds = 100;
    let batch = |_| {
        let start = Instant::now();
        (0..rounds).for_each(|_| post());
        start.elapsed() / rounds
    };
    (0..20).map(batch).min().unwrap_or_default()
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

//! Many at once: writers, watchers, listers with paging, managers that apply, deleters of what has finalizers. Whatever the
//! order, no update is lost, each watch tells the store's history without a gap and in order, lists are snapshots, and no uid
//! comes again.
//!
//! The tasks are woven by a seed on one thread: a failure names it, and `KMOCK_SEED=n` plays it again. `KMOCK_SEEDS=5000` plays
//! more than the few that a usual run has.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use fastrand::Rng;
use futures::StreamExt;
use http::Request;
use kmock_kubernetes::{ApiBody, Cluster};
use serde_json::{Value, json};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const WRITERS: usize = 64;
const ROUNDS: u64 = 3;
const KEYS: usize = 5;
const MANAGERS: usize = 6;
const DELETERS: usize = 6;

/// Lets others go first, some of the times; each task has dice of its own.
async fn pause(dice: &mut Rng) {
    for _ in 0..dice.u8(..4) {
        tokio::task::yield_now().await;
    }
}

async fn send(
    cluster: &Cluster,
    method: &str,
    uri: &str,
    kind: &str,
    body: &Value,
) -> (u16, ApiBody) {
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .header("content-type", kind)
        .header("accept", "application/json")
        .body(match body {
            Value::Null => Bytes::new(),
            body => body.to_string().into(),
        });
    let answer = cluster.call(request.expect("a request")).await;
    (answer.status().as_u16(), answer.into_body())
}

async fn call(cluster: &Cluster, method: &str, uri: &str, kind: &str, body: Value) -> (u16, Value) {
    match send(cluster, method, uri, kind, &body).await {
        (status, ApiBody::Full(bytes)) => {
            (status, serde_json::from_slice(&bytes).unwrap_or_default())
        }
        (status, _) => (status, Value::Null),
    }
}

const JSON: &str = "application/json";

fn revision(object: &Value) -> u64 {
    let text = object["metadata"]["resourceVersion"]
        .as_str()
        .unwrap_or_default();
    text.parse().expect("a version")
}

/// Adds one to a number, as often as it takes until nobody was faster.
async fn increment(cluster: &Cluster, dice: &mut Rng, name: &str) {
    let uri = format!("{MAPS}/{name}");
    loop {
        let (status, mut map) = call(cluster, "GET", &uri, JSON, Value::Null).await;
        assert_eq!(status, 200);
        pause(dice).await;
        let number: u64 = map["data"]["n"]
            .as_str()
            .expect("a text")
            .parse()
            .expect("a number");
        map["data"]["n"] = (number + 1).to_string().into();
        match call(cluster, "PUT", &uri, JSON, map).await.0 {
            200 => return,
            409 => {}
            other => panic!("a PUT is answered with {other}"),
        }
    }
}

async fn apply(cluster: &Cluster, dice: &mut Rng, manager: usize) {
    for round in 0..ROUNDS {
        pause(dice).await;
        let uri = format!("{MAPS}/shared?fieldManager=m{manager}");
        let body = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shared"},
            "data": {format!("m{manager}"): round.to_string()},
        });
        let (status, answer) =
            call(cluster, "PATCH", &uri, "application/apply-patch+yaml", body).await;
        assert!(status < 300, "{status} {answer}");
    }
}

/// Creates under one name again and again, deletes, and takes the finalizer away.
async fn delete(cluster: &Cluster, dice: &mut Rng, n: usize) {
    let (name, uri) = (format!("gone-{}", n % 3), format!("{MAPS}/gone-{}", n % 3));
    for _ in 0..ROUNDS {
        let body = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "finalizers": ["example.com/hold"]},
        });
        // Somebody else may have made it, or be about to end it.
        call(cluster, "POST", MAPS, JSON, body).await;
        pause(dice).await;
        call(cluster, "DELETE", &uri, JSON, Value::Null).await;
        pause(dice).await;
        let free = json!({"metadata": {"finalizers": null}});
        call(cluster, "PATCH", &uri, "application/merge-patch+json", free).await;
        pause(dice).await;
    }
    // Nothing is left, whoever made it last.
    call(cluster, "DELETE", &uri, JSON, Value::Null).await;
    let free = json!({"metadata": {"finalizers": null}});
    call(cluster, "PATCH", &uri, "application/merge-patch+json", free).await;
}

/// What a watch tells, until it is stopped.
async fn watch(cluster: Cluster, from: u64, told: Arc<Mutex<Vec<(String, u64, Value)>>>) {
    let uri = format!("{MAPS}?watch=1&resourceVersion={from}");
    let (status, ApiBody::Stream(mut stream)) =
        send(&cluster, "GET", &uri, JSON, &Value::Null).await
    else {
        panic!("a watch is no stream")
    };
    assert_eq!(status, 200);
    while let Some(chunk) = stream.next().await {
        for line in chunk
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            let event: Value = serde_json::from_slice(line).expect("an event");
            let change = event["type"].as_str().expect("a type").to_owned();
            let at = revision(&event["object"]);
            told.lock()
                .expect("no panic")
                .push((change, at, event["object"].clone()));
        }
    }
}

/// A list in pages, and the version that all of them have.
async fn list(cluster: &Cluster, dice: &mut Rng) -> (u64, Vec<Value>) {
    let mut items = Vec::new();
    let mut at = None;
    let mut more = String::new();
    loop {
        let uri = format!("{MAPS}?limit=3{more}");
        let (status, page) = call(cluster, "GET", &uri, JSON, Value::Null).await;
        assert_eq!(status, 200, "{page}");
        let version = revision(&page);
        assert_eq!(
            *at.get_or_insert(version),
            version,
            "pages are of one version"
        );
        items.extend(page["items"].as_array().expect("items").iter().cloned());
        match page["metadata"]["continue"].as_str() {
            Some(token) if !token.is_empty() => more = format!("&continue={token}"),
            _ => return (version, items),
        }
        pause(dice).await;
    }
}

fn name(object: &Value) -> String {
    object["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// What a list answered: its resourceVersion and its items.
type Listed = (u64, Vec<Value>);

async fn play(seed: u64) {
    let cluster = Cluster::default();
    for key in 0..KEYS {
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("n{key}")}, "data": {"n": "0"}});
        assert_eq!(call(&cluster, "POST", MAPS, JSON, map).await.0, 201);
    }
    let (from, first) = list(&cluster, &mut Rng::with_seed(seed)).await;
    let told: Vec<Arc<Mutex<Vec<_>>>> = (0..3).map(|_| Arc::default()).collect();
    let watching: Vec<_> = told
        .iter()
        .map(|told| tokio::spawn(watch(cluster.clone(), from, Arc::clone(told))))
        .collect();
    let mut tasks = tokio::task::JoinSet::new();
    let dice = |n: usize| Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(n as u64));
    let lists: Arc<Mutex<Vec<Listed>>> = Arc::default();
    for n in 0..WRITERS {
        let (cluster, mut dice) = (cluster.clone(), dice(n));
        tasks.spawn(async move {
            for _ in 0..ROUNDS {
                pause(&mut dice).await;
                increment(&cluster, &mut dice, &format!("n{}", n % KEYS)).await;
            }
        });
    }
    for n in 0..MANAGERS {
        let (cluster, mut dice) = (cluster.clone(), dice(1000 + n));
        tasks.spawn(async move { apply(&cluster, &mut dice, n).await });
    }
    for n in 0..DELETERS {
        let (cluster, mut dice) = (cluster.clone(), dice(2000 + n));
        tasks.spawn(async move { delete(&cluster, &mut dice, n).await });
    }
    for n in 0..2 {
        let (cluster, mut dice, lists) = (cluster.clone(), dice(3000 + n), Arc::clone(&lists));
        tasks.spawn(async move {
            for _ in 0..6 {
                pause(&mut dice).await;
                let listed = list(&cluster, &mut dice).await;
                lists.lock().expect("no panic").push(listed);
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
    // No update is lost.
    let (_, last) = list(&cluster, &mut Rng::with_seed(seed)).await;
    let sum: u64 = last
        .iter()
        .filter_map(|map| map["data"]["n"].as_str()?.parse::<u64>().ok())
        .sum();
    assert_eq!(
        sum,
        WRITERS as u64 * ROUNDS,
        "seed {seed}: an update is lost"
    );
    let shared = last
        .iter()
        .find(|map| name(map) == "shared")
        .expect("it is there");
    let fields = shared["data"].as_object().expect("data");
    assert_eq!(fields.len(), MANAGERS, "seed {seed}: {fields:?}");
    let written = (ROUNDS - 1).to_string();
    assert!(
        fields.values().all(|value| *value == written.as_str()),
        "seed {seed}: {fields:?}"
    );
    assert!(
        last.iter().all(|map| !name(map).starts_with("gone")),
        "seed {seed}: something is left"
    );
    // What happened, by the store.
    let objects = cluster.objects();
    let names: HashSet<String> = (0..KEYS)
        .map(|key| format!("n{key}"))
        .chain((0..3).map(|n| format!("gone-{n}")))
        .chain(["shared".to_owned()])
        .collect();
    let mut history = BTreeMap::new();
    let mut uids: BTreeMap<String, HashSet<String>> = BTreeMap::new();
    for name in &names {
        let mut uid = String::new();
        for version in objects.history("configmaps", name) {
            let own = version.value()["metadata"]["uid"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            if own != uid {
                let new = uids.entry(own.clone()).or_default().is_empty();
                assert!(new, "seed {seed}: the uid {own} comes again");
                uids.entry(own.clone()).or_default().insert(name.clone());
                uid = own;
            }
            let at = revision(version.value());
            let before = history.insert(at, (version.is_deleted(), version.value().clone()));
            assert!(before.is_none(), "seed {seed}: two changes at {at}");
        }
    }
    // Each watch tells just that: in order, without a gap, and nothing twice.
    let wanted: Vec<u64> = history.keys().copied().filter(|at| *at > from).collect();
    for told in &told {
        for _ in 0..10_000 {
            if told.lock().expect("no panic").len() >= wanted.len() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let told = told.lock().expect("no panic");
        let versions: Vec<u64> = told.iter().map(|(_, at, _)| *at).collect();
        assert_eq!(
            versions, wanted,
            "seed {seed}: a watch tells something else than the store"
        );
        for (change, at, object) in told.iter() {
            let (deleted, value) = &history[at];
            assert_eq!(change == "DELETED", *deleted, "seed {seed}: at {at}");
            assert_eq!(object["data"], value["data"], "seed {seed}: at {at}");
        }
    }
    // A list is the state at its version.
    let start: BTreeMap<String, Value> = first.iter().map(|map| (name(map), map.clone())).collect();
    for (at, items) in lists.lock().expect("no panic").iter() {
        let mut state = start.clone();
        for (_, (deleted, value)) in history.range(from + 1..=*at) {
            match deleted {
                true => drop(state.remove(&name(value))),
                false => drop(state.insert(name(value), value.clone())),
            }
        }
        let listed: Vec<(String, u64)> = items
            .iter()
            .filter(|map| names.contains(&name(map)))
            .map(|map| (name(map), revision(map)))
            .collect();
        let wanted: Vec<(String, u64)> = state
            .iter()
            .filter(|(name, _)| names.contains(*name))
            .map(|(name, map)| (name.clone(), revision(map)))
            .collect();
        assert_eq!(listed, wanted, "seed {seed}: a list at {at} is no snapshot");
    }
    for one in watching {
        one.abort();
    }
}

#[test]
fn whatever_the_order_nothing_is_lost_doubled_or_out_of_order() {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let seeds: Vec<u64> = match number("KMOCK_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("KMOCK_SEEDS").unwrap_or(5)).collect(),
    };
    for seed in seeds {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(play(seed));
    }
}

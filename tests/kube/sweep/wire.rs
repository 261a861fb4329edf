//! Within a sweep a client of the server needs no socket. What it sees of a wire that breaks is the same.

use std::sync::Mutex;

use futures::TryStreamExt;
use kube::api::{WatchEvent, WatchParams};

use super::*;

/// How an exchange breaks, each with the name of the object that is asked for.
fn breaks() -> Vec<(&'static str, Fault)> {
    vec![
        ("reset", Fault::reset()),
        ("closed", Fault::close()),
        ("reset-in-head", Fault::reset().in_head(20)),
        ("closed-in-head", Fault::close().in_head(20)),
        ("reset-in-body", Fault::reset().in_body(4)),
        ("closed-in-body", Fault::truncate(4)),
        ("too-short", Fault::content_length(2_000)),
        ("half-a-chunk", Fault::truncated_chunk()),
        ("no-http", Fault::garbage()),
        ("nothing-more", Fault::stall()),
        ("nothing-more-of-the-body", Fault::stall().in_body(4)),
    ]
}

fn told<T: std::fmt::Debug>(outcome: kube::Result<T>) -> String {
    match outcome {
        Ok(got) => format!("{got:?}"),
        Err(error) => format!("{error:?}"),
    }
}

/// What the client of a server sees of each break, and how many requests it made for it.
async fn seen(k: KMock) -> Vec<String> {
    let client = k.client();
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let mut seen = Vec::new();
    for (name, fault) in breaks() {
        let body = json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name}});
        let rule = k
            .on(Filter::from("get v1/configmaps") & Filter::named(name))
            .json(body)
            .fault(fault);
        let got = tokio::time::timeout(Duration::from_secs(300), maps.get(name)).await;
        let got = got.map_or_else(|_| "nothing for five minutes".to_owned(), told);
        seen.push(format!("{name}: {got}, {} requests", rule.requests().len()));
    }
    // What breaks while it is still written.
    let upload = k
        .on("create v1/secrets")
        .status(201)
        .fault(Fault::reset().in_upload(1_000));
    let large = Secret {
        string_data: Some([("all".to_owned(), "x".repeat(3_000_000))].into()),
        ..data_of(1)
    };
    let made = data(&client).create(&PostParams::default(), &large).await;
    seen.push(format!(
        "upload: {}, {} requests",
        told(made.map(drop)),
        upload.requests().len()
    ));
    // A server that goes away, with a watch and a connection that waits to be used again.
    k.objects()
        .seed(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}));
    let watching = maps.watch(&WatchParams::default(), "0").await;
    let mut watching = std::pin::pin!(watching.expect("a watch"));
    let first = watching.try_next().await;
    assert!(matches!(first, Ok(Some(WatchEvent::Added(_)))), "{first:?}");
    k.disconnect();
    let end = watching.try_next().await;
    seen.push(format!("watch: {}", told(end.map(|event| event.is_some()))));
    seen.push(format!("again: {}", told(maps.get("a").await.map(drop))));
    k.go_away().expect("it goes");
    seen.push(format!("away: {}", told(maps.get("a").await)));
    k.come_back().expect("it comes");
    seen.push(format!("back: {}", told(maps.get("a").await.map(drop))));
    seen
}

#[test]
fn breaks_are_the_same_without_a_socket() {
    static OVER_TCP: Mutex<Vec<String>> = Mutex::new(Vec::new());
    static WITHIN: Mutex<Vec<Vec<String>>> = Mutex::new(Vec::new());
    let options = TestOptions::new("breaks").start_paused(true);
    run_async::<[(); 1], _>(options.clone(), |k: KMock| async {
        *OVER_TCP.lock().expect("no panic") = seen(k).await;
    });
    run_sweep::<[(); 1], _>(
        options.sweep(SweepOptions::new().share(0.0)),
        |k: KMock| async move {
            let seen = seen(k.clone()).await;
            // None of these came over a socket: systems hand out higher ports.
            let ports: Vec<_> = k
                .requests()
                .iter()
                .map(|one| one.peer().map(|peer| peer.port()))
                .collect();
            assert!(
                ports
                    .iter()
                    .all(|port| port.is_some_and(|port| port < 30_000)),
                "{ports:?}"
            );
            WITHIN.lock().expect("no panic").push(seen);
        },
    );
    let over_tcp = OVER_TCP.lock().expect("no panic");
    let within = WITHIN.lock().expect("no panic");
    // The one that learns, and the one that looks whether the next is alike.
    assert_eq!(within.len(), 2);
    for within in &*within {
        for (within, over_tcp) in within.iter().zip(&*over_tcp) {
            assert_eq!(within, over_tcp);
        }
        assert_eq!(within.len(), over_tcp.len());
    }
}

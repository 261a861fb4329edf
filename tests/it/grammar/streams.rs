//! Streams and feeds.

use std::{sync::Arc, time::Duration};

use kmock::prelude::*;
use tokio::{sync::Notify, time::Instant};

#[kmock::test(start_paused = true)]
async fn items(k: KMock) {
    let names = vec!["a".to_owned(), "b".to_owned()];
    kmock! {
        stream "/" => [
            b"hello", sleep(1s), b", world!\n",
            { "key": "val" }, "text", 7, true, null,
            text "raw\n",
            for i in (0..2).rev() { format!("{i}…\n").into_bytes(), sleep(250ms) }
            for name in &names { name.clone() },
            [ 1, [ 2 ] ],
            || json!({ "now": 1 }),
            |req| req.url_path().to_owned(),
            async || "later",
            json(names.len()),
        ];
        GET "/with-head" => 201, header { "X": "1" }, stream [ b"x" ];
        stream "/prefixed" => 202, [ b"y" ];
    }
    let started = Instant::now();
    let got = k.get("/").await.text();
    assert_eq!(
        got,
        "hello, world!\n{\"key\":\"val\"}\n\"text\"\n7\ntrue\nnull\nraw\n1…\n0…\n\"a\"\n\"b\"\n1\n2\n{\"now\":1}\n\"/\"\n\"later\"\n2\n"
    );
    assert_eq!(started.elapsed(), Duration::from_millis(1500));
    let head = k.get("/with-head").await;
    assert_eq!(
        (head.status(), head.header("x"), head.text().as_str()),
        (201, Some("1"), "x")
    );
    let prefixed = k.get("/prefixed").await;
    assert_eq!((prefixed.status(), prefixed.text().as_str()), (202, "y"));
}

#[kmock::test]
async fn names_of_values_and_functions(k: KMock) {
    fn seven() -> u8 {
        7
    }
    fn target(request: Request) -> String {
        request.target().to_owned()
    }
    async fn later() -> serde_json::Value {
        json!(["later"])
    }
    async fn nothing_of(_request: Request) {}
    let (number, text, bytes) = (5, "text", b"bytes\n");
    let part = Stream::new().item(1).item(2);
    kmock! {
        stream "/" => [
            seven, target, later, nothing_of, number, text, bytes, part,
            for n in 0..2 { n, sleep(1ms) },
        ];
    }
    let want = "7\n\"/\"\n[\"later\"]\n5\n\"text\"\nbytes\n1\n2\n0\n1\n";
    assert_eq!(k.get("/").await.text(), want);
}

#[kmock::test]
async fn sources_are_streams_iterators_and_receivers(k: KMock) {
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    let (blocking, blocked) = std::sync::mpsc::channel();
    let (broadcast, heard) = tokio::sync::broadcast::channel(1);
    for n in 0..3 {
        sender.send(n).await.unwrap();
        broadcast.send(n).unwrap();
    }
    drop(sender);
    kmock! {
        stream "/iterator" => [ from((0..3).map(|n| format!("{n}"))), "end" ];
        stream "/receiver" => [ from(receiver) ];
        stream "/blocking" => [ from(blocked) ];
        stream "/late" => [ b"", from(heard) ];
        stream "/panics" => [ "first", from((0..1).map(|_| -> u8 { panic!("no more") })) ];
        GET "/now" => 200;
    }
    assert_eq!(
        k.get("/iterator").await.text(),
        "\"0\"\n\"1\"\n\"2\"\n\"end\"\n"
    );
    assert_eq!(k.get("/iterator").await.text(), "\"end\"\n");
    assert_eq!(k.get("/receiver").await.text(), "0\n1\n2\n");
    let blocked = tokio::spawn({
        let k = k.clone();
        async move { k.get("/blocking").await.text() }
    });
    // It blocks a thread, and nobody else.
    assert_eq!(k.get("/now").await.status(), 200);
    blocking.send("at last").unwrap();
    drop(blocking);
    assert_eq!(blocked.await.unwrap(), "\"at last\"\n");
    assert!(k.get("/late").send().await.is_err());
    assert!(k.get("/panics").send().await.is_err());
    let errors = k.errors();
    assert!(
        errors[0].contains("lagged") && errors[1].contains("no more"),
        "{errors:?}"
    );
}

#[kmock::test]
async fn parts_that_deplete(k: KMock) {
    let source = futures::stream::iter(["one", "two"]);
    kmock! {
        stream "/once" => [ once [ "first" ], "always" ];
        stream "/from" => [ from(source), "end" ];
    }
    assert_eq!(k.get("/once").await.text(), "\"first\"\n\"always\"\n");
    assert_eq!(k.get("/once").await.text(), "\"always\"\n");
    assert_eq!(k.get("/from").await.text(), "\"one\"\n\"two\"\n\"end\"\n");
    assert_eq!(k.get("/from").await.text(), "\"end\"\n");
}

#[kmock::test]
async fn waits(k: KMock) {
    let (sender, receiver) = tokio::sync::oneshot::channel::<u8>();
    let notify = Arc::new(Notify::new());
    let (told, gate) = (Arc::clone(&notify), Gate::new());
    kmock! {
        stream "/" => [
            wait(receiver), "sent",
            wait(async move || told.notified().await), "told",
            wait(|| async { tokio::task::yield_now().await }), "yielded",
            hold(&gate), "released",
        ];
    }
    let reader = tokio::spawn({
        let k = k.clone();
        async move { k.get("/").await.text() }
    });
    sender.send(1).unwrap();
    notify.notify_one();
    gate.arrived().await;
    gate.release();
    assert_eq!(
        reader.await.unwrap(),
        "\"sent\"\n\"told\"\n\"yielded\"\n\"released\"\n"
    );
}

#[kmock::test]
async fn events(k: KMock) {
    kmock! { stream "/" => [ sse { event: "tick", data: { "n": 1 }, id: 7, retry: 2s }, sse { data: "text" } ]; }
    let got = k.get("/").await;
    assert!(
        got.header("content-type")
            .is_some_and(|kind| kind.starts_with("text/event-stream"))
    );
    let text = got.text();
    for line in [
        "event: tick",
        "data: {\"n\":1}",
        "id: 7",
        "retry: 2000",
        "data: text",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[kmock::test]
async fn broken_streams(k: KMock) {
    kmock! { stream "/" => [ b"half", reset ]; }
    assert!(k.get("/").send().await.is_err());
}

#[kmock::test]
async fn live_streams_are_fed(k: KMock) {
    kmock! {
        let a = stream "/a" => [ "start", ..., "end" ];
        stream "/b" => [ ... ];
    }
    let ask = |path: &'static str| {
        let k = k.clone();
        tokio::spawn(async move { k.get(path).await.text() })
    };
    let (first, second) = (ask("/a"), ask("/b"));
    k.waiting(2).await.unwrap();
    kmock! { ... => [ "to all", ... ]; }
    k.waiting(2).await.unwrap();
    kmock! { GET "/a" ... => "only a"; }
    assert_eq!(
        first.await.unwrap(),
        "\"start\"\n\"to all\"\n\"only a\"\n\"end\"\n"
    );
    kmock! { ... => [ || "bye" ]; }
    assert_eq!(second.await.unwrap(), "\"to all\"\n\"bye\"\n");
    assert_requests!(a == 1);
}

#[kmock::test]
async fn files_heads_and_stops(k: KMock) {
    kmock! {
        stream "/file" => [ head, file "ui/rules/recovery.rs", stop, "never" ];
        stream "/parts" => [ once [ "one", stop ], once [ "two", stop ], "rest" ];
    }
    assert!(k.get("/file").await.text().ends_with("fn main() {}\n"));
    let mut parts = Vec::new();
    for _ in 0..3 {
        parts.push(k.get("/parts").await.json());
    }
    assert_eq!(parts, ["one", "two", "rest"]);
}

#[kmock::test(start_paused = true)]
async fn jitter_is_drawn_by_the_seed(k: KMock) {
    kmock! {
        stream "/" => [ sleep(1s..2s), "x" ];
        GET "/delay" => sleep(1s..=2s), 201;
    }
    let started = Instant::now();
    k.get("/").await;
    k.get("/delay").await;
    assert!((2..=4).contains(&started.elapsed().as_secs()));
}

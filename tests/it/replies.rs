//! What rules answer: every kind of reply, what depletes, what is awaited, what blocks.

use std::{
    io::{Cursor, Write},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use kmock::{
    Json, KMock, Reply, Stream,
    reply::{awaited, each},
};
use serde_json::json;
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    time::Instant,
};

/// A file of this test alone.
fn scratch(name: &str, content: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("kmock-{}-{name}", std::process::id()));
    std::fs::write(&path, content).expect("a file");
    path
}

#[kmock::test]
async fn statuses_headers_cookies_and_reasons_add_up(k: KMock) {
    k.on("/")
        .status(404)
        .reason("Nothing Here")
        .header("My-Header", "hello")
        .cookie("SessionId", "123abc")
        .cookie("theme", "dark; Path=/; Max-Age=60")
        .json(json!({"items": []}));
    let response = k.get("/").await;
    assert_eq!(
        (response.status(), response.reason()),
        (404, "Nothing Here")
    );
    assert_eq!(response.header("my-header"), Some("hello"));
    assert_eq!(response.cookie("SessionId"), Some("123abc"));
    assert_eq!(response.cookie("theme"), Some("dark"));
    assert_eq!(response.json(), json!({"items": []}));
}

#[kmock::test]
async fn texts_are_json_unless_they_are_bytes_or_said_to_be_text(k: KMock) {
    k.on("/json").reply("hello");
    k.on("/text").text("hello");
    k.on("/body").body(&b"hello"[..]);
    k.on("/number").reply(Json(404));
    k.on("/status").reply(404);
    assert_eq!(k.get("/json").await.text(), "\"hello\"");
    assert_eq!(k.get("/text").await.text(), "hello");
    assert_eq!(k.get("/body").await.text(), "hello");
    let number = k.get("/number").await;
    assert_eq!((number.status(), number.text().as_str()), (200, "404"));
    assert_eq!(k.get("/status").await.status(), 404);
}

#[kmock::test]
async fn files_are_read_anew_or_read_on(k: KMock) {
    let path = scratch("file.txt", "hello");
    k.on("/anew").file(&path);
    k.on("/on").file_once(&path);
    k.on("/on").text("next rule");
    assert_eq!(k.get("/anew").await.text(), "hello");
    assert_eq!(k.get("/on").await.text(), "hello");
    assert_eq!(k.get("/on").await.text(), "next rule");
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .expect("a file");
    file.write_all(b" again").expect("written");
    assert_eq!(k.get("/anew").await.text(), "hello again");
    assert_eq!(k.get("/on").await.text(), " again");
    assert_eq!(k.get("/on").await.text(), "next rule");
    let kind = k.get("/anew").await;
    assert_eq!(
        kind.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    std::fs::remove_file(&path).expect("removed");
    assert_eq!(k.get("/anew").await.status(), 500);
    assert_eq!(k.errors().len(), 1);
}

#[kmock::test]
async fn readers_are_read_once(k: KMock) {
    k.on("/").reader(Cursor::new("prepared buffer"));
    k.on("/").text("next rule");
    assert_eq!(k.get("/").await.text(), "prepared buffer");
    assert_eq!(k.get("/").await.text(), "next rule");
}

#[kmock::test]
async fn raw_responses_are_sent_once_and_functions_make_more(k: KMock) {
    fn raw() -> axum::http::Response<axum::body::Body> {
        axum::http::Response::builder()
            .status(418)
            .header("x-a", "1")
            .body("tea".into())
            .expect("a response")
    }
    k.on("/once").reply(raw());
    k.on("/once").text("next rule");
    k.on("/each").reply_with(|_| raw());
    let once = k.get("/once").await;
    assert_eq!(
        (once.status(), once.header("x-a"), once.text().as_str()),
        (418, Some("1"), "tea")
    );
    assert_eq!(k.get("/once").await.text(), "next rule");
    for _ in 0..2 {
        assert_eq!(k.get("/each").await.text(), "tea");
    }
}

#[kmock::test]
async fn anything_serialize_is_a_reply(k: KMock) {
    #[derive(serde::Serialize)]
    struct Point {
        x: u8,
    }
    k.on("/").json(Point { x: 1 });
    assert_eq!(k.get("/").await.json(), json!({"x": 1}));
}

#[kmock::test]
async fn none_steps_aside_and_errors_are_recorded(k: KMock) {
    let some = k
        .on("/n")
        .reply_with(|req| (req.id() == 0).then_some(Ok::<u16, String>(201)));
    k.on("/n").status(202);
    k.on("/err").reply_with(|_| Err::<u16, _>("boo!"));
    k.on("/fail").reply(Reply::failure("ZeroDivisionError"));
    assert_eq!(k.get("/n").await.status(), 201);
    assert_eq!(k.get("/n").await.status(), 202);
    assert_eq!(some.count(), 1);
    assert!(k.get("/err").await.text().contains("boo!"));
    let failed = k.get("/fail").await;
    assert_eq!(failed.status(), 500);
    assert!(failed.text().contains("ZeroDivisionError"));
    assert_eq!(k.errors().len(), 2);
}

#[kmock::test]
async fn each_item_is_one_reply_and_then_the_rule_steps_aside(k: KMock) {
    let flaky = k.on("/").reply(each([503, 503]));
    k.on("/").text("well");
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(k.get("/").await.status());
    }
    assert_eq!(all, [503, 503, 200, 200]);
    assert_eq!(flaky.count(), 2);
}

#[kmock::test]
async fn the_counter_example_of_the_original(k: KMock) {
    let source = std::sync::Mutex::new(0..5);
    k.on("/").reply_with(move |_| {
        let next = source.lock().expect("no panic").next();
        next.map(|n| json!({"counter": n}))
    });
    k.on("/").status(404);
    let mut texts = Vec::new();
    loop {
        let response = k.get("/").await;
        if response.status() != 200 {
            break;
        }
        texts.push(response.json()["counter"].clone());
    }
    assert_eq!(texts, [0, 1, 2, 3, 4]);
}

#[kmock::test(start_paused = true)]
async fn futures_and_channels_are_replies(k: KMock) {
    let started = Instant::now();
    let (value, later) = oneshot::channel();
    k.on("/oneshot").reply(later);
    k.on("/task").reply(tokio::spawn(async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        (201, "done")
    }));
    k.on("/future").reply(awaited(async { "awaited" }));
    let (newest, seen) = watch::channel("old");
    k.on("/watch").reply(seen);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        value.send("sent").expect("somebody waits");
        newest.send("new").expect("somebody watches");
        tokio::time::sleep(Duration::from_secs(60)).await;
    });
    assert_eq!(k.get("/oneshot").await.json(), "sent");
    assert_eq!(started.elapsed(), Duration::from_secs(1));
    assert_eq!(k.get("/oneshot").await.json(), "sent");
    let task = k.get("/task").await;
    assert_eq!((task.status(), task.json()), (201, json!("done")));
    assert_eq!(started.elapsed(), Duration::from_secs(2));
    assert_eq!(k.get("/future").await.json(), "awaited");
    assert_eq!(k.get("/watch").await.json(), "new");
}

#[kmock::test(start_paused = true)]
async fn a_queue_answers_one_request_an_item(k: KMock) {
    let started = Instant::now();
    let (queue, items) = mpsc::unbounded_channel();
    k.on("/").reply(items);
    k.on("/").text("closed");
    let (blocking, received) = std::sync::mpsc::channel();
    k.on("/std").reply(received);
    k.on("/std").text("closed");
    blocking.send(201).expect("received");
    drop(blocking);
    tokio::spawn(async move {
        for (pause, item) in [(1, "hello"), (2, "world")] {
            tokio::time::sleep(Duration::from_secs(pause)).await;
            queue.send(item).expect("received");
        }
    });
    assert_eq!(k.get("/").await.json(), "hello");
    assert_eq!(started.elapsed(), Duration::from_secs(1));
    assert_eq!(k.get("/").await.json(), "world");
    assert_eq!(started.elapsed(), Duration::from_secs(3));
    assert_eq!(k.get("/").await.text(), "closed");
    assert_eq!(k.get("/std").await.status(), 201);
    assert_eq!(k.get("/std").await.text(), "closed");
}

#[kmock::test(start_paused = true)]
async fn a_notification_is_waited_for_and_then_the_next_rule_answers(k: KMock) {
    let notify = Arc::new(Notify::new());
    k.on("/").reply(Arc::clone(&notify));
    k.on("/").text("next rule");
    k.on("/with").reply(Arc::clone(&notify)).text("own");
    let asked = tokio::spawn(k.get("/").send());
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(!asked.is_finished());
    notify.notify_one();
    assert_eq!(
        asked.await.expect("no panic").expect("an answer").text(),
        "next rule"
    );
    notify.notify_one();
    assert_eq!(k.get("/with").await.text(), "own");
}

#[kmock::test(start_paused = true)]
async fn delays_pass_in_virtual_time_with_jitter_by_the_seed(k: KMock) {
    let (least, most) = (Duration::from_millis(50), Duration::from_millis(150));
    k.on("/steady").delay(Duration::from_secs(30)).text("x");
    k.on("/jitter").delay(least..most).text("x");
    let started = Instant::now();
    k.get("/steady").await;
    assert_eq!(started.elapsed(), Duration::from_secs(30));
    let mut waits = Vec::new();
    for _ in 0..10 {
        let started = Instant::now();
        k.get("/jitter").await;
        waits.push(started.elapsed());
    }
    // The timer of tokio counts whole milliseconds.
    let wide = least..=most + Duration::from_millis(1);
    assert!(waits.iter().all(|wait| wide.contains(wait)), "{waits:?}");
    waits.dedup();
    assert!(waits.len() > 5, "{waits:?}");
    let again = KMock::builder().raw(true).start().await.expect("a server");
    again.get("/").await;
    again.on("/jitter").delay(least..most).text("x");
    let mut repeated = Vec::new();
    for _ in 0..10 {
        let started = Instant::now();
        again.get("/jitter").await;
        repeated.push(started.elapsed());
    }
    repeated.dedup();
    assert_eq!(waits, repeated);
}

#[kmock::test]
async fn a_function_that_blocks_holds_up_nobody_else(k: KMock) {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    k.on("/slow").reply_with(move |_| {
        wait.lock().expect("no panic").recv().ok();
        "slow"
    });
    let (next, item) = std::sync::mpsc::channel::<()>();
    let item = std::sync::Mutex::new(item);
    k.on("/stream")
        .stream(Stream::new().item(b"head").call(move || {
            item.lock().expect("no panic").recv().ok();
            "item"
        }));
    k.on("/fast").text("fast");
    let slow = tokio::spawn(k.get("/slow").send());
    k.filter("/slow").wait_for(1).await.expect("it came");
    let mut stream = k.get("/stream").open().await.expect("a head");
    assert_eq!(stream.text().await.expect("a chunk"), "head");
    // Both functions block now; twenty others are answered all the same.
    for _ in 0..20 {
        assert_eq!(k.get("/fast").await.text(), "fast");
    }
    assert!(!slow.is_finished());
    go.send(()).expect("it waits");
    next.send(()).expect("it waits");
    assert_eq!(
        slow.await.expect("no panic").expect("an answer").json(),
        "slow"
    );
    assert_eq!(stream.text().await.expect("a chunk"), "\"item\"\n");
}

#[kmock::test(start_paused = true)]
async fn a_paused_clock_stands_while_a_function_blocks(k: KMock) {
    k.on("/").reply_with(|_| {
        std::thread::sleep(Duration::from_millis(30));
        "done"
    });
    let started = Instant::now();
    let limit = Duration::from_secs(30);
    let response = tokio::time::timeout(limit, k.get("/").send()).await;
    assert_eq!(
        response.expect("in time").expect("an answer").json(),
        "done"
    );
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[kmock::test]
async fn panics_are_recorded_and_the_server_lives_on(k: KMock) {
    k.on("/sync").reply_with(|_| -> u16 { panic!("oh no") });
    k.on("/async")
        .reply_async(|_| async { panic!("oh dear") as u16 });
    k.on("/ok").text("ok");
    assert!(k.get("/sync").await.text().contains("panicked: oh no"));
    assert!(k.get("/async").await.text().contains("panicked: oh dear"));
    assert_eq!(k.get("/ok").await.text(), "ok");
    assert_eq!(k.errors().len(), 2);
}

#[kmock::test]
async fn another_server_may_answer_and_is_recorded(k: KMock, real: KMock) {
    real.on("/api/users")
        .header("x-real", "yes")
        .reply_with(|req| (201, json!({"got": req.json(), "q": req.query("q")})));
    real.on("/api/live")
        .stream(Stream::new().item(b"one").live());
    let forwarded = k.on("/**").proxy(format!("{}/api", real.url()));
    let response = k.post("/users?q=1").json(json!({"a": 1})).await;
    assert_eq!(
        (response.status(), response.header("x-real")),
        (201, Some("yes"))
    );
    assert_eq!(response.json(), json!({"got": {"a": 1}, "q": "1"}));
    let exchange = &forwarded.exchanges()[0];
    assert_eq!(
        (exchange.status(), exchange.request().target()),
        (201, "/users?q=1")
    );
    assert_eq!(exchange.json(), response.json());
    let mut live = k.get("/live").open().await.expect("a head");
    assert_eq!(live.text().await.expect("a chunk"), "one");
    real.waiting(1).await.expect("it waits");
    real.feed(Stream::new().item(b"two"));
    assert_eq!(live.text().await.expect("a chunk"), "two");
    assert_eq!(forwarded.count(), 2);
    real.shutdown();
    let gone = k.get("/x").await;
    assert_eq!(gone.status(), 500);
    assert_eq!(k.errors().len(), 1, "{:?}", k.errors());
}

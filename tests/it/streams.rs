//! Bodies that go out item by item: what is an item, what depletes, when the head is sent, how streams are fed.

use std::{sync::Arc, time::Duration};

use kmock::{Event, Gate, KMock, Stream};
use serde_json::json;
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::Instant,
};

const SECOND: Duration = Duration::from_secs(1);

#[kmock::test]
async fn items_are_bytes_texts_or_json_lines(k: KMock) {
    k.on("/").stream(
        Stream::new()
            .item(b"hello")
            .text(" there\n")
            .json(json!({"hello": "world"}))
            .item(vec![123, 45])
            .item("text")
            .item(true)
            .item(1.5)
            .item(None::<&str>)
            .item(Stream::new().item(1).item(Stream::new().item(2))),
    );
    let text = k.get("/").await.text();
    assert_eq!(
        text,
        "hello there\n{\"hello\":\"world\"}\n{-\"text\"\ntrue\n1.5\n1\n2\n"
    );
}

#[kmock::test]
async fn streams_are_replayed_for_each_request(k: KMock) {
    k.on("/").stream(Stream::new().item(b"always"));
    k.on("/").stream(Stream::new().item(b"never"));
    for _ in 0..2 {
        assert_eq!(k.get("/").await.text(), "always");
    }
}

#[kmock::test]
async fn streams_for_once_deplete_and_the_next_rule_answers(k: KMock) {
    let first = k
        .on("/")
        .status(201)
        .stream(Stream::new().once(Stream::new().item(b"1st")));
    let second = k
        .on("/")
        .stream(Stream::new().from_source(futures::stream::iter([b"2nd"])));
    k.on("/").text("then");
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(k.get("/").await.text());
    }
    assert_eq!(all, ["1st", "2nd", "then", "then"]);
    assert_eq!((first.count(), second.count()), (1, 1));
}

#[kmock::test]
async fn parts_of_a_stream_may_deplete(k: KMock) {
    k.on("/").stream(
        Stream::new()
            .item(b"Each time. ")
            .once(Stream::new().item(b"Only first.").stop())
            .once(Stream::new().item(b"Only second.").stop())
            .item(b"Ever after."),
    );
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(k.get("/").await.text());
    }
    let after = "Each time. Ever after.";
    assert_eq!(
        all,
        [
            "Each time. Only first.",
            "Each time. Only second.",
            after,
            after
        ]
    );
}

#[kmock::test]
async fn files_and_readers_are_parts_of_streams(k: KMock) {
    let path = std::env::temp_dir().join(format!("kmock-{}-part.txt", std::process::id()));
    std::fs::write(&path, "file").expect("written");
    k.on("/anew")
        .stream(Stream::new().file(&path).item(b"//end"));
    k.on("/on")
        .stream(Stream::new().file_once(&path).item(b"//end"));
    k.on("/reader").stream(
        Stream::new()
            .reader(std::io::Cursor::new("buffer"))
            .item(b"//end"),
    );
    for (target, all) in [
        ("/anew", ["file//end", "file//end"]),
        ("/on", ["file//end", "//end"]),
        ("/reader", ["buffer//end", "//end"]),
    ] {
        for want in all {
            assert_eq!(k.get(target).await.text(), want);
        }
    }
    std::fs::remove_file(path).expect("removed");
}

#[kmock::test]
async fn streams_without_anything_to_send_step_aside(k: KMock) {
    let spy = k.on("/").stream(Stream::new());
    let nothing = k
        .on("/")
        .stream(Stream::new().item(()).call(|| None::<i32>));
    k.on("/").text("fin!");
    assert_eq!(k.get("/").await.text(), "fin!");
    assert_eq!((spy.count(), nothing.count()), (0, 0));
}

#[kmock::test(start_paused = true)]
async fn heads_wait_for_the_first_bytes_unless_an_empty_item_sends_them(k: KMock) {
    k.on("/delayed")
        .stream(Stream::new().sleep(5 * SECOND).item(b"hello"));
    k.on("/instant")
        .stream(Stream::new().item(b"").sleep(5 * SECOND).item(b"hello"));
    for (target, wait) in [("/delayed", 5 * SECOND), ("/instant", Duration::ZERO)] {
        let started = Instant::now();
        let mut open = k.get(target).open().await.expect("a head");
        assert_eq!(started.elapsed(), wait, "{target}");
        assert_eq!(open.text().await.expect("a chunk"), "hello");
        assert_eq!(started.elapsed(), 5 * SECOND, "{target}");
    }
}

#[kmock::test]
async fn metadata_goes_with_the_head_of_a_stream(k: KMock) {
    k.on("/")
        .status(404)
        .header("X-Server-Version", "1.2.3")
        .stream(Stream::new().head());
    let response = k.get("/").await;
    assert_eq!(
        (response.status(), response.header("x-server-version")),
        (404, Some("1.2.3"))
    );
    assert_eq!(response.text(), "");
}

#[kmock::test]
async fn a_failure_before_the_head_is_a_500_and_after_it_breaks_the_body(k: KMock) {
    k.on("/before")
        .status(222)
        .stream(Stream::new().call(|| Err::<i32, _>("too early")));
    k.on("/after").status(222).stream(
        Stream::new()
            .item(b"begun")
            .call(|| -> i32 { panic!("too late") }),
    );
    assert_eq!(k.get("/before").await.status(), 500);
    let mut after = k.get("/after").open().await.expect("a head");
    assert_eq!(after.status(), 222);
    assert_eq!(after.text().await.expect("a chunk"), "begun");
    assert!(after.chunk().await.is_err());
    let errors = k.errors();
    assert!(
        errors[0].contains("too early") && errors[1].contains("too late"),
        "{errors:?}"
    );
}

#[kmock::test(start_paused = true)]
async fn items_are_computed_when_the_stream_gets_there(k: KMock) {
    k.on("/greetings").stream(
        Stream::new()
            .sleep(SECOND)
            .item(b"Hello, ")
            .call_with(|req| Stream::new().text(req.query("name").unwrap_or("user")))
            .call_async(|_| async {
                tokio::time::sleep(SECOND).await;
                Stream::new().text("!")
            })
            .lazy(|| (0..2).fold(Stream::new(), Stream::item)),
    );
    let started = Instant::now();
    assert_eq!(
        k.get("/greetings?name=John").await.text(),
        "Hello, John!0\n1\n"
    );
    assert_eq!(started.elapsed(), 2 * SECOND);
    assert_eq!(k.get("/greetings").await.text(), "Hello, user!0\n1\n");
}

#[kmock::test(start_paused = true)]
async fn awaitables_are_items(k: KMock) {
    let notify = Arc::new(Notify::new());
    let (value, later) = oneshot::channel();
    let (queue, items) = mpsc::channel(4);
    k.on("/").stream(
        Stream::new()
            .item(Arc::clone(&notify))
            .item(later)
            .item(items)
            .item(tokio::spawn(async { "task" })),
    );
    tokio::spawn(async move {
        tokio::time::sleep(SECOND).await;
        notify.notify_one();
        tokio::time::sleep(SECOND).await;
        value.send("oneshot").expect("awaited");
        for n in 0..2 {
            queue.send(n).await.expect("received");
        }
        tokio::time::sleep(60 * SECOND).await;
        notify.notify_one();
    });
    let started = Instant::now();
    assert_eq!(k.get("/").await.text(), "\"oneshot\"\n0\n\"task\"\n");
    assert_eq!(started.elapsed(), 2 * SECOND);
    assert_eq!(k.get("/").await.text(), "\"oneshot\"\n1\n\"task\"\n");
}

#[kmock::test]
async fn server_sent_events_have_their_type_and_form(k: KMock) {
    k.on("/").stream(
        Stream::new()
            .sse(
                Event::new()
                    .event("tick")
                    .data(json!({"n": 1}))
                    .id(7)
                    .retry(100),
            )
            .sse(Event::new().data("two\nlines"))
            .sse(Event::new().comment("alive")),
    );
    let response = k.get("/").await;
    assert_eq!(response.header("content-type"), Some("text/event-stream"));
    assert_eq!(
        response.text(),
        "event: tick\ndata: {\"n\":1}\nid: 7\nretry: 100\n\ndata: two\ndata: lines\n\n: alive\n\n"
    );
}

#[kmock::test(start_paused = true)]
async fn the_feeding_example_of_the_original(k: KMock) {
    let stream = k
        .on("get /")
        .stream(Stream::new().item("Hello!").live().item("Good bye!"));
    let reading = tokio::spawn(k.get("/").send());
    stream.waiting(1).await.expect("it waits");
    stream.feed(Stream::new().item(b"Countdown:\n").live());
    for i in (1..=3).rev() {
        stream.feed(Stream::new().item(i).live());
        tokio::time::sleep(SECOND).await;
    }
    stream.feed(Stream::new().item(b""));
    let text = reading.await.expect("no panic").expect("an answer").text();
    assert_eq!(text, "\"Hello!\"\nCountdown:\n3\n2\n1\n\"Good bye!\"\n");
}

#[kmock::test]
async fn streams_are_fed_by_rule_by_filter_and_all_together(k: KMock) {
    let a = k.on("/a").stream(Stream::new().live());
    k.on("/b").stream(Stream::new().live());
    let open = async |target: &str| k.get(target).open().await.expect("a head");
    let (mut one, mut two, mut three) = (open("/a?1").await, open("/a?2").await, open("/b").await);
    k.waiting(3).await.expect("all wait");
    a.waiting(2).await.expect("two of them");
    k.filter("/b").waiting(1).await.expect("and one");
    assert_eq!(k.feed(Stream::new().item("all").live()), 3);
    assert_eq!(a.feed(Stream::new().item("rule").live()), 2);
    assert_eq!(k.filter("/a?1").feed(Stream::new().item("filter")), 1);
    assert_eq!(k.filter("/b").feed(Stream::new().item("other")), 1);
    let read = async |stream: &mut kmock::client::OpenResponse, n: usize| {
        let mut text = String::new();
        for _ in 0..n {
            text += &stream.text().await.expect("a chunk");
        }
        text
    };
    assert_eq!(read(&mut one, 4).await, "\"all\"\n\"rule\"\n\"filter\"\n");
    assert_eq!(read(&mut two, 2).await, "\"all\"\n\"rule\"\n");
    assert_eq!(read(&mut three, 3).await, "\"all\"\n\"other\"\n");
    k.waiting(1).await.expect("the second still waits");
}

#[kmock::test]
async fn nothing_fed_after_the_head_is_lost_and_nothing_before_is_replayed(k: KMock) {
    k.on("/").stream(Stream::new().live());
    assert_eq!(k.feed(Stream::new().item("too early")), 0);
    let mut all = Vec::new();
    for n in 0..20 {
        // Whoever has the head waits already: no pause is needed between the two.
        let mut open = k.get("/").open().await.expect("a head");
        assert_eq!(k.feed(Stream::new().item(n)), 1);
        all.push(open.text().await.expect("a chunk"));
    }
    let want: Vec<_> = (0..20).map(|n| format!("{n}\n")).collect();
    assert_eq!(all, want);
}

#[kmock::test]
async fn many_consumers_each_get_every_item_in_order(k: KMock) {
    k.on("/").stream(Stream::new().live());
    let readers: Vec<_> = (0..50).map(|_| tokio::spawn(k.get("/").send())).collect();
    k.waiting(50).await.expect("all wait");
    for n in 0..20 {
        assert_eq!(k.feed(Stream::new().item(n).live()), 50);
    }
    k.feed(Stream::new().item(b"end"));
    let want: String = (0..20).map(|n| format!("{n}\n")).collect::<String>() + "end";
    for reader in readers {
        assert_eq!(
            reader.await.expect("no panic").expect("an answer").text(),
            want
        );
    }
}

#[kmock::test]
async fn a_consumer_that_goes_away_no_longer_waits(k: KMock) {
    k.on("/").stream(Stream::new().item(b"x").live());
    let mut open = k.get("/").open().await.expect("a head");
    open.text().await.expect("a chunk");
    k.waiting(1).await.expect("it waits");
    drop(open);
    // The server notices when the connection ends; until then feeding is harmless.
    while k.feed(Stream::new().item("gone").live()) > 0 {
        tokio::task::yield_now().await;
    }
}

#[kmock::test]
async fn what_is_fed_may_be_nested_computed_and_waiting_itself(k: KMock) {
    let rule = k.on("/").stream(Stream::new().item(b"a").live().item(b"z"));
    let reading = tokio::spawn(k.get("/").send());
    rule.waiting(1).await.expect("it waits");
    rule.feed(
        Stream::new()
            .item(b"b")
            .item(Stream::new().item(b"c").live()),
    );
    rule.feed(Stream::new().call(|| Stream::new().item(b"d").live()));
    rule.feed(Stream::new().item(b"e").live().item(b"g"));
    rule.feed(Stream::new().item(b"f"));
    let text = reading.await.expect("no panic").expect("an answer").text();
    assert_eq!(text, "abcdefgz");
}

#[kmock::test]
async fn gates_hold_streams_and_answers_one_by_one_or_all(k: KMock) {
    let gate = Gate::new();
    k.on("/stream")
        .stream(Stream::new().item(b"before").hold(&gate).item(b"after"));
    k.on("/held").hold(&gate).text("held");
    let mut stream = k.get("/stream").open().await.expect("a head");
    assert_eq!(stream.text().await.expect("a chunk"), "before");
    gate.arrived().await;
    gate.release_one();
    assert_eq!(stream.text().await.expect("a chunk"), "after");
    let asked: Vec<_> = (0..3)
        .map(|_| tokio::spawn(k.get("/held").send()))
        .collect();
    gate.arrived_times(3).await;
    assert_eq!(gate.waiting(), 3);
    assert!(asked.iter().all(|one| !one.is_finished()));
    gate.release();
    for one in asked {
        assert_eq!(
            one.await.expect("no panic").expect("an answer").text(),
            "held"
        );
    }
}

#[kmock::test(start_paused = true)]
async fn bandwidth_is_limited_in_virtual_time(k: KMock) {
    k.on("/").body(vec![b'x'; 10_000]).slow(1_000);
    let started = Instant::now();
    let response = k.get("/").await;
    assert_eq!(response.body().len(), 10_000);
    let took = started.elapsed().as_secs_f64();
    assert!((9.5..=10.5).contains(&took), "{took}");
}

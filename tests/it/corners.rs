//! Corners that nobody had looked into: what else answers by accident, what else is out of order, what else never comes true.

use std::{panic::AssertUnwindSafe, time::Duration};

use kmock::{__private as p, prelude::*};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The panic of a test with this body, if it fails.
fn failure<F, Fut>(options: p::TestOptions, body: F) -> Option<String>
where
    F: FnOnce(KMock) -> Fut,
    Fut: Future<Output = ()> + 'static,
{
    let panic = std::panic::catch_unwind(AssertUnwindSafe(|| p::run_async(options, body))).err()?;
    Some(panic.downcast_ref::<String>().cloned().unwrap_or_default())
}

async fn exchange(k: &KMock, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(k.address()).await.expect("connected");
    socket.write_all(bytes).await.expect("written");
    let mut read = Vec::new();
    let _ = socket.read_to_end(&mut read).await;
    String::from_utf8_lossy(&read).into_owned()
}

fn told(k: &KMock) -> String {
    k.check().expect_err("something is wrong").to_string()
}

// ---- strict: what else is answered by accident ----

#[kmock::test]
async fn what_is_passed_on_into_the_world_is_unexpected(_k: KMock) {
    let world = KMock::builder().raw(true).start().await.expect("a server");
    world.on("get /").text("the world");
    let k = KMock::builder()
        .raw(true)
        .strict(true)
        .hostnames(["api.example.com"])
        .start()
        .await
        .expect("a server");
    k.on("get /").text("ours");
    let ask =
        |target: &str| format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let ours = exchange(&k, ask("http://api.example.com/").as_bytes()).await;
    assert!(ours.ends_with("ours"), "{ours}");
    assert!(k.check().is_ok());
    let other = exchange(&k, ask(&format!("{}/", world.url())).as_bytes()).await;
    assert!(other.ends_with("the world"), "{other}");
    let text = told(&k);
    assert!(
        text.contains("passed on to a host that is not the test's"),
        "{text}"
    );
    // A tunnel hides what is asked, so it is one itself.
    let connect = format!("CONNECT {} HTTP/1.1\r\nhost: x\r\n\r\n", world.address());
    let mut socket = TcpStream::connect(k.address()).await.expect("connected");
    socket.write_all(connect.as_bytes()).await.expect("written");
    let mut head = [0; 15];
    socket.read_exact(&mut head).await.expect("an answer");
    while k.errors().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(
        k.errors()[0].contains("a tunnel to 127.0.0.1"),
        "{:?}",
        k.errors()
    );
}

#[kmock::test]
async fn what_is_forgotten_is_still_unexpected_and_still_first(_k: KMock) {
    let k = KMock::builder()
        .raw(true)
        .strict(true)
        .keep(2)
        .start()
        .await
        .expect("a server");
    kmock! { k,
        in_order! {
            let a = GET "/a" => 200;
            let b = GET "/b" => 200;
        }
    }
    for path in ["/a", "/b", "/a", "/a", "/a"] {
        k.get(path).await;
    }
    assert_eq!((a.count(), b.count()), (4, 1));
    assert!(k.check().is_ok(), "{}", told(&k));
    k.get("/odd").await;
    for _ in 0..5 {
        k.get("/a").await;
    }
    let text = told(&k);
    assert!(text.contains("1 came: #5 GET /odd"), "{text}");
    k.forget();
    assert!(k.check().is_ok());
}

#[kmock::test]
async fn strict_sees_what_only_spies_and_rules_that_step_aside_have_seen(_k: KMock) {
    let k = KMock::builder()
        .strict(true)
        .start()
        .await
        .expect("a server");
    kmock! { k, let spy = GET "/healthz"; GET "/version" => |_| None::<u16>; GET "/once" [0] => 200; }
    k.get("/healthz").await;
    assert_eq!(spy.count(), 1);
    k.get("/version").await;
    k.get("/once").await;
    k.get("/once").await;
    k.options("/once").await;
    let text = told(&k);
    for seen in [
        "#0 GET /healthz",
        "#1 GET /version",
        "#3 GET /once",
        "#4 OPTIONS /once",
    ] {
        assert!(text.contains(seen), "{seen} in {text}");
    }
    assert!(!text.contains("#2 GET"), "{text}");
}

// ---- in order ----

#[kmock::test]
async fn orders_hold_whatever_the_steps_are(_k: KMock) {
    let k = KMock::builder().raw(true).start().await.expect("a server");
    // Spies, slices, priorities, sequences: the first request of each counts.
    kmock! { k,
        in_order! {
            let first = GET "/a";
            override POST "/b" => 201;
            GET "/c" [..2] => 200;
            fallback GET "/d" => 503, then 200;
        }
        GET "/a" => 200;
        GET "/c" => 404;
    }
    for path in ["/a", "/c", "/d"] {
        k.get(path).await;
    }
    assert_eq!(first.count(), 1);
    let text = told(&k);
    assert!(text.contains("#1 GET /c came, and nothing for"), "{text}");
    k.post("/b").await;
    let text = told(&k);
    assert!(text.contains("#1 GET /c came before #3 POST /b"), "{text}");
}

#[kmock::test]
async fn an_order_in_an_order_is_a_part_of_it(_k: KMock) {
    let k = KMock::builder().raw(true).start().await.expect("a server");
    kmock! { k, in_order! { GET "/a" => 200; in_order! { GET "/b" => 200; GET "/c" => 200; } GET "/d" => 200; } }
    for path in ["/a", "/c", "/b", "/d"] {
        k.get(path).await;
    }
    let text = told(&k);
    assert!(text.contains("#1 GET /c came before #2 GET /b"), "{text}");
}

// ---- waits in vain ----

#[test]
fn each_wait_in_vain_says_who_for_what_where_and_what_came() {
    for paused in [false, true] {
        let options = p::TestOptions::new("waits")
            .start_paused(paused)
            .timeout(Duration::from_secs(40));
        let failed = failure(options, move |k| async move {
            kmock! { k, let live = GET "/live" => stream [1, ...]; GET "/x" => 200; }
            k.get("/x").await;
            let here = file!();
            let within = |text: String, what: &str| {
                let first = text.lines().next().unwrap_or_default().to_owned();
                assert!(first.contains(what), "{what}: {first}");
                assert!(first.contains(here), "{first}");
                assert!(text.contains("what came, 1 request:"), "{text}");
            };
            if paused {
                within(
                    live.waiting(1).await.expect_err("none").to_string(),
                    "1 waiting streams of rule GET \"/live\" (there are 0)",
                );
                within(
                    k.waiting(2).await.expect_err("none").to_string(),
                    "2 waiting streams (there are 0)",
                );
                within(
                    k.filter("post")
                        .waiting(1)
                        .await
                        .expect_err("none")
                        .to_string(),
                    "1 waiting streams of POST",
                );
            }
            let short = Duration::from_millis(5);
            let late = k
                .filter("post")
                .wait_for_within(1, short)
                .await
                .expect_err("none");
            within(late.to_string(), "request number 1 of POST (there are 0)");
            // Who cannot get anything is told why.
            let lonely = kmock! { GET "/lonely" => 200 };
            drop(lonely);
            let lonely = kmock::Rule::on("get /lonely").status(200);
            let late = lonely
                .wait_for_within(1, short)
                .await
                .expect_err("none")
                .to_string();
            assert!(
                late.contains("(there are 0; the rule is on no server)"),
                "{late}"
            );
            live.remove();
            let late = live
                .wait_for_within(1, short)
                .await
                .expect_err("none")
                .to_string();
            assert!(
                late.contains("(there are 0; the rule was removed)"),
                "{late}"
            );
        });
        assert_eq!(failed, None);
    }
}

#[kmock::test]
async fn a_wait_at_a_server_that_is_gone_says_so(_k: KMock) {
    let k = KMock::builder().raw(true).start().await.expect("a server");
    let rule = k.on("get /").text("x");
    k.clone().shutdown();
    let short = Duration::from_millis(5);
    let late = rule
        .wait_for_within(1, short)
        .await
        .expect_err("none")
        .to_string();
    assert!(
        late.contains("its server was shut down") || late.contains("is on no server"),
        "{late}"
    );
}

#[test]
fn a_condition_of_an_object_that_never_holds_ends_the_test_and_shows_the_object() {
    let options = p::TestOptions::new("waits").start_paused(true);
    let text = failure(options, |k| async move {
        k.objects().seed(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "web" }, "data": { "url": "here" },
        }));
        k.objects()
            .wait_until("configmaps", "web", |object| object.is_none())
            .await;
    });
    let text = text.expect("it fails");
    assert!(
        text.starts_with("kmock: a condition of configmaps default/web did not come true within 3600s   tests/it/corners.rs:"),
        "{text}"
    );
    assert!(
        text.contains("as it is now, at ") && text.contains(r#"{"data":{"url":"here"}}"#),
        "{text}"
    );
    let options = p::TestOptions::new("waits").start_paused(true);
    let text = failure(options, |k| async move {
        k.objects()
            .wait_until("configmaps", "none", |object| object.is_some())
            .await;
    });
    let text = text.expect("it fails");
    assert!(text.contains("it is not there"), "{text}");
}

#[kmock::test]
async fn a_feed_that_reaches_nobody_is_told_however_it_is_fed(k: KMock) {
    kmock! { k, let live = GET "/live" => stream [...]; }
    assert_eq!(live.feed(vec![1]), 0);
    assert_eq!(k.feed(vec![1]), 0);
    assert_eq!(k.filter("get /live").feed(vec![1]), 0);
    kmock! { k, ... => [2]; GET "/live" ... => [3]; }
    let notes = k.report().notes;
    assert_eq!(notes.len(), 5, "{notes:#?}");
    assert!(
        notes
            .iter()
            .all(|note| note.contains("tests/it/corners.rs:")),
        "{notes:#?}"
    );
}

// ---- absent, empty, and null ----

#[kmock::test(raw)]
async fn nothing_is_not_null_and_empty_is_there(k: KMock) {
    kmock! { k,
        POST "/null" json null => 201;
        POST "/any" json _ => 202;
        POST "/text" text "" => 203;
        POST "/body" body b"" => 205;
        GET "/flag" query { "a": _ } => 201;
        GET "/empty" query { "a": "" } => 202;
        GET "/absent" query { "a": ! } => 203;
        GET "/head" header { "x": "" } => 201;
        GET "/nohead" header { "x": ! } => 202;
        GET "/cookie" cookie { "a": "b=c" } => 201;
        GET "/quoted" cookie { "a": "\"b\"" } => 202;
    }
    let post = async |path: &str, body: &'static str| {
        k.post(path)
            .header("content-type", "application/json")
            .body(body)
            .await
            .status()
    };
    assert_eq!(post("/null", "null").await, 201);
    assert_eq!(post("/null", "").await, 404);
    assert_eq!(post("/null", "nul").await, 404);
    assert_eq!(post("/any", "null").await, 202);
    assert_eq!(post("/any", "").await, 404);
    assert_eq!(post("/any", "{").await, 404);
    assert_eq!(post("/text", "").await, 203);
    assert_eq!(post("/text", "x").await, 404);
    assert_eq!(post("/body", "").await, 205);
    assert_eq!(post("/body", " ").await, 404);
    for (path, status) in [
        ("/flag?a", 201),
        ("/flag?a=", 201),
        ("/flag", 404),
        ("/flag?b&a", 201),
        ("/empty?a", 202),
        ("/empty?a=", 202),
        ("/empty?a=x", 404),
        ("/absent", 203),
        ("/absent?a", 404),
        ("/absent?a=", 404),
        ("/absent?A", 203),
    ] {
        assert_eq!(k.get(path).await.status(), status, "{path}");
    }
    assert_eq!(k.get("/head").header("x", "").await.status(), 201);
    assert_eq!(k.get("/head").await.status(), 404);
    assert_eq!(k.get("/nohead").header("x", "").await.status(), 404);
    assert_eq!(k.get("/nohead").await.status(), 202);
    assert_eq!(
        k.get("/cookie")
            .header("cookie", "z=1;a=b=c")
            .await
            .status(),
        201
    );
    assert_eq!(
        k.get("/quoted").header("cookie", "a=\"b\"").await.status(),
        202
    );
}

#[kmock::test(raw)]
async fn names_are_decoded_too_and_order_is_none(k: KMock) {
    kmock! { k,
        GET "/q" query { "a b": 1, "c[]": ["x", "y"] } => 201;
        GET "/list?ids[]=1" => 202;
        POST "/f" form { "a b": "1" } => 203;
        GET "/same?a=1&a=2" => 204;
    }
    assert_eq!(k.get("/q?c[]=x&a+b=1&c%5B%5D=y").await.status(), 201);
    assert_eq!(k.get("/q?a%20b=1&c[]=y&c[]=x").await.status(), 404);
    assert_eq!(k.get("/list?ids%5B%5D=1").await.status(), 202);
    let form = k.post("/f").header(
        "content-type",
        "Application/X-WWW-Form-URLencoded; charset=UTF-8",
    );
    assert_eq!(form.body("a+b=1").await.status(), 203);
    assert_eq!(k.get("/same?a=1&a=2").await.status(), 204);
    assert_eq!(k.get("/same?a=2&a=1").await.status(), 204);
    assert_eq!(k.get("/same?a=1").await.status(), 404);
}

// ---- answers as they are written ----

#[kmock::test(raw)]
async fn what_cannot_be_sent_is_refused_or_told(k: KMock) {
    for (name, value) in [
        ("x", "a\r\nb: c"),
        ("x", "a\nb"),
        ("bad name", "x"),
        ("", "x"),
    ] {
        let made = std::panic::catch_unwind(|| Reply::new().header(name, value));
        assert!(made.is_err(), "{name:?}: {value:?}");
    }
    for status in [0, 99, 1000] {
        assert!(
            std::panic::catch_unwind(|| Reply::new().status(status)).is_err(),
            "{status}"
        );
    }
    k.on("/chunked")
        .body("abc")
        .header("transfer-encoding", "chunked");
    k.on("/negative").body("abc").header("content-length", "-1");
    k.on("/twice")
        .body("abc")
        .header("content-length", "3")
        .header("content-length", "3");
    k.on("/computed")
        .reply_with(|_| Reply::new().header("x", String::from_utf8_lossy(b"\x01")));
    assert_eq!(k.get("/negative").await.status(), 500);
    assert_eq!(k.errors().len(), 1, "{:?}", k.errors());
    for path in ["/chunked", "/twice"] {
        let raw = exchange(
            &k,
            format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes(),
        )
        .await;
        assert!(
            raw.starts_with("HTTP/1.1 200") && raw.contains("abc"),
            "{path}: {raw}"
        );
    }
}

/// Who answers 101 speaks another protocol from then on, and a rule's reply speaks none: the client would wait for ever.
#[kmock::test(raw)]
async fn an_answer_that_switches_protocols_is_for_who_speaks_them(k: KMock) {
    for status in [100, 101, 103, 199] {
        let made = std::panic::catch_unwind(|| Reply::new().status(status));
        assert!(made.is_err(), "{status}");
    }
    k.on("/number").reply_with(|_| 101);
    k.on("/status")
        .reply_with(|_| http::StatusCode::SWITCHING_PROTOCOLS);
    k.on("/response").reply_with(|_| {
        let head = http::Response::builder().status(101);
        head.header("upgrade", "websocket")
            .body(String::new())
            .expect("one")
    });
    for path in ["/number", "/status", "/response"] {
        for upgrade in ["x: y", "connection: upgrade\r\nupgrade: websocket"] {
            let raw = exchange(
                &k,
                format!("GET {path} HTTP/1.1\r\nhost: x\r\n{upgrade}\r\n\r\nGET /end HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                    .as_bytes(),
            )
            .await;
            assert!(raw.starts_with("HTTP/1.1 500"), "{path}: {raw}");
            assert!(raw.contains("101 is no answer of its own"), "{path}: {raw}");
        }
    }
    assert_eq!(k.take_errors().len(), 6);
}

// ---- the nearest rule ----

#[kmock::test(raw)]
async fn a_slip_is_named_in_the_refusal(k: KMock) {
    kmock! { k,
        GET "/orders" header { "x-api-key": "k1" } => 200;
        POST "/orders" json { "id": 7 } => 201;
        GET "/v1/users/{id: u64}" => 200;
    }
    let post = |body: &'static str| {
        let asked = k.post("/orders").header("content-type", "application/json");
        asked.body(body)
    };
    for (asked, said) in [
        (k.get("/orders").header("x-apikey", "k1"), "x-api-key"),
        (
            k.get("/Orders").header("x-api-key", "k1"),
            "path \"/orders\"",
        ),
        (
            k.get("/orders/").header("x-api-key", "k1"),
            "path \"/orders\"",
        ),
        (k.get("/v2/users/7"), "path \"/v1/users/{id: u64}\""),
        (k.get("/v1/users/x"), "is no u64"),
        (
            k.get("//orders").header("x-api-key", "k1"),
            "path \"/orders\"",
        ),
        (post("{\"id\": \"7\"}"), "/id: want 7, got \"7\""),
        (post("{id: 7}"), "✗ json"),
        (post("[{\"id\": 7}]"), "✗ json"),
    ] {
        let text = asked.await.text();
        assert!(text.contains(said), "{said} in:\n{text}");
    }
}

// ---- rules of one server on another, and twice ----

#[kmock::test(raw)]
async fn rules_are_counted_where_they_are_whoever_has_them(k: KMock, other: KMock) {
    let rule = k.on("get /shared").text("x");
    other.mount(rule.clone());
    k.get("/shared").await;
    other.get("/shared").await;
    assert_eq!(rule.count(), 2);
    assert_requests!(k, total == 1);
    assert_requests!(other, total == 1);
    k.mount(rule.clone());
    k.get("/shared").await;
    assert_eq!(rule.count(), 3);
    rule.remove();
    assert_eq!(
        (
            k.get("/shared").await.status(),
            other.get("/shared").await.status()
        ),
        (404, 404)
    );
}

// ---- numbers and times ----

#[kmock::test(raw)]
async fn numbers_of_headers_and_queries_are_read_as_such(k: KMock) {
    kmock! { k,
        GET "/r" query { "n": 1..=9 } => 201;
        GET "/e" query { "n": 5 } => 202;
        GET "/h" header { "n": 10.. } => 203;
        GET "/b" query { "b": true } => 204;
    }
    for (target, status) in [
        ("/r?n=1", 201),
        ("/r?n=9.0", 201),
        ("/r?n=9.5", 404),
        ("/r?n=+5", 201),
        ("/r?n=%2B5", 404),
        ("/r?n=0x5", 404),
        ("/r?n=5%20", 404),
        ("/r?n=", 404),
        ("/r?n=5&n=50", 201),
        ("/e?n=5", 202),
        ("/e?n=05", 404),
        ("/e?n=5.0", 202),
        ("/b?b=true", 204),
        ("/b?b=True", 404),
        ("/b?b=1", 404),
    ] {
        let got = k.get(target).await.status();
        if got != status {
            println!("{target}: {got}, wanted {status}");
        }
    }
    assert_eq!(
        k.get("/h")
            .header("n", "18446744073709551616")
            .await
            .status(),
        203
    );
    assert_eq!(k.get("/h").header("n", "9").await.status(), 404);
}

// ---- time ----

#[kmock::test(raw, start_paused)]
async fn virtual_waits_cost_nothing_and_faults_keep_their_time(k: KMock) {
    kmock! { k,
        GET "/slow" => sleep(1h), 200;
        GET "/drip" => stream [ b"a", sleep(10m), b"b" ];
    }
    let began = std::time::Instant::now();
    assert_eq!(k.get("/slow").await.status(), 200);
    assert_eq!(k.get("/drip").await.text(), "ab");
    assert!(began.elapsed() < Duration::from_secs(60));
    let seen = k.requests();
    assert_eq!(seen[0].outcome().duration, Some(Duration::from_secs(3600)));
}

//! The design's own words, form by form, as a user would write them.

#![allow(
    clippy::redundant_closure,
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "as the design has it, and a test may panic and takes what it is given"
)]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use kmock::prelude::*;
use tokio::{sync::Notify, time::Instant};

/// The function under test of the README.
async fn function_under_test(k: &KMock) -> serde_json::Value {
    let name = k.get("/").await.text();
    k.post("/hello").json(json!({ "name": name })).await.json()
}

#[kmock::test]
async fn greets(k: KMock) {
    kmock! { k,
        /// whoever asks first
        GET  "/"      => b"john";
        let hello = POST "/hello" => |req| json!({ "you-are": req.json()["name"] });
        let never = "/" => b"";
    }
    let who = function_under_test(&k).await;
    assert_eq!(who, json!({ "you-are": "john" }));
    assert_requests!(k, total == 2, "get" == 1, "post" == 1);
    assert_requests!(hello == 1, never == 0);
    assert_eq!(hello.requests()[0].json()["name"], "john");
}

fn api() -> Rules {
    kmock! {
        GET "/a" => 201;
        GET "/b" => 202;
    }
}

#[kmock::test]
async fn rules_are_composable(k: KMock) {
    let more = kmock! { GET "/c" => 203; };
    k.mount(api() + more);
    let one = kmock!(k, POST "/hello" => 201);
    let last = kmock!(&k, PUT "/hello" => { "a": 1 });
    for (path, status) in [("/a", 201), ("/b", 202), ("/c", 203)] {
        assert_eq!(k.get(path).await.status(), status);
    }
    k.post("/hello").await;
    k.put("/hello").await;
    assert_requests!(one == 1, last == 1);
    one.remove();
    assert_eq!(k.post("/hello").await.status(), 404);
}

#[kmock::test]
async fn heads(k: KMock) {
    let i = 7;
    kmock! { k,
        GET "/exact" => 201;
        GET "/users/{id}" => |req| text_of(req.path("id"));
        GET "/n/{id: u64}" => |id| format!("{}", id + 1);
        GET "/files/*" => 203;
        GET "/deep/**" => 204;
        GET ~"/v[0-9]+/.*" => 205;
        GET "/search?q=rust&page=*" => 206;
        GET (format!("/x/{i}")) => 207;
        "post /notation" => 208;
        "/path?q=1" => 209;
        ANY "/any" => 210;
        BREW "/pot" => 418;
        "list pods.v1" => 211;
        "watch kopf.dev/v1/kopfexamples" => 212;
        list "kopf.dev/v1/kopfexamples" in "ns" => 213;
        fetch "kopfexamples.v1.kopf.dev" named "web" => 214;
        get "apps/v1/deployments/scale" => 215;
        patch "apps/v1/deployments" sub "status" => 216;
        deletecollection "*/*/leases" in "a" | "b" => 217;
        create "v1/pods" in ! => 218;
    }
    fn text_of(text: &str) -> String {
        text.to_uppercase()
    }
    let get = async |path: &str| k.get(path).await;
    assert_eq!(get("/exact").await.status(), 201);
    assert_eq!(get("/users/ann").await.json(), "ANN");
    assert_eq!(get("/users/a%20b").await.json(), "A B");
    assert_eq!(get("/n/7").await.json(), "8");
    assert_eq!(get("/n/x").await.status(), 404);
    assert_eq!(get("/files/x").await.status(), 203);
    assert_eq!(get("/files/x/y").await.status(), 404);
    assert_eq!(get("/deep/x/y").await.status(), 204);
    assert_eq!(get("/v10/x").await.status(), 205);
    assert_eq!(get("/search?page=1&q=rust&z=1").await.status(), 206);
    assert_eq!(get("/x/7").await.status(), 207);
    assert_eq!(k.post("/notation").await.status(), 208);
    assert_eq!(get("/path?q=1").await.status(), 209);
    assert_eq!(k.patch("/any").await.status(), 210);
    assert_eq!(k.request("BREW", "/pot").await.status(), 418);
    assert_eq!(get("/api/v1/pods").await.status(), 211);
    assert_eq!(
        get("/apis/kopf.dev/v1/kopfexamples?watch=true")
            .await
            .status(),
        212
    );
    assert_eq!(
        get("/apis/kopf.dev/v1/namespaces/ns/kopfexamples")
            .await
            .status(),
        213
    );
    assert_eq!(
        get("/apis/kopf.dev/v1/namespaces/ns/kopfexamples/web")
            .await
            .status(),
        214
    );
    assert_eq!(
        get("/apis/apps/v1/namespaces/ns/deployments/x/scale")
            .await
            .status(),
        215
    );
    assert_eq!(
        k.patch("/apis/apps/v1/namespaces/ns/deployments/x/status")
            .await
            .status(),
        216
    );
    assert_eq!(
        k.delete("/apis/coordination.k8s.io/v1/namespaces/b/leases")
            .await
            .status(),
        217
    );
    assert_eq!(k.post("/api/v1/pods").await.status(), 218);
}

#[kmock::test]
async fn qualifiers_and_patterns(k: KMock) {
    let wanted = vec![1, 2];
    fn is_long(req: Request) -> bool {
        req.body().len() > 100
    }
    kmock! { k,
        POST query { "page": 1..=9, "all": _, "dry": ! } => 201;
        POST header { "X-Mode": "fast" | "slow", "x-n": 5 } cookie { "s": ~"[a-f0-9]+" } => 202;
        POST json { "a": { "b": [1, .., 9], "c": ! }, "n": 1.., "t": true, "s": "pre*", "w": (wanted) } => 203;
        POST json == { "exact": [_, null] } => 204;
        POST form { "name": "j*" } => 205;
        POST body b"raw" => 206;
        POST text ~"(?s)hello.*" => 207;
        POST host "*.example.com" => 208;
        POST where |req| req.header("x-w") == Some("1") => 209;
        POST where async |req| { tokio::task::yield_now().await; req.header("x-w") == Some("2") } => 210;
        POST where is_long => 211;
        PUT from 127.0.0.1 => 212;
        PATCH where || true => 213;
        DELETE from 10.0.0.0/8 => 500;
        DELETE "/x" json [1, 2, ..] => 214;
        DELETE json null => 215;
        DELETE json "text" | 5 => 216;
    }
    let post = |target: &str| k.post(target);
    assert_eq!(post("/?page=3&all").await.status(), 201);
    assert_eq!(post("/?page=3&all=x&dry=1").await.status(), 404);
    assert_eq!(post("/?page=10&all=x").await.status(), 404);
    let fast = || k.post("/").header("x-mode", "slow").header("X-N", 5);
    assert_eq!(fast().header("cookie", "a=b; s=ff0").await.status(), 202);
    assert_eq!(fast().header("cookie", "s=xyz").await.status(), 404);
    let body = json!({ "a": { "b": [1, 5, 9] }, "n": 7, "t": true, "s": "prefix", "w": [1, 2], "more": 1 });
    assert_eq!(k.post("/").json(&body).await.status(), 203);
    assert_eq!(
        k.post("/")
            .json(json!({ "exact": [5, null] }))
            .await
            .status(),
        204
    );
    assert_eq!(
        k.post("/")
            .json(json!({ "exact": [5, null], "x": 1 }))
            .await
            .status(),
        404
    );
    assert_eq!(
        k.post("/")
            .form([("name", "john"), ("x", "y")])
            .await
            .status(),
        205
    );
    assert_eq!(k.post("/").body("raw").await.status(), 206);
    assert_eq!(k.post("/").body("hello\nworld").await.status(), 207);
    assert_eq!(
        k.post("/")
            .header("host", "a.Example.com:80")
            .await
            .status(),
        208
    );
    assert_eq!(k.post("/").header("x-w", 1).await.status(), 209);
    assert_eq!(k.post("/").header("x-w", 2).await.status(), 210);
    assert_eq!(k.post("/").body("x".repeat(101)).await.status(), 211);
    assert_eq!(k.put("/").await.status(), 212);
    assert_eq!(k.patch("/").await.status(), 213);
    assert_eq!(k.delete("/x").json([1, 2, 3]).await.status(), 214);
    assert_eq!(k.delete("/").body("null").await.status(), 215);
    assert_eq!(k.delete("/").json(5).await.status(), 216);
    assert_eq!(k.delete("/").json("text").await.status(), 216);
    assert_eq!(k.delete("/").json("other").await.status(), 404);
}

#[kmock::test]
async fn algebra_slices_priorities(k: KMock) {
    kmock! { k,
        GET "/a" | POST "/b" => 201;
        (GET & "/c") - query { "no": _ } => 202;
        !(GET | POST) "/d" => 203;
        GET "/s" [0] => 210;
        GET "/s" [..=1] => 211;
        GET "/s" [0..] => 212;
        GET "/t" [..3] => 213;
        GET "/p" => 220;
        #[priority(100)] GET "/p" => 221;
        override GET "/p" [1] => 222;
        fallback {
            "/f" => 230;
            fallback { "/f" => 231; "/g" => 232; }
            override { "/g" => 233; }
        }
        #[priority(-1.5)]
        "/f" [0] => 234;
    }
    assert_eq!(k.get("/a").await.status(), 201);
    assert_eq!(k.post("/b").await.status(), 201);
    assert_eq!(k.get("/c").await.status(), 202);
    assert_eq!(k.get("/c?no").await.status(), 404);
    assert_eq!(k.put("/d").await.status(), 203);
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(k.get("/s").await.status());
    }
    assert_eq!(all, [210, 211, 212, 212, 212]);
    let mut all = Vec::new();
    for path in ["/t", "/t", "/t", "/t", "/p", "/p", "/p", "/f", "/f", "/g"] {
        all.push(k.get(path).await.status());
    }
    assert_eq!(all, [213, 213, 213, 404, 221, 222, 221, 234, 230, 233]);
}

#[kmock::test]
async fn expectations_hold(k: KMock) {
    kmock! { k,
        #[expect(1)] GET "/one" => 200;
        #[expect(1..)] GET "/some" => 200;
        #[never] "/never" => 500;
        #[expect(..=2)] /// named and expected
        GET "/most";
        in_order! {
            POST "/first" => 201;
            POST "/second" => 202;
        }
    }
    for path in ["/one", "/some", "/some", "/most"] {
        k.get(path).await;
    }
    k.post("/first").await;
    k.post("/second").await;
}

#[kmock::test]
async fn replies(k: KMock, real: KMock) {
    #[derive(serde::Serialize)]
    struct Pet {
        name: String,
    }
    let x = 3;
    let pet = Pet { name: "rex".into() };
    let gate = Gate::new();
    gate.close();
    gate.release();
    let (sent, event) = tokio::sync::oneshot::channel::<()>();
    sent.send(()).unwrap();
    async fn handler(req: Request) -> Result<serde_json::Value, std::num::ParseIntError> {
        Ok(json!(req.query("n").unwrap_or_default().parse::<i64>()?))
    }
    kmock! { real, "/proxied" => 203, text "real"; }
    kmock! { k,
        GET "/1" => 404;
        GET "/2" => header { "X-A": "1", "content-length": ! }, cookie { "s": "1" }, 201, text "raw";
        GET "/3" => text "order is free", 202;
        GET "/4" => { "a": 1, "b": [x], "c": { "d": x + 1 }, "e": null, "f": -1 };
        GET "/5" => [1, 2];
        GET "/6" => "str";
        GET "/7" => 1.5;
        GET "/8" => true;
        GET "/9" => null;
        GET "/10" => json!(404);
        GET "/11" => json(pet);
        GET "/12" => file "Cargo.toml";
        GET "/13" => file once "Cargo.toml";
        GET "/13" => 410;
        GET "/14" => |req| req.header("x").map(str::to_owned);
        GET "/14" => || "none";
        GET "/15" => handler;
        GET "/16" => wait(event), hold(&gate), 206;
        GET "/17" => proxy (format!("{}/proxied", real.url()));
        GET "/18" => axum::http::StatusCode::IM_A_TEAPOT;
        GET "/19" => (201, "pair");
        GET "/20" => Some(json!(1));
        GET "/21" => async move |req| { tokio::task::yield_now().await; req.target().to_owned() };
        GET "/22" => if x == 3 { "three" } else { "other" };
        GET "/23" => match x { 3 => "three", _ => "other" };
        GET "/24" => String::from_utf8(vec![b'x']).unwrap();
        GET "/25" => vec![1_u8, 2, 3];
        GET "/26" => std::iter::repeat_n('x', 3).collect::<String>();
        GET "/27" => |_| axum::http::Response::builder().status(208).body("raw".to_owned()).unwrap();
        GET "/28" => { "unquoted": true, (format!("k{x}")): 1 };
        GET "/29" => -1.5;
        GET "/30" => false, 203;
        GET "/31" => text (format!("x{x}"));
        GET "/32" => || Err::<u16, _>("broken");
        GET "/33" => delay(1ms), 204;
        GET "/34" => slow 1MB/s, "fast";
        GET "/35" => sleep(Duration::from_millis(1)), 205;
    }
    let get = async |n: u32| k.get(format!("/{n}")).await;
    assert_eq!(get(1).await.status(), 404);
    let two = get(2).await;
    assert_eq!(
        (
            two.status(),
            two.header("x-a"),
            two.cookie("s"),
            two.text().as_str()
        ),
        (201, Some("1"), Some("1"), "raw")
    );
    assert_eq!(get(3).await.status(), 202);
    assert_eq!(
        get(4).await.json(),
        json!({ "a": 1, "b": [3], "c": { "d": 4 }, "e": null, "f": -1 })
    );
    assert_eq!(get(5).await.json(), json!([1, 2]));
    assert_eq!(get(6).await.json(), "str");
    assert_eq!(get(7).await.json(), 1.5);
    assert_eq!(get(8).await.json(), true);
    assert_eq!(get(9).await.text(), "null");
    assert_eq!(get(10).await.json(), 404);
    assert_eq!(get(11).await.json()["name"], "rex");
    assert!(get(12).await.text().contains("kmock-tests"));
    assert_eq!((get(13).await.status(), get(13).await.status()), (200, 410));
    assert_eq!(get(14).await.json(), "none");
    assert_eq!(k.get("/14").header("x", "y").await.json(), "y");
    assert_eq!(k.get("/15?n=7").await.json(), 7);
    assert_eq!(k.get("/15?n=x").await.status(), 500);
    assert_eq!(get(16).await.status(), 206);
    assert_eq!(get(18).await.status(), 418);
    assert_eq!(get(19).await.status(), 201);
    assert_eq!(get(20).await.json(), 1);
    assert_eq!(get(21).await.json(), "/21");
    assert_eq!(get(22).await.json(), "three");
    assert_eq!(get(23).await.json(), "three");
    assert_eq!(get(24).await.json(), "x");
    assert_eq!(get(25).await.body().as_ref(), [1, 2, 3]);
    assert_eq!(get(26).await.json(), "xxx");
    assert_eq!(
        (get(27).await.status(), get(27).await.text()),
        (208, "raw".to_owned())
    );
    assert_eq!(get(28).await.json(), json!({ "unquoted": true, "k3": 1 }));
    assert_eq!(get(29).await.json(), -1.5);
    assert_eq!(
        (get(30).await.status(), get(30).await.json()),
        (203, json!(false))
    );
    assert_eq!(get(31).await.text(), "x3");
    assert_eq!(get(32).await.status(), 500);
    assert_eq!(get(33).await.status(), 204);
    assert_eq!(get(34).await.json(), "fast");
    assert_eq!(get(35).await.status(), 205);
    assert_eq!(k.errors().len(), 2, "{:?}", k.errors());
}

#[kmock::test]
async fn sinks(k: KMock) {
    let list = Arc::new(Mutex::new(Vec::<Request>::new()));
    let (tx, rx) = mpsc::channel();
    let (atx, mut arx) = tokio::sync::mpsc::unbounded_channel();
    let notify = Arc::new(Notify::new());
    let counts = Arc::new(Mutex::new(HashMap::<String, usize>::new()));
    let (counting, later) = (counts.clone(), list.clone());
    let path = std::env::temp_dir().join(format!("kmock-brief-{}", std::process::id()));
    kmock! { k,
        POST "/" >> &list >> tx >> atx >> &notify >> path.clone()
            >> |req| *counting.lock().unwrap().entry(req.method().to_string()).or_default() += 1
            >> async move |req| later.lock().unwrap().push(req)
            => 201;
        POST "/spy" >> &list;
    }
    k.post("/").body("one").await;
    k.post("/spy").await;
    k.settled().await;
    assert_eq!(list.lock().unwrap().len(), 3);
    assert_eq!(rx.try_recv().unwrap().text(), "one");
    assert_eq!(arx.recv().await.unwrap().text(), "one");
    notify.notified().await;
    assert_eq!(counts.lock().unwrap()["POST"], 1);
    assert_eq!(std::fs::read(&path).unwrap(), b"one");
    std::fs::remove_file(path).unwrap();
}

fn now_iso8601() -> String {
    "2020-01-01T00:00:00Z".to_owned()
}

#[kmock::test(start_paused = true)]
async fn live_streams(k: KMock) {
    kmock! { k,
        stream "/" => [
            b"hello", sleep(1s), b", world!\n",
            { "key": "val" },
            for i in (0..3).rev() { format!("{i}…\n").into_bytes(), sleep(1s) },
            ...,                                     // live continuation
        ];
    }
    tokio::spawn({
        let k = k.clone();
        async move {
            loop {
                kmock! { k, ... => [ || now_iso8601(), ... ]; } // to every streaming request; no trailing `...` would end them
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    });
    let started = Instant::now();
    let mut open = k.get("/").open().await.unwrap();
    let mut text = String::new();
    while text.matches("2020").count() < 2 {
        text.push_str(&open.text().await.unwrap());
    }
    assert_eq!(
        text,
        "hello, world!\n{\"key\":\"val\"}\n2…\n1…\n0…\n\"2020-01-01T00:00:00Z\"\n\"2020-01-01T00:00:00Z\"\n"
    );
    assert!(started.elapsed() <= Duration::from_secs(6));
}

#[kmock::test(start_paused = true)]
async fn stream_forms(k: KMock) {
    let (tx, rx) = tokio::sync::mpsc::channel::<String>(4);
    tx.send("from a channel".into()).await.unwrap();
    drop(tx);
    let gate = Gate::new();
    let event = Arc::new(Notify::new());
    let told = event.clone();
    kmock! { k,
        let s = stream GET "/s" header { "x": _ } => 201, header { "X-H": "1" }, [
            once [ "only the first time" ],
            [ "nested", [ 1, 2 ] ],
            from(vec!["a", "b"]),
            || 7, |req| req.method().to_string(),
            async || { tokio::time::sleep(Duration::from_secs(1)).await; "later" },
            wait(async move || told.notified().await),
            hold(&gate),
            sleep(1.5s), sleep(250ms), sleep(1s..2s),
            3 + 4, format!("{}", 5), Some("some"), None::<u8>, Ok::<_, String>("ok"),
        ];
        GET "/from" => stream [ from(futures::stream::iter(["x", "y"])), "z" ];
        GET "/rx" => stream [ from(tokio_stream(rx)) ];
        GET "/rx" => "gone";
        stream "/sse" => [ sse { event: "x", data: { "n": 1 } }, sse { data: "a\nb", id: 5 } ];
    }
    let asking = tokio::spawn({
        let k = k.clone();
        async move { k.get("/s").header("x", 1).await }
    });
    event.notify_one();
    gate.arrived().await;
    gate.release();
    let got = asking.await.unwrap();
    assert_eq!((got.status(), got.header("x-h")), (201, Some("1")));
    assert_eq!(
        got.text(),
        "\"only the first time\"\n\"nested\"\n1\n2\n\"a\"\n\"b\"\n7\n\"GET\"\n\"later\"\n7\n\"5\"\n\"some\"\n\"ok\"\n"
    );
    assert_eq!(k.get("/from").await.text(), "\"x\"\n\"y\"\n\"z\"\n");
    assert_eq!(k.get("/from").await.text(), "\"z\"\n");
    assert_eq!(k.get("/rx").await.text(), "\"from a channel\"\n");
    assert_eq!(k.get("/rx").await.json(), "gone");
    assert_eq!(
        k.get("/sse").await.text(),
        "event: x\ndata: {\"n\":1}\n\ndata: a\ndata: b\nid: 5\n\n"
    );
    assert_requests!(s == 1);
}

fn tokio_stream<T>(mut rx: tokio::sync::mpsc::Receiver<T>) -> impl futures::Stream<Item = T> {
    futures::stream::poll_fn(move |cx| rx.poll_recv(cx))
}

#[kmock::test(strict, raw, limit = 999, seed = 7, hostnames = ["example.com"], timeout = 30s)]
async fn options(k: KMock) -> Result<(), Box<dyn std::error::Error>> {
    kmock! { GET "/" => 200; }
    assert_eq!(k.get("http://example.com/").send().await?.status(), 200);
    Ok(())
}

#[kmock::test]
fn a_plain_function(k: KMock) {
    use std::io::{Read, Write};
    kmock! { GET "/" => text "sync"; }
    let mut socket = std::net::TcpStream::connect(k.address()).unwrap();
    socket.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    assert!(text.ends_with("sync"), "{text}");
}

#[kmock::test(raw)]
async fn rules_without_criteria_take_everything(k: KMock) {
    kmock! { ANY => text "all"; }
    for (method, path) in [("GET", "/"), ("BREW", "/x/y?z"), ("OPTIONS", "/")] {
        assert_eq!(k.request(method, path).await.text(), "all");
    }
}

#[kmock::test]
async fn rules_grow_after_they_were_made(k: KMock) {
    let rule = kmock!(k, GET "/");
    assert_eq!(k.get("/").await.status(), 404);
    let rule = rule.status(201).text("now it answers");
    assert_eq!(k.get("/").await.text(), "now it answers");
    assert_requests!(rule == 2);
}

#[kmock::test]
async fn the_embedded_client_has_every_method(k: KMock) {
    kmock! { "/" => |req| req.method().to_string(); }
    for (asked, method) in [
        (k.get("/"), "GET"),
        (k.post("/"), "POST"),
        (k.put("/"), "PUT"),
        (k.patch("/"), "PATCH"),
        (k.delete("/"), "DELETE"),
        (k.options("/"), "OPTIONS"),
        (k.request("BREW", "/"), "BREW"),
    ] {
        assert_eq!(asked.await.json(), method);
    }
    let head = k.head("/").await;
    assert_eq!(
        (
            head.status(),
            head.body().len(),
            head.header("content-length")
        ),
        (200, 0, Some("6"))
    );
    let url = format!("{}/?whole=url", k.url());
    assert_eq!(k.get(url).await.json(), "GET");
}

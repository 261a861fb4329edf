//! Replies: statuses, headers, bodies, code, faults.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use kmock::prelude::*;

#[kmock::test]
async fn values(k: KMock) {
    #[derive(serde::Serialize)]
    struct Pet {
        name: &'static str,
    }
    let x = 2;
    let pet = Pet { name: "rex" };
    kmock! {
        GET "/status" => 418;
        GET "/bytes" => b"raw";
        GET "/text" => text "plain";
        GET "/object" => { "a": 1, "b": [x, null], "c": { "d": true } };
        GET "/empty" => {};
        GET "/array" => [1, "two", { "three": 3 }];
        GET "/str" => "text";
        GET "/float" => 1.5;
        GET "/true" => true;
        GET "/null" => null;
        GET "/number" => json!(42);
        GET "/pet" => json(pet);
        GET "/both" => 201, { "made": true };
        GET "/block" => { let y = x + 1; json!(y) };
    }
    assert_eq!(k.get("/status").await.status(), 418);
    let bytes = k.get("/bytes").await;
    assert_eq!(
        (bytes.text().as_str(), bytes.header("content-type")),
        ("raw", None)
    );
    let text = k.get("/text").await;
    assert_eq!(text.text(), "plain");
    assert!(
        text.header("content-type")
            .is_some_and(|kind| kind.starts_with("text/plain"))
    );
    assert_eq!(
        k.get("/object").await.json(),
        json!({ "a": 1, "b": [2, null], "c": { "d": true } })
    );
    assert_eq!(k.get("/empty").await.json(), json!({}));
    assert_eq!(
        k.get("/array").await.json(),
        json!([1, "two", { "three": 3 }])
    );
    assert_eq!(k.get("/str").await.text(), "\"text\"");
    assert_eq!(k.get("/float").await.json(), 1.5);
    assert_eq!(k.get("/true").await.json(), true);
    assert_eq!(k.get("/null").await.text(), "null");
    assert_eq!(k.get("/number").await.json(), 42);
    assert_eq!(k.get("/pet").await.json(), json!({ "name": "rex" }));
    let both = k.get("/both").await;
    assert_eq!((both.status(), both.json()), (201, json!({ "made": true })));
    assert_eq!(k.get("/block").await.json(), 3);
}

#[kmock::test]
async fn headers_and_cookies(k: KMock) {
    const NAME: &str = "x-const";
    kmock! {
        GET "/" => 202, header { "X-A": "1", (NAME): 2 + 3, "content-type": ! }, cookie { "s": "1", "old": ! }, text "x";
    }
    let got = k.get("/").await;
    assert_eq!(got.status(), 202);
    assert_eq!(
        (got.header("x-a"), got.header("x-const")),
        (Some("1"), Some("5"))
    );
    assert_eq!(got.header("content-type"), None);
    let cookies: Vec<_> = got.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["s=1", "old=; Max-Age=0"]);
}

#[kmock::test]
async fn code(k: KMock) {
    fn named(request: Request) -> String {
        format!("named {}", request.url_path())
    }
    fn without() -> u16 {
        202
    }
    async fn later(request: Request) -> (u16, String) {
        (203, request.url_path().to_owned())
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&seen);
    let (value, many) = (json!({ "a": "value" }), Arc::new("state".to_owned()));
    let state = Arc::clone(&many);
    kmock! {
        POST "/echo" => |req| json!({ "you-are": req.json()["name"] });
        GET "/nothing" => || 201;
        GET "/async" => async |req| req.url_path().to_owned();
        GET "/capture" => async move |req| { list.lock().unwrap().push(req.id()); tokio::task::yield_now().await; 204 };
        GET "/future" => |req| async move { req.url_path().len().to_string() };
        GET "/block" => |_req| { let state = state.clone(); async move { state.to_string() } };
        GET "/once" => async { tokio::task::yield_now().await; "block" };
        GET "/named" => named;
        GET "/without" => without;
        GET "/later" => later;
        GET "/value" => value;
        GET "/option" => |req| req.query("q").map(str::to_owned);
        GET "/option" => "nobody asked";
        GET "/result" => |req| req.query("n").unwrap_or_default().parse::<i32>().map(|n| json!(n));
        GET "/tuple" => |_req| (205, "x");
    }
    let hello = k.post("/echo").json(json!({ "name": "john" })).await;
    assert_eq!(hello.json(), json!({ "you-are": "john" }));
    assert_eq!(k.get("/nothing").await.status(), 201);
    assert_eq!(k.get("/async").await.json(), "/async");
    assert_eq!(k.get("/capture").await.status(), 204);
    assert_eq!(k.get("/capture").await.status(), 204);
    assert_eq!(seen.lock().unwrap().len(), 2);
    assert_eq!(k.get("/future").await.json(), "7");
    assert_eq!(k.get("/block").await.json(), "state");
    assert_eq!(k.get("/once").await.json(), "block");
    assert_eq!(k.get("/once").await.json(), "block");
    assert_eq!(k.get("/named").await.json(), "named /named");
    assert_eq!(k.get("/without").await.status(), 202);
    let later = k.get("/later").await;
    assert_eq!((later.status(), later.json()), (203, json!("/later")));
    assert_eq!(k.get("/value").await.json(), json!({ "a": "value" }));
    assert_eq!(k.get("/option?q=x").await.json(), "x");
    assert_eq!(k.get("/option").await.json(), "nobody asked");
    assert_eq!(k.get("/result?n=7").await.json(), 7);
    assert_eq!(k.get("/result?n=x").await.status(), 500);
    assert_eq!(k.get("/tuple").await.status(), 205);
}

#[kmock::test]
async fn files(k: KMock) {
    let dir = std::env::temp_dir().join(format!("kmock-grammar-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("a.txt");
    std::fs::write(&path, "one").unwrap();
    let once = path.clone();
    kmock! {
        GET "/file" => file (&path);
        GET "/once" => file once (once);
        GET "/literal" => file "../Cargo.toml";
    }
    assert_eq!(k.get("/file").await.text(), "one");
    assert_eq!(k.get("/once").await.text(), "one");
    std::fs::write(dir.join("a.txt"), "two").unwrap();
    assert_eq!(k.get("/file").await.text(), "two");
    assert!(k.get("/literal").await.text().contains("[workspace]"));
    std::fs::remove_dir_all(&dir).unwrap();
}

#[kmock::test(start_paused = true)]
async fn delays_gates_and_speeds(k: KMock) {
    let gate = Gate::new();
    let pause = Duration::from_secs(3);
    kmock! {
        GET "/later" => sleep(1.5s), 201;
        GET "/computed" => delay(pause), 202;
        GET "/held" => hold(&gate), 203;
        GET "/slow" => slow 1kB/s, text "x".repeat(2000);
    }
    let started = tokio::time::Instant::now();
    assert_eq!(k.get("/later").await.status(), 201);
    assert_eq!(started.elapsed(), Duration::from_millis(1500));
    assert_eq!(k.get("/computed").await.status(), 202);
    assert_eq!(started.elapsed(), Duration::from_millis(4500));
    let held = tokio::spawn({
        let k = k.clone();
        async move { k.get("/held").await.status() }
    });
    gate.arrived().await;
    gate.release();
    assert_eq!(held.await.unwrap(), 203);
    assert_eq!(k.get("/slow").await.body().len(), 2000);
    assert!(started.elapsed() >= Duration::from_millis(5500));
}

#[kmock::test]
async fn faults(k: KMock) {
    kmock! {
        GET "/reset" => reset;
        GET "/close" => close;
        GET "/garbage" => garbage;
        GET "/truncate" => truncate 3, b"abcdef";
    }
    for path in ["/reset", "/close", "/garbage", "/truncate"] {
        assert!(k.get(path).send().await.is_err(), "{path}");
    }
}

#[kmock::test]
async fn events_and_proxies(k: KMock, other: KMock) {
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    kmock! {
        GET "/waits" => wait(receiver), 201;
        GET "/proxied/**" => proxy (other.url());
        GET "/literal" => proxy "http://127.0.0.1:1";
    }
    kmock! { other, GET "/proxied/x" => 202, text "from the other"; }
    let waits = tokio::spawn({
        let k = k.clone();
        async move { k.get("/waits").await.status() }
    });
    sender.send(()).unwrap();
    assert_eq!(waits.await.unwrap(), 201);
    let proxied = k.get("/proxied/x").await;
    assert_eq!(
        (proxied.status(), proxied.text().as_str()),
        (202, "from the other")
    );
}

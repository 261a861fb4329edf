//! Recordings: what is kept of a real conversation, and what comes of it.

use std::path::Path;

use kmock::{prelude::*, record::Recording};

/// A service as there are many.
async fn real() -> KMock {
    let real = KMock::builder().raw(true).start().await.expect("a server");
    kmock! { real,
        GET "/users/{id: u64}" => |id| json!({ "id": id, "role": "user" }), header { "x-request-id": "a1" };
        GET "/users/me" => { "id": 7, "self": "/users/7" };
        GET "/orders/{id}" => |id| json!({ "order": id, "lines": [{ "of": id, "count": 1 }] });
        GET "/version" => { "build": 175928847299117063i64, "version": "1.2.3" };
        GET "/text" => text "say \"hi\"";
        GET "/page" => header { "content-type": "text/html" }, text "<p>\n  \"hi\"\n</p>\n";
        GET "/raw" => b"\x00\xff";
        GET "/odd" => header { "content-type": "application/json" }, b"{ \"b\": 1, \"a\": 2 }";
        POST "/login" => { "token": "t0p-s3cret-t0ken", "user": "john" }, cookie { "session": "abc; Path=/; Expires=Thu, 01 Jan 2099 00:00:00 GMT" };
        GET "/reset/*" => 204;
        GET "/counter" => { "n": 1 }, then { "n": 2 }, then 503;
        GET "/events" => stream [ { "a": 1 }, { "a": 2 } ];
        GET "/search" query { "q": "a b" } => ["found"];
        GET "/search" => [];
        POST "/search" json { "q": "x*" } => json!(1);
        POST "/search" => json!(2);
        POST "/form" => 201, header { "location": "/forms/1" };
        DELETE "/users/7" => 204;
    }
    real
}

async fn talk(k: &KMock) -> Vec<(u16, Vec<u8>)> {
    let mut seen = Vec::new();
    let login = json!({ "name": "john", "password": "s3cret" });
    let form = k
        .post("/form")
        .header("content-type", "application/x-www-form-urlencoded");
    let requests = [
        k.post("/login")
            .header("authorization", "Bearer s3cret")
            .json(&login),
        k.get("/users/7"),
        k.get("/users/8"),
        k.get("/users/me"),
        k.get("/orders/a-1"),
        k.get("/orders/b-2"),
        k.get("/version"),
        k.get("/version"),
        k.get("/text"),
        k.get("/page"),
        k.get("/raw"),
        k.get("/odd"),
        k.get("/reset/t0p-s3cret-t0ken"),
        k.get("/counter"),
        k.get("/counter"),
        k.get("/counter"),
        k.get("/events?q=a%20b&token=x"),
        k.get("/search"),
        k.get("/search?q=a+b"),
        k.post("/search").json(json!({ "q": "x*y", "n": 1.5 })),
        k.post("/search").json(json!({ "q": "z" })),
        form.body("name=j+d&secret=x"),
        k.delete("/users/7"),
    ];
    for request in requests {
        let response = request.await;
        seen.push((response.status(), response.body().to_vec()));
    }
    seen
}

/// What was recorded, and what the client saw.
async fn recorded() -> (Recording, Vec<(u16, Vec<u8>)>) {
    let (real, k) = (
        real().await,
        KMock::builder().raw(true).start().await.expect("a server"),
    );
    kmock! { k, ANY => record (real.url()); }
    let seen = talk(&k).await;
    (k.recording(), seen)
}

#[kmock::test(raw)]
async fn a_conversation_becomes_a_block(_k: KMock) {
    let (recording, _) = recorded().await;
    let block = recording.block();
    assert_eq!(block, include_str!("recordings/block.rs"), "\n{block}");
    for secret in ["s3cret", "t0p", "abc"] {
        assert!(!block.contains(secret), "{block}");
    }
}

/// The same block, compiled.
#[kmock::test(raw)]
async fn the_block_answers_to_the_byte(k: KMock) {
    include!("recordings/block.rs");
    let (_, seen) = recorded().await;
    for (nth, (again, before)) in talk(&k).await.into_iter().zip(seen).enumerate() {
        if nth == 0 {
            // There was a secret in it.
            assert_eq!(again.1, br#"{"token":"REDACTED","user":"john"}"#);
            continue;
        }
        assert_eq!(again, before, "number {nth}");
    }
    let login = k
        .post("/login")
        .json(json!({ "name": "john", "password": "other" }))
        .await;
    assert_eq!(login.header("set-cookie"), Some("session=REDACTED; Path=/"));
    // What differs in an id only is answered for every id.
    assert_eq!(k.get("/users/9").await.json()["id"], 9);
}

#[kmock::test(raw)]
async fn a_file_is_replayed_strictly_or_in_order(k: KMock, strict: KMock, other: KMock) {
    let folder = tempfile::tempdir().expect("a folder");
    let (recording, seen) = recorded().await;
    recording.write(folder.path().join("api")).expect("written");
    let path = folder.path().join("api.har");
    let text = std::fs::read_to_string(&path).expect("a file");
    for secret in ["s3cret", "t0p", "abc"] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert!(text.contains("Bearer REDACTED") && text.contains("session=REDACTED"));
    kmock! { k, ANY => replay (&path); fallback => 404; }
    for (again, before) in talk(&k).await.into_iter().zip(&seen).skip(1) {
        assert_eq!(&again, before);
    }
    assert_eq!(k.get("/never").await.status(), 404);
    // The last of several answers stays; parameters may be in another order.
    assert_eq!(k.get("/counter").await.status(), 503);
    assert_eq!(k.get("/events?token=other&q=a%20b").await.status(), 200);

    kmock! { strict, ANY => replay strict (&path); }
    for (target, why) in [
        ("/verson", "did you mean"),
        (
            "/search?q=other",
            "there it was asked as /search, /search?q=a+b",
        ),
    ] {
        let refused = strict.get(target).await;
        assert_eq!(refused.status(), 500);
        let text = refused.text();
        assert!(
            text.contains("is not in the recording") && text.contains(why),
            "{text}"
        );
    }
    assert_eq!(strict.errors().len(), 2);
    assert_eq!(strict.get("/version").await.status(), 200);

    kmock! { other, ANY => replay in_order (&path); }
    assert_eq!(talk(&other).await[1..], seen[1..]);
    let over = other.get("/text").await;
    assert_eq!(over.status(), 500);
    assert!(
        over.text()
            .contains("the recording is over: it has 23 requests"),
        "{}",
        over.text()
    );
}

#[kmock::test(raw)]
async fn what_is_out_of_order_is_told(k: KMock) {
    let folder = tempfile::tempdir().expect("a folder");
    let (recording, _) = recorded().await;
    recording
        .write(folder.path().join("api.har"))
        .expect("written");
    k.on(Filter::any())
        .replay_in_order(folder.path().join("api.har"));
    let text = k.get("/version").await.text();
    assert!(
        text.contains("the recording goes on with POST /login (number 1 of 23)"),
        "{text}"
    );
}

/// As other tools write them: what each of them leaves out, adds, or writes in its own way.
#[kmock::test(raw)]
async fn archives_of_other_tools_are_read(k: KMock) {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/it/recordings"));
    for tool in ["chrome", "firefox", "mitmproxy", "playwright"] {
        let file = folder.join(tool).with_extension("har");
        let recording = Recording::from_file(&file).expect(tool);
        kmock! { k, ANY host (tool) => replay (&file); }
        assert!(recording.entries().len() >= 2, "{tool}: {recording:?}");
    }
    let get = async |host: &str, target: &str| k.get(target).header("host", host).await;
    // Chrome: pseudo-headers, a body that was compressed on the way, cookies in one header, an answer that never came.
    let page = get("chrome", "/users?q=%C3%BC").await;
    assert_eq!(page.text(), "{\"users\":[]}");
    assert_eq!(page.header("content-encoding"), None);
    let cookies = page.headers().get_all("set-cookie");
    assert_eq!(cookies.iter().count(), 2);
    assert_eq!(get("chrome", "/blocked").await.status(), 404);
    let image = get("chrome", "/dot.gif").await;
    assert_eq!(image.body().as_ref(), b"GIF89a");
    assert_eq!(image.header("content-type"), Some("image/gif"));
    // Firefox: forms by their parameters, a body that is not there.
    let sent = k
        .post("/form")
        .header("host", "firefox")
        .header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(sent.body("a=1+2&b=").await.status(), 303);
    assert_eq!(get("firefox", "/empty").await.body().len(), 0);
    // mitmproxy: bytes on either side.
    assert_eq!(get("mitmproxy", "/raw").await.body().as_ref(), [0, 255]);
    assert_eq!(
        k.put("/raw")
            .header("host", "mitmproxy")
            .body("text")
            .await
            .status(),
        204
    );
    // Playwright: bodies in files of their own.
    assert_eq!(get("playwright", "/data").await.json()["from"], "a file");
    assert_eq!(get("playwright", "/").await.text(), "<html></html>");
}

#[kmock::test(raw)]
async fn a_drift_is_told_member_by_member(k: KMock) {
    let (recording, _) = recorded().await;
    let same = real().await;
    let found = recording.check(same.url()).await.expect("it is there");
    assert!(found.drifts.is_empty(), "{found}");
    // What may change something is not asked, and neither is what needs a secret.
    assert_eq!((found.asked, found.skipped.len()), (16, 7));
    kmock! { k,
        GET "/version" => { "extra": true, "version": "2.0.0" };
        GET "/text" => 410;
        GET "/users/me" => { "id": 8, "self": "/users/8" };
        ANY => proxy (same.url());
    }
    let check = recording.check(k.url()).ignore("/self").ignore("/n");
    let found = check.header("x-key", "1").await.expect("it is there");
    let told = found.to_string();
    for part in [
        "GET /version",
        "/version: was \"1.2.3\", is \"2.0.0\"",
        "/build: was 175928847299117063, is gone",
        "/extra: is new, true",
        "status: was 200, is 410",
        "/id: was 7, is 8",
        "not asked: DELETE /users/7, which may change something",
        "requests are answered differently now",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("/self"), "{told}");
    assert_eq!(k.requests()[0].header("x-key"), Some("1"));
    let all = recording
        .check(same.url())
        .all()
        .await
        .expect("it is there");
    assert_eq!(all.asked, 21);
    k.shutdown();
    assert!(recording.check(k.url()).await.is_err());
}

#[kmock::test(raw)]
async fn links_to_the_other_server_lead_here(k: KMock, real: KMock) {
    let there = real.url();
    kmock! { real,
        GET "/api/old" => 301, header { "location": format!("{there}/api/new?a=1") };
        GET "/api/list" => header { "link": format!("<{there}/api/list?page=2>; rel=next, <https://other/>; rel=help") }, [];
        GET "/api/away" => 302, header { "location": "https://other/" };
    }
    k.on(Filter::any()).record(format!("{there}/api"));
    let old = k.get("/old").header("accept-encoding", "gzip").await;
    assert_eq!(old.header("location"), Some("/new?a=1"));
    assert_eq!(real.requests()[0].header("accept-encoding"), None);
    let list = k.get("/list").await;
    assert_eq!(
        list.header("link"),
        Some("</list?page=2>; rel=next, <https://other/>; rel=help")
    );
    assert_eq!(
        k.get("/away").await.header("location"),
        Some("https://other/")
    );
}

#[kmock::test]
async fn a_conversation_of_kubernetes_records_too(k: KMock) {
    let proxy = KMock::builder().raw(true).start().await.expect("a server");
    proxy.on(Filter::any()).record(k.url());
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "one" }, "data": { "a": "b" } });
    let made = proxy
        .post("/api/v1/namespaces/default/configmaps")
        .json(&map)
        .await;
    assert_eq!(made.status(), 201);
    let path = "/api/v1/namespaces/default/configmaps";
    let mut watch = proxy
        .get(format!("{path}?watch=true&resourceVersion=0"))
        .open()
        .await
        .expect("a watch");
    watch.text().await.expect("an event");
    drop(watch);
    assert_eq!(proxy.get("/api/v1/namespaces/default").await.status(), 200);
    let block = proxy.recording().block();
    for part in [
        "create \"v1/configmaps\" in \"default\" json { \"metadata\": { \"name\": \"one\" } } => 201",
        "watch \"v1/configmaps\" in \"default\" => ",
        "get \"v1/namespaces\" named \"default\" => ",
        "\"type\": \"ADDED\"",
        "...,",
        "\"data\": { \"a\": \"b\" },",
    ] {
        assert!(block.contains(part), "{part}: {block}");
    }
    assert!(!block.contains("managedFields"), "{block}");
}

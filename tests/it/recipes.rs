//! The recipes of docs/http.md: each one is a test here, word for word (`docs::recipes_are_tests`).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use kmock::prelude::*;

#[kmock::test(raw)]
async fn login_and_refresh(k: KMock) {
    kmock! { k,
        POST "/token" form { "grant_type": "refresh_token" } => { "access_token": "fresh" };
        GET "/data" header { "authorization": "Bearer fresh" } => [1, 2, 3];
        GET "/data" => 401, header { "WWW-Authenticate": "Bearer error=\"invalid_token\"" };
    }
    assert_eq!(
        k.get("/data")
            .header("authorization", "Bearer stale")
            .await
            .status(),
        401
    );
    let token = k
        .post("/token")
        .form([("grant_type", "refresh_token")])
        .await
        .json();
    let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
    assert_eq!(
        k.get("/data").header("authorization", bearer).await.text(),
        "[1,2,3]"
    );
}

#[kmock::test(raw)]
async fn basic_auth(k: KMock) {
    kmock! { k,
        // base64 of `id:secret`, as `curl -u id:secret` sends it
        GET "/data" header { "authorization": "Basic aWQ6c2VjcmV0" } => 200;
        GET "/data" => 401, header { "WWW-Authenticate": "Basic realm=\"data\"" };
    }
    assert_eq!(
        k.get("/data")
            .header("authorization", "Basic aWQ6c2VjcmV0")
            .await
            .status(),
        200
    );
    assert_eq!(k.get("/data").await.status(), 401);
}

#[kmock::test(raw)]
async fn pages(k: KMock) {
    kmock! { k,
        GET "/items?page={page: u32}" where |req| req.capture::<u32>("page") < Some(3)
            => [page * 10, page * 10 + 1], header { "Link": format!("</items?page={}>; rel=\"next\"", page + 1) };
        GET "/items?page=3" => [30];
        GET "/items" query == {} => 302, header { "Location": "/items?page=1" };
    }
    let first = k.get("/items?page=1").await;
    assert_eq!(
        (first.text(), first.header("link")),
        ("[10,11]".into(), Some("</items?page=2>; rel=\"next\""))
    );
    assert_eq!(k.get("/items?page=3").await.header("link"), None);
    assert_eq!(
        k.get("/items").await.header("location"),
        Some("/items?page=1")
    );
}

#[kmock::test(raw)]
async fn flaky_and_retried(k: KMock) {
    kmock! { k,
        #[expect(3)]
        GET "/flaky" => 503, header { "Retry-After": 1 }, then reset, then { "ok": true };
    }
    assert_eq!(k.get("/flaky").await.status(), 503);
    assert!(k.get("/flaky").send().await.is_err());
    assert_eq!(k.get("/flaky").await.json()["ok"], true);
}

#[kmock::test(raw)]
async fn a_job_that_is_polled(k: KMock) {
    kmock! { k,
        POST "/jobs" => 202, { "id": 7 }, header { "Location": "/jobs/7" };
        GET "/jobs/{id: u64}" per id => { "state": "queued" }, then { "state": "running" }, then { "id": id, "state": "done" };
    }
    assert_eq!(k.post("/jobs").await.header("location"), Some("/jobs/7"));
    for state in ["queued", "running", "done", "done"] {
        assert_eq!(k.get("/jobs/7").await.json()["state"], state);
    }
    assert_eq!(k.get("/jobs/8").await.json()["state"], "queued");
}

#[kmock::test(raw)]
async fn sessions_and_csrf(k: KMock) {
    let session = State::new("out");
    kmock! { k,
        GET "/login" => text "<input name=csrf value=t1>", cookie { "csrf": "t1" };
        POST "/login" form { "csrf": "t1", "user": "john" } cookie { "csrf": "t1" } >> session.to("in")
            => 303, header { "Location": "/" }, cookie { "sid": "s1; HttpOnly" };
        GET "/" (session.is("in")) cookie { "sid": "s1" } => text "hello john";
        GET "/" => 303, header { "Location": "/login" };
    }
    assert_eq!(k.get("/").await.header("location"), Some("/login"));
    let form = k
        .post("/login")
        .header("cookie", "csrf=t1")
        .form([("csrf", "t1"), ("user", "john")]);
    assert_eq!(form.await.cookie("sid"), Some("s1"));
    assert_eq!(
        k.get("/").header("cookie", "sid=s1").await.text(),
        "hello john"
    );
}

#[kmock::test(raw)]
async fn a_small_store(k: KMock) {
    let users: Arc<Mutex<HashMap<u64, serde_json::Value>>> = Arc::default();
    kmock! { k,
        PUT "/users/{id: u64}" => with (users) |req, id| { users.lock().unwrap().insert(id, req.json().clone()); 204 };
        GET "/users/{id: u64}" => with (users) |id: u64| users.lock().unwrap().get(&id).cloned().map(Json);
        DELETE "/users/{id: u64}" => with (users) |id: u64| users.lock().unwrap().remove(&id).map(|_| 204);
        fallback => 404, { "error": "no such user" };
    }
    assert_eq!(k.get("/users/7").await.status(), 404);
    k.put("/users/7")
        .json(serde_json::json!({ "name": "john" }))
        .await;
    assert_eq!(k.get("/users/7").await.json()["name"], "john");
    assert_eq!(k.delete("/users/7").await.status(), 204);
    assert_eq!(k.delete("/users/7").await.status(), 404);
}

#[kmock::test(raw)]
async fn idempotency_keys(k: KMock) {
    let done: Arc<Mutex<HashMap<String, u32>>> = Arc::default();
    kmock! { k,
        POST "/payments" header { "Idempotency-Key": _ } => with (done) |req| {
            let mut done = done.lock().unwrap();
            let next = done.len() as u32 + 1;
            let key = req.header("idempotency-key").unwrap_or_default().to_owned();
            Json(*done.entry(key).or_insert(next))
        };
        POST "/payments" => 400, { "error": "no Idempotency-Key" };
    }
    let pay = async |key: &str| {
        k.post("/payments")
            .header("idempotency-key", key)
            .await
            .text()
    };
    assert_eq!(
        (pay("a").await, pay("b").await, pay("a").await),
        ("1".into(), "2".into(), "1".into())
    );
    assert_eq!(k.post("/payments").await.status(), 400);
}

#[kmock::test(raw)]
async fn conditional_requests(k: KMock) {
    kmock! { k,
        GET "/doc" header { "If-None-Match": "*\"v1\"*" | ("*") } => 304, header { "ETag": "\"v1\"" };
        GET "/doc" => { "title": "x" }, header { "ETag": "\"v1\"" };
        PUT "/doc" header { "If-Match": "\"v1\"" } => 204;
        PUT "/doc" header { "If-Match": ! } => 428;
        PUT "/doc" => 412;
    }
    assert_eq!(
        k.get("/doc")
            .header("if-none-match", "\"v0\", W/\"v1\"")
            .await
            .status(),
        304
    );
    assert_eq!(
        k.get("/doc").header("if-none-match", "*").await.status(),
        304
    );
    assert_eq!(
        k.get("/doc")
            .header("if-none-match", "\"v0\"")
            .await
            .status(),
        200
    );
    assert_eq!(
        k.put("/doc").header("if-match", "\"v1\"").await.status(),
        204
    );
    assert_eq!(k.put("/doc").await.status(), 428);
    assert_eq!(
        k.put("/doc").header("if-match", "\"v2\"").await.status(),
        412
    );
}

#[kmock::test(raw)]
async fn redirects(k: KMock) {
    kmock! { k,
        GET "/old/{rest**}" => 301, header { "Location": format!("/new/{rest}") };
        POST "/moved" => 307, header { "Location": "/here" };
        GET "/loop" => 302, header { "Location": "/loop" };
    }
    assert_eq!(k.get("/old/a/b").await.header("location"), Some("/new/a/b"));
    let client = reqwest::Client::new();
    let looped = client.get(format!("{}/loop", k.url())).send().await;
    assert!(looped.expect_err("a loop").is_redirect());
}

#[kmock::test(raw)]
async fn a_download_that_breaks_and_goes_on(k: KMock) {
    kmock! { k,
        GET "/big" header { "Range": "bytes=4-" } => 206, b"456789", header { "Content-Range": "bytes 4-9/10" };
        GET "/big" => b"0123456789", truncate 4;
    }
    assert!(k.get("/big").send().await.is_err());
    let rest = k.get("/big").header("range", "bytes=4-").await;
    assert_eq!((rest.status(), rest.text()), (206, "456789".to_owned()));
}

#[kmock::test(raw)]
async fn uploads(k: KMock) {
    kmock! { k,
        POST "/avatars" part "avatar" { filename: "*.png", type: "image/png" } part "name" { text: _ } => 201;
        POST "/avatars" => 422, { "error": "a picture and a name, please" };
    }
    let kind = "multipart/form-data; boundary=x";
    let body = "--x\r\nContent-Disposition: form-data; name=\"avatar\"; filename=\"me.png\"\r\nContent-Type: image/png\r\n\r\n\
        PNG\r\n--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\njohn\r\n--x--";
    assert_eq!(
        k.post("/avatars")
            .header("content-type", kind)
            .body(body)
            .await
            .status(),
        201
    );
    assert_eq!(
        k.post("/avatars")
            .header("content-type", kind)
            .body("--x--")
            .await
            .status(),
        422
    );
}

#[kmock::test(raw)]
async fn graphql(k: KMock) {
    kmock! { k,
        POST "/graphql" json { "query": "*user(id: $id)*", "variables": { "id": 7 } } => { "data": { "user": { "name": "john" } } };
        POST "/graphql" => { "errors": [{ "message": "no such query" }] };
    }
    let body = serde_json::json!({ "query": "query ($id: Int) { user(id: $id) { name } }", "variables": { "id": 7 } });
    assert_eq!(
        k.post("/graphql").json(body).await.json()["data"]["user"]["name"],
        "john"
    );
}

#[kmock::test(raw)]
async fn json_rpc_batches(k: KMock) {
    kmock! { k,
        POST "/rpc" json [.., { "method": "shutdown" }, ..] => 403;
        POST "/rpc" json any_order [{ "id": 1, "method": "add" }, { "id": 2, "method": "sub" }] => [{ "id": 1, "result": 3 }, { "id": 2, "result": 1 }];
    }
    let call = |id: u32, method: &str| serde_json::json!({ "id": id, "method": method });
    let post = async |calls: &[serde_json::Value]| k.post("/rpc").json(calls).await.status();
    assert_eq!(post(&[call(2, "sub"), call(1, "add")]).await, 200);
    assert_eq!(post(&[call(1, "add"), call(2, "shutdown")]).await, 403);
}

#[kmock::test(raw, start_paused = true)]
async fn slow_stalled_and_late(k: KMock) {
    kmock! { k,
        GET "/late" => sleep(30s), { "ok": true };
        GET "/never" => stall;
        GET "/jitter" => sleep(1s..5s), 200;
    }
    let start = tokio::time::Instant::now();
    assert_eq!(k.get("/late").await.json()["ok"], true);
    assert!(start.elapsed() >= Duration::from_secs(30));
    let never = tokio::time::timeout(Duration::from_secs(60), k.get("/never").send()).await;
    assert!(never.is_err());
}

#[kmock::test(raw)]
async fn at_most_two_at_once(k: KMock) {
    let gate = Gate::new();
    kmock! { k, let busy = GET "/work/{n}" => hold(&gate), 200; }
    let workers: Vec<_> = (0..2)
        .map(|n| tokio::spawn(k.get(format!("/work/{n}")).send()))
        .collect();
    gate.arrived_times(2).await;
    assert_eq!(busy.count(), 2);
    gate.release();
    for worker in workers {
        assert_eq!(
            worker.await.expect("no panic").expect("an answer").status(),
            200
        );
    }
}

#[kmock::test(raw)]
async fn a_webhook_is_waited_for(k: KMock) {
    kmock! { k, let hook = POST "/hook" json { "event": "paid", "order": _ } => 204; }
    let sender = k
        .post("/hook")
        .json(serde_json::json!({ "event": "paid", "order": 7 }));
    tokio::spawn(sender.send());
    let came = hook.wait_for(1).await.expect("the hook");
    assert_eq!(came[0].json()["order"], 7);
}

#[kmock::test(raw)]
async fn in_this_order(k: KMock) {
    kmock! { k,
        in_order! {
            POST "/lock" => 200;
            PUT "/data" => 204;
            POST "/unlock" => 200;
        }
    }
    k.post("/lock").await;
    k.put("/data").await;
    k.post("/unlock").await;
}

#[kmock::test(raw)]
async fn events_with_a_break(k: KMock) {
    kmock! { k,
        stream GET "/events" header { "Last-Event-ID": "2" } => [ sse { id: 3, data: { "n": 3 } } ];
        stream GET "/events" => [ sse { id: 1, data: { "n": 1 } }, sse { id: 2, data: { "n": 2 } }, reset ];
    }
    let mut first = k.get("/events").open().await.expect("a stream");
    let mut text = String::new();
    while let Ok(Some(chunk)) = first.chunk().await {
        text += &String::from_utf8_lossy(&chunk);
    }
    assert!(text.contains("id: 2"), "{text}");
    let rest = k.get("/events").header("last-event-id", "2").await.text();
    assert!(rest.contains("id: 3") && !rest.contains("id: 2"), "{rest}");
}

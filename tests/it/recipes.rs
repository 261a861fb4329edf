//! The recipes of docs/http.md: the page is made of this file (`docs::recipes_are_tests`; `UPDATE=1` writes it anew).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use kmock::prelude::*;

/// # Log in, and refresh the token
/// A token is asked for with a form; a stale one gets a 401. Rules are asked in their order: the last one is for all others.
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

/// # Basic authentication
/// `basic_auth` writes the header as clients do.
#[kmock::test(raw)]
async fn basic_auth(k: KMock) {
    kmock! { k,
        GET "/data" header { "authorization": (kmock::basic_auth("id", "secret")) } => 200;
        GET "/data" => 401, header { "WWW-Authenticate": "Basic realm=\"data\"" };
    }
    let client = reqwest::Client::new();
    let data = format!("{}/data", k.url());
    let known = client.get(&data).basic_auth("id", Some("secret"));
    assert_eq!(known.send().await.unwrap().status(), 200);
    assert_eq!(client.get(&data).send().await.unwrap().status(), 401);
}

/// # Pages that link to the next one
/// The page is captured from the query, so both the items and the `Link` may name it.
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

/// # A server that fails, breaks, and then works
/// One answer after another; the last one stays.
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

/// # A job that is polled
/// `per id` counts for each job of its own.
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

/// # Sessions, and a token against forged forms
/// A `State` is changed by who logs in, and chooses the rules from then on.
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

/// # A small store
/// `with (users)` gives each closure a clone; what a closure leaves open (`None`) goes on to the fallback.
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

/// # Idempotency keys
/// The same key gets the same answer.
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

/// # Conditional requests
/// `etag` makes the answer know `If-None-Match` and `If-Match`, with lists, `*` and weak tags. A write without a condition is refused by a rule.
#[kmock::test(raw)]
async fn conditional_requests(k: KMock) {
    kmock! { k,
        GET | HEAD "/doc" => { "title": "x" }, etag "v1";
        PUT "/doc" header { "If-Match": ! } => 428, problem "send the tag of what you change: If-Match";
        PUT "/doc" => 204, etag "v1";
    }
    let first = k.get("/doc").await;
    assert_eq!(first.header("etag"), Some("\"v1\""));
    for (tags, status) in [("\"v0\", W/\"v1\"", 304), ("*", 304), ("\"v0\"", 200)] {
        let again = k.get("/doc").header("if-none-match", tags).await;
        assert_eq!(again.status(), status);
    }
    let put = async |tag: &str| k.put("/doc").header("if-match", tag).await.status();
    assert_eq!((put("\"v1\"").await, put("\"v2\"").await), (204, 412));
    assert_eq!(k.put("/doc").await.status(), 428);
}

/// # Redirects
/// A redirect is a 302 unless it says otherwise; 307 and 308 keep the method and the body.
#[kmock::test(raw)]
async fn redirects(k: KMock) {
    kmock! { k,
        GET "/old/{rest**}" => 301, redirect (format!("/new/{rest}"));
        POST "/moved" => 307, redirect "/here";
        let here = POST "/here" => 201;
        GET "/loop" => redirect "/loop";
    }
    assert_eq!(k.get("/old/a/b").await.header("location"), Some("/new/a/b"));
    let client = reqwest::Client::new();
    let moved = client.post(format!("{}/moved", k.url())).body("order");
    assert_eq!(moved.send().await.unwrap().status(), 201);
    assert_eq!(here.requests()[0].text(), "order");
    let looped = client.get(format!("{}/loop", k.url())).send().await;
    assert!(looped.expect_err("a loop").is_redirect());
}

/// # A download that breaks, and goes on
/// `ranges` answers whoever asks for the rest; the first request loses its connection after four bytes.
#[kmock::test(raw)]
async fn a_download_that_breaks_and_goes_on(k: KMock) {
    kmock! { k,
        GET "/big" => b"0123456789", etag "v1", ranges, truncate 4 [0];
    }
    assert!(k.get("/big").send().await.is_err());
    let rest = k
        .get("/big")
        .header("range", "bytes=4-")
        .header("if-range", "\"v1\"")
        .await;
    assert_eq!((rest.status(), rest.text()), (206, "456789".to_owned()));
    assert_eq!(rest.header("content-range"), Some("bytes 4-9/10"));
    let changed = k
        .get("/big")
        .header("range", "bytes=4-")
        .header("if-range", "\"v0\"")
        .await;
    assert_eq!(
        (changed.status(), changed.text()),
        (200, "0123456789".to_owned())
    );
}

/// # Uploads
/// Parts of a multipart body by their names, the names of their files, and their types.
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

/// # GraphQL
/// The query is a text, the variables are JSON.
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

/// # Batches of JSON-RPC
/// `[.., p, ..]` is an array that has it somewhere, `any_order` one whose items may come in any order.
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

/// # A client's timeouts
/// In virtual time: half a minute takes no time at all.
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

/// # How many at once
/// A gate holds the answers until the test has seen how many have come.
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

/// # A webhook
/// The test waits for it, with a report of what came instead if it does not come.
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

/// # In this order
/// An order that does not hold fails the test, and so does a step that never has its turn.
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

/// # Events, with a break in the middle
/// The client comes back with the last number that it has seen.
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

/// # A limit of requests in a time
/// By the clock of the test, which may be a virtual one: two in ten seconds, and then a 429 that says when to come back.
#[kmock::test(raw, start_paused = true)]
async fn a_limit_in_a_time(k: KMock) {
    let came: Arc<Mutex<Vec<Duration>>> = Arc::default();
    kmock! { k,
        GET "/api" => with (came) |req| {
            let mut came = came.lock().unwrap();
            came.retain(|at| req.at() - *at < Duration::from_secs(10));
            let wait = (came.len() >= 2).then(|| Duration::from_secs(10) - (req.at() - came[0]));
            let Some(wait) = wait else {
                came.push(req.at());
                return Reply::new();
            };
            Reply::new().status(429).header("Retry-After", wait.as_secs())
        };
    }
    for status in [200, 200, 429] {
        assert_eq!(k.get("/api").await.status(), status);
    }
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(k.get("/api").await.header("retry-after"), Some("6"));
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(k.get("/api").await.status(), 200);
}

/// # A job that takes its time
/// Done twelve seconds after it was begun, however often somebody asks.
#[kmock::test(raw, start_paused = true)]
async fn a_job_that_takes_its_time(k: KMock) {
    let begun: Arc<Mutex<Option<Duration>>> = Arc::default();
    kmock! { k,
        POST "/jobs" => with (begun) |req| { begun.lock().unwrap().get_or_insert(req.at()); 202 };
        GET "/jobs/7" => with (begun) |req| {
            let begun = begun.lock().unwrap().unwrap_or_default();
            let done = req.at() >= begun + Duration::from_secs(12);
            json!({ "state": if done { "done" } else { "running" } })
        };
    }
    k.post("/jobs").await;
    assert_eq!(k.get("/jobs/7").await.json()["state"], "running");
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(k.get("/jobs/7").await.json()["state"], "done");
}

/// # A bucket, as object stores have them
/// Objects are kept with their bytes; what is read has a tag of its own, knows ranges, and HEAD is asked like GET.
#[kmock::test(raw)]
async fn a_bucket(k: KMock) {
    let bucket: Arc<Mutex<HashMap<String, Vec<u8>>>> = Arc::default();
    kmock! { k,
        PUT "/bucket/{key**}" => with (bucket) |req, key| { bucket.lock().unwrap().insert(key, req.body().to_vec()); 200 };
        GET | HEAD "/bucket/{key**}" => with (bucket) |key| {
            let object = bucket.lock().unwrap().get(&key).cloned()?;
            Some(Reply::new().body(object).etag_of_body().ranges())
        };
        DELETE "/bucket/{key**}" => with (bucket) |key| { bucket.lock().unwrap().remove(&key); 204 };
        fallback => 404, header { "Content-Type": "application/xml" }, b"<Error><Code>NoSuchKey</Code></Error>";
    }
    k.put("/bucket/a/b.txt").body("hello").await;
    let read = k.get("/bucket/a/b.txt").await;
    assert_eq!(read.text(), "hello");
    let known = read.header("etag").unwrap();
    let again = k
        .get("/bucket/a/b.txt")
        .header("if-none-match", known)
        .await;
    assert_eq!(again.status(), 304);
    assert_eq!(
        k.head("/bucket/a/b.txt").await.header("content-length"),
        Some("5")
    );
    let part = k.get("/bucket/a/b.txt").header("range", "bytes=-2").await;
    assert_eq!((part.status(), part.text()), (206, "lo".to_owned()));
    assert_eq!(k.delete("/bucket/a/b.txt").await.status(), 204);
    assert!(k.get("/bucket/a/b.txt").await.text().contains("NoSuchKey"));
}

/// # Long polling
/// The answer waits until there is something to say.
#[kmock::test(raw, start_paused = true)]
async fn long_polling(k: KMock) {
    let (tell, told) = tokio::sync::watch::channel(0);
    kmock! { k,
        GET "/changes?since={since: u32}" => with (told) async |req| {
            let (mut told, since) = (told.clone(), req.capture::<u32>("since").unwrap_or_default());
            match tokio::time::timeout(Duration::from_secs(30), told.wait_for(|now| *now > since)).await {
                Ok(Ok(now)) => Reply::new().json(*now),
                _ => Reply::new().status(204),
            }
        };
    }
    let waiting = tokio::spawn(k.get("/changes?since=0").send());
    tokio::time::sleep(Duration::from_secs(7)).await;
    tell.send(5).unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().text(), "5");
    assert_eq!(k.get("/changes?since=5").await.status(), 204);
}

/// # Lines of JSON
/// A criterion of its own looks at each line; the answer is lines, too, one after another.
#[kmock::test(raw)]
async fn lines_of_json(k: KMock) {
    kmock! { k,
        POST "/_bulk" where |req| req.text().lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())
            => stream [ { "ok": 1 }, { "ok": 2 } ];
        POST "/_bulk" => 400, problem "each line is JSON";
    }
    let bulk = k.post("/_bulk").body("{\"a\":1}\n{\"b\":2}\n").await;
    assert_eq!(bulk.text(), "{\"ok\":1}\n{\"ok\":2}\n");
    assert_eq!(k.post("/_bulk").body("no json").await.status(), 400);
}

/// # Compressed bodies
/// A body in gzip, deflate or br is looked at as what it is (feature `compression`); the client need not be told.
#[kmock::test(raw)]
async fn compressed_bodies(k: KMock) {
    kmock! { k,
        POST "/logs" header { "Content-Encoding": "gzip" } json { "level": "error" } => 202;
        POST "/logs" json { "level": _ } => 415, problem "gzip, please";
    }
    let log = r#"{"level":"error"}"#;
    let packed = k
        .post("/logs")
        .header("content-encoding", "gzip")
        .body(gzip(log));
    assert_eq!(packed.await.status(), 202);
    assert_eq!(k.post("/logs").body(log).await.status(), 415);
}

/// # A WebSocket that says hello, and echoes
/// Frames are sent by a script, answered by code, and recorded.
#[kmock::test(raw)]
async fn a_websocket(k: KMock) {
    use futures::{SinkExt, StreamExt};
    use kmock::websocket::WebSocket;
    use tokio_tungstenite::tungstenite::Message;

    kmock! { k,
        let hello = GET "/hello" => websocket [ "hello", { "n": 1 } ];
        GET "/echo" => websocket (WebSocket::new().echo());
    }
    let url = k.url().replace("http", "ws");
    let (mut socket, _) =
        tokio_tungstenite::client_async(format!("{url}/hello"), connect(&k).await)
            .await
            .unwrap();
    assert_eq!(
        socket.next().await.unwrap().unwrap(),
        Message::text("\"hello\"")
    );
    assert_eq!(
        socket.next().await.unwrap().unwrap(),
        Message::text("{\"n\":1}")
    );
    assert!(hello.frames().len() >= 2);
    let (mut echo, _) = tokio_tungstenite::client_async(format!("{url}/echo"), connect(&k).await)
        .await
        .unwrap();
    echo.send(Message::text("over")).await.unwrap();
    assert_eq!(echo.next().await.unwrap().unwrap(), Message::text("over"));
}

/// # Heartbeats for ever
/// A stream of another crate is an item; it is asked for more as long as the client is there.
#[kmock::test(raw, start_paused = true)]
async fn heartbeats_for_ever(k: KMock) {
    let beats = || {
        futures::stream::unfold(0, |n| async move {
            tokio::time::sleep(Duration::from_secs(15)).await;
            Some((format!(": beat {n}\n\n").into_bytes(), n + 1))
        })
    };
    kmock! { k,
        stream GET "/events" => [ from(beats()) ], header { "Content-Type": "text/event-stream" };
    }
    let mut events = k.get("/events").open().await.unwrap();
    for n in 0..3 {
        let chunk = events.chunk().await.unwrap().unwrap();
        assert_eq!(chunk, format!(": beat {n}\n\n"));
    }
    assert!(k.requests()[0].at() + Duration::from_secs(45) <= k.report().at);
}

/// # Answers that are used up
/// After the last answer the rule steps aside, and the next one has its turn.
#[kmock::test(raw)]
async fn answers_that_are_used_up(k: KMock) {
    kmock! { k,
        POST "/vouchers" => 201, { "code": "A" }, then 201, { "code": "B" }, then pass;
        POST "/vouchers" => 410, problem "there are no more";
    }
    for (status, code) in [(201, "A"), (201, "B"), (410, "")] {
        let voucher = k.post("/vouchers").await;
        assert_eq!(voucher.status(), status);
        assert_eq!(voucher.json()["code"].as_str().unwrap_or_default(), code);
    }
}

/// # Errors in the form of Problem Details
/// The status, its title and the content type (RFC 9457) are filled in.
#[kmock::test(raw)]
async fn problem_details(k: KMock) {
    kmock! { k,
        GET "/orders/{id: u64}" => 404, problem (format!("no order {id}"));
        POST "/orders" => 403, problem { "type": "https://example.com/credit", "title": "Not enough credit", "balance": 30 };
    }
    let missing = k.get("/orders/7").await;
    assert_eq!(
        missing.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(
        missing.json(),
        json!({ "status": 404, "title": "Not Found", "detail": "no order 7" })
    );
    assert_eq!(k.post("/orders").await.json()["balance"], 30);
}

/// # One call that fails, before a real server
/// What is passed on is recorded, and one request in the middle is answered otherwise.
#[kmock::test(raw)]
async fn one_call_fails_before_a_real_server(k: KMock, real: KMock) {
    kmock! { real, GET "/price" => { "price": 7 }; }
    kmock! { k,
        GET "/price" [1] => 503;
        let passed = ANY => proxy (real.url());
    }
    let price = async || k.get("/price").await.status();
    assert_eq!(
        (price().await, price().await, price().await),
        (200, 503, 200)
    );
    assert_eq!(passed.exchanges()[0].json()["price"], 7);
}

/// # Kubernetes: a conflict, once
/// The rule answers in the API server's words, and the cluster below it goes on.
#[kmock::test]
async fn a_conflict_once(k: KMock) {
    k.objects()
        .seed(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" } }));
    kmock! { k, let clash = update "v1/configmaps" named "a" [0] => conflict; }
    let map = k
        .get("/api/v1/namespaces/default/configmaps/a")
        .await
        .json();
    let put = async || {
        k.put("/api/v1/namespaces/default/configmaps/a")
            .json(&map)
            .await
    };
    let refused = put().await;
    assert_eq!(
        (refused.status(), &refused.json()["reason"]),
        (409, &json!("Conflict"))
    );
    assert_eq!(put().await.status(), 200);
    assert_requests!(clash == 1);
}

/// # Kubernetes: a watch that has expired
/// A client is to list again; `410` and its `Status` come as the API server sends them.
#[kmock::test]
async fn a_watch_that_has_expired(k: KMock) {
    kmock! { k, watch "v1/configmaps" [0] => expired; }
    let watch = "/api/v1/configmaps?watch=1&resourceVersion=1&timeoutSeconds=1";
    let expired = k.get(watch).await;
    assert_eq!(
        (expired.status(), &expired.json()["reason"]),
        (410, &json!("Expired"))
    );
}

/// # Kubernetes: an eviction that a budget holds back
/// Two refusals that say when to ask again, and then the cluster's own answer.
#[kmock::test]
async fn an_eviction_that_is_held_back(k: KMock) {
    kmock! { k, create "v1/pods/eviction" [..2] => too_many(10s); }
    let spec = json!({ "containers": [{ "name": "a", "image": "a" }] });
    k.objects().seed(
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "a" }, "spec": spec }),
    );
    let eviction =
        json!({ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": "a" } });
    let evict = async || {
        k.post("/api/v1/namespaces/default/pods/a/eviction")
            .json(&eviction)
            .await
    };
    assert_eq!(evict().await.header("retry-after"), Some("10"));
    assert_eq!((evict().await.status(), evict().await.status()), (429, 201));
}

/// # Kubernetes: a lease that somebody steals
/// The test writes beside the client, at the moment when the client writes; the rule then lets the request go on.
#[kmock::test]
async fn a_lease_that_is_stolen(k: KMock) {
    let lease = json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": "leader" } });
    k.objects().seed(lease);
    kmock! { k,
        update "leases.coordination.k8s.io" named "leader" [0] => with (k) || {
            k.objects().patch("leases.coordination.k8s.io", "leader", json!({ "spec": { "holderIdentity": "b" } }));
            None::<u16>
        };
    }
    let path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/leader";
    let mine = k.get(path).await.json();
    assert_eq!(k.put(path).json(&mine).await.status(), 409);
    assert_eq!(k.get(path).await.json()["spec"]["holderIdentity"], "b");
}

async fn connect(k: &KMock) -> tokio::net::TcpStream {
    tokio::net::TcpStream::connect(k.address())
        .await
        .expect("connected")
}

fn gzip(text: &str) -> Vec<u8> {
    use std::io::Write;
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(text.as_bytes()).expect("in memory");
    out.finish().expect("in memory")
}

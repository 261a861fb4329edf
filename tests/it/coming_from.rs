//! What stands in docs/coming-from.md: each snippet of its tables is in the test that its row names (`docs::coming_from_is_tests`).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use kmock::prelude::*;

/// Statuses of some requests, one after another.
async fn statuses(k: &KMock, targets: &[&str]) -> Vec<u16> {
    let mut all = Vec::new();
    for target in targets {
        all.push(k.get(*target).await.status());
    }
    all
}

#[kmock::test(raw)]
async fn a_server_and_a_rule(k: KMock) {
    kmock! { k, GET "/hello" => 200; }
    assert_eq!(
        reqwest::get(format!("{}/hello", k.url()))
            .await
            .unwrap()
            .status(),
        200
    );
}

#[kmock::test(raw)]
fn a_blocking_test(k: KMock) {
    kmock! { k, GET "/hello" => text "world"; }
    let socket = std::net::TcpStream::connect(k.address()).unwrap();
    let mut socket = std::io::BufReader::new(socket);
    std::io::Write::write_all(socket.get_mut(), b"GET /hello HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut socket, &mut answer).unwrap();
    assert!(answer.ends_with("world"), "{answer}");
}

#[kmock::test(raw)]
async fn paths(k: KMock) {
    kmock! { k,
        GET ~"/v[0-9]+" => 201;
        GET "/users/{id: u64}" => 202;
        GET "/files/*" => 203;
        ANY => 404;
    }
    assert_eq!(
        statuses(&k, &["/v12", "/users/7", "/files/x", "/else"]).await,
        [201, 202, 203, 404]
    );
}

#[kmock::test(raw)]
async fn queries(k: KMock) {
    kmock! { k,
        GET "/a" query { "page": "1" } => 201;
        GET "/b" query { "q": "*rust*" } => 202;
        GET "/c" query { "q": ! } => 203;
        GET "/d" query { "q": ~"r.*t" } => 204;
        GET "/e" query == { "q": _ } => 205;
    }
    let fit = [
        "/a?page=1",
        "/b?q=the+rust+book",
        "/c?page=1",
        "/d?q=rust",
        "/e?q=1",
    ];
    assert_eq!(statuses(&k, &fit).await, [201, 202, 203, 204, 205]);
    let differ = ["/a?page=2", "/b?q=java", "/c?q", "/d?q=go", "/e?q=1&x=2"];
    assert_eq!(statuses(&k, &differ).await, [404; 5]);
}

#[kmock::test(raw)]
async fn headers(k: KMock) {
    kmock! { k,
        GET header { "x-a": "1" } => 201;
        GET header { "x-b": _ } => 202;
        GET header { "x-c": ~"a+" } => 203;
        GET header { "authorization": "Bearer t" } => 204;
        GET header { "authorization": (kmock::basic_auth("id", "secret")) } => 205;
        GET cookie { "sid": "s1" } => 206;
        GET header { "x-d": ! } => 207;
    }
    for (name, value, status) in [
        ("x-a", "1", 201),
        ("x-b", "any", 202),
        ("x-c", "aaa", 203),
        ("authorization", "Bearer t", 204),
        ("authorization", "Basic aWQ6c2VjcmV0", 205),
        ("cookie", "a=b; sid=s1", 206),
        ("x-e", "", 207),
        ("x-d", "", 404),
    ] {
        assert_eq!(
            k.get("/").header(name, value).await.status(),
            status,
            "{name}"
        );
    }
}

#[kmock::test(raw)]
async fn bodies(k: KMock) {
    kmock! { k,
        POST json == { "a": 1 } => 201;
        POST json { "b": 1 } => 202;
        POST text "exactly" => 203;
        POST text "*part*" => 204;
        POST form { "name": "john" } => 205;
        POST where |req| req.body().len() > 20 => 206;
    }
    for (body, status) in [
        (r#"{"a":1}"#, 201),
        (r#"{"a":1,"b":1}"#, 202),
        ("exactly", 203),
        ("a part of", 204),
        ("a very long body, longer", 206),
        ("short", 404),
    ] {
        assert_eq!(k.post("/").body(body).await.status(), status, "{body}");
    }
    assert_eq!(k.post("/").form([("name", "john")]).await.status(), 205);
}

#[kmock::test(raw, start_paused = true)]
async fn answers(k: KMock) {
    kmock! { k,
        GET "/json" => { "a": 1 };
        GET "/text" => text "hello";
        GET "/bytes" => b"\x00\x01";
        GET "/header" => 201, header { "X-A": "1" };
        GET "/late" => sleep(5s), 200;
        GET "/file" => file "Cargo.toml";
        GET "/code/{name}" => |name| format!("hello {name}");
        GET "/chunks" => stream [ b"one", sleep(1s), b"two" ];
        GET "/broken" => reset;
        GET "/moved" => redirect "/json";
    }
    assert_eq!(k.get("/json").await.json()["a"], 1);
    assert_eq!(k.get("/text").await.text(), "hello");
    assert_eq!(k.get("/bytes").await.body().as_ref(), b"\x00\x01");
    assert_eq!(k.get("/header").await.header("x-a"), Some("1"));
    let start = tokio::time::Instant::now();
    assert_eq!(k.get("/late").await.status(), 200);
    assert_eq!(start.elapsed(), Duration::from_secs(5));
    assert!(k.get("/file").await.text().contains("kmock-tests"));
    assert_eq!(k.get("/code/john").await.json(), "hello john");
    assert_eq!(k.get("/chunks").await.text(), "onetwo");
    assert!(k.get("/broken").send().await.is_err());
    assert_eq!(k.get("/moved").await.header("location"), Some("/json"));
}

#[kmock::test(raw)]
async fn how_often(k: KMock) {
    kmock! { k,
        #[expect(1)]
        /// the first page
        GET "/once" => 200;
        #[expect(1..)]
        GET "/some" => 200;
        #[never]
        DELETE "/" => 500;
        GET "/twice" [..2] => 503;
        GET "/twice" => 200;
        GET "/turns" => 503, then 200;
        #[priority(10)]
        GET "/first" => 201;
        fallback => 404;
    }
    assert_eq!(
        statuses(&k, &["/once", "/some", "/some", "/first"]).await,
        [200, 200, 200, 201]
    );
    assert_eq!(
        statuses(&k, &["/twice", "/twice", "/twice"]).await,
        [503, 503, 200]
    );
    assert_eq!(
        statuses(&k, &["/turns", "/turns", "/else"]).await,
        [503, 200, 404]
    );
}

#[kmock::test(raw)]
async fn what_came(k: KMock) {
    kmock! { k, let hello = POST "/hello" => 201; }
    k.post("/hello").json(json!({ "name": "john" })).await;
    assert_requests!(hello == 1);
    assert_requests!(k, total == 1, "get" == 0, POST "/hello" >= 1);
    assert_eq!(hello.count(), 1);
    assert_eq!(hello.requests()[0].json()["name"], "john");
    assert_eq!(k.requests()[0].target(), "/hello");
    k.verify();
    hello.remove();
    assert_eq!(k.post("/hello").await.status(), 404);
    k.forget();
    assert_requests!(k, total == 0);
}

#[kmock::test(raw)]
async fn another_server(k: KMock, real: KMock) {
    kmock! { real, GET "/x" => { "real": true }; }
    kmock! { k, let passed = ANY => proxy (real.url()); }
    assert_eq!(k.get("/x").await.json()["real"], true);
    assert_eq!(passed.exchanges()[0].json()["real"], true);
}

#[kmock::test(raw)]
async fn any_of_and_all_of(k: KMock) {
    kmock! { k,
        GET "/either" query { "q": "a" | "b" } => 201;
        GET "/both" query { "q": "a", "r": "b" } => 202;
        GET "/neither" - query { "q": "a" } => 203;
    }
    let fit = ["/either?q=b", "/both?q=a&r=b", "/neither?q=c"];
    assert_eq!(statuses(&k, &fit).await, [201, 202, 203]);
}

#[kmock::test]
async fn one_after_another(k: KMock) {
    let gate = Gate::new();
    kmock! { k,
        in_order! {
            let listed = list "v1/configmaps" => { "items": [] };
            create "v1/configmaps" => hold(&gate), 201;
        }
    }
    k.get("/api/v1/configmaps").await;
    assert_eq!(
        listed.wait_for(1).await.unwrap()[0].method().as_str(),
        "GET"
    );
    let map = json!({ "metadata": { "name": "a" } });
    let creating = tokio::spawn(
        k.post("/api/v1/namespaces/default/configmaps")
            .json(map)
            .send(),
    );
    gate.arrived().await;
    gate.release();
    assert_eq!(creating.await.unwrap().unwrap().status(), 201);
}

#[kmock::test(start_paused = true)]
async fn an_api_server(k: KMock) {
    k.objects()
        .seed(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" } }));
    kmock! { k, update "v1/configmaps" [0] => conflict; }
    let path = "/api/v1/namespaces/default/configmaps/a";
    let map = k.get(path).await.json();
    assert_eq!(k.put(path).json(&map).await.status(), 409);
    let patched = k
        .patch(path)
        .header("content-type", "application/merge-patch+json");
    patched.body(r#"{"data":{"k":"v"}}"#).await;
    k.objects()
        .wait_for("configmaps", "a", json!({ "data": { "k": "v" } }))
        .await;
}

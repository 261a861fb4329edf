//! Qualifiers, patterns, and the algebra of criteria.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use kmock::prelude::*;

#[kmock::test]
async fn query_header_cookie(k: KMock) {
    const TRACE: &str = "x-trace";
    kmock! {
        GET "/q" query { "page": 1..=9, "q": "ru*", "debug": ! } => 201;
        GET "/h" header { "X-Token": _, "accept": "a/b" | "c/d", (TRACE): ~"[0-9a-f]+" } => 202;
        GET "/c" cookie { "session": "abc", "old": ! } => 203;
    }
    assert_eq!(k.get("/q?page=3&q=rust").await.status(), 201);
    assert_eq!(k.get("/q?page=30&q=rust").await.status(), 404);
    assert_eq!(k.get("/q?page=3&q=rust&debug=1").await.status(), 404);
    let headers = |accept, trace| {
        k.get("/h")
            .header("x-token", "t")
            .header("Accept", accept)
            .header("x-trace", trace)
    };
    assert_eq!(headers("c/d", "1af").await.status(), 202);
    assert_eq!(headers("e/f", "1af").await.status(), 404);
    assert_eq!(headers("c/d", "xyz").await.status(), 404);
    assert_eq!(
        k.get("/c").header("cookie", "session=abc").await.status(),
        203
    );
    assert_eq!(
        k.get("/c")
            .header("cookie", "session=abc; old=1")
            .await
            .status(),
        404
    );
}

#[kmock::test]
async fn bodies(k: KMock) {
    kmock! {
        POST "/raw" body b"exact" => 201;
        POST "/raw" body "other" => 202;
        POST "/text" text "hello*" => 203;
        POST "/text" text ~"[0-9]+" | "none" => 204;
        POST "/form" form { "name": "j*", "age": 18.. } => 205;
    }
    assert_eq!(k.post("/raw").body("exact").await.status(), 201);
    assert_eq!(k.post("/raw").body("other").await.status(), 202);
    assert_eq!(k.post("/text").body("hello world").await.status(), 203);
    assert_eq!(k.post("/text").body("123").await.status(), 204);
    assert_eq!(k.post("/text").body("bye").await.status(), 404);
    assert_eq!(
        k.post("/form")
            .form([("name", "john"), ("age", "20")])
            .await
            .status(),
        205
    );
    assert_eq!(
        k.post("/form")
            .form([("name", "john"), ("age", "7")])
            .await
            .status(),
        404
    );
}

#[kmock::test]
async fn json_patterns(k: KMock) {
    let wanted = 40 + 2;
    kmock! {
        POST "/partial" json { "name": "j*", "tags": ["a", ..], "deep": { "n": 1..10 }, "no": !, "any": _ } => 201;
        POST "/value" json { "n": (wanted), "f": -2.5, "b": true, "z": null } => 202;
        POST "/ends" json ["first", .., "last"] => 203;
        POST "/pair" json [1, 2 | 3] => 204;
        POST "/exact" json == { "only": "this", "and": [1] } => 205;
    }
    let status = async |path: &str, body: serde_json::Value| k.post(path).json(body).await.status();
    let good = json!({ "name": "john", "tags": ["a", "b"], "deep": { "n": 5, "m": 0 }, "any": null, "more": 1 });
    assert_eq!(status("/partial", good.clone()).await, 201);
    for (key, value) in [
        ("name", json!("bob")),
        ("tags", json!(["b"])),
        ("deep", json!({ "n": 10 })),
        ("no", json!(1)),
    ] {
        let mut bad = good.clone();
        bad[key] = value;
        assert_eq!(status("/partial", bad).await, 404, "{key}");
    }
    assert_eq!(
        status(
            "/value",
            json!({ "n": 42, "f": -2.5, "b": true, "z": null })
        )
        .await,
        202
    );
    assert_eq!(status("/ends", json!(["first", 1, 2, "last"])).await, 203);
    assert_eq!(status("/ends", json!(["first"])).await, 404);
    assert_eq!(status("/pair", json!([1, 3])).await, 204);
    assert_eq!(status("/pair", json!([1, 3, 4])).await, 404);
    assert_eq!(
        status("/exact", json!({ "only": "this", "and": [1] })).await,
        205
    );
    assert_eq!(
        status("/exact", json!({ "only": "this", "and": [1], "more": 1 })).await,
        404
    );
}

#[kmock::test]
async fn hosts_peers_and_conditions(k: KMock) {
    fn is_long(request: &Request) -> bool {
        request.body().len() > 10
    }
    let ready = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&ready);
    kmock! {
        GET host "example.com" => 201;
        GET "/near" from 127.0.0.0/8 => 202;
        GET "/far" from 10.1.2.3 => 203;
        POST where |req| req.body().starts_with(b"x") => 204;
        POST where is_long => 205;
        GET "/flag" where || flag.load(Ordering::Relaxed) => 206;
        PUT where async |req| { tokio::task::yield_now().await; req.body().is_empty() } => 207;
        DELETE where |req| async move { req.query("yes").is_some() } => 208;
    }
    assert_eq!(k.get("/").header("host", "example.com").await.status(), 201);
    assert_eq!(k.get("/near").await.status(), 202);
    assert_eq!(k.get("/far").await.status(), 404);
    assert_eq!(k.post("/").body("xyz").await.status(), 204);
    assert_eq!(k.post("/").body("something longer").await.status(), 205);
    assert_eq!(k.post("/").body("abc").await.status(), 404);
    assert_eq!(k.get("/flag").await.status(), 404);
    ready.store(true, Ordering::Relaxed);
    assert_eq!(k.get("/flag").await.status(), 206);
    assert_eq!(k.put("/").await.status(), 207);
    assert_eq!(k.put("/").body("full").await.status(), 404);
    assert_eq!(k.delete("/?yes=1").await.status(), 208);
}

#[kmock::test]
async fn conditions_may_have_names(k: KMock) {
    fn by_reference(request: &Request) -> bool {
        request.query("a").is_some()
    }
    fn by_value(request: Request) -> bool {
        request.query("b").is_some()
    }
    async fn later(request: Request) -> bool {
        tokio::task::yield_now().await;
        request.query("c").is_some()
    }
    async fn never() -> bool {
        false
    }
    let held = |request: &Request| request.query("d").is_some();
    kmock! {
        GET where by_reference => 201;
        GET where by_value => 202;
        GET where later => 203;
        GET where never => 500;
        GET where held => 204;
        GET host "Example.com" | "*.LOCAL" => 205;
    }
    for (target, status) in [
        ("/?a", 201),
        ("/?b", 202),
        ("/?c", 203),
        ("/?d", 204),
        ("/", 404),
    ] {
        assert_eq!(k.get(target).await.status(), status, "{target}");
    }
    for host in ["example.COM:80", "example.com", "a.Local"] {
        assert_eq!(
            k.get("/").header("host", host).await.status(),
            205,
            "{host}"
        );
    }
    let report = k.report().text().times(false).to_string();
    assert!(report.contains("✗ where by_reference"), "{report}");
}

#[kmock::test]
async fn reports_show_code_as_it_was_written(k: KMock) {
    kmock! {
        GET where |req| req.header("x-w") == Some("1") && {
            let least = 10;
            req.body().len() > least
        } => 200;
    }
    k.get("/").await;
    let report = k.report().text().times(false).to_string();
    let want = r#"✗ where |req| req.header("x-w") == Some("1") && { let least = 10; req.body().len() > least }"#;
    assert!(report.contains(want), "{report}");
}

#[kmock::test]
async fn algebra(k: KMock) {
    kmock! {
        GET "/all/**" - ("/all/but" | "/all/this") => 201;
        (GET "/a" | POST "/b") & header { "x": _ } => 202;
        PUT & !query { "dry": _ } => 203;
        !(GET | POST | PUT) => 204;
    }
    assert_eq!(k.get("/all/x").await.status(), 201);
    assert_eq!(k.get("/all/but").await.status(), 404);
    assert_eq!(k.post("/b").header("x", 1).await.status(), 202);
    assert_eq!(k.post("/b").await.status(), 404);
    assert_eq!(k.post("/a").header("x", 1).await.status(), 404);
    assert_eq!(k.put("/").await.status(), 203);
    assert_eq!(k.put("/?dry=1").await.status(), 404);
    assert_eq!(k.delete("/").await.status(), 204);
}

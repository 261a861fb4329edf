//! Conditional requests, ranges, redirects and Problem Details: what HTTP asks of given answers.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use kmock::prelude::*;

const OLD: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const NEW: &str = "Mon, 07 Nov 1994 08:49:37 GMT";

#[kmock::test(raw)]
async fn tags_answer_conditional_requests(k: KMock) {
    kmock! { k,
        GET | HEAD "/doc" => { "a": 1 }, etag "v1", header { "Cache-Control": "max-age=60" };
        PUT "/doc" => 204, etag "v1";
        GET "/weak" => text "x", etag "W/\"v1\"";
        GET "/own" => text "x", etag;
        GET "/failed" => 404, etag "v1";
        GET "/written" => text "x", etag "v1", header { "ETag": "\"other\"" };
    }
    let get = async |target: &str, name: &str, value: &str| k.get(target).header(name, value).await;
    for (name, value, status) in [
        ("if-none-match", "\"v1\"", 304),
        ("if-none-match", "W/\"v1\"", 304),
        ("if-none-match", "\"a,b\", \"v1\"", 304),
        ("if-none-match", "*", 304),
        ("if-none-match", "\"v2\"", 200),
        ("if-none-match", "v1", 200),
        ("if-match", "\"v1\"", 200),
        ("if-match", "*", 200),
        ("if-match", "W/\"v1\"", 412),
        ("if-match", "\"v2\"", 412),
    ] {
        let answer = get("/doc", name, value).await;
        assert_eq!(answer.status(), status, "{name}: {value}");
        assert_eq!(answer.header("etag"), Some("\"v1\""));
        assert_eq!(answer.text().is_empty(), status != 200);
        assert_eq!(answer.header("content-type").is_some(), status == 200);
    }
    let again = get("/doc", "if-none-match", "\"v1\"").await;
    assert_eq!(again.header("cache-control"), Some("max-age=60"));
    let head = k.head("/doc").header("if-none-match", "\"v1\"").await;
    assert_eq!(head.status(), 304);
    // What writes is refused where it would have been 304.
    let put = k.put("/doc").header("if-none-match", "*").await;
    assert_eq!(put.status(), 412);
    assert_eq!(get("/weak", "if-none-match", "\"v1\"").await.status(), 304);
    assert_eq!(get("/weak", "if-match", "W/\"v1\"").await.status(), 412);
    let own = k.get("/own").await;
    let tag = own.header("etag").unwrap().to_owned();
    assert_eq!(get("/own", "if-none-match", &tag).await.status(), 304);
    assert_eq!(get("/failed", "if-match", "\"v2\"").await.status(), 404);
    assert_eq!(
        get("/written", "if-none-match", "\"other\"").await.status(),
        304
    );
}

#[kmock::test(raw)]
async fn times_answer_conditional_requests(k: KMock) {
    kmock! { k,
        GET "/doc" => text "x", last_modified "Sun, 06 Nov 1994 08:49:37 GMT";
        PUT "/doc" => 204, last_modified "Sun, 06 Nov 1994 08:49:37 GMT";
        GET "/both" => text "x", etag "v1", last_modified (OLD);
    }
    let status = async |target: &str, name: &str, value: &str| {
        k.get(target).header(name, value).await.status()
    };
    assert_eq!(status("/doc", "if-modified-since", OLD).await, 304);
    assert_eq!(status("/doc", "if-modified-since", NEW).await, 304);
    assert_eq!(
        status("/doc", "if-modified-since", "Sat, 05 Nov 1994 08:49:37 GMT").await,
        200
    );
    assert_eq!(status("/doc", "if-modified-since", "yesterday").await, 200);
    assert_eq!(
        status(
            "/doc",
            "if-unmodified-since",
            "Sat, 05 Nov 1994 08:49:37 GMT"
        )
        .await,
        412
    );
    // Written in an older form, which is read all the same (RFC 9110, 5.6.7).
    assert_eq!(
        status(
            "/doc",
            "if-modified-since",
            "Sunday, 06-Nov-94 08:49:37 GMT"
        )
        .await,
        304
    );
    let put = k.put("/doc").header("if-modified-since", NEW).await;
    assert_eq!(put.status(), 204);
    // A tag says more than a time: where one is asked for, the other is not looked at.
    let both = k
        .get("/both")
        .header("if-none-match", "\"v0\"")
        .header("if-modified-since", NEW);
    assert_eq!(both.await.status(), 200);
    assert_eq!(k.get("/doc").await.header("last-modified"), Some(OLD));
}

#[kmock::test(raw)]
async fn ranges_are_answered(k: KMock) {
    kmock! { k,
        GET | HEAD "/ten" => text "0123456789", ranges, etag "v1";
        GET "/file" => file "Cargo.toml", ranges;
        GET "/plain" => text "0123456789";
        GET "/empty" => b"", ranges;
        POST "/ten" => text "0123456789", ranges;
        GET "/dated" => text "0123456789", ranges, last_modified (OLD);
    }
    let range = async |target: &str, range: &str| k.get(target).header("range", range).await;
    for (asked, status, content, body) in [
        ("bytes=0-4", 206, Some("bytes 0-4/10"), "01234"),
        ("bytes=8-", 206, Some("bytes 8-9/10"), "89"),
        ("bytes=-3", 206, Some("bytes 7-9/10"), "789"),
        ("bytes=4-99", 206, Some("bytes 4-9/10"), "456789"),
        ("bytes=5-5, 77-", 206, Some("bytes 5-5/10"), "5"),
        ("bytes=10-", 416, Some("bytes */10"), ""),
        ("bytes=-0", 416, Some("bytes */10"), ""),
        ("bytes=4-2", 200, None, "0123456789"),
        ("lines=0-1", 200, None, "0123456789"),
    ] {
        let answer = range("/ten", asked).await;
        assert_eq!(
            (
                answer.status(),
                answer.header("content-range"),
                answer.text().as_str()
            ),
            (status, content, body),
            "{asked}"
        );
        assert_eq!(answer.header("accept-ranges"), Some("bytes"), "{asked}");
    }
    let several = range("/ten", "bytes=0-1, -2").await;
    assert_eq!(several.status(), 206);
    let kind = several.header("content-type").unwrap();
    let boundary = kind
        .strip_prefix("multipart/byteranges; boundary=")
        .unwrap();
    let text = several.text();
    assert_eq!(text.matches(&format!("--{boundary}")).count(), 3);
    assert!(
        text.contains(
            "content-type: text/plain; charset=utf-8\r\ncontent-range: bytes 0-1/10\r\n\r\n01\r\n"
        ),
        "{text}"
    );
    assert!(
        text.contains("content-range: bytes 8-9/10\r\n\r\n89\r\n"),
        "{text}"
    );
    let manifest = range("/file", "bytes=0-8").await;
    assert_eq!(
        (manifest.status(), manifest.text().as_str()),
        (206, "[package]")
    );
    assert_eq!(range("/plain", "bytes=0-4").await.status(), 200);
    assert_eq!(range("/empty", "bytes=0-4").await.status(), 416);
    assert_eq!(
        k.post("/ten").header("range", "bytes=0-4").await.status(),
        200
    );
    let head = k.head("/ten").header("range", "bytes=0-4").await;
    assert_eq!(
        (head.status(), head.header("content-length")),
        (200, Some("10"))
    );
    for (target, condition, status) in [
        ("/ten", "\"v1\"", 206),
        ("/ten", "\"v0\"", 200),
        ("/ten", "W/\"v1\"", 200),
        ("/dated", OLD, 206),
        ("/dated", NEW, 200),
    ] {
        let asked = k
            .get(target)
            .header("range", "bytes=0-4")
            .header("if-range", condition);
        assert_eq!(asked.await.status(), status, "{condition}");
    }
    // A condition that fails comes first.
    let known = k
        .get("/ten")
        .header("range", "bytes=0-4")
        .header("if-none-match", "\"v1\"");
    assert_eq!(known.await.status(), 304);
}

#[kmock::test(raw)]
async fn what_has_no_known_body_has_no_ranges(k: KMock) {
    kmock! { k, let streamed = GET "/" => stream [ b"a", b"b" ], ranges; }
    assert_eq!(k.get("/").await.status(), 500);
    assert!(
        k.errors()[0].contains("want a body that is known"),
        "{:?}",
        k.errors()
    );
    assert_eq!(streamed.count(), 1);
}

#[kmock::test(raw)]
async fn redirects_have_one_word(k: KMock) {
    kmock! { k,
        GET "/a" => redirect "/b";
        POST "/a" => 308, redirect "/b";
        GET "/old/{rest**}" => 301, redirect (format!("/new/{rest}"));
        GET "/first" => redirect "/second", 307;
    }
    let first = k.get("/a").await;
    assert_eq!(
        (first.status(), first.header("location")),
        (302, Some("/b"))
    );
    assert_eq!(k.post("/a").await.status(), 308);
    let old = k.get("/old/x/y").await;
    assert_eq!(
        (old.status(), old.header("location")),
        (301, Some("/new/x/y"))
    );
    assert_eq!(k.get("/first").await.status(), 307);
    let built = k.on("/built").redirect("/x").status(303);
    assert_eq!(k.get("/built").await.status(), 303);
    assert_eq!(built.count(), 1);
}

#[kmock::test(raw)]
async fn problems_have_one_word(k: KMock) {
    kmock! { k,
        GET "/text" => 403, problem "no credit";
        GET "/object" => 422, problem { "type": "/invalid", "title": "Invalid", "errors": [{ "at": "/name" }] };
        GET "/order/{id}" => 404, problem (format!("no order {id}"));
        GET "/bare" => problem "it broke";
        GET "/code" => |_| Reply::new().problem("computed").status(409);
    }
    let text = k.get("/text").await;
    assert_eq!(
        (text.status(), text.header("content-type")),
        (403, Some("application/problem+json"))
    );
    assert_eq!(
        text.json(),
        json!({ "status": 403, "title": "Forbidden", "detail": "no credit" })
    );
    assert_eq!(
        k.get("/object").await.json(),
        json!({ "type": "/invalid", "title": "Invalid", "status": 422, "errors": [{ "at": "/name" }] })
    );
    let order = k.get("/order/7").await;
    assert_eq!(
        (
            order.status(),
            &order.json()["detail"],
            &order.json()["status"]
        ),
        (404, &json!("no order 7"), &json!(404))
    );
    assert_eq!(
        (
            k.get("/bare").await.status(),
            &k.get("/bare").await.json()["status"]
        ),
        (500, &json!(500))
    );
    let code = k.get("/code").await;
    assert_eq!(
        (code.status(), &code.json()["title"]),
        (409, &json!("Conflict"))
    );
}

#[tokio::test]
async fn what_is_no_tag_or_time_is_refused_where_it_is_written() {
    for tag in ["a b", "a\"b", "ü"] {
        assert!(
            std::panic::catch_unwind(|| Reply::new().etag(tag)).is_err(),
            "{tag}"
        );
    }
    assert!(std::panic::catch_unwind(|| Reply::new().last_modified("1994-11-06")).is_err());
}

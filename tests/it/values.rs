//! What values are compared with: exact integers, bytes that are no text, negations, arrays, exact queries, parts.

use kmock::{PartPattern, prelude::*};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The status of the answer to a request that is written byte by byte.
async fn status(k: &KMock, request: &[u8]) -> u16 {
    let mut socket = TcpStream::connect(k.address()).await.expect("connected");
    socket.write_all(request).await.expect("written");
    let mut head = [0; 12];
    socket.read_exact(&mut head).await.expect("an answer");
    let text = String::from_utf8_lossy(&head);
    text[9..].parse().expect("a status")
}

#[kmock::test]
async fn integers_are_compared_exactly_in_bodies_queries_and_headers(k: KMock) {
    const ID: i64 = 175_928_847_299_117_063;
    kmock! { k,
        POST "/json" json { "id": 175928847299117063 } => 201;
        POST "/value" json (json!({ "id": ID })) => 202;
        POST "/exact" json == { "ids": [_, 175928847299117063] } => 203;
        POST "/range" json { "id": 175928847299117063..=175928847299117063 } => 204;
        GET "/query" query { "id": 175928847299117063, "max": ..18446744073709551615 } => 205;
        GET "/header" header { "x-id": 18446744073709551615 | -9223372036854775808 } => 206;
        POST "/long" json { "id": 18446744073709551617 } => 207;
    }
    for (id, fits) in [(ID, true), (ID + 1, false), (ID - 3, false)] {
        let posted =
            async |path: &str, body: serde_json::Value| k.post(path).json(body).await.status();
        let want = |status: u16| if fits { status } else { 404 };
        assert_eq!(
            posted("/json", json!({ "id": id })).await,
            want(201),
            "{id}"
        );
        assert_eq!(
            posted("/value", json!({ "id": id })).await,
            want(202),
            "{id}"
        );
        assert_eq!(
            posted("/exact", json!({ "ids": [1, id] })).await,
            want(203),
            "{id}"
        );
        assert_eq!(
            posted("/range", json!({ "id": id })).await,
            want(204),
            "{id}"
        );
        let query = format!("/query?id={id}&max=18446744073709551614");
        assert_eq!(k.get(query).await.status(), want(205), "{id}");
    }
    let query = format!("/query?id={ID}&max=18446744073709551615");
    assert_eq!(k.get(query).await.status(), 404);
    for (text, want) in [
        ("18446744073709551615", 206),
        ("18446744073709551616", 404),
        ("18446744073709551614", 404),
        ("-9223372036854775808", 206),
        ("-9223372036854775807", 404),
    ] {
        let got = k.get("/header").header("x-id", text).await;
        assert_eq!(got.status(), want, "{text}");
    }
    for (text, want) in [
        ("18446744073709551617", 207),
        ("18446744073709551616", 404),
        ("18446744073709551618", 404),
        ("1.8446744073709551617e19", 404),
    ] {
        let got = k.post("/long").body(format!("{{\"id\": {text}}}")).await;
        assert_eq!(got.status(), want, "{text}");
    }
    // By value, 1 and 1.0 are one.
    kmock! { k, POST "/one" json { "n": 1, "m": 1..=2, "f": 2.0 } => 201; }
    let body = json!({ "n": 1.0, "m": 1.5, "f": 2 });
    assert_eq!(k.post("/one").json(body).await.status(), 201);
}

#[kmock::test]
async fn what_differs_in_a_long_integer_is_told_with_all_of_its_digits(k: KMock) {
    kmock! { k, POST "/long" json { "id": 18446744073709551617 } => 200; }
    let told = k
        .post("/long")
        .body(r#"{"id": 18446744073709551616}"#)
        .await;
    let told = told.text();
    assert!(
        told.contains("/id: want 18446744073709551617, got 18446744073709551616"),
        "{told}"
    );
}

#[kmock::test]
async fn big_integers_are_numbers_everywhere(k: KMock) {
    kmock! { k,
        POST "/p" json { "ts": 1700000000000, "in": [-1700000000000, ..] } query { "at": 1_700_000_000_000.. } => 201;
        GET "/body" => { "ts": 1700000000000, "deep": [{ "max": 18446744073709551615, "min": -9223372036854775808 }] },
            header { "x-time": 1700000000000 };
        GET "/list" => [1, 1700000000000];
        GET "/json" => json(1700000000000);
        stream GET "/stream" => [1700000000000, { "ts": 1700000000000 }];
    }
    let body = json!({ "ts": 1_700_000_000_000_i64, "in": [-1_700_000_000_000_i64, 1] });
    let posted = k.post("/p?at=1700000000001").json(body).await;
    assert_eq!(posted.status(), 201);
    let got = k.get("/body").await;
    assert_eq!(got.header("x-time"), Some("1700000000000"));
    let deep = json!([{ "max": u64::MAX, "min": i64::MIN }]);
    assert_eq!(
        got.json(),
        json!({ "ts": 1_700_000_000_000_i64, "deep": deep })
    );
    assert_eq!(k.get("/list").await.text(), "[1,1700000000000]");
    assert_eq!(k.get("/json").await.text(), "1700000000000");
    let lines = "1700000000000\n{\"ts\":1700000000000}\n";
    assert_eq!(k.get("/stream").await.text(), lines);
}

#[kmock::test]
async fn bytes_that_are_no_text_are_there_all_the_same(k: KMock) {
    kmock! { k,
        GET "/absent" header { "x-n": ! } => 200;
        GET "/utf8" header { "x-n": "café" } => 201;
        GET "/latin1" header { "x-n": "caf*" } => 202;
        GET "/there" header { "x-n": _ } cookie { "s": "1*" } => 203;
        GET "/regex" header { "x-n": ~"caf.+" } => |req| req.header("x-n").map(str::len).unwrap_or_default().to_string();
        POST "/body" text ~"(?s)a.*z" => 204;
    }
    let with = |path: &str, value: &[u8]| {
        let mut request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nx-n: ").into_bytes();
        request.extend_from_slice(value);
        request.extend_from_slice(b"\r\ncookie: s=1");
        request.extend_from_slice(value);
        request.extend_from_slice(b"\r\n\r\n");
        request
    };
    let (utf8, latin1) = ("café".as_bytes(), &b"caf\xe9"[..]);
    assert_eq!(status(&k, &with("/absent", utf8)).await, 404);
    assert_eq!(status(&k, &with("/absent", latin1)).await, 404);
    assert_eq!(status(&k, &with("/utf8", utf8)).await, 201);
    assert_eq!(status(&k, &with("/utf8", latin1)).await, 404);
    assert_eq!(status(&k, &with("/latin1", utf8)).await, 202);
    assert_eq!(status(&k, &with("/latin1", latin1)).await, 202);
    assert_eq!(status(&k, &with("/there", utf8)).await, 203);
    assert_eq!(status(&k, &with("/there", latin1)).await, 203);
    assert_eq!(status(&k, &with("/regex", latin1)).await, 200);
    let body = k.post("/body").body(&b"a\xff\x00z"[..]).await;
    assert_eq!(body.status(), 204);
    // Reports show what came.
    let told = k.report().text().to_string();
    assert!(
        told.contains(r#"✗ header "x-n": "café", got b"caf\xe9""#),
        "{told}"
    );
    let last = k.requests();
    let regex = last.iter().find(|seen| seen.url_path() == "/regex");
    let value = regex.and_then(|seen| seen.header("x-n").map(str::to_owned));
    assert_eq!(value.as_deref(), Some("caf\u{fffd}"));
}

const KIND: &str = "Multipart/Form-Data; boundary=x";

/// A form with a text, a picture, and a document of JSON.
fn upload() -> Vec<u8> {
    let mut body = b"--x\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nbook\r\n\
        --x\r\nContent-Disposition: form-data; name=\"file\"; filename*=UTF-8''%C3%BC.png\r\n\
        Content-Type: image/png\r\n\r\n"
        .to_vec();
    body.extend_from_slice(b"\xff\x00\xfe");
    body.extend_from_slice(
        b"\r\n--x\r\nContent-Disposition: form-data; name=\"meta\"\r\n\
        Content-Type: application/json; charset=utf-8\r\n\r\n{\"id\": 175928847299117063, \"more\": 1}\r\n--x--",
    );
    body
}

#[kmock::test]
async fn parts_are_matched_by_name_file_type_and_content(k: KMock) {
    kmock! { k,
        let any = POST part "file";
        let named = POST part "f*" { filename: "*.png", type: "image/*" };
        let bytes = POST part "file" { body: b"\xff\x00\xfe" };
        let meta = POST part "meta" { type: "application/json", json: { "id": 175928847299117063 } };
        let text = POST part "title" { filename: !, text: "b*k" };
        let nameless = POST part { type: ~"image/(png|gif)" };
        let fields = POST form { "title": "book", "file": _ };
        let all = POST form == { "title": _, "file": _, "meta": _ };
        let wrong = POST (part "file" { type: "image/gif" } | part "meta" { json: { "id": 175928847299117064 } }
            | part "title" { filename: _ } | part "none" | form == { "title": "book" });
        let without = POST !part "none" - part "title" { text: "other" };
        POST "/" => 200;
    }
    k.post("/")
        .header("content-type", KIND)
        .body(upload())
        .await;
    for (name, rule, count) in [
        ("any", &any, 1),
        ("named", &named, 1),
        ("bytes", &bytes, 1),
        ("meta", &meta, 1),
        ("text", &text, 1),
        ("nameless", &nameless, 1),
        ("fields", &fields, 1),
        ("all", &all, 1),
        ("wrong", &wrong, 0),
        ("without", &without, 1),
    ] {
        assert_eq!(rule.count(), count, "{name}");
    }
}

#[kmock::test]
async fn a_part_that_does_not_fit_says_why(k: KMock) {
    kmock! { k, POST "/up" part "file" { filename: "*.gif", type: "image/gif", json: { "a": 1 } } => 200; }
    let post = |kind: &str| k.post("/up").header("content-type", kind).body(upload());
    let told = post(KIND).await.text();
    for line in [
        r#"✗ part "file" { filename: "*.gif", type: "image/gif", json: {"a": 1} }"#,
        r#"filename: want "*.gif", got "ü.png""#,
        r#"type: want "image/gif", got "image/png""#,
        r#"json: want {"a": 1}, got b"\xff\x00\xfe""#,
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let told = post("text/plain").await.text();
    assert!(
        told.contains(r#"got no parts   (the content type is "text/plain", which is no form)"#),
        "{told}"
    );
    let other = k.on(Filter::part(PartPattern::new().name("x"))).status(200);
    let told = k
        .post("/x")
        .header("content-type", KIND)
        .body(upload())
        .await
        .text();
    assert!(
        told.contains(r#"got "title", "file" ("ü.png"), "meta""#),
        "{told}"
    );
    drop(other);
}

#[kmock::test]
async fn a_form_without_its_content_type_is_told_so(k: KMock) {
    kmock! { k, POST "/form" form { "a": "1" } => 200; }
    let told = k.post("/form").body("a=1").await.text();
    assert!(
        told.contains("the body has no content type, so it is no form"),
        "{told}"
    );
    let form = k.post("/form").header(
        "content-type",
        "APPLICATION/x-www-form-URLENCODED; charset=utf-8",
    );
    assert_eq!(form.body("a=1").await.status(), 200);
}

#[kmock::test]
async fn queries_cookies_and_forms_may_be_exact(k: KMock) {
    kmock! { k,
        GET "/list" query == { "page": 1.., "q": _ } => 200;
        GET "/plain" query == {} => 201;
        GET "/cookie" cookie == { "s": "1" } => 202;
        POST "/form" form == { "a": "1", "b": ! } => 203;
        GET "/optional" query == { "page": 1 | !, "q": _ } => 204;
    }
    for (target, want) in [
        ("/list?page=1&q=x", 200),
        ("/list?q=x&page=2&page=0", 200),
        ("/list?page=1&q=x&r", 404),
        ("/list?page=1", 404),
        ("/plain", 201),
        ("/plain?x", 404),
        ("/optional?q=", 204),
        ("/optional?q=1&page=1", 204),
        ("/optional?q=1&page=2", 404),
    ] {
        assert_eq!(k.get(target).await.status(), want, "{target}");
    }
    for (cookie, want) in [("s=1", 202), ("s=1; t=2", 404), ("s=1; s=2", 202)] {
        let got = k.get("/cookie").header("cookie", cookie).await;
        assert_eq!(got.status(), want, "{cookie}");
    }
    assert_eq!(k.post("/form").form([("a", "1")]).await.status(), 203);
    assert_eq!(
        k.post("/form").form([("a", "1"), ("c", "")]).await.status(),
        404
    );
    let told = k.get("/list?page=0&r=1").await.text();
    for line in [
        r#"✗ query == {"page": 1.., "q": _}"#,
        r#"page: want 1.., got "0""#,
        "q: want _, got nothing",
        r#"r: want nothing, got "1""#,
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
}

#[kmock::test]
async fn patterns_are_negated_and_arrays_have_no_order_where_it_is_said(k: KMock) {
    kmock! { k,
        POST "/not" json { "state": !"done", "n": !1..=3, "tag": !("a" | "b"), "deleted": !null | ! } => 201;
        POST "/contains" json { "tags": [.., "new", ..] } => 202;
        POST "/any" json { "tags": any_order ["a", !"x*"] } => 203;
        POST "/more" json == { "items": any_order [{ "id": 2 }, { "id": 1 }, ..] } => 204;
        GET "/query" query { "tag": any_order ["a", "b"], "sort": !"desc" } => 205;
        GET "/header" header { "accept": !"*xml*" } => 206;
        list "v1/pods" in !"kube-*" => 207, {};
    }
    let bodies = [
        (
            "/not",
            json!({ "state": "new", "n": 4, "tag": "c", "deleted": false }),
            201,
        ),
        ("/not", json!({ "state": "new", "n": 4, "tag": "c" }), 201),
        ("/not", json!({ "state": "done", "n": 4, "tag": "c" }), 404),
        ("/not", json!({ "n": 4, "tag": "c" }), 404),
        ("/not", json!({ "state": "new", "n": 2, "tag": "c" }), 404),
        ("/not", json!({ "state": "new", "n": 4, "tag": "b" }), 404),
        (
            "/not",
            json!({ "state": "new", "n": 4, "tag": "c", "deleted": null }),
            404,
        ),
        ("/contains", json!({ "tags": ["old", "new", "red"] }), 202),
        ("/contains", json!({ "tags": ["old"] }), 404),
        ("/any", json!({ "tags": ["b", "a"] }), 203),
        ("/any", json!({ "tags": ["a", "xy"] }), 404),
        ("/any", json!({ "tags": ["a", "b", "c"] }), 404),
        (
            "/more",
            json!({ "items": [{ "id": 1 }, { "id": 3 }, { "id": 2 }] }),
            204,
        ),
        (
            "/more",
            json!({ "items": [{ "id": 1 }, { "id": 2, "x": 1 }] }),
            404,
        ),
    ];
    for (path, body, want) in bodies {
        assert_eq!(
            k.post(path).json(&body).await.status(),
            want,
            "{path} {body}"
        );
    }
    for (target, want) in [
        ("/query?tag=b&tag=a&sort=asc", 205),
        ("/query?tag=b&tag=a&sort=desc", 404),
        ("/query?tag=b&tag=a", 404),
        ("/query?tag=b&sort=asc", 404),
        ("/api/v1/namespaces/team/pods", 207),
    ] {
        assert_eq!(k.get(target).await.status(), want, "{target}");
    }
    let accepting = |kind: &str| k.get("/header").header("accept", kind);
    assert_eq!(accepting("application/json").await.status(), 206);
    assert_eq!(accepting("text/xml").await.status(), 404);
    assert_eq!(k.get("/header").await.status(), 404);
}

#[kmock::test]
async fn values_of_rust_are_parts_unless_they_are_asked_to_be_all(k: KMock) {
    let want = json!({ "a": { "b": 1 } });
    kmock! { k,
        POST "/part" json (&want) => 201;
        POST "/inner" json { "in": (&want) } => 202;
        POST "/all" json == (&want) => 203;
    }
    k.on(Filter::path("/builder") & Filter::json(want.clone()))
        .status(204);
    k.on(Filter::path("/exact") & Filter::json_exact(want.clone()))
        .status(205);
    let more = json!({ "a": { "b": 1, "c": 2 }, "d": 3 });
    for (path, just, with_more) in [
        ("/part", 201, 201),
        ("/all", 203, 404),
        ("/builder", 204, 204),
        ("/exact", 205, 404),
    ] {
        assert_eq!(k.post(path).json(&want).await.status(), just, "{path}");
        assert_eq!(k.post(path).json(&more).await.status(), with_more, "{path}");
    }
    let inner = json!({ "in": more });
    assert_eq!(k.post("/inner").json(inner).await.status(), 202);
}

#[kmock::test]
async fn stars_in_texts_are_globs_and_in_values_they_are_stars(k: KMock) {
    kmock! { k,
        GET "/glob" header { "accept": "*/*" } => 200;
        GET "/star" header { "accept": ("*/*") } => 201;
    }
    for (path, accept, want) in [
        ("/glob", "*/*", 200),
        ("/glob", "text/html", 200),
        ("/star", "*/*", 201),
        ("/star", "text/html", 404),
    ] {
        let got = k.get(path).header("accept", accept).await;
        assert_eq!(got.status(), want, "{path} {accept}");
    }
}

#[kmock::test]
async fn conditions_see_what_the_path_captures(k: KMock) {
    kmock! { k,
        GET "/sync/{x}" where |req| req.path("x") == "1" => 201;
        GET "/async/{x}" where async |req| req.path("x") == "1" => 202;
        GET "/typed/{n: u64}" where |req| req.capture::<u64>("n").is_some_and(|n| n > 9) => 203;
        GET "/not/{x}" - where |req| req.path("x") == "1" => 204;
        GET ~"/regex/(?<x>[0-9]+)" where |req| req.path("x") == "1" => 205;
        let spy = GET "/spy/{x}" where |req| req.path("x") == "1";
    }
    for (path, one, other) in [
        ("sync", 201, 404),
        ("async", 202, 404),
        ("typed", 404, 404),
        ("not", 404, 204),
        ("regex", 205, 404),
    ] {
        assert_eq!(k.get(format!("/{path}/1")).await.status(), one, "{path}");
        assert_eq!(k.get(format!("/{path}/2")).await.status(), other, "{path}");
    }
    assert_eq!(k.get("/typed/10").await.status(), 203);
    k.get("/spy/1").await;
    k.get("/spy/2").await;
    assert_requests!(k, spy == 1, GET "/spy/{x}" (where |req| req.path("x") == "2") == 1);
}

#[kmock::test]
async fn captures_that_are_not_of_their_type_let_the_request_go_on(k: KMock) {
    kmock! { k,
        let small = "/n/{n: u8}" => 200;
        let signed = "/n/{n: i16}" => 201;
        let rest = "/n/{n}" => 202;
    }
    for (n, want) in [
        ("255", 200),
        ("300", 201),
        ("-5", 201),
        ("70000", 202),
        ("x", 202),
    ] {
        assert_eq!(k.get(format!("/n/{n}")).await.status(), want, "{n}");
    }
    assert_requests!(k, small == 1, signed == 2, rest == 2, "/n/{n: u8}" == 1);
    assert_eq!(k.filter(Filter::path("/n/{n: i16}")).count(), 3);
}

#[kmock::test]
async fn filters_of_texts_are_string_notation_and_addresses_have_a_name_of_their_own(k: KMock) {
    let notation = k.on(Filter::from("get /a")).status(200);
    let peer = k
        .on(Filter::peer("127.0.0.1") & Filter::from("/b"))
        .status(201);
    kmock! { k, let address = from 127.0.0.1; }
    assert_eq!(k.get("/a").await.status(), 200);
    assert_eq!(k.get("/b").await.status(), 201);
    assert_eq!((notation.count(), peer.count(), address.count()), (1, 1, 0));
    let streamed = Stream::from(vec!["a", "b"]);
    kmock! { k, GET "/s" => stream (streamed); }
    assert_eq!(k.get("/s").await.text(), "\"a\"\n\"b\"\n");
}

#[kmock::test]
#[should_panic(expected = "`where |_| async { true }` is async")]
async fn async_conditions_are_not_asked_of_what_has_come(k: KMock) {
    k.filter(Filter::test_async("|_| async { true }", |_| async { true }));
}

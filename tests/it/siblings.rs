//! Corners beside those that other tests have: numbers as people write them, bytes that are no text, URLs that are odd.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use kmock::prelude::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The status of the answer to bytes that no client has touched.
async fn raw(k: &KMock, bytes: &[u8]) -> u16 {
    let mut socket = TcpStream::connect(k.address()).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    let mut head = [0; 12];
    socket.read_exact(&mut head).await.unwrap();
    String::from_utf8_lossy(&head)[9..].parse().unwrap()
}

#[kmock::test(raw)]
async fn numbers_are_what_they_say(k: KMock) {
    kmock! { k,
        GET "/query" query { "n": 100 } => 200;
        GET "/range" query { "n": 1.. } => 200;
        GET "/below" query { "n": ..0 } => 200;
        GET "/zero" query { "n": 0 } => 200;
        GET "/path/{n: f64}" where |req| req.capture::<f64>("n") == Some(100.0) => 200;
        POST "/form" form { "n": 100 } => 200;
        POST "/json" json { "n": 100 } => 200;
        POST "/zero" json { "n": 0 } => 200;
        GET "/header" header { "n": 9007199254740993 } => 200;
    }
    for (target, status) in [
        ("/query?n=100", 200),
        ("/query?n=1e2", 200),
        ("/query?n=100.0", 200),
        ("/query?n=1E%2B2", 200),
        ("/query?n=100.5", 404),
        ("/query?n=%20100", 200),
        ("/query?n=ten", 404),
        ("/range?n=1e400", 200),
        ("/range?n=inf", 404),
        ("/range?n=NaN", 404),
        ("/range?n=infinity", 404),
        ("/range?n=", 404),
        ("/below?n=-1e400", 200),
        ("/below?n=-inf", 404),
        ("/zero?n=-0", 200),
        ("/zero?n=-0.0", 200),
        ("/zero?n=0e5", 200),
        ("/path/1e2", 200),
        ("/path/100", 200),
    ] {
        assert_eq!(k.get(target).await.status(), status, "{target}");
    }
    // The same however many rules there are, and so whether they are looked up or asked.
    for n in 1000..1040 {
        k.on(Filter::path("/query") & Filter::query("n", n))
            .status(204);
    }
    for (target, status) in [
        ("/query?n=1e2", 200),
        ("/query?n=1.001e3", 204),
        ("/query?n=-0", 404),
    ] {
        assert_eq!(k.get(target).await.status(), status, "{target}");
    }
    assert_eq!(k.post("/form").form([("n", "1e2")]).await.status(), 200);
    for (body, status) in [
        (r#"{"n":1e2}"#, 200),
        (r#"{"n":100.0}"#, 200),
        (r#"{"n":"100"}"#, 404),
        (r#"{"n":100.00000001}"#, 404),
    ] {
        assert_eq!(k.post("/json").body(body).await.status(), status, "{body}");
    }
    assert_eq!(k.post("/zero").body(r#"{"n":-0}"#).await.status(), 200);
    assert_eq!(
        k.get("/header")
            .header("n", "9007199254740993")
            .await
            .status(),
        200
    );
    assert_eq!(
        k.get("/header")
            .header("n", "9007199254740992")
            .await
            .status(),
        404
    );
}

#[kmock::test(raw)]
async fn bytes_that_are_no_text_are_there(k: KMock) {
    kmock! { k,
        GET "/cookie" cookie { "s": _ } => 201;
        GET "/name" query { "n": _ } => 202;
        POST "/part" part "f*" { filename: "*.bin" } => 203;
        POST "/form" form { "f": _ } => 204;
        POST "/trailer" trailer { "x-sum": _ } => 205;
        GET "/absent" header { "x-n": ! } => 206;
    }
    assert_eq!(
        raw(
            &k,
            b"GET /cookie HTTP/1.1\r\nhost: x\r\ncookie: a=1; s=\xff\xfe\r\n\r\n"
        )
        .await,
        201
    );
    assert_eq!(
        raw(&k, b"GET /name?n=%FF%FE HTTP/1.1\r\nhost: x\r\n\r\n").await,
        202
    );
    let part = |kind: &str, body: &[u8], target: &str| {
        let mut all = format!("POST {target} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
        all.extend_from_slice(body);
        all
    };
    let multipart = "multipart/form-data; boundary=b";
    let names = b"--b\r\nContent-Disposition: form-data; name=\"f\xff\"; filename=\"\xe9\xff.bin\"\r\n\r\n\x00\xff\r\n--b--";
    assert_eq!(raw(&k, &part(multipart, names, "/part")).await, 203);
    let requests = k.requests();
    let upload = requests.last().unwrap();
    assert_eq!(upload.parts()[0].body().as_ref(), b"\x00\xff");
    assert_eq!(
        raw(
            &k,
            &part("application/x-www-form-urlencoded", b"f=%FF", "/form")
        )
        .await,
        204
    );
    let chunked = b"POST /trailer HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n1\r\na\r\n0\r\nx-sum: \xff\r\n\r\n";
    assert_eq!(raw(&k, chunked).await, 205);
    assert_eq!(
        raw(&k, b"GET /absent HTTP/1.1\r\nhost: x\r\nx-n: \xff\r\n\r\n").await,
        404
    );
    assert_eq!(
        raw(&k, b"GET /absent HTTP/1.1\r\nhost: x\r\nx-n:\r\n\r\n").await,
        404
    );
}

#[kmock::test(raw)]
async fn odd_urls_are_read_as_urls(k: KMock) {
    kmock! { k,
        GET "/a//b" => 201;
        GET "/m;v=1/x" => 202;
        GET "/plus+sign" => 203;
        GET "/enc%2Fslash" => 204;
        GET "/enc/slash" => 205;
        GET "/colon:x@y!$&'()*,;=" => 206;
        GET "/q?a=1&a=2" => 207;
        GET "/empty?x=" => 208;
        GET "/trail/" => 209;
        GET "/dots/.../x" => 210;
    }
    for (target, status) in [
        ("/a//b", 201),
        ("/a/b", 404),
        ("/m;v=1/x", 202),
        ("/m%3Bv%3D1/x", 202),
        ("/plus+sign", 203),
        ("/plus%2Bsign", 203),
        ("/plus%20sign", 404),
        ("/enc%2fslash", 204),
        ("/enc/slash", 205),
        ("/enc%252Fslash", 404),
        ("/colon:x@y!$&'()*,;=", 206),
        ("/colon%3Ax%40y%21$%26'()%2A,;=", 206),
        ("/q?a=2&a=1", 207),
        ("/q?a=1", 404),
        ("/empty?x", 208),
        ("/empty?x=&y=1", 208),
        ("/empty", 404),
        ("/trail/", 209),
        ("/trail", 404),
        ("/trail/.", 209),
        ("/x/%2e%2e/trail/", 209),
        ("/dots/.../x", 210),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n");
        assert_eq!(raw(&k, request.as_bytes()).await, status, "{target}");
    }
    // In absolute form, as proxies get it, with a user and a fragment that clients do not send.
    let absolute = format!(
        "GET http://user:pw@{}/enc/slash HTTP/1.1\r\nhost: x\r\n\r\n",
        k.address()
    );
    assert_eq!(raw(&k, absolute.as_bytes()).await, 205);
    let url = format!("{}/enc/slash#top", k.url());
    assert_eq!(reqwest::get(url).await.unwrap().status(), 205);
}

#[kmock::test(raw)]
async fn hosts_are_compared_as_clients_send_them(k: KMock) {
    kmock! { k,
        GET host "xn--bcher-kva.example" => 201;
        GET host "*.Example.COM" => 202;
        GET host "[::1]" => 203;
    }
    for (host, status) in [
        ("xn--bcher-kva.example", 201),
        ("XN--Bcher-kva.example:8080", 201),
        ("a.example.com:80", 202),
        ("[::1]:80", 203),
        ("[::1]", 203),
        ("other", 404),
    ] {
        assert_eq!(
            k.get("/").header("host", host).await.status(),
            status,
            "{host}"
        );
    }
    for host in [
        "bücher.example",
        "http://example.com",
        "example.com:80",
        "example.com/x",
    ] {
        let refused = std::panic::catch_unwind(|| Filter::host(host)).expect_err(host);
        let text = refused.downcast::<String>().unwrap();
        assert!(
            text.contains("Punycode") || text.contains("without scheme, port and path"),
            "{text}"
        );
    }
}

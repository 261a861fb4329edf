//! Bodies as they are meant: content codings are undone and charsets are read before criteria look at them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Write;

use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};
use kmock::prelude::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = ZlibEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn raw_deflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = DeflateEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

#[kmock::test(raw)]
async fn bodies_are_matched_without_their_codings(k: KMock) {
    kmock! { k,
        let found = POST "/json" json { "id": 175928847299117063 } => 201;
        POST "/text" text "hello*" => 202;
        POST "/form" form { "name": "john" } => 203;
        POST "/part" part "file" { text: "hello" } => 204;
        POST "/body" body b"hello" => 205;
        POST "/code" => |req| req.text().into_owned();
    }
    let json: &[u8] = br#"{"id":175928847299117063}"#;
    for (coding, body) in [
        ("gzip", gzip(json)),
        ("x-gzip", gzip(json)),
        ("deflate", zlib(json)),
        ("deflate", raw_deflate(json)),
        ("deflate, GZIP", gzip(&zlib(json))),
        ("identity", json.to_vec()),
    ] {
        let answer = k
            .post("/json")
            .header("content-encoding", coding)
            .body(body)
            .await;
        assert_eq!(answer.status(), 201, "{coding}: {}", answer.text());
    }
    assert_eq!(found.requests()[0].json()["id"], 175928847299117063_u64);
    assert_eq!(found.requests()[0].decoded_body().as_ref(), json);
    assert_ne!(found.requests()[0].body().as_ref(), json);
    let packed = |target: &str, kind: &str, body: &[u8]| {
        k.post(target)
            .header("content-encoding", "gzip")
            .header("content-type", kind)
            .body(gzip(body))
    };
    assert_eq!(
        packed("/text", "text/plain", b"hello john").await.status(),
        202
    );
    let form = "application/x-www-form-urlencoded";
    assert_eq!(packed("/form", form, b"name=john&x=1").await.status(), 203);
    let parts = b"--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nhello\r\n--b--";
    assert_eq!(
        packed("/part", "multipart/form-data; boundary=b", parts)
            .await
            .status(),
        204
    );
    assert_eq!(packed("/body", "", b"hello").await.status(), 205);
    assert_eq!(packed("/code", "", b"hello").await.json(), "hello");
    // Brotli, of a stored `hello`; and bytes may also be meant as they came.
    let brotli = k
        .post("/text")
        .header("content-encoding", "br")
        .body(&b"\x0b\x02\x80hello\x03"[..]);
    assert_eq!(brotli.await.status(), 202);
    let came = gzip(b"other");
    kmock! { k, POST "/came" body (came.clone()) => 206; }
    assert_eq!(packed("/came", "", b"other").await.status(), 206);
}

#[kmock::test(raw)]
async fn what_cannot_be_decoded_is_told(k: KMock) {
    kmock! { k,
        POST "/json" json { "a": 1 } => 201;
        POST "/text" text "hello" => 202;
        POST "/form" form { "a": 1 } => 203;
    }
    let said = async |target: &str, name: &str, value: &str, body: &[u8]| {
        let request = k
            .post(target)
            .header("content-type", "application/x-www-form-urlencoded");
        request.header(name, value).body(body.to_vec()).await.text()
    };
    let zstd = said("/json", "content-encoding", "zstd", b"(\xb5/\xfd").await;
    assert!(
        zstd.contains(
            "its content-encoding is \"zstd\", and gzip, deflate and br are what kmock undoes"
        ),
        "{zstd}"
    );
    let none = said("/text", "content-encoding", "gzip", b"hello, not packed").await;
    assert!(
        none.contains("its content-encoding is \"gzip\", but the body is none"),
        "{none}"
    );
    let form = said("/form", "content-encoding", "compress", b"a=1").await;
    assert!(
        form.contains("its content-encoding is \"compress\""),
        "{form}"
    );
    let charset = k
        .post("/text")
        .header("content-type", "text/plain; charset=klingon")
        .body("hallo")
        .await
        .text();
    assert!(
        charset.contains("the charset \"klingon\" is not known"),
        "{charset}"
    );
    let cut = gzip(br#"{"a":1,"b":[1,2,3,4,5,6,7]}"#);
    let broken = said("/json", "content-encoding", "gzip", &cut[..cut.len() - 6]).await;
    assert!(broken.contains("but the body is none"), "{broken}");
}

#[kmock::test(raw)]
async fn charsets_are_read(k: KMock) {
    kmock! { k,
        POST "/text" text "café" => 201;
        POST "/json" json { "name": "café" } => 202;
        POST "/form" form { "name": "café" } => 203;
        POST "/part" form { "name": "café" } => 204;
    }
    let sent = async |target: &str, kind: &str, body: &[u8]| {
        k.post(target)
            .header("content-type", kind)
            .body(body.to_vec())
            .await
            .status()
    };
    for charset in ["iso-8859-1", "Windows-1252", "\"latin1\""] {
        let kind = format!("text/plain; Charset={charset}");
        assert_eq!(sent("/text", &kind, b"caf\xe9").await, 201, "{charset}");
    }
    let wide: Vec<u8> = r#"{"name":"café"}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(
        sent("/json", "application/json; charset=utf-16le", &wide).await,
        202
    );
    assert_eq!(
        sent(
            "/json",
            "application/json",
            "\u{feff}{\"name\":\"café\"}".as_bytes()
        )
        .await,
        202
    );
    let form = "application/x-www-form-urlencoded; charset=iso-8859-1";
    assert_eq!(sent("/form", form, b"x=1&name=caf%E9").await, 203);
    assert_eq!(
        sent(
            "/form",
            "application/x-www-form-urlencoded",
            "name=caf%C3%A9".as_bytes()
        )
        .await,
        203
    );
    let parts = b"--b\r\nContent-Disposition: form-data; name=\"name\"\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\ncaf\xe9\r\n--b--";
    assert_eq!(
        sent("/part", "multipart/form-data; boundary=b", parts).await,
        204
    );
}

#[kmock::test(raw)]
async fn reports_show_what_a_body_says(k: KMock) {
    kmock! { k,
        POST "/orders" json { "customer": "john" } => 201;
        GET "/packed" => header { "Content-Encoding": "gzip", "Content-Type": "application/json" }, (gzip(br#"{"a":1}"#)), 500;
    }
    let body = gzip(br#"{"customer":"jon"}"#);
    let size = body.len();
    let text = k
        .post("/orders")
        .header("content-encoding", "gzip")
        .body(body)
        .await
        .text();
    assert!(
        text.contains("/customer: want \"john\", got \"jon\""),
        "{text}"
    );
    k.get("/packed").await;
    let report = k.report();
    let text = report.to_string();
    assert!(
        text.contains("body {\"customer\":\"jon\"} (gzip)"),
        "{text}"
    );
    let json = report.to_json();
    let entries = json["requests"]
        .as_array()
        .or(json["entries"].as_array())
        .unwrap();
    assert_eq!(
        (&entries[0]["body"]["coding"], &entries[0]["body"]["size"]),
        (&json!("gzip"), &json!(size))
    );
    assert_eq!(entries[1]["answer"]["text"], r#"{"a":1}"#);
}

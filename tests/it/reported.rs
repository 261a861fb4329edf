//! What people have reported of other mock servers, tried here: one line a report, and what is right.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use kmock::prelude::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// All that comes back for bytes that no client has touched; the connection ends with them.
async fn raw(k: &KMock, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(k.address()).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    let mut all = Vec::new();
    socket.read_to_end(&mut all).await.unwrap();
    String::from_utf8_lossy(&all).into_owned()
}

/// wiremock 394, 515, 695, 697, 1123, 1128, 3067; httpmock 56; stubby4j 56; nock 923, 2064, 2142.
#[kmock::test(raw)]
async fn queries_are_compared_as_they_are_meant(k: KMock) {
    kmock! { k,
        GET "/space" query { "q": "Metallica is cool" } => 200;
        GET "/plus" query { "sort": "+accumAge" } => 200;
        GET "/sign" query { "q": ">" } => 200;
        GET "/slash" query { "id": "abc/123" } => 200;
        GET "/json" query { "$filter": r#"{"key": "true"}"# } => 200;
        GET "/brackets" query { "filter[posts_per_page]": 50 } => 200;
        GET "/single" query { "data_ids": "1" } => 200;
        GET "/many" query { "id": ["1", "2"] } => 200;
        GET "/any" query { "id": "2" } => 200;
        GET "/empty" query { "q": "" } => 200;
        GET "/absent" query { "q": ! } => 200;
        GET "/select" query { "q": "select Name from User where id='123'" } => 200;
    }
    for (target, status) in [
        ("/space?q=Metallica+is+cool", 200),
        ("/space?q=Metallica%20is%20cool", 200),
        ("/space?q=Metallica%2Bis%2Bcool", 404),
        ("/plus?sort=%2BaccumAge", 200),
        ("/plus?sort=+accumAge", 404),
        ("/sign?q=%3E", 200),
        ("/slash?id=abc%2F123", 200),
        ("/slash?id=abc/123", 200),
        ("/json?%24filter=%7B%22key%22%3A+%22true%22%7D", 200),
        ("/brackets?filter[posts_per_page]=50", 200),
        ("/brackets?filter%5Bposts_per_page%5D=50", 200),
        ("/single?data_ids=1", 200),
        ("/many?id=1&id=2", 200),
        ("/many?id=1", 404),
        ("/any?id=1&id=2", 200),
        ("/empty?q=", 200),
        ("/empty?q", 200),
        ("/empty", 404),
        ("/absent?p=1", 200),
        ("/absent?q", 404),
        ("/select?q=select+Name+from+User+where+id%3D%27123%27", 200),
    ] {
        assert_eq!(k.get(target).await.status(), status, "{target}");
    }
}

/// wiremock-rs 111, 143, 144; wiremock 305; WireMock.Net 827; restito 68; nock 1644; kulala.nvim 503.
#[kmock::test(raw)]
async fn headers_are_compared_value_by_value(k: KMock) {
    kmock! { k,
        GET "/date" header { "if-modified-since": "Sat, 02 Apr 2005 20:37:00 GMT" } => 304;
        GET "/service" header { "x-service": "b" } => 200;
        GET "/services" header { "x-service": ["a", "b"] } => 200;
        GET "/auth" header { "authorization": "Bearer 1" } => 200;
        GET "/cookies" cookie { "a": 1, "b": 2 } => 200;
        GET "/case" header { "X-CASE": "Value" } => 200;
        GET "/gone" header { "x-gone": ! } => 200;
        GET "/empty" header { "x-empty": "" } => 200;
    }
    for (path, head, status) in [
        (
            "/date",
            "If-Modified-Since: Sat, 02 Apr 2005 20:37:00 GMT",
            "304",
        ),
        ("/date", "If-Modified-Since: Sat", "404"),
        ("/service", "x-service: a\r\nx-service: b", "200"),
        ("/service", "x-service: a", "404"),
        ("/services", "x-service: a\r\nx-service: b", "200"),
        ("/services", "x-service: b", "404"),
        (
            "/auth",
            "authorization: Basic x\r\nauthorization: Bearer 1",
            "200",
        ),
        ("/cookies", "cookie: a=1\r\ncookie: b=2", "200"),
        ("/cookies", "cookie: a=1;b=2", "200"),
        ("/case", "x-case: Value", "200"),
        ("/case", "x-case: value", "404"),
        ("/case", "x-case:    Value   ", "200"),
        ("/gone", "x-gone:", "404"),
        ("/gone", "x: y", "200"),
        ("/empty", "x-empty:", "200"),
        ("/empty", "x: y", "404"),
    ] {
        let text = format!("GET {path} HTTP/1.1\r\nhost: x\r\n{head}\r\nconnection: close\r\n\r\n");
        let answer = raw(&k, text.as_bytes()).await;
        let got = answer.split(' ').nth(1);
        assert_eq!(got, Some(status), "{path}: {head}\n{answer}");
    }
}

/// MockServer 204, 371, 680, 731, 1023, 1496, 2496; mountebank 262; wiremock 661, 1230, 1285; ng-apimock 1068.
#[kmock::test(raw)]
async fn json_is_compared_as_json(k: KMock) {
    kmock! { k,
        POST "/null" json null => 200;
        POST "/field" json { "version": null } => 200;
        POST "/part" json { "item": "1" } => 200;
        POST "/order" json any_order [1, 2, 3, 4] => 200;
        POST "/some" json any_order [1, 2, 3, 4, ..] => 200;
        POST "/twice" json any_order [1, 1, 2] => 200;
        POST "/inner" json { "context": [{ "source": "A" }, ..] } => 200;
        POST "/exact" json == { "a": 1, "b": [1, 2] } => 200;
        POST "/name" json { "a b.c/d": 1 } => 200;
    }
    for (path, body, status) in [
        ("/null", "null", 200),
        ("/null", "", 404),
        ("/null", "{}", 404),
        ("/field", r#"{"version":null}"#, 200),
        ("/field", r#"{"version":0}"#, 404),
        ("/field", "{}", 404),
        ("/part", r#"{"color":"blue","item":"1"}"#, 200),
        ("/part", r#"{"item":1}"#, 404),
        ("/order", "[4, 3, 2, 1]", 200),
        ("/order", "[3, 2, 4, 1]", 200),
        ("/order", "[1, 3, 2, 4, 5, 6]", 404),
        ("/some", "[1, 3, 2, 4, 5, 6]", 200),
        ("/twice", "[1, 2, 1]", 200),
        ("/twice", "[1, 2, 2]", 404),
        (
            "/inner",
            r#"{"context":[{"source":"A","x":1},{"source":"B"}]}"#,
            200,
        ),
        ("/inner", r#"{"context":[]}"#, 404),
        ("/exact", r#"{"b":[1,2],"a":1}"#, 200),
        ("/exact", r#"{"b":[2,1],"a":1}"#, 404),
        ("/exact", r#"{"b":[1,2],"a":1,"c":null}"#, 404),
        ("/name", r#"{"a b.c/d":1}"#, 200),
    ] {
        let asked = k.post(path).header("content-type", "application/json");
        assert_eq!(asked.body(body).await.status(), status, "{path}: {body}");
    }
}

/// msw 640, 1290, 2074; headers-polyfill 29; microcks 147; finatra 31.
#[kmock::test(raw)]
async fn answers_have_all_that_was_written(k: KMock) {
    kmock! { k,
        GET "/cookies" => 200, cookie { "a": "1", "b": "no" }, header { "set-cookie": "c=1,2,3; Expires=Thu, 01 Jan 2032 00:00:00 GMT" };
        GET "/nothing" => 200;
        GET "/empty" => text "";
        GET "/null" => json!(null);
        GET "/no-content" => 204;
    }
    let answer = k.get("/cookies").await;
    let cookies: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies.len(), 3, "{cookies:?}");
    assert!(
        cookies
            .iter()
            .any(|cookie| *cookie == "c=1,2,3; Expires=Thu, 01 Jan 2032 00:00:00 GMT")
    );
    for (path, body, length) in [
        ("/nothing", "", Some("0")),
        ("/empty", "", Some("0")),
        ("/null", "null", Some("4")),
        ("/no-content", "", None),
    ] {
        let answer = k.get(path).await;
        let said = answer
            .headers()
            .get("content-length")
            .map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(said.as_deref(), length, "{path}");
        assert_eq!(answer.text(), body, "{path}");
    }
}

/// mockito 149, 178, 225, and its pull request 99; wiremock-rs 45; simulacrum 46.
#[kmock::test(raw)]
async fn counts_mean_what_they_say(k: KMock) {
    kmock! { k,
        #[expect(0)]
        let never = GET "/never" => 200;
        let twice = GET "/twice" [..2] => 200;
        GET "/twice" => 201;
        #[expect(1)]
        let once = POST "/once" json { "a": 1 } => 200;
    }
    assert!(k.check().is_err(), "one is still to come");
    for status in [200, 200, 201, 201] {
        assert_eq!(k.get("/twice").await.status(), status);
    }
    assert_eq!((never.count(), twice.count()), (0, 2));
    assert_eq!(k.post("/once").body(r#"{"a":2}"#).await.status(), 404);
    let told = k.check().unwrap_err().to_string();
    assert!(told.contains("/a: want 1, got 2"), "{told}");
    assert_eq!(k.post("/once").body(r#"{"a":1}"#).await.status(), 200);
    assert_eq!(once.count(), 1);
    k.check().unwrap();
}

//! How answers go out, beside what they say: hints, trailers, heads as other servers write them.

use kmock::prelude::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// All that comes for a request, to the end of the connection.
async fn raw(k: &KMock, request: &str) -> String {
    let mut stream = TcpStream::connect(k.address()).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut all = Vec::new();
    // A server that resets has said all before.
    let _ = stream.read_to_end(&mut all).await;
    String::from_utf8_lossy(&all).into_owned()
}

/// A GET of a client that asks for the end of the connection.
async fn raw_get(k: &KMock, path: &str) -> String {
    raw(
        k,
        &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
    )
    .await
}

#[kmock::test(raw)]
async fn hints_come_before_the_answer_and_while_it_is_waited_for(k: KMock) {
    let gate = Gate::new();
    kmock! { k,
        GET "/" => hint 102, hint 103 { "link": "</a.css>; rel=preload", "x-n": 1 }, hold(&gate), b"done";
    }
    let mut stream = TcpStream::connect(k.address()).await.expect("a connection");
    let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.expect("written");
    let early = "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\nx-n: 1\r\n\r\n";
    let mut first = vec![0; early.len()];
    stream.read_exact(&mut first).await.expect("hints");
    assert_eq!(String::from_utf8_lossy(&first), early);
    gate.release();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.expect("an answer");
    assert!(
        rest.starts_with("HTTP/1.1 200 OK\r\n") && rest.ends_with("\r\n\r\ndone"),
        "{rest}"
    );
    // A client that knows of none is not disturbed.
    assert_eq!(k.get("/").await.text(), "done");
}

#[kmock::test(raw)]
async fn trailers_follow_a_body_in_chunks(k: KMock) {
    kmock! { k,
        GET "/" => b"hello", trailer { "x-sum": 15, "x-end": "yes" };
        GET "/stream" => stream [ b"a", b"b" ], trailer { "x-sum": 2 };
        GET "/none" => 204, trailer { "x-sum": 0 };
    }
    let seen = raw_get(&k, "/").await;
    let (head, body) = seen.split_once("\r\n\r\n").expect("a head");
    assert!(
        head.contains("transfer-encoding: chunked") && head.contains("trailer: x-sum, x-end"),
        "{head}"
    );
    assert_eq!(body, "5\r\nhello\r\n0\r\nx-sum: 15\r\nx-end: yes\r\n\r\n");
    let seen = raw_get(&k, "/stream").await;
    assert!(
        seen.ends_with("1\r\na\r\n1\r\nb\r\n0\r\nx-sum: 2\r\n\r\n"),
        "{seen}"
    );
    // The connection goes on afterwards, and heads have no end but their own.
    let twice = "GET / HTTP/1.1\r\nhost: x\r\nte: trailers\r\n\r\nGET /stream HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let seen = raw(&k, twice).await;
    assert_eq!(seen.matches("HTTP/1.1 200 OK").count(), 2, "{seen}");
    assert_eq!(seen.matches("x-sum: ").count(), 2, "{seen}");
    assert!(!raw_get(&k, "/none").await.contains("x-sum: "));
    // Clients read them as what they are.
    let hyper = reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge()
        .build();
    let response = hyper
        .expect("a client")
        .get(k.url())
        .send()
        .await
        .expect("an answer");
    let response: http::Response<reqwest::Body> = response.into();
    let all = http_body_util::BodyExt::collect(response.into_body())
        .await
        .expect("a body");
    assert_eq!(all.trailers().expect("trailers")["x-sum"], "15");
    assert_eq!(all.to_bytes(), "hello");
}

#[kmock::test(raw)]
async fn requests_have_trailers_too(k: KMock) {
    kmock! { k,
        POST "/" trailer { "x-sum": 1..=5 } => |req| req.trailers()["x-sum"].to_str().unwrap_or("").to_owned();
        POST "/" trailer { "x-sum": ! } => 400;
    }
    let with = |sum: &str| {
        format!(
            "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n{sum}\r\n"
        )
    };
    assert!(raw(&k, &with("x-sum: 3\r\n")).await.ends_with("\"3\""));
    assert!(raw(&k, &with("")).await.starts_with("HTTP/1.1 400"));
    let refused = raw(&k, &with("x-sum: 9\r\n")).await;
    assert!(
        refused.contains("trailer \"x-sum\": 1..=5") && refused.contains("got \"9\""),
        "{refused}"
    );
}

#[kmock::test(raw)]
async fn heads_are_written_as_other_servers_write_them(k: KMock) {
    kmock! { k,
        GET "/old" => b"old", http "1.0";
        GET "/open" => b"open", until_eof;
        GET "/names" => header { "X-CaSe": 1, "ETag": "x" }, text "n", as_written;
    }
    let seen = raw(&k, "GET /old HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(
        seen.starts_with("HTTP/1.0 200 OK\r\n") && seen.ends_with("\r\n\r\nold"),
        "{seen}"
    );
    let seen = raw(&k, "GET /open HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(
        seen.starts_with("HTTP/1.1 200 OK\r\n") && seen.ends_with("\r\n\r\nopen"),
        "{seen}"
    );
    assert!(
        !seen.contains("content-length") && !seen.contains("chunked"),
        "{seen}"
    );
    let seen = raw_get(&k, "/names").await;
    for name in [
        "\r\nX-CaSe: 1\r\n",
        "\r\nETag: x\r\n",
        "\r\nContent-Type: text",
        "\r\nContent-Length: 1\r\n",
        "\r\nDate: ",
    ] {
        assert!(seen.contains(name), "{seen}");
    }
    assert!(seen.ends_with("\r\n\r\nn"));
    for (path, body) in [("/old", "old"), ("/open", "open"), ("/names", "n")] {
        assert_eq!(k.get(path).await.text(), body);
    }
    // On HTTP/2 there is one way of writing heads.
    let client = reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge()
        .build();
    let client = client.expect("a client");
    for path in ["/old", "/open", "/names"] {
        let response = client.get(format!("{}{path}", k.url())).send().await;
        assert_eq!(response.expect("an answer").status(), 200);
    }
}

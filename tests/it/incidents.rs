//! What never becomes a request, or not a whole one: it is on record all the same, and explained.

use std::time::Duration;

use kmock::{KMock, prelude::*};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends bytes; what comes back until the server closes.
async fn exchange(k: &KMock, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(k.address()).await.expect("connected");
    socket.write_all(bytes).await.expect("written");
    let mut read = Vec::new();
    // A reset is an end, too.
    let _ = socket.read_to_end(&mut read).await;
    String::from_utf8_lossy(&read).into_owned()
}

async fn errors(k: &KMock, n: usize) -> Vec<String> {
    while k.errors().len() < n {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    k.errors()
}

#[kmock::test]
async fn a_tls_handshake_is_explained(k: KMock) {
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and so on";
    exchange(&k, hello).await;
    let want = format!(
        "a TLS handshake came; this server speaks plain HTTP: use {}",
        k.url()
    );
    assert_eq!(errors(&k, 1).await, [want.as_str()]);
    let report = k.report().to_string();
    assert!(report.contains(&format!("error: {want}")), "{report}");
    let nothing = format!("no requests came at all to {}", k.url());
    assert!(report.contains(&nothing), "{report}");
    assert_eq!(k.requests().len(), 0);
}

#[kmock::test]
async fn heads_that_are_none_are_explained(k: KMock) {
    k.on("/").text("never");
    let many: String = (0..101).map(|n| format!("x-{n}: y\r\n")).collect();
    let long = "y".repeat(70_000);
    for (head, status, said) in [
        (
            "GET /a b HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
            "400",
            "a target has no spaces: escape them as %20",
        ),
        (
            "GET / HTTP/1.1\r\nhost: x\r\nx : a\r\n\r\n".to_owned(),
            "400",
            "\"x \" is none",
        ),
        (
            "SSH-2.0-OpenSSH_9.9\r\n\r\n".to_owned(),
            "400",
            "SSH-2.0-OpenSSH_9.9",
        ),
        (
            format!("GET /many HTTP/1.1\r\n{many}\r\n"),
            "431",
            "more than 100 headers",
        ),
        (
            format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"),
            "414",
            "longer than 65,534 bytes",
        ),
    ] {
        let before = k.errors().len();
        let answer = exchange(&k, head.as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
        let errors = errors(&k, before + 1).await;
        let error = &errors[before];
        assert!(
            error.contains(said) && error.contains(status),
            "{status}: {error}"
        );
        assert!(error.len() < 400, "{error}");
    }
    // After a good request, it is the bad one that is shown.
    let two = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut socket = TcpStream::connect(k.address()).await.expect("connected");
    socket.write_all(two.as_bytes()).await.expect("written");
    let mut some = [0; 10];
    socket.read_exact(&mut some).await.expect("an answer");
    socket.write_all(b"what?\r\n\r\n").await.expect("written");
    let errors = errors(&k, 6).await;
    assert!(errors[5].contains("\"what?"), "{errors:?}");
}

#[kmock::test]
async fn a_head_that_breaks_off_is_told(k: KMock) {
    let mut socket = TcpStream::connect(k.address()).await.expect("connected");
    socket.write_all(b"GET / HT").await.expect("written");
    drop(socket);
    // Who connects and says nothing has done nothing wrong.
    drop(TcpStream::connect(k.address()).await.expect("connected"));
    let errors = errors(&k, 1).await;
    assert_eq!(
        errors,
        ["a connection ended in the middle of a request's head: \"GET / HT\""]
    );
}

#[test]
fn a_strict_test_does_not_bear_what_never_became_a_request() {
    let options = kmock::__private::TestOptions::new("tls").strict(true);
    let failed = std::panic::catch_unwind(|| {
        kmock::__private::run_async(options, |k: KMock| async move {
            exchange(&k, b"\x16\x03\x03\x00\x05hello").await;
            errors(&k, 1).await;
        });
    });
    let text = failed.expect_err("it fails");
    let text = text.downcast_ref::<String>().expect("a text");
    assert!(text.contains("a TLS handshake came"), "{text}");
}

#[kmock::test]
async fn a_request_is_there_from_its_head_on_also_one_that_breaks_off(k: KMock) {
    k.on("/upload").text("never");
    let mut socket = TcpStream::connect(k.address()).await.expect("connected");
    let head = "POST /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n";
    socket.write_all(head.as_bytes()).await.expect("written");
    socket.write_all(b"half").await.expect("written");
    let sends = "#0 POST /upload sends its body: 4 of 100 bytes came";
    while k.pending() != [sends] {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let text = k.report().to_string();
    assert!(
        text.contains("its body is on its way: 4 of 100 bytes came"),
        "{text}"
    );
    drop(socket);
    while !k.pending().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let seen = &k.requests()[0];
    assert!(seen.outcome().gone && !seen.is_whole(), "{seen:?}");
    let text = k.report().to_string();
    assert!(
        text.contains("the client went away: 4 of 100 bytes of its body came"),
        "{text}"
    );
    // A client that breaks off may be what the test is about.
    assert_eq!(k.errors(), [""; 0]);
    // What is wrong from the start is a request, too.
    let answer = exchange(
        &k,
        b"POST /upload HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzzz\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(k.requests().len(), 2);
}

#[kmock::test]
async fn a_client_that_went_away_no_longer_waits(k: KMock) {
    let gate = Gate::new();
    k.on("/held").hold(&gate).text("never");
    let asking = tokio::spawn(k.get("/held").send());
    gate.arrived().await;
    assert_eq!(k.pending().len(), 1);
    asking.abort();
    while !k.pending().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let outcome = k.requests()[0].outcome();
    assert!(outcome.gone && outcome.status.is_none(), "{outcome:?}");
    let text = k.report().to_string();
    assert!(text.contains("the client went away"), "{text}");
    assert_eq!(k.errors(), [""; 0]);
}

#[kmock::test]
async fn rules_see_connect_and_refuse_a_proxy_its_tunnel(k: KMock) {
    kmock! { k,
        let refused = CONNECT host "secret.example" => 407, header { "proxy-authenticate": "Basic" };
        "/**" => 200;
    }
    let ask = |host: &str| {
        format!("CONNECT {host}:443 HTTP/1.1\r\nhost: {host}:443\r\nconnection: close\r\n\r\n")
    };
    let answer = exchange(&k, ask("secret.example").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 407"), "{answer}");
    assert!(answer.contains("proxy-authenticate: Basic"), "{answer}");
    assert_eq!(refused.count(), 1);
    assert_eq!(refused.requests()[0].target(), "secret.example:443");
    // A rule for everything is not for tunnels.
    let mut socket = TcpStream::connect(k.address()).await.expect("connected");
    let open = ask("other.example");
    socket.write_all(open.as_bytes()).await.expect("written");
    let mut head = [0; 15];
    socket.read_exact(&mut head).await.expect("an answer");
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    let report = k.report().to_string();
    assert!(report.contains("CONNECT other.example:443"), "{report}");
    assert!(report.contains("a tunnel to other.example:443"), "{report}");
}

#[kmock::test]
async fn answers_are_sent_as_they_are_written_or_refused(k: KMock) {
    k.on("/length").body("abc").header("content-length", 5);
    k.on("/right").body("abc").header("content-length", 3);
    k.on("/word").body("abc").header("content-length", "three");
    k.on("/early").reply_with(|_| 103);
    k.on("/empty").status(204).body("abc");
    k.on("/known").status(304).body("abc");
    k.on("/computed").reply_with(|_| (304, "abc"));
    k.on("/same").status(304).header("content-length", 5);
    k.on("/bare")
        .body("abc")
        .no_header("content-length")
        .no_header("date");
    k.on("/dated").body("abc").header("date", "long ago");
    k.on("/odd").status(799);
    let refused = |target: &'static str| {
        let k = k.clone();
        async move {
            let before = k.errors().len();
            let answer = k.get(target).await;
            assert_eq!(answer.status(), 500, "{target}");
            assert_eq!(k.errors().len(), before + 1, "{target}");
            assert_eq!(k.requests().last().expect("one").status(), Some(500));
            answer.text()
        }
    };
    let text = refused("/length").await;
    assert!(
        text.contains("`content-length` says 5, and the body has 3 bytes")
            && text.contains("promise 5"),
        "{text}"
    );
    assert!(refused("/word").await.contains("is no length"));
    assert!(
        refused("/early")
            .await
            .contains("103 is no answer of its own")
    );
    assert!(refused("/empty").await.contains("204 has no body"));
    assert!(refused("/known").await.contains("304 has no body"));
    assert!(refused("/computed").await.contains("304 has no body"));
    // It may say the length of what is not sent again (RFC 9110, 8.6).
    let same = k.get("/same").await;
    assert_eq!((same.status(), &*same.text()), (304, ""));
    assert_eq!(k.get("/right").await.text(), "abc");
    let head = k.head("/length").await;
    assert_eq!(
        (head.status(), head.header("content-length")),
        (200, Some("5"))
    );
    let bare = k.get("/bare").await;
    assert_eq!(bare.text(), "abc");
    assert_eq!(
        (bare.header("content-length"), bare.header("date")),
        (None, None)
    );
    assert_eq!(k.get("/dated").await.header("date"), Some("long ago"));
    assert!(k.get("/right").await.header("date").is_some());
    let odd = "GET /odd HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let odd = exchange(&k, odd.as_bytes()).await;
    assert!(odd.starts_with("HTTP/1.1 799 \r\n"), "{odd}");
}

#[test]
#[should_panic(expected = "100 is no answer of its own")]
fn a_status_that_comes_before_an_answer_is_refused_where_it_is_written() {
    let _ = Reply::new().status(100);
}

#[kmock::test(strict)]
async fn errors_that_are_expected_are_taken(k: KMock) {
    k.on("/").reply_with(|_| -> u16 { panic!("on purpose") });
    k.get("/").await;
    let errors = k.take_errors();
    assert!(
        errors.len() == 1 && errors[0].contains("on purpose"),
        "{errors:?}"
    );
    assert_eq!(k.errors(), [""; 0]);
}

#[tokio::test]
async fn a_server_that_nobody_verifies_does_so_when_it_is_dropped() {
    let k = KMock::start().await;
    k.on("/never").expecting(1).text("x");
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(k)));
    let text = dropped.expect_err("it panics");
    let text = text.downcast_ref::<String>().expect("a text");
    assert!(
        text.contains("rule \"/never\" expects 1, but 0 requests came"),
        "{text}"
    );
    // Who has looked is not told again, and neither is who shuts it down.
    let k = KMock::start().await;
    k.on("/never").expecting(1).text("x");
    assert!(k.check().is_err());
    drop(k);
    let k = KMock::start().await;
    k.on("/never").expecting(1).text("x");
    k.shutdown();
}

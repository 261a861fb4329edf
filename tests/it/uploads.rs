//! Before the body: rules that answer, break or stall while it is still coming; and what is of HTTP/2 alone.

use std::time::Duration;

use kmock::{Http2, prelude::*};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

/// Says a head and some of its body.
async fn begin(k: &KMock, head: &str, some: &str) -> TcpStream {
    let mut stream = TcpStream::connect(k.address()).await.expect("a connection");
    let head = format!("PUT /up HTTP/1.1\r\nhost: x\r\n{head}\r\n{some}");
    stream.write_all(head.as_bytes()).await.expect("written");
    stream
}

async fn head_of(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read_exact(&mut byte).await.is_err() {
            break;
        }
        seen.push(byte[0]);
    }
    String::from_utf8_lossy(&seen).into_owned()
}

fn http2() -> reqwest::Client {
    let made = reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge();
    made.build().expect("a client")
}

#[kmock::test(raw)]
async fn an_answer_may_come_before_the_body_is_read(k: KMock) {
    kmock! { k, let up = PUT "/up" => 413, unread; }
    // A client that sends on sees it all the same, and may go on with the connection.
    let mut stream = begin(&k, "content-length: 100000\r\n", "some").await;
    assert!(head_of(&mut stream).await.starts_with("HTTP/1.1 413 "));
    stream
        .write_all(&[b'x'; 99_996])
        .await
        .expect("it is read on");
    assert_eq!(up.requests()[0].body().len(), 0);
    // One that asks first is not told to go on.
    let mut stream = begin(&k, "content-length: 5\r\nexpect: 100-continue\r\n", "").await;
    assert!(head_of(&mut stream).await.starts_with("HTTP/1.1 413 "));
    // The body that is there with its head is not read either.
    assert_eq!(k.put("/up").body("hello").await.status(), 413);
    assert_eq!(
        http2()
            .put(format!("{}/up", k.url()))
            .body(vec![b'x'; 1 << 20])
            .send()
            .await
            .expect("an answer")
            .status(),
        413
    );
    assert_eq!(up.count(), 4);
}

#[kmock::test(raw)]
async fn who_asks_first_is_told_to_go_on_only_if_the_body_is_wanted(k: KMock) {
    kmock! { k,
        PUT "/up" header { "x-big": _ } => 417, unread;
        PUT "/up" => |req| req.text().into_owned();
    }
    let mut stream = begin(&k, "content-length: 2\r\nexpect: 100-continue\r\n", "").await;
    assert_eq!(head_of(&mut stream).await, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hi").await.expect("written");
    assert!(head_of(&mut stream).await.starts_with("HTTP/1.1 200 "));
    let mut stream = begin(
        &k,
        "x-big: 1\r\ncontent-length: 2\r\nexpect: 100-continue\r\n",
        "",
    )
    .await;
    assert!(head_of(&mut stream).await.starts_with("HTTP/1.1 417 "));
}

#[kmock::test(raw)]
async fn an_answer_may_come_after_some_of_the_body(k: KMock) {
    kmock! { k,
        PUT "/up" header { "x-after": "4" } => |req| req.text().into_owned(), unread after 4;
        PUT "/up" json { "a": _ } => 201;
        PUT "/up" => 200, unread;
    }
    let mut stream = begin(&k, "x-after: 4\r\ncontent-length: 100\r\n", "1234").await;
    assert!(head_of(&mut stream).await.starts_with("HTTP/1.1 200 "));
    let mut body = vec![0; 6];
    stream.read_exact(&mut body).await.expect("a body");
    assert_eq!(body, b"\"1234\"");
    // Where a rule before it asks for the body, all of it is read: nobody could tell otherwise.
    assert_eq!(k.put("/up").json(json!({ "a": 1 })).await.status(), 201);
    assert_eq!(k.put("/up").body("text").await.status(), 200);
    assert_eq!(k.requests()[2].body(), "text");
}

#[kmock::test(raw)]
async fn one_of_several_answers_may_be_early(k: KMock) {
    kmock! { k,
        PUT "/up" => 413, unread, then 200;
        PUT "/other" [0] => 413, unread;
        PUT "/other" => 200;
    }
    for path in ["/up", "/other"] {
        assert_eq!(k.put(path).body("first").await.status(), 413);
        assert_eq!(k.put(path).body("second").await.status(), 200);
    }
    let bodies: Vec<usize> = k.requests().iter().map(|seen| seen.body().len()).collect();
    assert_eq!(bodies, [0, 6, 0, 6]);
}

#[kmock::test(raw)]
async fn an_upload_may_break_in_the_middle(k: KMock) {
    kmock! { k,
        PUT "/up" => reset in upload 3, then close in upload 3, then stall in upload 3, then 200;
    }
    let mut seen = Vec::new();
    let mut stream = begin(&k, "content-length: 100\r\n", "123").await;
    let error = stream.read_to_end(&mut seen).await.expect_err("a reset");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let mut stream = begin(&k, "content-length: 100\r\n", "123").await;
    assert_eq!(stream.read_to_end(&mut seen).await.expect("an end"), 0);
    let mut stalled = begin(&k, "content-length: 100\r\n", "123").await;
    let nothing = timeout(Duration::from_millis(50), stalled.read_to_end(&mut seen));
    assert!(nothing.await.is_err());
    assert_eq!(k.put("/up").body("x").await.status(), 200);
    let faults: Vec<_> = k
        .requests()
        .iter()
        .map(|seen| seen.outcome().fault)
        .collect();
    assert_eq!(faults[0].as_deref(), Some("reset in upload 3"));
    assert_eq!(faults[2].as_deref(), Some("stall in upload 3"));
}

#[kmock::test(raw, start_paused)]
async fn an_upload_may_be_read_slowly(k: KMock) {
    kmock! { k, PUT "/up" => 200, slow upload 1kB/s; }
    let before = Instant::now();
    assert_eq!(k.put("/up").body(vec![b'x'; 5000]).await.status(), 200);
    assert_eq!(before.elapsed().as_secs(), 5);
    assert_eq!(k.requests()[0].body().len(), 5000);
}

/// Until so many bytes of the first request's body are there.
async fn came(k: &KMock, bytes: usize) {
    while k
        .requests()
        .first()
        .is_none_or(|seen| seen.body().len() < bytes)
    {
        tokio::task::yield_now().await;
    }
}

#[kmock::test(raw)]
async fn a_request_is_in_the_journal_from_its_head_on(k: KMock) {
    kmock! { k,
        let up = PUT "/up" text "*" => 200;
        GET "/" => 204;
    }
    let mut stream = begin(&k, "content-length: 8\r\n", "1234").await;
    // Waits for it end as soon as its head is there.
    k.filter("put /up").wait_for(1).await.expect("it has come");
    came(&k, 4).await;
    assert_eq!(k.get("/").await.status(), 204);
    let all = k.requests();
    let early = all[0].clone();
    assert_eq!((early.id(), early.body().as_ref()), (0, &b"1234"[..]));
    assert!(!early.is_whole() && early.status().is_none() && !early.outcome().gone);
    assert_eq!((all[1].id(), all[1].is_whole()), (1, true));
    assert_eq!(
        k.pending(),
        ["#0 PUT /up sends its body: 4 of 8 bytes came"]
    );
    // What is not whole cannot be compared, also the other way round. What a rule has seen, it was asked about.
    assert_requests!(k,
        total == 2, PUT "/up" == 1, header { "content-length": 8 } == 1,
        PUT text "1*" == 0, PUT - text "1*" == 0, PUT body b"1234" == 0, PUT (where |_| true) == 0
    );
    assert_eq!(up.count(), 0);
    let claim = || assert_requests!(k, PUT "/up" text "1*" == 1);
    let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(claim));
    let failed = failed.expect_err("it is not whole");
    let told = failed.downcast_ref::<String>().expect("a text");
    assert!(
        told.contains("? text \"1*\", got a body that is not whole: 4 of 8 bytes"),
        "{told}"
    );

    let whole = k.filter(Filter::text("12345678"));
    let waits = whole.wait_for(1);
    stream.write_all(b"5678").await.expect("written");
    waits.await.expect("it is whole");
    assert!(head_of(&mut stream).await.starts_with("HTTP/1.1 200 "));
    let all = k.requests();
    let places: Vec<_> = all
        .iter()
        .map(|seen| (seen.id(), seen.is_whole()))
        .collect();
    assert_eq!(places, [(0, true), (1, true)]);
    assert_eq!(all[0].body(), "12345678");
    // Who looked early is told of the answer as well.
    assert_eq!((early.status(), early.body().len()), (Some(200), 4));
    assert_requests!(k, PUT "/up" text "1*" == 1, up == 1, total == 2);
    assert!(k.pending().is_empty());
}

#[kmock::test(raw)]
async fn what_is_still_coming_is_not_forgotten(k: KMock) {
    kmock! { k, PUT "/up" => 200; GET "/" => 200; }
    k.get("/").await;
    let mut stream = begin(&k, "transfer-encoding: chunked\r\n", "4\r\n1234\r\n").await;
    while k.requests().get(1).is_none_or(|seen| seen.body().len() < 4) {
        tokio::task::yield_now().await;
    }
    assert_eq!(k.pending(), ["#1 PUT /up sends its body: 4 bytes came"]);
    k.forget();
    assert_eq!(k.requests().len(), 1);
    stream.write_all(b"0\r\n\r\n").await.expect("written");
    assert!(head_of(&mut stream).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(
        (k.requests().len(), k.requests()[0].status()),
        (1, Some(200))
    );
    k.forget();
    assert_eq!(k.requests().len(), 0);
}

#[kmock::test(raw, strict)]
async fn an_upload_that_a_client_gives_up_is_no_fault_of_a_strict_test(k: KMock) {
    kmock! { k, PUT "/up" => 200; }
    let stream = begin(&k, "content-length: 8\r\n", "1234").await;
    came(&k, 4).await;
    drop(stream);
    while !k.requests()[0].outcome().gone {
        tokio::task::yield_now().await;
    }
    assert_eq!(k.requests()[0].body(), "1234");
}

#[kmock::test(raw)]
async fn requests_in_a_row_are_answered_in_a_row(k: KMock) {
    let gate = Gate::new();
    kmock! { k,
        GET "/slow" => hold(&gate), b"1";
        GET "/fast" => b"2";
    }
    let mut stream = TcpStream::connect(k.address()).await.expect("a connection");
    let both = b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\nGET /fast HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(both).await.expect("written");
    gate.arrived().await;
    gate.release();
    let mut all = String::new();
    stream.read_to_string(&mut all).await.expect("both");
    let bodies: Vec<&str> = all.split("\r\n\r\n").collect();
    assert!(bodies[1].starts_with('1') && bodies[2] == "2", "{all}");
}

#[kmock::test(raw)]
async fn streams_of_http2_are_reset_with_codes_and_connections_given_up(k: KMock) {
    kmock! { k,
        GET "/cancel" => reset "CANCEL";
        GET "/busy" => reset "REFUSED_STREAM", then 200;
        GET "/calm" => goaway "ENHANCE_YOUR_CALM";
        GET "/cut" => b"0123456789", reset "HTTP_1_1_REQUIRED" in body 4;
        GET "/old" => goaway;
        GET "/" => 200;
    }
    let why = async |client: &reqwest::Client, path: &str| {
        let sent = client.get(format!("{}{path}", k.url())).send().await;
        let answer = match sent {
            Ok(answer) => answer.bytes().await.expect_err("broken"),
            Err(error) => error,
        };
        format!("{answer:?}")
    };
    let one = http2();
    let get = async |path: &str| one.get(format!("{}{path}", k.url())).send().await;
    assert!(why(&one, "/cancel").await.contains("CANCEL"));
    assert!(why(&one, "/cut").await.contains("HTTP_1_1_REQUIRED"));
    // A stream that was refused was not processed: clients ask again, on the connection that goes on.
    assert_eq!(get("/busy").await.expect("an answer").status(), 200);
    assert_eq!(get("/").await.expect("an answer").status(), 200);
    let calm = why(&http2(), "/calm").await;
    assert!(
        calm.contains("ENHANCE_YOUR_CALM") || calm.contains("GoAway"),
        "{calm}"
    );
    let faults: Vec<_> = k
        .requests()
        .iter()
        .filter_map(|seen| seen.outcome().fault)
        .collect();
    assert_eq!(faults[0], "reset \"CANCEL\"");
    assert!(
        faults.contains(&"goaway \"ENHANCE_YOUR_CALM\"".to_owned()),
        "{faults:?}"
    );
    // HTTP/1 has no word for it.
    assert!(k.get("/old").send().await.is_err());
}

#[kmock::test(raw)]
async fn an_upload_of_http2_stalls_at_its_window(k: KMock) {
    kmock! { k, PUT "/up" => stall in upload 10; GET "/" => 200; }
    let client = http2();
    let upload = client
        .put(format!("{}/up", k.url()))
        .body(vec![b'x'; 10 << 20])
        .send();
    assert!(timeout(Duration::from_millis(100), upload).await.is_err());
    // Others go on, on the same connection.
    assert_eq!(
        client
            .get(k.url())
            .send()
            .await
            .expect("an answer")
            .status(),
        200
    );
}

#[kmock::test(raw)]
async fn settings_say_how_many_streams_there_may_be(_k: KMock) {
    let k = KMock::builder()
        .raw(true)
        .http2(Http2::new().streams(1).window(1000).head(2000));
    let k = k.start().await.expect("a server");
    let gate = Gate::new();
    kmock! { k,
        GET "/held" => hold(&gate), 200;
        ANY => |req| req.body().len().to_string();
    }
    let client = http2();
    // The first connection knows the settings after its first answer.
    assert_eq!(
        client
            .put(k.url())
            .body(vec![b'x'; 5000])
            .send()
            .await
            .expect("an answer")
            .text()
            .await
            .expect("a text"),
        "\"5000\""
    );
    let held = tokio::spawn(client.get(format!("{}/held", k.url())).send());
    gate.arrived().await;
    let second = client.get(k.url()).send();
    assert!(timeout(Duration::from_millis(50), second).await.is_err());
    gate.release();
    assert_eq!(
        held.await.expect("no panic").expect("an answer").status(),
        200
    );
    let large = client
        .get(k.url())
        .header("x-large", "x".repeat(4000))
        .send()
        .await;
    assert!(large.is_err() || large.is_ok_and(|answer| answer.status() == 431));
}

#[kmock::test(raw)]
async fn a_connection_serves_so_many_requests(_k: KMock) {
    let k = KMock::builder()
        .raw(true)
        .requests_per_connection(2)
        .start()
        .await
        .expect("a server");
    kmock! { k, let all = ANY => 200; }
    for _ in 0..2 {
        let client = http2();
        for _ in 0..3 {
            assert_eq!(
                client
                    .get(k.url())
                    .send()
                    .await
                    .expect("an answer")
                    .status(),
                200
            );
        }
    }
    let peers: std::collections::HashSet<_> =
        all.requests().iter().map(|seen| seen.peer()).collect();
    assert_eq!(peers.len(), 4);
    let mut stream = TcpStream::connect(k.address()).await.expect("a connection");
    for _ in 0..2 {
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .expect("written");
    }
    let mut both = String::new();
    stream.read_to_string(&mut both).await.expect("an end");
    assert_eq!(both.matches("HTTP/1.1 200").count(), 2, "{both}");
    assert_eq!(both.matches("connection: close").count(), 1, "{both}");
}

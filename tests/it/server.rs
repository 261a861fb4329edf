//! The server itself: its protocols and limits, how it starts and stops, and that nothing is left of it.

use std::{sync::Arc, time::Duration};

use http_body_util::{BodyExt, Empty};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use kmock::{Fault, Gate, KMock, Stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

type Bodyless = Empty<axum::body::Bytes>;

async fn text(
    response: axum::http::Response<impl axum::body::HttpBody<Error: std::fmt::Debug>>,
) -> String {
    let body = response.into_body().collect().await.expect("a body");
    String::from_utf8_lossy(&body.to_bytes()).into_owned()
}

#[kmock::test]
async fn connections_are_kept_alive_and_pipelined(k: KMock) {
    k.on("/{n}").reply_with(|req| req.path("n").to_owned());
    let mut socket = TcpStream::connect(k.address()).await.expect("connected");
    let both =
        "GET /1 HTTP/1.1\r\nhost: x\r\n\r\nGET /2 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    socket.write_all(both.as_bytes()).await.expect("written");
    let mut read = String::new();
    socket.read_to_string(&mut read).await.expect("read");
    assert_eq!(read.matches("HTTP/1.1 200 OK").count(), 2);
    assert!(read.find("\"1\"") < read.find("\"2\""), "{read}");
    let peers: Vec<_> = k.requests().iter().map(|seen| seen.peer()).collect();
    assert_eq!(peers[0], peers[1]);
}

#[kmock::test]
async fn http2_without_tls_carries_many_requests_at_once(k: KMock) {
    let gate = Gate::new();
    k.on("/held").hold(&gate).text("held");
    k.on("/now").text("now");
    k.on("/stream").stream(Stream::new().item(b"one").live());
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Bodyless> = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build(connector);
    let url = |path: &str| format!("{}{path}", k.url()).parse().expect("a URL");
    let held = tokio::spawn(client.get(url("/held")));
    gate.arrived().await;
    let now = client.get(url("/now")).await.expect("an answer");
    assert_eq!(now.version(), axum::http::Version::HTTP_2);
    assert_eq!(text(now).await, "now");
    let stream = client.get(url("/stream")).await.expect("an answer");
    assert_eq!(k.feed(Stream::new().item(b"two")), 1);
    assert_eq!(text(stream).await, "onetwo");
    gate.release();
    let held = held.await.expect("no panic").expect("an answer");
    assert_eq!(text(held).await, "held");
    let peers: Vec<_> = k.requests().iter().map(|seen| seen.peer()).collect();
    assert!(
        peers.windows(2).all(|two| two[0] == two[1]),
        "one connection: {peers:?}"
    );
}

#[tokio::test]
async fn bodies_that_are_too_large_get_a_clear_413() {
    let k = KMock::builder()
        .body_limit(1000)
        .start()
        .await
        .expect("a server");
    k.on("/").text("fine");
    assert_eq!(k.post("/").body(vec![b'x'; 1000]).await.status(), 200);
    // Much more than socket buffers hold: the client must get to know why all the same.
    let refused = k.post("/").body(vec![b'x'; 8 << 20]).await;
    assert_eq!(refused.status(), 413);
    assert!(
        refused
            .text()
            .contains("larger than 1000 bytes; see the option `body_limit`")
    );
    assert_eq!(k.errors().len(), 1);
    let refused = &k.requests()[1];
    assert_eq!(refused.status(), Some(413));
    assert_eq!(
        refused.outcome().answered_by.to_string(),
        "beyond a limit of the server"
    );
}

#[kmock::test]
async fn a_client_that_breaks_off_harms_nobody(k: KMock) {
    k.on("/").text("fine");
    let mut socket = TcpStream::connect(k.address()).await.expect("connected");
    socket
        .write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf")
        .await
        .expect("written");
    drop(socket);
    let mut garbage = TcpStream::connect(k.address()).await.expect("connected");
    garbage
        .write_all(b"\x16\x03\x01 no HTTP\r\n\r\n")
        .await
        .expect("written");
    drop(garbage);
    assert_eq!(k.get("/").await.text(), "fine");
    let seen = k.requests();
    // What broke off was a request all the same.
    assert!(seen.len() <= 2, "{seen:?}");
    assert_eq!(k.filter("get").count(), 1);
}

#[kmock::test]
async fn slow_readers_do_not_hold_up_others(k: KMock) {
    k.on("/big").body(vec![b'x'; 32 << 20]);
    k.on("/small").text("small");
    let mut slow = Vec::new();
    for _ in 0..4 {
        let mut socket = TcpStream::connect(k.address()).await.expect("connected");
        socket
            .write_all(b"GET /big HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .expect("written");
        let mut some = [0; 10];
        socket.read_exact(&mut some).await.expect("a beginning");
        slow.push(socket);
    }
    for _ in 0..50 {
        assert_eq!(k.get("/small").await.text(), "small");
    }
    drop(slow);
}

#[tokio::test]
async fn stopping_cuts_what_is_in_flight_and_lets_go_of_the_port() {
    let k = KMock::start().await;
    let gate = Gate::new();
    k.on("/held").hold(&gate).text("never");
    k.on("/live").stream(Stream::new().item(b"x").live());
    let held = tokio::spawn(k.get("/held").send());
    gate.arrived().await;
    let mut live = k.get("/live").open().await.expect("a head");
    live.text().await.expect("a chunk");
    let pending = k.pending();
    assert_eq!(pending.len(), 2, "{pending:?}");
    assert!(
        pending[0].contains("/held is not answered yet by rule"),
        "{pending:?}"
    );
    assert!(pending[1].contains("/live waits to be fed"), "{pending:?}");
    k.shutdown();
    assert!(held.await.expect("no panic").is_err());
    assert!(live.chunk().await.is_err());
    let port = k.address().port();
    let refused = std::net::TcpStream::connect(k.address());
    assert!(refused.is_err(), "nothing listens any more");
    let again = KMock::builder().port(port).start().await;
    let again = again.expect("the port is free at once");
    assert_eq!(again.address().port(), port);
    assert!(
        k.get("/held").send().await.is_ok(),
        "the port has a new server"
    );
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// Threads of this server kind: others belong to tests that run beside this one.
fn server_threads() -> usize {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return 0;
    };
    tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok())
        .filter(|name| name.trim() == "kmock")
        .count()
}

/// In a process of its own: other tests open files, too.
#[test]
fn thousands_of_servers_leave_nothing_behind() {
    if std::env::var_os("KMOCK_TEST_ALONE").is_none() {
        let mut alone = std::process::Command::new(std::env::current_exe().expect("this test"));
        alone
            .args([
                "--exact",
                "server::thousands_of_servers_leave_nothing_behind",
                "--nocapture",
            ])
            .env("KMOCK_TEST_ALONE", "1");
        assert!(alone.status().expect("it runs").success());
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let tasks = || {
            tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks()
        };
        let one = async |n: usize| {
            let k = KMock::builder()
                .raw(!n.is_multiple_of(10))
                .start()
                .await
                .expect("a server");
            // A closure that holds its own server, a stream that waits, a request in flight.
            let own = k.clone();
            k.on("/own").reply_with(move |_| own.url());
            k.on("/live").stream(Stream::new().item(b"x").live());
            if n.is_multiple_of(50) {
                assert_eq!(k.get("/own").await.json(), k.url());
                let _open = k.get("/live").open().await.expect("a head");
                let waiting = Arc::new(k.get("/live").open().await.expect("a head"));
                k.waiting(1).await.expect("it waits");
                drop(waiting);
            }
            k.shutdown();
        };
        one(0).await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        let (files, alive) = (open_files(), tasks());
        for n in 0..2000 {
            one(n).await;
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(
            open_files() <= files + 2,
            "{} files, {files} before",
            open_files()
        );
        assert!(tasks() <= alive + 2, "{} tasks, {alive} before", tasks());
    });
    let files = open_files();
    for _ in 0..300 {
        let k = KMock::builder()
            .raw(true)
            .start_blocking()
            .expect("a server");
        k.on("/").text("x");
        let mut socket = std::net::TcpStream::connect(k.address()).expect("connected");
        std::io::Write::write_all(&mut socket, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .expect("written");
        let mut some = [0; 8];
        std::io::Read::read_exact(&mut socket, &mut some).expect("an answer");
        drop(k);
    }
    assert_eq!(server_threads(), 0);
    assert!(
        open_files() <= files + 2,
        "{} files, {files} before",
        open_files()
    );
}

#[tokio::test]
async fn the_last_handle_takes_the_server_along() {
    let k = KMock::builder().raw(true).start().await.expect("a server");
    let (clone, address) = (k.clone(), k.address());
    drop(k);
    assert_eq!(clone.get("/").await.status(), 404);
    drop(clone);
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn only_the_loopback_unless_told_otherwise() {
    let k = KMock::start().await;
    assert!(k.address().ip().is_loopback());
    let six = KMock::builder()
        .listen("[::1]:0".parse().expect("an address"))
        .start()
        .await;
    if let Ok(six) = six {
        assert!(six.url().starts_with("http://[::1]:"));
        six.on("/").text("six");
        assert_eq!(six.get("/").await.text(), "six");
    }
    let taken = KMock::builder().port(k.address().port()).start().await;
    let error = taken.expect_err("the port is taken");
    assert!(
        error.is_io() && error.to_string().contains("cannot listen"),
        "{error}"
    );
}

type H2 = Client<HttpConnector, Bodyless>;

fn http2() -> H2 {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build(connector)
}

/// The status, the body as far as it came, and whether it was whole.
async fn over(client: &H2, k: &KMock, path: &str) -> Option<(u16, String, bool)> {
    let url = format!("{}{path}", k.url()).parse().expect("a URL");
    let response = client.get(url).await.ok()?;
    let status = response.status().as_u16();
    let (mut body, mut read) = (response.into_body(), Vec::new());
    loop {
        match body.frame().await {
            Some(Ok(frame)) => read.extend(frame.into_data().unwrap_or_default()),
            end => {
                let text = String::from_utf8_lossy(&read).into_owned();
                return Some((status, text, end.is_none()));
            }
        }
    }
}

async fn faults_of_one_exchange(k: KMock) {
    k.on("/reset").text("never").fault(Fault::reset());
    k.on("/truncate")
        .text("0123456789")
        .fault(Fault::truncate(4));
    k.on("/in-body")
        .text("0123456789")
        .fault(Fault::reset().in_body(4));
    k.on("/chunk").text("whole").fault(Fault::truncated_chunk());
    k.on("/promise")
        .text("short")
        .fault(Fault::content_length(20));
    k.on("/item")
        .stream(Stream::new().item(b"one").fault(Fault::reset()));
    k.on("/broken")
        .stream(Stream::new().item(b"one").item(Err::<u8, _>("bad luck")));
    k.on("/stall").text("never").fault(Fault::stall());
    k.on("/stall-in-body")
        .text("0123")
        .fault(Fault::stall().in_body(2));
    k.on("/live").stream(Stream::new().item(b"one").live());
    k.on("/well").text("well");
    let client = http2();
    let live = tokio::spawn({
        let (client, k) = (client.clone(), k.clone());
        async move { over(&client, &k, "/live").await }
    });
    k.waiting(1).await.expect("it waits");
    for _ in 0..10 {
        assert_eq!(over(&client, &k, "/reset").await, None);
        for (path, text) in [
            ("/truncate", "0123"),
            ("/in-body", "0123"),
            ("/chunk", "whole"),
            ("/item", "one"),
            ("/broken", "one"),
        ] {
            let got = over(&client, &k, path).await;
            assert_eq!(got, Some((200, text.to_owned(), false)), "{path}");
        }
        // The client sees that it is not what was promised; how much of it before, is its own affair.
        assert!(!over(&client, &k, "/promise").await.is_some_and(|got| got.2));
    }
    for path in ["/stall", "/stall-in-body"] {
        let stalled = over(&client, &k, path);
        let waited = tokio::time::timeout(Duration::from_millis(50), stalled).await;
        assert!(waited.is_err(), "{path}");
    }
    assert_eq!(
        over(&client, &k, "/well").await,
        Some((200, "well".to_owned(), true))
    );
    k.feed(Stream::new().item(b"two"));
    assert_eq!(
        live.await.expect("no panic"),
        Some((200, "onetwo".to_owned(), true))
    );
    let peers: Vec<_> = k.requests().iter().map(|seen| seen.peer()).collect();
    assert!(
        peers.windows(2).all(|two| two[0] == two[1]),
        "one connection: {peers:?}"
    );
}

#[kmock::test]
async fn on_http2_faults_of_one_exchange_leave_the_others_alone(k: KMock) {
    faults_of_one_exchange(k).await;
}

#[kmock::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_http2_faults_of_one_exchange_leave_the_others_alone_on_threads(k: KMock) {
    faults_of_one_exchange(k).await;
}

#[kmock::test]
async fn on_http2_faults_of_the_connection_break_all_of_it(k: KMock) {
    k.on("/live").stream(Stream::new().item(b"one").live());
    k.on("/close").fault(Fault::close());
    k.on("/garbage").fault(Fault::garbage());
    k.on("/head").fault(Fault::reset().in_head(5));
    for path in ["/close", "/garbage", "/head"] {
        let client = http2();
        let live = tokio::spawn({
            let (client, k) = (client.clone(), k.clone());
            async move { over(&client, &k, "/live").await }
        });
        k.waiting(1).await.expect("it waits");
        assert_eq!(over(&client, &k, path).await, None, "{path}");
        let live = live.await.expect("no panic");
        assert!(live.is_none_or(|(_, _, whole)| !whole), "{path}");
        while !k.pending().is_empty() {
            tokio::task::yield_now().await;
        }
    }
}

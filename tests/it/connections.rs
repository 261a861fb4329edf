//! Below HTTP: servers that go away and come back, and Unix sockets.

use kmock::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[kmock::test(raw)]
async fn a_server_goes_away_and_comes_back_with_its_rules(k: KMock) {
    kmock! { k, GET "/" => 200; }
    // It keeps no connections: those are cut, and it need not have noticed.
    let client = reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .build()
        .expect("a client");
    let get = async || client.get(k.url()).send().await;
    assert_eq!(get().await.expect("an answer").status(), 200);
    k.go_away().expect("gone");
    k.go_away().expect("gone already");
    let refused = get().await.expect_err("nobody there");
    assert!(refused.is_connect(), "{refused:?}");
    k.come_back().expect("back");
    k.come_back().expect("back already");
    assert_eq!(get().await.expect("an answer").status(), 200);
    assert_eq!(k.requests().len(), 2);
}

#[kmock::test]
fn a_server_on_its_own_thread_goes_away_too(k: KMock) {
    kmock! { k, GET "/" => 200; }
    let connect = || std::net::TcpStream::connect(k.address());
    drop(connect().expect("a connection"));
    k.go_away().expect("gone");
    let refused = connect().expect_err("nobody there");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    k.come_back().expect("back");
    drop(connect().expect("a connection"));
    k.shutdown();
    assert!(k.come_back().expect_err("for good").is_invalid());
}

/// Whoever wants the port of a server that is away is told that it is taken.
#[kmock::test]
fn nobody_gets_the_port_of_a_server_that_is_away(k: KMock) {
    use std::net::{TcpListener, TcpStream};
    for _ in 0..20 {
        k.go_away().expect("gone");
        assert!(TcpListener::bind(k.address()).is_err());
        k.come_back().expect("back");
        assert!(TcpListener::bind(k.address()).is_err());
        drop(TcpStream::connect(k.address()).expect("a connection"));
    }
}

#[kmock::test(raw)]
async fn connections_may_be_cut_while_they_idle(k: KMock) {
    kmock! { k, GET "/" => 200; GET "/slow" => stall; }
    let mut idle = tokio::net::TcpStream::connect(k.address())
        .await
        .expect("a connection");
    idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .expect("written");
    let mut answer = vec![0; 16];
    idle.read_exact(&mut answer).await.expect("an answer");
    k.disconnect();
    let mut rest = Vec::new();
    // What was on its way still comes, and then the end.
    idle.read_to_end(&mut rest).await.expect("an end");
    assert_eq!(k.get("/").await.status(), 200);
}

#[cfg(unix)]
#[kmock::test(raw)]
async fn a_unix_socket_is_another_way_in(k: KMock) {
    kmock! { k, GET "/" => |req| format!("{:?}", req.peer()); GET "/reset" => reset; }
    let path = k.unix_socket().expect("a socket");
    assert_eq!(k.unix_socket().expect("the same"), path);
    let response = kmock::client::request("GET", "http://localhost/")
        .unix_socket(&path)
        .await;
    assert_eq!(response.json(), "None");
    let broken = kmock::client::request("GET", "http://localhost/reset").unix_socket(&path);
    assert!(broken.send().await.is_err());
    assert_eq!(k.requests().len(), 2);
    k.shutdown();
    assert!(!path.exists());
}

/// What a client of TCP sees that says nothing.
async fn knock(k: &KMock) -> Result<Vec<u8>, std::io::ErrorKind> {
    let stream = tokio::net::TcpStream::connect(k.address()).await;
    let mut seen = Vec::new();
    let read = stream.expect("a connection").read_to_end(&mut seen).await;
    read.map(|_| seen).map_err(|error| error.kind())
}

#[kmock::test(raw)]
async fn connections_have_rules_of_their_own(k: KMock) {
    kmock! { k,
        let reset = connection [0] => reset;
        connection [0] => close;
        connection [0] => garbage b"no HTTP";
        let elsewhere = connection from 10.0.0.0/8 => close;
        /// whoever comes later
        #[expect(1..)] let others = connection;
        ANY => 200;
    }
    assert_eq!(knock(&k).await, Err(std::io::ErrorKind::ConnectionReset));
    assert_eq!(knock(&k).await, Ok(Vec::new()));
    assert_eq!(knock(&k).await, Ok(b"no HTTP".to_vec()));
    assert_eq!(k.get("/").await.status(), 200);
    assert_eq!(
        (reset.count(), elsewhere.count(), others.count()),
        (1, 0, 1)
    );
    assert!(reset.requests()[0].peer().is_some());
    assert_eq!(
        reset.requests()[0].outcome().fault.as_deref(),
        Some("reset")
    );
    // They are no requests, and no rule for requests hides them.
    assert_eq!(k.requests().len(), 1);
    let refused = KMock::builder().raw(true).start().await.expect("a server");
    refused
        .on(Filter::connection())
        .delay(std::time::Duration::ZERO);
    assert!(!refused.get("/").await.text().contains("connection"));
}

#[kmock::test(raw, start_paused)]
async fn a_connection_may_be_let_in_late(k: KMock) {
    let gate = Gate::new();
    kmock! { k, connection [0] => sleep(3s); connection => hold(&gate); GET "/" => 200; }
    let before = tokio::time::Instant::now();
    assert_eq!(k.get("/").await.status(), 200);
    assert_eq!(before.elapsed().as_secs(), 3);
    let held = k.get("/").send();
    tokio::pin!(held);
    let waited = tokio::time::timeout(std::time::Duration::from_secs(60), &mut held).await;
    assert!(waited.is_err());
    gate.release();
    assert_eq!(held.await.expect("an answer").status(), 200);
}

#[kmock::test(raw)]
async fn there_may_be_so_many_connections_at_once(k: KMock) {
    kmock! { k, let all = connection => limit 1; GET "/" => 200; }
    let mut first = tokio::net::TcpStream::connect(k.address())
        .await
        .expect("a connection");
    first
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .expect("written");
    let mut begun = vec![0; 15];
    first.read_exact(&mut begun).await.expect("an answer");
    assert_eq!(knock(&k).await, Ok(Vec::new()));
    let told = all.requests()[1].outcome().fault;
    assert!(told.expect("a fault").contains("as many as there may be"));
    drop(first);
    // As soon as the server has seen that it is gone, there is a place again.
    while k.get("/").send().await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[kmock::test(raw, tls, hostnames = ["*.example.com"])]
async fn clients_must_refuse_what_is_wrong_with_a_certificate(k: KMock) {
    kmock! { k,
        let expired = connection host "expired.example.com" => certificate expired;
        connection host "early.example.com" => certificate not_yet_valid;
        connection host "wrong.example.com" => certificate wrong_host;
        connection host "other.example.com" => certificate "b.example.org";
        connection host "unknown.example.com" => certificate unknown_ca;
        connection host "self.example.com" => certificate self_signed;
        connection host "old.example.com" => tls "1.0";
        connection host "older.example.com" => tls "1.1";
        connection host "broken.example.com" => close in handshake 20;
        connection host "reset.example.com" => reset in handshake 0;
        connection host "once.example.com" [0] => certificate expired;
        ANY => |req| req.tls_version().map(|version| version.to_string());
    }
    let client = k.reqwest().build().expect("a client");
    let why = async |host: &str| {
        let url = format!("https://{host}.example.com/");
        match client.get(url).send().await {
            Ok(response) => response.text().await.expect("a text"),
            Err(error) => format!("{error:?}"),
        }
    };
    for (host, reason) in [
        ("expired", "Expired"),
        ("early", "NotValidYet"),
        ("wrong", "NotValidForName"),
        ("other", "b.example.org"),
        ("unknown", "UnknownIssuer"),
        ("self", "UnknownIssuer"),
        ("old", "ServerDoesNotSupportTls12Or13"),
        ("older", "ServerDoesNotSupportTls12Or13"),
        ("broken", "UnexpectedEof"),
        ("reset", "ConnectionReset"),
        ("once", "Expired"),
    ] {
        let seen = why(host).await;
        assert!(seen.contains(reason), "{host}: {seen}");
    }
    assert_eq!(why("once").await, "\"1.3\"");
    assert_eq!(why("right").await, "\"1.3\"");
    while expired.requests()[0].outcome().fault.is_none() {
        tokio::task::yield_now().await;
    }
    let fault = expired.requests()[0].outcome().fault.expect("a fault");
    assert!(
        fault.contains("certificate expired") && fault.contains("CertificateExpired"),
        "{fault}"
    );
    // They were asked for: nothing is wrong with the test.
    assert!(k.errors().is_empty(), "{:?}", k.errors());
}

/// The same by another client, with the exit codes that docs/transport.md has.
#[kmock::test(raw, tls)]
fn curl_refuses_them_too(k: KMock) {
    kmock! { k,
        connection host "expired.example.com" => certificate expired;
        connection host "early.example.com" => certificate not_yet_valid;
        connection host "wrong.example.com" => certificate wrong_host;
        connection host "other.example.com" => certificate "b.example.org";
        connection host "unknown.example.com" => certificate unknown_ca;
        connection host "self.example.com" => certificate self_signed;
        connection host "old.example.com" => tls "1.0";
        connection host "older.example.com" => tls "1.1";
        connection host "broken.example.com" => close in handshake 20;
        connection host "reset.example.com" => reset in handshake 0;
        ANY => b"well";
    }
    let (port, ca) = (k.address().port(), k.ca_file().expect("a file"));
    for (host, code) in [
        ("expired", 60),
        ("early", 60),
        ("wrong", 60),
        ("other", 60),
        ("unknown", 60),
        ("self", 60),
        ("old", 35),
        ("older", 35),
        ("broken", 35),
        ("reset", 35),
        ("right", 0),
    ] {
        let output = std::process::Command::new("curl")
            .args(["--silent", "--show-error", "--noproxy", "*", "--resolve"])
            .arg(format!("{host}.example.com:{port}:127.0.0.1"))
            .arg("--cacert")
            .arg(&ca)
            .arg(format!("https://{host}.example.com:{port}/"))
            .output();
        let Ok(output) = output else {
            eprintln!("skipped: there is no curl here");
            return;
        };
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{host}: {said}");
    }
    assert!(k.errors().is_empty(), "{:?}", k.errors());
}

#[kmock::test(raw, tls)]
async fn one_version_of_tls_may_be_all_that_is_spoken(k: KMock) {
    kmock! { k,
        connection [0] => tls "1.2", sleep(1ms);
        ANY => |req| req.tls_version().map(|version| version.to_string());
    }
    assert_eq!(k.get("/").await.json(), "1.2");
    assert_eq!(k.get("/").await.json(), "1.3");
}

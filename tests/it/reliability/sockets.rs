//! Sockets: how many at once, which are left, and how they end.

use std::time::{Duration, Instant};

use kmock::KMock;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The sockets of this process that are connected to, or from, a port.
fn sockets(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap_or_default();
    let end = format!(":{port:04X}");
    // 01: established, 08: the other side has closed.
    let open = |line: &&str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        columns.get(1).is_some_and(|local| local.ends_with(&end))
            && columns
                .get(3)
                .is_some_and(|state| matches!(*state, "01" | "08"))
    };
    table.lines().filter(open).count()
}

#[kmock::test]
async fn a_declined_upgrade_leaves_no_socket(k: KMock) {
    k.on("/").text("fine");
    for asked in ["h2c", "websocket"] {
        for _ in 0..50 {
            let mut socket = TcpStream::connect(k.address()).await.expect("connected");
            let head = format!(
                "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: {asked}\r\n\r\n"
            );
            socket.write_all(head.as_bytes()).await.expect("written");
            let mut some = [0; 15];
            socket.read_exact(&mut some).await.expect("an answer");
            assert_eq!(&some, b"HTTP/1.1 200 OK");
        }
    }
    let since = Instant::now();
    while sockets(k.address().port()) > 0 {
        assert!(
            since.elapsed() < Duration::from_secs(60),
            "sockets are left"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[kmock::test]
async fn a_connection_that_is_to_be_closed_is_closed_whatever_else_it_asks_for(k: KMock) {
    k.on("/").text("fine");
    let mut socket = TcpStream::connect(k.address()).await.expect("connected");
    let head = "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: h2c\r\n\r\n";
    socket.write_all(head.as_bytes()).await.expect("written");
    let mut read = String::new();
    let within = Duration::from_secs(10);
    let closed = tokio::time::timeout(within, socket.read_to_string(&mut read)).await;
    closed.expect("it is closed").expect("it is read");
    assert!(read.ends_with("fine"), "{read}");
}

#[kmock::test(start_paused = true)]
async fn hundreds_of_clients_connect_at_once_in_exact_virtual_time(k: KMock) {
    k.on("/").delay(Duration::from_secs(10)).text("late");
    let started = tokio::time::Instant::now();
    let asking: Vec<_> = (0..400).map(|_| tokio::spawn(k.get("/").send())).collect();
    for one in asking {
        one.await.expect("no panic").expect("an answer");
    }
    assert_eq!(started.elapsed(), Duration::from_secs(10));
}

#[kmock::test]
async fn a_port_is_free_as_soon_as_its_server_is_gone(k: KMock) {
    drop(k);
    for _ in 0..100 {
        let k = KMock::start().await;
        let port = k.address().port();
        drop(k);
        let again = KMock::builder().port(port).start().await;
        again.expect("the port is free");
    }
}

#[test]
fn an_async_server_outside_of_a_runtime_is_refused_at_the_callers_line() {
    let failed = std::panic::catch_unwind(|| {
        let mut starting = std::pin::pin!(KMock::start());
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let _ = starting.as_mut().poll(&mut cx);
    });
    let text = failed.expect_err("it fails");
    let text = text.downcast_ref::<String>().expect("a text");
    assert!(
        text.contains("start_blocking()") && text.contains("tests/it/reliability/sockets.rs:"),
        "{text}"
    );
}

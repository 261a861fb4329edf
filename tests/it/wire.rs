//! Faults as they are on the wire: asked with plain sockets, read byte by byte.

use std::{io::ErrorKind, time::Duration};

use kmock::{Fault, KMock, Stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What a plain socket reads, and how that ended: `Ok` by an orderly FIN, `Err` otherwise.
async fn exchange(k: &KMock, target: &str) -> (String, Result<(), ErrorKind>) {
    let mut socket = TcpStream::connect(k.address()).await.expect("connected");
    let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n");
    socket.write_all(request.as_bytes()).await.expect("written");
    let mut read = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let next = tokio::time::timeout(Duration::from_millis(200), socket.read(&mut piece));
        match next.await {
            Ok(Ok(0)) => return (String::from_utf8_lossy(&read).into_owned(), Ok(())),
            Ok(Ok(n)) => read.extend_from_slice(&piece[..n]),
            Ok(Err(error)) => {
                return (
                    String::from_utf8_lossy(&read).into_owned(),
                    Err(error.kind()),
                );
            }
            Err(_) => {
                return (
                    String::from_utf8_lossy(&read).into_owned(),
                    Err(ErrorKind::TimedOut),
                );
            }
        }
    }
}

#[kmock::test]
async fn resets_are_resets(k: KMock) {
    k.on("/").fault(Fault::reset()).text("never");
    let (read, end) = exchange(&k, "/").await;
    assert_eq!((read.as_str(), end), ("", Err(ErrorKind::ConnectionReset)));
}

#[kmock::test]
async fn closes_are_orderly_before_inside_and_after_the_head(k: KMock) {
    k.on("/before").fault(Fault::close()).text("never");
    k.on("/inside")
        .fault(Fault::close().in_head(12))
        .text("never");
    assert_eq!(exchange(&k, "/before").await, (String::new(), Ok(())));
    assert_eq!(
        exchange(&k, "/inside").await,
        ("HTTP/1.1 200".to_owned(), Ok(()))
    );
}

#[kmock::test]
async fn bodies_are_cut_at_a_byte_whatever_was_promised(k: KMock) {
    k.on("/fin").text("0123456789").fault(Fault::truncate(4));
    k.on("/rst")
        .text("0123456789")
        .fault(Fault::reset().in_body(4));
    for (target, how) in [("/fin", Ok(())), ("/rst", Err(ErrorKind::ConnectionReset))] {
        let (read, end) = exchange(&k, target).await;
        assert_eq!(end, how, "{target}");
        if end.is_ok() {
            assert!(read.contains("content-length: 10\r\n"), "{read}");
            assert!(read.ends_with("\r\n\r\n0123"), "{read}");
        }
    }
}

#[kmock::test]
async fn garbage_is_no_http(k: KMock) {
    k.on("/").fault(Fault::garbage());
    k.on("/raw").fault(Fault::raw("HTTP/9.9 what\r\n"));
    let (read, end) = exchange(&k, "/").await;
    assert!(!read.starts_with("HTTP/") && !read.is_empty(), "{read:?}");
    assert_eq!(end, Ok(()));
    assert_eq!(exchange(&k, "/raw").await.0, "HTTP/9.9 what\r\n");
}

#[kmock::test]
async fn stalls_hold_the_connection_open_inside_of_head_and_body(k: KMock) {
    k.on("/head").fault(Fault::stall().in_head(9)).text("never");
    k.on("/body")
        .text("0123456789")
        .fault(Fault::stall().in_body(3));
    assert_eq!(
        exchange(&k, "/head").await,
        ("HTTP/1.1 ".to_owned(), Err(ErrorKind::TimedOut))
    );
    let (read, end) = exchange(&k, "/body").await;
    assert!(read.ends_with("\r\n\r\n012"), "{read}");
    assert_eq!(end, Err(ErrorKind::TimedOut));
}

#[kmock::test]
async fn content_lengths_may_promise_too_much_and_too_little(k: KMock) {
    k.on("/much")
        .header("x-a", 1)
        .text("0123456789")
        .fault(Fault::content_length(20));
    k.on("/little")
        .text("0123456789")
        .fault(Fault::content_length(5));
    for (target, promise) in [("/much", 20), ("/little", 5)] {
        let (read, end) = exchange(&k, target).await;
        assert!(read.starts_with("HTTP/1.1 200 OK\r\n"), "{read}");
        assert!(
            read.contains(&format!("content-length: {promise}\r\n")),
            "{read}"
        );
        assert!(read.ends_with("\r\n\r\n0123456789"), "{read}");
        assert_eq!(end, Ok(()));
    }
    assert!(k.get("/much").send().await.is_err());
    assert_eq!(k.get("/little").await.text(), "01234");
}

#[kmock::test]
async fn chunks_may_be_truncated(k: KMock) {
    k.on("/").text("whole").fault(Fault::truncated_chunk());
    k.on("/item")
        .stream(Stream::new().item(b"whole").fault(Fault::truncated_chunk()));
    for target in ["/", "/item"] {
        let (read, end) = exchange(&k, target).await;
        assert!(read.contains("transfer-encoding: chunked\r\n"), "{read}");
        assert!(
            read.ends_with("5\r\nwhole\r\n20\r\nonly a part of it"),
            "{read}"
        );
        assert_eq!(end, Ok(()));
    }
}

#[kmock::test]
async fn streams_break_at_an_item(k: KMock) {
    k.on("/third").stream(
        Stream::new()
            .item(b"1")
            .item(b"2")
            .fault(Fault::close())
            .item(b"3"),
    );
    k.on("/first")
        .stream(Stream::new().fault(Fault::close()).item(b"1"));
    k.on("/fed").stream(Stream::new().item(b"1").live());
    let (read, end) = exchange(&k, "/third").await;
    assert!(read.ends_with("1\r\n1\r\n1\r\n2\r\n"), "{read}");
    assert_eq!(end, Ok(()));
    assert_eq!(exchange(&k, "/first").await, (String::new(), Ok(())));
    let mut fed = k.get("/fed").open().await.expect("a head");
    fed.text().await.expect("a chunk");
    k.waiting(1).await.expect("it waits");
    k.feed(Stream::new().fault(Fault::reset()));
    assert!(fed.chunk().await.is_err());
}

#[kmock::test]
async fn faults_meet_the_nth_request_only(k: KMock) {
    k.on("/").text("well").fault(Fault::reset().only(1));
    k.on("/other").text("x");
    let mut all = Vec::new();
    for _ in 0..3 {
        k.get("/other").await;
        all.push(k.get("/").send().await.is_ok());
    }
    assert_eq!(all, [true, false, true]);
}

#[kmock::test]
async fn faults_come_at_a_rate_that_the_seed_repeats(one: KMock, two: KMock) {
    let mut runs = Vec::new();
    let three = KMock::builder().start().await.expect("a server");
    for k in [&one, &two, &three] {
        k.on("/").text("well").fault(Fault::close().at_rate(0.3));
        let mut run = Vec::new();
        for _ in 0..100 {
            run.push(k.get("/").send().await.is_ok());
        }
        let well = run.iter().filter(|ok| **ok).count();
        assert!((50..90).contains(&well), "{well}");
        runs.push(run);
    }
    // The seed of the first is 0, that of the second 1, and that of one by hand 0.
    assert_eq!(runs[0], runs[2]);
    assert_ne!(runs[0], runs[1]);
}

#[kmock::test]
async fn a_fault_ends_its_own_connection_only(k: KMock) {
    k.on("/reset").fault(Fault::reset());
    k.on("/live").stream(Stream::new().item(b"1").live());
    let mut live = k.get("/live").open().await.expect("a head");
    live.text().await.expect("a chunk");
    assert!(k.get("/reset").send().await.is_err());
    k.waiting(1).await.expect("it waits");
    k.feed(Stream::new().item(b"2"));
    assert_eq!(live.text().await.expect("a chunk"), "2");
}

#[kmock::test]
async fn a_cut_at_the_very_end_of_a_body_closes_the_connection(k: KMock) {
    k.on("/all").text("abc").fault(Fault::truncate(3));
    k.on("/more").text("abc").fault(Fault::truncate(99));
    k.on("/none").fault(Fault::truncate(3));
    k.on("/reset").text("abc").fault(Fault::reset().in_body(3));
    for target in ["/all", "/more"] {
        let (read, end) = exchange(&k, target).await;
        assert!(
            read.ends_with("content-length: 3\r\n\r\nabc") || read.ends_with("abc"),
            "{read}"
        );
        assert!(!read.contains("connection: close"), "{read}");
        assert_eq!(end, Ok(()), "{target}");
    }
    let (read, end) = exchange(&k, "/none").await;
    assert!(
        read.starts_with("HTTP/1.1 200") && read.ends_with("\r\n\r\n"),
        "{read}"
    );
    assert_eq!(end, Ok(()));
    let (_, end) = exchange(&k, "/reset").await;
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
}

//! Faults in their words: which, where, for which requests.

use std::{io::ErrorKind, time::Duration};

use kmock::prelude::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What a plain socket reads, and how that ended.
async fn exchange(k: &KMock, target: &str) -> (String, Result<(), ErrorKind>) {
    let mut socket = TcpStream::connect(k.address()).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    let reading = tokio::time::timeout(Duration::from_millis(200), socket.read_to_end(&mut read));
    let end = match reading.await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.kind()),
        Err(_) => Err(ErrorKind::TimedOut),
    };
    (String::from_utf8_lossy(&read).into_owned(), end)
}

#[kmock::test]
async fn what_breaks_and_where(k: KMock) {
    let (few, nonsense) = (2, b"\x00\x01");
    kmock! {
        GET "/reset" => reset;
        GET "/close" => close in head 12, "never";
        GET "/stall" => stall in body 3, text "0123456789";
        GET "/garbage" => garbage;
        GET "/own" => garbage b"HTTP/9.9 what\r\n";
        GET "/expression" => garbage (&nonsense[..]);
        GET "/truncate" => text "0123456789", truncate 4;
        GET "/computed" => truncate (few * 2), text "0123456789";
        GET "/reset-in-body" => text "0123456789", reset in body (few);
        GET "/chunk" => text "whole", truncate chunk;
        GET "/promise" => promise 20, text "0123456789";
        stream "/item" => [ b"1", truncate 3, b"2345", b"6" ];
        stream "/end" => [ b"1", truncate 30, b"2" ];
        stream "/begin" => [ truncate 1, b"12" ];
    }
    let get = async |target: &str| exchange(&k, target).await;
    assert_eq!(
        get("/reset").await,
        (String::new(), Err(ErrorKind::ConnectionReset))
    );
    assert_eq!(get("/close").await, ("HTTP/1.1 200".to_owned(), Ok(())));
    let (text, end) = get("/stall").await;
    assert!(
        text.ends_with("\r\n\r\n012") && end == Err(ErrorKind::TimedOut),
        "{text} {end:?}"
    );
    assert!(get("/garbage").await.0.contains("no HTTP"));
    assert_eq!(get("/own").await.0, "HTTP/9.9 what\r\n");
    assert_eq!(get("/expression").await.0, "\0\u{1}");
    for target in ["/truncate", "/computed"] {
        let (text, end) = get(target).await;
        assert!(
            text.contains("content-length: 10\r\n") && text.ends_with("\r\n\r\n0123"),
            "{text}"
        );
        assert_eq!(end, Ok(()));
    }
    assert_eq!(
        get("/reset-in-body").await.1,
        Err(ErrorKind::ConnectionReset)
    );
    assert!(
        get("/chunk")
            .await
            .0
            .ends_with("5\r\nwhole\r\n20\r\nonly a part of it")
    );
    let (text, _) = get("/promise").await;
    assert!(
        text.contains("content-length: 20\r\n") && text.ends_with("0123456789"),
        "{text}"
    );
    let (text, end) = get("/item").await;
    assert!(
        text.ends_with("\r\n1\r\n1\r\n3\r\n234\r\n") && end == Ok(()),
        "{text:?} {end:?}"
    );
    let (text, end) = get("/end").await;
    assert!(
        text.ends_with("\r\n1\r\n1\r\n1\r\n2\r\n") && end == Ok(()),
        "{text:?} {end:?}"
    );
    let (text, end) = get("/begin").await;
    assert!(
        text.ends_with("\r\n1\r\n1\r\n") && end == Ok(()),
        "{text:?} {end:?}"
    );
    let told: Vec<_> = k
        .requests()
        .iter()
        .filter_map(|seen| seen.outcome().fault)
        .collect();
    assert_eq!(
        told[..4],
        ["reset", "close in head 12", "stall in body 3", "garbage"]
    );
    // Those of scripts too, whether they come before the answer or after it has begun.
    let faults_of_scripts = &told[told.len() - 3..];
    assert_eq!(
        faults_of_scripts,
        ["truncate 3", "truncate 30", "truncate 1"]
    );
}

#[kmock::test(seed = 7)]
async fn which_requests_it_meets(k: KMock) {
    let rate = 0.5;
    kmock! {
        GET "/once" => 200, reset once;
        GET "/slice" => 200, close [1..=2];
        GET "/third" => truncate 0 [2], text "x";
        GET "/rate" => 200, reset at 30%;
        GET "/half" => 200, close in head 5 at (rate) [..50];
        GET "/always" => 200, reset at 100%;
        GET "/never" => 200, reset at 0.0%;
        stream "/item" => [ b"1", reset once, b"2" ];
        stream "/first" => [ reset at 50%, b"2" ];
    }
    let well = async |target: &str, n: usize| {
        let mut all = Vec::new();
        for _ in 0..n {
            all.push(k.get(target).send().await.is_ok());
        }
        all
    };
    assert_eq!(well("/once", 3).await, [false, true, true]);
    assert_eq!(well("/slice", 4).await, [true, false, false, true]);
    assert_eq!(well("/third", 4).await, [true, true, false, true]);
    assert_eq!(well("/item", 3).await, [false, true, true]);
    let count = |all: Vec<bool>| all.into_iter().filter(|well| *well).count();
    let rate = count(well("/rate", 100).await);
    assert!((55..85).contains(&rate), "{rate}");
    let half = well("/half", 100).await;
    assert!(half[50..].iter().all(|well| *well));
    assert!((10..40).contains(&count(half[..50].to_vec())));
    let first = count(well("/first", 100).await);
    assert!((35..65).contains(&first), "{first}");
    assert_eq!(count(well("/always", 20).await), 0);
    assert_eq!(count(well("/never", 20).await), 20);
}

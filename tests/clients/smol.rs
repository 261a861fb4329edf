//! smol: a client of its own, and what tests call there.

use std::time::Duration;

use kmock::prelude::*;
use smol::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[test]
fn clients_and_tests_run_under_smol() {
    let k = KMock::builder()
        .raw(true)
        .start_blocking()
        .expect("a server");
    let gate = Gate::new();
    kmock! { k,
        let held = GET "/held" => hold(&gate), text "held";
        GET "/" => text "hi";
    }
    smol::block_on(async {
        // A client of smol's own.
        let mut stream = TcpStream::connect(k.address()).await.expect("a connection");
        let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.expect("written");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("an answer");
        assert!(text.ends_with("hi"), "{text}");
        // The embedded client, waits and gates.
        assert_eq!(k.get("/").await.text(), "hi");
        let client = smol::spawn(k.get("/held").send());
        held.wait_for(1).await.expect("it came");
        gate.arrived().await;
        gate.release();
        assert_eq!(client.await.expect("an answer").text(), "held");
        let never = held.wait_for_within(5, Duration::from_millis(20)).await;
        assert!(never.expect_err("there is one").is_timeout());
    });
    k.verify();
}

#[test]
fn a_server_under_smol_says_what_to_call() {
    let error = smol::block_on(KMock::builder().start()).expect_err("there is no tokio");
    assert!(error.to_string().contains("start_blocking"), "{error}");
}

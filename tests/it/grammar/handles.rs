//! What is Rust and no language: handles, servers, gates.

use kmock::prelude::*;

#[kmock::test(raw)]
async fn handles_tell_what_came(k: KMock, real: KMock) {
    kmock! { real, ANY => 200; }
    kmock! { k,
        let hello = POST "/hello" => 201;
        let passed = GET "/passed" => proxy (real.url());
    }
    let posts = k.filter("post /hello");
    tokio::spawn(k.post("/hello").send());
    assert_eq!(hello.wait_for(1).await.unwrap().len(), 1);
    k.get("/passed").await;
    assert_eq!(
        (hello.count(), posts.count(), k.requests().len()),
        (1, 1, 2)
    );
    assert_eq!(hello.requests()[0].target(), "/hello");
    assert_eq!(passed.exchanges().len(), 1);
    assert!(k.errors().is_empty() && k.take_errors().is_empty() && k.pending().is_empty());
    assert!(k.check().is_ok() && k.report().is_empty());
    hello.remove();
    assert_eq!(k.post("/hello").await.status(), 404);
    k.forget();
    assert!(k.requests().is_empty());
}

#[kmock::test(raw)]
async fn gates_hold_until_they_are_released(k: KMock) {
    let gate = Gate::new();
    kmock! { k, GET "/" => hold(&gate), 200; }
    let held: Vec<_> = (0..3).map(|_| tokio::spawn(k.get("/").send())).collect();
    gate.arrived_times(3).await;
    assert_eq!(gate.waiting(), 3);
    gate.release_one();
    gate.release();
    for one in held {
        assert_eq!(one.await.unwrap().unwrap().status(), 200);
    }
}

#[test]
fn servers_start_anywhere_and_are_shared() {
    let k = KMock::builder().raw(true).start_blocking().unwrap();
    let shared = k.clone();
    let rule = shared
        .on("get /tea")
        .status(418)
        .reason("short and stout")
        .no_header("date");
    let address = k.address();
    let asked = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let mut socket = std::net::TcpStream::connect(address).unwrap();
        socket.write_all(b"GET /tea HTTP/1.0\r\n\r\n").unwrap();
        let mut text = String::new();
        socket.read_to_string(&mut text).unwrap();
        text
    });
    let text = asked.join().unwrap();
    assert!(
        text.contains("418 short and stout") && !text.contains("date:"),
        "{text}"
    );
    assert_eq!(rule.count(), 1);
}

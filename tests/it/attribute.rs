//! `#[kmock::test]`: what it injects, which tests it takes, and what it checks after them.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Mutex,
    time::Duration,
};

use kmock::prelude::*;

#[kmock::test]
async fn a_started_server_is_injected(k: KMock) {
    kmock! { k, GET "/" => b"john"; }
    assert_eq!(k.get("/").await.text(), "john");
    assert!(k.url().starts_with("http://127.0.0.1:"));
}

#[kmock::test]
async fn no_server_is_fine() {}

#[kmock::test]
async fn a_bare_block_mounts_on_the_injected_server(k: KMock) {
    kmock! {
        let hello = GET "/hello" => "hi";
    }
    assert_eq!(k.get("/hello").await.json(), "hi");
    assert_requests!(hello == 1);
}

#[kmock::test]
async fn results_are_returned(k: KMock) -> Result<(), Box<dyn std::error::Error>> {
    kmock! { k, GET "/n" => 200, "7"; }
    let n: u32 = k
        .get("/n")
        .await
        .json()
        .as_str()
        .ok_or("no text")?
        .parse()?;
    assert_eq!(n, 7);
    Ok(())
}

#[kmock::test]
async fn two_servers_are_two_clusters(one: KMock, two: KMock) {
    kmock! { one, GET "/" => "one"; }
    kmock! { two, GET "/" => "two"; }
    assert_eq!(one.get("/").await.json(), "one");
    assert_eq!(two.get("/").await.json(), "two");
    assert_requests!(one, total == 1);
    assert_requests!(two, total == 1);
}

#[kmock::test(start_paused = true)]
async fn virtual_time_stands_until_nothing_else_is_to_be_done(k: KMock) {
    kmock! { k, stream "/" => [sleep(1h), b"late"]; }
    let started = tokio::time::Instant::now();
    assert_eq!(k.get("/").await.text(), "late");
    assert_eq!(started.elapsed(), Duration::from_secs(3600));
}

#[kmock::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_threads(k: KMock) {
    kmock! { k, GET "/" => 204; }
    assert_eq!(k.get("/").await.status(), 204);
}

/// Any blocking client will do: here, a socket.
fn blocking_get(k: &KMock, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(k.address())?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

#[kmock::test]
fn tests_need_not_be_async(k: KMock) -> std::io::Result<()> {
    kmock! { k, let hello = GET "/hello" => b"john"; }
    let text = blocking_get(&k, "/hello")?;
    assert!(
        text.starts_with("HTTP/1.1 200 OK") && text.ends_with("john"),
        "{text}"
    );
    assert_requests!(hello == 1);
    Ok(())
}

#[kmock::test]
#[should_panic(expected = "expects 2, but 1 request came")]
async fn expectations_are_checked_after_the_body(k: KMock) {
    kmock! { k, #[expect(2)] GET "/" => 200; }
    k.get("/").await;
}

#[kmock::test]
#[should_panic(expected = "expects 0, but 1 request came")]
async fn never_is_checked_after_the_body(k: KMock) {
    kmock! { k, #[never] GET "/" => 200; }
    k.get("/").await;
}

#[kmock::test(strict)]
#[should_panic(expected = "a strict test has no unexpected requests, but 1 came: #0 GET /nowhere")]
async fn strict_tests_fail_on_unexpected_requests(k: KMock) {
    kmock! { k, GET "/" => 200; }
    k.get("/nowhere").await;
}

#[kmock::test(strict)]
#[should_panic(expected = "oh no")]
async fn strict_tests_fail_on_errors_of_closures(k: KMock) {
    kmock! { k, GET "/" => |_req| -> u16 { panic!("oh no") }; }
    k.get("/").await;
}

#[kmock::test]
#[should_panic(expected = "the body's own")]
async fn the_bodys_own_panic_is_the_one_that_shows(k: KMock) {
    kmock! { k, #[expect(1)] GET "/" => 200; }
    panic!("the body's own");
}

#[kmock::test]
#[ignore = "shows that it can be"]
async fn ignored_tests_do_not_run() {
    panic!("it ran");
}

static OUTLIVED: Mutex<Option<std::net::SocketAddr>> = Mutex::new(None);

#[test]
fn a_panicking_test_leaves_no_server() {
    let panicked = std::panic::catch_unwind(|| {
        let options = kmock::__private::TestOptions::new("panicking");
        kmock::__private::run_async(options, async |k: KMock| {
            *OUTLIVED.lock().expect("no poison") = Some(k.address());
            assert_eq!(k.requests().len(), 1, "on purpose");
        });
    });
    assert!(panicked.is_err());
    let address = OUTLIVED.lock().expect("no poison").expect("it ran");
    assert!(
        TcpStream::connect(address).is_err(),
        "{address} still listens"
    );
}

#[test]
fn rules_that_hold_their_server_do_not_keep_it() {
    let mut address = None;
    let options = kmock::__private::TestOptions::new("cycle");
    let seen = &mut address;
    let cycle = |k: KMock| {
        *seen = Some(k.address());
        let held = k.clone();
        k.on("/")
            .reply_with(move |_| held.requests().len().to_string());
        async move { assert_eq!(k.get("/").await.json(), "1") }
    };
    kmock::__private::run_async(options, cycle);
    let address = address.expect("it ran");
    assert!(
        TcpStream::connect(address).is_err(),
        "{address} still listens"
    );
}

#[kmock::test(admission = ["ServiceAccount", "NodeRestriction"])]
async fn admission_plugins_are_options_of_a_test(k: KMock) {
    let pod =
        json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let refused = k.post("/api/v1/namespaces/default/pods").json(&pod).await;
    assert_eq!(refused.status(), 403);
    let kubelet = k.as_user(kmock::kubernetes::User::node("n1"));
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n2"}});
    let refused: serde_json::Value = kubelet.post("/api/v1/nodes").json(&node).await.json();
    assert_eq!(
        refused["message"],
        r#"nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2""#
    );
    let failed = KMock::builder().admission(["EventRateLimit"]).start().await;
    let why = failed.expect_err("unknown").to_string();
    assert!(why.contains("no admission plugin EventRateLimit"), "{why}");
}

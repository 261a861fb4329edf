//! `#[kmock::test]` in all its forms.

use std::{
    error::Error,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use kmock::prelude::*;

#[kmock::test]
async fn without_a_server() {
    tokio::task::yield_now().await;
}

#[kmock::test]
async fn with_a_result(k: KMock) -> Result<(), Box<dyn Error>> {
    kmock! { GET "/" => 201; }
    let got = k.get("/").send().await?;
    assert_eq!(got.status(), 201);
    Ok(())
}

#[kmock::test]
#[should_panic(expected = "on purpose")]
async fn that_panics(k: KMock) {
    k.get("/").await;
    panic!("on purpose");
}

#[kmock::test]
#[ignore = "shows that the attribute passes through"]
async fn that_is_ignored(_k: KMock) {
    panic!("never");
}

#[kmock::test(start_paused = true)]
async fn in_virtual_time(k: KMock) {
    kmock! { GET "/" => sleep(1h), 200; }
    let started = tokio::time::Instant::now();
    k.get("/").await;
    assert_eq!(started.elapsed(), Duration::from_secs(3600));
}

#[kmock::test(start_paused)]
async fn with_two_servers(one: KMock, two: KMock) {
    kmock! { GET "/" => 201; }
    kmock! { two, GET "/" => 202; }
    assert_ne!(one.url(), two.url());
    assert_eq!(one.get("/").await.status(), 201);
    assert_eq!(two.get("/").await.status(), 202);
}

#[kmock::test]
fn that_is_not_async(k: KMock) {
    kmock! { GET "/" => 201, b"sync"; }
    let mut stream = std::net::TcpStream::connect(k.address()).unwrap();
    std::io::Write::write_all(
        &mut stream,
        b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    )
    .unwrap();
    let answer = std::io::read_to_string(stream).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 201") && answer.ends_with("sync"),
        "{answer}"
    );
}

#[kmock::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_several_threads(k: KMock) {
    kmock! { GET "/" => 201; }
    let got = tokio::spawn(async move { k.get("/").await.status() })
        .await
        .unwrap();
    assert_eq!(got, 201);
}

#[kmock::test(raw, strict = false, limit = 2, seed = 7)]
async fn with_options(k: KMock) {
    kmock! { GET "/" => 201; }
    assert_eq!(k.get("/api/v1/pods").await.status(), 404);
    assert_eq!(k.get("/").await.status(), 201);
    assert_ne!(k.get("/").await.status(), 201);
}

#[kmock::test]
#[should_panic(expected = "expected")]
async fn unmet_expectations_fail_the_test(k: KMock) {
    kmock! { #[expect(1)] GET "/expected" => 200; }
    drop(k);
}

static CASES: AtomicUsize = AtomicUsize::new(0);

#[rstest::rstest]
#[case(201)]
#[case(202)]
#[kmock::test]
async fn with_rstest(#[case] status: u16, #[ignore] k: KMock) {
    kmock! { k, GET "/" => |_req| status; }
    assert_eq!(k.get("/").await.status(), status);
    CASES.fetch_add(1, Ordering::Relaxed);
}

mod renamed {
    use kmock as another_name;

    #[another_name::test(crate = another_name)]
    async fn the_crate_may_have_another_name(k: another_name::KMock) {
        another_name::kmock! { k, GET "/" => { "ok": true }, sleep(1ms); POST => async |_r| 201; }
        assert_eq!(k.get("/").await.json()["ok"], true);
        assert_eq!(k.post("/").await.status(), 201);
        another_name::assert_requests!(k, total == 2);
    }
}

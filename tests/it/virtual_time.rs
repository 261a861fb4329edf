//! Paused clocks: what virtual time promises, and the watchdog that looks at the real one.

use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant as Real},
};

use kmock::{__private as p, Gate, KMock, Stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

/// The floor: older tokios let a paused clock run while a socket is busy (craft of tokio below 1.53.3).
#[kmock::test(start_paused = true)]
async fn a_hundred_round_trips_on_one_connection_take_no_virtual_time(k: KMock) {
    k.on("/")
        .stream(Stream::new().item(b"a").item(b"b").item(b"c"));
    let mut socket = TcpStream::connect(k.address()).await.expect("connected");
    socket.set_nodelay(true).expect("set");
    let started = Instant::now();
    let trips = async {
        for _ in 0..100 {
            socket
                .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
                .await
                .expect("written");
            let mut read = Vec::new();
            while !read.ends_with(b"0\r\n\r\n") {
                let n = socket.read_buf(&mut read).await.expect("read");
                assert_ne!(n, 0, "the connection is kept");
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), trips)
        .await
        .expect("no timeout");
    assert_eq!(started.elapsed(), Duration::ZERO);
}

/// However often, and whoever asks: each waits exactly as long as the rule says.
#[kmock::test(start_paused = true, timeout = 120s)]
async fn a_thousand_waits_of_each_client_are_exact(k: KMock) {
    const WAIT: Duration = Duration::from_millis(1234);
    k.on("/late").delay(WAIT).text("late");
    let url = format!("{}/late", k.url());
    let reqwest = reqwest::Client::new();
    let mut connector = hyper_util::client::legacy::connect::HttpConnector::new();
    connector.set_nodelay(true);
    let hyper = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .build::<_, axum::body::Body>(connector);
    let kube = k.client();
    let started = Instant::now();
    for n in 1..=1000 {
        let answer = reqwest.get(&url).send().await.expect("an answer");
        assert_eq!(answer.text().await.expect("a body"), "late");
        assert_eq!(started.elapsed(), WAIT * (3 * n - 2), "reqwest, {n}");
        let answer = hyper.get(url.parse().expect("a URL")).await;
        let body = answer.expect("an answer").into_body();
        let body = axum::body::to_bytes(axum::body::Body::new(body), 100).await;
        assert_eq!(body.expect("a body"), "late");
        assert_eq!(started.elapsed(), WAIT * (3 * n - 1), "hyper, {n}");
        let asked = http::Request::get("/late").body(Vec::new());
        let answer = kube.request_text(asked.expect("a request")).await;
        assert_eq!(answer.expect("an answer"), "late");
        assert_eq!(started.elapsed(), WAIT * (3 * n), "kube-rs, {n}");
    }
}

#[kmock::test(start_paused = true)]
async fn five_seconds_of_stream_take_milliseconds(k: KMock) {
    let second = Duration::from_secs(1);
    k.on("/")
        .stream((0..5).fold(Stream::new(), |stream, n| stream.item(n).sleep(second)));
    let (started, real) = (Instant::now(), Real::now());
    assert_eq!(k.get("/").await.text(), "0\n1\n2\n3\n4\n");
    assert_eq!(started.elapsed(), 5 * second);
    assert!(
        real.elapsed() < Duration::from_secs(2),
        "{:?}",
        real.elapsed()
    );
}

#[kmock::test(start_paused = true)]
async fn a_client_times_out_at_the_exact_virtual_instant(k: KMock) {
    k.on("/").delay(Duration::from_secs(5)).text("late");
    let started = Instant::now();
    let limit = Duration::from_secs(2);
    assert!(
        tokio::time::timeout(limit, k.get("/").send())
            .await
            .is_err()
    );
    assert_eq!(started.elapsed(), limit);
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let asked = client.get(k.url()).timeout(limit).send().await;
    assert!(asked.expect_err("too late").is_timeout());
    let late = started.elapsed() - 2 * limit;
    assert!(late <= Duration::from_millis(2), "{late:?}");
}

#[kmock::test(start_paused = true)]
async fn concurrent_streams_keep_their_own_time(k: KMock) {
    let second = Duration::from_secs(1);
    k.on("/{n: u64}")
        .stream(Stream::new().call_async(move |req| async move {
            let n: u64 = req.capture("n").unwrap_or_default();
            tokio::time::sleep(Duration::from_secs(n)).await;
            n
        }));
    let started = Instant::now();
    let asked: Vec<_> = (0..10)
        .map(|n| {
            let k = k.clone();
            tokio::spawn(async move {
                k.get(format!("/{n}")).await;
                started.elapsed()
            })
        })
        .collect();
    for (n, one) in asked.into_iter().enumerate() {
        assert_eq!(
            one.await.expect("no panic"),
            second * u32::try_from(n).expect("small")
        );
    }
}

/// The panic of a test with this body.
fn failure<F, Fut>(options: p::TestOptions, body: F) -> String
where
    F: FnOnce(KMock) -> Fut,
    Fut: Future<Output = ()> + 'static,
{
    let panic = std::panic::catch_unwind(AssertUnwindSafe(|| p::run_async(options, body)));
    let panic = panic.expect_err("it fails");
    let text = panic.downcast_ref::<String>();
    text.cloned().unwrap_or_default()
}

#[test]
fn the_watchdog_ends_a_paused_test_and_names_what_is_pending() {
    let options = p::TestOptions::new("stuck")
        .start_paused(true)
        .timeout(Duration::from_secs(1));
    let started = Real::now();
    let text = failure(options, |k| async move {
        let gate = Gate::new();
        k.on("/held").named("the gate").hold(&gate).text("never");
        k.on("/live").stream(Stream::new().live());
        let _live = k.get("/live").open().await;
        k.get("/held").await;
    });
    assert!(started.elapsed() < Duration::from_secs(30));
    for part in [
        "stuck is not done after 1s of real time; pending:",
        "#1 GET /held is not answered yet by rule `the gate`",
        "the stream of #0 GET /live waits to be fed",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn the_watchdog_stops_a_clock_that_runs_in_circles() {
    let options = p::TestOptions::new("circles")
        .start_paused(true)
        .timeout(Duration::from_millis(100));
    let text = failure(options, |_| async {
        loop {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    });
    assert!(
        text.contains("the test itself waits, or it runs in circles"),
        "{text}"
    );
}

#[test]
fn the_watchdog_watches_real_clocks_when_told_to() {
    let options = p::TestOptions::new("real").timeout(Duration::from_millis(50));
    let text = failure(options, |_| std::future::pending());
    assert!(
        text.contains("real is not done after 50ms of real time"),
        "{text}"
    );
}

//! Sinks that take their time, on one server and on several.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use kmock::prelude::*;

#[kmock::test]
async fn a_slow_sink_of_two_servers_serves_both(a: KMock, b: KMock) {
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    let rules: kmock::Rules = kmock! { GET "/" >> move |_r| {
        std::thread::sleep(Duration::from_millis(100));
        count.fetch_add(1, Ordering::SeqCst);
    } => 200; };
    a.mount(rules.clone());
    b.mount(rules);
    let _ = tokio::join!(a.get("/"), b.get("/"));
    a.settled().await;
    b.settled().await;
    assert_eq!(taken.load(Ordering::SeqCst), 2);
}

#[kmock::test]
async fn an_async_sink_goes_on_at_another_server_when_its_first_is_gone(b: KMock) {
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    let began = Arc::new(AtomicUsize::new(0));
    let calls = Arc::clone(&began);
    // The first call never ends, the others do at once.
    let rules: kmock::Rules = kmock! { GET "/" >> async move |_r| {
        if calls.fetch_add(1, Ordering::SeqCst) == 0 {
            std::future::pending::<()>().await;
        }
        count.fetch_add(1, Ordering::SeqCst);
    } => 200; };
    let a = KMock::start().await;
    a.mount(rules.clone());
    b.mount(rules);
    a.get("/").await;
    while began.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    b.get("/").await;
    drop(a);
    b.settled().await;
    assert_eq!(
        taken.load(Ordering::SeqCst),
        1,
        "that of the first server is given up"
    );
    assert_eq!(b.pending(), [""; 0]);
}

//! Where requests are also put: every sink, several a rule, never in the way of the answer.

use std::{
    collections::HashMap,
    fs,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc as std_mpsc,
    },
    time::Duration,
};

use kmock::{
    KMock, Request,
    reply::{sink_async, sink_to, sink_with, try_sink_with},
};
use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};

fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("kmock-{}-{name}", std::process::id()))
}

#[kmock::test]
async fn lists_channels_and_signals_get_the_request_before_the_answer(k: KMock) {
    let list: Arc<Mutex<Vec<Request>>> = Arc::default();
    let (unbounded, mut from_unbounded) = mpsc::unbounded_channel();
    let (bounded, mut from_bounded) = mpsc::channel(1);
    let (std_sender, from_std) = std_mpsc::channel();
    let (bus, mut from_bus) = broadcast::channel(4);
    let (last, from_last) = watch::channel(None);
    let (first, from_first) = oneshot::channel();
    let (count, flag) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let notify = Arc::new(Notify::new());
    k.on("/")
        .sink(&list)
        .sink(unbounded)
        .sink(bounded)
        .sink(std_sender)
        .sink(bus)
        .sink(last)
        .sink(first)
        .sink(&count)
        .sink(&flag)
        .sink(&notify)
        .text("hello");
    assert_eq!(k.get("/?n=1").await.text(), "hello");
    assert_eq!(list.lock().expect("no panic").len(), 1);
    assert_eq!(
        from_unbounded.try_recv().expect("one").query("n"),
        Some("1")
    );
    assert_eq!(from_bounded.try_recv().expect("one").id(), 0);
    assert_eq!(from_std.try_recv().expect("one").target(), "/?n=1");
    assert_eq!(from_bus.try_recv().expect("one").id(), 0);
    assert!(from_last.borrow().is_some());
    assert_eq!(count.load(Ordering::Acquire), 1);
    assert!(flag.load(Ordering::Acquire));
    notify.notified().await;
    assert_eq!(from_first.await.expect("the first").id(), 0);
    k.get("/?n=2").await;
    assert_eq!(count.load(Ordering::Acquire), 2);
    assert!(k.errors().is_empty(), "{:?}", k.errors());
}

#[kmock::test]
async fn functions_have_done_their_work_before_the_answer_if_they_are_quick(k: KMock) {
    let seen: Arc<Mutex<HashMap<u64, String>>> = Arc::default();
    let map = Arc::clone(&seen);
    let later = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&later);
    k.on("/")
        .sink(sink_with(move |req| {
            map.lock()
                .expect("no panic")
                .insert(req.id(), req.text().into_owned());
        }))
        .sink(sink_async(move |_| {
            let counted = Arc::clone(&counted);
            async move {
                tokio::task::yield_now().await;
                counted.fetch_add(1, Ordering::AcqRel);
            }
        }))
        .text("hello");
    k.post("/").body("a").await;
    k.post("/").body("b").await;
    let seen = seen.lock().expect("no panic").clone();
    assert_eq!(
        seen,
        HashMap::from([(0, "a".to_owned()), (1, "b".to_owned())])
    );
    assert_eq!(later.load(Ordering::Acquire), 2);
}

#[kmock::test]
async fn paths_hold_the_last_body_and_files_and_writers_all_of_them(k: KMock) {
    let (path, file) = (scratch("sink-path.txt"), scratch("sink-file.txt"));
    fs::write(&path, "it should be overwritten").expect("written");
    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let buffer = Buffer::default();
    k.on("/")
        .sink(path.as_path())
        .sink(fs::File::create(&file).expect("a file"))
        .sink(sink_to(buffer.clone()))
        .text("hello");
    k.post("/").body("hello, ").await;
    k.post("/").body("world").await;
    k.settled().await;
    assert_eq!(fs::read_to_string(&path).expect("read"), "world");
    assert_eq!(fs::read_to_string(&file).expect("read"), "hello, world");
    assert_eq!(*buffer.0.lock().expect("no panic"), b"hello, world");
    for path in [path, file] {
        fs::remove_file(path).expect("removed");
    }
}

#[kmock::test]
async fn a_slow_sink_does_not_hold_up_the_answer_and_keeps_the_order(k: KMock) {
    let (go, wait) = std_mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let seen: Arc<Mutex<Vec<u64>>> = Arc::default();
    let order = Arc::clone(&seen);
    k.on("/")
        .sink(sink_with(move |req| {
            wait.lock().expect("no panic").recv().ok();
            order.lock().expect("no panic").push(req.id());
        }))
        .text("hello");
    for _ in 0..5 {
        assert_eq!(k.get("/").await.text(), "hello");
    }
    assert!(seen.lock().expect("no panic").is_empty());
    drop(go);
    k.settled().await;
    assert_eq!(*seen.lock().expect("no panic"), [0, 1, 2, 3, 4]);
}

#[kmock::test]
async fn full_channels_and_locked_lists_get_it_later(k: KMock) {
    let (bounded, mut received) = mpsc::channel(1);
    let (sync, from_sync) = std_mpsc::sync_channel(1);
    let list: Arc<Mutex<Vec<Request>>> = Arc::default();
    k.on("/").sink(bounded).sink(sync).sink(&list).text("hello");
    {
        let held = list.lock().expect("no panic");
        let asked = k.get("/").send();
        assert_eq!(futures::FutureExt::now_or_never(asked).map(|_| ()), None);
        drop(held);
    }
    for _ in 0..3 {
        assert_eq!(k.get("/").await.text(), "hello");
    }
    let received: Vec<u64> = [
        received.recv().await.expect("one").id(),
        received.recv().await.expect("two").id(),
        received.recv().await.expect("three").id(),
    ]
    .into();
    let from_sync: Vec<u64> = from_sync.iter().take(3).map(|req| req.id()).collect();
    k.settled().await;
    assert_eq!(received, from_sync);
    assert!(received.is_sorted());
    assert!(list.lock().expect("no panic").len() >= 3);
}

#[kmock::test]
async fn a_condition_wakes_a_thread(k: KMock) {
    let condition = Arc::new(Condvar::new());
    k.on("/").sink(&condition).text("hello");
    let locked = Arc::new(Mutex::new(false));
    let waiting = {
        let (condition, locked) = (Arc::clone(&condition), Arc::clone(&locked));
        std::thread::spawn(move || {
            let mut ready = locked.lock().expect("no panic");
            *ready = true;
            let (_ready, timeout) = condition
                .wait_timeout(ready, Duration::from_secs(5))
                .expect("no panic");
            timeout.timed_out()
        })
    };
    // The lock is free again only when the thread waits.
    while !*locked.lock().expect("no panic") {
        tokio::task::yield_now().await;
    }
    k.get("/").await;
    assert!(!waiting.join().expect("no panic"));
}

#[kmock::test]
async fn what_fails_in_a_sink_is_recorded_and_the_answer_goes_out(k: KMock) {
    let (gone, _) = mpsc::unbounded_channel();
    k.on("/")
        .named("watched")
        .sink(gone)
        .sink(sink_with(|_| panic!("oh no")))
        .sink(try_sink_with(|_| Err("no space")))
        .sink(scratch("no-such-directory").join("x").as_path())
        .text("hello");
    assert_eq!(k.get("/").await.text(), "hello");
    k.settled().await;
    let errors = k.errors().join("\n");
    for part in [
        "rule `watched`: a sink: the receiver is gone",
        "a sink: panicked: oh no",
        "a sink: no space",
        "no-such-directory",
    ] {
        assert!(errors.contains(part), "{errors}");
    }
}

#[kmock::test]
async fn a_rule_with_sinks_only_is_a_spy(k: KMock) {
    let list: Arc<Mutex<Vec<Request>>> = Arc::default();
    let spy = k.on("get").sink(&list);
    k.on("/").text("root");
    assert_eq!(k.get("/").await.text(), "root");
    assert_eq!((spy.count(), list.lock().expect("no panic").len()), (1, 1));
}

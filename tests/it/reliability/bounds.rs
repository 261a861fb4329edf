//! What is left after thousands of servers, watches, clients and requests: nothing but what is meant to be kept.
//!
//! A usual run does a five-hundredth of it; `KMOCK_BOUNDS=500 cargo nextest run --release --test it -E 'test(bounds)' --no-capture` all, and
//! prints the figures of docs/reliability.md.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use kmock::{KMock, Stream};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// How much of it is done, in five-hundredths.
fn scale() -> usize {
    let said = std::env::var("KMOCK_BOUNDS").ok();
    said.and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Runs in a process of its own: other tests open files and take memory, too.
fn alone(name: &str, test: impl Future<Output = ()>) {
    if std::env::var_os("KMOCK_TEST_ALONE").is_none() {
        let mut alone = Command::new(std::env::current_exe().expect("this test"));
        let name = format!("reliability::bounds::{name}");
        alone.args(["--exact", &name, "--nocapture"]);
        alone.env("KMOCK_TEST_ALONE", "1");
        assert!(alone.status().expect("it runs").success());
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(test);
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Held {
    files: usize,
    tasks: usize,
}

fn held() -> Held {
    let tasks = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    let files = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    Held { files, tasks }
}

/// The memory of this process, in MiB; 0 where the system does not tell.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    (pages.unwrap_or(0) * 4096) >> 20
}

/// Waits until no more is held than before.
async fn back_to(before: Held, what: &str) {
    let since = Instant::now();
    loop {
        let now = held();
        // What there was before may have gone meanwhile.
        if now.files <= before.files && now.tasks <= before.tasks {
            return;
        }
        assert!(
            since.elapsed() < Duration::from_secs(60),
            "{what}: {now:?}, {before:?} before"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn told(what: &str, count: usize, before: usize, since: Instant) {
    let (after, took) = (memory(), since.elapsed());
    println!("{what}: {count} in {took:.1?}, {before} MiB before, {after} MiB after");
}

async fn connected(k: &KMock, head: &str) -> TcpStream {
    let mut socket = TcpStream::connect(k.address()).await.expect("connected");
    let request = format!("{head} HTTP/1.1\r\nhost: x\r\n\r\n");
    socket.write_all(request.as_bytes()).await.expect("written");
    socket
}

#[test]
fn servers_that_come_and_go() {
    alone("servers_that_come_and_go", async {
        let one = async || {
            let k = KMock::start().await;
            k.on("/").text("fine");
            k.get("/").await;
            k.get("/api/v1/namespaces").await;
        };
        for _ in 0..5 {
            one().await;
        }
        let (count, since, before, memory_before) =
            (20 * scale(), Instant::now(), held(), memory());
        for _ in 0..count {
            one().await;
        }
        back_to(before, "servers").await;
        told("servers", count, memory_before, since);
        assert!(
            memory() < memory_before + 32,
            "{memory_before} MiB, then {}",
            memory()
        );
    });
}

#[test]
fn watches_that_are_abandoned_and_streams_that_are_cut() {
    alone(
        "watches_that_are_abandoned_and_streams_that_are_cut",
        async {
            let k = KMock::builder().keep(100).start().await.expect("a server");
            k.on("/live").stream(Stream::new().item(b"x").live());
            for (what, head, count) in [
                (
                    "watches abandoned",
                    "GET /api/v1/configmaps?watch=1",
                    20 * scale(),
                ),
                ("clients cut in a stream", "GET /live", 2 * scale()),
            ] {
                drop(connected(&k, head).await);
                tokio::time::sleep(Duration::from_millis(50)).await;
                let (since, before, memory_before) = (Instant::now(), held(), memory());
                for _ in 0..count.div_ceil(100) {
                    let mut open = Vec::new();
                    for _ in 0..count.min(100) {
                        let mut socket = connected(&k, head).await;
                        let mut some = [0; 12];
                        socket.read_exact(&mut some).await.expect("a head");
                        open.push(socket);
                    }
                    k.objects().seed(
                        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}),
                    );
                }
                back_to(before, what).await;
                told(what, count, memory_before, since);
                assert!(
                    memory() < memory_before + 32,
                    "{memory_before} MiB, then {}",
                    memory()
                );
            }
        },
    );
}

#[test]
fn requests_with_bodies() {
    alone("requests_with_bodies", async {
        let k = KMock::builder().keep(1000).start().await.expect("a server");
        k.on("/").text("fine");
        let (count, since, memory_before) = (200 * scale(), Instant::now(), memory());
        for _ in 0..count {
            k.post("/").body(vec![b'x'; 10_000]).await;
        }
        told(
            "requests with 10 kB, of which 1,000 are kept",
            count,
            memory_before,
            since,
        );
        assert!(
            memory() < memory_before + 64,
            "{memory_before} MiB, then {}",
            memory()
        );
        assert_eq!(k.requests().len(), count.min(1000));
    });
}

#[test]
fn readers_that_say_nothing() {
    alone("readers_that_say_nothing", async {
        let k = KMock::builder()
            .history(1000)
            .start()
            .await
            .expect("a server");
        let mut silent = Vec::new();
        for _ in 0..50 {
            silent.push(connected(&k, "GET /api/v1/configmaps?watch=1").await);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let (count, since, memory_before) = (40 * scale(), Instant::now(), memory());
        let mut slowest = Duration::ZERO;
        for n in 0..count {
            let one = Instant::now();
            let data = json!({"n": n.to_string(), "text": "x".repeat(1000)});
            k.objects().seed(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data}));
            if n.is_multiple_of(20) {
                assert_eq!(
                    k.get("/api/v1/namespaces/default/configmaps/a")
                        .await
                        .status(),
                    200
                );
            }
            slowest = slowest.max(one.elapsed());
        }
        told(
            "changes before 50 watchers that read nothing",
            count,
            memory_before,
            since,
        );
        println!("the slowest change took {slowest:.1?}");
        // What the sockets take in, and 2,000 versions.
        assert!(
            memory() < memory_before + 128,
            "{memory_before} MiB, then {}",
            memory()
        );
        drop(silent);
    });
}

#[test]
fn objects() {
    alone("objects", async {
        let k = KMock::start().await;
        let (count, since, memory_before) = (100 * scale(), Instant::now(), memory());
        for n in 0..count {
            let labels = json!({"app": "bench", "shard": (n % 16).to_string()});
            let metadata = json!({"name": format!("object-{n}"), "labels": labels});
            let data = json!({"key": "value ".repeat(100)});
            let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data});
            k.post("/api/v1/namespaces/default/configmaps")
                .json(map)
                .await;
            k.forget();
        }
        told("objects of 1 kB", count, memory_before, since);
        let bytes = (memory().saturating_sub(memory_before) << 20) / count;
        println!("{bytes} bytes an object");
        assert!(count < 20_000 || bytes < 3000, "{bytes} bytes an object");
        let listed = Instant::now();
        let list = k.get("/api/v1/configmaps").await;
        println!(
            "a list of {} bytes in {:.1?}",
            list.text().len(),
            listed.elapsed()
        );
    });
}

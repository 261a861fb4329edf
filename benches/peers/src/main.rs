//! kmock beside its peers, in one process: how long a server takes to start and stop, how long a GET takes on a
//! connection that is kept, and how many of them four connections get through in a second, with 1 to 10,000 rules of
//! which the last one answers.
//!
//! `cargo run --release --manifest-path benches/peers/Cargo.toml` prints the tables of docs/performance.md.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

const SIZES: [usize; 4] = [1, 100, 1_000, 10_000];

/// A started server with so many rules; dropped, it stops.
struct Started {
    address: SocketAddr,
    _server: Box<dyn std::any::Any>,
}

struct Peer {
    name: &'static str,
    start: fn(usize) -> Started,
}

fn main() {
    let peers = [
        Peer {
            name: "axum alone",
            start: axum_alone,
        },
        Peer {
            name: "kmock",
            start: |rules| kmock(rules, true),
        },
        Peer {
            name: "kmock + Kubernetes",
            start: |rules| kmock(rules, false),
        },
        Peer {
            name: "wiremock",
            start: wiremock,
        },
        Peer {
            name: "httpmock",
            start: httpmock,
        },
        Peer {
            name: "mockito",
            start: mockito,
        },
        Peer {
            name: "httptest",
            start: httptest,
        },
    ];
    let only: Vec<String> = std::env::args().skip(1).collect();
    println!("| server | rules | start + stop | GET, median | × axum | GET/s, 4 connections |");
    println!("|---|---|---|---|---|---|");
    let mut base = [Duration::ZERO; SIZES.len()];
    for peer in &peers {
        if !only.is_empty() && !only.iter().any(|name| peer.name.starts_with(name.as_str())) {
            continue;
        }
        for (n, rules) in SIZES.into_iter().enumerate() {
            let start = (rules == 1).then(|| starting(peer));
            let server = (peer.start)(rules);
            // The rule that is asked last: httptest asks the newest first.
            let newest_first = peer.name == "httptest";
            let path = format!("/r/{}", if newest_first { 0 } else { rules - 1 });
            let latency = latency(server.address, &path);
            let rate = throughput(server.address, &path);
            if peer.name == "axum alone" {
                base[n] = latency;
            }
            let ratio = latency.as_secs_f64() / base[n].as_secs_f64();
            println!(
                "| {} | {rules} | {} | {:.1} µs | {} | {rate:.0} |",
                peer.name,
                start.map_or_else(String::new, |start| format!("{:.0} µs", micros(start))),
                micros(latency),
                if ratio.is_finite() {
                    format!("{ratio:.2}")
                } else {
                    "–".to_owned()
                },
            );
        }
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}

fn starting(peer: &Peer) -> Duration {
    let once = || {
        let began = Instant::now();
        drop((peer.start)(1));
        began.elapsed()
    };
    // Without the first ones: they load what all share.
    (0..5).for_each(|_| drop(once()));
    median((0..100).map(|_| once()).collect())
}

struct Client {
    address: SocketAddr,
    socket: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Client {
    fn new(address: SocketAddr, path: &str) -> Client {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n");
        Client::of(address, request.into_bytes())
    }

    fn of(address: SocketAddr, request: Vec<u8>) -> Client {
        let socket = TcpStream::connect(address).expect("connected");
        socket.set_nodelay(true).expect("set");
        Client {
            address,
            socket,
            request,
            buffer: vec![0; 64 << 10],
        }
    }

    fn get(&mut self) {
        self.socket.write_all(&self.request).expect("written");
        let mut length = 0;
        loop {
            let read = self.socket.read(&mut self.buffer[length..]).unwrap_or(0);
            if read == 0 {
                // Some close the connection: it counts that another one is needed.
                *self = Client::of(self.address, std::mem::take(&mut self.request));
                return self.get();
            }
            length += read;
            let got = &self.buffer[..length];
            if let Some(head) = got.windows(4).position(|four| four == b"\r\n\r\n") {
                assert!(
                    got.starts_with(b"HTTP/1.1 200"),
                    "{}",
                    String::from_utf8_lossy(got)
                );
                if got.ends_with(b"ok") && length > head + 4 {
                    return;
                }
            }
        }
    }
}

fn latency(address: SocketAddr, path: &str) -> Duration {
    let mut client = Client::new(address, path);
    let mut all = Vec::new();
    let until = Instant::now() + Duration::from_millis(1500);
    for _ in 0..50 {
        client.get();
    }
    while all.len() < 20 || (all.len() < 20_000 && Instant::now() < until) {
        let began = Instant::now();
        client.get();
        all.push(began.elapsed());
    }
    median(all)
}

fn throughput(address: SocketAddr, path: &str) -> f64 {
    let (count, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = Client::new(address, path);
                while !stop.load(Ordering::Relaxed) {
                    client.get();
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        std::thread::sleep(Duration::from_secs(1));
        stop.store(true, Ordering::Relaxed);
    });
    count.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64()
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

/// The floor: a router on a thread of its own, with what a mock server needs at least.
fn axum_alone(rules: usize) -> Started {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("set");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    struct Thread(
        Option<std::thread::JoinHandle<()>>,
        Option<std::sync::mpsc::Sender<()>>,
        std::sync::Arc<tokio::sync::Notify>,
    );
    impl Drop for Thread {
        fn drop(&mut self) {
            self.1.take();
            self.2.notify_one();
            let _ = self.0.take().map(std::thread::JoinHandle::join);
        }
    }
    let ends = std::sync::Arc::new(tokio::sync::Notify::new());
    let ended = std::sync::Arc::clone(&ends);
    let thread = std::thread::spawn(move || {
        runtime().block_on(async move {
            let _stopped = stopped;
            use axum::serve::ListenerExt;
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
            let mut router = axum::Router::new();
            for n in 0..rules {
                router = router.route(&format!("/r/{n}"), axum::routing::get(|| async { "ok" }));
            }
            let serving = tokio::spawn(axum::serve(listener, router).into_future());
            ended.notified().await;
            serving.abort();
        });
    });
    Started {
        address,
        _server: Box::new(Thread(Some(thread), Some(stop), ends)),
    }
}

fn kmock(rules: usize, raw: bool) -> Started {
    let server = kmock_runtime::KMock::builder()
        .raw(raw)
        .start_blocking()
        .expect("a server");
    server.mount(kmock_runtime::Rules::from_iter(
        (0..rules).map(|n| kmock_runtime::Rule::on(format!("get /r/{n}")).text("ok")),
    ));
    Started {
        address: server.address(),
        _server: Box::new(server),
    }
}

fn wiremock(rules: usize) -> Started {
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers};
    let runtime = runtime();
    let server = runtime.block_on(async {
        // With its record of requests, which is on by default here as there.
        let server = MockServer::builder().start().await;
        for n in 0..rules {
            Mock::given(matchers::method("GET"))
                .and(matchers::path(format!("/r/{n}")))
                .respond_with(ResponseTemplate::new(200).set_body_string("ok"))
                .mount(&server)
                .await;
        }
        server
    });
    Started {
        address: *server.address(),
        _server: Box::new((server, runtime)),
    }
}

fn httpmock(rules: usize) -> Started {
    let server = httpmock::MockServer::start();
    for n in 0..rules {
        server.mock(|when, then| {
            when.method("GET").path(format!("/r/{n}"));
            then.status(200).body("ok");
        });
    }
    Started {
        address: *server.address(),
        _server: Box::new(server),
    }
}

fn mockito(rules: usize) -> Started {
    let mut server = mockito::Server::new_with_opts(mockito::ServerOpts::default());
    let mocks: Vec<_> = (0..rules)
        .map(|n| {
            server
                .mock("GET", format!("/r/{n}").as_str())
                .with_body("ok")
                .create()
        })
        .collect();
    let address = server.socket_address();
    Started {
        address,
        _server: Box::new((mocks, server)),
    }
}

fn httptest(rules: usize) -> Started {
    use httptest::{Expectation, Server, matchers::request, responders::status_code};
    let server = Server::run();
    for n in 0..rules {
        server.expect(
            Expectation::matching(request::method_path("GET", format!("/r/{n}")))
                .times(0..)
                .respond_with(status_code(200).body("ok")),
        );
    }
    Started {
        address: server.addr(),
        _server: Box::new(server),
    }
}

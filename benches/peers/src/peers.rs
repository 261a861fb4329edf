//! The servers that are compared, each with so many rules for `GET /r/{n}` that answer `ok`, with the same head.

use std::net::SocketAddr;

/// A started server; dropped, it stops.
pub(crate) struct Started {
    pub(crate) address: SocketAddr,
    _server: Box<dyn std::any::Any>,
}

/// What axum and kmock say of a text by themselves.
const TEXT: &str = "text/plain; charset=utf-8";

pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) start: fn(usize) -> Started,
    /// Asks its newest rule first; the others ask the oldest first.
    newest_first: bool,
}

impl Peer {
    /// The path of the rule that is asked last.
    pub(crate) fn last_path(&self, rules: usize) -> String {
        format!("/r/{}", if self.newest_first { 0 } else { rules - 1 })
    }
}

/// All of them. The first is what the others are compared with.
pub(crate) fn peers() -> Vec<Peer> {
    let peer = |name, start| Peer {
        name,
        start,
        newest_first: false,
    };
    vec![
        peer("axum alone", axum_alone),
        peer("kmock, raw", |rules| kmock(rules, true)),
        #[cfg(feature = "kubernetes")]
        peer("kmock with its Kubernetes API", |rules| kmock(rules, false)),
        peer("wiremock", wiremock),
        peer("httpmock", httpmock),
        peer("mockito", mockito),
        Peer {
            newest_first: true,
            ..peer("httptest", httptest)
        },
    ]
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
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

pub(crate) async fn kmock_here(raw: bool) -> kmock_runtime::KMock {
    let builder = kmock_runtime::KMock::builder().raw(raw);
    builder.start().await.expect("a server")
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
                .respond_with(ResponseTemplate::new(200).set_body_raw("ok", TEXT))
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
            then.status(200).header("content-type", TEXT).body("ok");
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
                .with_header("content-type", TEXT)
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
                .respond_with(status_code(200).insert_header("content-type", TEXT).body("ok")),
        );
    }
    Started {
        address: server.addr(),
        _server: Box::new(server),
    }
}

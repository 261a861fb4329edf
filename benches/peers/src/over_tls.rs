//! HTTPS: kmock beside a bare axum behind rustls, and beside httpmock; and what it costs to pass requests on, and to keep what
//! comes back.
//!
//! `cargo run --release --manifest-path benches/peers/Cargo.toml --features tls --bin over_tls` prints the tables of
//! docs/performance.md. As in the other program, servers take short turns in changing order, ratios are taken turn by turn, and of
//! all turns the median counts. The client is a blocking socket with rustls on it, the same for all; it believes any certificate,
//! and begins no handshake where another has ended (no resumption).

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::serve::Listener;
use kmock_runtime::{KMock, Rule};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, ServerConfig, SignatureScheme,
    StreamOwned,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
};
use tokio_rustls::TlsAcceptor;

mod numbers;
use numbers::{median, middle};

const TURNS: usize = 100;
const REQUESTS: usize = 200;
const HANDSHAKES: usize = 10;

fn main() {
    let secured = [
        Server::new("axum and rustls", axum_over_tls(), true),
        Server::new("kmock", kmock(true), true),
        Server::new("httpmock", httpmock(), true),
    ];
    println!("\nHTTPS, and how many times that of axum and rustls it is:\n");
    println!("| server | a GET | a handshake and a GET |\n|---|---|---|");
    table(&secured, true);

    let upstream = kmock(false);
    let url = format!("http://{}", upstream.address);
    let passing = |rule: Rule| {
        let (k, started) = kmock_with(false);
        k.mount(rule);
        started
    };
    let plain = [
        Server::new("kmock, a text", kmock(false), false),
        Server::new("`proxy`", passing(Rule::on("get /").proxy(&url)), false),
        Server::new("`record`", passing(Rule::on("get /").record(&url)), false),
    ];
    println!("\nA GET that is passed on to another kmock, and how many times that of an answer of its own it is:\n");
    println!("| rule | a GET |\n|---|---|");
    table(&plain, false);
}

/// A row for each server.
fn table(servers: &[Server], handshakes: bool) {
    let mut kept: Vec<Client> = servers.iter().map(Server::connect).collect();
    let mut samples = vec![(Vec::new(), Vec::new(), Vec::new(), Vec::new()); servers.len()];
    for turn in 0..TURNS {
        let mut times = vec![(Duration::ZERO, Duration::ZERO); servers.len()];
        for n in 0..servers.len() {
            // Each turn begins with another server, and every second one goes backwards.
            let at = match turn % 2 {
                0 => (n + turn / 2) % servers.len(),
                _ => (2 * servers.len() - 1 - n + turn / 2) % servers.len(),
            };
            times[at].0 = of_many(REQUESTS, || kept[at].get());
            if handshakes {
                times[at].1 = of_many(HANDSHAKES, || servers[at].connect().get());
            }
        }
        let first = times[0];
        for (samples, times) in samples.iter_mut().zip(times) {
            samples.0.push(times.0);
            samples.1.push(ratio(times.0, first.0));
            samples.2.push(times.1);
            samples.3.push(ratio(times.1, first.1));
        }
    }
    for (server, (gets, get_ratios, shakes, shake_ratios)) in servers.iter().zip(samples) {
        let get = format!("{} ({:.2})", micros(median(gets)), middle(get_ratios));
        match handshakes {
            true => println!(
                "| {} | {get} | {} ({:.2}) |",
                server.name,
                micros(median(shakes)),
                middle(shake_ratios)
            ),
            false => println!("| {} | {get} |", server.name),
        }
    }
}

fn of_many(count: usize, mut once: impl FnMut()) -> Duration {
    let timed = (0..count).map(|_| {
        let began = Instant::now();
        once();
        began.elapsed()
    });
    median(timed.collect())
}

fn ratio(time: Duration, first: Duration) -> f64 {
    time.as_secs_f64() / first.as_secs_f64().max(f64::MIN_POSITIVE)
}

fn micros(time: Duration) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6)
}

// ---- servers ----

/// A started server; dropped, it stops.
struct Started {
    address: SocketAddr,
    _server: Box<dyn std::any::Any>,
}

struct Server {
    name: &'static str,
    started: Started,
    config: Option<Arc<ClientConfig>>,
}

impl Server {
    fn new(name: &'static str, started: Started, tls: bool) -> Server {
        let config = tls.then(|| Arc::new(client_config()));
        Server {
            name,
            started,
            config,
        }
    }

    fn connect(&self) -> Client {
        Client::new(self.started.address, self.config.clone())
    }
}

fn kmock(tls: bool) -> Started {
    let (k, started) = kmock_with(tls);
    k.on("get /").text("ok");
    started
}

fn kmock_with(tls: bool) -> (KMock, Started) {
    let mut builder = KMock::builder().raw(true);
    if tls {
        builder = builder.tls();
    }
    let k = builder.start_blocking().expect("a server");
    let started = Started {
        address: k.address(),
        _server: Box::new(k.clone()),
    };
    (k, started)
}

fn httpmock() -> Started {
    let server = httpmock::MockServer::start();
    server.mock(|when, then| {
        when.method("GET").path("/");
        then.status(200)
            .header("content-type", "text/plain; charset=utf-8")
            .body("ok");
    });
    Started {
        address: *server.address(),
        _server: Box::new(server),
    }
}

/// The floor: axum on a thread of its own, behind tokio-rustls.
fn axum_over_tls() -> Started {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("set");
    let address = listener.local_addr().expect("an address");
    let ends = Arc::new(tokio::sync::Notify::new());
    struct Thread(
        Option<std::thread::JoinHandle<()>>,
        Arc<tokio::sync::Notify>,
    );
    impl Drop for Thread {
        fn drop(&mut self) {
            self.1.notify_one();
            let _ = self.0.take().map(std::thread::JoinHandle::join);
        }
    }
    let ended = Arc::clone(&ends);
    let thread = std::thread::spawn(move || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = Secured {
                listener: tokio::net::TcpListener::from_std(listener).expect("a listener"),
                acceptor: TlsAcceptor::from(Arc::new(server_config())),
            };
            let router = axum::Router::new().route("/", axum::routing::get(|| async { "ok" }));
            let serving = tokio::spawn(axum::serve(listener, router).into_future());
            ended.notified().await;
            serving.abort();
        });
    });
    Started {
        address,
        _server: Box::new(Thread(Some(thread), ends)),
    }
}

struct Secured {
    listener: tokio::net::TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Secured {
    type Io = tokio_rustls::server::TlsStream<tokio::net::TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            if let Ok((socket, address)) = self.listener.accept().await
                && socket.set_nodelay(true).is_ok()
                && let Ok(secured) = self.acceptor.accept(socket).await
            {
                return (secured, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn server_config() -> ServerConfig {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a configuration")
}

// ---- the client ----

fn client_config() -> ClientConfig {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Believes(provider())))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config
}

trait Socket: Read + Write {}

impl<T: Read + Write> Socket for T {}

struct Client {
    socket: Box<dyn Socket>,
    buffer: Vec<u8>,
}

impl Client {
    fn new(address: SocketAddr, config: Option<Arc<ClientConfig>>) -> Client {
        let socket = TcpStream::connect(address).expect("connected");
        socket.set_nodelay(true).expect("set");
        let socket: Box<dyn Socket> = match config {
            Some(config) => {
                let name = ServerName::try_from("localhost").expect("a name");
                let client = ClientConnection::new(config, name).expect("a client");
                Box::new(StreamOwned::new(client, socket))
            }
            None => Box::new(socket),
        };
        let buffer = vec![0; 16 << 10];
        Client { socket, buffer }
    }

    /// One request and its answer, which must be 200 with the body that is expected.
    fn get(&mut self) {
        let request = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
        self.socket.write_all(request).expect("written");
        let mut length = 0;
        loop {
            let read = self.socket.read(&mut self.buffer[length..]).expect("an answer");
            assert!(read > 0, "the connection ended");
            length += read;
            let got = &self.buffer[..length];
            if let Some(head) = got.windows(4).position(|four| four == b"\r\n\r\n")
                && length > head + 4
                && got.trim_ascii_end().ends_with(b"ok")
            {
                assert!(got.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(got));
                return;
            }
        }
    }
}

/// Whoever it is: what is measured is not the check of a chain.
#[derive(Debug)]
struct Believes(Arc<CryptoProvider>);

impl ServerCertVerifier for Believes {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

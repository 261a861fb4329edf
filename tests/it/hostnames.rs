//! Hostnames that lead to the server: by a resolver, by a connector, through a proxy, and by the embedded client.

use http_body_util::{BodyExt, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use kmock::{Fault, Filter, KMock};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Says who was asked for.
fn tell_hosts(k: &KMock) {
    k.on(Filter::any())
        .reply_with(|req| req.host().unwrap_or_default().to_owned());
}

#[kmock::test(raw, hostnames = ["example.com", ~r".*\.local"])]
async fn reqwest_finds_the_server_by_a_resolver(k: KMock) {
    tell_hosts(&k);
    let client = reqwest::Client::builder()
        .no_proxy()
        .dns_resolver(k.resolver())
        .build()
        .expect("a client");
    for host in ["example.com", "db.local"] {
        let response = client
            .get(format!("http://{host}/x"))
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.text().await.expect("a text"), format!("{host:?}"));
    }
    assert!(client.get("http://nowhere.invalid/").send().await.is_err());
    assert_eq!(k.requests().len(), 2);
}

#[kmock::test(raw, hostnames = ["example.com:8080", "*.local"])]
async fn hyper_clients_find_the_server_by_a_connector(k: KMock, other: KMock) {
    tell_hosts(&k);
    other.on("/").text("other");
    let client: Client<_, Empty<axum::body::Bytes>> =
        Client::builder(TokioExecutor::new()).build(k.connector());
    let get = async |url: &str| {
        let response = client.get(url.parse().expect("a URL")).await?;
        let body = response
            .into_body()
            .collect()
            .await
            .expect("a body")
            .to_bytes();
        Ok::<_, hyper_util::client::legacy::Error>(String::from_utf8_lossy(&body).into_owned())
    };
    assert_eq!(
        get("http://example.com:8080/").await.expect("an answer"),
        "\"example.com\""
    );
    assert_eq!(
        get("http://a.local/").await.expect("an answer"),
        "\"a.local\""
    );
    assert_eq!(get(&other.url()).await.expect("an answer"), "other");
    assert!(get("https://a.local/").await.is_err());
}

#[kmock::test(raw, hostnames = ["example.com"])]
async fn any_client_finds_the_server_through_a_proxy(k: KMock) {
    let real = KMock::builder().raw(true).start().await.expect("a server");
    tell_hosts(&k);
    real.on("/real").text("the real one");
    let proxy = reqwest::Proxy::http(k.proxy_url()).expect("a proxy");
    let client = reqwest::Client::builder()
        .proxy(proxy)
        .build()
        .expect("a client");
    let ours = client
        .get("http://example.com/x?y=1")
        .send()
        .await
        .expect("an answer");
    assert_eq!(ours.text().await.expect("a text"), "\"example.com\"");
    assert_eq!(k.requests()[0].target(), "/x?y=1");
    let url = format!("{}/real", real.url());
    let theirs = client.get(url).send().await.expect("an answer");
    assert_eq!(theirs.text().await.expect("a text"), "the real one");
    assert_eq!(real.requests().len(), 1);
    let last = k.requests().last().expect("it came through").outcome();
    assert_eq!(
        last.answered_by.to_string(),
        format!("forwarded to {}", real.url())
    );
}

#[kmock::test(raw, hostnames = ["example.com"])]
async fn tunnels_of_plain_http_lead_to_the_server(k: KMock) {
    let real = KMock::builder().raw(true).start().await.expect("a server");
    real.on("/").text("the real one");
    tell_hosts(&k);
    for (authority, want) in [
        ("example.com:80".to_owned(), "\"example.com\""),
        (real.address().to_string(), "the real one"),
    ] {
        let mut socket = TcpStream::connect(k.address()).await.expect("connected");
        let connect = format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n\r\n");
        socket.write_all(connect.as_bytes()).await.expect("written");
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\n") {
            assert_ne!(socket.read_buf(&mut read).await.expect("read"), 0);
        }
        assert!(
            read.starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&read)
        );
        let get = "GET / HTTP/1.1\r\nhost: example.com\r\nconnection: close\r\n\r\n";
        socket.write_all(get.as_bytes()).await.expect("written");
        let mut text = String::new();
        socket.read_to_string(&mut text).await.expect("read");
        assert!(text.ends_with(want), "{text}");
    }
    assert_eq!(k.requests().len(), 1);
    assert!(k.errors().is_empty());
}

#[kmock::test(raw, hostnames = ["google.com"])]
async fn the_embedded_client_takes_whole_urls(k: KMock, other: KMock) {
    k.on(Filter::host("google.com"))
        .text("Hello! I am not Google.");
    other.on("/x").text("other");
    let response = k.get("http://google.com/?q=search").await;
    assert_eq!(response.text(), "Hello! I am not Google.");
    assert_eq!(k.requests()[0].query("q"), Some("search"));
    assert_eq!(k.get(format!("{}/x", other.url())).await.text(), "other");
    assert!(k.get("https://google.com/").send().await.is_err());
}

#[tokio::test]
async fn what_is_no_hostname_is_refused_at_once() {
    let refused = std::panic::catch_unwind(|| KMock::builder().hostnames(["http://a/b"]));
    assert!(refused.is_err());
}

#[kmock::test(raw, hostnames = ["example.com"])]
async fn faults_break_tunnels_too(k: KMock) {
    k.on("/reset").fault(Fault::reset());
    k.on("/cut").text("0123456789").fault(Fault::truncate(4));
    k.on("/head").text("x").fault(Fault::close().in_head(8));
    for (path, want, reset) in [
        ("/reset", "", true),
        ("/cut", "\r\n\r\n0123", false),
        ("/head", "HTTP/1.1", false),
    ] {
        let mut socket = TcpStream::connect(k.address()).await.expect("connected");
        let connect = b"CONNECT example.com:80 HTTP/1.1\r\nhost: example.com:80\r\n\r\n";
        socket.write_all(connect).await.expect("written");
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\n") {
            assert_ne!(socket.read_buf(&mut read).await.expect("read"), 0);
        }
        let get = format!("GET {path} HTTP/1.1\r\nhost: example.com\r\n\r\n");
        socket.write_all(get.as_bytes()).await.expect("written");
        let mut text = Vec::new();
        let end = socket.read_to_end(&mut text).await;
        let text = String::from_utf8_lossy(&text);
        assert!(text.ends_with(want), "{path}: {text:?}");
        assert_eq!(end.is_err(), reset, "{path}: {end:?}");
    }
}

#[kmock::test(raw, hostnames = ["example.com", "x.org:8080", "10.20.30.40"])]
async fn clients_that_are_made_here_find_every_port_and_address(k: KMock) {
    tell_hosts(&k);
    let client = k.reqwest().build().expect("a client");
    for (url, host) in [
        ("http://example.com/", "example.com"),
        ("http://example.com:81/", "example.com"),
        ("http://x.org:8080/", "x.org"),
        ("http://10.20.30.40/", "10.20.30.40"),
        ("http://10.20.30.40:9/", "10.20.30.40"),
    ] {
        let answer = client.get(url).send().await.expect(url);
        assert_eq!(
            answer.text().await.expect("a text"),
            format!("{host:?}"),
            "{url}"
        );
    }
    let own = client.get(k.url()).send().await.expect("the server itself");
    assert_eq!(own.status(), 200);
    // Other ports of a name that has one are somebody else's.
    assert!(client.get("http://x.org:1/").send().await.is_err());
}

#[kmock::test(raw, hostnames = ["x.org:8080"])]
async fn a_resolver_says_that_it_knows_no_ports(k: KMock) {
    let client = reqwest::Client::builder()
        .no_proxy()
        .dns_resolver(k.resolver())
        .build()
        .expect("a client");
    for url in ["http://x.org:8080/", "http://x.org/"] {
        let error = client.get(url).send().await.expect_err("not led there");
        let mut text = String::new();
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(one) = cause {
            text += &one.to_string();
            cause = one.source();
        }
        assert!(
            text.contains("a resolver cannot lead to x.org:8080"),
            "{text}"
        );
        assert!(text.contains("k.reqwest()"), "{text}");
    }
    assert!(k.requests().is_empty());
}

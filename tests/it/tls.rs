//! HTTPS: who trusts whom, what is known of a connection, and what is said where the two sides do not meet.

use std::sync::Arc;

use http_body_util::{BodyExt, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use kmock::{
    prelude::*,
    tls::{Authority, Tls, Version},
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[kmock::test(raw, tls)]
async fn the_embedded_client_and_reqwest_speak_https(k: KMock) {
    kmock! { k, GET "/" => |req| format!("{} {:?}", req.scheme(), req.tls_version()); }
    assert!(k.url().starts_with("https://127.0.0.1:"), "{}", k.url());
    assert_eq!(k.get("/").await.json(), "https Some(V1_3)");
    let client = k.reqwest().build().expect("a client");
    let response = client.get(k.url()).send().await.expect("an answer");
    assert_eq!(
        response.text().await.expect("a text"),
        "\"https Some(V1_3)\""
    );
    // A client that was told nothing does not trust it, and the report says why.
    let stranger = reqwest::Client::builder()
        .tls_backend_preconfigured(strange_config())
        .build()
        .expect("a client");
    assert!(stranger.get(k.url()).send().await.is_err());
    let errors = errors(&k).await;
    assert!(
        errors.contains("does not trust the certificate"),
        "{errors}"
    );
}

/// What went wrong, as soon as something has.
async fn errors(k: &KMock) -> String {
    while k.errors().is_empty() {
        tokio::task::yield_now().await;
    }
    k.errors().join("\n")
}

/// A client that trusts another authority.
fn strange_config() -> rustls::ClientConfig {
    let other = Authority::new().expect("an authority");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(other.der().to_vec().into()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

#[kmock::test(raw, tls, hostnames = ["example.com", "*.local"])]
async fn certificates_are_for_whatever_host_is_asked_for(k: KMock) {
    kmock! { k, ANY => |req| req.server_name().unwrap_or("none").to_owned(); }
    let client = k.reqwest().build().expect("a client");
    for host in ["example.com", "a.b.local"] {
        let response = client.get(format!("https://{host}/")).send().await;
        let text = response.expect("an answer").text().await.expect("a text");
        assert_eq!(text, format!("{host:?}"));
        assert_eq!(k.get(format!("https://{host}/")).await.json(), host);
    }
    assert_eq!(k.get("/").await.json(), "none");
    let hyper: Client<_, Empty<axum::body::Bytes>> =
        Client::builder(TokioExecutor::new()).build(k.connector());
    for url in ["https://example.com/".to_owned(), k.url()] {
        let response = hyper.get(url.parse().expect("a URL")).await;
        let body = response.expect("an answer").into_body().collect().await;
        assert!(!body.expect("a body").to_bytes().is_empty());
    }
}

#[kmock::test(raw, tls)]
async fn clients_are_known_by_their_certificates(k: KMock) {
    kmock! { k,
        GET "/" client_cert "cn=alice,o=dev*" => |req| {
            let certificate = req.client_cert()?;
            Some(format!("{} {:?} {}", certificate.common_name(), certificate.organizations(), certificate.is_trusted()))
        };
        GET "/" client_cert _ => 403;
        GET "/" client_cert ! => 401;
    }
    let as_client = async |identity: Option<&kmock::tls::ClientIdentity>| {
        let config = match identity {
            Some(identity) => k.rustls_as(identity),
            None => k.rustls(),
        };
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .build()
            .expect("a client");
        let response = client.get(k.url()).send().await.expect("an answer");
        (
            response.status().as_u16(),
            response.text().await.expect("a text"),
        )
    };
    let alice = k.client_identity("cn=alice,o=developers");
    assert_eq!(
        as_client(Some(&alice)).await,
        (200, r#""alice [\"developers\"] true""#.to_owned())
    );
    let bob = k.client_identity("cn=bob,o=developers");
    assert_eq!(as_client(Some(&bob)).await.0, 403);
    assert_eq!(as_client(None).await.0, 401);
    // One of another authority is known, and not trusted.
    let other = Authority::new().expect("an authority");
    let stranger = other
        .client_identity("cn=alice,o=developers")
        .expect("a client");
    assert!(as_client(Some(&stranger)).await.1.ends_with("false\""));
    let refused = k.post("/").await.text();
    assert!(refused.contains("client_cert"), "{refused}");
}

/// A request for a certificate is approved and signed, and the certificate lets its user in.
#[kmock::test(tls, cluster)]
async fn certificates_that_are_asked_for_are_signed(k: KMock) {
    use base64::Engine;
    const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    let base64 = base64::prelude::BASE64_STANDARD;
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    for (kind, value) in [
        (rcgen::DnType::OrganizationName, "devs"),
        (rcgen::DnType::CommonName, "jane"),
    ] {
        params.distinguished_name.push(kind, value);
    }
    let request = params
        .serialize_request(&key)
        .expect("a request")
        .pem()
        .expect("a text");
    let body = json!({
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": "jane"},
        "spec": {
            "signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"],
            "request": base64.encode(request), "expirationSeconds": 3600,
        },
    });
    assert_eq!(k.post(REQUESTS).json(&body).await.status(), 201);
    let approved = json!({"status": {"conditions": [{"type": "Approved", "status": "True", "reason": "Test"}]}});
    let approval = k
        .patch(format!("{REQUESTS}/jane/approval"))
        .header("content-type", "application/merge-patch+json")
        .body(approved.to_string())
        .await;
    assert_eq!(approval.status(), 200);
    k.settle().await;
    let signed = k
        .objects()
        .get("certificatesigningrequests", "jane")
        .expect("it is there");
    let certificate = signed["status"]["certificate"]
        .as_str()
        .expect("a certificate");
    let certificate = base64.decode(certificate).expect("base64");
    let certificate = String::from_utf8(certificate).expect("PEM");
    let mut roots = rustls::RootCertStore::empty();
    let read = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
    roots.add(read(&k.ca_pem())).expect("an authority");
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("versions").with_root_certificates(roots);
    let config = config
        .with_client_auth_cert(vec![read(&certificate)], key)
        .expect("they fit");
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .build()
        .expect("a client");
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let answer = client
        .post(format!("{}{path}", k.url()))
        .header("content-type", "application/json")
        .body(review.to_string());
    let answer = answer
        .send()
        .await
        .expect("an answer")
        .text()
        .await
        .expect("a text");
    assert!(
        answer.contains("\"username\":\"jane\",\"groups\":[\"devs\",\"system:authenticated\"]"),
        "{answer}"
    );
}

#[kmock::test(raw, tls = Tls::new().client_required())]
async fn a_certificate_may_be_required(k: KMock) {
    kmock! { k, GET "/" => 200; }
    let error = k.get("/").send().await.expect_err("no certificate");
    assert!(
        error.to_string().to_lowercase().contains("certificate"),
        "{error}"
    );
    let alice = k.client_identity("cn=alice");
    assert_eq!(k.get("/").identity(&alice).await.status(), 200);
}

#[kmock::test(raw, tls)]
async fn plain_http_to_a_port_of_tls_is_explained(k: KMock) {
    let url = format!("http://{}/users", k.address());
    let response = k.get(&url).await;
    assert_eq!(response.status(), 400);
    let text = response.text();
    assert!(
        text.contains(&format!("this server speaks HTTPS: use {}", k.url())),
        "{text}"
    );
    let errors = k.errors().join("\n");
    assert!(
        errors.contains("plain HTTP came to a port of TLS") && errors.contains("GET /users"),
        "{errors}"
    );
}

#[kmock::test(raw, tls = Tls::new().and_plain())]
async fn one_port_may_serve_both(k: KMock) {
    kmock! { k, GET "/" => |req| req.scheme(); }
    assert_eq!(k.get("/").await.json(), "https");
    let plain = format!("http://{}/", k.address());
    assert_eq!(k.get(&plain).await.json(), "http");
    assert_eq!(k.proxy_url(), format!("http://{}", k.address()));
    assert!(k.errors().is_empty(), "{:?}", k.errors());
}

#[kmock::test(raw, tls = Tls::new().only(Version::V1_2))]
async fn a_version_may_be_the_only_one(k: KMock) {
    kmock! { k, GET "/" => |req| req.tls_version().map(|version| version.to_string()); }
    assert_eq!(k.get("/").await.json(), "1.2");
}

#[kmock::test(raw, tls)]
async fn http2_is_agreed_on_in_the_handshake(k: KMock) {
    kmock! { k, GET "/" => |req| format!("{:?} {:?}", req.version(), req.alpn()); }
    let mut config = k.rustls();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .build()
        .expect("a client");
    let response = client.get(k.url()).send().await.expect("an answer");
    assert_eq!(response.version(), reqwest::Version::HTTP_2);
    let text = response.text().await.expect("a text");
    assert_eq!(text, r#""HTTP/2.0 Some(\"h2\")""#);
}

/// The proxy itself is plain, as most are; what goes through it is not.
#[kmock::test(raw, hostnames = ["api.example.com"])]
async fn tunnels_to_its_hosts_are_opened(k: KMock) {
    kmock! { k,
        GET "/x" host "api.example.com" => |req| format!("{} {:?}", req.scheme(), req.server_name());
        GET "/broken" => reset;
    }
    let client = reqwest::Client::builder()
        .proxy(reqwest::Proxy::all(k.proxy_url()).expect("a proxy"))
        .tls_backend_preconfigured(k.rustls())
        .build()
        .expect("a client");
    let response = client.get("https://api.example.com/x").send().await;
    let text = response.expect("an answer").text().await.expect("a text");
    assert_eq!(text, r#""https Some(\"api.example.com\")""#);
    assert!(
        client
            .get("https://api.example.com/broken")
            .send()
            .await
            .is_err()
    );
    assert!(k.errors().is_empty(), "{:?}", k.errors());
}

#[kmock::test(raw, tls)]
async fn faults_break_what_is_inside_of_tls(k: KMock) {
    kmock! { k,
        GET "/reset" => reset;
        GET "/close" => close;
        GET "/cut" => b"0123456789", truncate 4;
        GET "/head" => b"0123456789", close in head 12;
    }
    let raw = async |path: &str| {
        let connector = tokio_rustls::TlsConnector::from(Arc::new(k.rustls()));
        let stream = TcpStream::connect(k.address()).await.expect("a connection");
        let name = ServerName::try_from("127.0.0.1").expect("a name");
        let mut stream = connector.connect(name, stream).await.expect("a handshake");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("written");
        let mut all = Vec::new();
        let ended = stream.read_to_end(&mut all).await;
        (
            String::from_utf8_lossy(&all).into_owned(),
            ended.err().map(|error| error.kind()),
        )
    };
    assert_eq!(
        raw("/reset").await,
        (String::new(), Some(std::io::ErrorKind::ConnectionReset))
    );
    // An orderly end of TLS says so (close_notify); without it, this would be an error.
    assert_eq!(raw("/close").await, (String::new(), None));
    assert!(raw("/cut").await.0.ends_with("\r\n\r\n0123"));
    assert_eq!(raw("/head").await, ("HTTP/1.1 200".to_owned(), None));
}

#[test]
fn an_authority_may_be_given_by_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, "nothing").expect("written");
    let error = KMock::builder()
        .tls_with(Tls::new().ca(&path))
        .start_blocking();
    let error = error.expect_err("no authority").to_string();
    assert!(
        error.contains("has no private key") && error.contains("ca-key.pem"),
        "{error}"
    );
    let authority = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&authority).expect("a certificate");
    std::fs::write(&path, certificate.pem()).expect("written");
    let key = folder.path().join("ca-key.pem");
    std::fs::write(key, authority.serialize_pem()).expect("written");
    let k = KMock::builder()
        .raw(true)
        .tls_with(Tls::new().ca(&path))
        .start_blocking();
    let k = k.expect("a server");
    assert_eq!(
        k.ca_pem().trim(),
        certificate.pem().trim().replace("\r\n", "\n")
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let answered = runtime.expect("a runtime").block_on(k.get("/").send());
    assert_eq!(answered.expect("an answer").status(), 404);
}

#[kmock::test(raw, tls)]
async fn websockets_are_secure_too(k: KMock) {
    kmock! { k, "/feed" => websocket [ text "hello" ]; }
    let connector = tokio_rustls::TlsConnector::from(Arc::new(k.rustls()));
    let stream = TcpStream::connect(k.address()).await.expect("a connection");
    let name = ServerName::try_from("127.0.0.1").expect("a name");
    let stream = connector.connect(name, stream).await.expect("a handshake");
    let url = format!("wss://{}/feed", k.address());
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream)
        .await
        .expect("a socket");
    let message = futures::StreamExt::next(&mut socket).await;
    assert_eq!(
        message
            .expect("a message")
            .expect("a text")
            .to_text()
            .expect("text"),
        "hello"
    );
}

#[kmock::test(raw)]
async fn requests_are_passed_on_to_https(k: KMock) {
    let real = KMock::builder()
        .raw(true)
        .tls()
        .start()
        .await
        .expect("a server");
    real.on("get /users/7").json(["john"]);
    k.on(Filter::any()).proxy(real.url());
    assert_eq!(k.get("/users/7").await.json(), json!(["john"]));
    // Its certificate is for this machine, and made by the same process.
    assert_eq!(
        kmock::client::request("GET", &real.url()).await.status(),
        404
    );
}

/// Programs in a Pod trust the server by what its namespace and its directory have.
#[kmock::test(tls)]
async fn the_certificate_of_the_server_s_authority_is_where_pods_look_for_it(k: KMock) {
    let directory = tempfile::tempdir().expect("a directory");
    k.in_cluster("default/bot", directory.path())
        .expect("written");
    let pem = std::fs::read_to_string(directory.path().join("ca.crt")).expect("a certificate");
    assert_eq!(pem, Authority::of_process().expect("the authority").pem());
    let trusted = k.objects().get(
        "configmaps",
        "kube-system/extension-apiserver-authentication",
    );
    assert_eq!(
        trusted.expect("a ConfigMap").value()["data"]["client-ca-file"],
        pem
    );

    let controlled = KMock::builder()
        .tls()
        .controllers(true)
        .start()
        .await
        .expect("a server");
    let map = controlled
        .objects()
        .get("configmaps", "default/kube-root-ca.crt");
    assert_eq!(map.expect("a ConfigMap").value()["data"]["ca.crt"], pem);
}

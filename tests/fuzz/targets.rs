//! The targets: one for each parser of what others send, with good texts to begin with.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use kmock::{Filter, KMock, Pattern, kubernetes::Cluster};
use serde_json::Value;

use crate::feed::feed;

#[test]
fn string_notation() {
    let seeds = [
        "get /users/{id: u64}/posts/**?page=2&q=a%20b",
        "post",
        "/x/*.json",
        "list pods.v1",
        "watch apps/v1/deployments",
        "get ~\"/x/[a-z]+\"",
        "delete v1/namespaces",
    ];
    feed("notation", &seeds, |text| drop(Filter::parse(text)));
}

#[test]
fn regular_expressions() {
    let seeds = [
        "[a-z]+\\d{2,5}",
        "^(a|b)*?$",
        "(?i)\\p{L}+",
        "(?P<n>a)\\b",
        "(a{10}){10}",
    ];
    feed("regex", &seeds, |text| {
        drop(Filter::parse(&format!("~{text}")));
    });
}

/// Patterns, made of a JSON value with globs in it, against another value.
#[test]
fn json_patterns() {
    let seeds = [
        r#"{"a": [1, "x*", {"b": null}], "c": "a*c"} {"a": [1, "xy", {"b": null}], "c": "abc"}"#,
        r#"[1.0, -0, 1e3, "**"] [1, 0, 1000, ""]"#,
        r#"{"deep": {"er": {"est": true}}} {"deep": {"er": {"est": true, "x": 1}}}"#,
        r#""*a*b*" "xxaxxbxx""#,
    ];
    feed("JSON patterns", &seeds, |text| {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        let (Some(Ok(pattern)), Some(Ok(value))) = (values.next(), values.next()) else {
            return;
        };
        for pattern in [Pattern::value(&pattern), partial(&pattern)] {
            let _ = pattern.matches(Some(&value));
            drop(pattern.to_string());
        }
        drop(Filter::json(partial(&pattern)).to_string());
    });
}

/// An object matches what has its members and more, texts are globs.
fn partial(value: &Value) -> Pattern {
    match value {
        Value::Object(map) => Pattern::object(
            map.iter()
                .map(|(key, value)| (key.as_str(), partial(value))),
        ),
        Value::String(text) => Pattern::from(text.as_str()),
        other => Pattern::value(other),
    }
}

/// Everything that a request brings to the API: bodies of all kinds, patches of four kinds, definitions with schemas and CEL.
#[test]
fn requests_to_the_kubernetes_api() {
    let cluster = Cluster::default();
    let map = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}});
    cluster.objects().seed(map);
    let definition = r#"{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"sites.example.com"},"spec":{"group":"example.com","scope":"Namespaced","names":{"plural":"sites","singular":"site","kind":"Site"},"versions":[{"name":"v1","served":true,"storage":true,"additionalPrinterColumns":[{"name":"x","type":"string","jsonPath":".spec.list[?(@.a==1)].b"}],"schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","x-kubernetes-validations":[{"rule":"self.n > 1 && self.s.matches('^a+$') || duration('1h') < duration('2h')"}],"properties":{"n":{"type":"integer","minimum":1},"s":{"type":"string","pattern":"^[a-z]+$","maxLength":10}}}}}}}]}}"#;
    let seeds = [
        "POST /api/v1/namespaces/default/pods application/json {\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"resources\":{\"limits\":{\"cpu\":\"1.5\",\"memory\":\"1Gi\"}}}]}}",
        "PATCH /api/v1/namespaces/default/configmaps/a application/json-patch+json [{\"op\":\"add\",\"path\":\"/data/x\",\"value\":\"1\"},{\"op\":\"copy\",\"from\":\"/data\",\"path\":\"/data/y\"}]",
        "PATCH /api/v1/namespaces/default/configmaps/a application/merge-patch+json {\"data\":{\"k\":null}}",
        "PATCH /api/v1/namespaces/default/configmaps/a application/strategic-merge-patch+json {\"metadata\":{\"$patch\":\"replace\",\"finalizers\":[\"a/b\"]}}",
        "PATCH /api/v1/namespaces/default/configmaps/a?fieldManager=m&force=true application/apply-patch+yaml {\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"data\":{\"k\":\"w\"}}",
        "GET /api/v1/configmaps?limit=1&continue=eyJ2IjoibWV0YSJ9&fieldSelector=metadata.name%3Da application/json ",
        "DELETE /api/v1/namespaces/default/configmaps/b application/json {\"gracePeriodSeconds\":0,\"propagationPolicy\":\"Orphan\"}",
        &format!(
            "POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions application/json {definition}"
        ),
        "POST /apis/example.com/v1/namespaces/default/sites application/yaml {\"apiVersion\":\"example.com/v1\",\"kind\":\"Site\",\"metadata\":{\"name\":\"s\"},\"spec\":{\"n\":2,\"s\":\"aaa\"}}",
    ];
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    feed("requests", &seeds, |text| {
        let mut parts = text.splitn(4, ' ');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let (method, uri, kind, body) = (part(), part(), part(), part());
        let request = axum::http::Request::builder()
            .method(method.as_str())
            .uri(uri.as_str())
            .header("content-type", kind.as_str())
            .header(
                "accept",
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
            )
            .body(body.into());
        if let Ok(request) = request
            && !uri.contains("watch")
        {
            runtime.block_on(cluster.call(request));
        }
    });
}

/// Bytes on the wire: heads, chunks, multipart bodies, WebSockets.
#[test]
fn connections() {
    let k = KMock::builder()
        .raw(true)
        // Otherwise it has all requests in the end.
        .keep(100)
        .start_blocking()
        .expect("a server");
    k.on(Filter::path("/socket"))
        .websocket(kmock::websocket::WebSocket::new().echo());
    k.on(Filter::form("file", "x")).status(201);
    k.on(Filter::cookie("a", "b") | Filter::query("q", 1))
        .status(202);
    let seeds = [
        "POST /x?q=1 HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: x\r\ncookie: a=b; c\r\ncontent-type: multipart/form-data; boundary=B\r\ncontent-length: 76\r\n\r\n--B\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nx\r\n--B--\r\n",
        "GET /socket HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\u{81}\u{85}abcdefghi",
        "GET http://other/x HTTP/1.0\r\naccept: text/*;q=0.5, application/json\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0",
    ];
    feed("connections", &seeds, |text| {
        // Letters up to U+00FF are bytes.
        let bytes: Vec<u8> = text
            .chars()
            .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
            .collect();
        let mut socket = TcpStream::connect(k.address()).expect("it listens");
        let limit = Some(Duration::from_secs(2));
        socket.set_read_timeout(limit).expect("a limit");
        // What is refused in the middle may be reset.
        let _ = socket.write_all(&bytes);
        let _ = socket.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        if let Err(error) = socket.read_to_end(&mut answer) {
            let kind = error.kind();
            assert_ne!(
                kind,
                std::io::ErrorKind::WouldBlock,
                "it does not end: {text:?}"
            );
        }
    });
    for error in k.errors() {
        assert!(!error.contains("panicked"), "{error}");
    }
    let text = "GET /?q=1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let mut socket = TcpStream::connect(k.address()).expect("it listens");
    socket.write_all(text.as_bytes()).expect("sent");
    let mut answer = String::new();
    socket
        .read_to_string(&mut answer)
        .expect("it still answers");
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    drop(k.report().html());
}

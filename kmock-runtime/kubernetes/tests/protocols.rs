//! What clients speak beside JSON, and how much of it: protobuf, OpenAPI, compression, bounds, pages about the server.
#![allow(clippy::unwrap_used, reason = "a test")]

use bytes::Bytes;
use http::{HeaderMap, Request};
use kmock_kubernetes::{ApiBody, Cluster};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

mod api;

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

struct Answer {
    code: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

async fn ask(
    cluster: &Cluster,
    line: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    let (method, uri) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (head, body) = cluster
        .call(request.body(body.into()).unwrap())
        .await
        .into_parts();
    let ApiBody::Full(body) = body else {
        panic!("a stream")
    };
    Answer {
        code: head.status.as_u16(),
        headers: head.headers,
        body,
    }
}

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "foos.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "foos", "singular": "foo", "kind": "Foo", "listKind": "FooList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": {"type": "object", "properties": {
                    "size": {"type": "number", "minimum": 1, "maximum": 9.5, "default": 3},
                    "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
                    "open": {"type": "object", "additionalProperties": {"type": "string"}},
                    "any": {"x-kubernetes-preserve-unknown-fields": true}}}}}}}],
        },
    })
}

#[test]
fn definitions_are_read_and_written_in_protobuf() {
    api::run(async {
        let one = Cluster::default();
        let headers = [("content-type", "application/json"), ("accept", PROTOBUF)];
        let line = format!("POST {CRDS}?dryRun=All");
        let message = ask(&one, &line, &headers, definition().to_string()).await;
        assert_eq!(
            (message.code, message.header("content-type")),
            (201, PROTOBUF)
        );
        assert!(message.body.starts_with(b"k8s\0"));
        ask(&one, &format!("POST {CRDS}"), &[], definition().to_string()).await;

        // The very bytes make the same definition elsewhere, as a typed Go client sends it.
        let other = Cluster::default();
        let headers = [("content-type", PROTOBUF), ("accept", PROTOBUF)];
        let made = ask(&other, &format!("POST {CRDS}"), &headers, message.body).await;
        assert_eq!(made.code, 201, "{:?}", made.body);
        let path = format!("GET {CRDS}/foos.example.com");
        let schema = |answer: Answer| answer.json()["spec"]["versions"][0]["schema"].clone();
        let want = schema(ask(&one, &path, &[], "").await);
        assert_eq!(schema(ask(&other, &path, &[], "").await), want);
        assert_eq!(
            want["openAPIV3Schema"]["properties"]["spec"]["properties"]["size"]["maximum"],
            9.5
        );

        let list = ask(&other, &format!("GET {CRDS}"), &[("accept", PROTOBUF)], "").await;
        assert_eq!((list.code, list.header("content-type")), (200, PROTOBUF));
        // Its objects have no such form.
        let objects = ask(
            &other,
            "GET /apis/example.com/v1/foos",
            &[("accept", PROTOBUF)],
            "",
        )
        .await;
        assert_eq!(objects.code, 406);
    });
}

/// The fields of a message: numbers with the bytes of those that have any.
fn fields(mut message: &[u8]) -> Vec<(u64, &[u8])> {
    fn varint(message: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        while let Some((byte, rest)) = message.split_first() {
            *message = rest;
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        value
    }
    let mut out = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message);
        let length = match tag & 7 {
            0 => {
                varint(&mut message);
                0
            }
            1 => 8,
            2 => usize::try_from(varint(&mut message)).unwrap(),
            other => panic!("wire type {other}"),
        };
        let (bytes, rest) = message.split_at(length);
        message = rest;
        out.push((tag >> 3, bytes));
    }
    out
}

#[test]
fn openapi_v2_is_there_in_protobuf() {
    const V2: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    api::run(async {
        let cluster = Cluster::default();
        ask(
            &cluster,
            &format!("POST {CRDS}"),
            &[],
            definition().to_string(),
        )
        .await;
        let document = ask(&cluster, "GET /openapi/v2", &[("accept", V2)], "").await;
        assert_eq!(document.code, 200);
        assert_eq!(
            document.header("content-type"),
            "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
        );
        let json = ask(&cluster, "GET /openapi/v2", &[], "").await.json();
        let names = |number: u64| -> Vec<String> {
            let whole = fields(&document.body);
            let (_, message) = whole.iter().find(|(n, _)| *n == number).unwrap();
            let entries = fields(message);
            let name = |entry: &[u8]| String::from_utf8(fields(entry)[0].1.to_vec()).unwrap();
            entries.iter().map(|(_, entry)| name(entry)).collect()
        };
        let keys =
            |key: &str| -> Vec<String> { json[key].as_object().unwrap().keys().cloned().collect() };
        assert_eq!(names(8), keys("paths"));
        assert_eq!(names(9), keys("definitions"));
        assert!(names(9).contains(&"com.example.v1.Foo".to_owned()));
    });
}

#[cfg(feature = "compression")]
#[test]
fn large_answers_are_compressed_for_who_asks() {
    use std::io::Read;
    api::run(async {
        let cluster = Cluster::default();
        for i in 0..40 {
            let body =
                json!({"metadata": {"name": format!("c{i}")}, "data": {"x": "y".repeat(5000)}});
            ask(
                &cluster,
                "POST /api/v1/namespaces/default/configmaps",
                &[],
                body.to_string(),
            )
            .await;
        }
        let path = "GET /api/v1/configmaps";
        let plain = ask(&cluster, path, &[], "").await;
        let packed = ask(&cluster, path, &[("accept-encoding", "deflate, gzip")], "").await;
        assert_eq!(
            (packed.header("content-encoding"), packed.header("vary")),
            ("gzip", "Accept-Encoding")
        );
        assert!(packed.body.len() * 10 < plain.body.len());
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(&packed.body[..])
            .read_to_end(&mut text)
            .unwrap();
        assert_eq!(text, plain.body);
        let small = ask(
            &cluster,
            "GET /api/v1/namespaces",
            &[("accept-encoding", "gzip")],
            "",
        )
        .await;
        assert_eq!(small.header("content-encoding"), "");
    });
}

#[test]
fn bodies_over_three_mebibytes_are_refused() {
    api::run(async {
        let cluster = Cluster::default();
        let body = |size: usize| {
            json!({"metadata": {"name": "c"}, "data": {"x": "y".repeat(size)}}).to_string()
        };
        let path = "POST /api/v1/namespaces/default/configmaps";
        let refused = ask(&cluster, path, &[], body(3 * 1024 * 1024)).await;
        assert_eq!(refused.code, 413);
        let status = refused.json();
        assert_eq!(status["reason"], "RequestEntityTooLarge");
        assert_eq!(
            status["message"],
            "Request entity too large: limit is 3145728"
        );
        // One that is read is judged by what it is.
        assert_eq!(
            ask(&cluster, path, &[], body(3 * 1024 * 1024 - 100))
                .await
                .code,
            422
        );
    });
}

#[test]
fn warnings_are_bounded() {
    api::run(async {
        let cluster = Cluster::default();
        // Each pair of containers shares a port: more warnings than any client would read.
        for (count, told) in [(10, 45), (15, 48), (50, 48)] {
            let containers: Vec<Value> = (0..count)
                .map(|i| json!({"name": format!("c{i}"), "image": "i", "ports": [{"containerPort": 80}]}))
                .collect();
            let body = json!({"metadata": {"name": format!("p{count}")}, "spec": {"containers": containers}});
            let made = ask(
                &cluster,
                "POST /api/v1/namespaces/default/pods",
                &[],
                body.to_string(),
            )
            .await;
            assert_eq!(made.code, 201);
            assert_eq!(
                made.headers.get_all("warning").iter().count(),
                told,
                "{count} containers"
            );
        }
    });
}

#[test]
fn quantities_keep_a_canonical_spelling() {
    api::run(async {
        let cluster = Cluster::default();
        let limits = json!({"cpu": "01", "memory": "1E1", "ephemeral-storage": "1024Mi"});
        let body = json!({"metadata": {"name": "p"}, "spec": {"containers": [
            {"name": "c", "image": "i", "resources": {"limits": limits}}]}});
        let made = ask(
            &cluster,
            "POST /api/v1/namespaces/default/pods",
            &[],
            body.to_string(),
        )
        .await;
        let limits = &made.json()["spec"]["containers"][0]["resources"]["limits"];
        assert_eq!(
            *limits,
            json!({"cpu": "01", "memory": "10", "ephemeral-storage": "1Gi"})
        );
    });
}

#[test]
fn pages_about_the_server_are_text_or_objects() {
    api::run(async {
        let cluster = Cluster::default();
        tokio::time::advance(std::time::Duration::from_secs(3_723)).await;
        let page = ask(&cluster, "GET /statusz", &[], "").await;
        assert_eq!(page.header("content-type"), "text/plain; charset=utf-8");
        let text = String::from_utf8(page.body.to_vec()).unwrap();
        assert!(
            text.starts_with("\napiserver statusz\nWarning: This endpoint is not meant"),
            "{text}"
        );
        assert!(text.contains("Up: 1 hr 02 min 03 sec"), "{text}");
        assert!(text.contains("/livez"), "{text}");

        let accept = "application/json;as=Statusz;v=v1beta1;g=config.k8s.io";
        let object = ask(&cluster, "GET /statusz", &[("accept", accept)], "")
            .await
            .json();
        assert_eq!(
            (&object["kind"], &object["apiVersion"]),
            (&json!("Statusz"), &json!("config.k8s.io/v1beta1"))
        );
        assert_eq!(object["uptimeSeconds"], 3723);

        let accept = "application/json;as=Flagz;v=v1alpha1;g=config.k8s.io";
        let flags = ask(&cluster, "GET /flagz", &[("accept", accept)], "").await;
        assert_eq!(
            flags.header("warning"),
            "299 - \"This version of the flagz endpoint is deprecated. Please use a newer version.\""
        );
        assert!(flags.json()["flags"]["authorization-mode"].is_string());
        for accept in [
            "application/json",
            "application/json;as=Flagz;v=v1;g=config.k8s.io",
            "text/html",
        ] {
            let refused = ask(&cluster, "GET /flagz", &[("accept", accept)], "").await;
            assert_eq!(
                (refused.code, &refused.json()["reason"]),
                (406, &json!("NotAcceptable")),
                "{accept}"
            );
        }
    });
}

#[cfg(feature = "descriptions")]
#[test]
fn types_are_described() {
    api::run(async {
        let cluster = Cluster::default();
        ask(
            &cluster,
            &format!("POST {CRDS}"),
            &[],
            definition().to_string(),
        )
        .await;
        let apps = ask(&cluster, "GET /openapi/v3/apis/apps/v1", &[], "")
            .await
            .json();
        let schemas = &apps["components"]["schemas"];
        let strategy = &schemas["io.k8s.api.apps.v1.DeploymentSpec"]["properties"]["strategy"];
        assert!(
            strategy["description"]
                .as_str()
                .is_some_and(|text| text.contains("replace existing pods"))
        );
        assert!(strategy["allOf"].is_array(), "{strategy}");
        let own = ask(&cluster, "GET /openapi/v3/apis/example.com/v1", &[], "")
            .await
            .json();
        let kind = &own["components"]["schemas"]["com.example.v1.Foo"]["properties"]["kind"];
        assert!(
            kind["description"]
                .as_str()
                .is_some_and(|text| text.starts_with("Kind is a string"))
        );
        let v2 = ask(&cluster, "GET /openapi/v2", &[], "").await.json();
        let spec = &v2["definitions"]["io.k8s.api.core.v1.Pod"]["properties"]["spec"];
        assert!(
            spec["$ref"].is_string() && spec["description"].is_string(),
            "{spec}"
        );
    });
}

const KEY: (&str, &str) = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
const ORIGIN: (&str, &str) = ("origin", "http://localhost");

/// Asks for a watch over a WebSocket; further headers count for those that are there. The head, and the other end.
async fn watch_over_a_socket(
    cluster: &Cluster,
    query: &str,
    headers: &[(&str, &str)],
) -> (http::response::Parts, Result<DuplexStream, Bytes>) {
    let path = format!("/api/v1/namespaces/default/configmaps?watch=1&{query}");
    let mut request = Request::get(path)
        .header("connection", "keep-alive, Upgrade")
        .header("upgrade", "websocket");
    if !headers
        .iter()
        .any(|(name, _)| *name == "sec-websocket-version")
    {
        request = request.header("sec-websocket-version", "13");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Bytes::new()).unwrap();
    let (head, body) = cluster.call(request).await.into_parts();
    match body {
        ApiBody::Upgrade(takeover) => {
            let (client, server) = tokio::io::duplex(1 << 16);
            tokio::spawn(takeover.run(server));
            (head, Ok(client))
        }
        ApiBody::Full(text) => (head, Err(text)),
        ApiBody::Stream(_) => panic!("a stream"),
    }
}

/// The first byte of the next frame, and what it carries.
async fn frame(client: &mut DuplexStream) -> (u8, Vec<u8>) {
    let (first, length) = (client.read_u8().await.unwrap(), client.read_u8().await);
    let length = match length.unwrap() {
        126 => client.read_u16().await.unwrap().into(),
        127 => client.read_u64().await.unwrap() as usize,
        short => short.into(),
    };
    let mut payload = vec![0; length];
    client.read_exact(&mut payload).await.unwrap();
    (first, payload)
}

#[test]
fn watches_go_over_websockets() {
    api::run(async {
        let cluster = Cluster::default();
        let maps = "/api/v1/namespaces/default/configmaps";
        let map = |name: &str| json!({"metadata": {"name": name}}).to_string();
        ask(&cluster, &format!("POST {maps}"), &[], map("a")).await;
        let protocol = ("sec-websocket-protocol", "any.example.com");
        let query = "timeoutSeconds=30&fieldSelector=metadata.name!=kube-root-ca.crt";
        let (head, socket) = watch_over_a_socket(&cluster, query, &[KEY, ORIGIN, protocol]).await;
        assert_eq!(head.status, 101);
        assert_eq!(head.headers["sec-websocket-protocol"], "any.example.com");
        let mut socket = socket.unwrap();

        // Each event is a text: the very line of a stream.
        let (first, event) = frame(&mut socket).await;
        let added: Value = serde_json::from_slice(&event).unwrap();
        assert_eq!((first, event.last()), (0x81, Some(&b'\n')));
        assert_eq!(
            (&added["type"], &added["object"]["metadata"]["name"]),
            (&json!("ADDED"), &json!("a"))
        );
        ask(&cluster, &format!("POST {maps}"), &[], map("b")).await;
        let (_, event) = frame(&mut socket).await;
        let next: Value = serde_json::from_slice(&event).unwrap();
        assert_eq!(next["object"]["metadata"]["name"], "b");

        // Texts of the client mean nothing; its pings are answered.
        let masked =
            |first: u8, text: &[u8]| [&[first, 0x80 | text.len() as u8, 0, 0, 0, 0], text].concat();
        socket.write_all(&masked(0x81, b"hello")).await.unwrap();
        socket.write_all(&masked(0x89, b"there?")).await.unwrap();
        assert_eq!(frame(&mut socket).await, (0x8a, b"there?".to_vec()));

        // The watch ends in its time, and says that all is well.
        assert_eq!(frame(&mut socket).await, (0x88, vec![0x03, 0xe8]));
        assert_eq!(socket.read(&mut [0]).await.unwrap(), 0);
    });
}

#[test]
fn watches_over_websockets_have_all_forms() {
    api::run(async {
        let cluster = Cluster::default();
        let maps = "POST /api/v1/namespaces/default/configmaps";
        ask(&cluster, maps, &[], r#"{"metadata": {"name": "a"}}"#).await;
        let only = "fieldSelector=metadata.name%3Da";
        let accept = ("accept", "application/vnd.kubernetes.protobuf;stream=watch");
        let (_, socket) = watch_over_a_socket(&cluster, only, &[KEY, ORIGIN, accept]).await;
        let (first, event) = frame(&mut socket.unwrap()).await;
        // A message has its own length: what stands before events in a stream is left out.
        assert_eq!(first, 0x82);
        let event = fields(&event);
        assert_eq!(event[0], (1, b"ADDED".as_slice()));
        assert!(fields(event[1].1)[0].1.starts_with(b"k8s\0"));

        let table = ("accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
        let (_, socket) = watch_over_a_socket(&cluster, only, &[KEY, ORIGIN, table]).await;
        let (_, event) = frame(&mut socket.unwrap()).await;
        let event: Value = serde_json::from_slice(&event).unwrap();
        assert_eq!(event["object"]["kind"], "Table");

        // What is gone is told as in a stream, too.
        let (_, socket) = watch_over_a_socket(&cluster, "resourceVersion=1", &[KEY, ORIGIN]).await;
        let mut socket = socket.unwrap();
        let (_, event) = frame(&mut socket).await;
        let event: Value = serde_json::from_slice(&event).unwrap();
        assert_eq!(
            (&event["type"], &event["object"]["code"]),
            (&json!("ERROR"), &json!(410))
        );
        assert_eq!(frame(&mut socket).await.0, 0x88);
    });
}

/// Kubernetes leaves the handshake to `golang.org/x/net/websocket`, whose default insists on an `Origin`.
#[test]
fn handshakes_of_watches_are_refused_as_the_server_does() {
    api::run(async {
        let cluster = Cluster::default();
        let version = ("sec-websocket-version", "8");
        let two = ("sec-websocket-protocol", "a, b");
        for (headers, code, text) in [
            (vec![ORIGIN], 400, "mismatch challenge/response"),
            (
                vec![KEY, ORIGIN, version],
                400,
                "missing or bad WebSocket Version",
            ),
            (vec![KEY], 403, ""),
            (vec![KEY, ("origin", "null")], 403, ""),
            (vec![KEY, ORIGIN, two], 400, ""),
        ] {
            let (head, answer) = watch_over_a_socket(&cluster, "", &headers).await;
            let text_of = answer.expect_err("no socket");
            assert_eq!(
                (head.status.as_u16(), &*text_of),
                (code, text.as_bytes()),
                "{headers:?}"
            );
            let told = head.headers.get("sec-websocket-version");
            assert_eq!(told.is_some(), headers.contains(&version));
        }
        // What is wrong with the watch is told as always.
        let (head, answer) =
            watch_over_a_socket(&cluster, "labelSelector=%3D", &[KEY, ORIGIN]).await;
        let answer: Value = serde_json::from_slice(&answer.expect_err("no socket")).unwrap();
        assert_eq!(
            (head.status.as_u16(), &answer["kind"]),
            (400, &json!("Status"))
        );
    });
}

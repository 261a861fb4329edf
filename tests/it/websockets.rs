//! WebSocket rules: accepted, scripted, answered, fed, broken, recorded.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use kmock::{
    Fault, KMock, Stream, kmock,
    websocket::{Frame, WebSocket},
};
use tokio::{net::TcpStream, time::Instant};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

async fn connect(k: &KMock, target: &str) -> WebSocketStream<TcpStream> {
    let socket = TcpStream::connect(k.address()).await.expect("connected");
    socket.set_nodelay(true).expect("set");
    let url = format!("ws://{}{target}", k.address());
    client_async(url, socket).await.expect("accepted").0
}

async fn next(socket: &mut WebSocketStream<TcpStream>) -> Message {
    socket.next().await.expect("a frame").expect("no error")
}

#[kmock::test(start_paused = true)]
async fn scripts_send_frames_pause_and_close(k: KMock) {
    let rule = k.on("/ws").websocket(
        Stream::new()
            .text("hello")
            .sleep(Duration::from_secs(5))
            .json([1, 2])
            .item(b"\xff\x00"),
    );
    let started = Instant::now();
    let mut socket = connect(&k, "/ws").await;
    assert_eq!(next(&mut socket).await, Message::text("hello"));
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert_eq!(next(&mut socket).await, Message::text("[1,2]"));
    assert_eq!(started.elapsed(), Duration::from_secs(5));
    assert_eq!(next(&mut socket).await, Message::binary(&b"\xff\x00"[..]));
    let close = next(&mut socket).await;
    assert!(
        matches!(&close, Message::Close(Some(close)) if u16::from(close.code) == 1000),
        "{close}"
    );
    assert!(socket.next().await.is_none());
    assert_eq!(k.requests()[0].status(), Some(101));
    let sent: Vec<_> = rule
        .frames()
        .into_iter()
        .filter(|one| !one.is_received())
        .collect();
    assert_eq!(sent[0].frame(), &Frame::Text("hello".to_owned()));
    assert_eq!(sent[1].frame().json(), serde_json::json!([1, 2]));
    assert_eq!(sent[0].request().target(), "/ws");
    assert_eq!(sent.len(), 4);
}

#[kmock::test]
async fn frames_that_come_are_recorded_and_answered(k: KMock) {
    let echo = k.on("/echo").websocket(WebSocket::new().echo());
    let upper = k.on("/upper").websocket(
        WebSocket::new()
            .script(Stream::new().text("ready"))
            .protocol("shout")
            .answer(|frame| {
                Stream::new()
                    .text(frame.text().to_uppercase())
                    .json(frame.text().len())
            }),
    );
    let mut socket = connect(&k, "/echo").await;
    socket.send(Message::text("a")).await.expect("sent");
    socket.send(Message::binary(&b"b"[..])).await.expect("sent");
    assert_eq!(next(&mut socket).await, Message::text("a"));
    assert_eq!(next(&mut socket).await, Message::binary(&b"b"[..]));
    socket.close(None).await.expect("closed");
    let came = echo.wait_for_frames(3).await.expect("they come");
    assert_eq!(came[0].frame().text(), "a");
    assert_eq!(came[2].frame(), &Frame::Close(None));
    let socket = TcpStream::connect(k.address()).await.expect("connected");
    let url = format!("ws://{}/upper", k.address());
    let mut request = url.into_client_request().expect("a request");
    let offer = "whisper, shout".parse().expect("a header");
    request
        .headers_mut()
        .insert("sec-websocket-protocol", offer);
    let (mut socket, accepted) = client_async(request, socket).await.expect("accepted");
    assert_eq!(accepted.headers()["sec-websocket-protocol"], "shout");
    assert_eq!(next(&mut socket).await, Message::text("ready"));
    socket.send(Message::text("hey")).await.expect("sent");
    assert_eq!(next(&mut socket).await, Message::text("HEY"));
    assert_eq!(next(&mut socket).await, Message::text("3"));
    assert_eq!(upper.wait_for_frames(1).await.expect("it came").len(), 1);
}

#[kmock::test]
async fn sockets_are_fed_live(k: KMock) {
    let rule = k.on("/live").websocket(Stream::new().live());
    let (mut one, mut two) = (connect(&k, "/live").await, connect(&k, "/live").await);
    rule.waiting(2).await.expect("both wait");
    assert_eq!(k.feed(Stream::new().text("news").live()), 2);
    for socket in [&mut one, &mut two] {
        assert_eq!(next(socket).await, Message::text("news"));
    }
}

#[kmock::test]
async fn sockets_break_and_close_as_told(k: KMock) {
    k.on("/reset")
        .websocket(Stream::new().text("x").fault(Fault::reset()));
    k.on("/going")
        .websocket(WebSocket::new().close(1001, "going away"));
    let mut socket = connect(&k, "/reset").await;
    assert_eq!(next(&mut socket).await, Message::text("x"));
    assert!(socket.next().await.expect("an end").is_err());
    assert_eq!(k.requests()[0].outcome().fault.as_deref(), Some("reset"));
    let mut socket = connect(&k, "/going").await;
    let close = next(&mut socket).await;
    assert!(
        matches!(&close, Message::Close(Some(close)) if u16::from(close.code) == 1001
            && close.reason.as_str() == "going away"),
        "{close}"
    );
}

#[kmock::test]
async fn what_asks_for_no_socket_gets_none(k: KMock) {
    k.on("/ws").websocket(WebSocket::new().echo());
    let refused = k.get("/ws").await;
    assert_eq!(refused.status(), 400);
    assert!(
        refused.text().contains("asks for no WebSocket"),
        "{}",
        refused.text()
    );
    let asks = |key: &str, version: &str| {
        let request = k
            .get("/ws")
            .header("connection", "upgrade")
            .header("upgrade", "websocket");
        request
            .header("sec-websocket-key", key)
            .header("sec-websocket-version", version)
    };
    for key in ["x", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZR=="] {
        assert_eq!(asks(key, "13").await.status(), 400, "{key}");
    }
    let old = asks("dGhlIHNhbXBsZSBub25jZQ==", "8").await;
    assert_eq!(old.status(), 426);
    assert_eq!(old.header("sec-websocket-version"), Some("13"));
    // Another version is an offer to speak this one, and no mistake.
    assert_eq!(k.errors().len(), 4, "{:?}", k.errors());
}

/// Sends bytes by a socket that is open, and reads until its end.
async fn after_the_handshake(k: &KMock, bytes: &[u8]) -> Vec<u8> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut socket = TcpStream::connect(k.address()).await.expect("connected");
    let head = "GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(head.as_bytes()).await.expect("written");
    socket.write_all(bytes).await.expect("written");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.expect("no reset");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    answer.split_off(end.expect("a head") + 4)
}

#[kmock::test]
async fn what_is_against_the_protocol_is_closed_with_its_code(k: KMock) {
    k.on("/ws").websocket(WebSocket::new().echo());
    // RFC 6455, 5.2: FIN and opcode, mask and length, the key of the mask, the payload.
    for (code, bytes) in [
        (1002, &b"\x81\x01a"[..]),
        (1002, b"\xf1\x81\0\0\0\0a"),
        (1002, b"\x83\x81\0\0\0\0a"),
        (1007, b"\x81\x82\0\0\0\0\xff\xfe"),
        (1009, b"\x82\xff\0\0\0\0\x80\0\0\0\0\0\0\0"),
    ] {
        let before = k.errors().len();
        let answer = after_the_handshake(&k, bytes).await;
        let [high, low] = u16::to_be_bytes(code);
        assert_eq!(answer, [0x88, 2, high, low], "{code}");
        let errors = k.errors();
        let told = format!("it was closed with {code}");
        assert!(
            errors.len() == before + 1 && errors[before].contains(&told),
            "{errors:?}"
        );
    }
}

#[kmock::test]
async fn scripts_have_a_word(k: KMock) {
    kmock! {
        let feed = GET "/feed" => websocket [ text "hello", { "n": 1 }, b"raw", sleep(1ms), ... ];
        let echo = "/echo" => websocket (WebSocket::new().echo());
        "/plain" => 404;
    }
    let mut socket = connect(&k, "/feed").await;
    assert_eq!(next(&mut socket).await, Message::text("hello"));
    assert_eq!(next(&mut socket).await, Message::text("{\"n\":1}"));
    assert_eq!(next(&mut socket).await, Message::binary(&b"raw"[..]));
    feed.waiting(1).await.expect("it waits");
    kmock! { GET "/feed" ... => "the end"; }
    assert_eq!(next(&mut socket).await, Message::text("\"the end\""));
    assert!(matches!(next(&mut socket).await, Message::Close(_)));
    let mut socket = connect(&k, "/echo").await;
    socket.send(Message::text("a")).await.expect("sent");
    assert_eq!(next(&mut socket).await, Message::text("a"));
    assert_eq!(
        echo.wait_for_frames(1).await.expect("it came")[0]
            .frame()
            .text(),
        "a"
    );
}

#[kmock::test]
async fn reports_tell_what_was_said(k: KMock, real: KMock) {
    let echo = k.on("/echo").websocket(WebSocket::new().echo());
    real.on("/x").text("real");
    k.on("/x").proxy(real.url());
    let mut socket = connect(&k, "/echo").await;
    socket.send(Message::text("hey")).await.expect("sent");
    assert_eq!(next(&mut socket).await, Message::text("hey"));
    echo.wait_for_frames(1).await.expect("it came");
    k.get("/x").await;
    // Rules that are taken off have been there all the same.
    k.rules().iter().for_each(kmock::Rule::remove);
    assert!(k.get("/x").await.text().contains("there are no rules"));
    let report = k.report();
    let said: Vec<_> = report.entries[0]
        .messages
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(said, ["← text \"hey\"", "→ text \"hey\""]);
    assert_eq!(report.entries[1].upstream, Some(real.url()));
    let text = report.text().times(false).to_string();
    for part in [
        "websocket, 1 frames came, 1 went",
        "← text \"hey\"",
        &format!("as {} answered", real.url()),
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(
        report.to_json()["requests"][0]["frames"][0]["frame"],
        "text \"hey\""
    );
    assert!(report.html().contains("→ text &quot;hey&quot;"));
}

#[kmock::test(raw)]
async fn other_versions_are_told_which_there_is(k: KMock) {
    k.on("/ws").websocket(WebSocket::new().echo());
    let asked = |version: &str| {
        k.get("/ws")
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("sec-websocket-version", version)
    };
    for version in ["8", "14", ""] {
        let answer = asked(version).await;
        assert_eq!(answer.status(), 426, "{version}");
        assert_eq!(answer.header("sec-websocket-version"), Some("13"));
    }
    assert!(k.errors().is_empty(), "{:?}", k.errors());
}

/// A watch of the Kubernetes API, as a page in a browser would have it: by a socket, with an origin.
#[kmock::test(start_paused)]
async fn a_watch_goes_over_a_websocket(k: KMock) {
    let url = format!(
        "ws://{}/api/v1/namespaces/default/configmaps?watch=true&timeoutSeconds=20",
        k.address()
    );
    let mut request = url.into_client_request().expect("a URL");
    let origin = "http://dashboard.example".parse().expect("a value");
    request.headers_mut().insert("origin", origin);
    let stream = TcpStream::connect(k.address()).await.expect("it listens");
    let (mut socket, _) = client_async(request, stream).await.expect("accepted");
    k.objects().seed(serde_json::json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"},
    }));
    let Message::Text(event) = next(&mut socket).await else {
        panic!("no text");
    };
    let event: serde_json::Value = serde_json::from_str(&event).expect("JSON");
    assert_eq!(event["type"], "ADDED");
    assert_eq!(event["object"]["metadata"]["name"], "a");
    assert!(
        matches!(next(&mut socket).await, Message::Close(Some(frame)) if u16::from(frame.code) == 1000)
    );
}

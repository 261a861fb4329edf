//! Conversations, in which each side waits for the other; compressed messages; reflection.

use std::{
    io::{Read, Write},
    time::Duration,
};

use kmock::{
    grpc::{Code, Grpc},
    prelude::*,
};
use prost_reflect::prost::Message;
use tonic::{Request, Streaming};

use crate::{
    client::{Greeter, hello},
    greeter::{HelloReply, HelloRequest, descriptors},
};

fn reqwest_http2() -> reqwest::Client {
    let made = reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge();
    made.build().expect("a client")
}

async fn next(heard: &mut Streaming<HelloReply>) -> String {
    let message = heard.message().await.expect("a message");
    message.expect("not the end").text
}

#[kmock::test(raw)]
async fn each_side_may_wait_for_the_other(k: KMock) {
    k.descriptors(descriptors()).expect("descriptors");
    kmock! { k,
        let chat = grpc "demo.Greeter/Chat" => grpc [ { "text": "welcome" } ], grpc |message| match &message["name"] {
            name if name == "bye" => Grpc::from(Code::Aborted.because("so soon?")),
            name if name == "many" => Grpc::new().json(json!({ "text": "1" })).json(json!({ "text": "2" })),
            name if name == "nothing" => Grpc::new(),
            name => Grpc::new().json(json!({ "text": format!("hi {}", name.as_str().unwrap_or_default()) })),
        };
    }
    let mut greeter = Greeter::of(&k);
    // The head is there before the client has said anything, and so is what the rule says by itself.
    let (say, mut heard) = greeter.chat().await.expect("a conversation");
    assert_eq!(next(&mut heard).await, "welcome");
    for name in ["john", "jane"] {
        say.send(hello(name)).expect("said");
        assert_eq!(next(&mut heard).await, format!("hi {name}"));
    }
    // It is a request all the while, with what came so far.
    let seen = &k.requests()[0];
    assert!(!seen.is_whole() && seen.status() == Some(200));
    let call = seen.grpc().expect("a call");
    assert_eq!(
        call.json(),
        [json!({ "name": "john" }), json!({ "name": "jane" })]
    );
    assert_eq!(
        k.filter(Filter::message(json!({ "name": "john" }))).count(),
        0
    );
    say.send(hello("nothing")).expect("said");
    say.send(hello("many")).expect("said");
    assert_eq!(
        (next(&mut heard).await, next(&mut heard).await),
        ("1".to_owned(), "2".to_owned())
    );
    // It ends when the client has no more to say.
    drop(say);
    assert!(heard.message().await.expect("the end").is_none());
    let seen = &chat.requests()[0];
    assert!(seen.is_whole());
    assert_eq!(seen.grpc().expect("a call").json().len(), 4);
    assert_requests!(k, grpc "*/Chat" message { "name": "many" } == 1);
    // An answer with a status ends it, whatever the client would still say.
    let (say, mut heard) = greeter.chat().await.expect("a conversation");
    assert_eq!(next(&mut heard).await, "welcome");
    say.send(hello("bye")).expect("said");
    let status = heard.message().await.expect_err("a status");
    assert_eq!(
        (status.code(), status.message()),
        (tonic::Code::Aborted, "so soon?")
    );
    assert_eq!(k.errors(), [""; 0]);
}

#[kmock::test(raw)]
async fn answers_may_be_types_of_prost_and_take_their_time(k: KMock) {
    kmock! { k,
        grpc "demo.Greeter/SayHello" => grpc (Grpc::new().answer_prost(|hello: HelloRequest| {
            Grpc::new().prost(&HelloReply { text: hello.name, count: 1 })
        }));
        grpc "demo.Greeter/Chat" => grpc (Grpc::new().answer_prost(|hello: HelloRequest| {
            let reply = HelloReply { text: hello.name, count: 0 };
            Grpc::new().messages(kmock::Stream::new().sleep(Duration::from_millis(1))).prost(&reply)
        }));
        grpc "demo.Greeter/Gather" => grpc |_| -> Grpc { panic!("on purpose") };
    }
    let mut greeter = Greeter::of(&k);
    let reply = greeter
        .unary("/demo.Greeter/SayHello", Request::new(hello("john")))
        .await
        .expect("a reply");
    assert_eq!(
        reply.into_inner(),
        HelloReply {
            text: "john".to_owned(),
            count: 1
        }
    );
    let (say, mut heard) = greeter.chat().await.expect("a conversation");
    // What is said while an answer takes its time is answered after it.
    for name in ["a", "b", "c"] {
        say.send(hello(name)).expect("said");
    }
    drop(say);
    for name in ["a", "b", "c"] {
        assert_eq!(next(&mut heard).await, name);
    }
    assert!(heard.message().await.expect("the end").is_none());
    let status = greeter.gather(&["a"]).await.expect_err("a status");
    assert_eq!(status.code(), tonic::Code::Internal);
    let errors = k.take_errors();
    assert!(
        errors.len() == 1 && errors[0].contains("on purpose"),
        "{errors:?}"
    );
}

#[kmock::test(raw)]
async fn a_conversation_that_asks_for_messages_waits_for_them(k: KMock) {
    k.descriptors(descriptors()).expect("descriptors");
    kmock! { k,
        grpc "demo.Greeter/Gather" message { "name": "x" } => grpc |message| json!({ "text": message["name"] }), grpc OK;
    }
    let mut greeter = Greeter::of(&k);
    let status = greeter.gather(&["a"]).await.expect_err("no rule");
    assert_eq!(status.code(), tonic::Code::Unimplemented);
    let reply = greeter.gather(&["x"]).await.expect("a reply");
    assert_eq!(reply.into_inner().text, "x");
}

#[kmock::test(raw, start_paused)]
async fn a_conversation_has_a_deadline_too(k: KMock) {
    kmock! { k, grpc "demo.Greeter/SayHello" => grpc [ sleep(1h) ], grpc |_| Grpc::new(); }
    let mut request = Request::new(hello("john"));
    request.set_timeout(Duration::from_secs(10));
    let status = Greeter::of(&k)
        .unary("/demo.Greeter/SayHello", request)
        .await
        .expect_err("it is over");
    assert!(
        matches!(
            status.code(),
            tonic::Code::DeadlineExceeded | tonic::Code::Cancelled
        ),
        "{status:?}"
    );
}

/// A message in its frame, compressed.
fn packed(message: &HelloRequest) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&message.encode_to_vec()).expect("written");
    let packed = gzip.finish().expect("packed");
    let length = u32::try_from(packed.len()).expect("short");
    [&[1], &length.to_be_bytes()[..], &packed].concat()
}

/// The message of a frame, and whether it is compressed.
fn unpacked(frame: &[u8]) -> (bool, HelloReply) {
    let mut message = frame[5..].to_vec();
    if frame[0] == 1 {
        message.clear();
        let read = flate2::read::GzDecoder::new(&frame[5..]).read_to_end(&mut message);
        read.expect("it is gzip");
    }
    let reply = HelloReply::decode(message.as_slice()).expect("a reply");
    (frame[0] == 1, reply)
}

#[kmock::test(raw)]
async fn messages_are_compressed_both_ways(k: KMock) {
    k.descriptors(descriptors()).expect("descriptors");
    let long = "kmock ".repeat(1000);
    kmock! { k,
        grpc "demo.Greeter/SayHello" message { "name": "kmock *" } => grpc { "text": (long.clone()) };
        grpc "demo.Greeter/Watch" => grpc (Grpc::new().compressed().json(json!({ "text": (long.clone()) })));
        grpc "demo.Greeter/Chat" => grpc |message| json!({ "text": message["name"] });
    }
    let client = reqwest_http2();
    let call = async |method: &str, coding: &str, accepts: &str, body: Vec<u8>| {
        let mut request = client
            .post(format!("{}/demo.Greeter/{method}", k.url()))
            .header("content-type", "application/grpc")
            .body(body);
        for (name, value) in [("grpc-encoding", coding), ("grpc-accept-encoding", accepts)] {
            if !value.is_empty() {
                request = request.header(name, value);
            }
        }
        let answer = request.send().await.expect("an answer");
        let headers = answer.headers().clone();
        (headers, answer.bytes().await.expect("a body"))
    };
    let whole = |frame: &[u8]| {
        assert_eq!(
            unpacked(frame),
            (
                true,
                HelloReply {
                    text: long.clone(),
                    count: 0
                }
            )
        );
    };
    // In the coding of the call, as other servers answer, also in a conversation.
    for method in ["SayHello", "Chat"] {
        let (headers, body) = call(method, "gzip", "gzip, identity", packed(&hello(&long))).await;
        assert_eq!(headers["grpc-encoding"], "gzip");
        whole(&body);
    }
    let seen = &k.requests()[0];
    assert!(seen.body().len() < 500, "{}", seen.body().len());
    assert_eq!(
        seen.grpc().expect("a call").message(),
        json!({ "name": (long.clone()) })
    );
    // Where the rule says so, and the client reads it.
    let plain = vec![0; 5];
    whole(&call("Watch", "", "deflate,gzip", plain.clone()).await.1);
    let (headers, body) = call("Watch", "", "", plain).await;
    assert!(headers.get("grpc-encoding").is_none());
    assert!(!unpacked(&body).0);
    // A coding that nobody knows is refused, with those that are.
    let (headers, _) = call("Watch", "snappy", "", packed(&hello("x"))).await;
    assert_eq!(headers["grpc-accept-encoding"], "identity,gzip");
    let mut request = Request::new(hello("x"));
    request
        .metadata_mut()
        .insert("grpc-encoding", "snappy".parse().expect("a value"));
    let status = Greeter::of(&k)
        .unary("/demo.Greeter/SayHello", request)
        .await
        .expect_err("a status");
    assert_eq!(status.code(), tonic::Code::Unimplemented);
}

#[kmock::test(raw)]
async fn clients_ask_what_there_is(k: KMock) {
    k.descriptors(descriptors()).expect("descriptors");
    let reflection = k.reflection();
    let client = reqwest_http2();
    let ask = async |question: &[u8]| {
        let mut framed = vec![0, 0, 0, 0, u8::try_from(question.len()).expect("short")];
        framed.extend_from_slice(question);
        let path = "grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
        let answer = client
            .post(format!("{}/{path}", k.url()))
            .header("content-type", "application/grpc")
            .body(framed)
            .send()
            .await
            .expect("an answer");
        answer.bytes().await.expect("a message").split_off(5)
    };
    let has = |answer: &[u8], text: &str| {
        assert!(
            answer
                .windows(text.len())
                .any(|some| some == text.as_bytes()),
            "{text} is not in {answer:?}"
        );
    };
    has(&ask(b"\x3a\x01*").await, "demo.Greeter");
    for question in [
        b"\x22\x0cdemo.Greeter".as_slice(),
        b"\x22\x15demo.Greeter.SayHello",
        b"\x22\x15demo.HelloReply.count",
        b"\x1a\x0ademo.proto",
    ] {
        let answer = ask(question).await;
        has(&answer, "demo.proto");
        has(&answer, "HelloRequest");
        // The question goes back.
        has(
            &answer,
            std::str::from_utf8(&question[2..]).expect("a text"),
        );
    }
    let unknown = ask(b"\x22\x07nowhere").await;
    has(&unknown, "the symbol \"nowhere\" is not known");
    assert_eq!(unknown[11..14], [0x3a, unknown[12], 0x08]);
    assert_eq!(reflection.count(), 6);
}

//! Rules by service, method and message; answers with messages, metadata, statuses, deadlines.

use std::time::Duration;

use kmock::{
    grpc::{Code, Grpc},
    prelude::*,
};
use tonic::{Request, metadata::MetadataValue};

use crate::{
    client::{Greeter, hello},
    greeter::{Detail, HelloReply, HelloRequest, descriptors},
};

const HELLO: &str = "/demo.Greeter/SayHello";

#[kmock::test(raw)]
async fn calls_are_answered_by_service_method_and_message(k: KMock) {
    k.descriptors(descriptors()).expect("descriptors");
    kmock! { k,
        let greets = grpc "demo.Greeter/SayHello" message { "name": "jo*" } => grpc { "text": "hi", "count": 7 };
        grpc "demo.Greeter/SayHello" => grpc NOT_FOUND "nobody, 100% \u{fc}";
        grpc "demo.Greeter/*" message { "name": "b" } => grpc { "count": 2 };
        grpc "other.Service/*" => grpc OK;
    }
    let mut greeter = Greeter::of(&k);
    let reply = greeter
        .unary(HELLO, Request::new(hello("john")))
        .await
        .expect("a reply");
    assert_eq!(
        reply.into_inner(),
        HelloReply {
            text: "hi".to_owned(),
            count: 7
        }
    );
    let status = greeter
        .unary(HELLO, Request::new(hello("mary")))
        .await
        .expect_err("a status");
    assert_eq!(
        (status.code(), status.message()),
        (tonic::Code::NotFound, "nobody, 100% \u{fc}")
    );
    // Any of the messages of a stream.
    assert_eq!(
        greeter
            .gather(&["a", "b"])
            .await
            .expect("a reply")
            .into_inner()
            .count,
        2
    );
    // What the test sees of them.
    let seen = greets.requests();
    let call = seen[0].grpc().expect("a call");
    assert_eq!(
        (call.service(), call.method()),
        ("demo.Greeter", "SayHello")
    );
    assert_eq!(call.message(), json!({ "name": "john" }));
    assert_eq!(
        call.prost::<HelloRequest>().expect("messages"),
        [hello("john")]
    );
    assert_eq!(k.requests()[2].grpc().expect("a call").json().len(), 2);
    // OK without a message is a client's failure, in its own words.
    let status = greeter
        .unary("/other.Service/X", Request::new(hello("")))
        .await
        .expect_err("no message");
    assert_eq!(status.code(), tonic::Code::Internal);
}

#[kmock::test(raw, start_paused)]
async fn streams_are_scripts_and_end_in_a_status(k: KMock) {
    k.descriptors(descriptors()).expect("descriptors");
    kmock! { k,
        grpc "demo.Greeter/Watch" message { "name": "all" } => grpc [ { "count": 1 }, sleep(10s), { "count": 2 } ];
        grpc "demo.Greeter/Watch" message { "name": "cut" } => grpc [ { "count": 1 } ], grpc UNAVAILABLE "later";
        grpc "demo.Greeter/Watch" message { "name": "broken" } => grpc [ { "count": 1 }, reset ];
    }
    let mut greeter = Greeter::of(&k);
    let before = tokio::time::Instant::now();
    let mut all = greeter
        .watch(Request::new(hello("all")))
        .await
        .expect("a stream")
        .into_inner();
    for count in [1, 2] {
        assert_eq!(
            all.message()
                .await
                .expect("a message")
                .expect("not the end")
                .count,
            count
        );
    }
    assert!(all.message().await.expect("the end").is_none());
    assert!(before.elapsed() >= Duration::from_secs(10));
    let mut cut = greeter
        .watch(Request::new(hello("cut")))
        .await
        .expect("a stream")
        .into_inner();
    assert_eq!(
        cut.message()
            .await
            .expect("a message")
            .expect("not the end")
            .count,
        1
    );
    let status = cut.message().await.expect_err("a status");
    assert_eq!(
        (status.code(), status.message()),
        (tonic::Code::Unavailable, "later")
    );
    let mut broken = greeter
        .watch(Request::new(hello("broken")))
        .await
        .expect("a stream")
        .into_inner();
    assert!(broken.message().await.expect("a message").is_some());
    assert!(broken.message().await.is_err());
}

#[kmock::test(raw)]
async fn metadata_goes_both_ways(k: KMock) {
    k.descriptors(descriptors()).expect("descriptors");
    kmock! { k,
        let asked = grpc "demo.Greeter/SayHello" header { "x-user": "john" } => grpc { "count": 1 },
            header { "x-initial": "a" }, trailer { "x-trailing": "b" };
        grpc "demo.Greeter/SayHello" => grpc (Grpc::new().json(json!({})).metadata("x-initial", 1)
            .metadata_bin("x-initial-bin", [0, 255]).trailing("x-trailing", 2).trailing_bin("x-trailing-bin", [1]));
    }
    let mut greeter = Greeter::of(&k);
    let mut request = Request::new(hello(""));
    request
        .metadata_mut()
        .insert("x-user", MetadataValue::from_static("john"));
    request
        .metadata_mut()
        .insert_bin("x-trace-bin", MetadataValue::from_bytes(&[0, 1, 254]));
    let reply = greeter.unary(HELLO, request).await.expect("a reply");
    assert_eq!(reply.metadata().get("x-initial").expect("there"), "a");
    assert_eq!(reply.metadata().get("x-trailing").expect("there"), "b");
    let seen = asked.requests();
    let call = seen[0].grpc().expect("a call");
    assert_eq!(
        call.metadata_bin("x-trace-bin").expect("bytes").as_ref(),
        [0, 1, 254]
    );
    let reply = greeter
        .unary(HELLO, Request::new(hello("")))
        .await
        .expect("a reply");
    let bytes = |name: &str| {
        reply
            .metadata()
            .get_bin(name)
            .expect("there")
            .to_bytes()
            .expect("bytes")
    };
    assert_eq!(bytes("x-initial-bin").as_ref(), [0, 255]);
    assert_eq!(bytes("x-trailing-bin").as_ref(), [1]);
}

#[kmock::test(raw)]
async fn statuses_have_details(k: KMock) {
    k.descriptors(descriptors()).expect("descriptors");
    let detail = Detail {
        field: "name".to_owned(),
    };
    let invalid = Code::InvalidArgument
        .because("no name")
        .prost_detail(&detail);
    kmock! { k,
        grpc "*/SayHello" message { "name": "a" } => grpc (invalid.clone());
        grpc "*/SayHello" message { "name": "b" } => grpc (Code::Aborted.because("x").detail("demo.Detail", json!({ "field": "name" })));
        grpc "*/SayHello" => grpc (Code::Aborted.because("x").detail("demo.Nothing", json!({})));
    }
    let mut greeter = Greeter::of(&k);
    let mut seen = Vec::new();
    for name in ["a", "b"] {
        let status = greeter
            .unary(HELLO, Request::new(hello(name)))
            .await
            .expect_err("a status");
        let details = status.details().to_vec();
        // An Any of the type, and of the message's bytes.
        let any = [
            &b"\x0a\x1ftype.googleapis.com/demo.Detail"[..],
            b"\x12\x06\x0a\x04name",
        ]
        .concat();
        let text = String::from_utf8_lossy(&details).into_owned();
        assert!(
            details.ends_with(&any[2..]) || text.contains("demo.Detail") && text.ends_with("name"),
            "{text:?}"
        );
        seen.push(status.code());
    }
    assert_eq!(seen, [tonic::Code::InvalidArgument, tonic::Code::Aborted]);
    let status = greeter
        .unary(HELLO, Request::new(hello("c")))
        .await
        .expect_err("a status");
    assert_eq!(status.code(), tonic::Code::Internal);
    assert!(
        status.message().contains("demo.Nothing"),
        "{}",
        status.message()
    );
    assert_eq!(k.errors().len(), 1);
}

#[kmock::test(raw, start_paused, timeout = 120s)]
async fn a_thousand_calls_take_exactly_their_time(k: KMock) {
    k.descriptors(descriptors()).expect("descriptors");
    kmock! { k, grpc "*/SayHello" => grpc { "count": 1 }, sleep(1s); }
    let mut greeter = Greeter::of(&k);
    let before = tokio::time::Instant::now();
    for n in 1..=1000 {
        let answer = greeter.unary(HELLO, Request::new(hello("john"))).await;
        assert_eq!(answer.expect("an answer").into_inner().count, 1);
        assert_eq!(before.elapsed(), Duration::from_secs(n));
    }
}

#[kmock::test(raw, start_paused)]
async fn a_server_ends_a_call_at_its_deadline(k: KMock) {
    k.descriptors(descriptors()).expect("descriptors");
    kmock! { k,
        grpc "*/SayHello" => grpc { "count": 1 }, sleep(1h);
        grpc "*/Watch" => grpc [ { "count": 1 }, sleep(1h), { "count": 2 } ];
    }
    let raw = async |path: &str| {
        let message = [0, 0, 0, 0, 0];
        let answer = k
            .post(path)
            .header("content-type", "application/grpc")
            .header("grpc-timeout", "1500m");
        answer.body(message.to_vec()).await
    };
    let before = tokio::time::Instant::now();
    let answer = raw(HELLO).await;
    assert_eq!(before.elapsed().as_millis(), 1500);
    assert_eq!(answer.header("grpc-status"), Some("4"));
    let answer = raw("/demo.Greeter/Watch").await;
    assert_eq!(before.elapsed().as_millis(), 3000);
    assert_eq!(answer.body().len(), 5 + 2);
    // A client that keeps its deadline itself sees the same.
    let mut greeter = Greeter::of(&k);
    let mut request = Request::new(hello(""));
    request.set_timeout(Duration::from_secs(2));
    let status = greeter.unary(HELLO, request).await.expect_err("a status");
    assert!(
        [tonic::Code::DeadlineExceeded, tonic::Code::Cancelled].contains(&status.code()),
        "{status}"
    );
    let seen = k.requests()[2].clone();
    assert_eq!(
        seen.grpc().expect("a call").timeout(),
        Some(Duration::from_secs(2))
    );
}

#[kmock::test(raw)]
async fn what_cannot_be_written_or_found_is_told_in_a_status(k: KMock) {
    kmock! { k,
        grpc "demo.Greeter/Watch" => grpc { "count": 1 };
        grpc "demo.Greeter/Raw" => grpc b"\x10\x05";
        grpc "demo.Greeter/Prost" => grpc (Grpc::new().prost(&HelloReply { text: String::new(), count: 6 }));
        grpc "demo.Greeter/Empty" => grpc (Grpc::new().prost(&HelloReply::default()));
        grpc "demo.Greeter/Fails" => |_| Err::<Grpc, _>("no luck");
        grpc "demo.Greeter/Code" => |_| Code::DataLoss;
    }
    let mut greeter = Greeter::of(&k);
    let mut call = async |path| greeter.unary(path, Request::new(hello("x"))).await;
    let status = call("/demo.Greeter/Watch").await.expect_err("a status");
    assert_eq!(status.code(), tonic::Code::Internal);
    assert!(
        status.message().contains("k.descriptors"),
        "{}",
        status.message()
    );
    assert_eq!(
        call("/demo.Greeter/Raw")
            .await
            .expect("a reply")
            .into_inner()
            .count,
        5
    );
    assert_eq!(
        call("/demo.Greeter/Prost")
            .await
            .expect("a reply")
            .into_inner()
            .count,
        6
    );
    assert_eq!(
        call("/demo.Greeter/Empty")
            .await
            .expect("a reply")
            .into_inner()
            .count,
        0
    );
    let status = call("/demo.Greeter/Fails").await.expect_err("a status");
    assert_eq!(status.code(), tonic::Code::Internal);
    assert!(status.message().contains("no luck"), "{}", status.message());
    let status = call("/demo.Greeter/Code").await.expect_err("a status");
    assert_eq!(status.code(), tonic::Code::DataLoss);
    assert_eq!(k.errors().len(), 2);
    // Nobody answers: the client's log says why.
    let status = call(HELLO).await.expect_err("a status");
    assert_eq!(status.code(), tonic::Code::Unimplemented);
    assert!(
        status
            .message()
            .contains("no rule for POST /demo.Greeter/SayHello"),
        "{}",
        status.message()
    );
    assert!(k.descriptors([1, 2]).expect_err("none").is_invalid());
    // A message that is compressed by nobody knows what is refused by name.
    let answer = k.post(HELLO).header("content-type", "application/grpc");
    kmock! { k, grpc "*" => grpc OK; }
    let answer = answer.body(vec![1, 0, 0, 0, 0]).await;
    assert_eq!(answer.status(), 200);
}

/// As docs/grpc.md shows it.
#[kmock::test(raw)]
async fn greets(k: KMock) {
    k.descriptors(descriptors()).unwrap(); // include_bytes!("demo.bin")
    kmock! { k,
        grpc "demo.Greeter/SayHello" message { "name": "jo*" } => grpc { "text": "hi john", "count": 1 };
        grpc "demo.Greeter/SayHello" => grpc NOT_FOUND "nobody of that name";
        grpc "demo.Greeter/Watch" => grpc [ { "count": 1 }, sleep(1s), { "count": 2 } ], grpc UNAVAILABLE "come back later";
    }
    let mut greeter = Greeter::of(&k);
    let reply = greeter
        .unary("/demo.Greeter/SayHello", Request::new(hello("john")))
        .await
        .unwrap();
    assert_eq!(reply.into_inner().text, "hi john");
    let seen = k.requests();
    assert_eq!(seen[0].grpc().unwrap().message(), json!({ "name": "john" }));
}

/// As docs/grpc.md shows it.
#[kmock::test(raw)]
async fn talks(k: KMock) {
    k.descriptors(descriptors()).unwrap();
    kmock! { k,
        grpc "demo.Greeter/Chat" => grpc [ { "text": "welcome" } ], grpc |message| match message["name"].as_str() {
            Some("bye") => Grpc::from(Code::Aborted.because("so soon?")),
            name => Grpc::new().json(json!({ "text": name })),
        };
    }
    let (say, mut heard) = Greeter::of(&k).chat().await.unwrap();
    assert_eq!(heard.message().await.unwrap().unwrap().text, "welcome");
    say.send(hello("john")).unwrap();
    assert_eq!(heard.message().await.unwrap().unwrap().text, "john");
    say.send(hello("bye")).unwrap();
    assert_eq!(heard.message().await.unwrap_err().message(), "so soon?");
}

//! Clients of other languages.

use kmock::prelude::*;

use crate::greeter::descriptors;

fn is_there() -> bool {
    let there = std::process::Command::new("python3")
        .args(["-c", "import grpc"])
        .output();
    let there = there.is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("skipped: there is no grpcio for python3 here");
    }
    there
}

/// What a program said that went well.
fn run(program: &str, k: &KMock) -> String {
    let output = std::process::Command::new("python3")
        .args(["-c", program])
        .env("ADDRESS", k.address().to_string())
        .env("no_proxy", "*")
        .env("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "")
        .output()
        .expect("it runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Python's grpcio: unary, a stream, a status with words, metadata, a deadline. It is skipped where it is not installed.
#[kmock::test(raw)]
fn grpcio_is_served(k: KMock) {
    const PROGRAM: &str = r#"
import os, grpc
with grpc.insecure_channel(os.environ["ADDRESS"]) as channel:
    same = lambda message: message
    hello = channel.unary_unary("/demo.Greeter/SayHello", same, same)
    reply, call = hello.with_call(b"\x0a\x04john", metadata=[("x-user", "j"), ("x-trace-bin", b"\x00\xff")])
    assert reply == b"\x0a\x02hi", reply
    assert ("x-initial", "a") in call.initial_metadata(), call.initial_metadata()
    assert ("x-trailing", "b") in call.trailing_metadata(), call.trailing_metadata()
    try:
        hello(b"\x0a\x04mary")
        raise SystemExit("no status")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND, error
        assert error.details() == "nobody", error
    watch = channel.unary_stream("/demo.Greeter/Watch", same, same)
    assert list(watch(b"")) == [b"\x10\x01", b"\x10\x02"]
    gather = channel.stream_unary("/demo.Greeter/Gather", same, same)
    assert gather(iter([b"\x0a\x01a", b"\x0a\x01b"])) == b"\x10\x02"
    try:
        channel.unary_unary("/demo.Greeter/Unknown", same, same)(b"")
        raise SystemExit("no status")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED, error
        assert "no rule for" in error.details(), error
"#;
    if !is_there() {
        return;
    }
    k.descriptors(descriptors()).expect("descriptors");
    kmock! { k,
        grpc "demo.Greeter/SayHello" message { "name": "john" } header { "x-user": "j", "x-trace-bin": "AP8*" }
            => grpc { "text": "hi" }, header { "x-initial": "a" }, trailer { "x-trailing": "b" };
        grpc "demo.Greeter/SayHello" => grpc NOT_FOUND "nobody";
        grpc "demo.Greeter/Watch" => grpc [ { "count": 1 }, { "count": 2 } ];
        grpc "demo.Greeter/Gather" message { "name": "b" } => grpc { "count": 2 };
    }
    run(PROGRAM, &k);
}

/// Python's grpcio once more: a conversation, compressed messages, and its client of server reflection, each where it is installed.
#[kmock::test(raw)]
fn grpcio_talks_compresses_and_asks_what_there_is(k: KMock) {
    const PROGRAM: &str = r#"
import os, queue, grpc
with grpc.insecure_channel(os.environ["ADDRESS"], compression=grpc.Compression.Gzip) as channel:
    same = lambda message: message
    said = queue.Queue()
    heard = channel.stream_stream("/demo.Greeter/Chat", same, same)(iter(said.get, None))
    for name in [b"john", b"jane" * 500]:
        message = b"\x0a" + (bytes([len(name)]) if len(name) < 128 else bytes([len(name) & 127 | 128, len(name) >> 7])) + name
        said.put(message)
        assert next(heard) == message, name
    said.put(None)
    assert list(heard) == []
    try:
        from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
    except ImportError:
        print("no reflection")
        raise SystemExit
    known = ProtoReflectionDescriptorDatabase(channel)
    assert list(known.get_services()) == ["demo.Greeter"], known.get_services()
    assert known.FindFileContainingSymbol("demo.Greeter").name == "demo.proto"
    assert known.FindFileByName("demo.proto").message_type[0].name == "HelloRequest"
    try:
        known.FindFileByName("none.proto")
        raise SystemExit("it is there")
    except KeyError:
        pass
"#;
    if !is_there() {
        return;
    }
    k.descriptors(descriptors()).expect("descriptors");
    k.reflection();
    kmock! { k, grpc "demo.Greeter/Chat" => grpc |message| json!({ "text": message["name"] }); }
    let said = run(PROGRAM, &k);
    if said.contains("no reflection") {
        eprintln!("skipped in part: there is no grpcio-reflection for python3 here");
    }
}

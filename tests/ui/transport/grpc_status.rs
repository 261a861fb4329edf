//! A status that gRPC does not have, and what is no answer to a call.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        grpc "demo.Greeter/SayHello" => grpc NOTFOUND;
        grpc "demo.Greeter/SayHello" => grpc "hello";
        grpc "demo.Greeter/SayHello" => grpc NOT_FOUND 5;
    }
}

fn main() {}

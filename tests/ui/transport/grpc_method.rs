//! A method without its service, or a service without a method.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        grpc "SayHello" => grpc OK;
        grpc "demo/Greeter/SayHello" => grpc OK;
        grpc => grpc OK;
    }
}

fn main() {}

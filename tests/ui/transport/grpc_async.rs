//! A conversation in which an async closure is to answer: each message is answered at once.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        grpc "demo.Greeter/Talk" => grpc async |message| message;
    }
}

fn main() {}

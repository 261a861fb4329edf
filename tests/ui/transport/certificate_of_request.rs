//! What is for connections, in rules for requests.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => certificate expired;
        GET "/b" => limit 2;
        GET "/c" => tls "1.2";
        GET "/d" => close in handshake 20;
    }
}

fn main() {}

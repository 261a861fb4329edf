//! A name without its kind.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" client_cert "alice" => 200;
        GET "/b" client_cert "CN: alice" => 200;
        GET "/c" client_cert => 200;
    }
}

fn main() {}

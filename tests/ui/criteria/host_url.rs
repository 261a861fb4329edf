//! A URL for a host.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" host "http://localhost:8080/x" => 200;
    }
}

fn main() {}

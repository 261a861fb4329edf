//! A URL for a host.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" host "http://localhost:8080/x" => 200;
        GET "/b" host "a.example" | "b.example:80" => 200;
        GET "/c" host "bücher.example" => 200;
    }
}

fn main() {}

//! Trailers are a set.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => b"x", trailer "x-sum: 1";
        GET "/b" => b"x", trailer { "x-sum": ! };
        GET "/c" trailer "x-sum" => 200;
    }
}

fn main() {}

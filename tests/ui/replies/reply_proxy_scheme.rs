//! A URL without a scheme.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => proxy "localhost:80";
    }
}

fn main() {}

//! A duration as a reply.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => 1s;
    }
}

fn main() {}

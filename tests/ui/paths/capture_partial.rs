//! A capture in a part of a segment.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/user-{id}" => 200;
    }
}

fn main() {}

//! A feed with two dots.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" .. => [b"x"];
    }
}

fn main() {}

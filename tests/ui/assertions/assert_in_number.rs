//! A number after `in`.

use kmock::prelude::*;

fn rules(k: &KMock) {
    assert_requests!(k, "get" in 1);
}

fn main() {}

//! A filter without a number.

use kmock::prelude::*;

fn rules(k: &KMock) {
    assert_requests!(k, "get /", POST);
}

fn main() {}

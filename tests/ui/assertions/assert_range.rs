//! A range after `==`.

use kmock::prelude::*;

fn rules(k: &KMock) {
    assert_requests!(k, "get" == 1..3);
}

fn main() {}

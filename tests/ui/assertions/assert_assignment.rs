//! `=` in place of `==`.

use kmock::prelude::*;

fn rules(k: &KMock) {
    assert_requests!(k, "get" = 1);
}

fn main() {}

//! A semicolon between checks.

use kmock::prelude::*;

fn rules(k: &KMock) {
    assert_requests!(k, "get" == 1; "post" == 1);
}

fn main() {}

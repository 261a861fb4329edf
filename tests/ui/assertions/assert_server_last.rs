//! The server behind a check.

use kmock::prelude::*;

fn rules(k: &KMock) {
    let rest = kmock!(k, GET "/" => 200);
    assert_requests!(rest == 1, k, total == 2);
}

fn main() {}

//! Nothing to check.

use kmock::prelude::*;

fn rules(k: &KMock) {
    assert_requests!(k);
}

fn main() {}

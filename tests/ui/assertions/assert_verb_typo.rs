//! A slip in a verb.

use kmock::prelude::*;

fn rules(k: &KMock) {
    assert_requests!(k, lsit "v1/pods" == 1);
}

fn main() {}

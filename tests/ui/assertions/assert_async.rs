//! An async condition, which cannot be asked afterwards.

use kmock::prelude::*;

fn asserts(k: &KMock) {
    assert_requests!(k, ANY (where async |_req| true) == 0);
}

fn main() {}

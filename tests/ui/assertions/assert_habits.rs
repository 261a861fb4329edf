//! Assertions as other macros have them.

use kmock::prelude::*;

fn rules(k: &KMock) {
    assert_requests!(k, "get", 1);
    assert_requests!(k, 1 == "get");
    assert_requests!(k, "get" == 1 && "post" == 2);
    assert_requests!(k, total == 1, "one request must come");
    assert_requests!(k; total == 1);
    assert_requests!(k, total === 1);
    assert_requests!(k, "get" at_least 1);
}

fn main() {}

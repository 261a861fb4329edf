//! Handles as other languages bind them. They exist all the same: nothing is said about their use.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        a = GET "/a" => 200;
        const b = GET "/b" => 200;
        let (c, d) = GET "/c" => 200;
        fallback let e = GET "/e" => 200;
        let f = override { GET "/f" => 200; }
    }
    assert_requests!(a == 1, b == 1, e == 1);
}

fn main() {}

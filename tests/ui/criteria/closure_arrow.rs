//! Arrows and parentheses of other languages' closures.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => |req| => 200;
        GET "/b" => |req| -> 200;
        GET "/c" => (req) => 200;
    }
}

fn main() {}

//! Two bodies.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => b"x", { "a": 1 };
    }
}

fn main() {}

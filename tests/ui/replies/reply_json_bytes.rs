//! Bytes in JSON.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => { "a": b"x" };
    }
}

fn main() {}

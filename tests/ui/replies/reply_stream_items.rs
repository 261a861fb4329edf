//! Items of a stream in JSON.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => [b"x", sleep(1s)];
    }
}

fn main() {}

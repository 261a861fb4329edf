//! No value after the colon.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/a" => { "a": };
    }
}

fn main() {}

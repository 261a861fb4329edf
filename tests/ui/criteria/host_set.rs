//! A set in place of one value.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/" host { "a": "b" } => 200;
    }
}

fn main() {}

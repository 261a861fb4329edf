//! A key twice.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        POST "/" json { "a": 1, "a": 2 } => 200;
    }
}

fn main() {}

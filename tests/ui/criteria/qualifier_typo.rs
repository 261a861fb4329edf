//! A slip in a qualifier.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/" headers { "X": "1" } => 200;
    }
}

fn main() {}

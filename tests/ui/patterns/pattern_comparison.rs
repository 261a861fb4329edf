//! Comparisons as patterns.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        POST "/a" json { "a": != 1 } => 200;
        POST "/b" query { "a": == 1 } => 200;
    }
}

fn main() {}

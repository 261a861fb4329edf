//! Comparisons, closures and calls are no patterns.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        POST "/a" json { "a": > 5 } => 200;
        POST "/b" json { "a": |a| a > 5 } => 200;
        POST "/c" json { "a": regex("x") } => 200;
    }
}

fn main() {}

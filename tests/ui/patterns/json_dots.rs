//! Dots for the rest of an object.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        POST "/a" json { "a": 1, .. } => 200;
    }
}

fn main() {}

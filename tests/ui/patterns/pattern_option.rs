//! `None` as a pattern.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        POST "/" json { "a": None } => 200;
    }
}

fn main() {}

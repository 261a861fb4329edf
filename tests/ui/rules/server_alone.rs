//! A server without rules.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k }
}

fn main() {}

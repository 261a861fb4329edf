//! A header without a pattern.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/" header { "X-A" } => 200;
    }
}

fn main() {}

//! A negated pattern.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/" query { "q": !"x" } => 200;
    }
}

fn main() {}

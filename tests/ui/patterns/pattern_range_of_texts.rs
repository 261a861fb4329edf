//! A range of texts.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/" query { "q": "a".."f" } => 200;
    }
}

fn main() {}

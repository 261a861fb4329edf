//! An empty range.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/" query { "q": 9..1 } => 200;
    }
}

fn main() {}

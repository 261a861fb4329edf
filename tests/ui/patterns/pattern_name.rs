//! A variable without parentheses.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/" query { "q": wanted } => 200;
    }
}

fn main() {}

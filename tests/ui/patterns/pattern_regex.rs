//! A regular expression in a pattern that is none.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/" query { "q": ~"a(b" } => 200;
    }
}

fn main() {}

//! Negations that say nothing, or too much.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/" query { "q": !_ } => 200;
        POST "/" json { "a": any_order { "b" } } => 200;
        POST "/" json { "a": any_order "b" } => 200;
    }
}

fn main() {}

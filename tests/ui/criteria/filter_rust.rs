//! An expression of Rust without parentheses.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        format!("/x/{}", 1) => 200;
    }
}

fn main() {}

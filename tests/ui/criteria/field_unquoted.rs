//! The name of a header without quotes.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET "/" header { X-A: "1" } => 200;
    }
}

fn main() {}

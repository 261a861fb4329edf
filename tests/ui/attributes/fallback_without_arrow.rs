//! A fallback without an arrow.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        fallback 404;
        override: 404;
    }
}

fn main() {}

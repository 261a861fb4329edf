//! A path without quotes.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        GET /hello/world => 200;
    }
}

fn main() {}

//! What is no source of items.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => [ from(5) ];
    }
}

fn main() {}

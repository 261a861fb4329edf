//! A slip in a word of streams.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => [ slep(1s) ];
    }
}

fn main() {}

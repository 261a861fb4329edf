//! A header in a stream.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => [ header { "X": "1" } ];
    }
}

fn main() {}

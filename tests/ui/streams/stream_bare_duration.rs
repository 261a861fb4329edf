//! A duration alone.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => [ b"x", 1s ];
    }
}

fn main() {}

//! Two dots.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => [ b"x", .. ];
    }
}

fn main() {}

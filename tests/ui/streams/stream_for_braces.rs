//! A loop without braces.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => [ for x in 0..3 ];
    }
}

fn main() {}

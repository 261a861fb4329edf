//! A loop without `in`.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => [ for x { b"x" } ];
    }
}

fn main() {}

//! An event of nothing.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => [ sse {} ];
    }
}

fn main() {}

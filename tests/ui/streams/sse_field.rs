//! A field that events do not have.

use kmock::prelude::*;

fn rules(k: &KMock) {
    kmock! { k,
        stream "/a" => [ sse { evnt: "x" } ];
    }
}

fn main() {}
